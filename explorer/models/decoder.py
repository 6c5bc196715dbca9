"""A Transformer decoder whose parts can be switched on one at a time: from a bigram of vectors to a whole block.

With no block it sees the present token and its position only. Then come one attention head, many heads, the
feed-forward layer, residual paths, LayerNorm and dropout, in the order of the lecture that builds a GPT from nothing
(Karpathy, 2023). The GPT proper, with a cache and GPT-2's names, is in `models.gpt`; attention is the same module.

Shapes: B batch, T positions, C channels (`d_model`), V vocabulary.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from explorer.core.layers import GELU, Dropout, Embedding, LayerNorm, Linear, ReLU, Tanh
from explorer.models.gpt import CausalSelfAttention
from explorer.models.language_model import LanguageModel

ACTIVATIONS: dict[str, type[nn.Module]] = {"relu": ReLU, "gelu": GELU, "tanh": Tanh}
NORMS = ("none", "pre", "post")
EMBEDDING_STD = 0.1


@dataclass(frozen=True)
class DecoderConfig:
    """Which parts there are, and how large. Raises ValueError naming the option that cannot be.

    n_layers: blocks; 0 leaves the embeddings and the unembedding. d_model: C, must divide by n_heads.
    projection: a linear layer that mixes the heads. feed_forward: a second sublayer of `expansion` times C neurons with
    `activation`. residual: whether a sublayer adds to what was there or replaces it. norm: LayerNorm before each
    sublayer ("pre"), after it ("post", as in 2017), or "none". dropout: on what each sublayer gives.
    """

    vocab_size: int
    context_length: int = 32
    n_layers: int = 1
    n_heads: int = 4
    d_model: int = 64
    projection: bool = True
    feed_forward: bool = True
    expansion: int = 4
    activation: str = "relu"
    residual: bool = True
    norm: str = "pre"
    dropout: float = 0.0

    def __post_init__(self) -> None:
        for name in ("vocab_size", "context_length", "n_heads", "d_model", "expansion"):
            value = getattr(self, name)
            if not isinstance(value, int) or value < 1:
                raise ValueError(f"{name} must be a whole number of at least 1, got {value!r}.")
        if not isinstance(self.n_layers, int) or self.n_layers < 0:
            raise ValueError(f"n_layers must be a whole number of at least 0, got {self.n_layers!r}.")
        if self.d_model % self.n_heads:
            raise ValueError(
                f"d_model is cut into n_heads equal heads: {self.d_model} does not divide by {self.n_heads}."
            )
        if self.activation not in ACTIVATIONS:
            raise ValueError(f"Expected an activation among {', '.join(ACTIVATIONS)}, got {self.activation!r}.")
        if self.norm not in NORMS:
            raise ValueError(f"Expected a norm among {', '.join(NORMS)}, got {self.norm!r}.")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout must be at least 0 and below 1, got {self.dropout}.")

    @property
    def head_size(self) -> int:
        return self.d_model // self.n_heads


class FeedForward(nn.Module):
    """Each position alone: (B, T, C) to `expansion` times C, the activation, and back."""

    def __init__(self, config: DecoderConfig):
        super().__init__()
        self.expand = Linear(config.d_model, config.expansion * config.d_model)
        self.activation = ACTIVATIONS[config.activation]()
        self.contract = Linear(config.expansion * config.d_model, config.d_model)

    def forward(self, x: Tensor) -> Tensor:
        return self.contract(self.activation(self.expand(x)))


class Block(nn.Module):
    """Attention, then feed-forward where it is switched on: (B, T, C) to (B, T, C)."""

    def __init__(self, config: DecoderConfig):
        super().__init__()
        self.residual, self.norm = config.residual, config.norm
        self.attention_norm = _norm(config)
        self.attention = CausalSelfAttention(config.d_model, config.n_heads, has_projection=config.projection)
        self.feed_forward_norm = _norm(config) if config.feed_forward else None
        self.feed_forward = FeedForward(config) if config.feed_forward else None
        self.dropout = Dropout(config.dropout)

    def forward(self, x: Tensor) -> Tensor:
        x = self._sublayer(self.attention, self.attention_norm, x)
        if self.feed_forward is not None and self.feed_forward_norm is not None:
            x = self._sublayer(self.feed_forward, self.feed_forward_norm, x)
        return x

    def _sublayer(self, inner: nn.Module, norm: nn.Module, x: Tensor) -> Tensor:
        """One of the two with what surrounds it: norm before or after, dropout, and the residual path."""
        y = self.dropout(inner(norm(x) if self.norm == "pre" else x))
        y = x + y if self.residual else y
        return norm(y) if self.norm == "post" else y


def _norm(config: DecoderConfig) -> nn.Module:
    return nn.Identity() if config.norm == "none" else LayerNorm(config.d_model)


class Decoder(LanguageModel):
    """Token ids (B, T) to logits (B, T, V) of the token after each position.

    >>> model = Decoder(DecoderConfig(vocab_size=65, context_length=8, n_layers=0, d_model=32))
    >>> model(torch.zeros(1, 8, dtype=torch.long)).shape
    torch.Size([1, 8, 65])
    """

    def __init__(self, config: DecoderConfig):
        super().__init__()
        self.config = config
        self.token_embedding = Embedding(config.vocab_size, config.d_model, std=EMBEDDING_STD)
        self.position_embedding = Embedding(config.context_length, config.d_model, std=EMBEDDING_STD)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.n_layers))
        self.final_norm = _norm(config)
        self.unembedding = Linear(config.d_model, config.vocab_size, std=0.02)

    def forward(self, ids: Tensor) -> Tensor:
        T = ids.shape[1]
        if self.config.context_length < T:
            raise ValueError(
                f"This model reads at most {self.config.context_length} tokens at once, got {T}; keep only the last ones."
            )
        x = self.token_embedding(ids) + self.position_embedding(torch.arange(T, device=ids.device))  # (B, T, C)
        for block in self.blocks:
            x = block(x)
        return self.unembedding(self.final_norm(x))  # (B, T, V)
