"""Training by hand-written gradients: the curve of autograd, the whole split's loss, and what is refused."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import torch

from explorer.core.manual_backprop import forward, initial_parameters
from explorer.text.corpora import Corpus, is_local, load_corpus
from explorer.training.manual_backprop import (
    ManualConfig,
    ManualProgress,
    Windows,
    item_windows,
    train_by_hand,
    whole_losses,
)
from explorer.training.trainer import DivergedError


@pytest.fixture(scope="module")
def windows() -> Windows:
    return item_windows(load_corpus("given-names"))


def small(**changes: Any) -> ManualConfig:
    return dataclasses.replace(ManualConfig("given-names", steps=60, d_hidden=24), **changes)


@pytest.fixture(scope="module")
def run(windows: Windows) -> list[ManualProgress]:
    return list(train_by_hand(small(), windows))


def test_the_two_curves_are_one_up_to_rounding(run: list[ManualProgress]) -> None:
    for progress in run:
        assert progress.autograd_loss == pytest.approx(progress.loss, abs=1e-12)
        assert progress.smooth_autograd_loss == pytest.approx(progress.smooth_loss, abs=1e-12)
    last = run[-1]
    assert last.loss_difference is not None
    assert last.gradient_difference is not None
    assert last.loss_difference < 1e-12
    assert 0 < last.gradient_difference < 1e-12


def test_it_learns_and_ends_with_the_losses_of_the_whole_splits(run: list[ManualProgress]) -> None:
    assert [progress.step for progress in run] == list(range(1, 61))
    assert run[-1].smooth_loss < run[0].loss - 0.3
    assert all(progress.train_loss is None for progress in run[:-1])
    assert run[-1].train_loss is not None
    assert run[-1].validation_loss is not None
    assert run[-1].train_loss < run[0].loss - 0.3


def test_the_same_seed_gives_the_same_run_with_or_without_the_twin(windows: Windows, run: list[ManualProgress]) -> None:
    alone = list(train_by_hand(small(beside_autograd=False), windows))
    assert [progress.loss for progress in alone] == [progress.loss for progress in run]
    assert alone[-1].autograd_loss is None
    other = next(iter(train_by_hand(small(seed=1), windows)))
    assert other.loss != run[0].loss


def test_the_first_smooth_loss_is_the_first_loss(run: list[ManualProgress]) -> None:
    assert run[0].smooth_loss == pytest.approx(run[0].loss)
    assert run[1].smooth_loss == pytest.approx((run[0].loss * 0.98 + run[1].loss) / 1.98)


def test_the_whole_splits_loss_is_that_of_one_large_batch(windows: Windows) -> None:
    parameters, _ = initial_parameters(windows.tokenizer.vocab_size, d_hidden=8, seed=3)
    ((inputs, targets),) = windows.train.all(10**9)
    whole, _ = whole_losses(parameters, windows)
    assert whole == pytest.approx(forward(parameters, inputs, targets)["loss"].item(), abs=1e-9)


def test_no_window_reaches_into_another_name(windows: Windows) -> None:
    inputs, _ = next(windows.train.all(5000))
    boundary = windows.tokenizer.encode("\n")[0]
    before = inputs[:, :-1] != boundary
    assert not bool((before & (inputs[:, 1:] == boundary)).any())


@pytest.mark.skipif(not is_local("names"), reason="makemore's names.txt is not on this machine")
def test_the_lectures_net_has_its_number_of_parameters() -> None:
    first = next(iter(train_by_hand(ManualConfig("names"))))
    assert first.parameters == 12_297


def test_a_rate_that_is_far_too_high_ends_the_run_with_a_sentence(windows: Windows) -> None:
    with pytest.raises(DivergedError, match=r"The loss became (nan|inf) at step \d+: the learning rate 1e\+300 is too"):
        list(train_by_hand(small(learning_rate=1e300), windows))


def test_at_a_rate_of_10_rounding_drives_the_two_nets_apart(windows: Windows) -> None:
    last = list(train_by_hand(ManualConfig("given-names", steps=300, learning_rate=10.0, d_hidden=64), windows))[-1]
    assert last.smooth_loss > 5
    assert last.loss_difference is not None
    assert last.loss_difference > 1


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"steps": 0}, "steps must be from 1 to 200,000, got 0"),
        ({"batch_size": 1}, "batch_size must be from 2 to 512, got 1"),
        ({"d_hidden": 0}, "d_hidden must be from 1 to 512, got 0"),
        ({"d_hidden": 10**9}, "d_hidden must be from 1 to 512, got 1,000,000,000"),
        ({"learning_rate": 0.0}, "learning_rate must be a positive number, got 0.0"),
        ({"learning_rate": float("nan")}, "learning_rate must be a positive number"),
    ],
)
def test_an_option_that_cannot_be_is_named(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        small(**changes)


def test_running_text_and_a_handful_of_names_are_refused() -> None:
    with pytest.raises(ValueError, match="list of items"):
        item_windows(Corpus("tale", "a text", "text", ""))
    with pytest.raises(ValueError, match="at least 10 items to split, got 2"):
        item_windows(Corpus("two", "ada\neva", "items", ""))


def test_looking_never_needs_gradients() -> None:
    """The generator sets its own grad mode: the job's thread may run with gradients off."""
    with torch.no_grad():
        first = next(iter(train_by_hand(small(steps=1))))
    assert first.gradient_difference is not None
