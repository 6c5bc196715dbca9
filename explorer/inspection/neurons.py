"""The first neurons opened up: corners and lines of a circuit, whether points can be separated, what Hebb's rule stored.

Shapes: N points of the x₁, x₂ plane, K units, D cells of a picture, P patterns.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from explorer.inspection.arithmetic import CellArithmetic
from explorer.models.neurons import CORNERS, Circuit, ThresholdUnit, associate, hebb_matrix

SIDE = 5  # rows and columns of a picture
FULL, EMPTY = "#", "."
PICTURES: Mapping[str, str] = {
    "T": "#####\n..#..\n..#..\n..#..\n..#..",
    "X": "#...#\n.#.#.\n..#..\n.#.#.\n#...#",
    "O": ".###.\n#...#\n#...#\n#...#\n.###.",
    "L": "#....\n#....\n#....\n#....\n#####",
    "Z": "#####\n...#.\n..#..\n.#...\n#####",
    "H": "#...#\n#...#\n#####\n#...#\n#...#",
}
_EXACT = 1e-9  # a distance below this is rounding: the points cannot be separated


@dataclass(frozen=True)
class GateReading:
    """A circuit at the four corners. states: (4, K), what each unit does. answers: (4,), the last unit's. right: (4,),
    where that is the target. arithmetic: the last unit's sum and verdict at each corner, in a line.
    """

    targets: np.ndarray
    states: np.ndarray
    right: np.ndarray
    arithmetic: tuple[str, ...]

    @property
    def answers(self) -> np.ndarray:
        """What the circuit answers at each corner, (4,)."""
        return self.states[:, -1]


@dataclass(frozen=True)
class ThresholdLine:
    """Where a unit is just at its threshold, as far as it counts. unit: its place in the circuit, from 0. ends: (2, 2),
    two points of the plane."""

    unit: int
    ends: np.ndarray


@dataclass(frozen=True)
class Separation:
    """How well a line with a threshold can part two classes of points, in the space of (x₁, x₂, 1).

    margin: γ, the largest distance that all points can keep from the line, 0 where no line parts them. radius: R, the
    length of the longest (x₁, x₂, 1). weights (2,), bias: of that best line; the class of target 1 lies where
    weights · x + bias > 0. All zero where there is none.
    """

    margin: float
    radius: float
    weights: np.ndarray
    bias: float

    @property
    def separable(self) -> bool:
        """Whether some line has all points of one class on one side and all others strictly on the other."""
        return self.margin > 0

    @property
    def most_mistakes(self) -> float:
        """(R/γ)²: the perceptron, begun at 0, makes no more mistakes than this (Novikoff, 1962); else infinity."""
        return (self.radius / self.margin) ** 2 if self.separable else float("inf")


@dataclass(frozen=True)
class PrincipalComponent:
    """The direction in which patterns vary most. direction: (2,), length 1. share: of all variance along it."""

    direction: np.ndarray
    share: float


def read_gate(circuit: Circuit, targets: Sequence[int]) -> GateReading:
    """A circuit of two inputs at the four corners, against the targets there."""
    states = circuit.run(CORNERS)
    seen = np.concatenate([CORNERS, states[:, :-1]], axis=1)
    arithmetic = tuple(corner_arithmetic(circuit.units[-1], row) for row in seen)
    wanted = np.asarray(targets)
    return GateReading(wanted, states, states[:, -1] == wanted, arithmetic)


def corner_arithmetic(unit: ThresholdUnit, inputs: np.ndarray) -> str:
    """A unit's sum with the numbers filled in, and its verdict.

    >>> corner_arithmetic(ThresholdUnit((1.0, -2.0), 0.5), np.array([1.0, 1.0]))
    '1×1 − 2×1 = −1 < 0.5'
    """
    terms = ""
    for weight, value in zip(unit.weights, inputs, strict=True):
        sign = " − " if weight < 0 else " + "
        terms += (sign if terms else sign.strip().replace("+", "")) + f"{abs(weight):g}×{value:g}"
    total = float(unit.sums(inputs))
    return f"{terms} = {_signed(total)} {'≥' if unit.fires(inputs) else '<'} {_signed(unit.threshold)}"


def _signed(value: float) -> str:
    return f"{value:g}".replace("-", "−")


def decision_dots(circuit: Circuit, low: float, high: float, count: int = 25) -> np.ndarray:
    """The points of a count × count grid over the square low … high at which the circuit answers 1, (N, 2)."""
    ticks = np.linspace(low, high, count)
    grid = np.stack(np.meshgrid(ticks, ticks), axis=-1).reshape(-1, 2)
    return grid[circuit.run(grid)[:, -1] == 1]


def threshold_lines(circuit: Circuit, low: float, high: float) -> tuple[ThresholdLine, ...]:
    """Every unit's threshold line inside the square low … high.

    A unit that reads other units has one line for each of their states, and each counts only where they are in that
    state; so the lines drawn are exactly the places where some unit changes its mind.
    """
    found: list[ThresholdLine] = []
    for k, unit in enumerate(circuit.units):
        for states in product((0, 1), repeat=k):
            ends = _across(unit, states, low, high)
            for j, state in enumerate(states):
                if ends is not None:
                    ends = _clip(ends, circuit.units[j], states[:j], bool(state))
            if ends is not None and not any(np.array_equal(ends, line.ends) for line in found if line.unit == k):
                found.append(ThresholdLine(k, ends))
    return tuple(found)


def _plane(unit: ThresholdUnit, states: Sequence[int]) -> tuple[np.ndarray, float]:
    """The weights on x₁, x₂ and the threshold left for them when the units before are in these states."""
    return np.array(unit.weights[:2]), unit.threshold - sum(
        w * s for w, s in zip(unit.weights[2:], states, strict=True)
    )


def _across(unit: ThresholdUnit, states: Sequence[int], low: float, high: float) -> np.ndarray | None:
    """The line weights · x = threshold from edge to edge of the square, (2, 2), or None where it misses it."""
    weights, threshold = _plane(unit, states)
    if not weights.any():
        return None
    point = threshold * weights / (weights @ weights)
    along = np.array([-weights[1], weights[0]]) / np.linalg.norm(weights)
    start, end = -np.inf, np.inf
    for axis in range(2):
        if along[axis] == 0:
            if not low <= point[axis] <= high:
                return None
            continue
        a, b = sorted(((low - point[axis]) / along[axis], (high - point[axis]) / along[axis]))
        start, end = max(start, a), min(end, b)
    return np.stack([point + start * along, point + end * along]) if start < end else None


def _clip(ends: np.ndarray, unit: ThresholdUnit, states: Sequence[int], fires: bool) -> np.ndarray | None:
    """The part of a segment on which a unit fires, or on which it does not; None where there is none."""
    weights, threshold = _plane(unit, states)
    above = (ends @ weights - threshold) * (1 if fires else -1)  # at least 0 where it is as wanted
    if (above < 0).all():
        return None
    if (above >= 0).all():
        return ends
    crossing = ends[0] + above[0] / (above[0] - above[1]) * (ends[1] - ends[0])
    kept = np.stack([crossing, ends[1]] if above[0] < 0 else [ends[0], crossing])
    return kept if np.linalg.norm(kept[1] - kept[0]) > _EXACT else None


def separate(points: np.ndarray, targets: np.ndarray) -> Separation:
    """The line that keeps the largest distance from points (N, 2) of targets 0 and 1, (N,), on their right sides.

    Exact up to rounding: the shortest w with ±w · (x, 1) ≥ 1 everywhere, found as Lawson and Hanson's "least distance
    programming" (1974); γ is 1 / |w|. Raises ValueError for other shapes and for numbers that are not finite.
    """
    if points.ndim != 2 or points.shape[1] != 2 or targets.shape != points.shape[:1]:
        raise ValueError(f"Expected points (N, 2) with one target each, got {points.shape} and {targets.shape}.")
    if not np.isfinite(points).all():
        raise ValueError("Expected points of finite numbers; at least one is infinite or not a number.")
    from scipy.optimize import nnls  # here, since it is slow to import

    lifted = np.column_stack([points, np.ones(len(points))])
    radius = float(np.linalg.norm(lifted, axis=1).max())
    signed = np.where(targets[:, None] == 1, lifted, -lifted)
    system = np.vstack([signed.T, np.ones(len(points))])
    goal = np.array([0.0, 0.0, 0.0, 1.0])
    shares, distance = nnls(system, goal)
    if distance < _EXACT:
        return Separation(0.0, radius, np.zeros(2), 0.0)
    rest = system @ shares - goal
    w = -rest[:3] / rest[3]
    return Separation(float(1 / np.linalg.norm(w)), radius, w[:2], float(w[2]))


def principal_component(patterns: np.ndarray) -> PrincipalComponent:
    """The first principal component of patterns (N, 2), about their mean.

    Raises ValueError where all patterns are equal: then no direction stands out.
    """
    centred = patterns - patterns.mean(axis=0)
    variances, directions = np.linalg.eigh(centred.T @ centred)
    if variances[-1] <= 0:
        raise ValueError(
            f"All {len(patterns)} patterns are equal, so there is no direction in which they vary; give two that differ."
        )
    return PrincipalComponent(directions[:, -1], float(variances[-1] / variances.sum()))


def angle_between(first: np.ndarray, second: np.ndarray) -> float:
    """The angle between two lines through 0 in degrees, 0 … 90: a direction and its opposite are the same line."""
    cosine = abs(float(first @ second)) / (float(np.linalg.norm(first)) * float(np.linalg.norm(second)))
    return float(np.degrees(np.arccos(min(1.0, cosine))))


def read_picture(text: str) -> np.ndarray:
    """A picture typed as 5 rows of 5 characters, # for a full cell and . for an empty one, as (5, 5) of +1 and −1.

    Raises ValueError for another size, another character, and a picture whose cells are all the same.

    >>> read_picture(PICTURES["L"])[:, 1].tolist()
    [-1.0, -1.0, -1.0, -1.0, 1.0]
    """
    rows = text.strip().split()
    if [len(row) for row in rows] != [SIDE] * SIDE:
        sizes = ", ".join(str(len(row)) for row in rows) or "none"
        raise ValueError(f"Expected {SIDE} rows of {SIDE} characters, got rows of this many characters: {sizes}.")
    wrong = sorted(set("".join(rows)) - {FULL, EMPTY})
    if wrong:
        raise ValueError(f"Expected only {FULL} for a full and {EMPTY} for an empty cell, got {' '.join(wrong)}.")
    if len(set("".join(rows))) == 1:
        raise ValueError("All cells of this picture are equal, so it ties every pair of cells alike; make two differ.")
    return np.array([[1.0 if cell == FULL else -1.0 for cell in row] for row in rows])


@dataclass(frozen=True)
class HebbReading:
    """Pictures stored by Hebb's rule. names: P. patterns: (P, 25) of ±1. rate: η. weights: (25, 25), η Σ x xᵀ.
    recalled: (P, 25), the units' answers in one step to the left three columns of each picture, the rest being 0.
    """

    names: tuple[str, ...]
    patterns: np.ndarray
    rate: float
    weights: np.ndarray
    recalled: np.ndarray

    @property
    def wrong_cells(self) -> np.ndarray:
        """How many of the 25 cells of each picture came back wrong, (P,)."""
        return (self.recalled != self.patterns).sum(axis=1)


def left_part(picture: np.ndarray) -> np.ndarray:
    """The left three columns of a picture (5, 5), the other two set to 0, which says nothing."""
    cue = picture.reshape(SIDE, SIDE).copy()
    cue[:, 3:] = 0
    return cue


def read_hebb(pictures: Mapping[str, np.ndarray], rate: float) -> HebbReading:
    """Store pictures (5, 5) of ±1, by name. Raises ValueError as `hebb_matrix` does."""
    weights = hebb_matrix(list(pictures.values()), rate)
    patterns = np.stack([picture.ravel() for picture in pictures.values()])
    recalled = np.stack([associate(weights, left_part(pattern).ravel()) for pattern in patterns])
    return HebbReading(tuple(pictures), patterns, rate, weights, recalled)


def open_weight(reading: HebbReading, i: int, j: int) -> CellArithmetic:
    """How the weight between cells i and j came about: η x_i x_j of every stored picture, summed."""
    running, rows = 0.0, []
    for name, pattern in zip(reading.names, reading.patterns, strict=True):
        added = reading.rate * float(pattern[i] * pattern[j])
        running += added
        rows.append((name, _signed(pattern[i]), _signed(pattern[j]), added, running))
    agreement = float(reading.patterns[:, i] @ reading.patterns[:, j])
    return CellArithmetic(
        f"Weight between {cell_name(i)} and {cell_name(j)}",
        rf"\eta \sum x_i x_j = {reading.rate:g} \cdot ({agreement:g}) = {running:g}",
        ("picture", cell_name(i), cell_name(j), "adds", "sum"),
        tuple(rows),
        float(reading.weights[i, j]),
        running,
    )


def cell_name(i: int) -> str:
    """A cell of a picture by its row and column, from 1.

    >>> cell_name(7)
    'r2 c3'
    """
    return f"r{i // SIDE + 1} c{i % SIDE + 1}"
