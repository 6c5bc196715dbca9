"""The variance of a dot product grows with the head size, and √d holds softmax open."""

from __future__ import annotations

import numpy as np
import pytest

from explorer.inspection.attention_layer import fresh_layer
from explorer.inspection.attention_scale import SIZES, ScaleReading, read_scale

TEXT = "the cat sat on the mat"


@pytest.fixture(scope="module", params=[1, 2, 3])
def reading(request: pytest.FixtureRequest) -> ScaleReading:
    seed: int = request.param
    return read_scale(fresh_layer(TEXT, 32, 16, seed=seed).inputs, seed)


def test_the_variance_of_the_scores_is_the_head_size_and_one_when_divided(reading: ScaleReading) -> None:
    np.testing.assert_allclose(reading.variances[1] / reading.sizes, 1, atol=0.3)
    np.testing.assert_allclose(reading.variances[0], 1, atol=0.3)


def test_from_4_to_64_channels_the_variance_grows_about_16_times(reading: ScaleReading) -> None:
    grown = reading.variances[1, SIZES.index(64)] / reading.variances[1, SIZES.index(4)]
    assert 12 < grown < 20  # nearer to 16 than to the other answers offered


def test_without_the_scale_softmax_turns_one_hot_as_heads_grow_and_with_it_does_not(reading: ScaleReading) -> None:
    divided, not_divided = reading.largest
    assert not_divided[-1] > 0.85
    assert divided.max() < 0.4
    assert (np.diff(not_divided) > -0.03).all()
    assert reading.entropies[1, -1] < 0.15 * reading.even
    assert reading.entropies[0].min() > 0.8 * reading.even


def test_the_same_seed_measures_the_same() -> None:
    x = fresh_layer(TEXT, 8, 4).inputs
    np.testing.assert_array_equal(read_scale(x, 5).entropies, read_scale(x, 5).entropies)
    assert not np.array_equal(read_scale(x, 5).entropies, read_scale(x, 6).entropies)


@pytest.mark.parametrize("text", ["a", "aa"])
def test_a_very_short_prompt_is_measured_too(text: str) -> None:
    reading = read_scale(fresh_layer(text, 8, 4).inputs)
    assert np.isfinite(reading.variances).all()
    assert reading.largest.max() <= 1 + 1e-6
    assert reading.even == pytest.approx(np.log(len(text)))


def test_inputs_without_spread_are_not_divided_by_zero() -> None:
    assert np.isfinite(read_scale(np.ones((3, 4), np.float32)).entropies).all()
