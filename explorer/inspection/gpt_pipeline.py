"""A prompt on its way through a Transformer: the numbers after every step, and any of them as the sum it is.

    embedding          the token's row, plus the place's row where the model adds one
    block i, attention / feed-forward    what was there before, plus what the sublayer wrote (the residual stream)
    final norm         each token's vector, scaled
    logits             each vector compared with every token's row of the unembedding

Shapes: S steps, T tokens, C channels, V vocabulary.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from explorer.core.layers import LayerNorm
from explorer.inspection.arithmetic import CellArithmetic, dot_product, number
from explorer.inspection.capture import Captured, capture
from explorer.inspection.head_writing import shown_tokens
from explorer.inspection.residual_stream import check_transformer, has_stream, norm_place, run
from explorer.models.language_model import LanguageModel

SUBLAYERS = {"attention": "attention", "feed_forward": "feed-forward"}
MOST_LOGITS = 96  # columns of the logits that are shown of a larger vocabulary: the likeliest after the last token


@dataclass(frozen=True, eq=False)
class Step:
    """One step. values: (T, C), or (T, V) for the logits. parts: what was added up, by name, each like `values`; for a
    norm and for the logits the one thing that is read, (T, C). norm: the module that scaled `parts` (or their sum).
    table, offset: (V, C) and (V,) rows and offsets of the unembedding, for the columns that `tokens` names."""

    name: str
    values: np.ndarray
    parts: tuple[tuple[str, np.ndarray], ...]
    norm: nn.Module | None = None
    table: np.ndarray | None = None
    offset: np.ndarray | None = None
    tokens: tuple[int, ...] = ()


@dataclass(frozen=True, eq=False)
class PipelineReading:
    """Every step of one forward pass. final: (T, C), the stream that the final norm reads. vocab_size: V, of which the
    last step may show some columns only."""

    steps: tuple[Step, ...]
    final: np.ndarray
    vocab_size: int


@dataclass
class _Stream:
    """The steps so far, and the stream after the last of them, (T, C)."""

    values: np.ndarray
    steps: list[Step] = field(default_factory=list)

    def add(self, name: str, values: np.ndarray, parts: tuple[tuple[str, np.ndarray], ...], norm: Any = None) -> None:
        self.steps.append(Step(name, values, parts, norm))
        self.values = values


@torch.no_grad()
def read_pipeline(model: LanguageModel, ids: Sequence[int]) -> PipelineReading:
    """Run the model once on 1 to context-length tokens. Raises ValueError for a model that is no Transformer."""
    check_transformer(model)
    with capture(model, _names(model)) as seen:
        ended = run(model, ids)
    stream = _embedded(seen)
    for i in range(model.config.n_layers):
        _through_block(model, i, seen, stream)
    norm = model.get_submodule("final_norm")
    if not isinstance(norm, nn.Identity):
        stream.add("final norm", norm(ended.final)[0].numpy(), (("stream", stream.values),), norm)
    return PipelineReading(
        (*stream.steps, _logits(model, ended.logits, stream.values)), ended.final[0].numpy(), len(ended.logits)
    )


def _names(model: LanguageModel) -> list[str]:
    """The submodules whose outputs make up the stream."""
    names = ["token_embedding"] + ["position_embedding"] * (getattr(model, "position_embedding", None) is not None)
    blocks: Any = getattr(model, "blocks", ())
    for i, block in enumerate(blocks):
        there = [name for name in SUBLAYERS if getattr(block, name, None) is not None]
        names += [f"blocks.{i}", *(f"blocks.{i}.{name}" for name in there)]
        names += [f"blocks.{i}.{name}_norm" for name in there if norm_place(model) == "post"]
    return names


def _rows(output: Tensor) -> np.ndarray:
    """(T, C) of an output (1, T, C), or of the table's rows, which have no batch."""
    return np.asarray(output.reshape(-1, output.shape[-1]).numpy())


def _embedded(seen: Captured) -> _Stream:
    parts = [("token's row", _rows(seen["token_embedding"]))]
    if "position_embedding" in seen:
        parts.append(("place's row", _rows(seen["position_embedding"])))
    start = np.sum([values for _, values in parts], axis=0)
    stream = _Stream(start)
    stream.add("embedding", start, tuple(parts))
    return stream


def _through_block(model: LanguageModel, i: int, seen: Captured, stream: _Stream) -> None:
    residual = has_stream(model)
    for name, said in SUBLAYERS.items():
        if f"blocks.{i}.{name}" not in seen:
            continue
        wrote = (f"{said} wrote", _rows(seen[f"blocks.{i}.{name}"]))
        parts = (("before", stream.values), wrote) if residual else (wrote,)
        norm = model.get_submodule(f"blocks.{i}.{name}_norm") if norm_place(model) == "post" else None
        if norm is None:
            after = parts[0][1] + wrote[1] if residual else wrote[1]
        else:
            after = _rows(seen[f"blocks.{i}.{name}_norm"])
        stream.add(f"block {i}, {said}", after, parts, norm)
    step = stream.steps[-1]
    whole = _rows(seen[f"blocks.{i}"])  # the model's own, where it shows it
    stream.steps[-1] = dataclasses.replace(step, values=whole)
    stream.values = whole


