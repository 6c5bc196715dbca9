"""A decoder with what came after GPT-2, each change an option, so that its worth can be measured.

    norm            RMSNorm instead of LayerNorm: no mean is taken away                 Zhang & Sennrich, 2019
    positions       queries and keys are turned by their place; nothing is added        Su et al., 2021
    query_key_norm  queries and keys all have the same length before they meet          Henry et al., 2020
    activation      squared ReLU, or SwiGLU with a gate                                 So et al., 2021; Shazeer, 2020
    convolution     queries, keys and values also see the positions just before         So et al., 2021
    value_residual  every layer may fetch the first layer's values too                  Zhou et al., 2024
    silent_start    what a sublayer adds is zero at first                               Zhang, Dauphin & Ma, 2019
    bias            linear layers without offsets                                       Chowdhery et al., 2022

With all of them set back (`PLAIN`) it is the block of `models.gpt`, and a test holds both to the same logits.

Shapes: B batch, T positions, C = d_model channels, H heads, d = C / H head size, V vocabulary.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from explorer.core.attention import join_heads, split_heads
from explorer.core.layers import (
    GELU,
    CausalConvolution,
    Dropout,
    Embedding,
    LayerNorm,
    Linear,
    RMSNorm,
    SiLU,
    SquaredReLU,
    unit_rms,
)
from explorer.core.positions import rotary_table, turn_pairs
from explorer.models.gpt import CausalSelfAttention, KeyValueCache, LayerCache
from explorer.models.language_model import LanguageModel

NORMS: dict[str, Callable[..., nn.Module]] = {"layer": LayerNorm, "rms": RMSNorm}
ACTIVATIONS: dict[str, type[nn.Module]] = {"gelu": GELU, "relu2": SquaredReLU, "swiglu": SiLU}
POSITIONS = ("learned", "rotary")
PLAIN: dict[str, Any] = {
    "norm": "layer",
    "positions": "learned",
    "query_key_norm": False,
    "activation": "gelu",
    "convolution": 1,
    "value_residual": False,
    "silent_start": False,
    "bias": True,
    "tie_weights": True,
}


@dataclass(frozen=True)
class ModernConfig:
    """The shape, and which of the changes are made. Raises ValueError naming the option that cannot be.

    vocab_size: V. context_length: the most positions it can read. d_model: C, must divide by n_heads. dropout: on the
    embeddings and on what each sublayer adds. norm: "rms" or "layer". positions: "rotary" or "learned". activation:
    "relu2", "swiglu" (whose hidden layer is two thirds as wide, having two matrices) or "gelu". convolution: from how
    many neighbouring positions queries, keys and values are mixed; 1 is from its own alone. tie_weights: the
    unembedding is the token embedding, transposed.
    """

    vocab_size: int
    context_length: int = 256
    n_layers: int = 6
    n_heads: int = 6
    d_model: int = 192
    dropout: float = 0.0
    norm: str = "rms"
    positions: str = "rotary"
    query_key_norm: bool = True
    activation: str = "relu2"
    convolution: int = 3
    value_residual: bool = True
    silent_start: bool = True
    bias: bool = False
    tie_weights: bool = False

    def __post_init__(self) -> None:
        for name in ("vocab_size", "context_length", "n_layers", "n_heads", "d_model", "convolution"):
            value = getattr(self, name)
            if not isinstance(value, int) or value < 1:
                raise ValueError(f"{name} must be a whole number of at least 1, got {value!r}.")
        if self.d_model % self.n_heads:
            raise ValueError(
                f"d_model is cut into n_heads equal heads: {self.d_model} does not divide by {self.n_heads}."
            )
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout must be at least 0 and below 1, got {self.dropout}.")
        for name, known in (("norm", NORMS), ("positions", POSITIONS), ("activation", ACTIVATIONS)):
            if getattr(self, name) not in known:
                raise ValueError(f"Expected {name} to be one of {', '.join(known)}, got {getattr(self, name)!r}.")
        if self.positions == "rotary" and self.head_size % 2:
            raise ValueError(f"Rotary positions turn channels in pairs: a head of {self.head_size} channels is odd.")

    @property
    def head_size(self) -> int:
        return self.d_model // self.n_heads

    @property
    def d_hidden(self) -> int:
        """Neurons of the feed-forward layer: about as many parameters with a gate as without."""
        return 8 * self.d_model // 3 if self.activation == "swiglu" else 4 * self.d_model

    def make_norm(self) -> nn.Module:
        return NORMS[self.norm](self.d_model)

    def residual_std(self, n_in: int) -> float:
        """The spread of a matrix that adds to the residual stream."""
        return 0.0 if self.silent_start else 1 / math.sqrt(2 * self.n_layers * n_in)


@dataclass
class ModernLayerCache(LayerCache):
    """Beside keys and values, the last projections before the convolution, (B, width − 1, 3C)."""

    recent: Tensor | None = None


@dataclass
class ModernCache(KeyValueCache):
    """layers: one `ModernLayerCache` a layer."""


@dataclass
class Shared:
    """What the layers of one forward pass have in common.

    table: cosines and sines of the positions, (2, T, d / 2), or None. first_values: the first layer's, (B, H, T, d).
    """

    table: Tensor | None = None
    first_values: Tensor | None = field(default=None)


class ModernAttention(CausalSelfAttention):
    """GPT-2's attention with the options in between: project, convolve, normalise, turn, mix, project.

    The taps `queries` and `keys` see what the scores are made of, after all of it.
    """

    def __init__(self, config: ModernConfig):
        super().__init__(
            config.d_model, config.n_heads, projection_std=config.residual_std(config.d_model), bias=config.bias
        )
        self.convolution = CausalConvolution(3 * config.d_model, config.convolution) if config.convolution > 1 else None
        # One learned sharpness a head: with all lengths equal, scores could not grow otherwise.
        self.sharpness = nn.Parameter(torch.ones(config.n_heads, 1, 1)) if config.query_key_norm else None
        self.value_shares = nn.Parameter(torch.tensor([1.0, 0.0])) if config.value_residual else None

    def forward(self, x: Tensor, cache: LayerCache | None = None, shared: Shared | None = None) -> Tensor:
        shared = Shared() if shared is None else shared
        q, k, v = (split_heads(part, self.n_heads) for part in self._project(x, cache).chunk(3, dim=-1))
        if self.sharpness is not None:
            q, k = unit_rms(q) * self.sharpness, unit_rms(k)
        if shared.table is not None:
            q, k = turn_pairs(q, shared.table), turn_pairs(k, shared.table)
        if self.value_shares is not None:
            shared.first_values = v if shared.first_values is None else shared.first_values
            v = self.value_shares[0] * v + self.value_shares[1] * shared.first_values
        if cache is not None:
            k, v = cache.append(k, v)
        q, k, v = self.queries(q), self.keys(k), self.values(v)
        return self.projection(join_heads(self.mix(q, k, v)))

    def _project(self, x: Tensor, cache: LayerCache | None) -> Tensor:
        """Queries, keys and values side by side, (B, T, 3C), convolved with those just before."""
        joined = self.query_key_value(x)
        if self.convolution is None:
            return joined
        if not isinstance(cache, ModernLayerCache):
            return self.convolution(joined)
        before = cache.recent
        reach = len(self.convolution.weight) - 1
        if before is None:
            before = joined.new_zeros(joined.shape[0], reach, joined.shape[2])
        cache.recent = torch.cat([before, joined], dim=1)[:, -reach:]
        return self.convolution(joined, before)


class FeedForward(nn.Module):
    """Each position alone: (B, T, C) to the hidden layer, the activation (times a gate in SwiGLU), and back."""

    def __init__(self, config: ModernConfig):
        super().__init__()
        self.expand = Linear(config.d_model, config.d_hidden, bias=config.bias)
        self.gate = Linear(config.d_model, config.d_hidden, bias=config.bias) if config.activation == "swiglu" else None
        self.activation = ACTIVATIONS[config.activation]()
        self.contract = Linear(
            config.d_hidden, config.d_model, std=config.residual_std(config.d_hidden), bias=config.bias
        )

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.activation(self.expand(x))
        return self.contract(hidden if self.gate is None else hidden * self.gate(x))


class Block(nn.Module):
    """x + attention(norm(x)), then x + feed_forward(norm(x))."""

    def __init__(self, config: ModernConfig):
        super().__init__()
        self.attention_norm = config.make_norm()
        self.attention = ModernAttention(config)
        self.feed_forward_norm = config.make_norm()
        self.feed_forward = FeedForward(config)
        self.dropout = Dropout(config.dropout)

    def forward(self, x: Tensor, cache: LayerCache | None, shared: Shared) -> Tensor:
        x = x + self.dropout(self.attention(self.attention_norm(x), cache, shared))
        return x + self.dropout(self.feed_forward(self.feed_forward_norm(x)))


class Modern(LanguageModel):
    """Token ids (B, T) to logits (B, T, V) of the token after each position.

    >>> model = Modern(ModernConfig(vocab_size=65, context_length=8, n_layers=1, n_heads=2, d_model=16))
    >>> model(torch.zeros(1, 8, dtype=torch.long)).shape
    torch.Size([1, 8, 65])
    """

    rotary: Tensor

    def __init__(self, config: ModernConfig):
        super().__init__()
        self.config = config
        self.token_embedding = Embedding(config.vocab_size, config.d_model, std=0.1)
        if config.positions == "learned":
            self.position_embedding = Embedding(config.context_length, config.d_model, std=0.1)
        else:
            with torch.device("cpu"):  # whatever the model is built on: the angles are worked out in float64
                table = rotary_table(torch.arange(config.context_length), config.head_size).float()
            self.register_buffer("rotary", table.to(self.token_embedding.weight.device), persistent=False)
        self.dropout = Dropout(config.dropout)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.n_layers))
        self.final_norm = config.make_norm()
        self.unembedding = Linear(
            config.d_model, config.vocab_size, bias=False, std=config.residual_std(config.d_model)
        )
        if config.tie_weights:
            self.unembedding.weight = self.token_embedding.weight

    def new_cache(self) -> ModernCache:
        return ModernCache([ModernLayerCache() for _ in self.blocks])

    def forward(self, ids: Tensor, cache: ModernCache | None = None) -> Tensor:
        start = cache.length if cache is not None else 0
        end = start + ids.shape[1]
        if end > self.config.context_length:
            raise ValueError(
                f"This model reads at most {self.config.context_length} tokens at once, got {end}; "
                "keep only the last ones."
            )
        x = self.token_embedding(ids)  # (B, T, C)
        shared = Shared()
        if self.config.positions == "learned":
            x = x + self.position_embedding(torch.arange(start, end, device=ids.device))
        else:
            shared.table = self.rotary[:, start:end]
        x = self.dropout(x)
        for i, block in enumerate(self.blocks):
            x = block(x, None if cache is None else cache.layers[i], shared)
        return self.unembedding(self.final_norm(x))  # (B, T, V)
