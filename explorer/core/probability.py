"""Probabilities, likelihood and loss: the arithmetic every stage of the staircase shares.

Losses are in nats (natural logarithm); dividing by ln 2 gives bits.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor


def normalise_counts(counts: Tensor, smoothing: float = 0.0) -> Tensor:
    """Each row of counts as probabilities: (count + smoothing) / row sum.

    Shapes: (V, V) to (V, V), float64, rows sum to 1. A row with nothing in it (and no smoothing) is uniform:
    nothing was seen, so nothing is preferred.

    >>> normalise_counts(torch.tensor([[3, 1], [0, 0]])).tolist()
    [[0.75, 0.25], [0.5, 0.5]]
    """
    if not (smoothing >= 0 and math.isfinite(smoothing)):
        raise ValueError(f"Smoothing is added to every count: it must be 0 or more, got {smoothing}.")
    smoothed = counts.double() + smoothing
    totals = smoothed.sum(dim=-1, keepdim=True)
    return torch.where(totals > 0, smoothed / totals.clamp(min=1e-300), 1 / counts.shape[-1])


def log_softmax(logits: Tensor) -> Tensor:
    """Logarithm of softmax over the last dimension, without taking the logarithm of a rounded zero."""
    shifted = logits - logits.amax(dim=-1, keepdim=True).detach()
    return shifted - shifted.exp().sum(dim=-1, keepdim=True).log()


def cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """Mean of −log p(target) in nats.

    Shapes: logits (..., V), targets (...) of token ids; returns a scalar. A negative target is no target: its place
    is left out of the mean. An untrained model that prefers nothing scores ln V.
    """
    has_target = targets >= 0
    if not has_target.all():
        logits, targets = logits[has_target], targets[has_target]
    log_probabilities = log_softmax(logits)
    return -log_probabilities.gather(-1, targets.unsqueeze(-1)).mean()


def bits(nats: float) -> float:
    """A loss in nats as bits: one bit is ln 2 nats.

    >>> bits(math.log(2))
    1.0
    """
    return nats / math.log(2)
