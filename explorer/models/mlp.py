"""The multilayer perceptron that reads a few letters and scores the next (Bengio et al., 2003; makemore, parts 2 and 3).

Every letter of the window is looked up in a table, the vectors are laid end to end, and one hidden layer or several,
with BatchNorm or without, turn them into logits.

Shapes: B batch, n context length, d embedding width, V vocabulary.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from explorer.core.layers import BatchNorm1d, Embedding, Flatten, Linear, Sequential, Tanh
from explorer.models.window_model import WindowModel

TANH_GAIN = 5 / 3  # what tanh takes away from the spread of its input (He et al., 2015, by torch's table)
INITIALISATIONS = {
    "good": "Kaiming: weights spread by 5/3 ÷ √inputs, the last layer a tenth, so that it starts without opinions.",
    "times ten": "The good one with every weight ten times as large: tanh saturates, the first loss is huge.",
    "standard normal": "Weights of spread 1 whatever the number of inputs.",
    "zero": "All weights zero: every neuron of a layer does the same, and no gradient tells them apart.",
}
LAST_LAYER_SCALE = 0.1
MOST_HIDDEN_LAYERS = 64


@dataclass(frozen=True)
class MLPConfig:
    """The shape of an MLP. Raises ValueError naming the option that cannot be.

    vocab_size: V. context_length: n, letters read. d_embedding: d, numbers per letter. d_hidden: neurons per hidden
    layer. batch_norm: after every hidden linear layer, which then needs no bias; where there are several hidden layers
    also after the last linear one, as in the lecture. initialisation: one of `INITIALISATIONS`. gain: replaces 5/3
    there. pad_id: the token that stands before a text begins.
    """

    vocab_size: int
    context_length: int = 3
    d_embedding: int = 10
    d_hidden: int = 200
    n_hidden_layers: int = 1
    batch_norm: bool = False
    initialisation: str = "good"
    gain: float | None = None
    pad_id: int = 0

    def __post_init__(self) -> None:
        for name in ("vocab_size", "context_length", "d_embedding", "d_hidden", "n_hidden_layers"):
            value = getattr(self, name)
            if not isinstance(value, int) or value < 1:
                raise ValueError(f"{name} must be a whole number of at least 1, got {value!r}.")
        if self.n_hidden_layers > MOST_HIDDEN_LAYERS:
            raise ValueError(f"n_hidden_layers must be at most {MOST_HIDDEN_LAYERS}, got {self.n_hidden_layers}.")
        if self.initialisation not in INITIALISATIONS:
            raise ValueError(
                f"Expected an initialisation among {', '.join(INITIALISATIONS)}, got {self.initialisation!r}."
            )
        if self.gain is not None and not math.isfinite(self.gain):
            raise ValueError(f"gain must be a finite number, got {self.gain}.")
        if not 0 <= self.pad_id < self.vocab_size:
            raise ValueError(f"pad_id must be a token from 0 to {self.vocab_size - 1}, got {self.pad_id}.")


class MLP(WindowModel):
    """Windows (B, n) to logits (B, V).

    >>> model = MLP(MLPConfig(vocab_size=27))
    >>> model.score_windows(torch.zeros(5, 3, dtype=torch.long)).shape, model.parameter_count()
    (torch.Size([5, 27]), 11897)
    """

    def __init__(self, config: MLPConfig):
        super().__init__()
        self.config = config
        self.embedding = Embedding(config.vocab_size, config.d_embedding)
        layers: list[nn.Module] = [Flatten()]
        width = config.context_length * config.d_embedding
        for _ in range(config.n_hidden_layers):
            layers += [*self._linear(width, config.d_hidden, config.batch_norm), Tanh()]
            width = config.d_hidden
        normalises_logits = config.batch_norm and config.n_hidden_layers > 1
        layers += self._linear(width, config.vocab_size, normalises_logits)
        self.network = Sequential(*layers)
        self._calm_last_layer()

    def score_windows(self, windows: Tensor) -> Tensor:
        return self.network(self.embedding(windows))

    def _linear(self, n_in: int, n_out: int, batch_norm: bool) -> list[nn.Module]:
        gain = TANH_GAIN if self.config.gain is None else self.config.gain
        std = {
            "good": gain / math.sqrt(n_in),
            "times ten": 10 * gain / math.sqrt(n_in),
            "standard normal": 1.0,
            "zero": 0.0,
        }[self.config.initialisation]
        linear = Linear(n_in, n_out, bias=not batch_norm, std=std)
        return [linear, BatchNorm1d(n_out)] if batch_norm else [linear]

    @torch.no_grad()
    def _calm_last_layer(self) -> None:
        """Make the first logits small, so that the first loss is near ln V (only where the initialisation is good)."""
        if self.config.initialisation != "good":
            return
        last = self.network[-1]
        if isinstance(last, BatchNorm1d | Linear):
            last.weight.mul_(LAST_LAYER_SCALE)
