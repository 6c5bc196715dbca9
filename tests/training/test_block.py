"""The chosen blocks trained beside the whole ones: equal batches, honest ends, and sizes that cannot be."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from explorer.text.batches import split_text
from explorer.text.tokenizers import CharTokenizer
from explorer.training.block import CERTAINLY_FITS, MOST_BYTES, BlockProgress, BlockSpec, train_on
from explorer.training.memory import training_bytes
from explorer.training.trainer import DivergedError

TEXT = "the cat sat on the mat and the rat sat on the hat; " * 40
SMALL = BlockSpec("tale", depth=2, width=16, n_heads=2, context_length=8, steps=40, batch_size=8)


def run(spec: BlockSpec) -> list[BlockProgress]:
    return list(train_on(spec, CharTokenizer.from_text(TEXT), split_text(TEXT)))


def test_the_whole_blocks_learn_the_same_beside_any_others_as_alone() -> None:
    alone, beside = run(SMALL), run(replace(SMALL, residual=False))
    assert [p.loss for p in alone] == [p.whole_loss for p in beside]
    assert alone[-1].validation_loss == beside[-1].whole_validation_loss
    assert {p.whole_loss for p in alone} == {None}  # nothing to stand beside
    assert alone[-1].loss < alone[0].loss - 0.3


def test_the_steps_count_up_and_only_the_last_is_measured_on_held_out_text() -> None:
    progress = run(replace(SMALL, activation="relu", steps=5))
    assert [p.step for p in progress] == [1, 2, 3, 4, 5]
    assert [p.validation_loss is None for p in progress] == [True] * 4 + [False]
    assert progress[-1].whole_validation_loss is not None


def test_a_run_depends_on_its_seed_alone() -> None:
    assert run(replace(SMALL, steps=4)) == run(replace(SMALL, steps=4))
    assert run(replace(SMALL, steps=4, seed=2)) != run(replace(SMALL, steps=4))


def test_a_hopeless_rate_ends_the_run_in_one_sentence() -> None:
    with pytest.raises(DivergedError, match="too high"):
        run(replace(SMALL, norm="none", learning_rate=300.0))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"n_heads": 5}, "5 heads cannot share 32 channels equally.* 1, 2, 4, 8, 16, 32"),
        ({"n_heads": 0}, "n_heads must be from 1 to 256 here, got 0"),
        ({"n_heads": 64}, "64 heads cannot share 32 channels"),
        ({"depth": 10**6}, "depth must be from 1 to 16 here, got 1,000,000"),
        ({"depth": 0}, "depth must be from 1"),
        ({"width": 10**9}, "width must be from 1 to 256 here, got 1,000,000,000"),
        ({"context_length": 0}, "context_length must be from 1 to 64"),
        ({"steps": 0}, "steps must be from 1"),
        ({"dropout": 1.0}, "dropout must be at least 0 and below 1"),
        ({"learning_rate": 0.0}, "learning_rate must be a positive number"),
        (
            {"width": 160, "depth": 16, "batch_size": 1, "context_length": 8},
            "learned numbers; here they may have 2,000,000",
        ),
        ({"width": 128, "depth": 10, "batch_size": 256, "context_length": 64}, "of memory"),
    ],
)
def test_what_cannot_be_is_refused_by_name(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        BlockSpec("tale", **options)


@pytest.mark.parametrize(("batch", "context", "depth", "width"), [(36, 64, 1, 4), (1, 8, 16, 48), (32, 32, 10, 32)])
def test_sizes_that_are_let_through_uncounted_do_fit(batch: int, context: int, depth: int, width: int) -> None:
    assert max(batch * context * (depth * width + 256), 13 * depth * width**2) <= CERTAINLY_FITS
    config = BlockSpec("tale", depth, width, 1, context, batch_size=batch).model_config(256)
    assert training_bytes("decoder", config, batch) < MOST_BYTES
