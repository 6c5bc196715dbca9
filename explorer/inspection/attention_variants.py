"""One head under four masks: full, local, strided and fixed; what each lets through, costs and reaches.

Shapes: T tokens.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from explorer.core.attention_masks import MASKS, allowed_keys, layers_to_reach, multiply_adds
from explorer.inspection.arithmetic import CellArithmetic
from explorer.inspection.attention_layer import AttentionLayer
from explorer.inspection.attention_steps import HeadSteps, open_step, take_steps

MOST_LAYERS = 12


@dataclass(frozen=True, eq=False)
class Variant:
    """One mask on one head.

    kind: a name of `MASKS`. steps: the head's, under this mask. reach: (T, T), after how many layers what stands at a
    key can have come to a query, NaN where not within the layers asked for. comparisons: allowed (query, key) pairs.
    cost: multiply-adds of Q Kᵀ and pattern V for them. kept: which share of the full map's attention falls on pairs
    that this mask allows, averaged over the rows. seen: how many tokens can have come to the last one within
    `layers`.
    """

    kind: str
    steps: HeadSteps
    reach: np.ndarray
    comparisons: int
    cost: int
    kept: float
    seen: int
    layers: int


def read_variants(
    layer: AttentionLayer, head: int = 0, *, window: int = 8, layers: int = 2, scale: bool = True
) -> tuple[Variant, ...]:
    """The head under every mask of `MASKS`, full first. Raises ValueError for a window or layers that cannot be."""
    if not 1 <= layers <= MOST_LAYERS:
        raise ValueError(f"The number of layers must be from 1 to {MOST_LAYERS}, got {layers}.")
    T = len(layer.inputs)
    full = take_steps(layer, head, scale=scale).pattern
    variants = []
    for kind, make in MASKS.items():
        mask = make(T, window)
        allowed = mask.numpy()
        reach = layers_to_reach(mask, layers).double()
        pairs = int(allowed.sum())
        variants.append(
            Variant(
                kind=kind,
                steps=take_steps(layer, head, scale=scale, allowed=allowed),
                reach=reach.masked_fill(reach < 0, math.nan).numpy(),
                comparisons=pairs,
                cost=multiply_adds(pairs, layer.head_size),
                kept=float((full * allowed).sum(axis=1).mean()),
                seen=int((reach[-1] >= 0).sum()),
                layers=layers,
            )
        )
    return tuple(variants)


def cost_curves(window: int, head_size: int, lengths: Sequence[int]) -> dict[str, list[tuple[int, int]]]:
    """(T, multiply-adds) of one head for each of the rising lengths T, by a mask's name.

    Beside the masks at the chosen window stands "strided, √T": its stride grows with T, as in the paper.
    """
    curves: dict[str, list[tuple[int, int]]] = {}
    for kind in ("full", "local", "strided"):
        counted = allowed_keys(kind, lengths[-1], window).cumsum(0)
        curves[kind] = [(T, multiply_adds(int(counted[T - 1]), head_size)) for T in lengths]
    curves["strided, √T"] = [
        (T, multiply_adds(int(allowed_keys("strided", T, max(1, round(math.sqrt(T)))).sum()), head_size))
        for T in lengths
    ]
    return curves


def open_variant(
    variants: Sequence[Variant], number: int, row: int, column: int, window: int, labels: Sequence[str]
) -> CellArithmetic:
    """A cell of the masks (numbers 0 …), then of the maps, then of the reach, one matrix a variant."""
    group, place = divmod(number, len(variants))
    variant = variants[place]
    T = len(variant.steps.allowed)
    if not (0 <= group < 3 and 0 <= row < T and 0 <= column < T):
        raise ValueError(f"There are {3 * len(variants)} matrices of {T}×{T}; there is no {number}, {row}, {column}.")
    if group == 1:
        return open_step(variant.steps, "pattern", row, column, labels)
    where = f"query {row} “{labels[row]}”, key {column} “{labels[column]}”"
    if group == 0:
        return _open_rule(variant, row, column, window, where)
    return _open_reach(variant, row, column, labels, where)


def _open_rule(variant: Variant, row: int, column: int, window: int, where: str) -> CellArithmetic:
    """Whether the mask allows a pair, by its rule."""
    back = row - column
    tests: dict[str, bool] = {"not ahead: key ≤ query": back >= 0}
    if variant.kind in ("local", "strided"):
        tests[f"near: fewer than {window} back"] = back < window
    if variant.kind == "strided":
        tests[f"or far, by whole strides: {back} divides by {window}"] = back % window == 0
    if variant.kind == "fixed":
        tests[f"same block: {row} ÷ {window} and {column} ÷ {window}, rounded down"] = row // window == column // window
        tests[f"or the last place of a block: {column} + 1 divides by {window}"] = (column + 1) % window == 0
    ahead, *others = tests.values()
    value = float(ahead and (not others or any(others)))
    rows = tuple((name, "yes" if met else "no") for name, met in tests.items())
    return CellArithmetic(
        f"{variant.kind} mask: {where}",
        rf"\text{{{'allowed' if value else 'forbidden'}}} \Rightarrow {value:.0f}",
        ("rule", "met?"),
        rows,
        float(variant.steps.allowed[row, column]),
        value,
    )


def _open_reach(variant: Variant, row: int, column: int, labels: Sequence[str], where: str) -> CellArithmetic:
    """A shortest way from a key to a query, one look a layer."""
    way = shortest_way(variant.steps.allowed, row, column)
    hops = math.inf if way is None else float(len(way) - 1)
    within = hops <= variant.layers
    steps = [] if way is None else list(pairwise(reversed(way)))
    rows = tuple(
        (f"layer {i + 1}", f"{looks} “{labels[looks]}” looks at {at} “{labels[at]}”")
        for i, (at, looks) in enumerate(steps)
    )
    needed = r"\infty" if way is None else f"{hops:.0f}"
    compared = r"\le" if within else ">"
    return CellArithmetic(
        f"{variant.kind}, layers until it arrives: {where}",
        rf"\text{{layers needed}} = {needed} {compared} {variant.layers}",
        ("layer", "who looks at whom"),
        rows or (("none", "a token knows itself" if hops == 0 else "no way leads there"),),
        float(variant.reach[row, column]) if within else math.inf,
        hops if within else math.inf,
    )


def shortest_way(allowed: np.ndarray, query: int, key: int) -> list[int] | None:
    """Positions from the query to the key, each allowed to look at the next; None where no way leads there.

    >>> shortest_way(np.array([[1, 0, 0], [1, 1, 0], [0, 1, 1]], dtype=bool), 2, 0)
    [2, 1, 0]
    """
    ways = {query: [query]}
    frontier = [query]
    while frontier and key not in ways:
        further = []
        for position in frontier:
            for seen in map(int, np.flatnonzero(allowed[position])):
                if seen not in ways:
                    ways[seen] = [*ways[position], seen]
                    further.append(seen)
        frontier = further
    return ways.get(key)
