"""A decoder-only Transformer in the shape of GPT-2 (Radford et al., 2019), with the maths written out.

The idea: every position carries a vector, the *residual stream*. Each block adds to it twice: attention fetches
from earlier positions, the feed-forward network works on each position alone. The last vector, compared with
every token's, gives the logits of the next token.

Shapes: B batch, T positions, C = d_model channels, H heads, d = C / H head size, V vocabulary. With a cache,
T counts only the new positions and S the new and the cached.
"""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from explorer.core.attention import attention_pattern, join_heads, scaled_scores, split_heads
from explorer.core.layers import GELU, Dropout, Embedding, ExactGELU, LayerNorm, Linear
from explorer.models.language_model import LanguageModel

GELUS: dict[str, type[nn.Module]] = {"tanh": GELU, "exact": ExactGELU}


@dataclass(frozen=True)
class GPTConfig:
    """The shape of a GPT. Raises ValueError naming the option that cannot be.

    vocab_size: V. context_length: the most positions it can read. d_model: C, must divide by n_heads.
    dropout: on the embeddings and on what each sublayer adds; not on the attention pattern, which the fused
    kernel never stores. tie_weights: the unembedding is the
    token embedding, transposed. weight_std: the spread of the first weights, GPT-2's 0.02 unless given; None scales
    with the width, 1/√inputs for matrices and 0.1 for embeddings, from which narrow models learn sooner. gelu: "tanh", the
    form GPT-2 has, or "exact", nanoGPT's.
    """

    vocab_size: int
    context_length: int = 128
    n_layers: int = 6
    n_heads: int = 6
    d_model: int = 192
    dropout: float = 0.0
    tie_weights: bool = True
    layer_norm_epsilon: float = 1e-5
    weight_std: float | None = 0.02
    gelu: str = "tanh"

    def __post_init__(self) -> None:
        for name in ("vocab_size", "context_length", "n_layers", "n_heads", "d_model"):
            value = getattr(self, name)
            if not isinstance(value, int) or value < 1:
                raise ValueError(f"{name} must be a whole number of at least 1, got {value!r}.")
        if self.d_model % self.n_heads:
            raise ValueError(
                f"d_model is cut into n_heads equal heads: {self.d_model} does not divide by {self.n_heads}."
            )
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout must be at least 0 and below 1, got {self.dropout}.")
        if self.weight_std is not None and not (self.weight_std > 0 and math.isfinite(self.weight_std)):
            raise ValueError(f"weight_std must be a positive number, got {self.weight_std}.")
        if not (self.layer_norm_epsilon > 0 and math.isfinite(self.layer_norm_epsilon)):
            raise ValueError(f"layer_norm_epsilon must be a positive number, got {self.layer_norm_epsilon}.")
        if self.gelu not in GELUS:
            raise ValueError(f"gelu must be one of {', '.join(GELUS)}, got {self.gelu!r}.")

    @property
    def head_size(self) -> int:
        return self.d_model // self.n_heads

    @property
    def embedding_std(self) -> float:
        return 0.1 if self.weight_std is None else self.weight_std

    def residual_std(self, n_in: int) -> float:
        """The spread of a matrix that adds to the residual stream, smaller the more of them there are (GPT-2)."""
        return (1 / math.sqrt(n_in) if self.weight_std is None else self.weight_std) / math.sqrt(2 * self.n_layers)


class Tap(nn.Identity):
    """A named place where a value passes by, so that `inspection.capture` can listen with a hook."""

    @property
    def has_listeners(self) -> bool:
        """Whether a hook listens to this thread; a hook with a `thread` listens to that one only.

        Never while torch compiles the model for training: nobody listens then, and a thread has no place in a graph.
        """
        if torch.compiler.is_compiling():
            return False
        here = threading.get_ident()
        return any(getattr(hook, "thread", here) == here for hook in tuple(self._forward_hooks.values()))


