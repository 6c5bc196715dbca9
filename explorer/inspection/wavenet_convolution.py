"""The tree slid along a text, two ways: every window by itself, or as dilated causal convolutions that share branches.

Shapes: T characters of text, n context length, S = n − 1 + T places with the padding in front, V vocabulary.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from explorer.core.layers import Linear
from explorer.inspection.capture import capture
from explorer.models.wavenet import WaveNet, dilated_logits, fusions


@dataclass(frozen=True)
class LevelWork:
    """One layer's share of the work on the whole text. tree_nodes, convolution_nodes: vectors computed.
    tree, convolution: multiply-adds of weights, counted from what the layers gave out while they ran."""

    name: str
    tree_nodes: int
    convolution_nodes: int
    tree: int
    convolution: int


@dataclass(frozen=True, eq=False)
class ConvolutionReading:
    """tree_logits, convolution_logits: (T, V), the scores after every character. largest_difference: between the
    two. largest_logit: for comparison, the largest of them all. work: layer by layer."""

    tree_logits: np.ndarray
    convolution_logits: np.ndarray
    largest_difference: float
    largest_logit: float
    work: tuple[LevelWork, ...]

    @property
    def totals(self) -> tuple[int, int]:
        """Multiply-adds of the tree on every window, and of the convolutions."""
        return sum(level.tree for level in self.work), sum(level.convolution for level in self.work)


@torch.no_grad()
def compare_convolution(model: WaveNet, ids: Sequence[int]) -> ConvolutionReading:
    """Both ways on one text (T,). Raises ValueError for a model whose statistics differ by position, which is no
    convolution, and for an empty text."""
    if not len(ids):
        raise ValueError("A text of at least 1 character is needed to slide a tree along.")
    text = torch.tensor([list(ids)])
    tree_logits, tree = _counted(model, lambda: model.score_windows(model.windows(text)[0]))
    convolution_logits, convolution = _counted(model, lambda: dilated_logits(model, text)[0])
    work = tuple(
        LevelWork(name, tree[name][0], convolution[name][0], tree[name][1], convolution[name][1]) for name in tree
    )
    return ConvolutionReading(
        tree_logits.numpy(),
        convolution_logits.numpy(),
        float((tree_logits - convolution_logits).abs().max()),
        float(tree_logits.abs().max()),
        work,
    )


def _counted(model: WaveNet, run: Callable[[], Tensor]) -> tuple[Tensor, dict[str, tuple[int, int]]]:
    """What `run` gives, and for every linear layer (vectors it gave, multiply-adds it took to)."""
    linears = {f"network.{i}": layer for i, layer in enumerate(model.network) if isinstance(layer, Linear)}
    with capture(model, list(linears)) as seen:
        result = run()
    names = [*(f"level {i}" for i in range(1, len(linears))), "scores"]
    return result, {
        name: (seen[key].numel() // len(layer.weight), seen[key].numel() * layer.weight.shape[1])
        for name, (key, layer) in zip(names, linears.items(), strict=True)
    }


@torch.no_grad()
def time_both(model: WaveNet, ids: Sequence[int], *, repeats: int = 15) -> tuple[float, float]:
    """Seconds of the tree on every window and of the convolutions: the fastest of `repeats` turns, taken alternately
    after one of each, since whatever else the machine does only ever adds."""
    text = torch.tensor([list(ids)])
    ways = (lambda: model.score_windows(model.windows(text)[0]), lambda: dilated_logits(model, text))
    seconds: tuple[list[float], list[float]] = ([], [])
    for turn in range(repeats + 1):
        for way, taken in zip(ways, seconds, strict=True):
            started = time.perf_counter()
            way()
            if turn:
                taken.append(time.perf_counter() - started)
    return min(seconds[0]), min(seconds[1])


@dataclass(frozen=True, eq=False)
class Lattice:
    """The convolutions drawn as points and lines. labels: the S characters, padding first.

    places, levels: of every point, (P,). starts, ends: of every line, (E,), as indices of points, from below. in_tree,
    line_in_tree: which of them belong to the tree of the window that ends at the chosen place. dilations: of each
    level, how far apart its taps are.
    """

    labels: tuple[str, ...]
    places: np.ndarray
    levels: np.ndarray
    starts: np.ndarray
    ends: np.ndarray
    in_tree: np.ndarray
    line_in_tree: np.ndarray
    dilations: tuple[int, ...]


def lattice(labels: Sequence[str], context_length: int, fusion: int, end: int) -> Lattice:
    """The lattice over S labels, the first n − 1 of them padding, with the tree that ends at place `end`.

    Every point stands above the last character that it sees. Raises ValueError for an end that no window has.
    """
    S, n = len(labels), context_length
    if not n - 1 <= end < S:
        raise ValueError(f"A window of {n} among {S} characters ends at place {n - 1} to {S - 1}, got {end}.")
    points: dict[tuple[int, int], int] = {(0, place): place for place in range(S)}
    lines, dilations, dilation = [], [], 1
    for level, taps in enumerate(fusions(n, fusion), 1):
        dilations.append(dilation)
        for place in range(dilation * taps - 1, S):
            points[level, place] = len(points)
            lines += [(points[level - 1, place - i * dilation], points[level, place]) for i in range(taps)]
        dilation *= taps
    tree, line_in_tree = {points[len(dilations), end]}, []
    for start, over in reversed(lines):  # from the root down: a line's upper end is known before its lower one
        line_in_tree.append(over in tree)
        if over in tree:
            tree.add(start)
    levels, places = np.array(list(points)).T
    starts, ends = np.array(lines).T
    in_tree = np.isin(np.arange(len(points)), list(tree))
    return Lattice(tuple(labels), places, levels, starts, ends, in_tree, np.array(line_in_tree[::-1]), tuple(dilations))