def _logits(model: LanguageModel, last: Tensor, normed: np.ndarray) -> Step:
    unembedding: Any = model.get_submodule("unembedding")
    tokens = list(shown_tokens(last.numpy(), MOST_LOGITS))
    table = unembedding.weight.detach()[tokens]
    bias = None if unembedding.bias is None else unembedding.bias.detach()[tokens]
    values = torch.from_numpy(normed) @ table.T
    values = values if bias is None else values + bias
    offset = None if bias is None else bias.numpy()
    return Step("logits", values.numpy(), (("last vector", normed),), None, table.numpy(), offset, tuple(tokens))


def open_value(step: Step, row: int, column: int, labels: Sequence[str], tokens: Sequence[str]) -> CellArithmetic:
    """The arithmetic of one number of a step; `labels` names the T tokens of the prompt, `tokens` the vocabulary.

    Raises ValueError for a cell that the step does not have.
    """
    T, width = step.values.shape
    if not (0 <= row < T and 0 <= column < width):
        raise ValueError(f"The step {step.name} is {T}×{width}; there is no cell {row}, {column}.")
    where = f"token {row} “{labels[row]}”"
    if step.table is not None:
        return _open_logit(step, step.table, row, column, f"Logit of “{tokens[step.tokens[column]]}” after {where}")
    heading = f"{step.name[0].upper()}{step.name[1:]}: {where}, channel {column}"
    if step.norm is None:
        return _open_sum(step, row, column, heading)
    return _open_norm(step, row, column, heading)


def _open_sum(step: Step, row: int, column: int, heading: str) -> CellArithmetic:
    """What was there before and what was added."""
    values = [float(part[row, column]) for _, part in step.parts]
    running = np.cumsum(values).tolist()
    rows = tuple((name, v, r) for (name, _), v, r in zip(step.parts, values, running, strict=True))
    terms = " ".join(f"{'-' if v < 0 else '+'} {number(abs(v))}" for v in values).removeprefix("+ ")
    formula = rf"x = {terms}" + (rf" = {number(running[-1])}" if len(values) > 1 else "")
    columns = ("part", "value", "running sum")
    return CellArithmetic(heading, formula, columns, rows, float(step.values[row, column]), running[-1])


def _open_norm(step: Step, row: int, column: int, heading: str) -> CellArithmetic:
    """Less the mean (LayerNorm), over the spread, times the learned scale, plus the learned offset (LayerNorm)."""
    norm: Any = step.norm
    x = np.sum([part[row].astype(float) for _, part in step.parts], axis=0)
    value, is_layer_norm = float(x[column]), isinstance(norm, LayerNorm)
    mean = float(x.mean()) if is_layer_norm else 0.0
    spread = math.sqrt(float(((x - mean) ** 2).mean()) + norm.epsilon)
    scale = float(norm.weight.detach()[column])
    offset = float(norm.bias.detach()[column]) if is_layer_norm else 0.0
    again = (value - mean) / spread * scale + offset
    rows: list[tuple[str | float, ...]] = [(f"channel {column} before", value)]
    rows += [("mean of all channels", mean)] if is_layer_norm else []
    rows += [(f"√(mean {'squared distance from it' if is_layer_norm else 'square'} + ε)", spread)]
    rows += [("learned scale", scale)] + ([("learned offset", offset)] if is_layer_norm else [])
    top = rf"{number(value)} - ({number(mean)})" if is_layer_norm else number(value)
    tail = rf" + ({number(offset)})" if is_layer_norm else ""
    formula = rf"\frac{{{top}}}{{{number(spread)}}} \cdot {number(scale)}{tail} = {number(again)}"
    return CellArithmetic(heading, formula, ("part", "value"), tuple(rows), float(step.values[row, column]), again)


def _open_logit(step: Step, table: np.ndarray, row: int, column: int, heading: str) -> CellArithmetic:
    """The token's row of the unembedding · the vector, plus the token's offset where there is one."""
    left, right = step.parts[0][1][row], table[column]
    if step.offset is not None:
        left, right = np.append(left, 1.0), np.append(right, step.offset[column])
    cell = dot_product(
        left,
        right,
        shown=float(step.values[row, column]),
        heading=heading,
        names=("last vector", "unembedding"),
        symbol=r"x \cdot u",
    )
    if step.offset is None:
        return cell
    return dataclasses.replace(cell, rows=(*cell.rows[:-1], ("offset", *cell.rows[-1][1:])))


def thumbnail(values: np.ndarray, rows: int = 24, columns: int = 48) -> np.ndarray:
    """A small picture of a matrix: each cell the number farthest from 0 of the block it stands for.

    >>> thumbnail(np.array([[1.0, -3.0], [2.0, 0.0]]), rows=1, columns=2).tolist()
    [[2.0, -3.0]]
    """
    high, wide = (-(-n // most) for n, most in zip(values.shape, (rows, columns), strict=True))
    padded = np.pad(values, [(0, -values.shape[0] % high), (0, -values.shape[1] % wide)])
    blocks = padded.reshape(padded.shape[0] // high, high, padded.shape[1] // wide, wide)
    largest, smallest = blocks.max(axis=(1, 3)), blocks.min(axis=(1, 3))
    return np.asarray(np.where(largest >= -smallest, largest, smallest))
