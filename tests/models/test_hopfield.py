"""The Hopfield network: what it stores, how it recalls, and what its energy may do."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from explorer.models.hopfield import (
    Rule,
    energy,
    flip,
    overlap,
    recall_asynchronously,
    recall_synchronously,
    relax,
    stack_patterns,
    store,
)

SEEDS = st.integers(0, 10_000)


def random_patterns(n_patterns: int, n_units: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).choice((-1.0, 1.0), (n_patterns, n_units))


def test_hebbian_weights_are_the_mean_products_of_the_patterns_without_self_connections() -> None:
    patterns = np.array([[1, 1, -1, -1], [1, -1, 1, -1]])
    expected = np.array([[(patterns[:, i] * patterns[:, j]).sum() / 4 for j in range(4)] for i in range(4)])
    np.fill_diagonal(expected, 0)
    np.testing.assert_allclose(store(list(patterns)), expected)


@pytest.mark.parametrize("rule", ["hebbian", "pseudo-inverse"])
def test_a_disturbed_pattern_is_recalled(rule: Rule) -> None:
    patterns = random_patterns(5, 100, 1)
    cue = flip(patterns[2], 0.2, np.random.default_rng(1))
    recall = recall_asynchronously(store(list(patterns), rule), cue, np.random.default_rng(2))
    assert recall.outcome == "settled"
    np.testing.assert_array_equal(recall.states[-1], patterns[2])


def test_the_pseudo_inverse_keeps_correlated_patterns_that_hebbs_rule_loses() -> None:
    generator = np.random.default_rng(3)
    base = generator.choice((-1.0, 1.0), 100)
    patterns = np.stack([flip(base, 0.15, generator) for _ in range(10)])

    def kept(rule: Rule) -> bool:
        return bool((relax(store(list(patterns), rule), patterns, generator) == patterns).all())

    assert kept("pseudo-inverse")
    assert not kept("hebbian")


@given(
    seed=SEEDS,
    n_patterns=st.integers(1, 12),
    noise=st.floats(0, 1),
    rule=st.sampled_from(["hebbian", "pseudo-inverse"]),
)
def test_one_unit_at_a_time_every_change_lowers_the_energy(
    seed: int, n_patterns: int, noise: float, rule: Rule
) -> None:
    patterns = random_patterns(n_patterns, 20, seed) * np.where(np.arange(n_patterns) % 2, 1, -1)[:, None]
    patterns[0, 0] = -patterns[-1, 0] if n_patterns > 1 else 1
    generator = np.random.default_rng(seed)
    recall = recall_asynchronously(store(list(patterns), rule), flip(patterns[0], noise, generator), generator)
    assert recall.outcome == "settled"
    assert all(after < before + 1e-12 for before, after in pairwise(recall.energies))


@given(seed=SEEDS)
def test_all_units_at_once_it_settles_or_swings_between_two_states(seed: int) -> None:
    generator = np.random.default_rng(seed)
    upper = np.triu(generator.integers(-3, 4, (15, 15)).astype(float), 1)
    recall = recall_synchronously(upper + upper.T, generator.choice((-1.0, 1.0), 15), rounds=2**15)
    assert recall.outcome in ("settled", "cycle")


def test_with_exactly_half_the_pixels_wrong_all_units_at_once_swing_for_ever_and_one_at_a_time_settle() -> None:
    pattern = random_patterns(1, 100, 1)[0]
    weights = store([pattern])
    cue = flip(pattern, 0.5, np.random.default_rng(1))
    assert overlap(cue, pattern) == 0
    swinging = recall_synchronously(weights, cue)
    assert swinging.outcome == "cycle"
    np.testing.assert_array_equal(swinging.states[1], -swinging.states[0])
    settled = recall_asynchronously(weights, cue, np.random.default_rng(2))
    assert abs(overlap(settled.states[-1], pattern)) == 1


def test_updating_all_at_once_can_raise_the_energy() -> None:
    generator = np.random.default_rng(1)
    weights = store(list(random_patterns(8, 12, 1)))
    recalls = [recall_synchronously(weights, generator.choice((-1.0, 1.0), 12)) for _ in range(100)]
    assert any((np.diff(recall.energies) > 1e-9).any() for recall in recalls)


def test_a_pattern_and_its_negative_have_the_same_energy_and_both_stay() -> None:
    patterns = random_patterns(3, 100, 5)
    weights = store(list(patterns))
    np.testing.assert_allclose(energy(weights, -patterns), energy(weights, patterns))
    recall = recall_asynchronously(weights, -patterns[0], np.random.default_rng(1))
    np.testing.assert_array_equal(recall.states[-1], -patterns[0])


def test_many_states_relaxed_together_end_where_each_would_be_stable() -> None:
    patterns = random_patterns(10, 60, 2)
    weights = store(list(patterns))
    ended = relax(weights, patterns, np.random.default_rng(1))
    assert ((ended @ weights) * ended >= 0).all()


def test_exactly_the_share_asked_for_is_flipped() -> None:
    assert (flip(np.ones(50), 0.3, np.random.default_rng(1)) == -1).sum() == 15


@pytest.mark.parametrize(
    ("patterns", "words"),
    [
        ([], "at least one pattern"),
        ([np.ones(3), np.ones(4)], r"patterns of one size, got \[3, 4\]"),
        ([np.array([0.0, 1.0])], "−1 and \\+1 only"),
        ([np.ones(3), np.ones(3)], "All 2 patterns are the same"),
    ],
)
def test_patterns_that_cannot_be_stored_are_named_in_one_sentence(patterns: list[np.ndarray], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        stack_patterns(patterns)


def test_an_unknown_rule_a_state_of_another_size_and_a_share_beyond_one_are_refused() -> None:
    weights = store([np.ones(4)])
    with pytest.raises(ValueError, match="'hebbian' or 'pseudo-inverse'"):
        store([np.ones(4)], "oja")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="network has 4 units, but the state has 3"):
        recall_synchronously(weights, np.ones(3))
    with pytest.raises(ValueError, match="between 0 and 1, got 1"):
        flip(np.ones(4), 1.5, np.random.default_rng(1))