@dataclass
class LayerCache:
    """Keys and values of the positions read so far in one layer: (B, H, S, d) each, or None at the start."""

    keys: Tensor | None = None
    values: Tensor | None = None

    def append(self, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """Add new positions; returns all keys and all values, (B, H, S, d)."""
        if self.keys is not None and self.values is not None:
            k, v = torch.cat([self.keys, k], dim=2), torch.cat([self.values, v], dim=2)
        self.keys, self.values = k, v
        return k, v


@dataclass
class KeyValueCache:
    """What a GPT remembers between calls, so that one new token costs one position's work."""

    layers: list[LayerCache]

    @property
    def length(self) -> int:
        """Positions remembered so far."""
        keys = self.layers[0].keys
        return 0 if keys is None else keys.shape[2]


class CausalSelfAttention(nn.Module):
    """Each position asks (query), every earlier one answers (key), and what it holds (value) is fetched.

    Torch's fused kernel computes the mix without ever storing the pattern; the stages are computed one by one
    only while somebody listens at a tap. A test holds both paths together.
    """

    def __init__(
        self,
        d_model: int,
        n_heads: int,
        *,
        std: float | None = None,
        projection_std: float | None = None,
        has_projection: bool = True,
        bias: bool = True,
    ):
        super().__init__()
        self.n_heads = n_heads
        self.query_key_value = Linear(d_model, 3 * d_model, std=std, bias=bias)
        self.projection = Linear(d_model, d_model, std=projection_std, bias=bias) if has_projection else nn.Identity()
        self.queries, self.keys, self.values = (
            Tap(),
            Tap(),
            Tap(),
        )  # (B, H, T, d), keys and values (B, H, S, d)
        self.scores = Tap()  # Q Kᵀ / √d, before the mask: (B, H, T, S)
        self.pattern = Tap()  # rows sum to 1: (B, H, T, S)

    def forward(self, x: Tensor, cache: LayerCache | None = None) -> Tensor:
        q, k, v = (split_heads(part, self.n_heads) for part in self.query_key_value(x).chunk(3, dim=-1))
        if cache is not None:
            k, v = cache.append(k, v)
        q, k, v = self.queries(q), self.keys(k), self.values(v)
        return self.projection(join_heads(self.mix(q, k, v)))

    def mix(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """Average the values as the queries and keys say: (B, H, T, d) from q, and k, v of (B, H, S, d)."""
        T, S = q.shape[2], k.shape[2]
        is_listened_to = self.scores.has_listeners or self.pattern.has_listeners
        if not is_listened_to and (T == S or T == 1):
            return F.scaled_dot_product_attention(q, k, v, is_causal=T > 1)
        return self.pattern(attention_pattern(self.scores(scaled_scores(q, k)))) @ v


class FeedForward(nn.Module):
    """Two layers on each position alone: (B, T, C) to 4C, GELU, and back to C."""

    def __init__(self, config: GPTConfig):
        super().__init__()
        hidden = 4 * config.d_model
        self.expand = Linear(config.d_model, hidden, std=config.weight_std)
        self.activation = GELUS[config.gelu]()
        self.contract = Linear(hidden, config.d_model, std=config.residual_std(hidden))

    def forward(self, x: Tensor) -> Tensor:
        return self.contract(self.activation(self.expand(x)))


class Block(nn.Module):
    """x + attention(norm(x)), then x + feed_forward(norm(x)): what is added never erases what was there."""

    def __init__(self, config: GPTConfig):
        super().__init__()
        self.attention_norm = LayerNorm(config.d_model, epsilon=config.layer_norm_epsilon)
        self.attention = CausalSelfAttention(
            config.d_model,
            config.n_heads,
            std=config.weight_std,
            projection_std=config.residual_std(config.d_model),
        )
        self.feed_forward_norm = LayerNorm(config.d_model, epsilon=config.layer_norm_epsilon)
        self.feed_forward = FeedForward(config)
        self.dropout = Dropout(config.dropout)

    def forward(self, x: Tensor, cache: LayerCache | None = None) -> Tensor:
        x = x + self.dropout(self.attention(self.attention_norm(x), cache))
        return x + self.dropout(self.feed_forward(self.feed_forward_norm(x)))


class GPT(LanguageModel):
    """Token ids (B, T) to logits (B, T, V) of the token after each position.

    >>> model = GPT(GPTConfig(vocab_size=65, context_length=8, n_layers=1, n_heads=2, d_model=16))
    >>> model(torch.zeros(1, 8, dtype=torch.long)).shape
    torch.Size([1, 8, 65])
    """

    def __init__(self, config: GPTConfig):
        super().__init__()
        self.config = config
        self.token_embedding = Embedding(config.vocab_size, config.d_model, std=config.embedding_std)
        self.position_embedding = Embedding(config.context_length, config.d_model, std=config.embedding_std)
        self.dropout = Dropout(config.dropout)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.n_layers))
        self.final_norm = LayerNorm(config.d_model, epsilon=config.layer_norm_epsilon)
        self.unembedding = Linear(config.d_model, config.vocab_size, bias=False, std=config.weight_std)
        if config.tie_weights:
            self.unembedding.weight = self.token_embedding.weight

    def new_cache(self) -> KeyValueCache:
        return KeyValueCache([LayerCache() for _ in self.blocks])

    def forward(self, ids: Tensor, cache: KeyValueCache | None = None) -> Tensor:
        start = cache.length if cache is not None else 0
        end = start + ids.shape[1]
        if end > self.config.context_length:
            raise ValueError(
                f"This model reads at most {self.config.context_length} tokens at once, got {end}; "
                "keep only the last ones."
            )
        positions = torch.arange(start, end, device=ids.device)
        x = self.dropout(self.token_embedding(ids) + self.position_embedding(positions))  # (B, T, C)
        for i, block in enumerate(self.blocks):
            x = block(x, None if cache is None else cache.layers[i])
        return self.unembedding(self.final_norm(x))  # (B, T, V)
