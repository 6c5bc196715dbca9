"""From logits to one chosen token: temperature, top-k, top-p, and a random pointer on the cumulative line.

Sources: temperature from Ackley, Hinton & Sejnowski (1985); top-k from Fan, Lewis & Dauphin (2018); top-p, or
nucleus sampling, from Holtzman et al. (2020).

Shapes: V vocabulary; everything here works on the last dimension.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from explorer.core.attention import softmax


@dataclass(frozen=True)
class SamplingSettings:
    """How to choose the next token.

    temperature: divides the logits; below 1 sharpens, above 1 flattens, 0 always takes the likeliest (greedy).
    top_k: keep only the k likeliest tokens; None keeps all.
    top_p: then keep the smallest set of likeliest tokens whose probabilities reach p; 1 keeps all.

    Raises ValueError naming the setting, what it accepts and what came.
    """

    # Beyond these bounds logits ÷ temperature leaves what 32-bit numbers can hold.
    TEMPERATURES: ClassVar[tuple[float, float]] = (1e-30, 1e30)

    temperature: float = 1.0
    top_k: int | None = None
    top_p: float = 1.0

    def __post_init__(self) -> None:
        coldest, hottest = self.TEMPERATURES
        if self.temperature != 0 and not coldest <= self.temperature <= hottest:
            raise ValueError(
                f"Temperature must be 0 (always the likeliest token) or a number from {coldest:g} to {hottest:g}, "
                f"got {self.temperature}."
            )
        if self.top_k is not None and (not isinstance(self.top_k, int) or self.top_k < 1):
            raise ValueError(
                f"Top-k must be a whole number of tokens, at least 1, got {self.top_k}; leave it out to keep all."
            )
        if not 0 < self.top_p <= 1:
            raise ValueError(f"Top-p must be above 0 and at most 1, got {self.top_p}; 1 keeps every token.")

    @property
    def is_greedy(self) -> bool:
        return self.temperature == 0

    def check_vocabulary(self, vocab_size: int) -> None:
        """Raise ValueError where top-k asks for more tokens than the vocabulary has."""
        if self.top_k is not None and self.top_k > vocab_size:
            raise ValueError(
                f"Top-k asks for {self.top_k} tokens but the vocabulary has {vocab_size}; "
                f"choose 1 to {vocab_size}, or leave it out to keep all."
            )


@dataclass(frozen=True)
class SamplingStages:
    """The same V numbers after each step, so that every filter can be shown before and after.

    logits: the model's scores. scaled: logits ÷ temperature. after_top_k, after_top_p: scaled, with −∞ for
    every token filtered out so far. probabilities: softmax of the last, summing to 1. All (..., V).
    """

    logits: Tensor
    scaled: Tensor
    after_top_k: Tensor
    after_top_p: Tensor
    probabilities: Tensor


def keep_top_k(logits: Tensor, k: int) -> Tensor:
    """−∞ for all but the k largest logits. Ties at the edge go to the smaller id, so exactly k remain.

    >>> keep_top_k(torch.tensor([1.0, 3.0, 2.0]), 2).tolist()
    [-inf, 3.0, 2.0]
    """
    order = logits.sort(dim=-1, descending=True, stable=True).indices
    dropped = torch.ones_like(logits, dtype=torch.bool).scatter(-1, order[..., :k], False)
    return logits.masked_fill(dropped, -math.inf)


def keep_top_p(logits: Tensor, p: float) -> Tensor:
    """−∞ for all but the smallest set of likeliest tokens whose probabilities add up to at least p.

    A token stays if the ones ahead of it have not reached p yet: the likeliest always stays.
    """
    if p == 1:
        return logits
    ordered, order = logits.sort(dim=-1, descending=True, stable=True)
    probabilities = softmax(ordered)
    ahead = probabilities.cumsum(dim=-1) - probabilities
    dropped = torch.zeros_like(logits, dtype=torch.bool).scatter(-1, order, ahead >= p)
    return logits.masked_fill(dropped, -math.inf)


def sampling_stages(logits: Tensor, settings: SamplingSettings) -> SamplingStages:
    """Every stage from logits to probabilities, all (..., V).

    Greedy (temperature 0) is the limit of small temperatures: dividing by 0 is not done, one token is kept.
    """
    settings.check_vocabulary(logits.shape[-1])
    scaled = logits if settings.is_greedy else logits / settings.temperature
    k = 1 if settings.is_greedy else settings.top_k
    after_top_k = scaled if k is None else keep_top_k(scaled, k)
    after_top_p = keep_top_p(after_top_k, settings.top_p)
    return SamplingStages(logits, scaled, after_top_k, after_top_p, softmax(after_top_p))


def check_seed(seed: int) -> None:
    """Raise ValueError for a seed beyond the 64 bits that torch's generators take."""
    if not -(2**63) <= seed < 2**64:
        raise ValueError(f"A seed must be a whole number from −2⁶³ to 2⁶⁴ − 1, got {seed}.")


def draw(probabilities: Tensor, generator: torch.Generator) -> tuple[int, float]:
    """Choose a token by dropping a pointer on the line 0..1 cut into V pieces of these lengths.

    Shapes: probabilities (V,) summing to 1. Returns the token id and the pointer, uniform in [0, 1). The same generator
    state gives the same token.
    """
    pointer = drop_pointer(generator)
    return token_at(probabilities, pointer), pointer


def drop_pointer(generator: torch.Generator) -> float:
    """A number uniform in [0, 1), the generator's next."""
    return float(torch.rand((), generator=generator, dtype=torch.float64).item())


def token_at(probabilities: Tensor, pointer: float) -> int:
    """The token whose piece of the cumulative line holds the pointer, for probabilities (V,).

    >>> [token_at(torch.tensor([0.5, 0.0, 0.5]), pointer) for pointer in (0.0, 0.49, 0.5, 0.99)]
    [0, 0, 2, 2]
    """
    edges = probabilities.double().cumsum(dim=-1)
    return int(torch.searchsorted(edges, pointer * edges[-1].item(), right=True))
