"""The first neurons: threshold units, and the first three rules by which one learns.

A threshold unit fires, y = 1, when the weighted sum of its inputs reaches its threshold, else y = 0:

    y = 1  if  w₁x₁ + w₂x₂ + … ≥ θ                  McCulloch & Pitts, 1943

(theirs had equal excitations and an absolute inhibition; signed weights are the later, more general form). Units
that feed other units, without circles, make a circuit; circuits compute every function of yes and no, one unit
alone does not: XOR is beyond it.

    Δw = η (t − y) x,   Δb = η (t − y)              the perceptron rule, Rosenblatt, 1958; b = −θ, t the target
    Δw_ij = η x_i x_j                               Hebb, 1949: what fires together grows together
    Δw = η y (x − y w),   y = w·x                   Oja, 1982: Hebb's rule with a forgetting that holds |w| near 1

D. O. Hebb described his rule in words; the product is the usual reading of them.

Shapes: n inputs, K units, D numbers in a pattern, P patterns; "..." any leading shape.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from explorer.models.hopfield import stack_patterns

CORNERS = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])


@dataclass(frozen=True)
class Gate:
    """A function of two yes-or-no inputs. targets: its value at the rows of `CORNERS`. line: what it says."""

    targets: tuple[int, int, int, int]
    line: str


GATES: Mapping[str, Gate] = {
    "AND": Gate((0, 0, 0, 1), "1 where both inputs are 1"),
    "OR": Gate((0, 1, 1, 1), "1 where at least one input is 1"),
    "NOT": Gate((1, 1, 0, 0), "1 where x₁ is 0; x₂ plays no part"),
    "XOR": Gate((0, 1, 1, 0), "1 where exactly one input is 1"),
}


@dataclass(frozen=True)
class ThresholdUnit:
    """Fires when weights · inputs ≥ threshold. Raises ValueError for no weight and for numbers that are not finite.

    >>> both = ThresholdUnit((1.0, 1.0), 1.5)
    >>> both.fires(CORNERS).tolist()
    [0, 0, 0, 1]
    """

    weights: tuple[float, ...]
    threshold: float

    def __post_init__(self) -> None:
        if not self.weights:
            raise ValueError("A threshold unit needs at least one weight, got none.")
        for name, value in (*((f"weight {i + 1}", w) for i, w in enumerate(self.weights)), ("θ", self.threshold)):
            if not math.isfinite(value):
                raise ValueError(f"Expected a finite number for {name}, got {value}; choose one on the slider.")

    def sums(self, inputs: np.ndarray) -> np.ndarray:
        """weights · inputs: (..., n) to (...). Raises ValueError where n is not the number of weights."""
        inputs = np.asarray(inputs, dtype=float)
        if inputs.shape[-1] != len(self.weights):
            raise ValueError(f"Expected {len(self.weights)} inputs, one a weight, got {inputs.shape[-1]}.")
        return inputs @ np.array(self.weights)

    def fires(self, inputs: np.ndarray) -> np.ndarray:
        """1 where the sum reaches the threshold, else 0: (..., n) to (...) whole numbers."""
        return (self.sums(inputs) >= self.threshold).astype(int)


@dataclass(frozen=True)
class Circuit:
    """Units in order: each reads the inputs of the circuit and then the units before it; the last one is the answer.

    units: unit k has n + k weights. Raises ValueError where that does not hold.
    """

    units: tuple[ThresholdUnit, ...]

    def __post_init__(self) -> None:
        sizes = [len(unit.weights) for unit in self.units]
        if not sizes or sizes != list(range(sizes[0], sizes[0] + len(sizes))):
            raise ValueError(
                f"Expected each unit to have one weight more than the unit before it, got {sizes} weights."
            )

    def run(self, inputs: np.ndarray) -> np.ndarray:
        """What every unit does: (..., n) to (..., K) of 0 and 1; the answer is [..., -1]."""
        seen = np.asarray(inputs, dtype=float)
        n = seen.shape[-1]
        for unit in self.units:
            seen = np.concatenate([seen, unit.fires(seen)[..., None]], axis=-1)
        return seen[..., n:].astype(int)


# XOR is "one or the other, but not both": the second unit is told of "both" and holds back.
XOR_OF_TWO = Circuit((ThresholdUnit((1.0, 1.0), 1.5), ThresholdUnit((1.0, 1.0, -2.0), 0.5)))
# The same as three units in two layers: OR, NAND ("not both"), and AND of these two.
XOR_OF_THREE = Circuit(
    (
        ThresholdUnit((1.0, 1.0), 0.5),
        ThresholdUnit((-1.0, -1.0, 0.0), -1.5),
        ThresholdUnit((0.0, 0.0, 1.0, 1.0), 1.5),
    )
)


def check_rate(rate: float) -> None:
    """Raises ValueError for a learning rate that is not a positive number."""
    if not (math.isfinite(rate) and rate > 0):
        raise ValueError(f"The learning rate η must be a positive number, got {rate}; with 0 nothing is learned.")


def perceptron_update(
    weights: np.ndarray, bias: float, point: np.ndarray, target: int, rate: float
) -> tuple[np.ndarray, float]:
    """Rosenblatt's rule for one point: a right answer changes nothing, a wrong one moves the line.

    weights, point: (n,). Gives the new weights (n,) and the new bias; the unit fires where weights · point + bias ≥ 0.

    >>> weights, bias = perceptron_update(np.zeros(2), 0.0, np.array([1.0, 0.0]), 0, rate=1.0)
    >>> weights.tolist(), bias
    ([-1.0, 0.0], -1.0)
    """
    fired = int(weights @ point + bias >= 0)
    change = rate * (target - fired)
    return weights + change * point, bias + change


def hebb_matrix(patterns: Sequence[np.ndarray], rate: float) -> np.ndarray:
    """Hebb's rule over patterns of −1 and +1, starting from 0: η Σ_p xᵖ xᵖᵀ, (D, D).

    Raises ValueError for a rate that is not positive, for patterns of different sizes, of other values, or several
    that are all the same.

    >>> hebb_matrix([np.array([1, -1])], rate=0.5).tolist()
    [[0.5, -0.5], [-0.5, 0.5]]
    """
    check_rate(rate)
    stacked = stack_patterns(patterns)
    return rate * stacked.T @ stacked


def associate(weights: np.ndarray, cue: np.ndarray) -> np.ndarray:
    """What the units answer to a cue in one step: the sign of weights · cue, 0 where the sum is 0; (D,) to (D,).

    Raises ValueError where the cue and the weights differ in size.
    """
    if weights.shape != (cue.size, cue.size):
        raise ValueError(f"Expected a cue of {weights.shape[0]} numbers, one a unit, got {cue.size}.")
    return np.sign(weights @ cue.ravel())


def hebb_update(weights: np.ndarray, pattern: np.ndarray, rate: float) -> np.ndarray:
    """Hebb's rule for one linear unit, y = weights · pattern: weights + η y pattern; both (D,)."""
    return weights + rate * (weights @ pattern) * pattern


def oja_update(weights: np.ndarray, pattern: np.ndarray, rate: float) -> np.ndarray:
    """Oja's rule for one linear unit: weights + η y (pattern − y weights); both (D,).

    For small rates the weights come to lie along the first principal component of the patterns, with length 1.
    """
    y = weights @ pattern
    return weights + rate * y * (pattern - y * weights)
