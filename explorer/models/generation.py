"""One token after another: the model's own output becomes its input.

Cached and uncached generation give the same logits. Within the context length the cache saves all work on old
positions. Past it the window slides by one each step, every token moves to another learned position, and
nothing remembered stays true: the window is read afresh, as without a cache.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from explorer.core.sampling import (
    SamplingSettings,
    SamplingStages,
    check_seed,
    drop_pointer,
    sampling_stages,
    token_at,
)
from explorer.models.language_model import LanguageModel


@dataclass(frozen=True)
class GeneratedToken:
    """One step of generation.

    token: the id written. pointer: where the random pointer fell on the cumulative line, in [0, 1).
    stages: logits to probabilities, each (V,). context: how many tokens the model saw. chosen: whether somebody chose
    the token, so that the pointer played no part.
    """

    token: int
    pointer: float
    stages: SamplingStages
    context: int
    chosen: bool = False

    @cached_property
    def surprise(self) -> float:
        """−log₂ of what the model itself, at temperature 1 and unfiltered, gave this token: bits."""
        logits = self.stages.logits.double()
        return float((logits.logsumexp(dim=-1) - logits[self.token]) / math.log(2))


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

    def forget(self) -> None:
        """Begin with nothing read: the text has been cut."""
        self.cache, self.start, self.read = self.model.new_cache(), 0, 0


class Pointers:
    """The random pointers of a seed: that of place n depends on the seed and on n alone, however often it is asked."""

    def __init__(self, seed: int):
        check_seed(seed)
        self._generator = torch.Generator().manual_seed(seed)
        self._dropped: list[float] = []

    def at(self, n: int) -> float:
        """The pointer of the continuation's token n, from 0."""
        while len(self._dropped) <= n:
            self._dropped.append(drop_pointer(self._generator))
        return self._dropped[n]


class Writer:
    """A text that grows by one token at a time, drawn or chosen, and can be cut back.

    A token that is drawn at place n of the continuation uses the seed's pointer n, whatever happened before: where the
    text is cut back, the same tokens are drawn again, and the same seed with the same choices gives the same text.
    """

    def __init__(
        self,
        model: LanguageModel,
        prompt: Sequence[int],
        settings: SamplingSettings,
        *,
        seed: int = 0,
        context_length: int | None = None,
        use_cache: bool = True,
        boundary: int | None = None,
        written: Sequence[int] = (),
    ):
        """written: a continuation to go on from. boundary: as for `generate`. Raises ValueError as `generate` does."""
        self.context_length = check_context_length(model, context_length)
        settings.check_vocabulary(model.config.vocab_size)
        if not prompt:
            raise ValueError("The prompt is empty: a model continues at least one token.")
        self.model, self.settings, self.boundary, self.use_cache = model, settings, boundary, use_cache
        self.ids = [*prompt, *written]
        self.prompted = len(prompt)
        self._pointers = Pointers(seed)
        self._reader = _CachedReader(model, self.context_length, boundary)
        self._next: SamplingStages | None = None

    @property
    def written(self) -> list[int]:
        """The continuation so far."""
        return self.ids[self.prompted :]

    def look(self) -> SamplingStages:
        """Logits to probabilities of the next token, each (V,), without writing it."""
        if self._next is None:
            # Gradient mode belongs to the thread, so it is switched off for the step only.
            with torch.no_grad():
                logits = (
                    self._reader.logits(self.ids)
                    if self.use_cache
                    else next_logits(self.model, self.ids, self.context_length, self.boundary)
                )
                self._next = sampling_stages(logits, self.settings)
        return self._next

    def draw(self) -> GeneratedToken:
        """Write the token that the pointer of this place falls on."""
        pointer = self._pointers.at(len(self.ids) - self.prompted)
        return self._write(token_at(self.look().probabilities, pointer), pointer, chosen=False)

    def choose(self, token: int) -> GeneratedToken:
        """Write this token, even one that the filters have taken out. Raises ValueError for an id that is none."""
        V = self.model.config.vocab_size
        if not 0 <= token < V:
            raise ValueError(f"Token ids go from 0 to {V - 1}, got {token}.")
        return self._write(token, self._pointers.at(len(self.ids) - self.prompted), chosen=True)

    def _write(self, token: int, pointer: float, *, chosen: bool) -> GeneratedToken:
        context = min(len(self.ids) - item_start(self.ids, self.boundary), self.context_length)
        generated = GeneratedToken(token, pointer, self.look(), context, chosen)
        self.ids.append(token)
        self._next = None
        return generated

    def replace(self, written: Sequence[int]) -> None:
        """Go on from another continuation, such as an earlier state of this one."""
        if list(written) != self.written:
            self.ids[self.prompted :] = written
            self._next = None
            self._reader.forget()


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
    if length < 0:
        raise ValueError(f"Length must be 0 or more tokens, got {length}.")
    writer = Writer(
        model,
        prompt,
        settings,
        seed=seed,
        context_length=context_length,
        use_cache=use_cache,
        boundary=boundary,
    )
    return (writer.draw() for _ in range(length))
