"""A watched WaveNet run: its snapshots are the model's own, its sizes are bounded, its mistakes end in a sentence."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch

from explorer.models.wavenet import WaveNetConfig
from explorer.text.batches import Splits, split_items, split_text
from explorer.text.tokenizers import CharTokenizer, UnknownCharactersError
from explorer.training.trainer import DivergedError
from explorer.training.watching import WatchProgress
from explorer.training.wavenet import (
    TreeSnapshot,
    WaveNetSpec,
    check_size,
    restored,
    train_on,
    tree_activations,
    window_of,
)

NAMES = ["".join(c) for c in zip("abcd" * 30, "eeaa" * 30, "bdca" * 30, strict=True)]
SPLITS = split_items(NAMES)
TOKENIZER = CharTokenizer("\nabcde")
SMALL: dict[str, Any] = {
    "corpus": "none",
    "watched": "abc",
    "d_embedding": 4,
    "d_hidden": 6,
    "batch_size": 8,
    "steps": 12,
}


def run(**options: Any) -> list[WatchProgress[TreeSnapshot]]:
    return list(train_on(WaveNetSpec(**{**SMALL, **options}), TOKENIZER, SPLITS))


@pytest.mark.parametrize("over_positions", [True, False])
def test_the_newest_weights_give_the_last_snapshot_back(over_positions: bool) -> None:
    last = run(over_positions=over_positions)[-1]
    snapshot = last.snapshots[-1].reading
    model = restored(snapshot.spec.model_config(6), last.newest.state)
    window = window_of(TOKENIZER.encode("abc"), 8, 0)
    levels, logits = tree_activations(model, torch.tensor([window]))
    assert snapshot.labels == ("↵",) * 5 + ("a", "b", "c")
    for mine, theirs in zip(snapshot.levels, levels, strict=True):
        np.testing.assert_array_equal(mine, theirs[0].numpy())
    np.testing.assert_array_equal(snapshot.logits, logits[0].numpy())
    means = [value for name, value in last.newest.state.items() if name.endswith("running_mean")]
    assert [tuple(mean.shape) for mean in means] == ([(6,)] * 3 if over_positions else [(4, 6), (2, 6), (6,)])


def test_the_same_seed_gives_the_same_run_and_another_seed_another() -> None:
    first, again, other = ([p.loss for p in run(steps=4, seed=seed)] for seed in (1, 1, 2))
    assert first == again != other


def test_a_run_learns_and_writes_in_its_alphabet() -> None:
    snapshots = run(steps=40, learning_rate=0.02)[-1].snapshots
    assert (snapshots[0].step, snapshots[-1].step, len(snapshots)) == (0, 40, 41)
    assert snapshots[-1].reading.validation_loss < snapshots[0].reading.validation_loss < math.log(6) + 0.2
    assert len(snapshots[-1].reading.sample) == 72
    assert set(snapshots[-1].reading.sample) <= set("\nabcde")


def test_a_rate_that_is_too_high_ends_the_run_with_its_last_good_snapshot() -> None:
    seen: list[WatchProgress[TreeSnapshot]] = []
    progress = train_on(WaveNetSpec(**{**SMALL, "steps": 300, "learning_rate": 1e6}), TOKENIZER, SPLITS)
    with pytest.raises(DivergedError, match="too high"):
        seen.extend(progress)
    assert math.isnan(seen[-1].loss)
    assert np.isfinite(seen[-1].snapshots[-1].reading.logits).all()


def test_a_text_shorter_than_the_window_and_unknown_letters_are_told_before_the_first_step() -> None:
    short = Splits("ab", "ab", "")
    with pytest.raises(ValueError, match="A context of 8 needs a training text of at least 9 tokens, got 2"):
        next(train_on(WaveNetSpec(**SMALL), TOKENIZER, short))
    with pytest.raises(UnknownCharactersError, match="🙂"):
        next(train_on(WaveNetSpec(**{**SMALL, "watched": "a🙂"}), TOKENIZER, SPLITS))


def test_running_text_is_trained_on_as_well() -> None:
    progress = list(train_on(WaveNetSpec(**{**SMALL, "steps": 2}), TOKENIZER, split_text("abcde\n" * 40)))
    assert progress[-1].validation_loss is not None


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"steps": 0}, "steps must be from 1 to 20,000, got 0"),
        ({"steps": 10**9}, "got 1,000,000,000"),
        ({"batch_size": 1}, "at least 2 windows, got 1"),
        ({"learning_rate": 0.0}, "learning_rate must be a positive number"),
        ({"learning_rate": float("nan")}, "learning_rate must be a positive number"),
        ({"seed": 2**70}, "[Ss]eed"),
    ],
)
def test_settings_that_cannot_be_are_refused_by_name(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        WaveNetSpec(**{**SMALL, **options})


@pytest.mark.parametrize(
    ("config", "batch_size", "said"),
    [
        ({"context_length": 128}, 1, "A context of 128 characters is more than is drawn here; choose at most 64"),
        ({"d_hidden": 1000}, 1, "learned numbers; here a net may have 1,000,000"),
        ({"d_hidden": 10**6}, 1, "of memory; here a run may take"),
        ({"d_hidden": 10**12}, 1, "beyond any machine|of memory"),
        ({"d_embedding": 10**15}, 1, "beyond any machine|of memory"),
        ({}, 10**6, "of memory; here a run may take"),
        ({}, 10**15, "beyond any machine|of memory"),
    ],
)
def test_sizes_beyond_bounds_are_told_before_anything_is_allocated(
    config: dict[str, Any], batch_size: int, said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        check_size(WaveNetConfig(27, **config), batch_size)


def test_the_default_shape_fits_and_is_counted() -> None:
    assert check_size(WaveNetConfig(27), 64) == 76_579
