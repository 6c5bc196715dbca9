"""Who may look at whom: full causal attention and its sparse relatives, and what each costs.

Full attention compares every position with every earlier one: T² / 2 comparisons. A local window compares with the
last w only. The two patterns of Child et al. (2019, "Generating Long Sequences with Sparse Transformers") add a few far
positions, so that two layers reach everything: *strided*, every w-th position back; *fixed*, the last position of every
block of w. With w near √T both cost about T √T.

Shapes: T positions. A mask is (T, T), True where the query (row) may look at the key (column); every mask here holds
the diagonal and nothing right of it.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from explorer.core.attention import causal_mask


def local_mask(T: int, window: int) -> Tensor:
    """The last `window` positions, the query's own among them.

    >>> local_mask(3, 2).int().tolist()
    [[1, 0, 0], [1, 1, 0], [0, 1, 1]]
    """
    _check(T, window)
    return (_distances(T) < window) & causal_mask(T, T)


def strided_mask(T: int, stride: int) -> Tensor:
    """The last `stride` positions, and every stride-th one before them."""
    return local_mask(T, stride) | (_distances(T) % stride == 0) & causal_mask(T, T)


def fixed_mask(T: int, block: int) -> Tensor:
    """The query's own block so far, and the last position of every earlier block.

    >>> fixed_mask(4, 2).int().tolist()
    [[1, 0, 0, 0], [1, 1, 0, 0], [0, 1, 1, 0], [0, 1, 1, 1]]
    """
    _check(T, block)
    places = torch.arange(T)
    same_block = places[:, None] // block == places // block
    return (same_block | (places % block == block - 1)) & causal_mask(T, T)


def _full_mask(T: int, window: int) -> Tensor:
    _check(T, window)
    return causal_mask(T, T)


def _distances(T: int) -> Tensor:
    """How far back each key lies from each query: (T, T), negative ahead."""
    places = torch.arange(T)
    return places[:, None] - places


def _check(T: int, window: int) -> None:
    if T < 1:
        raise ValueError(f"A mask needs at least 1 position, got {T}.")
    if window < 1:
        raise ValueError(f"The window must hold at least 1 position, the query's own; got {window}.")


MASKS: dict[str, Callable[[int, int], Tensor]] = {
    "full": _full_mask,
    "local": local_mask,
    "strided": strided_mask,
    "fixed": fixed_mask,
}


def allowed_keys(kind: str, T: int, window: int) -> Tensor:
    """How many keys each query compares itself with, (T,), counted without making the (T, T) mask.

    >>> allowed_keys("strided", 5, 2).tolist()
    [1, 2, 3, 3, 4]
    """
    _check(T, window)
    t = torch.arange(T)
    if kind == "full":
        return t + 1
    if kind == "local":
        return (t + 1).clamp(max=window)
    if kind == "strided":
        return (t + 1).clamp(max=window) + t // window
    if kind == "fixed":
        return t % window + 1 + t // window
    raise ValueError(f"Expected a mask among {', '.join(MASKS)}, got {kind!r}.")


def multiply_adds(comparisons: int, head_size: int) -> int:
    """What a head does for so many allowed (query, key) pairs: d multiply-adds in Q Kᵀ and d in pattern V for each.

    >>> multiply_adds(6, 16)
    192
    """
    return 2 * comparisons * head_size


def layers_to_reach(mask: Tensor, layers: int) -> Tensor:
    """After how many stacked layers what stands at a key can have come to a query: (T, T) whole numbers.

    The diagonal is 0: a position knows itself. −1 where `layers` are too few.
    """
    reached = torch.eye(len(mask), dtype=torch.bool)
    found = torch.full(mask.shape, -1).masked_fill(reached, 0)
    for layer in range(1, layers + 1):
        further = (mask.float() @ reached.float()) > 0
        found[further & ~reached] = layer
        reached |= further
    return found
