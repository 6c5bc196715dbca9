"""A small Boltzmann machine learns a distribution by its two phases (Ackley, Hinton & Sejnowski, 1985).

The data's phase is worked out exactly. The free phase is exact too, or estimated by Gibbs chains that go on from update
to update, as in practice: then the divergence, always reported exactly, goes down with a tremble.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from explorer.models.boltzmann import (
    LARGEST_EXACT,
    BoltzmannMachine,
    all_states,
    clamped_distribution,
    correlations,
    divergence,
    state_numbers,
    visible_distribution,
)
from explorer.training.threads import use_one_blas_thread

CHAINS = 200
SNAPSHOTS = 60


def parity() -> np.ndarray:
    """Three units, an even number of them on: any two look independent, only the three together show the rule."""
    return all_states(3)[all_states(3).sum(axis=1) % 2 == 0]


def twins() -> np.ndarray:
    """One of four units on, and the same one in a second group of four; the paper's 4-2-4 encoder learns this too, but
    with the direct ties between the groups cut."""
    return np.hstack([np.eye(4), np.eye(4)])


def stripes() -> np.ndarray:
    """Pictures of 3 × 3 pixels whose rows, or whose columns, are full or empty: 14 different ones."""
    lines = all_states(3)
    rows = np.repeat(lines, 3, axis=1)
    columns = np.tile(lines, (1, 3))
    return np.unique(np.vstack([rows, columns]), axis=0)


DATA = {"parity": parity, "one of four, twice": twins, "bars and stripes": stripes}
DESCRIPTIONS = {
    "parity": "3 visible units, an even number of them on",
    "one of four, twice": "8 visible units: one of four on, and the same one of four others",
    "bars and stripes": "9 visible units, 3 × 3 pixels: full rows, or full columns",
}


@dataclass(frozen=True)
class BoltzmannConfig:
    """data: a name of DATA. hidden: units that no data holds. updates. learning_rate. free_phase: "exact", or "Gibbs"
    with 200 chains, 2 sweeps an update. pace: updates a second at most. seed: of weights and chains.
    Raises ValueError naming the option that cannot be.
    """

    data: str = "parity"
    hidden: int = 2
    updates: int = 600
    learning_rate: float = 0.5
    free_phase: Literal["exact", "Gibbs"] = "exact"
    pace: float = 200.0
    seed: int = 1

    def __post_init__(self) -> None:
        if self.data not in DATA:
            raise ValueError(f"Expected the data to be one of {', '.join(DATA)}; got {self.data!r}.")
        n_visible = DATA[self.data]().shape[1]
        if not 0 <= self.hidden <= LARGEST_EXACT - n_visible:
            raise ValueError(
                f"{self.data} has {n_visible} visible units, and exact sums allow {LARGEST_EXACT} in all: choose 0 to "
                f"{LARGEST_EXACT - n_visible} hidden units, got {self.hidden}."
            )
        if self.updates < 1:
            raise ValueError(f"Expected at least 1 update, got {self.updates}.")
        for name in ("learning_rate", "pace"):
            if not (math.isfinite(getattr(self, name)) and getattr(self, name) > 0):
                raise ValueError(f"{name} must be a positive number, got {getattr(self, name)}.")
        if self.free_phase not in ("exact", "Gibbs"):
            raise ValueError(f"Expected the free phase to be 'exact' or 'Gibbs', got {self.free_phase!r}.")


@dataclass(frozen=True)
class BoltzmannSnapshot:
    """At one update: the machine; visible: (2^V,) what its visible units do when left alone; data: (2^V,) what they
    should do; with_data, free: (N, N) the two phases' ⟨s_i s_j⟩, whose difference is the update."""

    step: int
    machine: BoltzmannMachine
    visible: np.ndarray
    data: np.ndarray
    with_data: np.ndarray
    free: np.ndarray


@dataclass(frozen=True)
class BoltzmannProgress:
    """divergence: exact KL from the data to the visible units, in nats, before the update. snapshot: the latest."""

    step: int
    steps: int
    divergence: float
    snapshot: BoltzmannSnapshot


def learn_distribution(config: BoltzmannConfig) -> Iterator[BoltzmannProgress]:
    """Yield after each update of weights and biases. Raises ValueError where the divergence stops being finite."""
    use_one_blas_thread()
    generator = np.random.default_rng(config.seed)
    patterns = DATA[config.data]()
    V = patterns.shape[1]
    N = V + config.hidden
    data = np.bincount(state_numbers(patterns), minlength=2**V) / len(patterns)
    states = all_states(N)
    machine = BoltzmannMachine.random(N, 1.0, generator)  # smaller ones leave parity in a saddle
    chains = (generator.random((CHAINS, N)) < 0.5).astype(float)
    every = max(1, config.updates // SNAPSHOTS)
    snapshot: BoltzmannSnapshot | None = None
    for step in range(1, config.updates + 1):
        started = time.monotonic()
        joint = machine.distribution()
        with_data = correlations(states, clamped_distribution(joint, data))
        if config.free_phase == "exact":
            free = correlations(states, joint)
        else:
            chains = machine.gibbs(chains, 2, generator)
            free = correlations(chains, np.full(CHAINS, 1 / CHAINS))
        visible = visible_distribution(joint, V)
        apart = divergence(data, visible)
        if not math.isfinite(apart):
            raise ValueError(f"The divergence became {apart} at update {step}: lower the learning rate.")
        if snapshot is None or step % every == 0 or step == config.updates:
            snapshot = BoltzmannSnapshot(step, machine, visible, data, with_data, free)
        machine = _moved(machine, config.learning_rate * (with_data - free))
        yield BoltzmannProgress(step, config.updates, apart, snapshot)
        time.sleep(max(0.0, 1 / config.pace - (time.monotonic() - started)))


def _moved(machine: BoltzmannMachine, change: np.ndarray) -> BoltzmannMachine:
    """Off the diagonal the change is of weights; on it, of biases, since s_i s_i = s_i."""
    off = np.tril(change, -1)
    return BoltzmannMachine(machine.weights + off + off.T, machine.biases + change.diagonal())
