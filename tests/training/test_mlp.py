"""Runs of the MLP to be watched: what they record, when they stop, and what the page says of them."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from explorer.inspection.mlp import common_symbols, gathering
from explorer.models.registry import build_model
from explorer.text.batches import Splits, split_corpus
from explorer.text.corpora import Corpus, load_corpus
from explorer.training.evaluation import evaluate
from explorer.training.mlp import (
    MLPProgress,
    MLPSpec,
    character_tokenizer,
    check_run,
    split_parts,
    train_mlp,
    train_on,
)
from explorer.training.mlp_record import EVALUATIONS, SNAPSHOTS, snapshot_steps, write_words
from explorer.training.trainer import DivergedError, Trainer

NAMES = Corpus(
    "few", "\n".join(["emma", "olivia", "ava", "isabella", "sophia", "mia", "amelia", "anna"] * 6), "items", ""
)
SMALL = MLPSpec("few", d_hidden=16, batch_size=16, steps=60)


def run(spec: MLPSpec, corpus: Corpus = NAMES) -> list[MLPProgress]:
    return list(train_on(spec, character_tokenizer(corpus), split_parts(corpus, spec.parts, spec.share)))


def test_it_is_the_trainers_run_and_watching_changes_nothing() -> None:
    tokenizer, splits = character_tokenizer(NAMES), split_parts(NAMES, SMALL.parts)
    model = build_model("mlp", SMALL.model_config(tokenizer.vocab_size), seed=SMALL.seed)
    plain = [(p.step, p.loss, p.learning_rate) for p in Trainer(model, tokenizer, splits, SMALL.training_config())]
    watched = run(SMALL)
    assert [(p.step, p.loss, p.learning_rate) for p in watched] == plain
    record = watched[-1].record
    assert record.model_step == SMALL.steps
    assert all(torch.equal(a, b) for a, b in zip(record.model.parameters(), model.parameters(), strict=True))


def test_the_final_losses_are_those_of_each_whole_part() -> None:
    record = run(SMALL)[-1].record
    splits, tokenizer = split_parts(NAMES, SMALL.parts), character_tokenizer(NAMES)
    assert record.final is not None
    for part, loss in (
        ("train", record.final.train),
        ("validation", record.final.validation),
        ("test", record.final.test),
    ):
        assert loss == evaluate(record.model, torch.tensor(tokenizer.encode(getattr(splits, part))), boundary=0)


@pytest.mark.parametrize("steps", [1, 2, 79, 80, 5000, 123_457])
def test_snapshots_are_few_whatever_the_length_closer_at_first_and_end_with_the_last(steps: int) -> None:
    taken = sorted(snapshot_steps(steps))
    assert 1 <= len(taken) <= min(SNAPSHOTS, steps)
    assert taken[-1] == steps
    assert taken[0] >= 1
    if steps >= 5000:
        assert taken[1] - taken[0] < (taken[-1] - taken[-2]) / 10


def test_a_record_holds_the_table_before_and_after_and_is_the_same_in_every_progress() -> None:
    progress = run(replace(SMALL, steps=200))
    record = progress[-1].record
    assert all(p.record is record for p in progress)
    assert [s.step for s in record.snapshots] == [0, *sorted(snapshot_steps(200))]
    assert [e.step for e in record.evaluations] == [0, *range(5, 201, 5)]
    assert len(record.evaluations) <= EVALUATIONS + 2
    last = record.snapshots[-1]
    assert np.array_equal(last.table, record.model.embedding.weight.detach().numpy())
    assert not np.array_equal(record.snapshots[0].table, last.table)
    assert last.words == write_words(record.model, record.tokenizer, 0, seed=1)
    assert all(not set(word) - set("abcdefghijklmnopqrstuvwxyz") for word in last.words)


def test_the_same_seed_is_the_same_run_and_another_is_not() -> None:
    first, again, other = ([p.loss for p in run(spec)] for spec in (SMALL, SMALL, replace(SMALL, seed=2)))
    assert first == again != other


def test_a_tiny_text_and_a_big_net_overfit_and_the_rule_stops_in_time() -> None:
    spec = MLPSpec("given-names", share=1.0, d_embedding=10, d_hidden=150, steps=400)
    record = list(train_mlp(spec))[-1].record
    first, last, best = record.evaluations[0], record.evaluations[-1], record.best
    assert last.train < best.train < first.train
    assert best.step <= 100
    assert last.validation > best.validation + 0.3
    stopped = list(train_mlp(replace(spec, patience=4)))
    record = stopped[-1].record
    assert stopped[-1].step == best.step + 4 * 10
    assert "has not improved for 4 evaluations" in record.stopped
    assert f"{best.validation:.4f}" in record.stopped
    assert record.model_step == record.best.step == best.step
    assert record.final is not None


def test_a_rate_far_too_high_ends_the_run_with_the_reason_and_the_best_state() -> None:
    spec = MLPSpec("given-names", learning_rate=100.0, optimizer="sgd", schedule="constant", steps=1000)
    seen: list[MLPProgress] = []
    with pytest.raises(
        DivergedError, match=r"loss has risen to [\d.]+ nats by step \d+.*learning rate 100 is too high"
    ):
        collect(seen, spec, load_corpus(spec.corpus))
    record = seen[-1].record
    assert seen[-1].step < 100
    assert record.model_step == record.best.step < seen[-1].step
    assert all(np.isfinite(s.table).all() for s in record.snapshots)
    assert all(math.isfinite(e.validation) for e in record.evaluations)


def test_a_loss_that_is_no_number_ends_the_run_and_nothing_of_it_is_kept() -> None:
    spec = replace(SMALL, learning_rate=1e38, optimizer="sgd", schedule="constant")
    seen: list[MLPProgress] = []
    with pytest.raises(DivergedError, match="stopped being a finite number"):
        collect(seen, spec, NAMES)
    record = seen[-1].record
    assert record.model_step == 0
    assert all(p.isfinite().all() for p in record.model.parameters())
    assert all(np.isfinite(s.table).all() for s in record.snapshots)


def collect(seen: list[MLPProgress], spec: MLPSpec, corpus: Corpus) -> None:
    """Keep what a run yields as it comes, so that nothing is lost where it ends with an error."""
    for progress in train_on(spec, character_tokenizer(corpus), split_parts(corpus, spec.parts, spec.share)):
        seen.append(progress)


def test_in_two_dimensions_vowels_gather_and_the_boundary_stands_apart() -> None:
    name = "given-names"
    record = list(train_mlp(MLPSpec(name, seed=2, steps=800)))[-1].record
    tokenizer = record.tokenizer
    counts = np.bincount(tokenizer.encode(load_corpus(name).text), minlength=tokenizer.vocab_size)
    said = gathering(record.snapshots[-1].table, tokenizer.labels, common_symbols(counts), 0)
    assert said is not None
    assert said.share > 1.5 * said.chance
    assert said.isolation is not None
    assert said.isolation > 2


def test_customary_parts_are_the_packages_split_and_other_parts_lose_nothing() -> None:
    corpus = load_corpus("given-names")
    assert split_parts(corpus, (80, 10, 10)) == split_corpus(corpus)
    splits = split_parts(corpus, (40, 30, 30))
    items = [item for part in (splits.train, splits.validation, splits.test) for item in part.split("\n") if item]
    assert sorted(items) == sorted(corpus.items)
    tale = load_corpus("tale")
    cut = split_parts(tale, (60, 20, 20))
    assert cut.train + cut.validation + cut.test == tale.text
    assert cut.boundary is None


def test_a_share_keeps_the_beginning_of_the_training_part_alone() -> None:
    whole, tenth = (split_parts(load_corpus("given-names"), (80, 10, 10), share) for share in (100.0, 10.0))
    assert whole.train.startswith(tenth.train)
    assert tenth.train.count("\n") - 1 == round(0.1 * (whole.train.count("\n") - 1))
    assert (tenth.validation, tenth.test) == (whole.validation, whole.test)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"d_embedding": 0}, "d_embedding must be from 1"),
        ({"d_hidden": 0}, "d_hidden must be from 1"),
        ({"context_length": 0}, "context_length must be from 1"),
        ({"batch_size": 0}, "batch_size must be from 1"),
        ({"steps": 10**6}, "steps must be from 1 to 200,000, got 1,000,000"),
        ({"learning_rate": 0.0}, "learning_rate must be a positive number"),
        ({"learning_rate": math.nan}, "learning_rate must be"),
        ({"parts": (100, 0, 0)}, "percentages that add up to 100"),
        ({"share": 0.0}, "share must be above 0"),
        ({"schedule": "wild"}, "Expected schedule to be one of"),
        ({"patience": -1}, "patience must be from 0"),
    ],
)
def test_an_option_that_cannot_be_is_named(changed: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        MLPSpec("few", **changed)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"d_hidden": 10**9}, r"would take about [\d.,]+ [TGP]B of memory; here a run may take 256.0 MB"),
        ({"batch_size": 10**7}, "of memory; here a run may take 256.0 MB"),
        ({"d_embedding": 20_000, "d_hidden": 1}, "would keep about .* to look at afterwards"),
        (
            {"context_length": 5000, "share": 0.3},
            "A context of 5,000 needs a training text of at least 5,001 characters",
        ),
    ],
)
def test_a_size_beyond_the_limits_is_told_with_its_memory_before_anything_is_allocated(
    changed: dict[str, object], said: str
) -> None:
    spec = MLPSpec("given-names", **changed)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=said):
        check_run(spec, 85, split_parts(load_corpus("given-names"), spec.parts, spec.share))


def test_an_ordinary_run_fits() -> None:
    assert check_run(SMALL, 12, split_parts(NAMES, SMALL.parts)) < 1_000_000


def test_running_text_without_a_test_part_ends_without_a_test_loss() -> None:
    text = load_corpus("tale").text[:4000]
    tokenizer = character_tokenizer(Corpus("t", text, "text", ""))
    record = list(train_on(SMALL, tokenizer, Splits(text[:3000], text[3000:], "")))[-1].record
    assert record.final is not None
    assert record.final.test is None
    assert all(len(word) == 24 for word in record.snapshots[-1].words)
