"""LayerNorm and BatchNorm on one tensor: the same formula over other numbers.

Each row is one token's vector. LayerNorm takes mean and variance along a row, over the channels of that token alone (Ba,
Kiros & Hinton, 2016); BatchNorm down a column, over all tokens, one channel at a time (Ioffe & Szegedy, 2015).

Shapes: T tokens, C channels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch

from explorer.core.layers import BatchNorm1d, LayerNorm
from explorer.inspection.arithmetic import CellArithmetic, number

EPSILON = 1e-5  # of both layers, as in torch
Kind = Literal["LayerNorm", "BatchNorm"]


@dataclass(frozen=True, eq=False)
class NormsReading:
    """x: (T, C). layer_norm, batch_norm: (T, C), of the package's own layers with scale 1 and shift 0, BatchNorm as in
    training. leak_layer_norm, leak_batch_norm: the largest change of the first token's numbers when the last
    token is left out; what comes later must not change a token of a causal model."""

    x: np.ndarray
    layer_norm: np.ndarray
    batch_norm: np.ndarray
    leak_layer_norm: float
    leak_batch_norm: float

    def normalised(self, kind: Kind) -> np.ndarray:
        """(T, C) after the norm of that name."""
        return self.layer_norm if kind == "LayerNorm" else self.batch_norm

    def averaged(self, kind: Kind, row: int, column: int) -> np.ndarray:
        """(T, C): the numbers whose mean and variance normalise one cell, NaN elsewhere."""
        kept = np.full(self.x.shape, np.nan)
        where = (row, slice(None)) if kind == "LayerNorm" else (slice(None), column)
        kept[where] = self.x[where]
        return kept


def read_norms(x: np.ndarray) -> NormsReading:
    """Both norms of a tensor (T, C). Raises ValueError for fewer than three tokens or two channels.

    With a single token BatchNorm would have one number a channel, whose variance is nothing.
    """
    if x.ndim != 2 or x.shape[0] < 3 or x.shape[1] < 2:
        raise ValueError(
            f"BatchNorm needs several tokens to average over: expected at least 3 tokens of 2 channels, got {x.shape[0]}; "
            "type a longer prompt."
        )
    layer, batch = _normalise(x)
    layer_without, batch_without = _normalise(x[:-1])
    return NormsReading(
        x.astype(float),
        layer,
        batch,
        float(np.abs(layer[0] - layer_without[0]).max()),
        float(np.abs(batch[0] - batch_without[0]).max()),
    )


@torch.no_grad()
def _normalise(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    rows = torch.from_numpy(np.asarray(x, dtype=np.float64))
    features = rows.shape[1]
    layers = (LayerNorm(features, epsilon=EPSILON).double(), BatchNorm1d(features, epsilon=EPSILON).double())
    layer, batch = (norm(rows).numpy() for norm in layers)
    return layer, batch


def open_norm(reading: NormsReading, kind: Kind, row: int, column: int, labels: tuple[str, ...]) -> CellArithmetic:
    """One normalised number: the numbers that its mean and variance are taken of, and the formula filled in."""
    if kind == "LayerNorm":
        numbers, names = reading.x[row], [f"channel {c}" for c in range(reading.x.shape[1])]
        over = f"the {len(numbers)} channels of token {row} “{labels[row]}”, its row"
    else:
        numbers, names = reading.x[:, column], [f"{t} {label}" for t, label in enumerate(labels)]
        over = f"channel {column} of all {len(numbers)} tokens, its column"
    x, mean, variance = float(reading.x[row, column]), float(numbers.mean()), float(numbers.var())
    again = (x - mean) / (variance + EPSILON) ** 0.5
    rows = tuple((name, float(v), float((v - mean) ** 2)) for name, v in zip(names, numbers, strict=True))
    return CellArithmetic(
        f"{kind} of token {row} “{labels[row]}”, channel {column}: mean and variance over {over}",
        rf"\frac{{x-\mu}}{{\sqrt{{\sigma^2+\varepsilon}}}}=\frac{{{number(x)}-({number(mean)})}}"
        rf"{{\sqrt{{{number(variance)}+10^{{-5}}}}}}={number(again)}",
        ("averaged", "x", "(x − mean)²"),
        rows,
        float(reading.normalised(kind)[row, column]),
        again,
    )
