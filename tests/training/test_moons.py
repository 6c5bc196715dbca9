"""The moons network: it learns, its gradients are PyTorch's, and what the page says about it is so."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from explorer.training.moons import (
    BOUNDS,
    COLUMNS,
    LOSSES,
    ROWS,
    MoonsConfig,
    MoonsProgress,
    build,
    moons,
    parameter_names,
    surface,
    train_moons,
)
from explorer.training.trainer import DivergedError

FAST = MoonsConfig(pace=1e9)
SMALL = replace(FAST, points=20, hidden=4, steps=5)


def run(config: MoonsConfig) -> list[MoonsProgress]:
    return list(train_moons(config))


@pytest.fixture(scope="module")
def hinge_run() -> list[MoonsProgress]:
    return run(FAST)


def test_a_hundred_steps_on_moons_put_every_point_on_its_side(hinge_run: list[MoonsProgress]) -> None:
    assert [progress.step for progress in hinge_run] == list(range(1, 101))
    assert hinge_run[-1].accuracy == 1.0
    assert hinge_run[-1].loss < hinge_run[0].loss / 10


def test_torchs_gradients_are_equal_all_through_the_run(hinge_run: list[MoonsProgress]) -> None:
    assert max(progress.snapshot.largest_difference for progress in hinge_run) < 1e-12
    last = hinge_run[-1].snapshot
    assert last.step == 100
    assert last.ours.shape == last.torchs.shape == (337,)
    assert last.torch_loss == pytest.approx(last.loss, rel=1e-12)


@pytest.mark.parametrize("loss", list(LOSSES))
@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_every_loss_falls_and_has_torchs_gradient(loss: str, activation: str) -> None:
    progress = run(replace(SMALL, loss=loss, activation=activation, learning_rate=0.05))  # type: ignore[arg-type]
    assert progress[-1].loss < progress[0].loss
    assert max(p.snapshot.largest_difference for p in progress) < 1e-12
    assert np.abs(progress[0].snapshot.ours).max() > 1e-3


def test_squared_error_at_a_rate_of_one_ends_in_a_sentence() -> None:
    with pytest.raises(DivergedError, match="the learning rate 1 is too high"):
        run(replace(FAST, loss="squared error"))


def test_one_neuron_a_layer_leaves_points_on_the_wrong_side_of_a_straight_line() -> None:
    last = run(replace(FAST, hidden=1))[-1]
    assert last.accuracy < 1
    # A straight boundary: the middle of two points on one side is on that side.
    positive = last.snapshot.scores > 0
    rows = [np.flatnonzero(row) for row in positive]
    assert all(len(row) == row[-1] - row[0] + 1 for row in rows if len(row))


def test_the_same_seed_trains_the_same_and_another_seed_does_not() -> None:
    first, again, other = run(SMALL)[-1], run(SMALL)[-1], run(replace(SMALL, seed=2))[-1]
    assert first.loss == again.loss != other.loss
    assert (first.snapshot.weights == again.snapshot.weights).all()


def test_the_surface_holds_the_networks_own_scores() -> None:
    model = build(SMALL)
    scores = surface(model, SMALL)
    left, right, bottom, top = BOUNDS
    x = left + 7.5 * (right - left) / COLUMNS
    y = bottom + 3.5 * (top - bottom) / ROWS
    assert scores.shape == (ROWS, COLUMNS)
    assert scores[3, 7] == pytest.approx(model([x, y]).data, rel=1e-12)


def test_points_come_in_two_classes_of_equal_size() -> None:
    points, classes = moons(FAST)
    assert points.shape == (100, 2)
    assert sorted(np.unique(classes, return_counts=True)[1].tolist()) == [50, 50]
    assert set(classes.tolist()) == {-1, 1}


def test_parameters_are_named_in_the_order_of_the_gradients() -> None:
    names = parameter_names(FAST)
    assert len(names) == 337
    assert names[:3] == ("layer 1, neuron 1, weight 1", "layer 1, neuron 1, weight 2", "layer 1, neuron 1, bias")
    assert names[-1] == "layer 3, neuron 1, bias"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"learning_rate": 0.0}, "learning_rate must be a positive number, got 0.0"),
        ({"learning_rate": float("nan")}, "learning_rate"),
        ({"hidden": 0}, "hidden must be from 1 to 32, got 0"),
        ({"steps": 0}, "steps must be from 1"),
        ({"points": 2}, "points must be from 4"),
        ({"noise": -0.1}, "noise must be 0 or more"),
        ({"loss": "mean"}, "hinge, squared error, cross-entropy; got 'mean'"),
    ],
)
def test_settings_that_cannot_be_are_refused_by_name(change: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        MoonsConfig(**change)  # type: ignore[arg-type]
