"""Models that read a window of fixed length and predict the one token after it."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor

from explorer.core.probability import cross_entropy
from explorer.models.language_model import LanguageModel


class WindowModel(LanguageModel, ABC):
    """Base of the MLP and the WaveNet.

    `score_windows` is the model: windows (B, n) of token ids, n the context length, to logits (B, V) of the token after
    each. It is trained on windows alone. `forward` gives what every language model gives, logits at every position, by
    scoring the window that ends there; before the text begins stands `config.pad_id`.
    """

    reads_windows = True

    @abstractmethod
    def score_windows(self, windows: Tensor) -> Tensor:
        """(B, n) token ids to (B, V) logits."""

    def forward(self, ids: Tensor) -> Tensor:
        B, T = ids.shape
        return self.score_windows(self.windows(ids).reshape(B * T, -1)).view(B, T, -1)

    def windows(self, ids: Tensor) -> Tensor:
        """(B, T) ids to (B, T, n): at every position the n tokens up to it, `pad_id` where there are none."""
        n = self.config.context_length
        padding = torch.full((ids.shape[0], n - 1), self.config.pad_id, dtype=ids.dtype, device=ids.device)
        return torch.cat([padding, ids], dim=1).unfold(1, n, 1)

    def loss(self, inputs: Tensor, targets: Tensor) -> Tensor:
        return cross_entropy(self.score_windows(inputs), targets)
