"""One attention head on one prompt, step by step: Q, K, V, scores, scale, mask, softmax, mix.

Unlike `inspection.attention`, which reads a trained model as it ran, the steps here can be taken in another way: without
the scale, without the mask, with a sparse mask, with fresh weights. Every cell of every step opens to its arithmetic.

Shapes: T tokens, C channels of what the layer reads, H heads, d head size.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import torch

from explorer.core.attention import attention_pattern, causal_mask
from explorer.inspection.arithmetic import CellArithmetic, division, dot_product, number, softmax_cell
from explorer.inspection.attention_layer import AttentionLayer

StepName = Literal["queries", "keys", "values", "dot", "scaled", "masked", "pattern", "mixed"]
STEPS: tuple[StepName, ...] = ("queries", "keys", "values", "dot", "scaled", "masked", "pattern", "mixed")


@dataclass(frozen=True, eq=False)
class HeadSteps:
    """One head's steps.

    queries, keys, values: (T, d). dot = Q Kᵀ; scaled = dot / divisor; masked = scaled, NaN where not allowed; pattern =
    softmax of each row; each (T, T). mixed = pattern V, (T, d). allowed: (T, T), True where a query may look. divisor:
    √d, or 1 with the scale switched off.
    """

    layer: AttentionLayer
    head: int
    queries: np.ndarray
    keys: np.ndarray
    values: np.ndarray
    dot: np.ndarray
    scaled: np.ndarray
    masked: np.ndarray
    pattern: np.ndarray
    mixed: np.ndarray
    allowed: np.ndarray
    divisor: float

    @property
    def head_size(self) -> int:
        return int(self.queries.shape[1])

    @property
    def largest_weight(self) -> float:
        """The largest weight of a row, averaged over the rows that have a choice; 1 where none has."""
        return float(self._open_rows().max(axis=1).mean())

    @property
    def entropy(self) -> float:
        """How evenly a row with a choice looks, in nats, on average: 0 for one key only."""
        rows = self._open_rows().astype(float)
        return float(-(rows * np.log(np.where(rows > 0, rows, 1.0))).sum(axis=1).mean())

    def _open_rows(self) -> np.ndarray:
        choice = self.allowed.sum(axis=1) > 1
        return self.pattern[choice] if choice.any() else self.pattern


def take_steps(
    layer: AttentionLayer,
    head: int = 0,
    *,
    mask: bool = True,
    scale: bool = True,
    allowed: np.ndarray | None = None,
) -> HeadSteps:
    """The steps of one head. mask: False lets every token look at every other; allowed: another mask (T, T)."""
    if not 0 <= head < layer.n_heads:
        raise ValueError(f"This layer has {layer.n_heads} heads, counted from 0; there is no head {head}.")
    d, T = layer.head_size, len(layer.inputs)
    own = slice(head * d, (head + 1) * d)
    x = torch.from_numpy(layer.inputs)
    q, k, v = (
        x @ torch.from_numpy(weight[own]).T + torch.from_numpy(bias[own])
        for weight, bias in zip(layer.weights, layer.biases, strict=True)
    )
    may_look = torch.ones(T, T, dtype=torch.bool) if not mask else causal_mask(T, T)
    may_look = may_look if allowed is None else torch.from_numpy(allowed)
    divisor = math.sqrt(d) if scale else 1.0
    dot = q @ k.T
    scaled = dot / divisor
    pattern = attention_pattern(scaled, may_look)
    return HeadSteps(
        layer,
        head,
        queries=q.numpy(),
        keys=k.numpy(),
        values=v.numpy(),
        dot=dot.numpy(),
        scaled=scaled.numpy(),
        masked=scaled.masked_fill(~may_look, math.nan).numpy(),
        pattern=pattern.numpy(),
        mixed=(pattern @ v).numpy(),
        allowed=may_look.numpy(),
        divisor=divisor,
    )


def open_step(steps: HeadSteps, name: StepName, row: int, column: int, labels: Sequence[str]) -> CellArithmetic:
    """The arithmetic of one cell of one step; `labels` names the T tokens.

    Raises ValueError for a cell that the step does not have.
    """
    matrix: np.ndarray = getattr(steps, name)
    if not (0 <= row < matrix.shape[0] and 0 <= column < matrix.shape[1]):
        raise ValueError(f"The step {name} is {matrix.shape[0]}×{matrix.shape[1]}; there is no cell {row}, {column}.")
    if name in ("queries", "keys", "values"):
        return _open_vector(steps, name, row, column, labels)
    if name == "mixed":
        return _open_mixed(steps, row, column, labels)
    where = f"query {row} “{labels[row]}”, key {column} “{labels[column]}”"
    shown = float(matrix[row, column])
    if name == "dot":
        return dot_product(
            steps.queries[row],
            steps.keys[column],
            shown=shown,
            heading=f"Q Kᵀ: {where}",
            names=("query", "key"),
            symbol=rf"q_{{{row}}} \cdot k_{{{column}}}",
        )
    if name == "scaled":
        bottom = f"√d = √{steps.head_size}" if steps.divisor != 1 or steps.head_size == 1 else "1: the scale is off"
        dot = float(steps.dot[row, column])
        return division(dot, steps.divisor, shown=shown, heading=f"÷ √d: {where}", names=("q · k", bottom), symbol="s")
    if name == "masked":
        return open_mask(float(steps.scaled[row, column]), bool(steps.allowed[row, column]), shown, f"mask: {where}")
    scores = np.where(steps.allowed[row], steps.scaled[row], -np.inf)
    return softmax_cell(scores, column, labels, shown=shown, heading=f"softmax: {where}")


def open_linear(
    inputs: np.ndarray, weights: np.ndarray, bias: float, *, shown: float, heading: str, symbol: str
) -> CellArithmetic:
    """One output of a linear layer: Σ input · weight, and the bias as a last term of 1 · bias where there is one."""
    if bias:
        inputs, weights = np.append(inputs, 1.0), np.append(weights, bias)
    cell = dot_product(inputs, weights, shown=shown, heading=heading, names=("input", "weight"), symbol=symbol)
    return replace(cell, rows=(*cell.rows[:-1], ("bias", *cell.rows[-1][1:]))) if bias else cell


def open_mask(score: float, allowed: bool, shown: float, heading: str) -> CellArithmetic:
    """A score that the mask lets through, or −∞; `shown` is NaN where the figure hatches."""
    value = score if allowed else -math.inf
    word = "yes" if allowed else "no"
    return CellArithmetic(
        heading,
        rf"\text{{may it look? {word}}} \Rightarrow {number(value)}",
        ("part", "value"),
        (("score before the mask", score), ("may the query look at this key?", word)),
        value if math.isnan(shown) else shown,
        value,
    )


def _open_vector(steps: HeadSteps, name: StepName, row: int, column: int, labels: Sequence[str]) -> CellArithmetic:
    """One channel of a token's query, key or value: its vector times a row of weights."""
    which = ("queries", "keys", "values").index(name)
    channel = steps.head * steps.head_size + column
    letter = "qkv"[which]
    return open_linear(
        steps.layer.inputs[row],
        steps.layer.weights[which, channel],
        float(steps.layer.biases[which, channel]),
        shown=float(getattr(steps, name)[row, column]),
        heading=f"{('Query', 'Key', 'Value')[which]} of token {row} “{labels[row]}”, channel {column}",
        symbol=rf"{letter}_{{{row},{column}}}",
    )


def _open_mixed(steps: HeadSteps, row: int, column: int, labels: Sequence[str]) -> CellArithmetic:
    """Σ over the keys it may look at, of pattern × value in one channel."""
    keys = np.flatnonzero(steps.allowed[row]).tolist()
    return weighted_sum(
        steps.pattern[row, keys],
        steps.values[keys, column],
        [f"{j} {labels[j]}" for j in keys],
        shown=float(steps.mixed[row, column]),
        heading=f"× V: query {row} “{labels[row]}”, channel {column}",
        symbol=rf"\sum_j a_{{{row},j}}\, v_{{j,{column}}}",
    )


def weighted_sum(
    weights: np.ndarray, values: np.ndarray, names: Sequence[str], *, shown: float, heading: str, symbol: str
) -> CellArithmetic:
    """Σ weight · value over named tokens; shapes (n,), (n,)."""
    cell = dot_product(weights, values, shown=shown, heading=heading, names=("weight", "value"), symbol=symbol)
    rows = tuple((name, *row[1:]) for name, row in zip(names, cell.rows, strict=True))
    return replace(cell, columns=("token", *cell.columns[1:]), rows=rows)
