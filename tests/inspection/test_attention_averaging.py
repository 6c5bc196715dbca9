"""One map built four ways, and attention without weights by division and by softmax."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from explorer.inspection.attention_averaging import (
    WAYS,
    open_average,
    open_without,
    read_averaging,
    read_without_weights,
)
from explorer.inspection.attention_layer import fresh_layer

TEXT = "the cat sat on the mat"
LABELS = tuple(TEXT)
T = len(TEXT)


@given(st.text(min_size=1, max_size=30), st.integers(0, 1000))
def test_the_first_three_ways_agree_to_rounding_and_know_nothing_but_the_places(text: str, seed: int) -> None:
    reading = read_averaging(fresh_layer(text, 8, 4, seed=seed))
    expected = np.tri(len(text)) / np.arange(1, len(text) + 1)[:, None]
    for one in reading.maps[:3]:
        np.testing.assert_allclose(one, expected, atol=1e-6)
    assert reading.differences[:3].max() <= 1e-6
    assert reading.reversed_changes[:3].max() == 0
    np.testing.assert_allclose(reading.maps.sum(axis=2), 1, atol=1e-5)


def test_the_fourth_way_depends_on_the_data() -> None:
    reading = read_averaging(fresh_layer(TEXT, 32, 16))
    assert reading.differences[3] > 0.5
    assert reading.reversed_changes[3] > 0.3
    np.testing.assert_allclose(reading.vectors[3], reading.maps[3] @ reading.layer.inputs, atol=1e-5)


@pytest.mark.parametrize("way", range(len(WAYS)))
def test_every_weight_of_every_map_opens_to_its_parts(way: int) -> None:
    reading = read_averaging(fresh_layer(TEXT, 32, 16), scale=False)
    for row, column in np.ndindex(T, T):
        cell = open_average(reading, way, row, column, LABELS)
        assert cell.shown == reading.maps[way, row, column]
        assert cell.difference <= 1e-6


@pytest.mark.parametrize("place", [(4, 0, 0), (0, T, 0), (0, 0, -1)])
def test_a_weight_that_is_not_there_is_refused(place: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match=r"There are 4 maps of 22×22 cells"):
        open_average(read_averaging(fresh_layer(TEXT, 8, 4)), *place, LABELS)


@pytest.mark.parametrize("mask", [True, False])
@pytest.mark.parametrize("scale", [True, False])
def test_vectors_compared_with_each_other_are_normalised_by_the_definitions(mask: bool, scale: bool) -> None:
    x = fresh_layer(TEXT, 32, 16).inputs
    reading = read_without_weights(x, mask=mask, scale=scale)
    scores = x.astype(float) @ x.T / (math.sqrt(32) if scale else 1)
    allowed = np.tri(T, dtype=bool) if mask else np.ones((T, T), bool)
    kept = np.where(allowed, scores, 0)
    np.testing.assert_allclose(reading.divided, kept / kept.sum(axis=1, keepdims=True), rtol=1e-3, atol=1e-5)
    exponents = np.where(allowed, np.exp(scores - np.where(allowed, scores, -np.inf).max(axis=1, keepdims=True)), 0)
    np.testing.assert_allclose(reading.softened, exponents / exponents.sum(axis=1, keepdims=True), atol=1e-5)
    np.testing.assert_allclose(reading.sums, kept.sum(axis=1), rtol=1e-3, atol=1e-5)


def test_the_experiment_with_plain_division_says_what_is_measured() -> None:
    reading = read_without_weights(fresh_layer(TEXT, 32, 16).inputs)
    assert reading.negative_weights / np.tri(T).sum() > 1 / 3
    assert reading.hardest_row == 11
    assert f"{reading.sums[11]:.2f}" == "0.13"
    assert f"{np.abs(reading.divided).max():.0f}" == "25"
    assert reading.softened.min() >= 0
    assert reading.softened.max() <= 1


@pytest.mark.parametrize("stage", range(4))
@pytest.mark.parametrize("scale", [True, False])
def test_every_cell_without_weights_opens_to_its_parts(stage: int, scale: bool) -> None:
    reading = read_without_weights(fresh_layer(TEXT, 32, 16).inputs, scale=scale)
    for row, column in np.ndindex(T, T):
        cell = open_without(reading, stage, row, column, LABELS)
        assert cell.difference <= 1e-5 * max(1, abs(cell.recomputed))


def test_a_row_that_sums_to_nothing_is_hatched_and_says_why() -> None:
    x = np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 0.0]], dtype=np.float32)
    reading = read_without_weights(x, scale=False)
    assert np.isnan(reading.divided).any(axis=1).tolist() == [False, True, True]
    assert reading.softened.sum(axis=1).tolist() == pytest.approx([1, 1, 1])
    with pytest.raises(ValueError, match="scores of row 1 sum to 0: there is nothing to divide by"):
        open_without(reading, 2, 1, 0, "abc")


def test_a_cell_that_is_not_there_is_refused() -> None:
    with pytest.raises(ValueError, match="There are 4 stages of 1×1 cells"):
        open_without(read_without_weights(np.ones((1, 2), np.float32)), 4, 0, 0, "a")


def test_one_token_is_its_own_average() -> None:
    reading = read_averaging(fresh_layer("R", 8, 4))
    assert reading.maps.tolist() == [[[1.0]]] * 4
    assert read_without_weights(reading.layer.inputs).divided.tolist() == [[1.0]]
