"""The Boltzmann machine: a Hopfield network that tosses coins (Ackley, Hinton & Sejnowski, 1985).

N units of 0 and 1, symmetric weights, a bias each:

    E(s) = −Σ_{i<j} w_ij s_i s_j − Σ_i b_i s_i
    P(s) = exp(−E(s)/T) / Σ_s' exp(−E(s')/T)             in balance, at temperature T
    P(s_i = 1 | the others) = σ((Σ_j w_ij s_j + b_i)/T)    one Gibbs step

Learning at T = 1 compares two phases: how often two units are on together while the data holds the visible ones, and
how often when the network runs free:

    Δw_ij ∝ ⟨s_i s_j⟩_data − ⟨s_i s_j⟩_free

which walks down the Kullback-Leibler divergence from the data to what the visible units do when left alone.

Shapes: N units, V of them visible (the first ones), S = 2^N states, R chains.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

LARGEST_EXACT = 12  # units: 4,096 states; each further unit doubles them


def all_states(n_units: int) -> np.ndarray:
    """Every state of n units, (2^n, n): row i is i in binary, the first unit the highest digit.

    Raises ValueError beyond 12 units.

    >>> all_states(2).tolist()
    [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]
    """
    if not 1 <= n_units <= LARGEST_EXACT:
        raise ValueError(
            f"The exact distribution lists all 2^N states, so it is for 1 to {LARGEST_EXACT} units; got {n_units}. "
            "Use fewer units, or sample."
        )
    return ((np.arange(2**n_units)[:, None] >> np.arange(n_units)[::-1]) & 1).astype(float)


def state_numbers(states: np.ndarray) -> np.ndarray:
    """The row of each state in `all_states`: (..., n) to whole numbers (...)."""
    n = states.shape[-1]
    return (states @ (2.0 ** np.arange(n)[::-1])).astype(int)


def check_temperature(temperature: float) -> None:
    """Raise ValueError unless the temperature is a number above 0."""
    if not (np.isfinite(temperature) and temperature > 0):
        raise ValueError(
            f"The temperature must be above 0, got {temperature}; at 0 nothing is random any more, which is the "
            "Hopfield network."
        )


@dataclass(frozen=True)
class BoltzmannMachine:
    """weights: (N, N), symmetric, zero diagonal. biases: (N,). Raises ValueError for any other."""

    weights: np.ndarray
    biases: np.ndarray

    def __post_init__(self) -> None:
        N = self.biases.size
        if self.weights.shape != (N, N):
            raise ValueError(f"Expected ({N}, {N}) weights for {N} biases, got {self.weights.shape}.")
        if not np.array_equal(self.weights, self.weights.T) or self.weights.diagonal().any():
            raise ValueError("Expected symmetric weights with a zero diagonal: no unit is tied to itself.")

    @classmethod
    def random(cls, n_units: int, strength: float, generator: np.random.Generator) -> BoltzmannMachine:
        """Weights and biases drawn from a normal distribution of standard deviation `strength`."""
        upper = np.triu(generator.normal(0.0, strength, (n_units, n_units)), 1)
        return cls(upper + upper.T, generator.normal(0.0, strength, n_units))

    @property
    def n_units(self) -> int:
        """N."""
        return self.biases.size

    def energy(self, states: np.ndarray) -> np.ndarray:
        """E: (..., N) to (...)."""
        return -0.5 * ((states @ self.weights) * states).sum(axis=-1) - states @ self.biases

    def distribution(self, temperature: float = 1.0) -> np.ndarray:
        """P of every state, (2^N,), in the order of `all_states`. Raises ValueError for T ≤ 0 and beyond 12 units."""
        check_temperature(temperature)
        scores = -self.energy(all_states(self.n_units)) / temperature
        weights = np.exp(scores - scores.max())
        return weights / weights.sum()

    def gibbs(
        self, states: np.ndarray, sweeps: int, generator: np.random.Generator, temperature: float = 1.0
    ) -> np.ndarray:
        """Draw every unit in turn given the others, `sweeps` times over: (R, N) to (R, N)."""
        check_temperature(temperature)
        s = states.copy()
        for _ in range(sweeps):
            for i in range(self.n_units):
                inputs = (s @ self.weights[:, i] + self.biases[i]) / temperature
                s[:, i] = generator.random(len(s)) < 0.5 * (1 + np.tanh(0.5 * inputs))
        return s


def total_variation(p: np.ndarray, q: np.ndarray) -> float:
    """½ Σ |p − q|: 0 for equal distributions, 1 for those that share nothing.

    >>> total_variation(np.array([1.0, 0.0]), np.array([0.5, 0.5]))
    0.5
    """
    return 0.5 * float(np.abs(p - q).sum())


def visible_distribution(joint: np.ndarray, n_visible: int) -> np.ndarray:
    """P of the first V units, (2^V,), from the P of all, (2^N,)."""
    return joint.reshape(2**n_visible, -1).sum(axis=1)


def clamped_distribution(joint: np.ndarray, data: np.ndarray) -> np.ndarray:
    """The positive phase: the visible units drawn from `data`, (2^V,), the hidden ones as the machine answers, (2^N,)."""
    by_visible = joint.reshape(data.size, -1)
    answers = by_visible / by_visible.sum(axis=1, keepdims=True)
    return (data[:, None] * answers).ravel()


def divergence(data: np.ndarray, model: np.ndarray) -> float:
    """Kullback-Leibler divergence Σ data · ln(data / model), in nats; (2^V,) each."""
    seen = data > 0
    return float((data[seen] * np.log(data[seen] / model[seen])).sum())


def correlations(states: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """⟨s_i s_j⟩, (N, N), of states (S, N) with their shares (S,); the diagonal is how often each unit is on."""
    return states.T @ (shares[:, None] * states)
