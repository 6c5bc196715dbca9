"""How a vector can say where it stands: sinusoids that are added, and rotations that are multiplied.

    sinusoidal   P[t, 2i] = sin(t ω_i),  P[t, 2i+1] = cos(t ω_i)                     (Vaswani et al., 2017)
    rotary       channels 2i and 2i+1 of a query or key are turned by the angle t ω_i    (Su et al., 2021)
    both         ω_i = base^(−2i / d): the first pair turns by 1 radian a position, the last one slowest

In both, what two positions have to do with each other depends on their distance alone; the closed forms say how.

Shapes: T positions, d channels, an even number, d / 2 pairs of them.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

BASE = 10_000.0  # of both papers


def pair_frequencies(d: int, base: float = BASE) -> Tensor:
    """ω_i, in radians a position, (d / 2,) in float64, from 1 downwards.

    Raises ValueError for an odd or missing number of channels, and for a base that is not a finite number above 0.

    >>> pair_frequencies(4).tolist()
    [1.0, 0.01]
    """
    if d < 2 or d % 2:
        raise ValueError(f"Positions turn channels in pairs: expected an even number of channels, got {d}.")
    if not (math.isfinite(base) and base > 0):
        raise ValueError(f"The base of the frequencies must be a finite number above 0, got {base}.")
    return base ** (-torch.arange(0, d, 2, dtype=torch.float64) / d)


def sinusoidal_positions(n: int, d: int, base: float = BASE) -> Tensor:
    """The table of Vaswani et al. (2017), (n, d) in float64: sine in the even channels, cosine in the odd ones.

    Raises ValueError for fewer than 1 position, or as `pair_frequencies` does.

    >>> sinusoidal_positions(2, 2).tolist()[0]
    [0.0, 1.0]
    """
    if n < 1:
        raise ValueError(f"A table of positions needs at least 1 of them, got {n}.")
    angles = torch.arange(n, dtype=torch.float64)[:, None] * pair_frequencies(d, base)  # (n, d/2)
    return torch.stack([angles.sin(), angles.cos()], dim=-1).reshape(n, d)


def sinusoidal_similarity(distances: Tensor, d: int, base: float = BASE) -> Tensor:
    """The dot product of two rows of that table, from their distance alone: Σ_i cos(Δ ω_i); d / 2 at distance 0.

    Shapes: distances (…) to (…). It is sin a sin b + cos a cos b = cos(a − b), pair by pair.
    """
    return (distances.double()[..., None] * pair_frequencies(d, base)).cos().sum(dim=-1)


def apply_rotary(x: Tensor, positions: Tensor, base: float = BASE) -> Tensor:
    """Turn every pair of channels by its angle: (…, T, d) with positions (T,) to (…, T, d), lengths unchanged.

    Position 0 stays as it is. Angles are made in float64, so that late positions stay exact. Raises ValueError where
    positions are not one for each of the T vectors, or as `pair_frequencies` does.

    >>> apply_rotary(torch.tensor([[1.0, 0.0]]), torch.tensor([math.pi / 2])).round().abs().tolist()
    [[0.0, 1.0]]
    """
    if positions.dim() != 1 or x.dim() < 2 or len(positions) != x.shape[-2]:
        raise ValueError(f"Expected a position for each vector of {tuple(x.shape)}, got {tuple(positions.shape)}.")
    return turn_pairs(x, rotary_table(positions, x.shape[-1], base).to(x))


def rotary_table(positions: Tensor, d: int, base: float = BASE) -> Tensor:
    """Cosine and sine of every angle t ω_i: (T,) positions to (2, T, d / 2) in float64.

    Made once where the same positions are turned again and again. Raises ValueError as `pair_frequencies` does.
    """
    angles = positions.double()[:, None].cpu() * pair_frequencies(d, base)  # (T, d/2)
    return torch.stack([angles.cos(), angles.sin()])


def turn_pairs(x: Tensor, table: Tensor) -> Tensor:
    """Channels 2i and 2i+1 as a point of the plane, turned: (…, T, d) by a `rotary_table`, (2, T, d / 2)."""
    cos, sin = table
    even, odd = x[..., 0::2], x[..., 1::2]
    return torch.stack([even * cos - odd * sin, even * sin + odd * cos], dim=-1).flatten(-2)


def rotary_pairs(q: Tensor, k: Tensor) -> tuple[Tensor, Tensor]:
    """What each pair of channels brings to a rotary score: (d / 2,) before the cosine and before the sine.

    q and k are (d,); as points of a plane, pair by pair, the first is their dot product, the second their cross
    product.
    """
    a, b, c, e = q[0::2], q[1::2], k[0::2], k[1::2]
    return a * c + b * e, b * c - a * e


def rotary_score(q: Tensor, k: Tensor, distances: Tensor, base: float = BASE) -> Tensor:
    """q turned to position m, times k turned to position n, from Δ = m − n alone: (…) distances to (…) scores.

    Σ_i (q_i · k_i) cos(Δ ω_i) − (q_i × k_i) sin(Δ ω_i) over pairs of channels, with the cross product as
    `rotary_pairs` signs it; m and n themselves have gone.
    """
    dots, crosses = rotary_pairs(q.double(), k.double())
    angles = distances.double()[..., None] * pair_frequencies(len(q), base)
    return (dots * angles.cos() - crosses * angles.sin()).sum(dim=-1)
