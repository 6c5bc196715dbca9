"""The running mean of the weights, Muon's course under a schedule, and the line that falls."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from explorer.models.registry import build_config, build_model
from explorer.text.batches import split_text
from explorer.text.tokenizers import CharTokenizer
from explorer.training.config import TrainingConfig
from explorer.training.evaluation import evaluate
from explorer.training.schedules import learning_rate_at, warmup_linear
from explorer.training.trainer import Trainer

TEXT = "the cat sat on the mat and the rat sat on the cat. " * 12
LETTERS = CharTokenizer.from_text(TEXT)
CONFIG = TrainingConfig(
    steps=12, batch_size=4, optimizer="muon", schedule="linear", warmup=2, average=0.8, evaluate_every=5, seed=3
)


def make_trainer(config: TrainingConfig = CONFIG) -> Trainer:
    options = {"vocab_size": LETTERS.vocab_size, "context_length": 8, "n_layers": 1, "n_heads": 2, "d_model": 8}
    return Trainer(
        build_model("modern", build_config("modern", options | {"dropout": 0.2}), seed=3),
        LETTERS,
        split_text(TEXT),
        config,
    )


def weights(trainer: Trainer) -> list[Tensor]:
    return [p.detach().clone() for p in trainer.model.parameters()]


def test_the_mean_moves_a_share_of_the_way_at_every_step_and_the_run_ends_with_it() -> None:
    trainer = make_trainer()
    mean = weights(trainer)
    for step, _ in enumerate(trainer, start=1):
        if step < CONFIG.steps:
            keep = min(0.8, (1 + step) / (10 + step))
            mean = [keep * m + (1 - keep) * w for m, w in zip(mean, weights(trainer), strict=True)]
    assert trainer.averaged is not None
    before_the_last = [m.clone() for m in mean]
    torch.testing.assert_close(weights(trainer), trainer.averaged)
    # The last step moved it once more, towards weights that are gone: it has not moved further than a fifth of the way.
    assert any(not torch.equal(a, b) for a, b in zip(before_the_last, trainer.averaged, strict=True))


def test_held_out_losses_are_those_of_the_mean_and_training_goes_on_from_the_own_weights() -> None:
    averaging, alone = make_trainer(), make_trainer(replace(CONFIG, average=0.0))
    for with_mean, without in zip(averaging, alone, strict=True):
        if with_mean.step == 5:
            for own, other in zip(weights(averaging), weights(alone), strict=True):
                assert torch.equal(own, other)
            with averaging.average_in_place():
                assert with_mean.validation_loss == pytest.approx(evaluate(averaging.model, averaging.validation_ids))
            assert with_mean.validation_loss != without.validation_loss


def test_looking_at_the_mean_leaves_the_weights_as_they_were_even_after_an_error() -> None:
    trainer = make_trainer()
    next(iter(trainer))
    before = weights(trainer)
    with pytest.raises(KeyError), trainer.average_in_place():
        raise KeyError
    assert all(torch.equal(a, b) for a, b in zip(before, weights(trainer), strict=True))


def test_both_rates_of_muon_follow_the_schedule() -> None:
    trainer = make_trainer(replace(CONFIG, learning_rate=0.004, matrix_learning_rate=0.02, final_learning_rate=0.0))
    for progress in trainer:
        share = learning_rate_at(progress.step - 1, trainer.config) / 0.004
        rates = {group["kind"]: group["lr"] for group in trainer.optimizer.param_groups}
        assert rates == {"matrix": pytest.approx(0.02 * share), "other": pytest.approx(0.004 * share)}
        assert progress.learning_rate == pytest.approx(0.004 * share)


@given(st.integers(0, 20), st.integers(1, 100), st.floats(0.05, 1.0), st.floats(1e-4, 1.0), st.floats(0, 1.0))
def test_the_line_climbs_stays_level_and_falls_to_its_end(
    warmup: int, falling: int, cooldown: float, peak: float, share: float
) -> None:
    steps, final = warmup + falling, share * peak
    rates = [
        warmup_linear(i, steps=steps, warmup=warmup, cooldown=cooldown, peak=peak, final=final)
        for i in range(steps + 1)
    ]
    assert rates[:warmup] == pytest.approx([peak * (i + 1) / warmup for i in range(warmup)])
    after = rates[warmup:]
    assert all(later <= earlier + 1e-12 for earlier, later in pairwise(after))
    assert rates[-1] == pytest.approx(final)
    level = [rate for i, rate in enumerate(rates) if warmup <= i <= steps - cooldown * steps]
    assert level == pytest.approx([peak] * len(level))


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("average", 1.0),
        ("average", -0.1),
        ("momentum", 1.0),
        ("cooldown", 0.0),
        ("cooldown", 1.5),
        ("matrix_learning_rate", 0),
    ],
)
def test_a_setting_that_cannot_be_is_named(option: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"^{option} must be .* got {value}"):
        replace(CONFIG, **{option: value})
