"""A training run with somebody looking: how far each update moves the weights, and a reading of the model now and then.

What is read is the caller's: `look(model)` is called at evenly spaced steps, the first before any update. All that is
kept is bounded, whatever the length of the run.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from torch import Tensor

from explorer.models.language_model import LanguageModel
from explorer.training.trainer import DivergedError, Progress, Trainer

SNAPSHOTS = 40  # readings in a run, besides the one before it
POINTS = 200  # steps at which the size of the updates is measured
HOPELESS = 30.0  # a loss this many times the larger of ln V and the first one: the weights fly apart

T = TypeVar("T")


@dataclass(frozen=True)
class Snapshot(Generic[T]):
    """step: updates made before `reading` was taken."""

    step: int
    reading: T


@dataclass(frozen=True)
class Updates:
    """How large one update was. step: which. log_ratios: one a watched parameter, log₁₀ of std(update) ÷ std(weights):
    −inf where nothing moved, NaN where the weights are all equal; −3 is a thousandth, a common size in healthy runs."""

    step: int
    log_ratios: tuple[float, ...]


class Newest:
    """The weights of the latest snapshot, shared by all of a run's progress so that they are kept once.

    `state` is replaced whole and never changed, so any thread may read it at any time.
    """

    def __init__(self, step: int, state: dict[str, Tensor]):
        self.step, self.state = step, state


@dataclass(frozen=True)
class WatchProgress(Generic[T]):
    """After one update.

    loss: of its batch, before it, in nats; NaN where the run ends because it diverged. validation_loss: at the last
    step. names: the watched parameters, those with two dimensions or more. updates, snapshots: all so far.
    """

    step: int
    steps: int
    loss: float
    names: tuple[str, ...]
    updates: tuple[Updates, ...]
    snapshots: tuple[Snapshot[T], ...]
    newest: Newest
    validation_loss: float | None = None


@dataclass
class _Record(Generic[T]):
    """What a run has shown so far."""

    names: tuple[str, ...]
    newest: Newest
    snapshots: tuple[Snapshot[T], ...] = ()
    updates: tuple[Updates, ...] = ()
    earlier: dict[str, Tensor] = field(default_factory=dict)  # the weights of the snapshot before the newest

    def look(self, step: int, model: LanguageModel, look: Callable[[LanguageModel], T]) -> None:
        self.snapshots += (Snapshot(step, look(model)),)
        self.earlier = self.newest.state
        self.newest.step, self.newest.state = step, _copied(model.state_dict())

    def step_back(self, failed: int) -> None:
        """Forget a snapshot of the weights that made step `failed` fail: those after the update before it."""
        if len(self.snapshots) > 1 and self.snapshots[-1].step >= failed - 1:
            self.snapshots = self.snapshots[:-1]
            self.newest.step, self.newest.state = self.snapshots[-1].step, self.earlier

    def progress(self, step: int, steps: int, loss: float, validation: float | None = None) -> WatchProgress[T]:
        return WatchProgress(step, steps, loss, self.names, self.updates, self.snapshots, self.newest, validation)


def watch(
    trainer: Trainer,
    look: Callable[[LanguageModel], T],
    *,
    snapshots: int = SNAPSHOTS,
    points: int = POINTS,
    pace: float = math.inf,
) -> Iterator[WatchProgress[T]]:
    """Train on and yield after every update, `pace` updates a second at most.

    `look` must leave the model as it is. Raises DivergedError where the loss stops being finite, or grows to `HOPELESS`
    times what it should be: before that comes one more progress with the loss NaN, and its newest snapshot is of a
    state that was still good.
    """
    model, steps = trainer.model, trainer.config.steps
    watched = {name: p for name, p in model.named_parameters() if p.dim() >= 2}
    record: _Record[T] = _Record(tuple(watched), Newest(trainer.step, _copied(model.state_dict())))
    record.look(trainer.step, model, look)
    looks, measured = _spaced(steps, snapshots), _spaced(steps, points)
    run, limit = iter(trainer), 0.0
    while trainer.step < steps:
        started, step = time.monotonic(), trainer.step + 1
        before = _copied(watched) if step in measured else {}
        try:
            progress = next(run)
            limit = limit or HOPELESS * max(progress.loss, math.log(model.config.vocab_size))
            _check_hope(progress, limit)
        except DivergedError:
            record.step_back(step)
            yield record.progress(step, steps, math.nan)
            raise
        if before:
            record.updates += (Updates(step, tuple(_log_ratio(before[name], p) for name, p in watched.items())),)
        if step in looks:
            record.look(step, model, look)
        yield record.progress(step, steps, progress.loss, progress.validation_loss)
        time.sleep(max(0.0, 1 / pace - (time.monotonic() - started)))


def _check_hope(progress: Progress, limit: float) -> None:
    if progress.loss > limit:
        raise DivergedError(
            f"The loss grew to {progress.loss:,.4g} nats at step {progress.step}: the learning rate "
            f"{progress.learning_rate:.2g} is too high for this model, and the run was stopped. The last good snapshot "
            "is kept; try a third of the rate."
        )


def _spaced(steps: int, count: int) -> frozenset[int]:
    """`count` steps of 1 … steps, evenly spaced, the last among them; all of them where there are fewer."""
    return frozenset(math.ceil(i * steps / min(count, steps)) for i in range(1, min(count, steps) + 1))


def _copied(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.detach().clone() for name, tensor in tensors.items()}


def _log_ratio(before: Tensor, after: Tensor) -> float:
    """log₁₀ of std(after − before) ÷ std(before); −inf for no update, NaN for weights without spread."""
    spread, moved = float(before.std(correction=0)), float((after.detach() - before).std(correction=0))
    if not spread > 0:
        return math.nan
    return math.log10(moved / spread) if moved > 0 else -math.inf
