"""The Boltzmann machine: exact sums against definitions, and chains against exact sums."""

from __future__ import annotations

import math

import numpy as np
import pytest

from explorer.models.boltzmann import (
    BoltzmannMachine,
    all_states,
    clamped_distribution,
    correlations,
    divergence,
    state_numbers,
    total_variation,
    visible_distribution,
)


def machine(n_units: int = 4, seed: int = 1) -> BoltzmannMachine:
    return BoltzmannMachine.random(n_units, 1.0, np.random.default_rng(seed))


def test_the_energy_counts_every_pair_once_and_every_bias() -> None:
    small = machine()
    for state in all_states(4):
        pairs = sum(small.weights[i, j] * state[i] * state[j] for i in range(4) for j in range(i))
        assert small.energy(state) == pytest.approx(-pairs - small.biases @ state)


def test_the_exact_distribution_is_exp_of_minus_energy_over_temperature() -> None:
    small = machine()
    weights = np.exp(-small.energy(all_states(4)) / 0.7)
    np.testing.assert_allclose(small.distribution(0.7), weights / weights.sum())


def test_a_long_run_of_chains_reaches_the_exact_distribution() -> None:
    small = machine()
    ended = small.gibbs(np.zeros((20_000, 4)), 30, np.random.default_rng(1), temperature=1.5)
    shares = np.bincount(state_numbers(ended), minlength=16) / len(ended)
    assert total_variation(small.distribution(1.5), shares) < 0.02


def test_heat_evens_the_distribution_and_cold_puts_it_on_the_lowest_energy() -> None:
    small = machine(5)
    np.testing.assert_allclose(small.distribution(1e6), 1 / 32, rtol=1e-4)
    cold = small.distribution(1e-3)
    assert cold[small.energy(all_states(5)).argmin()] == pytest.approx(1)


def test_visible_and_clamped_distributions_agree_with_the_joint_one() -> None:
    joint = machine().distribution()
    visible = visible_distribution(joint, 3)
    np.testing.assert_allclose(visible, [joint[2 * i] + joint[2 * i + 1] for i in range(8)])
    np.testing.assert_allclose(clamped_distribution(joint, visible), joint)  # clamped to itself nothing changes


def test_the_difference_of_the_two_phases_is_the_slope_of_the_divergence() -> None:
    small, data = machine(), np.array([0.5, 0.1, 0.1, 0.3])

    def apart(change: float) -> float:
        moved = small.weights.copy()
        moved[0, 2] += change
        moved[2, 0] += change
        return divergence(data, visible_distribution(BoltzmannMachine(moved, small.biases).distribution(), 2))

    joint, states = small.distribution(), all_states(4)
    phases = correlations(states, clamped_distribution(joint, data)) - correlations(states, joint)
    assert -phases[0, 2] == pytest.approx((apart(1e-5) - apart(-1e-5)) / 2e-5, rel=1e-6)


@pytest.mark.parametrize("temperature", [0.0, -1.0, math.nan, math.inf])
def test_a_temperature_that_is_not_above_zero_is_refused(temperature: float) -> None:
    with pytest.raises(ValueError, match="temperature must be above 0"):
        machine().distribution(temperature)
    with pytest.raises(ValueError, match="temperature must be above 0"):
        machine().gibbs(np.zeros((1, 4)), 1, np.random.default_rng(1), temperature)


def test_too_many_units_for_exact_sums_and_asymmetric_weights_are_refused() -> None:
    with pytest.raises(ValueError, match="1 to 12 units; got 13"):
        machine(13).distribution()
    with pytest.raises(ValueError, match="symmetric weights with a zero diagonal"):
        BoltzmannMachine(np.array([[0.0, 1], [2, 0]]), np.zeros(2))
    with pytest.raises(ValueError, match=r"Expected \(3, 3\) weights"):
        BoltzmannMachine(np.zeros((2, 2)), np.zeros(3))
