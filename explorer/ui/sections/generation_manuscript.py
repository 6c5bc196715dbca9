"""A visitor's text on the page Generate: what it was asked for, its branches, and how it grows."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import streamlit as st

from explorer.core.sampling import SamplingSettings
from explorer.inspection.branches import Branches, WrittenToken
from explorer.inspection.sampling import PromptReading, SamplingReading, read_prompt, read_stages, read_step
from explorer.models.generation import GeneratedToken, Writer

if TYPE_CHECKING:
    from explorer.models.checkpoints import Checkpoint

TURN_SECONDS = 0.25  # of writing, before the page answers other controls
_KEY = "_manuscript"


@dataclass(frozen=True)
class Request:
    """What the text depends on besides the prompt and the visitor's choices."""

    settings: SamplingSettings
    context_length: int
    length: int
    seed: int


class Manuscript:
    """A prompt with its continuation.

    branches: the line being written, and those that were left. goal: how many tokens it is being written to. place: the
    token whose stages are looked at, from 0; as many as are written for the next one.
    """

    def __init__(self, checkpoint: Checkpoint, ids: tuple[int, ...]):
        self.checkpoint, self.ids = checkpoint, ids
        self.branches = Branches()
        self.request: Request | None = None
        self.all_at_once: bool | None = None
        self.goal = self.place = 0
        self.seconds = 0.0
        self._written_before = 0
        self._prompt: tuple[int, PromptReading] | None = None
        self._past: tuple[object, SamplingReading] | None = None

    @property
    def line(self) -> list[WrittenToken]:
        return self.branches.current

    @property
    def is_writing(self) -> bool:
        return len(self.line) < self.goal

    def follow(self, request: Request, *, all_at_once: bool) -> None:
        """Obey the controls. Written all at once, the text is made anew by each request; step by step, what is written
        stays, and the request holds for what comes. Raises ValueError for a request that cannot be."""
        if (request, all_at_once) == (self.request, self.all_at_once):
            return
        written = () if all_at_once else [token.token for token in self.line]
        self.writer = Writer(
            self.checkpoint.model,
            self.ids,
            request.settings,
            seed=request.seed,
            context_length=request.context_length,
            boundary=self.checkpoint.boundary,
            written=written,
        )
        if all_at_once:
            self._begin_again(request.length)
        elif self.all_at_once is not False:
            self.goal = len(self.line)
        self.request, self.all_at_once = request, all_at_once

    def _begin_again(self, length: int) -> None:
        if any(token.chosen for token in self.line):
            self.branches.rewind(0)
        self.branches.current = []
        self.write_to(length)

    def prompt(self) -> PromptReading:
        """How surprised the model is by what it reads of the prompt."""
        context_length = self.writer.context_length
        if self._prompt is None or self._prompt[0] != context_length:
            model, boundary = self.checkpoint.model, self.checkpoint.boundary
            self._prompt = context_length, read_prompt(model, self.ids, context_length, boundary)
        return self._prompt[1]

    def write_on(self) -> None:
        """Write towards the goal for one turn."""
        began = time.monotonic()
        while self.is_writing and time.monotonic() - began < TURN_SECONDS:
            self._add(self.writer.draw())
        self.seconds += time.monotonic() - began

    def write_to(self, count: int) -> None:
        """From now on, draw tokens until there are `count`."""
        self.goal, self.seconds = count, 0.0
        self._written_before = len(self.line)

    @property
    def seconds_left(self) -> float:
        """Until the goal, at the speed so far."""
        done = max(1, len(self.line) - self._written_before)
        return (self.goal - len(self.line)) * self.seconds / done

    def stop(self) -> None:
        self.goal = len(self.line)

    def rewind(self, count: int) -> None:
        """Go back to the moment before token `count` was written; what followed becomes a branch."""
        self._change(lambda branches: branches.rewind(count))

    def open(self, name: str) -> None:
        """Go back to a branch."""
        self._change(lambda branches: branches.open(name))

    def choose(self, token: int) -> None:
        """Write this token at the place that is looked at, going back to it first. Raises ValueError for no token."""
        self.rewind(min(self.place, len(self.line)))
        self._add(self.writer.choose(token))
        self.goal = len(self.line)

    def _change(self, change: Callable[[Branches], None]) -> None:
        change(self.branches)
        self.writer.replace([token.token for token in self.line])
        self.goal = len(self.line)

    def _add(self, generated: GeneratedToken) -> None:
        self.line.append(WrittenToken.of(generated, self.writer.settings, self.writer.context_length))

    def read(self, place: int) -> SamplingReading:
        """How the token at this place was written, or, at the end, what may come next."""
        if place >= len(self.line):
            return read_stages(self.writer.look())
        token, ids = self.line[place], (*self.ids, *(token.token for token in self.line[:place]))
        asked = (ids, token)
        if self._past is None or self._past[0] != asked:
            reading = read_step(
                self.checkpoint.model,
                ids,
                token.settings or self.writer.settings,
                token=token.token,
                pointer=token.pointer,
                context_length=token.context_length,
                boundary=self.checkpoint.boundary,
            )
            self._past = asked, reading
        return self._past[1]


def manuscript_of(checkpoint: Checkpoint, ids: tuple[int, ...]) -> Manuscript:
    """The visitor's text on this prompt; another prompt or checkpoint begins another."""
    held = newest_manuscript()
    if held is None or _identity(held.checkpoint) != _identity(checkpoint) or held.ids != ids:
        held = st.session_state[_KEY] = Manuscript(checkpoint, ids)
    return held


def _identity(checkpoint: Checkpoint) -> tuple[str, object]:
    """The same weights under the same name, even where they had to be loaded again."""
    return checkpoint.name, checkpoint.card.get("weights")


def newest_manuscript() -> Manuscript | None:
    """The visitor's text as it was last drawn, if there is one."""
    held: Manuscript | None = st.session_state.get(_KEY)
    return held
