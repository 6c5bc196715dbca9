"""Energy models opened up: a recall and one unit's field, a chain beside its exact distribution, what an RBM sees.

Shapes: N units, P patterns, K recorded states, S = 2^N states, F filters, n pictures.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from explorer.inspection.arithmetic import CellArithmetic, dot_product
from explorer.models.boltzmann import BoltzmannMachine, all_states, check_temperature, state_numbers, total_variation
from explorer.models.dbn import DBN
from explorer.models.hopfield import (
    Recall,
    Rule,
    flip,
    overlap,
    recall_asynchronously,
    recall_synchronously,
    stack_patterns,
    store,
)
from explorer.models.rbm import RBM
from explorer.text.glyphs import GLYPHS, SIDE
from explorer.training.rbm import PIXELS, load_digits


@dataclass(frozen=True)
class HopfieldReading:
    """One recall.

    names, patterns: P of them, (P, N) of −1 and +1. weights: (N, N). cue: (N,), what recall began with. recall: what
    happened. overlaps: (K, P), of every recorded state with every pattern. stable: (P,), whether a pattern stays as it
    is when the network starts at it.
    """

    names: tuple[str, ...]
    patterns: np.ndarray
    weights: np.ndarray
    cue: np.ndarray
    recall: Recall
    overlaps: np.ndarray
    stable: np.ndarray


@dataclass(frozen=True)
class RecallConfig:
    """stored: how many of the glyphs, in their order. shown: the name of the one that recall begins with. noise: share
    of its pixels flipped. flipped: pixels that the visitor flipped after that. synchronous: all units at once.
    seed: of noise and order of updates."""

    stored: int = 3
    shown: str = "ring"
    rule: Rule = "hebbian"
    noise: float = 0.2
    synchronous: bool = False
    seed: int = 1
    flipped: tuple[int, ...] = ()


def noisy_cue(config: RecallConfig) -> np.ndarray:
    """The picture that recall begins with, (N,). Raises ValueError for an unknown picture or pixel."""
    if config.shown not in GLYPHS:
        raise ValueError(f"Expected one of the pictures {', '.join(GLYPHS)}; got {config.shown!r}.")
    cue = flip(GLYPHS[config.shown].ravel(), config.noise, np.random.default_rng(config.seed))
    for pixel in config.flipped:
        if not 0 <= pixel < cue.size:
            raise ValueError(f"Expected pixels from 0 to {cue.size - 1}, got {pixel}.")
        cue[pixel] *= -1
    return cue


def read_recall(config: RecallConfig) -> HopfieldReading:
    """Store some glyphs, begin at a disturbed one, and watch. Raises ValueError as the parts do."""
    if not 1 <= config.stored <= len(GLYPHS):
        raise ValueError(f"There are {len(GLYPHS)} pictures to store; choose 1 to {len(GLYPHS)}, got {config.stored}.")
    names = tuple(GLYPHS)[: config.stored]
    patterns = stack_patterns([GLYPHS[name] for name in names])
    weights = store(list(patterns), config.rule)
    cue = noisy_cue(config)
    if config.synchronous:
        recall = recall_synchronously(weights, cue)
    else:
        recall = recall_asynchronously(weights, cue, np.random.default_rng(config.seed + 1))
    overlaps = overlap(recall.states[:, None, :], patterns[None, :, :])
    stable = (patterns * (patterns @ weights) >= 0).all(axis=1)
    return HopfieldReading(names, patterns, weights, cue, recall, overlaps, stable)


def open_field(reading: HopfieldReading, state: np.ndarray, unit: int) -> CellArithmetic:
    """The sum that decides a unit's next value: Σ_j w_ij s_j."""
    return dot_product(
        reading.weights[unit],
        state,
        shown=float(reading.weights[unit] @ state),
        heading=f"What pixel {unit // SIDE}, {unit % SIDE} hears: the sum over all pixels of weight × value",
        names=("weight w", "pixel s"),
        symbol="h",
    )


@dataclass(frozen=True)
class GibbsReading:
    """A chain beside the truth.

    exact, sampled: (S,) shares of every state. energies: (S,). counts: (M,) chain lengths, doubling. distances: (M,)
    total variation between exact and sampled at each length. order: (S,) states from the likeliest down.
    """

    n_units: int
    temperature: float
    exact: np.ndarray
    sampled: np.ndarray
    energies: np.ndarray
    counts: np.ndarray
    distances: np.ndarray
    order: np.ndarray


LONGEST_CHAIN = 5000


