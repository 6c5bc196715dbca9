"""A deep MLP watched from its first breath: what it shows before any training, and the same while it learns.

The defaults are the makemore lectures' (part 3): five hidden layers of 100 neurons with BatchNorm on letters of 10
numbers each, plain gradient descent at 0.1 on batches of 32. Only the initial gain differs, which is 5/3 for tanh.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import cast

import numpy as np
import torch
from torch import Tensor

from explorer.core.sampling import check_seed
from explorer.inspection.diagnostics import MAP_ROWS, Diagnosis, diagnose
from explorer.models.language_model import LanguageModel
from explorer.models.mlp import MLP, TANH_GAIN, MLPConfig
from explorer.models.registry import build_model
from explorer.text.batches import Batches, Splits, join_items, make_batches, split_corpus
from explorer.text.corpora import Corpus, load_corpus
from explorer.text.tokenizers import CharTokenizer, Tokenizer
from explorer.training.config import TrainingConfig
from explorer.training.memory import check_fits
from explorer.training.trainer import Trainer
from explorer.training.watching import WatchProgress, watch

MEMORY_LIMIT = 200_000_000  # bytes of one run: several visitors share the server
UNCLIPPED = 1e30  # a norm no gradient reaches while it is of use: the lecture does not clip


@dataclass(frozen=True)
class WatchConfig:
    """A deep MLP and how to train it; the fields of `MLPConfig` and `TrainingConfig` of the same names.

    corpus: a name of the registry. gain: of the initial weights where `initialisation` is "good" or "times ten". pace:
    updates a second at most. Raises ValueError naming the option that cannot be.
    """

    corpus: str = "names"
    batch_norm: bool = True
    gain: float = TANH_GAIN
    n_hidden_layers: int = 5
    d_hidden: int = 100
    initialisation: str = "good"
    d_embedding: int = 10
    context_length: int = 3
    learning_rate: float = 0.1
    optimizer: str = "sgd"
    steps: int = 1000
    batch_size: int = 32
    pace: float = math.inf
    seed: int = 1

    def __post_init__(self) -> None:
        if not self.pace > 0:
            raise ValueError(f"pace must be a positive number, got {self.pace}.")
        if self.batch_norm and self.batch_size == 1:
            raise ValueError(
                "BatchNorm needs a batch of at least 2 examples to have statistics, got a batch of 1; use a larger batch "
                "or switch BatchNorm off."
            )
        check_seed(self.seed)
        self.model(2)
        self.training()

    def model(self, vocab_size: int) -> MLPConfig:
        """The shape of the network for a vocabulary."""
        return MLPConfig(
            vocab_size,
            self.context_length,
            self.d_embedding,
            self.d_hidden,
            self.n_hidden_layers,
            self.batch_norm,
            self.initialisation,
            self.gain,
        )

    def training(self) -> TrainingConfig:
        """Neither warm-up nor clipping nor decay: what is seen is the learning rate's doing."""
        return TrainingConfig(
            steps=self.steps,
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            optimizer=self.optimizer,
            schedule="constant",
            warmup=0,
            weight_decay=0.0,
            clip=UNCLIPPED,
            evaluate_every=0,
            sample_length=1,
            seed=self.seed,
        )


@dataclass(frozen=True, eq=False)
class Lesson:
    """A corpus made ready. labels: one visible label a token. batches: of its training part, for windows."""

    tokenizer: CharTokenizer
    splits: Splits
    labels: tuple[str, ...]
    batches: Batches

    @property
    def vocab_size(self) -> int:
        return self.tokenizer.vocab_size


def prepare(corpus: Corpus, context_length: int) -> Lesson:
    """Tokenize and cut a corpus. Raises ValueError where its training part is shorter than one window."""
    text = join_items(corpus.items) if corpus.kind == "items" else corpus.text
    tokenizer, splits = CharTokenizer.from_text(text), split_corpus(corpus)
    ids = torch.tensor(tokenizer.encode(splits.train))
    if len(ids) <= context_length:
        raise ValueError(
            f"A context of {context_length} needs a training text of at least {context_length + 1} characters, got "
            f"{len(ids)}; shorten the context or bring more text."
        )
    boundary = None if splits.boundary is None else tokenizer.encode(splits.boundary)[0]
    labels = tuple("." if corpus.kind == "items" and label == "↵" else label for label in tokenizer.labels)
    return Lesson(tokenizer, splits, labels, make_batches(ids, context_length, boundary=boundary, windows=True))


def watched_batch(lesson: Lesson, config: WatchConfig) -> tuple[Tensor, Tensor]:
    """The windows that every reading of a run looks at, always the same: (B, n) inputs, (B,) targets."""
    return lesson.batches.sample(config.batch_size, torch.Generator().manual_seed(config.seed))


