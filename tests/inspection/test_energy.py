"""Readings of the energy models; every claim the page makes under "Notice" is held here or in tests/training."""

from __future__ import annotations

import numpy as np
import pytest

from explorer.inspection.energy import (
    RecallConfig,
    first_of_each,
    open_field,
    pixels_in,
    read_gibbs,
    read_rbm,
    read_recall,
    shared_bins,
    toggled,
)
from explorer.text.glyphs import GLYPHS
from explorer.training.rbm import RBMConfig, load_digits, train_on_digits


def test_a_noisy_ring_is_recalled_from_three_stored_pictures() -> None:
    reading = read_recall(RecallConfig())
    np.testing.assert_array_equal(reading.recall.states[-1], GLYPHS["ring"].ravel())
    assert reading.overlaps[0, 0] == pytest.approx(0.6)  # a fifth flipped
    assert reading.overlaps[-1, 0] == 1


def test_half_of_it_wrong_swings_all_at_once_and_settles_one_at_a_time() -> None:
    swinging = read_recall(RecallConfig(stored=1, noise=0.5, synchronous=True))
    assert swinging.recall.outcome == "cycle"
    assert swinging.overlaps[0, 0] == 0
    np.testing.assert_array_equal(swinging.recall.states[1], -swinging.recall.states[0])
    assert read_recall(RecallConfig(stored=1, noise=0.5)).recall.outcome == "settled"


def test_with_six_stored_by_hebbs_rule_the_arrow_is_lost_and_by_the_pseudo_inverse_it_stays() -> None:
    lost = read_recall(RecallConfig(stored=6, shown="arrow", noise=0))
    assert [name for name, stable in zip(lost.names, lost.stable, strict=True) if not stable] == ["arrow"]
    assert lost.overlaps[-1, lost.names.index("arrow")] < 1
    kept = read_recall(RecallConfig(stored=6, shown="arrow", noise=0, rule="pseudo-inverse"))
    assert kept.stable.all()
    assert len(kept.recall.states) == 1


def test_the_negative_of_a_stored_picture_stays_with_the_same_energy() -> None:
    negative, picture = (read_recall(RecallConfig(noise=noise)) for noise in (1.0, 0.0))
    assert negative.overlaps[-1, 0] == -1
    assert negative.recall.energies[-1] == pytest.approx(picture.recall.energies[-1])


def test_a_flipped_pixel_changes_the_cue_and_a_second_flip_undoes_it() -> None:
    once = toggled(RecallConfig(noise=0), 7)
    assert (read_recall(once).cue != GLYPHS["ring"].ravel()).nonzero()[0].tolist() == [7]
    assert toggled(once, 7).flipped == ()


def test_the_field_opens_to_a_sum_that_equals_the_networks() -> None:
    reading = read_recall(RecallConfig())
    opened = open_field(reading, reading.recall.states[0], 42)
    assert opened.difference < 1e-12
    assert len(opened.rows) == 100


def test_pixels_in_an_address_that_are_none_are_left_out() -> None:
    assert pixels_in("5-5-99-100-x--1") == (1, 5, 99)


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (RecallConfig(stored=0), "choose 1 to 8, got 0"),
        (RecallConfig(shown="cat"), "got 'cat'"),
        (RecallConfig(flipped=(100,)), "pixels from 0 to 99, got 100"),
    ],
)
def test_a_recall_that_cannot_be_is_refused(config: RecallConfig, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        read_recall(config)


def test_a_longer_chain_comes_closer_to_the_exact_distribution() -> None:
    reading = read_gibbs(5, 2.0, 1.0, 2000, 1)
    assert reading.counts[[0, -1]].tolist() == [10, 2000]
    assert reading.distances[-1] < 0.1 < reading.distances[0]
    assert reading.sampled.sum() == pytest.approx(1)


def test_hot_is_nearly_even_and_cold_is_nearly_one_state() -> None:
    hot, cold = (read_gibbs(5, 2.0, temperature, 20, 1).exact for temperature in (10.0, 0.1))
    assert hot.max() < 3 * hot.min()
    assert cold.max() > 0.95


def test_for_500_sweeps_a_cold_chain_is_stuck_in_the_wrong_valley_and_a_little_heat_frees_it() -> None:
    assert read_gibbs(5, 4.0, 0.1, 500, 3).distances[-1] > 0.99
    assert read_gibbs(5, 4.0, 0.2, 500, 3).distances[-1] < 0.02


def test_zero_temperature_too_many_units_and_too_short_a_chain_are_refused() -> None:
    with pytest.raises(ValueError, match="temperature must be above 0, got 0"):
        read_gibbs(5, 2.0, 0.0, 100, 1)
    with pytest.raises(ValueError, match="1 to 12 units; got 13"):
        read_gibbs(13, 2.0, 1.0, 100, 1)
    with pytest.raises(ValueError, match="10 to 5000 sweeps, got 1"):
        read_gibbs(5, 2.0, 1.0, 1, 1)


def test_training_tells_digits_from_mixtures_of_their_pixels() -> None:
    def lower(reading_of: int) -> float:
        reading = read_rbm(progress[reading_of].snapshot.machine, steps=5)
        return float((reading.test_energy[:, None] < reading.noise_energy[None, :]).mean())

    progress = list(train_on_digits(RBMConfig(epochs=8)))
    assert lower(-1) > 0.9
    assert lower(0) < 0.7


def test_a_reading_of_an_rbm_has_pictures_of_eight_by_eight_and_repeats() -> None:
    machine = next(iter(train_on_digits(RBMConfig(16)))).snapshot.machine
    first, second = read_rbm(machine, shown=4, steps=3), read_rbm(machine, shown=4, steps=3)
    assert first.filters.shape == (16, 8, 8)
    assert first.pictures.shape == first.reconstructions.shape == first.fantasies.shape == (4, 8, 8)
    np.testing.assert_array_equal(first.fantasies, second.fantasies)


def test_the_strip_shows_one_digit_of_each_kind_in_order() -> None:
    digits = load_digits()
    shown = first_of_each(digits.test, digits.test_labels, 10)
    for label, picture in enumerate(shown):
        same = (digits.test == picture).all(axis=1)
        assert label in digits.test_labels[same]


def test_bins_are_shared_and_hold_every_sample() -> None:
    edges, counts = shared_bins([np.array([0.0, 1.0]), np.array([9.0, 10.0, 10.0])], bins=5)
    assert edges[[0, -1]].tolist() == [0, 10]
    assert [c.sum() for c in counts] == [2, 3]
