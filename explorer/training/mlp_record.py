"""What a watched run of the MLP leaves behind: the moving table, the losses of both parts, the best state.

Legend: V vocabulary, d embedding width.
"""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from explorer.core.attention import softmax
from explorer.models.mlp import MLP
from explorer.text.batches import BOUNDARY, Batches, Splits, make_batches
from explorer.text.tokenizers import CharTokenizer
from explorer.training.evaluation import evaluate, mean_loss
from explorer.training.trainer import DivergedError, Trainer

if TYPE_CHECKING:
    from explorer.training.mlp import MLPSpec

SNAPSHOTS = 80
EVALUATIONS = 40
EVALUATED_TOKENS = 8192  # of each part, on the way; at the end each part is read whole
WORDS = 6
LONGEST_WORD = 24
ASTRAY = 10  # times the loss of no preference: beyond it a run is not coming back


@dataclass(frozen=True, eq=False)
class Snapshot:
    """The model after `step` updates. table: (V, d), the embedding. words: what it writes, from a fixed seed."""

    step: int
    table: np.ndarray
    words: tuple[str, ...]


@dataclass(frozen=True)
class Evaluation:
    """Mean loss in nats after `step` updates, on up to EVALUATED_TOKENS of the training and the validation part."""

    step: int
    train: float
    validation: float


@dataclass(frozen=True)
class FinalLosses:
    """Mean loss in nats over each whole part at the run's end; None for a test part that is empty."""

    train: float
    validation: float
    test: float | None


@dataclass(eq=False)
class MLPRecord:
    """What a run leaves behind. Its tuples are replaced, never changed, so any thread may read while it trains.

    tokenizer, spec: of the run. snapshots: at most SNAPSHOTS + 1, denser at the beginning, where more happens.
    evaluations: at most EVALUATIONS + 2. model: a copy of the model at the newest snapshot or, where the run ended
    early, at its best evaluation; read it only. model_step: of that copy. final: once the run is over. stopped: why it
    ended before its last step, or "".
    """

    spec: MLPSpec
    tokenizer: CharTokenizer
    model: MLP
    model_step: int = 0
    snapshots: tuple[Snapshot, ...] = ()
    evaluations: tuple[Evaluation, ...] = ()
    final: FinalLosses | None = None
    stopped: str = ""

    @property
    def best(self) -> Evaluation:
        """The evaluation with the lowest validation loss."""
        return min(self.evaluations, key=lambda evaluation: evaluation.validation)


def snapshot_steps(steps: int, most: int = SNAPSHOTS) -> frozenset[int]:
    """Up to `most` of the steps 1 … steps, the last among them, spaced by squares: close together at first.

    >>> sorted(snapshot_steps(100, 5))
    [4, 16, 36, 64, 100]
    """
    return frozenset(max(1, round(steps * (i / most) ** 2)) for i in range(1, most + 1))


class Watch:
    """Keeps a run's record."""

    def __init__(self, spec: MLPSpec, trainer: Trainer):
        self.trainer, self.tokenizer = trainer, trainer.tokenizer
        model, tokenizer = trainer.model, trainer.tokenizer
        assert isinstance(model, MLP)
        assert isinstance(tokenizer, CharTokenizer)
        self.model = model
        self.record = MLPRecord(spec, tokenizer, model)
        self.best = model
        self.train_batches, self.validation_batches = (
            self._batches(ids[: EVALUATED_TOKENS + 1]) for ids in (trainer.train_ids, trainer.validation_ids)
        )
        self.course = 0.0  # the loss, smoothed over some fifty batches

    def _batches(self, ids: torch.Tensor) -> Batches:
        return make_batches(ids, self.model.config.context_length, boundary=self.trainer.boundary, windows=True)

    def look(self, step: int) -> None:
        """Add a snapshot, unless there is one of this step."""
        known = self.record.snapshots
        if (known and known[-1].step >= step) or not all(bool(p.isfinite().all()) for p in self.model.parameters()):
            return
        self.record.model, self.record.model_step = copy.deepcopy(self.model), step
        words = write_words(self.model, self.record.tokenizer, self.trainer.boundary, seed=self.record.spec.seed)
        table = self.model.embedding.weight.detach().numpy().copy()
        self.record.snapshots = (*known, Snapshot(step, table, words))

    def evaluate(self, step: int) -> None:
        """Add the losses of both parts; remember the model while it is the best."""
        losses = mean_loss(self.model, self.train_batches), mean_loss(self.model, self.validation_batches)
        if not all(map(math.isfinite, losses)):
            return
        self.record.evaluations = (*self.record.evaluations, Evaluation(step, *losses))
        if self.record.best.step == step:
            self.best = copy.deepcopy(self.model)

    def go_back(self) -> None:
        """Let the record hold the model of the best evaluation."""
        self.record.model, self.record.model_step = self.best, self.record.best.step

    def check_patience(self, step: int) -> None:
        """Say so where the validation loss has not improved for as many evaluations as the spec allows."""
        patience, evaluations = self.record.spec.patience, self.record.evaluations
        best = self.record.best
        since = len(evaluations) - 1 - evaluations.index(best)
        if patience and since >= patience:
            self.record.stopped = (
                f"Stopped at step {step:,} by its rule: the validation loss has not improved for {since} evaluations. "
                f"It was lowest, {best.validation:.4f}, at step {best.step:,}."
            )

    def check_course(self, step: int, loss: float) -> None:
        """Raise DivergedError where the loss has left the range from which it returns."""
        self.course = loss if step == 1 else self.course + 0.04 * (loss - self.course)
        even = math.log(self.model.config.vocab_size)
        if step > 50 and self.course > ASTRAY * even:
            raise DivergedError(
                f"The loss has risen to {self.course:.1f} nats by step {step}, where no preference at all costs "
                f"{even:.2f}: each step overshoots, and the next one more. The learning rate "
                f"{self.record.spec.learning_rate:g} is too high; try a tenth of it."
            )

    def finish(self, step: int, splits: Splits) -> None:
        """The last snapshot, and the loss of every part read whole."""
        self.look(step)
        test = torch.tensor(self.tokenizer.encode(splits.test))
        parts = (self.trainer.train_ids, self.trainer.validation_ids, test)
        losses = [evaluate(self.model, ids, self.trainer.boundary) if len(ids) > 1 else None for ids in parts]
        train, validation = losses[0], losses[1]
        assert train is not None
        assert validation is not None
        self.record.final = FinalLosses(train, validation, losses[2])
        if self.record.stopped:
            self.go_back()


@torch.no_grad()
def write_words(
    model: MLP, tokenizer: CharTokenizer, boundary: int | None, *, seed: int, count: int = WORDS
) -> tuple[str, ...]:
    """What the model writes: `count` items side by side from the boundary, each to its end; else pieces of text."""
    generator = torch.Generator().manual_seed(seed)
    start = model.config.pad_id if boundary is None else boundary
    windows = torch.full((count, model.config.context_length), start)
    written = torch.empty((count, LONGEST_WORD), dtype=torch.long)
    for i in range(LONGEST_WORD):
        probabilities = softmax(model.score_windows(windows))
        if not probabilities.isfinite().all():
            return ()  # logits beyond what 32 bits hold
        drawn = torch.multinomial(probabilities, 1, generator=generator)  # (count, 1)
        written[:, i] = drawn[:, 0]
        windows = torch.cat([windows[:, 1:], drawn], dim=1)
    texts = [tokenizer.decode(row) for row in written.tolist()]
    return tuple(text if boundary is None else text.split(BOUNDARY)[0] for text in texts)
