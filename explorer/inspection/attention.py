"""What every head of a Transformer looked at, and the stages one head went through to decide it.

Shapes: L layers, H heads, T tokens, d head size, V vocabulary.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from explorer.core.attention import attention_pattern, causal_mask, scaled_scores, softmax
from explorer.inspection.arithmetic import CellArithmetic, division, dot_product, number, softmax_cell
from explorer.inspection.capture import Captured, capture
from explorer.models.language_model import LanguageModel

StageName = Literal["dot", "scaled", "masked", "pattern", "mixed"]
STAGES: tuple[StageName, ...] = ("dot", "scaled", "masked", "pattern", "mixed")


@dataclass(frozen=True)
class HeadVectors:
    """What every head compares and fetches. queries, keys, values: (L, H, T, d), as the scores are made of them."""

    queries: np.ndarray
    keys: np.ndarray
    values: np.ndarray


@dataclass(frozen=True)
class AttentionTrace(HeadVectors):
    """One forward pass over a prompt, as read from the model, with every map whole.

    patterns: (L, H, T, T), row t of a map says where position t looks; rows sum to 1, nothing right of the diagonal.
    logits: (T, V), row t scores the token after position t. For long prompts see `gpt_heads.read_heads`.
    """

    patterns: np.ndarray
    logits: np.ndarray

    @property
    def next_probabilities(self) -> np.ndarray:
        """Probabilities (V,) of the token after the whole prompt, at temperature 1."""
        return softmax(torch.from_numpy(self.logits[-1]).double()).numpy()


@dataclass(frozen=True)
class HeadStages:
    """One head, stage by stage, recomputed from its queries, keys and values.

    queries, keys, values: (T, d). dot = Q Kᵀ; scaled = dot / √d; masked = scaled with NaN where looking ahead
    is forbidden; pattern = softmax of each row; each (T, T). mixed = pattern V, (T, d).
    """

    queries: np.ndarray
    keys: np.ndarray
    values: np.ndarray
    dot: np.ndarray
    scaled: np.ndarray
    masked: np.ndarray
    pattern: np.ndarray
    mixed: np.ndarray


@torch.no_grad()
def trace_attention(model: LanguageModel, ids: Sequence[int]) -> AttentionTrace:
    """Run the model once on a prompt of 1 to context-length tokens and read every head."""
    names = [f"blocks.*.attention.{part}" for part in ("queries", "keys", "values", "pattern")]
    with capture(model, names) as seen:
        logits = model(torch.tensor([list(ids)]))[0]
    queries, keys, values, patterns = (_stack(seen, part) for part in ("queries", "keys", "values", "pattern"))
    return AttentionTrace(queries, keys, values, patterns, logits.numpy())


def _stack(seen: Captured, part: str) -> np.ndarray:
    """The named part of every layer on top of each other: (L, H, …)."""
    layers = [tensor[0] for name, tensor in seen.items() if name.endswith(f".{part}")]
    return torch.stack(layers).numpy()


def head_stages(vectors: HeadVectors, layer: int, head: int) -> HeadStages:
    """The stages of one head of a prompt; `pattern` equals the model's to rounding, which a test holds."""
    q, k, v = (torch.from_numpy(part[layer, head]) for part in (vectors.queries, vectors.keys, vectors.values))
    scaled = scaled_scores(q, k)
    pattern = attention_pattern(scaled)
    masked = scaled.masked_fill(~causal_mask(*scaled.shape), math.nan)
    stages: tuple[Tensor, ...] = (q, k, v, q @ k.T, scaled, masked, pattern, pattern @ v)
    return HeadStages(*(stage.numpy() for stage in stages))


