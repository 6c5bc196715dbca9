"""What a head does, measured: how much of its attention goes to a few places that have a name.

A score is a mean share of attention, from 0 to 1, over the rows t ≥ 2 of a map A (the third token on, so that the token
itself, the one before and the first are three different places):

    self        A[t, t]            the token itself
    previous    A[t, t − 1]        the token just before (Elhage et al., 2021, "A Mathematical Framework for
                                   Transformer Circuits": previous-token heads)
    two back    A[t, t − 2]        the one before that; t ≥ 3, where it is not the first
    first       A[t, 0]            the first token, where a head rests that has found nothing
    induction   Σ_j A[t, j]        over the places j < t whose token j − 1 is the same as token t: what followed it
                                   before (Olsson et al., 2022, "In-context Learning and Induction Heads": prefix
                                   matching); rows without such a place are left out

Induction is measured on random tokens that are repeated, where only copying from before can help, and where no habit
of the language can be mistaken for it; on the prompt it is measured as well.

Shapes: L layers, H heads, T tokens.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from explorer.models.language_model import LanguageModel

BEHAVIOURS = ("previous", "two back", "first", "self", "induction")
NAMED_FROM = 0.4  # a head is named after a place that gets at least this share of its attention
LONGEST_PERIOD, SEQUENCES = 32, 4


def induction_places(ids: Sequence[int]) -> np.ndarray:
    """(T, T), true at [t, j] where j < t and token j − 1 is the same as token t.

    >>> induction_places([7, 8, 7]).astype(int).tolist()
    [[0, 0, 0], [0, 0, 0], [0, 1, 0]]
    """
    tokens = np.asarray(ids)
    places = np.zeros((len(tokens), len(tokens)), dtype=bool)
    places[:, 1:] = tokens[:, None] == tokens[None, :-1]
    return np.tril(places, k=-1)


def measure_behaviours(patterns: Tensor, ids: Sequence[int]) -> dict[str, np.ndarray]:
    """The scores of H heads, (H,) each, from their maps (H, T, T); NaN where the prompt has no row to measure on."""
    T = patterns.shape[-1]

    def mean(values: Tensor) -> np.ndarray:
        nothing = np.full(len(patterns), math.nan, dtype=np.float32)
        return values.mean(dim=-1).numpy() if values.shape[-1] else nothing

    places = torch.from_numpy(induction_places(ids))
    rows = places.any(dim=-1) & (torch.arange(T) >= 2)
    induced = torch.stack(
        [(pattern * places).sum(dim=-1)[rows] for pattern in patterns]
    )  # a head at a time: it is large
    return {
        "previous": mean(patterns.diagonal(-1, -2, -1)[:, 1:]),
        "two back": mean(patterns.diagonal(-2, -2, -1)[:, 1:]),
        "first": mean(patterns[:, 2:, 0]),
        "self": mean(patterns.diagonal(0, -2, -1)[:, 2:]),
        "induction": mean(induced),
    }


def name_of(scores: Mapping[str, float]) -> str | None:
    """The behaviour with the highest score, if it reaches `NAMED_FROM`; NaN counts as nothing.

    >>> name_of({"previous": 0.9, "first": 0.1}), name_of({"previous": 0.3, "first": math.nan})
    ('previous', None)
    """
    known = {name: score for name, score in scores.items() if not math.isnan(score)}
    best = max(known, key=lambda name: known[name], default=None)
    return best if best is not None and known[best] >= NAMED_FROM else None


@dataclass(frozen=True, eq=False)
class InductionReading:
    """Every head on random tokens said twice. scores: (L, H). period: tokens before the repetition, 0 where the model is
    too short for one (then the scores are NaN). sequences: how many were averaged."""

    scores: np.ndarray
    period: int
    sequences: int


@torch.no_grad()
def measure_induction(model: LanguageModel, seed: int = 0) -> InductionReading:
    """Attention of the second saying to what followed the same token in the first, averaged over its rows.

    A sequence is a random choice of tokens, none twice, said twice: after the first saying, token t has exactly one
    earlier place, and the score is the mean of A[t, t − period + 1]. Raises ValueError for a model without attention.
    """
    V, longest = model.config.vocab_size, model.config.context_length
    period = min(LONGEST_PERIOD, V, longest // 2)
    L, H = model.config.n_layers, model.config.n_heads
    if period < 2:
        return InductionReading(np.full((L, H), math.nan), 0, 0)
    random = np.random.default_rng(seed)
    once = np.stack([random.choice(V, period, replace=False) for _ in range(SEQUENCES)])
    with pattern_reader(model, lambda pattern: pattern.diagonal(1 - period, -2, -1)[..., 1:].mean(dim=(0, -1))) as seen:
        model(torch.from_numpy(np.concatenate([once, once], axis=1)))
    return InductionReading(torch.stack(seen).numpy(), period, SEQUENCES)


@contextmanager
def pattern_reader(model: LanguageModel, read: Callable[[Tensor], Any]) -> Iterator[list[Any]]:
    """Inside the block, what `read` makes of every layer's patterns (B, H, T, T) as they pass by is listed, layer by
    layer; the patterns themselves are not kept. Only this thread's passes are heard. Raises ValueError for a model
    without attention."""
    taps = [block.attention.pattern for block in getattr(model, "blocks", ())]
    if not taps:
        raise ValueError("This model has no attention to read; choose a Transformer.")
    listener = _Listener(read)
    handles = [tap.register_forward_hook(listener) for tap in taps]
    try:
        yield listener.seen
    finally:
        for handle in handles:
            handle.remove()


class _Listener:
    """A forward hook with the `thread` it listens to, which `Tap.has_listeners` asks for."""

    def __init__(self, read: Callable[[Tensor], Any]):
        self.read, self.thread, self.seen = read, threading.get_ident(), list[Any]()

    def __call__(self, _module: Any, _inputs: Any, pattern: Tensor) -> None:
        if threading.get_ident() == self.thread:
            self.seen.append(self.read(pattern.detach()))
