"""What every language model of this package is: token ids (B, T) in, logits (B, T, V) out."""

from __future__ import annotations

from typing import Any, Protocol

from torch import nn


class ModelConfig(Protocol):
    """What every model's frozen config dataclass has."""

    @property
    def vocab_size(self) -> int: ...

    @property
    def context_length(self) -> int:
        """The most positions the model can read at once."""


class LanguageModel(nn.Module):
    """Base of all models.

    `forward(ids)` maps (B, T) token ids to (B, T, V) logits: logits[b, t] scores the token after position t, given
    positions 0 … t.
    """

    config: Any

    def new_cache(self) -> Any:
        """An empty cache that `forward(ids, cache)` fills, or None for a model that has nothing to remember."""
        return None

    def parameter_count(self) -> int:
        """Learned numbers, tied ones counted once."""
        return sum(p.numel() for p in self.parameters())
