"""The restricted Boltzmann machine: hidden units that see the data, and no one beside them (Smolensky, 1986; Hinton, 2002).

V visible and H hidden units of 0 and 1, weights only between the two layers:

    E(v, h) = −bᵀv − cᵀh − vᵀWh
    P(h_j = 1 | v) = σ(c_j + Σ_i v_i W_ij)             the hidden units, all at once
    P(v_i = 1 | h) = σ(b_i + Σ_j W_ij h_j)             the visible units, all at once
    F(v) = −bᵀv − Σ_j ln(1 + exp(c_j + Σ_i v_i W_ij))  free energy: P(v) = exp(−F(v)) / Z

Z, a sum over 2^V pictures, cannot be had. What can: the pseudo-likelihood (Besag, 1975), in which Z cancels,

    PL(v) = Σ_i ln P(v_i | all other pixels) = Σ_i ln σ(F(v with pixel i turned) − F(v))

Learning moves W along ⟨v hᵀ⟩ of the data minus ⟨v hᵀ⟩ of the model. Contrastive divergence (CD-k) starts the model's
side at the data and takes k steps; persistent CD (Tieleman, 2008) goes on from where its own chains stood.

Shapes: V visible, H hidden, n pictures.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


def sigmoid(x: np.ndarray) -> np.ndarray:
    """1 / (1 + e^−x), without overflow."""
    return 0.5 * (1.0 + np.tanh(0.5 * x))


def softplus(x: np.ndarray) -> np.ndarray:
    """ln(1 + e^x), without overflow."""
    return np.maximum(x, 0.0) + np.log1p(np.exp(-np.abs(x)))


def draw(probabilities: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """0 or 1 for each probability."""
    return (generator.random(probabilities.shape) < probabilities).astype(float)


@dataclass(frozen=True)
class RBM:
    """weights: (V, H). visible_bias: (V,). hidden_bias: (H,). Pictures are (n, V), 0 … 1 a pixel.

    >>> machine = RBM(np.zeros((3, 2)), np.zeros(3), np.zeros(2))
    >>> machine.hidden_probabilities(np.ones((1, 3))).tolist()
    [[0.5, 0.5]]
    """

    weights: np.ndarray
    visible_bias: np.ndarray
    hidden_bias: np.ndarray

    def __post_init__(self) -> None:
        if self.weights.shape != (self.visible_bias.size, self.hidden_bias.size):
            raise ValueError(
                f"Weights {self.weights.shape} need {self.weights.shape[0]} visible and {self.weights.shape[1]} hidden "
                f"biases, got {self.visible_bias.size} and {self.hidden_bias.size}."
            )

    @classmethod
    def random(cls, data: np.ndarray, hidden: int, generator: np.random.Generator) -> RBM:
        """Small random weights; visible biases that give each pixel its mean in `data`, (n, V)."""
        means = np.clip(data.mean(axis=0), 0.01, 0.99)
        weights = generator.normal(0.0, 0.01, (data.shape[1], hidden))
        return cls(weights, np.log(means / (1 - means)), np.zeros(hidden))

    def hidden_probabilities(self, visible: np.ndarray) -> np.ndarray:
        """P(h = 1 | v): (n, V) to (n, H)."""
        return sigmoid(visible @ self.weights + self.hidden_bias)

    def visible_probabilities(self, hidden: np.ndarray) -> np.ndarray:
        """P(v = 1 | h): (n, H) to (n, V)."""
        return sigmoid(hidden @ self.weights.T + self.visible_bias)

    def energy(self, visible: np.ndarray, hidden: np.ndarray) -> np.ndarray:
        """E(v, h): (n, V) and (n, H) to (n,)."""
        pairs = ((visible @ self.weights) * hidden).sum(axis=1)
        return -visible @ self.visible_bias - hidden @ self.hidden_bias - pairs

    def free_energy(self, visible: np.ndarray) -> np.ndarray:
        """F(v) in nats: (n, V) to (n,)."""
        inputs = visible @ self.weights + self.hidden_bias
        return -visible @ self.visible_bias - softplus(inputs).sum(axis=1)

    def pseudo_likelihood(self, visible: np.ndarray) -> np.ndarray:
        """Σ_i ln P(v_i | the others) in nats, every pixel turned once: pictures of 0 and 1, (n, V) to (n,)."""
        inputs = visible @ self.weights + self.hidden_bias
        here = softplus(inputs).sum(axis=1)
        total = np.zeros(len(visible))
        for i in range(visible.shape[1]):
            change = 1.0 - 2.0 * visible[:, i]
            turned = softplus(inputs + change[:, None] * self.weights[i]).sum(axis=1)
            rise = -change * self.visible_bias[i] - (turned - here)  # F(turned) − F(v)
            total -= softplus(-rise)
        return total

    def gibbs(self, visible: np.ndarray, steps: int, generator: np.random.Generator) -> np.ndarray:
        """`steps` rounds of drawing h from v and v from h: (n, V) to (n, V)."""
        for _ in range(steps):
            hidden = draw(self.hidden_probabilities(visible), generator)
            visible = draw(self.visible_probabilities(hidden), generator)
        return visible

    def reconstruct(self, visible: np.ndarray) -> np.ndarray:
        """Down from the hidden probabilities that the pictures call up: (n, V) to (n, V), 0 … 1."""
        return self.visible_probabilities(self.hidden_probabilities(visible))
