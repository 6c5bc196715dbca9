"""What every language model of this package is: token ids (B, T) in, logits (B, T, V) out."""

from __future__ import annotations

from typing import Any, Protocol

from torch import Tensor, nn

from explorer.core.probability import cross_entropy


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
    reads_windows = False  # whether it is trained on windows with one target each; see `text.batches`

    def loss(self, inputs: Tensor, targets: Tensor) -> Tensor:
        """Mean cross-entropy in nats of one batch, (B, T) inputs and targets; a target of −1 is left out."""
        return cross_entropy(self(inputs).float(), targets)  # float: logits of reduced precision are no base for a sum

    def new_cache(self) -> Any:
        """An empty cache that `forward(ids, cache)` fills, or None for a model that has nothing to remember."""
        return None

    def parameter_count(self) -> int:
        """Learned numbers, tied ones counted once."""
        return sum(p.numel() for p in self.parameters())
