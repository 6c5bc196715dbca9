"""Runs of the first learning rules, one point or pattern at a time: the perceptron, and Hebb's rule beside Oja's.

Shapes: N points or patterns; here each is two numbers, so that it can be drawn.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from explorer.models.neurons import CORNERS, GATES, check_rate, hebb_update, oja_update, perceptron_update
from explorer.training.trainer import DivergedError

CLOUDS = "two clouds"
TASKS = (*GATES, CLOUDS)
CLOUD_SIZE = 20
# A direction that is neither axis, so that both weights are needed to tell the clouds apart.
APART = np.array([0.8, 0.6])
# Halfway between the clouds: away from the origin, so that the threshold has to be found too.
MIDDLE = np.array([3.0, 3.0])
# Hebb's weights are followed up to this length, then left there: beyond, only the exponent grows.
HEBB_LIMIT = 1e9


@dataclass(frozen=True)
class PerceptronConfig:
    """task: a gate, whose points are the four corners, or "two clouds". distance: between the clouds' middles, each
    of spread 1. rate: η. rounds: how often at most all points are gone through. pace: points a second at most, to
    watch. seed: of the clouds and of the order in which points come. Raises ValueError naming what cannot be.
    """

    task: str = "AND"
    distance: float = 6.0
    rate: float = 1.0
    rounds: int = 30
    pace: float = 10.0
    seed: int = 1

    def __post_init__(self) -> None:
        if self.task not in TASKS:
            raise ValueError(f"Expected one of {', '.join(TASKS)}, got {self.task!r}.")
        if not (math.isfinite(self.distance) and self.distance >= 0):
            raise ValueError(f"The distance between the clouds must be 0 or more, got {self.distance}.")
        check_rate(self.rate)
        if self.rounds < 1:
            raise ValueError(f"The rounds must be at least 1, got {self.rounds}.")
        _check_pace(self.pace)


@dataclass(frozen=True)
class PerceptronProgress:
    """After one point was looked at.

    config: of this run, which says what the points are. step, steps: points looked at, and at most. index: of the
    point among the task's. mistaken: whether the answer was wrong, so that the weights moved. weights (2,), bias:
    after it; the unit fires where weights · x + bias ≥ 0. mistakes: so far. by_round: mistakes in each round, the
    one in hand included. converged: a whole round went by without a mistake, so nothing will change any more.
    """

    config: PerceptronConfig
    step: int
    steps: int
    index: int
    mistaken: bool
    weights: np.ndarray
    bias: float
    mistakes: int
    by_round: tuple[int, ...]
    converged: bool


def task_points(task: str, distance: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """The points (N, 2) of a task and their targets (N,), 0 or 1: the corners of a gate, or two clouds.

    The same seed gives clouds of the same shape at every distance: only the way between them changes.
    """
    if task != CLOUDS:
        return CORNERS, np.array(GATES[task].targets)
    spread = np.random.default_rng(seed).standard_normal((2 * CLOUD_SIZE, 2))
    targets = np.repeat([0, 1], CLOUD_SIZE)
    return MIDDLE + spread + np.where(targets[:, None] == 1, 0.5, -0.5) * distance * APART, targets


def learn_perceptron(config: PerceptronConfig) -> Iterator[PerceptronProgress]:
    """Yield after each point, from weights 0, until a whole round makes no mistake or the rounds are used up."""
    points, targets = task_points(config.task, config.distance, config.seed)
    generator = np.random.default_rng(config.seed)
    weights, bias, step, by_round = np.zeros(2), 0.0, 0, []
    for _ in range(config.rounds):
        by_round.append(0)
        order = generator.permutation(len(points))
        for place, index in enumerate(order):
            started = time.monotonic()
            moved, new_bias = perceptron_update(weights, bias, points[index], int(targets[index]), config.rate)
            mistaken = bool(new_bias != bias)
            weights, bias, step = moved, new_bias, step + 1
            by_round[-1] += mistaken
            yield PerceptronProgress(
                config,
                step,
                config.rounds * len(points),
                int(index),
                mistaken,
                weights,
                bias,
                sum(by_round),
                tuple(by_round),
                converged=place == len(order) - 1 and by_round[-1] == 0,
            )
            _keep_pace(config.pace, started)
        if by_round[-1] == 0:
            return


@dataclass(frozen=True)
class StreamConfig:
    """rate: η of both rules. steps: patterns shown. stretch: how much longer than wide the cloud of patterns is, 1
    for round. angle: of its long axis, in degrees. pace: patterns a second at most, to watch. seed: of the patterns,
    their order and the first weights. Raises ValueError naming what cannot be.
    """

    rate: float = 0.02
    steps: int = 600
    stretch: float = 3.0
    angle: float = 30.0
    pace: float = 50.0
    seed: int = 1

    def __post_init__(self) -> None:
        check_rate(self.rate)
        if self.steps < 1:
            raise ValueError(f"The steps must be at least 1, got {self.steps}.")
        if not (math.isfinite(self.stretch) and self.stretch >= 1):
            raise ValueError(f"The stretch must be 1 or more, got {self.stretch}.")
        if not math.isfinite(self.angle):
            raise ValueError(f"The angle must be a finite number of degrees, got {self.angle}.")
        _check_pace(self.pace)


@dataclass(frozen=True)
class StreamProgress:
    """After one pattern. config: of this run, which says what the patterns are. index: of the pattern among the
    stream's. hebb, oja: the weights (2,) by each rule; Hebb's stay as they are once they are longer than `HEBB_LIMIT`,
    and hebb_stopped says so.
    """

    config: StreamConfig
    step: int
    steps: int
    index: int
    hebb: np.ndarray
    oja: np.ndarray
    hebb_stopped: bool

    @property
    def hebb_length(self) -> float:
        """|w| by Hebb's rule."""
        return float(np.linalg.norm(self.hebb))

    @property
    def oja_length(self) -> float:
        """|w| by Oja's rule."""
        return float(np.linalg.norm(self.oja))


