"""Readings of the first neurons: corners, lines, margins against scikit-learn's, pictures and what they recall."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.svm import SVC

from explorer.inspection.neurons import (
    PICTURES,
    angle_between,
    corner_arithmetic,
    decision_dots,
    left_part,
    open_weight,
    principal_component,
    read_gate,
    read_hebb,
    read_picture,
    separate,
    threshold_lines,
)
from explorer.models.neurons import CORNERS, GATES, XOR_OF_THREE, XOR_OF_TWO, Circuit, ThresholdUnit
from explorer.training.neurons import CLOUDS, task_points

LOW, HIGH = -0.5, 1.5
OR = Circuit((ThresholdUnit((1.0, 1.0), 0.5),))


def pictures(names: str) -> dict[str, np.ndarray]:
    return {name: read_picture(PICTURES[name]) for name in names}


def test_a_gate_reading_tells_right_corners_from_wrong_and_fills_in_the_numbers() -> None:
    reading = read_gate(OR, GATES["AND"].targets)
    assert reading.answers.tolist() == [0, 1, 1, 1]
    assert reading.right.tolist() == [True, False, False, True]
    assert reading.arithmetic[0] == "1×0 + 1×0 = 0 < 0.5"
    assert reading.arithmetic[3] == "1×1 + 1×1 = 2 ≥ 0.5"


def test_arithmetic_shows_a_minus_where_a_weight_is_negative() -> None:
    assert corner_arithmetic(ThresholdUnit((-1.5, -2.0), -1.0), np.array([1.0, 1.0])) == "−1.5×1 − 2×1 = −3.5 < −1"


@pytest.mark.parametrize("circuit", [OR, XOR_OF_TWO, XOR_OF_THREE])
def test_the_dots_are_the_points_where_the_circuit_fires(circuit: Circuit) -> None:
    dots = decision_dots(circuit, LOW, HIGH, 11)
    assert circuit.run(dots)[:, -1].all()
    everywhere = np.stack(np.meshgrid(*[np.linspace(LOW, HIGH, 11)] * 2), axis=-1).reshape(-1, 2)
    assert len(dots) == circuit.run(everywhere)[:, -1].sum()


@pytest.mark.parametrize("circuit", [OR, XOR_OF_TWO, XOR_OF_THREE])
def test_a_unit_changes_its_mind_across_each_of_its_lines_and_nowhere_else(circuit: Circuit) -> None:
    for line in threshold_lines(circuit, LOW, HIGH):
        along = line.ends[1] - line.ends[0]
        across = 1e-6 * np.array([-along[1], along[0]])
        for share in (0.1, 0.5, 0.9):
            point = line.ends[0] + share * along
            sides = circuit.run(np.stack([point - across, point + across]))[:, line.unit]
            assert sides[0] != sides[1]


def test_a_line_outside_the_square_and_a_unit_without_weights_are_not_drawn() -> None:
    for unit in (ThresholdUnit((1.0, 1.0), 9.0), ThresholdUnit((0.0, 1.0), 9.0), ThresholdUnit((0.0, 0.0), 0.5)):
        assert threshold_lines(Circuit((unit,)), LOW, HIGH) == ()


def test_the_margin_of_and_is_the_one_that_geometry_gives() -> None:
    best = separate(CORNERS, np.array(GATES["AND"].targets))
    assert best.most_mistakes == pytest.approx(51)  # R² = 3, and 1/γ² = 17 for w = (2, 2), b = −3
    assert [*best.weights, best.bias] == pytest.approx([2, 2, -3])


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_margin_is_the_one_a_hard_support_vector_machine_finds(seed: int) -> None:
    points, targets = task_points(CLOUDS, 6.0, seed)
    best = separate(points, targets)
    # Lifted points and their mirror images: the machine's own intercept is then 0, as in Novikoff's theorem.
    lifted = np.column_stack([points, np.ones(len(points))])
    machine = SVC(kernel="linear", C=1e6, tol=1e-6).fit(np.vstack([lifted, -lifted]), [*targets, *(1 - targets)])
    assert best.margin == pytest.approx(1 / np.linalg.norm(machine.coef_), rel=1e-2)


def test_xor_and_equal_points_of_both_classes_cannot_be_separated() -> None:
    assert not separate(CORNERS, np.array(GATES["XOR"].targets)).separable
    same = separate(np.ones((2, 2)), np.array([0, 1]))
    assert not same.separable
    assert same.most_mistakes == float("inf")


def test_separation_says_what_is_wrong_with_its_points() -> None:
    with pytest.raises(ValueError, match="with one target each"):
        separate(CORNERS, np.array([0, 1]))
    with pytest.raises(ValueError, match="points of finite numbers"):
        separate(np.full((2, 2), np.nan), np.array([0, 1]))


def test_the_principal_component_is_scikit_learns() -> None:
    patterns = np.random.default_rng(0).normal(size=(50, 2)) @ [[2.0, 1.0], [0.0, 0.5]] + 7
    reading, expected = principal_component(patterns), PCA(2).fit(patterns)
    assert angle_between(reading.direction, expected.components_[0]) < 1e-4
    assert reading.share == pytest.approx(expected.explained_variance_ratio_[0])


def test_patterns_that_are_all_equal_have_no_principal_component() -> None:
    with pytest.raises(ValueError, match="All 3 patterns are equal"):
        principal_component(np.ones((3, 2)))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("###\n###", "Expected 5 rows of 5 characters, got rows of this many characters: 3, 3"),
        ("", "this many characters: none"),
        ("#####\n" * 4 + "##x##", "Expected only # for a full and . for an empty cell, got x"),
        ("#####\n" * 5, "All cells of this picture are equal"),
    ],
)
def test_a_typed_picture_that_cannot_be_is_explained(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        read_picture(text)


def test_three_stored_pictures_are_recalled_from_their_left_part() -> None:
    reading = read_hebb(pictures("TXO"), 0.25)
    assert reading.wrong_cells.tolist() == [0, 0, 0]
    assert (left_part(reading.patterns[0])[:, 3:] == 0).all()


def test_with_all_six_stored_t_and_l_come_back_wrong() -> None:
    reading = read_hebb(pictures("TXOLZH"), 0.25)
    assert reading.names == tuple("TXOLZH")
    assert reading.wrong_cells.tolist() == [2, 0, 0, 3, 0, 0]


def test_a_weights_arithmetic_adds_up_to_the_weight() -> None:
    reading = read_hebb(pictures("TXOL"), 0.25)
    for i, j in ((0, 1), (12, 12), (24, 3)):
        opened = open_weight(reading, i, j)
        assert opened.difference < 1e-12
        assert [row[0] for row in opened.rows] == list("TXOL")
