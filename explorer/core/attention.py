"""Scaled dot-product attention, stage by stage (Vaswani et al., 2017).

    scores  = Q Kᵀ / √d          how well each query (row) fits each key (column)
    masked  = scores, −∞ above the diagonal: a position may not look ahead
    pattern = softmax(masked)    rows of probabilities that sum to 1
    mixed   = pattern V          each position's average of the values it looks at

Shapes: B batch, H heads, T positions, d head size. Queries and keys may differ in length: with cached keys the
T queries are the last T of S positions.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor


def split_heads(x: Tensor, n_heads: int) -> Tensor:
    """Cut the channels into heads: (B, T, C) to (B, H, T, C / H)."""
    B, T, C = x.shape
    return x.view(B, T, n_heads, C // n_heads).transpose(1, 2)


def join_heads(x: Tensor) -> Tensor:
    """Put the heads' channels side by side again: (B, H, T, d) to (B, T, H · d)."""
    B, H, T, d = x.shape
    return x.transpose(1, 2).reshape(B, T, H * d)


def causal_mask(n_queries: int, n_keys: int, device: torch.device | None = None) -> Tensor:
    """True where a query may look: (T, S), the last query sees every key.

    >>> causal_mask(2, 3).int().tolist()
    [[1, 1, 0], [1, 1, 1]]
    """
    ones = torch.ones(n_queries, n_keys, dtype=torch.bool, device=device)
    return ones.tril(diagonal=n_keys - n_queries)


def scaled_scores(q: Tensor, k: Tensor) -> Tensor:
    """Q Kᵀ / √d: (..., T, d) and (..., S, d) to (..., T, S).

    The dot product of two random d-vectors has variance d; dividing by √d keeps softmax from turning
    one-hot as heads get wide.
    """
    return q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])


def softmax(scores: Tensor, dim: int = -1) -> Tensor:
    """exp(x) / Σ exp(x) along `dim`, computed after subtracting the largest so that nothing overflows.

    −∞ becomes exactly 0, which is how a mask forbids a position.
    """
    exponents = (scores - scores.amax(dim=dim, keepdim=True).detach()).exp()
    return exponents / exponents.sum(dim=dim, keepdim=True)


def attention_pattern(scores: Tensor) -> Tensor:
    """Mask the future and turn each row into probabilities: (..., T, S) to (..., T, S)."""
    T, S = scores.shape[-2:]
    return softmax(scores.masked_fill(~causal_mask(T, S, scores.device), -math.inf))
