"""Training on digits: as good as scikit-learn's machine, by the same measure on the same pictures."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from explorer.models.rbm import RBM
from explorer.training.rbm import (
    RBMConfig,
    RBMProgress,
    linear_accuracy,
    load_digits,
    train_on_digits,
    train_rbm,
)

EPOCHS = 15


@cache
def trained(algorithm: str = "CD", hidden: int = 64, epochs: int = EPOCHS, rate: float = 0.1) -> RBMProgress:
    config = RBMConfig(hidden, algorithm, 1, epochs, rate)  # type: ignore[arg-type]
    return list(train_on_digits(config))[-1]


def test_the_pseudo_likelihood_of_digits_is_at_least_that_of_scikit_learns_machine() -> None:
    from sklearn.neural_network import BernoulliRBM

    digits = load_digits()
    theirs = BernoulliRBM(64, learning_rate=0.1, n_iter=EPOCHS, batch_size=10, random_state=1).fit(digits.train)
    same = RBM(theirs.components_.T, theirs.intercept_visible_, theirs.intercept_hidden_)
    ours = trained().snapshot.machine
    assert ours.pseudo_likelihood(digits.test).mean() >= same.pseudo_likelihood(digits.test).mean()


def test_a_linear_classifier_does_at_least_as_well_on_the_features_as_on_raw_pixels() -> None:
    digits = load_digits()
    machine = trained(hidden=256, epochs=40).snapshot.machine
    features = [machine.hidden_probabilities(pictures) for pictures in (digits.train, digits.test)]
    on_features = linear_accuracy(features[0], digits.train_labels, features[1], digits.test_labels)
    raw = linear_accuracy(digits.train, digits.train_labels, digits.test, digits.test_labels)
    assert on_features >= raw


def test_persistent_chains_learn_too_and_with_one_step_end_a_little_below_cd() -> None:
    at_first = next(iter(train_on_digits(RBMConfig()))).snapshot.test_likelihood
    persistent, cd = (trained(algorithm).snapshot.test_likelihood for algorithm in ("PCD", "CD"))
    assert at_first + 8 < persistent < cd < persistent + 2


def test_a_learning_rate_that_is_too_high_ends_far_below() -> None:
    assert trained(rate=3.0).snapshot.test_likelihood < trained().snapshot.test_likelihood - 5


def test_the_digits_are_black_and_white_and_none_is_in_both_sets() -> None:
    digits = load_digits()
    assert digits.train.shape == (1348, 64)
    assert digits.test.shape == (449, 64)
    assert set(np.unique(digits.train)) == {0.0, 1.0}
    assert not digits.train.flags.writeable


def test_the_same_seed_gives_the_same_machine_and_others_do_not_disturb_it() -> None:
    digits = load_digits()

    def weights(seed: int, disturb: bool = False) -> np.ndarray:
        steps = []
        for progress in train_rbm(digits.train[:100], digits.test, RBMConfig(8, epochs=2, seed=seed)):
            steps.append(progress)
            if disturb:
                np.random.default_rng().random()
        assert [p.step for p in steps] == list(range(1, 21))
        return steps[-1].snapshot.machine.weights

    np.testing.assert_array_equal(weights(1), weights(1, disturb=True))
    assert not np.array_equal(weights(1), weights(2))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"k": 0}, "k must be at least 1, got 0"),
        ({"hidden": 0}, "hidden must be between 1 and 512, got 0"),
        ({"learning_rate": 0.0}, "learning_rate must be a positive number"),
        ({"algorithm": "SGD"}, "'CD' or 'PCD', got 'SGD'"),
        ({"momentum": 1.0}, "momentum"),
        ({"pace": 0.0}, "pace must be above 0"),
    ],
)
def test_options_that_cannot_be_are_named(options: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        RBMConfig(**options)  # type: ignore[arg-type]


def test_pictures_of_another_size_are_refused() -> None:
    with pytest.raises(ValueError, match="pictures of one size"):
        next(train_rbm(np.zeros((5, 4)), np.zeros((5, 3)), RBMConfig()))
