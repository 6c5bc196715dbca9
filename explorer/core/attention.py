"""Scaled dot-product attention, stage by stage (Vaswani et al., 2017).

    scores  = Q Kᵀ / √d          how well each query (row) fits each key (column)
    masked  = scores, −∞ above the diagonal: a position may not look ahead
    pattern = softmax(masked)    rows of probabilities that sum to 1
    mixed   = pattern V          each position's average of the values it looks at

Before it, what it grew out of: averages with fixed weights, and shares by plain division. The masks of sparse
attention are in `core.attention_masks`.

Shapes: B batch, H heads, T positions, C channels, d head size. Queries and keys may differ in length: with cached
keys the T queries are the last T of S positions.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor


def split_heads(x: Tensor, n_heads: int) -> Tensor:
    """Cut the channels into heads: (B, T, C) to (B, H, T, C / H). Raises ValueError where they cannot be equal."""
    B, T, C = x.shape
    if n_heads < 1 or C % n_heads:
        raise ValueError(f"The {C} channels are cut into equal heads: {C} does not divide by {n_heads}.")
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


def attention_pattern(scores: Tensor, allowed: Tensor | None = None) -> Tensor:
    """Mask and turn each row into probabilities: (..., T, S) to (..., T, S).

    allowed: (T, S), True where a query may look, at least one key a row; None masks the future.
    """
    if allowed is None:
        allowed = causal_mask(scores.shape[-2], scores.shape[-1], scores.device)
    return softmax(scores.masked_fill(~allowed, -math.inf))


def average_by_loop(x: Tensor) -> Tensor:
    """Each position's mean of itself and all before it, one position at a time: (T, C) to (T, C).

    >>> average_by_loop(torch.tensor([[2.0], [4.0], [9.0]])).flatten().tolist()
    [2.0, 3.0, 5.0]
    """
    averages = torch.empty_like(x)
    for t in range(len(x)):
        averages[t] = x[: t + 1].mean(dim=0)
    return averages


def averaging_weights(T: int) -> Tensor:
    """The same average as one matrix product: ones on and below the diagonal, each row divided by its sum, (T, T).

    >>> (averaging_weights(3) @ torch.tensor([[2.0], [4.0], [9.0]])).flatten().tolist()
    [2.0, 3.0, 5.0]
    """
    ones = torch.ones(T, T).tril()
    return ones / ones.sum(dim=-1, keepdim=True)


def divide_by_sum(scores: Tensor, allowed: Tensor | None = None) -> Tensor:
    """Each row's scores divided by their sum, 0 where masked: (..., T, S) to (..., T, S).

    Rows sum to 1, as softmax's do, but a weight is negative where its score has the other sign than the sum, and
    grows beyond all bounds as the sum nears 0.
    """
    if allowed is None:
        allowed = causal_mask(scores.shape[-2], scores.shape[-1], scores.device)
    kept = scores.masked_fill(~allowed, 0.0)
    return kept / kept.sum(dim=-1, keepdim=True)


def multi_head_attention(
    x: Tensor,
    in_weight: Tensor,
    in_bias: Tensor | None,
    out_weight: Tensor,
    out_bias: Tensor | None,
    n_heads: int,
    allowed: Tensor | None = None,
) -> Tensor:
    """H heads side by side, their results joined and mixed by a projection: (B, T, C) to (B, T, C).

    in_weight: (3C, C), the rows of queries, keys and values, and in_bias: (3C,), as `torch.nn.MultiheadAttention`
    keeps them; out_weight: (C, C), out_bias: (C,). allowed: (T, T), True where a query may look; None masks the
    future. Raises ValueError where C does not divide by n_heads.
    """
    joined = x @ in_weight.T if in_bias is None else x @ in_weight.T + in_bias  # (B, T, 3C)
    q, k, v = (split_heads(part, n_heads) for part in joined.chunk(3, dim=-1))  # (B, H, T, d)
    mixed = join_heads(attention_pattern(scaled_scores(q, k), allowed) @ v)  # (B, T, C)
    return mixed @ out_weight.T if out_bias is None else mixed @ out_weight.T + out_bias
