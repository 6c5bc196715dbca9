"""Greedy training, layer by layer."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from explorer.inspection.energy import dream_digits
from explorer.training.dbn import DBNConfig, DBNProgress, raw_accuracy, train_dbn
from explorer.training.rbm import linear_accuracy, load_digits


@cache
def run() -> tuple[DBNProgress, ...]:
    return tuple(train_dbn(DBNConfig((128,), 128, epochs=25)))


def test_a_layer_learns_only_when_the_one_below_is_done_and_then_rests() -> None:
    progress = run()
    assert [p.step for p in progress] == list(range(1, progress[-1].steps + 1))
    assert [p.layer for p in progress] == sorted(p.layer for p in progress)
    below = [p.network.layers[0].weights for p in progress if p.network is not None]
    assert all(weights is below[0] for weights in below)
    assert all(p.network is None for p in progress if p.layer == 1)


def test_a_linear_classifier_does_at_least_as_well_on_its_features_as_on_raw_pixels() -> None:
    assert run()[-1].finished[0].accuracy >= raw_accuracy()


def test_the_networks_own_guesses_name_most_digits() -> None:
    accuracy = run()[-1].own_accuracy
    assert accuracy is not None
    assert accuracy > 0.8


def test_written_digits_look_like_their_labels_to_a_classifier_more_so_after_more_rounds() -> None:
    network, digits = run()[-1].network, load_digits()
    assert network is not None
    labels = np.repeat(np.arange(10), 20)

    def recognised(rounds: int) -> float:
        written = network.generate(labels, rounds, np.random.default_rng(1))
        return linear_accuracy(digits.train, digits.train_labels, written, labels)

    assert recognised(100) > 0.5
    assert recognised(1) < recognised(100) - 0.2
    assert dream_digits(network, 5).shape == (10, 8, 8)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"hidden": ()}, "one to three layers below the top, got 0"),
        ({"k": 0}, "k must be at least 1"),
        ({"top": 0}, "hidden must be between 1 and 512, got 0"),
    ],
)
def test_options_that_cannot_be_are_named(options: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        DBNConfig(**options)  # type: ignore[arg-type]
