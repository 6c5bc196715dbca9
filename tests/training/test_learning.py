"""The run that learns to copy: its settings, its text, and the set that is shipped."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
import torch

from explorer.text.corpora import load_corpus
from explorer.training.evaluation import evaluate
from explorer.training.learning import FIRST, SHIPPED, SNAPSHOTS, LearningSpec, learning_trainer, train_learning
from explorer.training.snapshots import FOLDER, LOSS_TOKENS, read_run, snapshot_steps


@pytest.mark.parametrize("wrong", [{"steps": 0}, {"steps": 10**6}, {"twice": 1.2}, {"learning_rate": 0.0}])
def test_a_setting_that_cannot_be_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="got"):
        LearningSpec(**wrong)


def test_a_list_of_items_is_refused() -> None:
    with pytest.raises(ValueError, match="running text"):
        learning_trainer(LearningSpec(), load_corpus("given-names"))


def test_without_repeats_its_text_is_the_corpus() -> None:
    corpus = load_corpus("drama")
    trainer = learning_trainer(LearningSpec(twice=0.0, noise=0.0), corpus)
    whole = torch.cat([trainer.train_ids, trainer.validation_ids]).tolist()
    assert trainer.tokenizer.decode(whole) == corpus.text


def test_a_live_run_keeps_its_snapshots_and_ends_with_a_loss() -> None:
    history = list(train_learning(LearningSpec(steps=3, seed=2)))
    run = history[-1].run
    assert [progress.step for progress in history] == [1, 2, 3]
    assert [snapshot.step for snapshot in run.snapshots] == list(snapshot_steps(3, SNAPSHOTS, FIRST))
    assert history[-1].validation_loss is not None
    assert run.snapshots[-1].validation_loss < run.snapshots[0].validation_loss
    model = run.model(len(run.snapshots) - 1)
    trainer = learning_trainer(LearningSpec(steps=3, seed=2), load_corpus("drama"))
    assert run.snapshots[-1].train_loss == pytest.approx(evaluate(model, trainer.train_ids[:LOSS_TOKENS]), abs=1e-4)


def test_the_shipped_set_is_small_and_its_losses_are_what_a_direct_evaluation_says() -> None:
    run = read_run(FOLDER / SHIPPED)
    assert sum(snapshot.bytes for snapshot in run.snapshots) <= 4_000_000
    trainer = learning_trainer(LearningSpec(), load_corpus("drama"))
    assert run.facts["training"]["steps"] == run.snapshots[-1].step == LearningSpec().steps
    model = run.model(len(run.snapshots) - 1)
    assert run.snapshots[-1].validation_loss == pytest.approx(
        evaluate(model, trainer.validation_ids[:LOSS_TOKENS]), abs=2e-4
    )
    assert run.snapshots[-1].train_loss == pytest.approx(evaluate(model, trainer.train_ids[:LOSS_TOKENS]), abs=2e-4)


def test_the_shipped_set_begins_with_the_seeds_random_weights() -> None:
    trainer = learning_trainer(LearningSpec(), load_corpus("drama"))
    first = read_run(FOLDER / SHIPPED).model(0).state_dict()
    assert all(torch.equal(first[n], t.half().float()) for n, t in trainer.model.state_dict().items())


def test_the_shipped_sets_sample_is_in_the_letters_of_the_drama() -> None:
    samples = "".join(snapshot.sample for snapshot in read_run(FOLDER / SHIPPED).snapshots)
    assert not Counter(samples).keys() - set(load_corpus("drama").text)