def window_patterns(queries: np.ndarray, keys: np.ndarray, start: int, stop: int) -> np.ndarray:
    """Where the tokens from `start` to before `stop` look among themselves: (..., T, d) twice to (..., W, W).

    A row is a part of the whole row of the map: where a token also looks at what came before `start`, it sums to less
    than 1.
    """
    q, k = torch.from_numpy(queries[..., start:stop, :]), torch.from_numpy(keys[..., :stop, :])
    return attention_pattern(scaled_scores(q, k))[..., start:].numpy()


def open_cell(stages: HeadStages, stage: StageName, row: int, column: int, labels: Sequence[str]) -> CellArithmetic:
    """The arithmetic of one cell of one stage; `labels` names the T tokens.

    Raises ValueError for a cell that the stage does not have.
    """
    matrix: np.ndarray = getattr(stages, stage)
    if not (0 <= row < matrix.shape[0] and 0 <= column < matrix.shape[1]):
        raise ValueError(f"The stage {stage} is {matrix.shape[0]}×{matrix.shape[1]}; there is no cell {row}, {column}.")
    if stage == "mixed":
        return _open_mixed(stages, row, column, labels)
    where = f"query {row} “{labels[row]}”, key {column} “{labels[column]}”"
    shown = float(matrix[row, column])
    if stage == "dot":
        return dot_product(
            stages.queries[row],
            stages.keys[column],
            shown=shown,
            heading=f"Q Kᵀ: {where}",
            names=("query", "key"),
            symbol=rf"q_{{{row}}} \cdot k_{{{column}}}",
        )
    if stage == "scaled":
        return division(
            float(stages.dot[row, column]),
            math.sqrt(stages.queries.shape[1]),
            shown=shown,
            heading=f"÷ √d: {where}",
            names=("q · k", f"√d = √{stages.queries.shape[1]}"),
            symbol="s",
        )
    if stage == "masked":
        return _open_masked(stages, row, column, where)
    scores = np.where(np.isnan(stages.masked[row]), -np.inf, stages.masked[row])
    return softmax_cell(scores, column, labels, shown=shown, heading=f"softmax: {where}")


def _open_masked(stages: HeadStages, row: int, column: int, where: str) -> CellArithmetic:
    """A key after the query is forbidden and becomes −∞; any other keeps its score."""
    score = float(stages.scaled[row, column])
    allowed = column <= row
    value = score if allowed else -math.inf
    rule = rf"{column} \le {row} \Rightarrow" if allowed else rf"{column} > {row} \Rightarrow"
    return CellArithmetic(
        f"mask: {where}",
        rf"\text{{key}}\ {rule} {number(value)}",
        ("part", "value"),
        (("score before the mask", score), ("may the query look at this key?", "yes" if allowed else "no")),
        value if math.isnan(float(stages.masked[row, column])) else float(stages.masked[row, column]),
        value,
    )


def _open_mixed(stages: HeadStages, row: int, column: int, labels: Sequence[str]) -> CellArithmetic:
    """Σ over keys of pattern × value in one channel."""
    return dot_product(
        stages.pattern[row, : row + 1],
        stages.values[: row + 1, column],
        shown=float(stages.mixed[row, column]),
        heading=f"× V: query {row} “{labels[row]}”, channel {column}",
        names=("attention", "value"),
        symbol=rf"\sum_j a_{{{row},j}} v_{{j,{column}}}",
    )


def shrink_maps(patterns: np.ndarray, size: int) -> tuple[np.ndarray, int]:
    """Maps no larger than `size` on a side, each cell the largest of the block it stands for.

    Shapes: (…, T, T) to (…, ⌈T/b⌉, ⌈T/b⌉). Returns the maps and b, the block's side (1: nothing was shrunk).
    """
    T = patterns.shape[-1]
    block = -(-T // size)
    if block == 1:
        return patterns, 1
    padding = -T % block
    padded = np.pad(patterns, [(0, 0)] * (patterns.ndim - 2) + [(0, padding)] * 2)
    n = padded.shape[-1] // block
    return padded.reshape(*patterns.shape[:-2], n, block, n, block).max(axis=(-3, -1)), block
