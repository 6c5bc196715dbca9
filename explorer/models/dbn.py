"""The deep belief network: restricted Boltzmann machines, one on top of another (Hinton, Osindero & Teh, 2006).

The lowest machine learns the pictures; the next learns what the first one's hidden units say of them; and so on. The
top machine also sees the label, ten units of which one is on. Read upwards, layer by layer:

    h¹ = σ(c¹ + vᵀW¹),  h² = σ(c² + h¹ᵀW²),  …             what the classifier gets

Read downwards, it writes: let the top machine run with a label held fast, then go down once by P(below | above):

    (h^(L−1), label) ⇄ h^L,  …,  h¹ → v

Shapes: V pixels, H_l units of layer l, Y labels, n pictures.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from explorer.models.rbm import RBM, draw


@dataclass(frozen=True)
class DBN:
    """layers: machines from the pixels upwards, the last one's visible units being those below it and then the labels.
    n_labels: Y. Raises ValueError where two layers do not fit.
    """

    layers: tuple[RBM, ...]
    n_labels: int

    def __post_init__(self) -> None:
        if len(self.layers) < 2:
            raise ValueError(f"A deep belief network has at least 2 layers, got {len(self.layers)}.")
        for number, (below, above) in enumerate(zip(self.layers, self.layers[1:], strict=False), start=2):
            extra = self.n_labels if above is self.layers[-1] else 0
            expected = below.hidden_bias.size + extra
            if above.visible_bias.size != expected:
                raise ValueError(
                    f"Layer {number} needs {expected} visible units, those below it"
                    f"{' and the labels' if extra else ''}; it has {above.visible_bias.size}."
                )

    @property
    def top(self) -> RBM:
        """The machine that runs freely."""
        return self.layers[-1]

    def encode(self, pictures: np.ndarray) -> np.ndarray:
        """What the layer below the top says of pictures: (n, V) to (n, H_(L−1)), 0 … 1."""
        return encode(self.layers[:-1], pictures)

    def predict(self, pictures: np.ndarray) -> np.ndarray:
        """The label that the top machine finds least surprising beside each picture: (n, V) to (n,).

        The free energy of (features, label) for each label in turn; the lowest wins.
        """
        features = self.encode(pictures)
        energies = [
            self.top.free_energy(np.hstack([features, np.tile(label, (len(features), 1))]))
            for label in np.eye(self.n_labels)
        ]
        return np.stack(energies, axis=1).argmin(axis=1)

    def generate(self, labels: np.ndarray, steps: int, generator: np.random.Generator) -> np.ndarray:
        """One picture for each label, (n,) to (n, V), 0 … 1: `steps` rounds at the top, then down once.

        Raises ValueError for labels that are none.
        """
        if labels.size and not set(labels.tolist()) <= set(range(self.n_labels)):
            raise ValueError(f"Expected labels from 0 to {self.n_labels - 1}, got {labels.min()} to {labels.max()}.")
        held = np.eye(self.n_labels)[labels]
        n_features = self.top.visible_bias.size - self.n_labels
        features = (generator.random((len(labels), n_features)) < 0.5).astype(float)
        for _ in range(steps):
            hidden = draw(self.top.hidden_probabilities(np.hstack([features, held])), generator)
            features = draw(self.top.visible_probabilities(hidden)[:, :n_features], generator)
        for layer in reversed(self.layers[1:-1]):
            features = draw(layer.visible_probabilities(features), generator)
        return self.layers[0].visible_probabilities(features)


def encode(layers: tuple[RBM, ...], pictures: np.ndarray) -> np.ndarray:
    """Upwards through some layers by probabilities: (n, V) to (n, H of the last)."""
    for layer in layers:
        pictures = layer.hidden_probabilities(pictures)
    return pictures
