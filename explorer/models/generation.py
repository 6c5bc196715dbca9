"""One token after another: the model's own output becomes its input.

Cached and uncached generation give the same logits. Within the context length the cache saves all work on old
positions. Past it the window slides by one each step, every token moves to another learned position, and
nothing remembered stays true: the window is read afresh, as without a cache.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from explorer.core.sampling import SamplingSettings, SamplingStages, check_seed, draw, sampling_stages
from explorer.models.language_model import LanguageModel


@dataclass(frozen=True)
class GeneratedToken:
    """One step of generation.

    token: the id chosen. pointer: where the random pointer fell on the cumulative line, in [0, 1).
    stages: logits to probabilities, each (V,). context: how many tokens the model saw.
    """

    token: int
    pointer: float
    stages: SamplingStages
    context: int


def check_context_length(model: LanguageModel, context_length: int | None) -> int:
    """The context to use: the model's own unless a shorter one is asked for. Raises ValueError for any other."""
    limit = int(model.config.context_length)
    if context_length is None:
        return limit
    if not 1 <= context_length <= limit:
        raise ValueError(f"Context length must be from 1 to this model's {limit}, got {context_length}.")
    return context_length


@torch.no_grad()
def next_logits(
    model: LanguageModel, ids: list[int], context_length: int | None = None, boundary: int | None = None
) -> Tensor:
    """Logits (V,) of the token after `ids`, from the last `context_length` of them.

    boundary: the token that begins an item, for a model of items: what stands before the last one is not read.
    """
    start = max(item_start(ids, boundary), len(ids) - check_context_length(model, context_length))
    return model(torch.tensor([ids[start:]]))[0, -1]


def item_start(ids: list[int], boundary: int | None) -> int:
    """Where the last item of the text begins: the place of its boundary token, 0 where there is none.

    >>> item_start([0, 5, 6, 0, 7], boundary=0)
    3
    """
    if boundary is None or boundary not in ids:
        return 0
    return len(ids) - 1 - ids[::-1].index(boundary)


class _CachedReader:
    """Gives the logits after a growing text, reading only what is new where the cache still holds."""

    def __init__(self, model: LanguageModel, context_length: int, boundary: int | None = None):
        self.model, self.context_length, self.boundary = model, context_length, boundary
        self.cache = model.new_cache()
        self.start = 0  # of what is in the cache, in the text
        self.read = 0  # where it ends

    def logits(self, ids: list[int]) -> Tensor:
        start = item_start(ids, self.boundary)
        if self.cache is None or len(ids) - start > self.context_length:
            return next_logits(self.model, ids, self.context_length, self.boundary)
        if start != self.start:
            self.cache, self.start, self.read = self.model.new_cache(), start, start
        new = torch.tensor([ids[self.read :]])
        self.read = len(ids)
        return self.model(new, self.cache)[0, -1]


def generate(
    model: LanguageModel,
    prompt: list[int],
    length: int,
    settings: SamplingSettings,
    *,
    seed: int = 0,
    context_length: int | None = None,
    use_cache: bool = True,
    boundary: int | None = None,
) -> Iterator[GeneratedToken]:
    """Yield `length` tokens that continue `prompt`, one at a time; the same seed gives the same text.

    boundary: the token that begins an item, for a model trained on items: each new one is written without a look at
    those before it.
    Raises ValueError before the first token for an empty prompt, a context length the model does not have, a
    negative length, a top-k above the vocabulary or a seed that torch does not take.
    """
    context_length = check_context_length(model, context_length)
    settings.check_vocabulary(model.config.vocab_size)
    if not prompt:
        raise ValueError("The prompt is empty: a model continues at least one token.")
    if length < 0:
        raise ValueError(f"Length must be 0 or more tokens, got {length}.")
    check_seed(seed)
    return _generate(model, list(prompt), length, settings, seed, context_length, use_cache, boundary)


def _generate(
    model: LanguageModel,
    ids: list[int],
    length: int,
    settings: SamplingSettings,
    seed: int,
    context_length: int,
    use_cache: bool,
    boundary: int | None,
) -> Iterator[GeneratedToken]:
    generator = torch.Generator().manual_seed(seed)
    reader = _CachedReader(model, context_length, boundary)
    for _ in range(length):
        # Gradient mode belongs to the thread, so it is switched off for the step, not across the yield.
        with torch.no_grad():
            logits = reader.logits(ids) if use_cache else next_logits(model, ids, context_length, boundary)
            stages = sampling_stages(logits, settings)
        token, pointer = draw(stages.probabilities, generator)
        yield GeneratedToken(token, pointer, stages, min(len(ids) - item_start(ids, boundary), context_length))
        ids.append(token)
