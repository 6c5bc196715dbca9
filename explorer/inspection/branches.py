"""A text with alternatives: one line is being written, those that were left are kept and can be gone back to."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import takewhile

from explorer.core.sampling import SamplingSettings
from explorer.models.generation import GeneratedToken

MOST_KEPT = 6


@dataclass(frozen=True)
class WrittenToken:
    """One token of a continuation. surprise: −log₂ p under the model at temperature 1, in bits. probability: what was
    left of it, or made of it, by temperature and filters. settings, context_length: those it was written with. chosen:
    by somebody, not by the pointer."""

    token: int
    pointer: float
    surprise: float
    probability: float
    settings: SamplingSettings | None = None
    context_length: int | None = None
    chosen: bool = False

    @classmethod
    def of(cls, generated: GeneratedToken, settings: SamplingSettings, context_length: int | None) -> WrittenToken:
        """What is kept of a generated token: not the logits of a whole vocabulary."""
        probability = float(generated.stages.probabilities[generated.token])
        return cls(
            generated.token,
            generated.pointer,
            generated.surprise,
            probability,
            settings,
            context_length,
            generated.chosen,
        )


Line = tuple[WrittenToken, ...]


def log_probability(line: Sequence[WrittenToken]) -> float:
    """ln of what the model gives the whole line, at temperature 1: the sum over its tokens, in nats.

    >>> log_probability([WrittenToken(0, 0.5, 1.0, 1.0), WrittenToken(1, 0.5, 2.0, 1.0)]) == -3 * math.log(2)
    True
    """
    return -math.log(2) * math.fsum(token.surprise for token in line)


def shared_length(one: Sequence[WrittenToken], other: Sequence[WrittenToken]) -> int:
    """How many tokens two lines have in common before they part."""
    return sum(1 for _ in takewhile(lambda pair: pair[0].token == pair[1].token, zip(one, other, strict=False)))


@dataclass
class Branches:
    """current: the line being written, under `name`. kept: the others by name, the one left longest ago first.

    Lines that only begin another line are not kept, and no more than `most`: one more takes the place of the oldest.
    """

    current: list[WrittenToken] = field(default_factory=list)
    name: str = "A"
    kept: dict[str, Line] = field(default_factory=dict)
    most: int = MOST_KEPT
    named: int = 1

    def rewind(self, count: int) -> None:
        """Keep the first `count` tokens of the current line; the line as it was becomes a branch."""
        if count < len(self.current):
            self._keep()
            self.current = self.current[:count]
            if self.name in self.kept:
                self.name = _letters(self.named)
                self.named += 1

    def open(self, name: str) -> None:
        """Go back to a branch. Raises ValueError for a name that is none."""
        if name not in self.kept:
            raise ValueError(f"There is no branch {name!r}; there are {', '.join(self.kept) or 'none'}.")
        line = self.kept.pop(name)
        self._keep()
        self.current, self.name = list(line), name

    def forget(self, name: str) -> None:
        """Drop a branch for good."""
        self.kept.pop(name, None)

    def _keep(self) -> None:
        line = tuple(self.current)
        self.kept = {name: other for name, other in self.kept.items() if not _begins(other, line)}
        if not any(_begins(line, other) for other in self.kept.values()):
            self.kept[self.name] = line
        while len(self.kept) > self.most:
            del self.kept[next(iter(self.kept))]


def _begins(line: Sequence[WrittenToken], other: Sequence[WrittenToken]) -> bool:
    return shared_length(line, other) == len(line)


def _letters(number: int) -> str:
    """Names of branches: A to Z, then A2 to Z2.

    >>> _letters(0), _letters(25), _letters(26)
    ('A', 'Z', 'A2')
    """
    return chr(ord("A") + number % 26) + (str(number // 26 + 1) if number >= 26 else "")
