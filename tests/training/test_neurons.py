"""The perceptron within Novikoff's bound, XOR without end, and Oja's weights at the first principal component."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.decomposition import PCA

from explorer.inspection.neurons import angle_between, separate
from explorer.training.neurons import (
    CLOUDS,
    HEBB_LIMIT,
    PerceptronConfig,
    PerceptronProgress,
    StreamConfig,
    StreamProgress,
    follow_stream,
    learn_perceptron,
    stream_patterns,
    task_points,
)
from explorer.training.trainer import DivergedError

AT_ONCE = 1e9  # points a second


def learned(task: str, *, seed: int = 1, distance: float = 5.0, rate: float = 1.0) -> list[PerceptronProgress]:
    return list(learn_perceptron(PerceptronConfig(task, distance, rate, pace=AT_ONCE, seed=seed)))


def followed(**settings: float) -> list[StreamProgress]:
    return list(follow_stream(StreamConfig(pace=AT_ONCE, **settings)))  # type: ignore[arg-type]


@pytest.mark.parametrize("task", ["AND", "OR", "NOT", CLOUDS])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_separable_points_are_learned_within_novikoffs_bound(task: str, seed: int) -> None:
    last = learned(task, seed=seed)[-1]
    points, targets = task_points(task, 5.0, seed)
    assert last.converged
    assert ((points @ last.weights + last.bias >= 0).astype(int) == targets).all()
    assert last.mistakes <= separate(points, targets).most_mistakes


def test_xor_has_a_mistake_in_every_round_until_it_is_stopped() -> None:
    run = learned("XOR")
    assert len(run) == run[-1].steps == 120
    assert len(run[-1].by_round) == 30
    assert min(run[-1].by_round) > 0
    assert not run[-1].converged


def test_clouds_that_overlap_are_never_learned_and_clouds_far_apart_are() -> None:
    assert not learned(CLOUDS, distance=0.0)[-1].converged
    assert learned(CLOUDS, distance=8.0)[-1].converged


def test_the_rate_scales_the_weights_and_changes_no_answer() -> None:
    slow, fast = learned("AND", rate=0.25), learned("AND", rate=4.0)
    assert [p.mistaken for p in slow] == [p.mistaken for p in fast]
    assert fast[-1].weights.tolist() == (16 * slow[-1].weights).tolist()


def test_mistakes_are_counted_point_by_point_and_round_by_round() -> None:
    run = learned(CLOUDS)
    assert [p.step for p in run] == list(range(1, len(run) + 1))
    assert [p.mistakes for p in run] == np.cumsum([p.mistaken for p in run]).tolist()
    assert sum(run[-1].by_round) == run[-1].mistakes
    assert sorted(p.index for p in run[:40]) == list(range(40))


def test_the_same_seed_gives_the_same_run_and_another_seed_another() -> None:
    first, again, other = (learned(CLOUDS, seed=seed) for seed in (1, 1, 2))
    assert [p.index for p in first] == [p.index for p in again]
    assert [p.index for p in first[:40]] != [p.index for p in other[:40]]


def test_moving_the_clouds_apart_moves_them_and_keeps_their_shape() -> None:
    near, targets = task_points(CLOUDS, 1.0, 1)
    far, _ = task_points(CLOUDS, 6.0, 1)
    shift = far - near
    assert np.allclose(shift[targets == 1], [2.0, 1.5])
    assert np.allclose(shift[targets == 0], [-2.0, -1.5])


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("angle", [30.0, -60.0])
def test_ojas_weights_come_to_lie_along_scikit_learns_first_component_with_length_one(seed: int, angle: float) -> None:
    last = followed(rate=0.005, steps=2000, angle=angle, seed=seed)[-1]
    component = PCA(1).fit(stream_patterns(3.0, angle, seed)).components_[0]
    assert last.oja_length == pytest.approx(1, abs=0.05)
    assert angle_between(last.oja, component) < 5


def test_hebbs_weights_never_shorten_and_pass_every_bound() -> None:
    run = followed()
    lengths = [p.hebb_length for p in run]
    assert (np.diff(lengths) >= 0).all()
    assert lengths[-1] > HEBB_LIMIT
    assert run[-1].hebb_stopped
    assert abs(run[-1].oja_length - 1) < 0.05


def test_both_rules_begin_with_the_same_weights() -> None:
    first = followed(rate=1e-9, steps=1)[0]
    assert first.hebb == pytest.approx(first.oja)


def test_too_high_a_rate_for_oja_is_said() -> None:
    with pytest.raises(DivergedError, match=r"left all bounds at step \d+: the rate 0.2 is too high"):
        followed(rate=0.2)


@pytest.mark.parametrize("rate", [0.0, float("nan")])
def test_a_rate_of_zero_or_nan_is_refused_before_a_run(rate: float) -> None:
    for config in (PerceptronConfig, StreamConfig):
        with pytest.raises(ValueError, match="rate η must be a positive number"):
            config(rate=rate)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"task": "NAND"}, "Expected one of AND, OR, NOT, XOR, two clouds, got 'NAND'"),
        ({"distance": float("nan")}, "distance between the clouds must be 0 or more"),
        ({"rounds": 0}, "rounds must be at least 1"),
        ({"pace": 0.0}, "pace must be a positive number"),
    ],
)
def test_settings_that_cannot_be_are_named(settings: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        PerceptronConfig(**settings)  # type: ignore[arg-type]


@pytest.mark.parametrize("settings", [{"steps": 0}, {"stretch": 0.5}, {"angle": float("inf")}, {"pace": -1.0}])
def test_stream_settings_that_cannot_be_are_named(settings: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(settings))):
        StreamConfig(**settings)  # type: ignore[arg-type]
