"""The restricted Boltzmann machine against sums over every state of a small one, and against scikit-learn's."""

from __future__ import annotations

import numpy as np
import pytest

from explorer.models.boltzmann import all_states
from explorer.models.rbm import RBM, sigmoid, softplus


def machine(n_visible: int = 5, n_hidden: int = 3) -> RBM:
    generator = np.random.default_rng(1)
    return RBM(
        generator.normal(size=(n_visible, n_hidden)), generator.normal(size=n_visible), generator.normal(size=n_hidden)
    )


def joint_energies(small: RBM) -> np.ndarray:
    v, h = all_states(5), all_states(3)
    return np.array([[small.energy(a[None], b[None])[0] for b in h] for a in v])


def test_the_free_energy_sums_the_hidden_units_out() -> None:
    small = machine()
    np.testing.assert_allclose(small.free_energy(all_states(5)), -np.log(np.exp(-joint_energies(small)).sum(axis=1)))


def test_hidden_probabilities_are_those_of_the_joint_distribution() -> None:
    small = machine()
    weights = np.exp(-joint_energies(small))
    expected = weights @ all_states(3) / weights.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(small.hidden_probabilities(all_states(5)), expected)


def test_the_pseudo_likelihood_is_that_of_each_pixel_given_the_others() -> None:
    small, states = machine(), all_states(5)
    p = np.exp(-small.free_energy(states))
    for number, state in enumerate(states):
        expected = 0.0
        for pixel in range(5):
            turned = number ^ (1 << (4 - pixel))
            expected += np.log(p[number] / (p[number] + p[turned]))
        assert small.pseudo_likelihood(state[None])[0] == pytest.approx(expected)


def test_the_mean_pseudo_likelihood_is_what_scikit_learn_estimates_from_one_random_pixel() -> None:
    from sklearn.neural_network import BernoulliRBM

    data = (np.random.default_rng(2).random((4000, 12)) < 0.3).astype(float)
    theirs = BernoulliRBM(6, n_iter=2, random_state=1).fit(data)
    ours = RBM(theirs.components_.T, theirs.intercept_visible_, theirs.intercept_hidden_)
    np.testing.assert_allclose(ours.hidden_probabilities(data), theirs.transform(data), atol=1e-9)
    assert ours.pseudo_likelihood(data).mean() == pytest.approx(theirs.score_samples(data).mean(), rel=0.03)


def test_gibbs_chains_reach_the_distribution_of_the_free_energy() -> None:
    small = machine()
    ended = small.gibbs(np.zeros((20_000, 5)), 40, np.random.default_rng(1))
    shares = np.bincount((ended @ 2.0 ** np.arange(5)[::-1]).astype(int), minlength=32) / len(ended)
    p = np.exp(-small.free_energy(all_states(5)))
    assert 0.5 * np.abs(shares - p / p.sum()).sum() < 0.03


def test_huge_inputs_overflow_nowhere() -> None:
    huge = np.array([-1e4, 0.0, 1e4])
    with np.errstate(all="raise", under="ignore"):
        np.testing.assert_allclose(sigmoid(huge), [0, 0.5, 1])
        np.testing.assert_allclose(softplus(huge), [0, np.log(2), 1e4])


def test_biases_that_do_not_fit_the_weights_are_refused() -> None:
    with pytest.raises(ValueError, match=r"need 2 visible and 3 hidden biases, got 2 and 2"):
        RBM(np.zeros((2, 3)), np.zeros(2), np.zeros(2))
