"""Several heads side by side: every head's map, their results joined, and the projection that mixes them.

Shapes: T tokens, C channels, H heads, d head size.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from explorer.core.attention import causal_mask, multi_head_attention
from explorer.inspection.arithmetic import CellArithmetic
from explorer.inspection.attention_layer import AttentionLayer
from explorer.inspection.attention_steps import HeadSteps, open_linear, open_step, take_steps


@dataclass(frozen=True, eq=False)
class HeadsReading:
    """A layer with all its heads.

    heads: the steps of each. joined: (T, H · d), the heads' results side by side. projected: (T, C), None for a layer
    without a projection. difference: the largest between these and the whole layer computed in one go.
    """

    layer: AttentionLayer
    heads: tuple[HeadSteps, ...]
    joined: np.ndarray
    projected: np.ndarray | None
    difference: float

    @property
    def patterns(self) -> np.ndarray:
        """Every head's map: (H, T, T)."""
        return np.stack([head.pattern for head in self.heads])

    @property
    def shapes(self) -> tuple[tuple[str, str, tuple[int, ...]], ...]:
        """Each step's name, how it is made, and its shape on this prompt."""
        (T, C), H, d = self.layer.inputs.shape, self.layer.n_heads, self.layer.head_size
        steps: tuple[tuple[str, str, tuple[int, ...]], ...] = (
            ("x", "what the layer reads: tokens × channels", (T, C)),
            ("Q, K, V", "x times one matrix each", (T, H * d)),
            ("split", "the channels cut into heads", (H, T, d)),
            ("pattern", "softmax(Q Kᵀ ÷ √d + mask), each head for itself", (H, T, T)),
            ("mixed", "pattern × V, each head for itself", (H, T, d)),
            ("concat", "the heads' channels side by side again", (T, H * d)),
        )
        return (*steps, ("projection", "concat times one more matrix", (T, C))) if self.projected is not None else steps


def read_heads(layer: AttentionLayer, *, mask: bool = True) -> HeadsReading:
    """Every head's steps, joined and projected."""
    heads = tuple(take_steps(layer, head, mask=mask) for head in range(layer.n_heads))
    joined = np.concatenate([head.mixed for head in heads], axis=1)
    projected = None
    if layer.projection is not None and layer.projection_bias is not None:
        projected = joined @ layer.projection.T + layer.projection_bias
    T = len(layer.inputs)
    inner = joined.shape[1]
    out_weight = torch.eye(inner) if layer.projection is None else torch.from_numpy(layer.projection)
    whole = multi_head_attention(
        torch.from_numpy(layer.inputs)[None],
        torch.from_numpy(layer.weights.reshape(3 * inner, -1)),
        torch.from_numpy(layer.biases.reshape(-1)),
        out_weight,
        None if layer.projection_bias is None else torch.from_numpy(layer.projection_bias),
        layer.n_heads,
        causal_mask(T, T) if mask else torch.ones(T, T, dtype=torch.bool),
    )[0]
    step_by_step = joined if projected is None else projected
    return HeadsReading(layer, heads, joined, projected, float(np.abs(step_by_step - whole.numpy()).max()))


def open_joined(reading: HeadsReading, row: int, column: int, labels: Sequence[str]) -> CellArithmetic:
    """A cell of the joined heads is a cell of one head's mix. Raises ValueError for a cell that is not there."""
    _check(reading.joined, row, column, "concat")
    head, channel = divmod(column, reading.layer.head_size)
    cell = open_step(reading.heads[head], "mixed", row, channel, labels)
    heading = f"concat: channel {column} is channel {channel} of head {head}; token {row} “{labels[row]}”"
    return CellArithmetic(heading, cell.formula, cell.columns, cell.rows, cell.shown, cell.recomputed)


def open_projected(reading: HeadsReading, row: int, column: int, labels: Sequence[str]) -> CellArithmetic:
    """A cell of the projection: all heads' channels of one token, weighed. Raises ValueError where there is none."""
    layer = reading.layer
    if reading.projected is None or layer.projection is None or layer.projection_bias is None:
        raise ValueError("This layer has no projection.")
    _check(reading.projected, row, column, "projection")
    return open_linear(
        reading.joined[row],
        layer.projection[column],
        float(layer.projection_bias[column]),
        shown=float(reading.projected[row, column]),
        heading=f"projection: token {row} “{labels[row]}”, channel {column}",
        symbol=rf"y_{{{row},{column}}}",
    )


def _check(matrix: np.ndarray, row: int, column: int, name: str) -> None:
    if not (0 <= row < matrix.shape[0] and 0 <= column < matrix.shape[1]):
        raise ValueError(f"The {name} is {matrix.shape[0]}×{matrix.shape[1]}; there is no cell {row}, {column}.")
