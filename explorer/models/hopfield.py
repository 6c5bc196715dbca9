"""The Hopfield network: memories as the low points of an energy (Hopfield, 1982).

N units s_i ∈ {−1, +1}, symmetric weights without self-connections:

    E(s) = −½ Σ_ij w_ij s_i s_j            the energy
    s_i ← sign(Σ_j w_ij s_j)               the update; a sum of exactly 0 leaves the unit as it is

Two ways to store the patterns ξ¹ … ξᴾ:

    w = (1/N) Σ_p ξᵖ ξᵖᵀ                   Hebb's rule; units that agree are tied together
    w = Ξ⁺ Ξ                               the pseudo-inverse (Personnaz, Guyon & Dreyfus, 1985), Ξ of shape (P, N):
                                           the projection onto the patterns

both with the diagonal set to 0. One unit at a time, no update can raise the energy. All units at once, it may rise,
and the network may swing between two states for ever; longer cycles cannot occur (Goles, Fogelman-Soulié & Pellegrin,
1985). With Hebb's rule and random patterns, recall collapses at about P = 0.138 N (Amit, Gutfreund & Sompolinsky,
1985).

Shapes: N units, P patterns, K recorded states, R states relaxed together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

Rule = Literal["hebbian", "pseudo-inverse"]
Outcome = Literal["settled", "cycle", "unfinished"]
CAPACITY = 0.138  # of N: where recall collapses for random patterns and large N, by Amit et al.


@dataclass(frozen=True)
class Recall:
    """What a network did from a first state on.

    states: (K, N), the first and every state that differed from the one before. energies: (K,), theirs.
    updates: (K,), how many single units had been updated when each was reached. total: updates in all, those that
    changed nothing included. outcome: "settled" where a further round changes nothing, "cycle" where all units at
    once swing between the last two states, "unfinished" where the limit of rounds came first.
    """

    states: np.ndarray
    energies: np.ndarray
    updates: np.ndarray
    total: int
    outcome: Outcome


def stack_patterns(patterns: Sequence[np.ndarray]) -> np.ndarray:
    """Patterns as one (P, N) array of −1 and +1. Each may have any shape, as long as all have the same.

    Raises ValueError for no pattern, different sizes, other values, and patterns that are all the same.

    >>> stack_patterns([np.array([[1, -1]]), np.array([[1, 1]])]).tolist()
    [[1.0, -1.0], [1.0, 1.0]]
    """
    if len(patterns) == 0:
        raise ValueError("Expected at least one pattern to store, got none.")
    sizes = [np.asarray(pattern).size for pattern in patterns]
    if len(set(sizes)) > 1:
        raise ValueError(f"Expected patterns of one size, got {sizes} units; make all of them the same size.")
    stacked = np.stack([np.asarray(pattern, dtype=float).ravel() for pattern in patterns])
    if not np.isin(stacked, (-1.0, 1.0)).all():
        raise ValueError("Expected patterns of −1 and +1 only; write an empty pixel as −1 and a full one as +1.")
    if len(stacked) > 1 and (stacked == stacked[0]).all():
        raise ValueError(f"All {len(stacked)} patterns are the same; store at least two that differ, or just one.")
    return stacked


def store(patterns: Sequence[np.ndarray], rule: Rule = "hebbian") -> np.ndarray:
    """The (N, N) weights that hold the patterns. Raises ValueError as `stack_patterns` does, and for another rule.

    >>> store([np.array([1, -1])]).tolist()
    [[0.0, -0.5], [-0.5, 0.0]]
    """
    stacked = stack_patterns(patterns)
    if rule == "hebbian":
        weights = stacked.T @ stacked / stacked.shape[1]
    elif rule == "pseudo-inverse":
        weights = np.linalg.pinv(stacked) @ stacked
        weights = (weights + weights.T) / 2  # symmetric to the last digit, as the energy needs
    else:
        raise ValueError(f"Expected the rule 'hebbian' or 'pseudo-inverse', got {rule!r}.")
    np.fill_diagonal(weights, 0.0)
    return weights


def energy(weights: np.ndarray, states: np.ndarray) -> np.ndarray:
    """−½ sᵀ w s: states (..., N) to energies (...)."""
    return -0.5 * ((states @ weights) * states).sum(axis=-1)


def flip(state: np.ndarray, share: float, generator: np.random.Generator) -> np.ndarray:
    """The state with exactly round(share · N) of its units turned over, chosen at random.

    Raises ValueError for a share outside 0 … 1.
    """
    if not 0 <= share <= 1:
        raise ValueError(f"The share of flipped units must be between 0 and 1, got {share}.")
    noisy = state.copy()
    chosen = generator.permutation(state.size)[: round(share * state.size)]
    noisy[chosen] *= -1
    return noisy


def recall_asynchronously(
    weights: np.ndarray, state: np.ndarray, generator: np.random.Generator, rounds: int = 100
) -> Recall:
    """Update one unit at a time, all N in a new random order each round, until a round changes nothing.

    state: (N,). Every state recorded has a lower energy than the one before.
    """
    s = _checked(weights, state)
    states, updates, total = [s.copy()], [0], 0
    outcome: Outcome = "unfinished"
    for _ in range(rounds):
        before = len(states)
        for unit in generator.permutation(s.size):
            total += 1
            field = weights[unit] @ s
            if field * s[unit] < 0:
                s[unit] = -s[unit]
                states.append(s.copy())
                updates.append(total)
        if len(states) == before:
            outcome = "settled"
            break
    return _recall(weights, states, updates, total, outcome)


def recall_synchronously(weights: np.ndarray, state: np.ndarray, rounds: int = 100) -> Recall:
    """Update all units at once, from the same old state, until nothing changes or the last two states alternate."""
    s = _checked(weights, state)
    states, updates = [s], [0]
    outcome: Outcome = "unfinished"
    total = 0
    for _ in range(rounds):
        total += s.size
        after = _signs(states[-1] @ weights, states[-1])
        if (after == states[-1]).all():
            outcome = "settled"
            break
        if len(states) > 1 and (after == states[-2]).all():
            outcome = "cycle"
            break
        states.append(after)
        updates.append(total)
    return _recall(weights, states, updates, total, outcome)


def relax(weights: np.ndarray, states: np.ndarray, generator: np.random.Generator, rounds: int = 100) -> np.ndarray:
    """Where many states end, (R, N) to (R, N): one unit at a time, the same unit in all of them."""
    ended = states.copy()
    for _ in range(rounds):
        changed = False
        for unit in generator.permutation(states.shape[1]):
            turn = (ended @ weights[:, unit]) * ended[:, unit] < 0
            if turn.any():
                ended[turn, unit] *= -1
                changed = True
        if not changed:
            break
    return ended


def overlap(states: np.ndarray, patterns: np.ndarray) -> np.ndarray:
    """(1/N) Σ_i s_i ξ_i along the last axis: 1 for the same, 0 for strangers, −1 for the negative."""
    return (states * patterns).mean(axis=-1)


def _signs(fields: np.ndarray, states: np.ndarray) -> np.ndarray:
    return np.where(fields > 0, 1.0, np.where(fields < 0, -1.0, states))


def _checked(weights: np.ndarray, state: np.ndarray) -> np.ndarray:
    s = np.asarray(state, dtype=float).ravel().copy()
    if weights.shape != (s.size, s.size):
        raise ValueError(f"The network has {len(weights)} units, but the state has {s.size}; give one value a unit.")
    return s


def _recall(weights: np.ndarray, states: list[np.ndarray], updates: list[int], total: int, outcome: Outcome) -> Recall:
    kept = np.stack(states)
    return Recall(kept, energy(weights, kept), np.array(updates), total, outcome)
