"""What a model of one snapshot does: where its heads look, and what it makes of random tokens that are said twice.

The first saying cannot be guessed: no model does better than ln V, the loss of no preference, in the long run. The second
can be read off the first, and what makes that possible are two kinds of heads: one that looks at the token before
(Elhage et al., 2021) and, a layer later, one that looks at what followed the same token earlier (Olsson et al., 2022:
induction heads). So the score of the one and the loss of the second saying tell the same story.

The scores are those of `inspection.head_behaviour`, on these random tokens.

Shapes: L layers, H heads, T tokens, N sequences of twice P tokens, V vocabulary.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from explorer.inspection.head_behaviour import LONGEST_PERIOD, measure_behaviours, pattern_reader
from explorer.models.language_model import LanguageModel

SCORES = ("previous", "induction", "first")
SEQUENCES = 8
REACHED = 0.4  # a head has a behaviour that gets at least this share of its attention


@dataclass(frozen=True, eq=False)
class SnapshotReading:
    """scores: (L, H) by name of `SCORES`, shares of attention from 0 to 1. first_loss, second_loss: nats a token over the
    first and the second saying; both without the token before which nothing, or nothing useful, was said. period: P."""

    scores: dict[str, np.ndarray]
    first_loss: float
    second_loss: float
    period: int


def repeated_tokens(model: LanguageModel, seed: int = 0) -> Tensor:
    """Random tokens said twice, (N, 2P), no token twice in one saying. Raises ValueError for a model that reads fewer
    than 4 tokens or has fewer than 2: nothing could be said twice."""
    V = model.config.vocab_size
    period = min(LONGEST_PERIOD, V, model.config.context_length // 2)
    if period < 2:
        raise ValueError(
            f"This model reads {model.config.context_length} tokens of {V}; to be told something twice it must read at "
            "least 4, of 2 or more."
        )
    chance = torch.Generator().manual_seed(seed)
    once = torch.stack([torch.randperm(V, generator=chance)[:period] for _ in range(SEQUENCES)])
    return torch.cat([once, once], dim=1)


@torch.no_grad()
def read_snapshot(model: LanguageModel, seed: int = 0) -> SnapshotReading:
    """One forward pass over `repeated_tokens`. Raises ValueError for a model without attention."""
    ids = repeated_tokens(model, seed)
    period = ids.shape[1] // 2

    def measure(patterns: Tensor) -> dict[str, np.ndarray]:
        measured = [measure_behaviours(one, row) for one, row in zip(patterns, ids.tolist(), strict=True)]
        return {name: np.mean([scores[name] for scores in measured], axis=0) for name in SCORES}

    with pattern_reader(model, measure) as seen:
        logits = model(ids)
    losses = F.cross_entropy(logits[:, :-1].transpose(1, 2), ids[:, 1:], reduction="none").mean(dim=0)  # (2P − 1,)
    return SnapshotReading(
        {name: np.stack([layer[name] for layer in seen]) for name in SCORES},
        first_loss=float(losses[: period - 1].mean()),
        second_loss=float(losses[period:].mean()),
        period=period,
    )


@torch.no_grad()
def read_maps(model: LanguageModel, ids: Sequence[int]) -> np.ndarray:
    """Every head's map of a prompt, (L, H, T, T), in half precision: many snapshots are kept at once.

    Raises ValueError for a model without attention.
    """
    with pattern_reader(model, lambda pattern: pattern[0].to(torch.float16).numpy()) as seen:
        model(torch.tensor([list(ids)]))
    return np.stack(seen)


@dataclass(frozen=True)
class Formed:
    """Where a head first reached `REACHED` in a behaviour. head: (layer, head). at: the snapshot's number, from 0."""

    name: str
    head: tuple[int, int]
    at: int
    score: float


def first_formed(readings: Sequence[SnapshotReading], name: str) -> Formed | None:
    """The earliest head with that behaviour, the strongest where several came at once; None while there is none."""
    for at, reading in enumerate(readings):
        scores = np.nan_to_num(reading.scores[name])
        layer, head = np.unravel_index(int(scores.argmax()), scores.shape)
        if scores[layer, head] >= REACHED:
            return Formed(name, (int(layer), int(head)), at, float(scores[layer, head]))
    return None


def even_loss(vocab_size: int) -> float:
    """The loss of no preference: ln V nats."""
    return math.log(vocab_size)
