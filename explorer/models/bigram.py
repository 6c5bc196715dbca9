"""The bigram model: the next token given only the present one (Shannon, 1948; Karpathy's makemore, part 1).

Two ways to the same table of probabilities: count which token follows which and divide, or start from a table of
logits and follow the gradient of the loss downhill.

Shapes: B batch, T positions, V vocabulary, N tokens of a text.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from explorer.core.probability import normalise_counts
from explorer.models.language_model import LanguageModel


@dataclass(frozen=True)
class BigramConfig:
    """vocab_size: V. The model looks at one token, so its context length is 1."""

    vocab_size: int
    context_length: int = 1

    def __post_init__(self) -> None:
        if not isinstance(self.vocab_size, int) or self.vocab_size < 1:
            raise ValueError(f"vocab_size must be a whole number of at least 1, got {self.vocab_size!r}.")
        if self.context_length != 1:
            raise ValueError(f"A bigram model reads 1 token, got context_length {self.context_length}.")


class Bigram(LanguageModel):
    """A (V, V) table of logits: row i scores the token after token i."""

    def __init__(self, config: BigramConfig):
        super().__init__()
        self.config = config
        self.table = nn.Parameter(torch.randn(config.vocab_size, config.vocab_size) * 0.01)

    def forward(self, ids: Tensor) -> Tensor:
        return self.table[ids]

    @classmethod
    def from_counts(cls, counts: Tensor, smoothing: float = 0.0) -> Bigram:
        """The model whose probabilities are the normalised counts; a pair never seen has logit −∞."""
        model = cls(BigramConfig(counts.shape[0]))
        model.table.data = normalise_counts(counts, smoothing).log().float()
        return model


def count_bigrams(ids: Tensor, vocab_size: int) -> Tensor:
    """How often token j follows token i: (N,) ids to (V, V) whole numbers that sum to N − 1.

    >>> count_bigrams(torch.tensor([0, 1, 0, 1]), 2).tolist()
    [[0, 2], [1, 0]]
    """
    pairs = ids[:-1] * vocab_size + ids[1:]
    return torch.bincount(pairs, minlength=vocab_size**2).view(vocab_size, vocab_size)


def count_loss(counts: Tensor, probabilities: Tensor) -> float:
    """Mean −log p in nats over the counted pairs; infinite where a counted pair has probability 0.

    Shapes: (V, V) each. Every text with these counts has this loss, so no text is needed.
    """
    seen = counts > 0
    return float(-(counts[seen] * probabilities[seen].log()).sum() / counts.sum())
