"""Gradient descent on a bigram table: the whole corpus in every step.

A text enters the bigram's loss only through its pair counts, so one step over all pairs costs one (V, V) table,
however long the text is. Counting gives the minimum in closed form; descent walks to it.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from explorer.core.attention import softmax
from explorer.core.probability import log_softmax
from explorer.models.bigram import count_bigrams
from explorer.text.batches import join_items
from explorer.text.corpora import Corpus, load_corpus
from explorer.text.tokenizers import CharTokenizer
from explorer.training.trainer import DivergedError

SNAPSHOTS = 40


@dataclass(frozen=True)
class DescentConfig:
    """corpus: a name of the registry. steps: updates. learning_rate: times the gradient of the mean loss (large,
    since each of V² numbers gets a small share of it). weight_penalty: times the mean squared logit, added to what is
    minimised: it pulls towards even probabilities as smoothing does. pace: updates a second at most, to watch.
    seed: of the first table. Raises ValueError naming the option that cannot be.
    """

    corpus: str
    steps: int = 300
    learning_rate: float = 50.0
    weight_penalty: float = 0.01
    pace: float = 20.0
    seed: int = 1

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise ValueError(f"steps must be at least 1, got {self.steps}.")
        for name in ("learning_rate", "pace"):
            if not (math.isfinite(getattr(self, name)) and getattr(self, name) > 0):
                raise ValueError(f"{name} must be a positive number, got {getattr(self, name)}.")
        if not (math.isfinite(self.weight_penalty) and self.weight_penalty >= 0):
            raise ValueError(f"weight_penalty must be 0 or more, got {self.weight_penalty}.")


@dataclass(frozen=True)
class DescentProgress:
    """After one update. loss: mean −log p over all pairs, in nats, before the update. penalty: what the weight
    penalty added. table: softmax of the logits, (V, V), at some 40 evenly spaced steps and the last; else None.
    """

    step: int
    steps: int
    loss: float
    penalty: float
    table: np.ndarray | None


def corpus_counts(corpus: Corpus) -> tuple[CharTokenizer, Tensor]:
    """The corpus's characters and how often each follows each, (V, V); items begin and end at a newline."""
    text = join_items(corpus.items) if corpus.kind == "items" else corpus.text
    tokenizer = CharTokenizer.from_text(text)
    return tokenizer, count_bigrams(torch.tensor(tokenizer.encode(text)), tokenizer.vocab_size)


def descend(counts: Tensor, config: DescentConfig) -> Iterator[DescentProgress]:
    """Yield after each step of plain gradient descent from random logits towards the table of `counts`, (V, V).

    Raises DivergedError where the loss stops being finite.
    """
    generator = torch.Generator().manual_seed(config.seed)
    shares = (counts / counts.sum()).float()
    logits = torch.randn(counts.shape, generator=generator)
    every = max(1, config.steps // SNAPSHOTS)
    for step in range(1, config.steps + 1):
        started = time.monotonic()
        logits.requires_grad_()
        with torch.enable_grad():
            loss = -(shares * log_softmax(logits)).sum()
            penalty = config.weight_penalty * logits.pow(2).mean()
            (gradient,) = torch.autograd.grad(loss + penalty, logits)
        if not math.isfinite(loss.item()):
            raise DivergedError(
                f"The loss became {loss.item()} at step {step}: the learning rate {config.learning_rate:g} is too high."
            )
        logits = logits.detach() - config.learning_rate * gradient
        is_due = step % every == 0 or step == config.steps
        table = softmax(logits).numpy() if is_due else None
        yield DescentProgress(step, config.steps, loss.item(), penalty.item(), table)
        time.sleep(max(0.0, 1 / config.pace - (time.monotonic() - started)))


def descend_corpus(config: DescentConfig) -> Iterator[DescentProgress]:
    """`descend` on the corpus that the config names."""
    yield from descend(corpus_counts(load_corpus(config.corpus))[1], config)
