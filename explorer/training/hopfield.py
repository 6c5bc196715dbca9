"""How many random patterns a Hopfield network can hold, measured: store, disturb, let go, compare.

Hebb's rule is said to collapse at P = 0.138 N (Amit, Gutfreund & Sompolinsky, 1985). That is the limit of large N;
small networks go down later and less steeply, which the measurement shows too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from explorer.models.hopfield import Rule, flip, overlap, relax, store
from explorer.training.threads import use_one_blas_thread

LARGEST = 1000  # units: bounds what one visitor asks of the server
RECALLED = 0.9  # an overlap from here on counts as the pattern recalled; well above 0.138 N it falls to about 0.35
# One pattern in ten lost. Below the critical load larger networks recall better, above it worse; the curves of all
# sizes cross near this share, so the load measured here hardly depends on N.
LEVEL = 0.9
LOADS = (0.02, 0.05, 0.08, 0.1, 0.11, 0.12, 0.13, 0.14, 0.15, 0.16, 0.17, 0.18, 0.2, 0.22, 0.25)


@dataclass(frozen=True)
class CapacityConfig:
    """units: N. rule: how patterns are stored. noise: share of the units flipped before recall. trials: networks
    for each load. loads: P / N to measure. seed: of patterns, noise and the order of updates.
    Raises ValueError naming the option that cannot be.
    """

    units: int = 200
    rule: Rule = "hebbian"
    noise: float = 0.0
    trials: int = 4
    seed: int = 1
    loads: tuple[float, ...] = field(default=LOADS)

    def __post_init__(self) -> None:
        if not 50 <= self.units <= LARGEST:
            raise ValueError(f"The number of units must be between 50 and {LARGEST}, got {self.units}.")
        if not 0 <= self.noise < 0.5:
            raise ValueError(f"The noise must be below 0.5, where nothing of the pattern is left; got {self.noise}.")
        if self.trials < 1:
            raise ValueError(f"Measure at least one network for each load, got {self.trials}.")
        if not self.loads or min(self.loads) <= 0 or list(self.loads) != sorted(self.loads):
            raise ValueError(f"The loads must be rising numbers above 0, got {self.loads}.")


@dataclass(frozen=True)
class CapacityProgress:
    """After one network of `units`.

    loads: (L,) those measured so far, as P / N with P whole. overlap: (L,) mean overlap of where recall ended with the
    pattern it began at. recalled: (L,) share of patterns whose overlap reached 0.9.
    """

    step: int
    steps: int
    units: int
    loads: np.ndarray
    overlap: np.ndarray
    recalled: np.ndarray


def measure_capacity(config: CapacityConfig) -> Iterator[CapacityProgress]:
    """Yield after each network: first one of every load, then again, so that the whole curve sharpens together."""
    use_one_blas_thread()
    generator = np.random.default_rng(config.seed)
    counts = [max(2, round(load * config.units)) for load in config.loads]
    measured: list[list[np.ndarray]] = [[] for _ in counts]
    steps = len(counts) * config.trials
    for step in range(1, steps + 1):
        place = (step - 1) % len(counts)
        measured[place].append(recall_overlaps(config, counts[place], generator))
        known = [(count, np.concatenate(found)) for count, found in zip(counts, measured, strict=True) if found]
        yield CapacityProgress(
            step,
            steps,
            config.units,
            np.array([count / config.units for count, _ in known]),
            np.array([found.mean() for _, found in known]),
            np.array([(found >= RECALLED).mean() for _, found in known]),
        )


def recall_overlaps(config: CapacityConfig, n_patterns: int, generator: np.random.Generator) -> np.ndarray:
    """Store random patterns, start from each with noise, and give the overlaps in the end, (P,)."""
    patterns = generator.choice((-1.0, 1.0), (n_patterns, config.units))
    weights = store(list(patterns), config.rule)
    cues = np.stack([flip(pattern, config.noise, generator) for pattern in patterns])
    return overlap(relax(weights, cues, generator), patterns)


def collapse(loads: np.ndarray, recalled: np.ndarray, level: float = LEVEL) -> float | None:
    """The load at which the share recalled first falls through `level`, on a line between the two points beside it;
    None where it does not.

    >>> collapse(np.array([0.1, 0.2]), np.array([1.0, 0.0]), level=0.5)
    0.15
    """
    for i in range(1, len(loads)):
        before, after = recalled[i - 1], recalled[i]
        if before >= level > after:
            return round(float(loads[i - 1] + (before - level) / (before - after) * (loads[i] - loads[i - 1])), 4)
    return None
