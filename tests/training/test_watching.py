"""A watched run: what it measures is true, what it keeps is bounded, and a run that diverges leaves its last good state."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from explorer.models.language_model import LanguageModel
from explorer.models.mlp import MLPConfig
from explorer.models.registry import build_model
from explorer.text.batches import split_items
from explorer.text.tokenizers import CharTokenizer
from explorer.training.config import TrainingConfig
from explorer.training.trainer import DivergedError, Trainer
from explorer.training.watching import POINTS, SNAPSHOTS, WatchProgress, watch

SPLITS = split_items(["anna", "emma", "ava", "mia", "noa", "amy", "eva", "ida", "ada", "ina"] * 3)
TOKENIZER = CharTokenizer.from_text(SPLITS.train + SPLITS.validation + SPLITS.test)
CONFIG = TrainingConfig(
    steps=30,
    batch_size=8,
    learning_rate=0.1,
    optimizer="sgd",
    schedule="constant",
    weight_decay=0.0,
    clip=1e30,
    evaluate_every=0,
    sample_length=1,
)


def make_trainer(config: TrainingConfig = CONFIG, *, initialisation: str = "good") -> Trainer:
    shape = MLPConfig(TOKENIZER.vocab_size, d_hidden=16, initialisation=initialisation)
    return Trainer(build_model("mlp", shape, seed=1), TOKENIZER, SPLITS, config)


def total(model: LanguageModel) -> float:
    return float(sum(p.detach().double().abs().sum() for p in model.parameters()))


def ended(run: Iterator[WatchProgress[float]]) -> WatchProgress[float]:
    *_, last = run
    return last


def test_the_ratio_is_that_of_the_update_itself() -> None:
    trainer, other = make_trainer(), make_trainer()
    last = ended(watch(trainer, total, points=30))
    names = last.names
    before: dict[str, Tensor] = {}
    for i, _ in enumerate(iterate(other, before, names)):
        for name, ratio in zip(names, last.updates[i].log_ratios, strict=True):
            after = other.model.get_parameter(name).detach()
            moved = (after - before[name]).std() / before[name].std()
            assert ratio == pytest.approx(float(moved.log10()), abs=1e-3)


def iterate(trainer: Trainer, before: dict[str, Tensor], names: tuple[str, ...]) -> Iterator[None]:
    """Plain training; `before` holds the weights before the update that was made last."""
    run = iter(trainer)
    for _ in range(trainer.config.steps):
        before.update({name: trainer.model.get_parameter(name).detach().clone() for name in names})
        next(run)
        yield


def test_plain_descent_moves_a_weight_by_rate_times_gradient() -> None:
    slow, fast = (ended(watch(make_trainer(replace(CONFIG, steps=1, learning_rate=r)), total)) for r in (0.01, 0.1))
    for a, b in zip(slow.updates[0].log_ratios, fast.updates[0].log_ratios, strict=True):
        assert b - a == pytest.approx(1, abs=1e-3)


def test_watching_does_not_change_the_run() -> None:
    watched, plain = make_trainer(), make_trainer()
    ended(watch(watched, total))
    for _ in plain:
        pass
    assert all(torch.equal(a, b) for a, b in zip(watched.model.parameters(), plain.model.parameters(), strict=True))


def test_snapshots_begin_before_the_first_update_and_end_with_the_last() -> None:
    start = total(make_trainer().model)
    run = watch(make_trainer(), total, snapshots=5, points=10)
    first = next(run)
    assert (first.step, first.steps) == (1, 30)
    assert (first.snapshots[0].step, first.snapshots[0].reading) == (0, start)
    last = ended(run)
    assert [s.step for s in last.snapshots] == [0, 6, 12, 18, 24, 30]
    assert [u.step for u in last.updates] == [3 * i for i in range(1, 11)]
    assert last.validation_loss is not None
    assert len({s.reading for s in last.snapshots}) == 6


def test_what_is_kept_is_bounded_however_long_the_run() -> None:
    last = ended(watch(make_trainer(replace(CONFIG, steps=700)), total))
    assert len(last.snapshots) == SNAPSHOTS + 1
    assert len(last.updates) == POINTS
    assert last.snapshots[-1].step == last.updates[-1].step == 700


def test_the_newest_weights_are_those_of_the_last_snapshot_and_are_kept_once() -> None:
    trainer = make_trainer()
    run = watch(trainer, total)
    first = next(run)
    last = ended(run)
    assert first.newest is last.newest
    assert last.newest.step == 30
    assert all(torch.equal(last.newest.state[name], t) for name, t in trainer.model.state_dict().items())


@pytest.mark.parametrize("rate", [1e4, 1e38])
def test_a_run_that_diverges_is_stopped_with_nan_and_its_last_good_state(rate: float) -> None:
    trainer = make_trainer(replace(CONFIG, learning_rate=rate))
    start = {name: t.clone() for name, t in trainer.model.state_dict().items()}
    run = watch(trainer, total)
    last = next(progress for progress in run if math.isnan(progress.loss))
    with pytest.raises(DivergedError, match="too high for this model"):
        next(run)
    assert math.isnan(last.loss)
    assert last.step < 30
    assert [s.step for s in last.snapshots] == [0]  # the first update threw the weights away
    assert last.newest.step == 0
    assert all(torch.equal(last.newest.state[name], t) for name, t in start.items())


def test_weights_that_are_all_equal_or_do_not_move_have_no_ratio() -> None:
    last = ended(watch(make_trainer(replace(CONFIG, steps=2), initialisation="zero"), total))
    first = dict(zip(last.names, last.updates[0].log_ratios, strict=True))
    assert math.isnan(first["network.1.weight"])
    assert first["embedding.weight"] == -math.inf


def test_a_pace_is_kept() -> None:
    assert all(p.steps == 3 for p in watch(make_trainer(replace(CONFIG, steps=3)), total, pace=1000.0))