def window_labels(lesson: Lesson, inputs: Tensor, targets: Tensor) -> tuple[str, ...]:
    """Windows as they are read, each with the letter that follows: “.em → m”."""
    return tuple(
        "".join(lesson.labels[i] for i in window) + " → " + lesson.labels[target]
        for window, target in zip(inputs.tolist(), targets.tolist(), strict=True)
    )


def build(lesson: Lesson, config: WatchConfig) -> MLP:
    """The network before training; `check_size` first, where the size is a visitor's."""
    model = build_model("mlp", config.model(lesson.vocab_size), seed=config.seed)
    return cast(MLP, model)


def check_size(lesson: Lesson, config: WatchConfig) -> int:
    """The bytes a run would take; raises ValueError beyond `MEMORY_LIMIT`. Nothing is allocated."""
    return check_fits("mlp", config.model(lesson.vocab_size), config.batch_size, MEMORY_LIMIT)


def first_look(lesson: Lesson, config: WatchConfig) -> Diagnosis:
    """The diagnostics before any training: the run's snapshot of step 0, without a run."""
    return _look(lesson, config)(build(lesson, config))


def _look(lesson: Lesson, config: WatchConfig) -> Callable[[LanguageModel], Diagnosis]:
    """Diagnoses a model on the batch that is watched throughout."""
    inputs, targets = watched_batch(lesson, config)
    labels = window_labels(lesson, inputs[:MAP_ROWS], targets[:MAP_ROWS])
    return partial(diagnose, inputs=inputs, targets=targets, labels=labels)


def watch_mlp(config: WatchConfig, lesson: Lesson | None = None) -> Iterator[WatchProgress[Diagnosis]]:
    """Train the network and read it as it learns; the corpus is loaded unless its `lesson` is given."""
    lesson = lesson or prepare(load_corpus(config.corpus), config.context_length)
    check_size(lesson, config)
    model = build(lesson, config)
    trainer = Trainer(model, lesson.tokenizer, lesson.splits, config.training())
    yield from watch(trainer, _look(lesson, config), pace=config.pace)


def restored(lesson: Lesson, config: WatchConfig, state: dict[str, Tensor]) -> MLP:
    """The network of a run with the weights of one of its moments."""
    model = build(lesson, config)
    model.load_state_dict(state)
    return model


@dataclass(frozen=True)
class DepthReading:
    """One gain before training, layer by layer, (L,) each. spreads: std of the tanh outputs. saturated: shares beyond
    ± 0.97. gradients: std of ∂loss/∂output."""

    gain: float
    spreads: np.ndarray
    saturated: np.ndarray
    gradients: np.ndarray


def read_depth(lesson: Lesson, config: WatchConfig, gains: tuple[float, ...]) -> tuple[DepthReading, ...]:
    """What becomes of a signal on its way up the layers, and of a gradient on its way down, for several gains."""
    readings = []
    for gain in gains:
        layers = first_look(lesson, replace(config, gain=gain)).of_kind("tanh")
        columns = zip(*((x.activations.std, x.saturated_share or 0.0, x.gradients.std) for x in layers), strict=True)
        readings.append(DepthReading(gain, *(np.array(column) for column in columns)))
    return tuple(readings)


def sample_text(
    model: LanguageModel, tokenizer: Tokenizer, corpus: Corpus, *, batch_size: int, seed: int
) -> tuple[Tensor, Tensor]:
    """A batch of the held-out part of a corpus as this model reads it; what its tokenizer lacks is left out.

    A name in letters it lacks is tried in small ones. Raises ValueError where too little is left.
    """
    splits = split_corpus(corpus)
    text = _readable(splits.validation, tokenizer, is_items=splits.boundary is not None)
    ids = torch.tensor(tokenizer.encode(text), dtype=torch.long)
    if len(ids) <= model.config.context_length:
        raise ValueError(
            f"This model reads {model.config.context_length} tokens at once, and only {len(ids)} of the held-out text "
            f"of {corpus.name} are in its vocabulary; choose another checkpoint."
        )
    boundary = None if splits.boundary is None else tokenizer.encode(splits.boundary)[0]
    batches = make_batches(ids, model.config.context_length, boundary=boundary, windows=model.reads_windows)
    return batches.sample(batch_size, torch.Generator().manual_seed(seed))


def _readable(text: str, tokenizer: Tokenizer, *, is_items: bool) -> str:
    if not is_items:
        missing = set(tokenizer.missing(text))
        return "".join(c for c in text if c not in missing)
    tried = [item if not tokenizer.missing(item) else item.lower() for item in text.split("\n") if item]
    return join_items([item for item in tried if not tokenizer.missing(item)])
