"""The learning-rate finder on every kind of model, and what its suggestion is worth."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import pytest
import torch

from explorer.core.layers import Dropout
from explorer.models.registry import ARCHITECTURES, build_config, build_model
from explorer.text.batches import make_batches, split_corpus
from explorer.text.corpora import Corpus
from explorer.training.learning_rate_finder import (
    FinderConfig,
    FinderProgress,
    MLPFinderSpec,
    find_for_mlp,
    find_learning_rate,
    suggest_rate,
)
from explorer.training.mlp import MLPSpec, character_tokenizer, train_mlp

NAMES = Corpus(
    "few", "\n".join(["emma", "olivia", "ava", "isabella", "sophia", "mia", "amelia", "anna"] * 6), "items", ""
)
SHAPES: dict[str, dict[str, float]] = {
    "bigram": {},
    "mlp": {"d_hidden": 16},
    "wavenet": {"d_embedding": 4, "d_hidden": 8},
    "gpt": {"context_length": 8, "n_layers": 1, "n_heads": 2, "d_model": 16, "dropout": 0.1},
    "decoder": {"context_length": 8, "n_layers": 1, "n_heads": 2, "d_model": 16},
    "modern": {"context_length": 8, "n_layers": 1, "n_heads": 2, "d_model": 16, "dropout": 0.1},
}


def sweep(architecture: str, config: FinderConfig) -> list[FinderProgress]:
    tokenizer = character_tokenizer(NAMES)
    shape = build_config(architecture, {"vocab_size": tokenizer.vocab_size, **SHAPES[architecture]})
    return list(find_learning_rate(build_model(architecture, shape), tokenizer, split_corpus(NAMES), config))


def test_every_architecture_has_a_shape_here() -> None:
    assert set(ARCHITECTURES) <= set(SHAPES)


@pytest.mark.parametrize("architecture", SHAPES)
def test_it_sweeps_any_model_of_the_registry_and_suggests_a_rate(architecture: str) -> None:
    points = sweep(architecture, FinderConfig(batches=120, batch_size=16))
    rates = [point.rate for point in points]
    assert rates[0] == 1e-5
    assert all(b / a == pytest.approx((1e7) ** (1 / 119)) for a, b in pairwise(rates))
    suggested = suggest_rate(points)
    assert suggested is not None
    assert rates[0] < suggested < 10


def test_the_running_mean_starts_at_the_first_loss_and_the_first_loss_is_that_of_the_untouched_model() -> None:
    points = sweep("mlp", FinderConfig(batches=5, batch_size=64))
    assert points[0].smoothed == pytest.approx(points[0].loss)
    assert points[0].loss == pytest.approx(math.log(character_tokenizer(NAMES).vocab_size), abs=0.2)
    kept = 0.9 * 0.1 * points[0].loss + 0.1 * points[1].loss
    assert points[1].smoothed == pytest.approx(kept / 0.19)


def test_each_batch_is_trained_on_with_its_own_rate() -> None:
    tokenizer = character_tokenizer(NAMES)
    shape = build_config("mlp", {"vocab_size": tokenizer.vocab_size, "d_hidden": 16})
    model, twin = build_model("mlp", shape), build_model("mlp", shape)
    config = FinderConfig(lowest=0.01, highest=0.1, batches=2, batch_size=16, optimizer="sgd")
    generator = torch.Generator().manual_seed(config.seed)
    batches = make_batches(torch.tensor(tokenizer.encode(split_corpus(NAMES).train)), 3, boundary=0, windows=True)
    for rate in (0.01, 0.1):
        loss = twin.loss(*batches.sample(16, generator))
        twin.zero_grad()
        loss.backward()
        with torch.no_grad():
            for parameter in twin.parameters():
                assert parameter.grad is not None
                parameter.sub_(rate * parameter.grad)
    list(find_learning_rate(model, tokenizer, split_corpus(NAMES), config))
    for a, b in zip(model.parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(a, b)


def test_it_stops_where_the_loss_runs_away_and_says_at_which_rate() -> None:
    points = sweep("mlp", FinderConfig(highest=1e4, batches=200, batch_size=16))
    assert len(points) < 200
    assert f"ended at the rate {points[-1].rate:.3g}" in points[-1].stopped
    assert points[-1].smoothed > 2 * min(point.smoothed for point in points)
    assert not any(point.stopped for point in points[:-1])


def test_a_loss_that_is_no_number_ends_the_sweep() -> None:
    points = sweep("mlp", FinderConfig(lowest=1e37, highest=1e38, batches=50, batch_size=16, optimizer="sgd"))
    assert len(points) < 50
    assert points[-1].stopped


def test_a_loss_that_never_fell_suggests_nothing() -> None:
    rising = [FinderProgress(i, 3, 10.0**i, 3.0 + i, 3.0 + i) for i in range(3)]
    assert suggest_rate(rising) is None
    assert suggest_rate([]) is None
    assert suggest_rate([FinderProgress(1, 1, 0.1, math.nan, math.nan, "x")]) is None


@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_the_suggestion_trains_better_than_a_tenth_of_it(optimizer: str) -> None:
    run = MLPSpec("given-names", optimizer=optimizer, steps=300, d_hidden=30)
    suggested = suggest_rate(list(find_for_mlp(MLPFinderSpec(run))))
    assert suggested is not None
    losses = []
    for rate in (suggested, suggested / 10):
        final = list(train_mlp(replace(run, learning_rate=rate)))[-1].record.final
        assert final is not None
        losses.append(final.validation)
    assert losses[0] < losses[1] - 0.05


def test_dropout_sweeps_leave_the_same_seed_the_same_curve() -> None:
    config = FinderConfig(batches=10, batch_size=8)
    assert any(
        isinstance(m, Dropout)
        for m in build_model("gpt", build_config("gpt", {"vocab_size": 9, **SHAPES["gpt"]})).modules()
    )
    assert [p.loss for p in sweep("gpt", config)] == [p.loss for p in sweep("gpt", config)]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"lowest": 0.0}, "rates must rise"),
        ({"lowest": 1.0, "highest": 0.1}, "rates must rise"),
        ({"highest": math.inf}, "rates must rise"),
        ({"batches": 1}, "batches must be at least 2"),
        ({"batch_size": 0}, "batch_size must be at least 1"),
        ({"optimizer": "magic"}, "Expected optimizer"),
    ],
)
def test_an_option_that_cannot_be_is_named(changed: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        FinderConfig(**changed)  # type: ignore[arg-type]


def test_a_text_shorter_than_a_window_is_refused_in_words() -> None:
    tokenizer = character_tokenizer(NAMES)
    config = build_config(
        "mlp", {"vocab_size": tokenizer.vocab_size, "context_length": 900, "d_hidden": 4, "d_embedding": 1}
    )
    with pytest.raises(ValueError, match="A context of 900 needs a training text of at least 901 tokens"):
        next(find_learning_rate(build_model("mlp", config), tokenizer, split_corpus(NAMES), FinderConfig()))