def stream_patterns(stretch: float, angle: float, seed: int, count: int = 200) -> np.ndarray:
    """A cloud of patterns (count, 2) around 0, `stretch` long and 1 wide along `angle` degrees. Their mean is 0."""
    turn = math.radians(angle)
    axes = np.array([[math.cos(turn), math.sin(turn)], [-math.sin(turn), math.cos(turn)]])
    cloud = np.random.default_rng(seed).standard_normal((count, 2)) * [stretch, 1.0] @ axes
    return np.asarray(cloud - cloud.mean(axis=0))


def follow_stream(config: StreamConfig) -> Iterator[StreamProgress]:
    """Yield after each pattern of the stream: the same patterns and the same first weights for both rules.

    Raises DivergedError where Oja's weights leave all bounds, which too high a rate brings about.
    """
    patterns = stream_patterns(config.stretch, config.angle, config.seed)
    generator = np.random.default_rng(config.seed)
    first = generator.standard_normal(2)
    hebb = oja = 0.5 * first / np.linalg.norm(first)
    stopped = False
    for step in range(1, config.steps + 1):
        started = time.monotonic()
        index = int(generator.integers(len(patterns)))
        stopped = stopped or float(np.linalg.norm(hebb)) > HEBB_LIMIT
        if not stopped:
            hebb = hebb_update(hebb, patterns[index], config.rate)
        oja = oja_update(oja, patterns[index], config.rate)
        if not np.linalg.norm(oja) < HEBB_LIMIT:
            raise DivergedError(
                f"Oja's weights left all bounds at step {step}: the rate {config.rate:g} is too high for patterns "
                "of this size."
            )
        yield StreamProgress(config, step, config.steps, index, hebb, oja, stopped)
        _keep_pace(config.pace, started)


def _check_pace(pace: float) -> None:
    if not (math.isfinite(pace) and pace > 0):
        raise ValueError(f"The pace must be a positive number, got {pace}.")


def _keep_pace(pace: float, started: float) -> None:
    time.sleep(max(0.0, 1 / pace - (time.monotonic() - started)))
