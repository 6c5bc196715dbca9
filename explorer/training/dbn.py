"""Greedy training of a deep belief network: a layer learns only when the one below it is done (Hinton et al., 2006)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np

from explorer.models.dbn import DBN, encode
from explorer.models.rbm import RBM
from explorer.training.rbm import (
    Digits,
    RBMConfig,
    RBMSnapshot,
    linear_accuracy,
    load_digits,
    train_rbm,
)

N_LABELS = 10


@dataclass(frozen=True)
class DBNConfig:
    """hidden: units of each layer below the top, from the pixels upwards, one or two. top: hidden units of the top
    machine. epochs, learning_rate, k: for every layer. pace: updates a second at most. seed: of the first layer; each
    next takes the one after. Raises ValueError naming the option that cannot be.
    """

    hidden: tuple[int, ...] = (256,)
    top: int = 256
    epochs: int = 30
    learning_rate: float = 0.1
    k: int = 1
    pace: float = 1e9
    seed: int = 1

    def __post_init__(self) -> None:
        if not 1 <= len(self.hidden) <= 3:
            raise ValueError(f"Choose one to three layers below the top, got {len(self.hidden)}.")
        self.layer_configs()

    def layer_configs(self) -> tuple[RBMConfig, ...]:
        """One machine's options for each layer, the top last."""
        return tuple(
            RBMConfig(units, "CD", self.k, self.epochs, self.learning_rate, pace=self.pace, seed=self.seed + number)
            for number, units in enumerate((*self.hidden, self.top))
        )


@dataclass(frozen=True)
class LayerResult:
    """A finished layer below the top. accuracy: of a logistic regression on its features, on the test digits."""

    units: int
    accuracy: float


@dataclass(frozen=True)
class DBNProgress:
    """After one update.

    layer: which learns, from 1; layer_step: its own updates; layers: how many. snapshot: of that layer's machine.
    finished: the layers done. network: with the present top machine, None until the top learns. raw_accuracy: of the
    same logistic regression on the pixels. own_accuracy: of the network's own guesses, in the last progress only.
    """

    step: int
    steps: int
    layer: int
    layer_step: int
    layers: int
    snapshot: RBMSnapshot
    finished: tuple[LayerResult, ...]
    network: DBN | None
    raw_accuracy: float
    own_accuracy: float | None


@cache
def raw_accuracy() -> float:
    """The logistic regression on raw black-and-white pixels."""
    digits = load_digits()
    return linear_accuracy(digits.train, digits.train_labels, digits.test, digits.test_labels)


def train_dbn(config: DBNConfig) -> Iterator[DBNProgress]:
    """Yield after each update of any layer, on the digits."""
    digits = load_digits()
    configs = config.layer_configs()
    done: tuple[RBM, ...] = ()
    finished: tuple[LayerResult, ...] = ()
    base, raw = 0, raw_accuracy()
    for number, layer in enumerate(configs, start=1):
        is_top = number == len(configs)
        train, test = _inputs(done, digits, is_top)
        last: RBMSnapshot | None = None
        for progress in train_rbm(train, test, layer):
            last, step, steps = progress.snapshot, base + progress.step, progress.steps * len(configs)
            network = DBN((*done, last.machine), N_LABELS) if is_top else None
            own = None
            if network is not None and step == steps:
                own = float((network.predict(digits.test) == digits.test_labels).mean())
            yield DBNProgress(step, steps, number, progress.step, len(configs), last, finished, network, raw, own)
        if last is None or is_top:
            return
        base += progress.steps
        done = (*done, last.machine)
        finished = (*finished, LayerResult(layer.hidden, feature_accuracy(done, digits)))


def feature_accuracy(layers: tuple[RBM, ...], digits: Digits) -> float:
    """The logistic regression on what the last of some layers says of the digits."""
    train, test = encode(layers, digits.train), encode(layers, digits.test)
    return linear_accuracy(train, digits.train_labels, test, digits.test_labels)


def _inputs(done: tuple[RBM, ...], digits: Digits, is_top: bool) -> tuple[np.ndarray, np.ndarray]:
    """What the next layer learns: the features so far, with the labels beside them for the top."""
    train, test = encode(done, digits.train), encode(done, digits.test)
    if not is_top:
        return train, test
    labels = np.eye(N_LABELS)
    return np.hstack([train, labels[digits.train_labels]]), np.hstack([test, labels[digits.test_labels]])
