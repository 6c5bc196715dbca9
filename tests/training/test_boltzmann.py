"""Learning a distribution by two phases."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest

from explorer.training.boltzmann import DATA, BoltzmannConfig, BoltzmannProgress, learn_distribution


def learn(**options: object) -> list[BoltzmannProgress]:
    return list(learn_distribution(BoltzmannConfig(pace=1e9, learning_rate=1.0, **options)))  # type: ignore[arg-type]


@pytest.mark.parametrize(("data", "hidden"), [("parity", 2), ("one of four, twice", 1)])
def test_with_exact_phases_the_divergence_falls_at_every_update(data: str, hidden: int) -> None:
    curve = [progress.divergence for progress in learn(data=data, hidden=hidden, updates=300)]
    assert all(after <= before + 1e-12 for before, after in pairwise(curve))
    assert curve[-1] < 0.5 * curve[0]


def test_without_a_hidden_unit_parity_cannot_be_learned_and_with_one_it_can() -> None:
    assert learn(hidden=0, updates=1000)[-1].divergence == pytest.approx(math.log(2), abs=1e-4)
    assert learn(hidden=1, updates=1000)[-1].divergence < 0.12


def test_with_sampled_free_phases_it_learns_too_though_not_at_every_update() -> None:
    curve = [progress.divergence for progress in learn(data="parity", free_phase="Gibbs", updates=800)]
    assert min(curve[-100:]) < 0.3
    assert any(after > before for before, after in pairwise(curve))


def test_at_the_end_the_two_phases_of_a_learned_distribution_agree() -> None:
    last = learn(data="one of four, twice", hidden=0, updates=800)[-1].snapshot
    assert np.abs(last.with_data - last.free).max() < 0.01
    np.testing.assert_allclose(last.visible, last.data, atol=0.02)


def test_the_data_sets_are_what_they_say() -> None:
    assert {name: make().shape for name, make in DATA.items()} == {
        "parity": (4, 3),
        "one of four, twice": (4, 8),
        "bars and stripes": (14, 9),
    }
    assert (DATA["parity"]().sum(axis=1) % 2 == 0).all()


def test_the_same_seed_gives_the_same_curve_and_another_seed_another() -> None:
    curves = [
        [progress.divergence for progress in learn(updates=30, free_phase="Gibbs", seed=seed)] for seed in (1, 1, 2)
    ]
    assert curves[0] == curves[1] != curves[2]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"data": "bars and stripes", "hidden": 4}, "choose 0 to 3 hidden units, got 4"),
        ({"data": "cats"}, "got 'cats'"),
        ({"updates": 0}, "at least 1 update"),
        ({"free_phase": "guess"}, "'exact' or 'Gibbs'"),
    ],
)
def test_options_that_cannot_be_are_named(options: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        BoltzmannConfig(**options)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="learning_rate must be a positive number, got 0"):
        BoltzmannConfig(learning_rate=0)
