"""From a plain average to attention: one T×T map built four ways, and attention without any weights.

Shapes: T tokens, C channels.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from explorer.core.attention import (
    attention_pattern,
    average_by_loop,
    averaging_weights,
    causal_mask,
    divide_by_sum,
)
from explorer.inspection.arithmetic import CellArithmetic, division, dot_product, softmax_cell
from explorer.inspection.attention_layer import AttentionLayer
from explorer.inspection.attention_steps import open_mask, open_step, take_steps

WAYS = ("loop", "triangle", "softmax of zeros", "Q Kᵀ")


@dataclass(frozen=True, eq=False)
class Averaging:
    """The four ways, in the order of `WAYS`.

    maps: (4, T, T), rows sum to 1; the loop's are the weights it gives when it averages the unit matrix. vectors:
    (4, T, C), what each makes of the layer's inputs. differences: (4,), the largest of a way's vectors from the loop's.
    reversed_changes: (4,), how much a cell of the map changes at most when the same vectors come in reverse order.
    """

    layer: AttentionLayer
    head: int
    scale: bool
    maps: np.ndarray
    vectors: np.ndarray
    differences: np.ndarray
    reversed_changes: np.ndarray


def read_averaging(layer: AttentionLayer, head: int = 0, *, scale: bool = True) -> Averaging:
    """Average the layer's inputs in four ways."""
    x = torch.from_numpy(layer.inputs)
    maps = _four_maps(layer, head, scale)
    vectors = [average_by_loop(x), *(weights @ x for weights in maps[1:])]
    other = _four_maps(replace(layer, inputs=layer.inputs[::-1].copy()), head, scale)
    return Averaging(
        layer,
        head,
        scale,
        maps=maps.numpy(),
        vectors=torch.stack(vectors).numpy(),
        differences=np.array([float((made - vectors[0]).abs().max()) for made in vectors]),
        reversed_changes=(other - maps).abs().amax(dim=(1, 2)).numpy(),
    )


def _four_maps(layer: AttentionLayer, head: int, scale: bool) -> torch.Tensor:
    """(4, T, T). The loop has no map of its own: averaging the unit matrix shows the weights it gives."""
    T = len(layer.inputs)
    pattern = torch.from_numpy(take_steps(layer, head, scale=scale).pattern)
    return torch.stack(
        [average_by_loop(torch.eye(T)), averaging_weights(T), attention_pattern(torch.zeros(T, T)), pattern]
    )


def open_average(reading: Averaging, way: int, row: int, column: int, labels: Sequence[str]) -> CellArithmetic:
    """The arithmetic of one weight of one map. Raises ValueError for a cell that is not there."""
    T = len(reading.layer.inputs)
    if not (0 <= way < len(WAYS) and 0 <= row < T and 0 <= column < T):
        raise ValueError(f"There are {len(WAYS)} maps of {T}×{T} cells; there is no cell {way}, {row}, {column}.")
    shown = float(reading.maps[way, row, column])
    where = f"{WAYS[way]}: how much token {column} “{labels[column]}” counts for token {row} “{labels[row]}”"
    if way == 3:
        steps = take_steps(reading.layer, reading.head, scale=reading.scale)
        return open_step(steps, "pattern", row, column, labels)
    if way == 2:
        zeros = np.where(np.arange(T) <= row, 0.0, -np.inf)
        return softmax_cell(zeros, column, labels, shown=shown, heading=where)
    names = ("counted, or not", f"tokens 0 … {row}") if way == 0 else ("cell of the triangle", f"sum of row {row}")
    top = 1.0 if column <= row else 0.0
    return division(top, row + 1.0, shown=shown, heading=where, names=names, symbol="w")


@dataclass(frozen=True, eq=False)
class WithoutWeights:
    """Attention in which each vector is its own query, key and value.

    dot: x xᵀ, divided by √C if scaled; masked: NaN where forbidden; divided: each row of it over its sum (NaN where
    that is 0); softened: its softmax; each (T, T). sums: (T,), each row's sum. allowed: (T, T). divisor: √C or 1.
    """

    inputs: np.ndarray
    dot: np.ndarray
    masked: np.ndarray
    divided: np.ndarray
    softened: np.ndarray
    sums: np.ndarray
    allowed: np.ndarray
    divisor: float

    @property
    def negative_weights(self) -> int:
        """How many weights of plain division are below 0."""
        return int((np.nan_to_num(self.divided) < 0).sum())

    @property
    def hardest_row(self) -> int:
        """The row in which plain division gives the weight that is largest in size."""
        sizes = np.abs(np.where(np.isnan(self.divided), np.inf, self.divided)).max(axis=1)
        return int(sizes.argmax())


def read_without_weights(inputs: np.ndarray, *, mask: bool = True, scale: bool = True) -> WithoutWeights:
    """Compare every vector (T, C) with every other and normalise in two ways."""
    x = torch.from_numpy(inputs)
    T, C = x.shape
    allowed = causal_mask(T, T) if mask else torch.ones(T, T, dtype=torch.bool)
    divisor = math.sqrt(C) if scale else 1.0
    dot = x @ x.T / divisor
    divided = divide_by_sum(dot, allowed)
    return WithoutWeights(
        inputs=inputs,
        dot=dot.numpy(),
        masked=dot.masked_fill(~allowed, math.nan).numpy(),
        divided=divided.masked_fill(~torch.isfinite(divided), math.nan).numpy(),
        softened=attention_pattern(dot, allowed).numpy(),
        sums=dot.masked_fill(~allowed, 0.0).sum(dim=1).numpy(),
        allowed=allowed.numpy(),
        divisor=divisor,
    )


def open_without(reading: WithoutWeights, stage: int, row: int, column: int, labels: Sequence[str]) -> CellArithmetic:
    """One cell of the dot products (0), the masked ones (1), plain division (2) or softmax (3)."""
    T = len(reading.dot)
    if not (0 <= stage < 4 and 0 <= row < T and 0 <= column < T):
        raise ValueError(f"There are 4 stages of {T}×{T} cells; there is no cell {stage}, {row}, {column}.")
    where = f"token {row} “{labels[row]}” and token {column} “{labels[column]}”"
    score, allowed = float(reading.dot[row, column]), bool(reading.allowed[row, column])
    if stage == 0:
        return dot_product(
            reading.inputs[row] / reading.divisor,
            reading.inputs[column],
            shown=score,
            heading=f"x xᵀ{'' if reading.divisor == 1 else ' ÷ √C'}: {where}",
            names=("x of the row" + ("" if reading.divisor == 1 else ", ÷ √C"), "x of the column"),
            symbol=rf"x_{{{row}}} \cdot x_{{{column}}}",
        )
    if stage == 1:
        return open_mask(score, allowed, float(reading.masked[row, column]), f"mask: {where}")
    if stage == 2:
        total = float(reading.sums[row])
        if total == 0:
            raise ValueError(f"The scores of row {row} sum to 0: there is nothing to divide by.")
        return division(
            score if allowed else 0.0,
            total,
            shown=float(reading.divided[row, column]),
            heading=f"Plain division: {where}",
            names=("score", f"sum of row {row}"),
            symbol="w",
        )
    scores = np.where(reading.allowed[row], reading.dot[row], -np.inf)
    return softmax_cell(scores, column, labels, shown=float(reading.softened[row, column]), heading=f"softmax: {where}")
