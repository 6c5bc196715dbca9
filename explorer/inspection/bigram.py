"""A bigram table opened up: its rows, a walk of sampled tokens, and the likelihood of a word.

Shapes: V vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import torch

from explorer.core.probability import normalise_counts
from explorer.core.sampling import draw
from explorer.inspection.arithmetic import CellArithmetic, division
from explorer.models.bigram import count_loss
from explorer.text.corpora import Corpus
from explorer.text.tokenizers import CharTokenizer
from explorer.training.bigram import corpus_counts

BOUNDARY = "\n"


@dataclass(frozen=True)
class BigramReading:
    """A corpus counted.

    tokenizer: its characters. labels: one visible label a character, V of them; the boundary of a name is “.”.
    counts: (V, V) whole numbers, row then column. probabilities: (V, V), rows sum to 1. loss: mean −log p
    over all pairs, in nats. smoothing: what was added to every count. is_items: names, not running text.
    """

    tokenizer: CharTokenizer
    labels: tuple[str, ...]
    counts: np.ndarray
    probabilities: np.ndarray
    loss: float
    smoothing: float
    is_items: bool

    @property
    def pairs(self) -> int:
        """How many pairs were counted."""
        return int(self.counts.sum())

    @property
    def commonest(self) -> tuple[int, int]:
        """Row and column of the pair that was counted most often."""
        row, column = divmod(int(self.counts.argmax()), self.counts.shape[1])
        return row, column

    @property
    def uniform_loss(self) -> float:
        """ln V: the loss of a model that prefers nothing."""
        return float(np.log(len(self.labels)))


@dataclass(frozen=True)
class WalkStep:
    """One sampled token: from the row of token `row`, the pointer in [0, 1) fell on token `token`."""

    row: int
    token: int
    pointer: float


@dataclass(frozen=True)
class PairLikelihood:
    """One pair of a word: labels, its probability and −log of it in nats (infinite for probability 0)."""

    first: str
    second: str
    row: int
    column: int
    probability: float
    surprise: float


@dataclass(frozen=True)
class WordLikelihood:
    """pairs in order; likelihood: their product; log_likelihood: the sum of logs; mean_loss: its negative per
    pair, in nats."""

    pairs: tuple[PairLikelihood, ...]
    likelihood: float
    log_likelihood: float
    mean_loss: float


def read_bigrams(corpus: Corpus, smoothing: float = 0.0) -> BigramReading:
    """Count a corpus. Raises ValueError for a negative or non-finite smoothing."""
    tokenizer, counts = corpus_counts(corpus)
    is_items = corpus.kind == "items"
    # A name's end is the lectures' ".", unless names here hold full stops of their own.
    boundary = "." if is_items and "." not in tokenizer.characters else "↵"
    labels = tuple(boundary if label == "↵" else label for label in tokenizer.labels)
    probabilities = normalise_counts(counts)
    loss = count_loss(counts, probabilities)
    counted = BigramReading(tokenizer, labels, counts.numpy(), probabilities.numpy(), loss, 0.0, is_items)
    return smoothed(counted, smoothing) if smoothing else counted


def smoothed(reading: BigramReading, smoothing: float) -> BigramReading:
    """The same counts with another smoothing. Raises ValueError for a negative or non-finite one."""
    counts = torch.from_numpy(reading.counts)
    probabilities = normalise_counts(counts, smoothing)
    loss = count_loss(counts, probabilities)
    return replace(reading, probabilities=probabilities.numpy(), loss=loss, smoothing=smoothing)


def table_loss(counts: np.ndarray, table: np.ndarray) -> float:
    """Mean −log p in nats of the counted pairs under another table of probabilities; (V, V) each."""
    return count_loss(torch.from_numpy(counts), torch.from_numpy(table).double())


def walk(table: np.ndarray, start: int, length: int, seed: int, stop: int | None) -> tuple[WalkStep, ...]:
    """Sample from a table (V, V): each token chosen is the next row; ends after `length` or at token `stop`."""
    generator = torch.Generator().manual_seed(seed)
    probabilities = torch.from_numpy(np.asarray(table, dtype=float))
    steps: list[WalkStep] = []
    row = start
    for _ in range(length):
        token, pointer = draw(probabilities[row], generator)
        steps.append(WalkStep(row, token, pointer))
        if token == stop:
            break
        row = token
    return tuple(steps)


def word_likelihood(reading: BigramReading, table: np.ndarray, word: str) -> WordLikelihood:
    """The likelihood of a word under a table, pair by pair; a name is read from boundary to boundary.

    Raises UnknownCharactersError for characters the corpus lacks and ValueError for fewer than two symbols.
    """
    text = f"{BOUNDARY}{word}{BOUNDARY}" if reading.is_items else word
    ids = reading.tokenizer.encode(text)
    if not word or len(ids) < 2:
        least = "one letter" if reading.is_items else "two characters, which make one pair"
        raise ValueError(f"Type at least {least}; got {len(word)}.")
    pairs = tuple(_pair(reading.labels, table, i, j) for i, j in pairwise(ids))
    log_likelihood = -sum(pair.surprise for pair in pairs)
    return WordLikelihood(pairs, float(np.exp(log_likelihood)), log_likelihood, -log_likelihood / len(pairs))


def _pair(labels: Sequence[str], table: np.ndarray, i: int, j: int) -> PairLikelihood:
    probability = float(table[i, j])
    surprise = float("inf") if probability == 0 else -float(np.log(probability))
    return PairLikelihood(labels[i], labels[j], i, j, probability, surprise)


def open_probability(reading: BigramReading, row: int, column: int) -> CellArithmetic:
    """How the probability of a pair comes from the counts: (count + smoothing) ÷ the row's sum of the same."""
    V = len(reading.labels)
    smoothing = reading.smoothing
    total = float(reading.counts[row].sum()) + smoothing * V
    shown = float(reading.probabilities[row, column])
    first, second = reading.labels[row], reading.labels[column]
    heading = f"P({second} | {first}): row “{first}”, column “{second}”"
    if total == 0:
        return CellArithmetic(
            heading,
            rf"\text{{nothing follows: uniform}} = \frac{{1}}{{{V}}}",
            ("part", "value"),
            (("pairs in this row", 0.0), ("symbols", float(V))),
            shown,
            1 / V,
        )
    added = f" + {smoothing:g}" if smoothing else ""
    return division(
        float(reading.counts[row, column]) + smoothing,
        total,
        shown=shown,
        heading=heading,
        names=(
            f"count of “{first}{second}”{added}",
            f"all pairs that begin with “{first}”" + (f" + {V} × {smoothing:g}" if smoothing else ""),
        ),
        symbol=r"p",
    )
