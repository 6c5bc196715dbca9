"""A text in which passages come twice: what a model must copy from before to predict.

In such a text it pays to look for what followed the same letters earlier, which is what an induction head does
(Olsson et al., 2022). Plain text repeats itself too, but seldom within the window of a small model.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Repeats:
    """How a text is made to repeat itself. Raises ValueError for shares or lengths that cannot be.

    twice: the share of passages written twice. noise: the share of passages replaced by symbols drawn at random, which are
    written twice as well: no habit of the language helps with these. The rest stays as it was. shortest, longest:
    characters of a passage, every length between them equally likely.
    """

    twice: float = 0.6
    noise: float = 0.15
    shortest: int = 4
    longest: int = 32

    def __post_init__(self) -> None:
        if not (self.twice >= 0 and self.noise >= 0 and self.twice + self.noise <= 1):
            raise ValueError(
                f"The shares of passages must be 0 or more and at most 1 together, got {self.twice} and {self.noise}."
            )
        if not 1 <= self.shortest <= self.longest:
            raise ValueError(
                f"A passage needs 1 character or more, and shortest ≤ longest; got {self.shortest} and {self.longest}."
            )


def repeat_passages(text: str, symbols: Sequence[str], repeats: Repeats, *, seed: int = 0) -> str:
    """Cut the text into passages, in order, and repeat them as `repeats` says; noise is drawn from the symbols.

    >>> repeat_passages("to be or not to be", " ", Repeats(1.0, 0.0, 5, 5))
    'to beto be or n or not toot to be be'
    >>> repeat_passages("to be or not to be", " ", Repeats(0.0, 0.0))
    'to be or not to be'
    """
    chance = random.Random(seed)
    passages, at = [], 0
    while at < len(text):
        length = chance.randint(repeats.shortest, repeats.longest)
        passage, kind = text[at : at + length], chance.random()
        if kind < repeats.noise:
            passage = "".join(chance.choices(symbols, k=len(passage)))
        passages.append(passage * (2 if kind < repeats.noise + repeats.twice else 1))
        at += length
    return "".join(passages)
