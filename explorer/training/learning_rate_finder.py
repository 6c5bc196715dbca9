"""The learning-rate finder: one batch at each of many rates, ever larger, until the loss runs away (Smith, 2017).

A rate that is too small changes nothing, one that is too large destroys what was learned; in between the loss falls.
The sweep shows all three in the time of a few hundred updates, and works on any model of the registry.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch

from explorer.core.layers import Dropout
from explorer.core.sampling import check_seed
from explorer.models.language_model import LanguageModel
from explorer.models.registry import build_model
from explorer.text.batches import Splits, make_batches
from explorer.text.corpora import load_corpus
from explorer.text.tokenizers import Tokenizer
from explorer.training.config import OPTIMIZERS, TrainingConfig
from explorer.training.mlp import MLPSpec, character_tokenizer, split_parts
from explorer.training.optimizers import make_optimizer

SMOOTHING = 0.9  # of the loss: what is kept of the past at each batch
RUNAWAY = 2.0  # times the lowest smoothed loss: beyond it the sweep has seen enough


@dataclass(frozen=True)
class FinderConfig:
    """How to sweep. lowest, highest: the first and the last rate. batches: how many rates, one batch each. batch_size,
    optimizer: as in training. seed: of the batches. Raises ValueError naming the option that cannot be."""

    lowest: float = 1e-5
    highest: float = 100.0
    batches: int = 300
    batch_size: int = 64
    optimizer: str = "adamw"
    seed: int = 1

    def __post_init__(self) -> None:
        if not (0 < self.lowest < self.highest and math.isfinite(self.highest)):
            raise ValueError(
                f"The rates must rise from above 0 to a finite number, got {self.lowest:g} to {self.highest:g}."
            )
        for name, least in (("batches", 2), ("batch_size", 1)):
            if getattr(self, name) < least:
                raise ValueError(f"{name} must be at least {least}, got {getattr(self, name)}.")
        if self.optimizer not in OPTIMIZERS:
            raise ValueError(f"Expected optimizer to be one of {', '.join(OPTIMIZERS)}, got {self.optimizer!r}.")
        check_seed(self.seed)

    def rate(self, batch: int) -> float:
        """The rate of batch 0 … batches − 1: each the same factor above the one before."""
        return float(self.lowest * (self.highest / self.lowest) ** (batch / (self.batches - 1)))


@dataclass(frozen=True)
class FinderProgress:
    """After one batch. step, steps: batches done and planned. rate: its learning rate. loss: before its update, in
    nats. smoothed: the running mean of the losses. stopped: why the sweep ended before its last rate, or ""."""

    step: int
    steps: int
    rate: float
    loss: float
    smoothed: float
    stopped: str = ""


def find_learning_rate(
    model: LanguageModel, tokenizer: Tokenizer, splits: Splits, config: FinderConfig
) -> Iterator[FinderProgress]:
    """Train `model` in place on one batch a rate, yielding after each; ends where the loss runs away.

    Any model of the registry will do; give it one that may be spoiled. Raises ValueError for a training text that is
    shorter than a window.
    """
    ids = torch.tensor(tokenizer.encode(splits.train))
    context = int(model.config.context_length)
    if len(ids) <= context:
        raise ValueError(
            f"A context of {context} needs a training text of at least {context + 1} tokens, got {len(ids)}; "
            "shorten the context or bring more text."
        )
    boundary = None if splits.boundary is None else tokenizer.encode(splits.boundary)[0]
    batches = make_batches(ids, context, boundary=boundary, windows=model.reads_windows)
    optimizer = make_optimizer(model, TrainingConfig(optimizer=config.optimizer, weight_decay=0.0))
    generator = torch.Generator().manual_seed(config.seed)
    for module in model.modules():
        if isinstance(module, Dropout):
            module.generator = generator
    kept, weight, lowest = 0.0, 0.0, math.inf
    model.train()
    for i in range(config.batches):
        inputs, targets = batches.sample(config.batch_size, generator)
        with torch.enable_grad():
            loss_now = model.loss(inputs, targets)
            optimizer.zero_grad(set_to_none=True)
            loss_now.backward()
        loss, rate = loss_now.item(), config.rate(i)
        # Divided by its weights' sum, or the first values would lean towards 0.
        kept, weight = SMOOTHING * kept + (1 - SMOOTHING) * loss, SMOOTHING * weight + 1 - SMOOTHING
        smoothed = kept / weight
        lowest = min(lowest, smoothed)
        ran_away = not math.isfinite(loss) or smoothed > RUNAWAY * lowest
        stopped = f"The sweep ended at the rate {rate:.3g}: from there the loss runs away." if ran_away else ""
        yield FinderProgress(i + 1, config.batches, rate, loss, smoothed, stopped)
        if ran_away:
            return
        for group in optimizer.param_groups:
            group["lr"] = rate
        optimizer.step()


def suggest_rate(sweep: Sequence[FinderProgress]) -> float | None:
    """A rate to train with: the one at which the smoothed loss was lowest, as the makemore lecture reads its curve.

    The mean runs some ten batches behind, so the loss of the batch itself began to rise a little before. None where the
    loss never fell, which says nothing about rates.
    """
    finite = [point for point in sweep if math.isfinite(point.smoothed)]
    if not finite:
        return None
    bottom = min(finite, key=lambda point: point.smoothed)
    fell = bottom.smoothed < finite[0].smoothed
    return float(f"{bottom.rate:.1e}") if fell else None


@dataclass(frozen=True)
class MLPFinderSpec:
    """The sweep of the MLP page: the model and text of a run, and how to sweep. seed: that of the run."""

    run: MLPSpec
    lowest: float = 1e-5
    highest: float = 100.0
    batches: int = 300
    seed: int = 1

    def __post_init__(self) -> None:
        self.config()

    def config(self) -> FinderConfig:
        """The sweep's settings, with the run's batch and optimizer."""
        return FinderConfig(self.lowest, self.highest, self.batches, self.run.batch_size, self.run.optimizer, self.seed)


def find_for_mlp(spec: MLPFinderSpec) -> Iterator[FinderProgress]:
    """The sweep on a fresh MLP of the run's shape and text."""
    corpus = load_corpus(spec.run.corpus)
    tokenizer = character_tokenizer(corpus)
    model = build_model("mlp", spec.run.model_config(tokenizer.vocab_size), seed=spec.seed)
    splits = split_parts(corpus, spec.run.parts, spec.run.share)
    yield from find_learning_rate(model, tokenizer, splits, spec.config())
