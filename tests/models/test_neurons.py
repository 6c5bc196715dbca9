"""Threshold units, circuits and the first learning rules against what logic and algebra say of them."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from explorer.models.neurons import (
    CORNERS,
    GATES,
    XOR_OF_THREE,
    XOR_OF_TWO,
    Circuit,
    ThresholdUnit,
    associate,
    hebb_matrix,
    hebb_update,
    oja_update,
    perceptron_update,
)

LINES = {
    "AND": ThresholdUnit((1.0, 1.0), 1.5),
    "OR": ThresholdUnit((1.0, 1.0), 0.5),
    "NOT": ThresholdUnit((-1.0, 0.0), -0.5),
}
numbers = st.floats(-3, 3).map(lambda value: round(value, 3))


@pytest.fixture(scope="module")
def grid_answers() -> np.ndarray:
    """What units of every w₁, w₂, θ in −3, −2.75 … 3 answer at the four corners: (15625, 4)."""
    ticks = np.arange(-3, 3.01, 0.25)
    w1, w2, theta = (axis.ravel() for axis in np.meshgrid(ticks, ticks, ticks))
    return (w1[:, None] * CORNERS[:, 0] + w2[:, None] * CORNERS[:, 1] >= theta[:, None]).astype(int)


def test_each_gate_is_the_python_operator_of_its_name() -> None:
    truth = {
        "AND": lambda a, b: a and b,
        "OR": lambda a, b: a or b,
        "NOT": lambda a, b: 1 - a,
        "XOR": lambda a, b: a ^ b,
    }
    for name, gate in GATES.items():
        assert list(gate.targets) == [truth[name](int(a), int(b)) for a, b in CORNERS]


@pytest.mark.parametrize("name", LINES)
def test_one_unit_makes_and_or_and_not(name: str) -> None:
    assert LINES[name].fires(CORNERS).tolist() == list(GATES[name].targets)


def test_no_unit_of_a_dense_grid_gets_all_four_corners_of_xor_and_some_get_three(grid_answers: np.ndarray) -> None:
    right = (grid_answers == np.array(GATES["XOR"].targets)).sum(axis=1)
    assert right.max() == 3


def test_fourteen_of_the_sixteen_gates_are_within_one_units_reach(grid_answers: np.ndarray) -> None:
    reached = {tuple(row) for row in grid_answers.tolist()}
    beyond = set(product((0, 1), repeat=4)) - reached
    assert beyond == {(0, 1, 1, 0), (1, 0, 0, 1)}  # XOR and its opposite


@given(numbers, numbers, numbers)
def test_whatever_its_numbers_a_unit_gets_a_corner_of_xor_wrong(w1: float, w2: float, theta: float) -> None:
    assert ThresholdUnit((w1, w2), theta).fires(CORNERS).tolist() != list(GATES["XOR"].targets)


@pytest.mark.parametrize("circuit", [XOR_OF_TWO, XOR_OF_THREE])
def test_circuits_of_two_and_of_three_units_make_xor(circuit: Circuit) -> None:
    assert circuit.run(CORNERS)[:, -1].tolist() == list(GATES["XOR"].targets)


def test_a_sum_that_equals_the_threshold_fires() -> None:
    assert ThresholdUnit((0.75, 0.5), 1.25).fires(np.array([1.0, 1.0])) == 1


def test_a_unit_and_a_circuit_say_what_is_wrong_with_their_numbers() -> None:
    with pytest.raises(ValueError, match="finite number for weight 2, got nan"):
        ThresholdUnit((1.0, float("nan")), 0.5)
    with pytest.raises(ValueError, match="finite number for θ, got inf"):
        ThresholdUnit((1.0, 1.0), float("inf"))
    with pytest.raises(ValueError, match="at least one weight"):
        ThresholdUnit((), 0.5)
    with pytest.raises(ValueError, match="Expected 2 inputs, one a weight, got 3"):
        LINES["AND"].fires(np.zeros(3))
    with pytest.raises(ValueError, match=r"one weight more than the unit before it, got \[2, 2\]"):
        Circuit((LINES["AND"], LINES["OR"]))


def test_the_perceptron_moves_only_after_a_mistake_and_towards_the_target() -> None:
    point = np.array([2.0, -1.0])
    weights, bias = perceptron_update(np.array([1.0, 0.0]), 0.0, point, 1, rate=0.5)
    assert (weights.tolist(), bias) == ([1.0, 0.0], 0.0)
    weights, bias = perceptron_update(np.array([1.0, 0.0]), 0.0, point, 0, rate=0.5)
    assert (weights.tolist(), bias) == ([0.0, 0.5], -0.5)


def test_hebbs_matrix_is_the_sum_of_outer_products() -> None:
    patterns = np.random.default_rng(0).choice([-1.0, 1.0], (3, 7))
    by_hand = sum(0.25 * np.outer(x, x) for x in patterns)
    assert np.allclose(hebb_matrix(list(patterns), 0.25), by_hand)


@given(arrays(float, (1, 9), elements=st.sampled_from([-1.0, 1.0])))
def test_a_single_stored_pattern_answers_to_itself(patterns: np.ndarray) -> None:
    assert associate(hebb_matrix(list(patterns), 0.1), patterns[0]).tolist() == patterns[0].tolist()


@pytest.mark.parametrize("rate", [0.0, -1.0, float("nan"), float("inf")])
def test_a_rate_that_is_not_positive_is_refused(rate: float) -> None:
    with pytest.raises(ValueError, match="rate η must be a positive number"):
        hebb_matrix([np.array([1, -1])], rate)


def test_hebb_says_what_is_wrong_with_its_patterns() -> None:
    with pytest.raises(ValueError, match=r"patterns of one size, got \[2, 3\]"):
        hebb_matrix([np.array([1, -1]), np.array([1, -1, 1])], 0.1)
    with pytest.raises(ValueError, match="All 2 patterns are the same"):
        hebb_matrix([np.array([1, -1])] * 2, 0.1)
    with pytest.raises(ValueError, match="Expected a cue of 2 numbers"):
        associate(np.eye(2), np.ones(3))


def test_hebb_lengthens_the_weights_and_oja_holds_a_unit_vector_along_its_pattern() -> None:
    pattern = np.array([0.6, 0.8])
    assert np.linalg.norm(hebb_update(pattern, pattern, 0.1)) == pytest.approx(1.1)
    assert oja_update(pattern, pattern, 0.1) == pytest.approx(pattern)
