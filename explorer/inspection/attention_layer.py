"""An attention layer with what it reads of one prompt: fresh and random, or taken out of a trained model.

Shapes: T tokens, C channels of what the layer reads, H heads, d head size.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from explorer.inspection.partial_run import input_of
from explorer.models.gpt import CausalSelfAttention
from explorer.models.language_model import LanguageModel

WIDEST = 1024  # channels of a fresh layer: what a page draws in a moment
MOST_HEADS = 64


@dataclass(frozen=True, eq=False)
class AttentionLayer:
    """A layer's weights and what it reads.

    inputs: (T, C). weights: (3, H · d, C) of queries, keys and values, a row an output channel, head after head; biases:
    (3, H · d). projection: (C, H · d) and projection_bias: (C,), None for a layer without one.
    """

    inputs: np.ndarray
    weights: np.ndarray
    biases: np.ndarray
    projection: np.ndarray | None
    projection_bias: np.ndarray | None
    n_heads: int

    @property
    def head_size(self) -> int:
        return int(self.weights.shape[1]) // self.n_heads


def fresh_layer(text: str, width: int, head_size: int, n_heads: int = 1, seed: int = 1) -> AttentionLayer:
    """A layer that has learned nothing, and vectors for the characters of any text.

    Each character and each place has a random vector of its own, drawn from the seed and the character alone, so that
    typing on changes no earlier one; inputs have variance 1, weights variance 1 / C. Raises ValueError naming the
    number that cannot be.
    """
    _check_sizes(text, width, head_size, n_heads)
    characters = np.stack([np.random.default_rng([seed, 0, ord(c)]).standard_normal(width) for c in text])
    places = np.stack([np.random.default_rng([seed, 1, t]).standard_normal(width) for t in range(len(text))])
    inner = n_heads * head_size
    draws = [np.random.default_rng([seed, 2, k]).standard_normal((inner, width)) for k in range(3)]
    projection = np.random.default_rng([seed, 3]).standard_normal((inner, width)).T
    return AttentionLayer(
        inputs=((characters + places) / math.sqrt(2)).astype(np.float32),
        weights=(np.stack(draws) / math.sqrt(width)).astype(np.float32),
        biases=np.zeros((3, inner), dtype=np.float32),
        projection=(projection / math.sqrt(inner)).astype(np.float32),
        projection_bias=np.zeros(width, dtype=np.float32),
        n_heads=n_heads,
    )


def _check_sizes(text: str, width: int, head_size: int, n_heads: int) -> None:
    if not text:
        raise ValueError("Attention needs at least one token to look at, got an empty text.")
    if not 1 <= width <= WIDEST:
        raise ValueError(f"The width C must be from 1 to {WIDEST:,} channels, got {width:,}.")
    if not 1 <= head_size <= WIDEST:
        raise ValueError(
            f"The head size d must be from 1 to {WIDEST:,} channels, got {head_size:,}; a head without channels has no "
            "query to compare."
        )
    if not 1 <= n_heads <= MOST_HEADS:
        raise ValueError(f"The number of heads H must be from 1 to {MOST_HEADS}, got {n_heads}.")


def equal_heads(width: int, n_heads: int) -> int:
    """The head size C / H of H equal heads. Raises ValueError where the width does not divide.

    >>> equal_heads(32, 4)
    8
    """
    if n_heads < 1:
        raise ValueError(f"The number of heads H must be from 1 to {MOST_HEADS}, got {n_heads}.")
    if width % n_heads:
        fitting = [str(n) for n in range(1, min(width, MOST_HEADS) + 1) if width % n == 0]
        raise ValueError(
            f"{n_heads} heads cannot share {width} channels equally: {width} ÷ {n_heads} = {width / n_heads:.2f}. "
            f"Numbers of heads that divide {width}: {', '.join(fitting)}."
        )
    return width // n_heads


@torch.no_grad()
def layer_of(model: LanguageModel, ids: Sequence[int], layer: int) -> AttentionLayer:
    """A trained layer and what it reads of a prompt. Raises ValueError for a layer that the model does not have."""
    blocks: Any = getattr(model, "blocks", ())
    if not 0 <= layer < len(blocks):
        raise ValueError(
            f"This model has {len(blocks)} layers of attention, counted from 0; there is no layer {layer}."
        )
    attention: Any = blocks[layer].attention
    if type(attention) is not CausalSelfAttention:
        raise ValueError(
            "This model does more to its queries and keys than multiply by weights (it turns them by position, for one), "
            "which this page does not take apart; choose another checkpoint, or the page GPT inside."
        )
    inputs = input_of(attention, lambda: model(torch.tensor([list(ids)])))
    joined: Any = attention.query_key_value
    mixer: Any = getattr(attention.projection, "weight", None)
    inner, width = joined.weight.shape[0] // 3, joined.weight.shape[1]
    return AttentionLayer(
        inputs=inputs[0].numpy(),
        weights=joined.weight.detach().numpy().reshape(3, inner, width),
        biases=joined.bias.detach().numpy().reshape(3, inner),
        projection=None if mixer is None else mixer.detach().numpy(),
        projection_bias=None if mixer is None else attention.projection.get_parameter("bias").detach().numpy(),
        n_heads=attention.n_heads,
    )
