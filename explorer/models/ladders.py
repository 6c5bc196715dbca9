"""The two ladders: every stage's loss on the same held-out text, from guessing to a GPT. Read from cards, without torch.

Each rung is either a baseline that anyone can work out by counting (kept on the cards of the models trained on that
corpus) or a shipped checkpoint.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from explorer.models.cards import CheckpointError, find_card, read_card


@dataclass(frozen=True)
class Rung:
    """One stage. source: a baseline's name or a checkpoint's. title: its bar. idea: what is new in it, in a few words.
    page: the file of the page that shows it. published: the loss that the lecture or repository named in `LADDERS`
    reports for it, in nats, where there is one."""

    source: str
    title: str
    idea: str
    page: str
    published: float | None = None


@dataclass(frozen=True)
class RungReading:
    """A rung with what its card says. loss: in nats per character, on the whole held-out part. parameters: learned
    numbers, None for a baseline. sample: what it writes from the start of a text, with seed 1."""

    rung: Rung
    loss: float
    parameters: int | None
    sample: str

    @property
    def bits(self) -> float:
        """The loss in bits per character."""
        return self.loss / math.log(2)


BASELINES = ("uniform", "unigram", "bigram")

# Published: makemore lectures 1 to 5 and makemore's README (names); the GPT lecture and nanoGPT's README (Shakespeare).
LADDERS: dict[str, tuple[Rung, ...]] = {
    "names": (
        Rung("uniform", "Guessing evenly", "every letter equally likely", "pages/bigram.py", 3.296),
        Rung("unigram", "Counting letters", "how common each letter is", "pages/bigram.py"),
        Rung("bigram", "Bigram, counted", "the letter before", "pages/bigram.py", 2.454),
        Rung("names-bigram", "Bigram, learned", "the same table by gradient descent", "pages/bigram.py"),
        Rung("names-mlp", "MLP", "three letters, as vectors", "pages/mlp.py", 2.170),
        Rung("names-batchnorm", "MLP with BatchNorm", "activations kept in range", "pages/batchnorm.py", 2.105),
        Rung("names-wavenet", "WaveNet", "eight letters, joined up a tree", "pages/wavenet.py", 1.993),
        Rung("names-transformer", "Transformer", "attention over the whole name", "pages/gpt_inside.py", 1.92),
    ),
    "shakespeare": (
        Rung("uniform", "Guessing evenly", "every character equally likely", "pages/bigram.py", 4.174),
        Rung("unigram", "Counting characters", "how common each character is", "pages/bigram.py"),
        Rung("bigram", "Bigram, counted", "the character before", "pages/bigram.py"),
        Rung("shakespeare-bigram", "Bigram of vectors", "its vector and its place", "pages/bigram.py", 2.482),
        Rung("shakespeare-head", "One attention head", "looking back at 8 characters", "pages/attention.py", 2.4),
        Rung("shakespeare-heads", "Four heads", "looking for several things at once", "pages/attention.py", 2.28),
        Rung(
            "shakespeare-block",
            "A whole block",
            "feed-forward, residual paths, LayerNorm",
            "pages/transformer_block.py",
        ),
        Rung("shakespeare-decoder", "Three blocks", "depth, and 64 characters", "pages/transformer_block.py"),
        Rung("shakespeare-gpt", "GPT", "six layers, 256 characters", "pages/generate.py", 1.4697),
    ),
}


def read_ladder(corpus: str) -> list[RungReading]:
    """The rungs of the corpus that are here, in order; a checkpoint whose card is missing is left out.

    Raises KeyError for a corpus without a ladder.
    """
    cards: dict[str, dict[str, Any]] = {}
    for rung in LADDERS[corpus]:
        if rung.source not in BASELINES:
            try:
                cards[rung.source] = read_card(find_card(rung.source))
            except CheckpointError:
                continue
    counted = next((card for card in cards.values() if {"baselines", "baseline_samples"} <= set(card)), None)
    readings = []
    for rung in LADDERS[corpus]:
        if rung.source in cards:
            card = cards[rung.source]
            readings.append(
                RungReading(rung, card["losses"]["validation"], card.get("parameters"), card.get("sample", ""))
            )
        elif rung.source in BASELINES and counted is not None:
            loss, sample = counted["baselines"][rung.source], counted["baseline_samples"][rung.source]
            readings.append(RungReading(rung, loss, None, sample))
    return readings
