"""The capacity of a Hopfield network, measured."""

from __future__ import annotations

import numpy as np
import pytest

from explorer.training.hopfield import CapacityConfig, CapacityProgress, collapse, measure_capacity


def measure(config: CapacityConfig) -> CapacityProgress:
    return list(measure_capacity(config))[-1]


def test_recall_by_hebbs_rule_collapses_near_0138_n() -> None:
    loads = (0.08, 0.1, 0.12, 0.13, 0.14, 0.15, 0.17, 0.2, 0.25)
    measured = measure(CapacityConfig(units=300, trials=3, loads=loads))
    place = collapse(measured.loads, measured.recalled)
    assert place == pytest.approx(0.138, abs=0.012)
    assert measured.recalled[:2].min() > 0.98
    assert measured.recalled[-1] < 0.2


def test_the_fall_is_steeper_in_a_larger_network() -> None:
    small, large = (measure(CapacityConfig(units=n, trials=6, loads=(0.08, 0.2))).recalled for n in (60, 300))
    assert large[0] >= small[0]
    assert large[1] < small[1]


def test_the_pseudo_inverse_recalls_where_hebbs_rule_has_collapsed() -> None:
    loads = (0.2, 0.3)
    shares = {
        rule: measure(CapacityConfig(200, rule, 0.05, 1, loads=loads)).recalled
        for rule in ("hebbian", "pseudo-inverse")
    }
    assert shares["pseudo-inverse"].min() == 1
    assert shares["hebbian"].max() < 0.6


def test_the_same_seed_measures_the_same_and_every_network_is_a_step() -> None:
    config = CapacityConfig(units=60, trials=2, loads=(0.1, 0.2))
    first, second = list(measure_capacity(config)), list(measure_capacity(config))
    assert [progress.step for progress in first] == [1, 2, 3, 4]
    assert [len(progress.loads) for progress in first] == [1, 2, 2, 2]
    np.testing.assert_array_equal(first[-1].overlap, second[-1].overlap)


def test_a_share_that_never_falls_has_no_collapse() -> None:
    assert collapse(np.array([0.1, 0.2]), np.array([1.0, 0.95])) is None


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"units": 10}, "between 50 and 1000, got 10"),
        ({"noise": 0.5}, "noise must be below 0.5"),
        ({"trials": 0}, "at least one network"),
        ({"loads": (0.2, 0.1)}, "rising numbers above 0"),
    ],
)
def test_options_that_cannot_be_are_named(options: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        CapacityConfig(**options)  # type: ignore[arg-type]
