"""Training a restricted Boltzmann machine on scikit-learn's 8 × 8 digits, by CD-k or persistent CD.

    ΔW = rate · (⟨v hᵀ⟩_data − ⟨v hᵀ⟩_model)

CD-k (Hinton, 2002) begins the model's side at the data; persistent CD (Tieleman, 2008) keeps chains of its own that
never restart. Momentum and small first weights follow Hinton's practical guide (2010); the rate falls in a straight
line to 0, so that the last steps average the noise of sampling away.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np

from explorer.models.rbm import RBM, draw
from explorer.training.threads import use_one_blas_thread

PIXELS = (8, 8)
TRAIN_SHARE = 0.75
SNAPSHOTS = 40
# A snapshot must not cost more than the steps between two: so many pictures of each set, fewer for large machines.
MEASURED, LARGEST_MEASUREMENT = 200, 4_000_000
Algorithm = Literal["CD", "PCD"]


@dataclass(frozen=True)
class Digits:
    """scikit-learn's handwritten digits, black and white. train, test: (n, 64) of 0 and 1. train_labels, test_labels:
    (n,) whole numbers 0 … 9."""

    train: np.ndarray
    train_labels: np.ndarray
    test: np.ndarray
    test_labels: np.ndarray


@cache
def load_digits(split: int = 3) -> Digits:
    """The 1,797 digits, pixels of 8 … 16 as 1 and lighter ones as 0, three quarters of them for training.

    The units of the machine are 0 or 1, so the pixels are too. `split` seeds
    the shuffle before the cut: of 0 … 3, the third has accuracies nearest to the average of all four.
    """
    from sklearn.datasets import load_digits as load

    pixels, labels = load(return_X_y=True)
    order = np.random.default_rng(split).permutation(len(pixels))
    pictures = (pixels[order] >= 8).astype(float)
    n = round(TRAIN_SHARE * len(order))
    for array in (pictures, labels := labels[order]):
        array.flags.writeable = False  # shared by every caller
    return Digits(pictures[:n], labels[:n], pictures[n:], labels[n:])


def linear_accuracy(train: np.ndarray, train_labels: np.ndarray, test: np.ndarray, test_labels: np.ndarray) -> float:
    """Share of test rows, (n, d), that a logistic regression fitted on the training rows names rightly."""
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(max_iter=2000).fit(train, train_labels)
    return float(model.score(test, test_labels))


@dataclass(frozen=True)
class RBMConfig:
    """hidden: H. algorithm: "CD" or "PCD". k: Gibbs steps an update. epochs: passes over the training digits.
    learning_rate, momentum, weight_decay: of the update. batch_size: pictures, and persistent chains, an update.
    pace: updates a second at most, to watch. seed: of weights, batches and chains.
    Raises ValueError naming the option that cannot be.
    """

    hidden: int = 64
    algorithm: Algorithm = "CD"
    k: int = 1
    epochs: int = 30
    learning_rate: float = 0.1
    momentum: float = 0.5
    weight_decay: float = 1e-4
    batch_size: int = 10
    pace: float = 1e9
    seed: int = 1

    def __post_init__(self) -> None:
        if self.k < 1:
            raise ValueError(f"k must be at least 1, got {self.k}: without a Gibbs step both phases are the same.")
        for name, most in (("hidden", 512), ("epochs", 300), ("batch_size", 200)):
            if not 1 <= getattr(self, name) <= most:
                raise ValueError(f"{name} must be between 1 and {most}, got {getattr(self, name)}.")
        if self.k > 50:
            raise ValueError(f"k must be at most 50, got {self.k}.")
        if self.algorithm not in ("CD", "PCD"):
            raise ValueError(f"Expected the algorithm 'CD' or 'PCD', got {self.algorithm!r}.")
        if not (math.isfinite(self.learning_rate) and self.learning_rate > 0):
            raise ValueError(f"learning_rate must be a positive number, got {self.learning_rate}.")
        if not self.pace > 0:
            raise ValueError(f"pace must be above 0 updates a second, got {self.pace}.")
        if not (0 <= self.momentum < 1 and 0 <= self.weight_decay < 1):
            raise ValueError("momentum and weight_decay must be at least 0 and below 1.")


@dataclass(frozen=True)
class RBMSnapshot:
    """At one step: the machine, and on up to 200 training and 200 test pictures its mean pseudo-likelihood in nats a picture
    and mean free energy in nats."""

    step: int
    machine: RBM
    train_likelihood: float
    test_likelihood: float
    train_free_energy: float
    test_free_energy: float


@dataclass(frozen=True)
class RBMProgress:
    """After one update. epoch: passes done, with fraction. snapshot: the latest one taken."""

    step: int
    steps: int
    epoch: float
    snapshot: RBMSnapshot


@dataclass
class Learner:
    """The parameters on their way, with the momentum of each and the persistent chains."""

    config: RBMConfig
    machine: RBM
    chains: np.ndarray
    generator: np.random.Generator

    def __post_init__(self) -> None:
        self.speed = [np.zeros_like(part) for part in self._parts()]

    def _parts(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return self.machine.weights, self.machine.visible_bias, self.machine.hidden_bias

    def update(self, data: np.ndarray, rate: float) -> None:
        """One step towards the batch, (n, V), and away from what the model draws."""
        machine, config = self.machine, self.config
        on_data = machine.hidden_probabilities(data)
        start = self.chains if config.algorithm == "PCD" else data
        model = machine.gibbs(start, config.k, self.generator)
        on_model = machine.hidden_probabilities(model)
        if config.algorithm == "PCD":
            self.chains = model
        gradients = (
            data.T @ on_data / len(data) - model.T @ on_model / len(model) - config.weight_decay * machine.weights,
            data.mean(axis=0) - model.mean(axis=0),
            on_data.mean(axis=0) - on_model.mean(axis=0),
        )
        self.speed = [
            config.momentum * old + rate * gradient for old, gradient in zip(self.speed, gradients, strict=True)
        ]
        self.machine = RBM(*(part + step for part, step in zip(self._parts(), self.speed, strict=True)))


def train_rbm(data: np.ndarray, test: np.ndarray, config: RBMConfig) -> Iterator[RBMProgress]:
    """Yield after each update on `data`, (n, V) of 0 … 1; `test` is only measured.

    Raises ValueError where the weights stop being finite, or for pictures of another size than the test's.
    """
    if data.ndim != 2 or data.shape[1:] != test.shape[1:]:
        raise ValueError(f"Expected pictures of one size, got {data.shape} to train and {test.shape} to test.")
    use_one_blas_thread()
    generator = np.random.default_rng(config.seed)
    machine = RBM.random(data, config.hidden, generator)
    chains = draw(np.broadcast_to(data.mean(axis=0), (config.batch_size, data.shape[1])), generator)
    learner = Learner(config, machine, chains, generator)
    per_epoch = math.ceil(len(data) / config.batch_size)
    steps = config.epochs * per_epoch
    every = max(1, steps // SNAPSHOTS)
    snapshot = take_snapshot(0, machine, data, test)
    order = np.arange(len(data))
    for step in range(1, steps + 1):
        started = time.monotonic()
        place = (step - 1) % per_epoch
        if place == 0:
            order = generator.permutation(len(data))
        batch = data[order[place * config.batch_size : (place + 1) * config.batch_size]]
        learner.update(batch, config.learning_rate * (1 - (step - 1) / steps))
        if step % every == 0 or step == steps:
            snapshot = take_snapshot(step, learner.machine, data, test)
            if not np.isfinite(snapshot.train_likelihood):
                raise ValueError(f"The weights stopped being finite at step {step}: lower the learning rate.")
        yield RBMProgress(step, steps, step / per_epoch, snapshot)
        time.sleep(max(0.0, 1 / config.pace - (time.monotonic() - started)))


def take_snapshot(step: int, machine: RBM, data: np.ndarray, test: np.ndarray) -> RBMSnapshot:
    """Measure a machine on the first pictures of each set."""
    count = min(MEASURED, LARGEST_MEASUREMENT // machine.weights.size)
    train, test = as_bits(data[:count]), as_bits(test[:count])
    return RBMSnapshot(
        step,
        machine,
        float(machine.pseudo_likelihood(train).mean()),
        float(machine.pseudo_likelihood(test).mean()),
        float(machine.free_energy(train).mean()),
        float(machine.free_energy(test).mean()),
    )


def as_bits(pictures: np.ndarray) -> np.ndarray:
    """The pictures with every pixel as 0 or 1: the measures flip pixels."""
    return (pictures >= 0.5).astype(float)


def train_on_digits(config: RBMConfig) -> Iterator[RBMProgress]:
    """`train_rbm` on the digits."""
    digits = load_digits()
    yield from train_rbm(digits.train, digits.test, config)