def read_gibbs(n_units: int, strength: float, temperature: float, sweeps: int, seed: int) -> GibbsReading:
    """One chain of a random machine, one state a sweep, from all units off.

    Raises ValueError for a temperature not above 0, too many units, and a chain outside 10 … 5,000 sweeps.
    """
    check_temperature(temperature)
    if not 10 <= sweeps <= LONGEST_CHAIN:
        raise ValueError(f"The chain must have 10 to {LONGEST_CHAIN} sweeps, got {sweeps}.")
    states = all_states(n_units)
    machine = BoltzmannMachine.random(n_units, strength, np.random.default_rng(seed))
    exact = machine.distribution(temperature)
    visited = chain(machine, sweeps, temperature, np.random.default_rng(seed + 1))
    counts = np.unique(np.append(10 * 2 ** np.arange(int(np.log2(sweeps / 10)) + 1), sweeps))
    shares = [np.bincount(visited[:count], minlength=len(states)) / count for count in counts]
    distances = np.array([total_variation(exact, share) for share in shares])
    return GibbsReading(
        n_units, temperature, exact, shares[-1], machine.energy(states), counts, distances, np.argsort(-exact)
    )


def chain(machine: BoltzmannMachine, sweeps: int, temperature: float, generator: np.random.Generator) -> np.ndarray:
    """The number of the state after each sweep of one chain, (sweeps,)."""
    state = np.zeros((1, machine.n_units))
    visited = np.empty(sweeps, dtype=int)
    for sweep in range(sweeps):
        state = machine.gibbs(state, 1, generator, temperature)
        visited[sweep] = state_numbers(state)[0]
    return visited


@dataclass(frozen=True)
class RBMReading:
    """What an RBM does with pictures of 8 × 8.

    filters: (F, 8, 8) weights of the first hidden units. pictures, reconstructions: (n, 8, 8) test digits and what comes
    back. fantasies: (n, 8, 8), where chains that began at noise have come. test_energy, noise_energy: (300,) free
    energies of test digits and of pictures whose pixels each come from another digit: every pixel is as often black as
    before, but nothing hangs together.
    """

    filters: np.ndarray
    pictures: np.ndarray
    reconstructions: np.ndarray
    fantasies: np.ndarray
    test_energy: np.ndarray
    noise_energy: np.ndarray


def read_rbm(machine: RBM, *, shown: int = 12, steps: int = 200, seed: int = 1) -> RBMReading:
    """Look at a machine of 64 visible units. The same seed gives the same noise and chains."""
    generator = np.random.default_rng(seed)
    digits = load_digits()
    pictures = first_of_each(digits.test, digits.test_labels, shown)
    noise = (generator.random((shown, machine.visible_bias.size)) < 0.5).astype(float)
    chains = machine.gibbs(noise, steps, generator)
    mixed = generator.permuted(digits.test[:300], axis=0)
    return RBMReading(
        machine.weights.T[:64].reshape(-1, *PIXELS),
        pictures.reshape(-1, *PIXELS),
        machine.reconstruct(pictures).reshape(-1, *PIXELS),
        machine.reconstruct(chains).reshape(-1, *PIXELS),
        machine.free_energy(digits.test[:300]),
        machine.free_energy(mixed),
    )


def dream_digits(network: DBN, rounds: int, seed: int = 1) -> np.ndarray:
    """One picture for each label 0 … 9, (10, 8, 8): `rounds` at the top with the label held fast, then down."""
    labels = np.arange(network.n_labels)
    return network.generate(labels, rounds, np.random.default_rng(seed)).reshape(-1, *PIXELS)


def first_of_each(pictures: np.ndarray, labels: np.ndarray, count: int) -> np.ndarray:
    """Pictures in the order 0, 1, … 9, 0, 1, …: the first of each label, then the second of each."""
    seen = np.array([(labels[:i] == label).sum() for i, label in enumerate(labels)])
    return pictures[np.lexsort((labels, seen))[:count]]


def shared_bins(samples: Sequence[np.ndarray], bins: int = 24) -> tuple[np.ndarray, list[np.ndarray]]:
    """Bin edges over all samples, (bins + 1,), and the counts of each sample in them."""
    joined = np.concatenate(list(samples))
    edges = np.histogram_bin_edges(joined, bins)
    return edges, [np.histogram(sample, edges)[0] for sample in samples]


def toggled(config: RecallConfig, pixel: int) -> RecallConfig:
    """The same recall with one more pixel flipped, or flipped back.

    >>> toggled(toggled(RecallConfig(), 3), 3).flipped
    ()
    """
    return replace(config, flipped=tuple(sorted(set(config.flipped) ^ {pixel})))


def pixels_in(text: str) -> tuple[int, ...]:
    """Pixel numbers written with dashes, as an address holds them; what is no pixel is left out.

    >>> pixels_in("3-14-x-999")
    (3, 14)
    """
    parts: Iterable[str] = text.split("-")
    return tuple(sorted({int(p) for p in parts if p.isascii() and p.isdigit() and len(p) < 4 and int(p) < SIDE**2}))
