"""What √d is for: heads of growing size on the same prompt, with and without the scale.

Shapes: T tokens, C channels, N head sizes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch

from explorer.core.attention import attention_pattern

SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256)
DRAWS = 24  # fresh heads of each size, averaged: one alone jumps about
LONGEST = 48  # tokens: more of them change these averages little


@dataclass(frozen=True, eq=False)
class ScaleReading:
    """Averages over fresh heads; each (N,), and (2, N) with the scale first, without it second.

    sizes: head sizes d. variances: of the scores. largest: the largest weight of a row. entropies: of a row, in nats.
    even: the entropy that looking evenly at everything allowed would have, for comparison.
    """

    sizes: np.ndarray
    variances: np.ndarray
    largest: np.ndarray
    entropies: np.ndarray
    even: float


def read_scale(inputs: np.ndarray, seed: int = 1, sizes: tuple[int, ...] = SIZES) -> ScaleReading:
    """Fresh heads of several sizes on the last tokens of the inputs (T, C), each vector brought to mean 0, variance 1.

    That is what LayerNorm does before attention; so the sizes alone differ, not the prompt's vectors.
    """
    x = inputs[-LONGEST:].astype(float)
    centred = x - x.mean(axis=1, keepdims=True)
    deviation = centred.std(axis=1, keepdims=True)
    x = (centred / np.where(deviation > 0, deviation, 1.0)).astype(np.float32)
    T, C = x.shape
    read = np.zeros((3, 2, len(sizes)))
    for i, d in enumerate(sizes):
        weights = np.random.default_rng([seed, 4, d]).standard_normal((2, DRAWS, d, C), dtype=np.float32)
        q, k = torch.from_numpy(x) @ torch.from_numpy(weights).mT / math.sqrt(C)  # (DRAWS, T, d) each
        dot = q @ k.mT
        for off, divisor in enumerate((math.sqrt(d), 1.0)):
            scores = dot / divisor
            rows = attention_pattern(scores)[:, min(1, T - 1) :].double()  # the first row has no choice
            entropy = -(rows * torch.where(rows > 0, rows, 1.0).log()).sum(dim=-1)
            read[:, off, i] = scores.var(correction=0), rows.amax(dim=-1).mean(), entropy.mean()
    even = float(np.log(np.arange(2, T + 1)).mean()) if T > 1 else 0.0
    return ScaleReading(np.array(sizes), read[0], read[1], read[2], even)
