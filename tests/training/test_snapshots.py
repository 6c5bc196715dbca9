"""Snapshots of a run: when they are due, what they hold, and that nobody who takes them changes the run."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors import safe_open

from explorer.models.gpt import GPTConfig
from explorer.models.registry import build_model
from explorer.text.batches import split_text
from explorer.text.tokenizers import CharTokenizer
from explorer.training import snapshots
from explorer.training.config import TrainingConfig
from explorer.training.evaluation import evaluate
from explorer.training.snapshots import (
    FOLDER,
    MOST_SNAPSHOTS,
    SnapshotError,
    SnapshotFolder,
    SnapshotRun,
    keep_snapshots,
    list_runs,
    read_run,
    snapshot_steps,
)
from explorer.training.trainer import Trainer

TEXT = "the cat sat on the mat and the rat sat on the cat. " * 12
LETTERS = CharTokenizer.from_text(TEXT)
CONFIG = TrainingConfig(steps=20, batch_size=4, learning_rate=1e-2, warmup=3, evaluate_every=0, sample_length=9, seed=3)


def make_trainer(config: TrainingConfig = CONFIG, *, d_model: int = 16) -> Trainer:
    shape = GPTConfig(LETTERS.vocab_size, context_length=8, n_layers=2, n_heads=2, d_model=d_model, dropout=0.1)
    return Trainer(build_model("gpt", shape, seed=config.seed), LETTERS, split_text(TEXT), config)


def train_into(path: Path, trainer: Trainer, count: int = 6, **options: Any) -> SnapshotRun:
    folder = SnapshotFolder(path, trainer, architecture="gpt", facts={"corpus": {"name": "cats"}}, **options)
    for _ in keep_snapshots(trainer, count, folder.add):
        pass
    return read_run(path)


@given(st.integers(1, 100_000), st.integers(2, MOST_SNAPSHOTS), st.integers(1, 100))
def test_the_steps_rise_from_0_to_the_last_and_are_as_many_as_asked(steps: int, count: int, first: int) -> None:
    chosen = snapshot_steps(steps, count, first)
    assert chosen[0] == 0
    assert chosen[-1] == steps
    assert len(chosen) == min(count, steps + 1)
    assert all(earlier < later for earlier, later in pairwise(chosen))


def test_the_steps_grow_by_one_factor_once_rounding_matters_no_more() -> None:
    late = [later / earlier for earlier, later in pairwise(snapshot_steps(100_000, 20)) if earlier > 100]
    assert max(late) / min(late) < 1.02


@pytest.mark.parametrize(("count", "first"), [(1, 1), (MOST_SNAPSHOTS + 1, 1), (5, 0)])
def test_a_schedule_that_cannot_be_is_refused(count: int, first: int) -> None:
    with pytest.raises(ValueError, match="got"):
        snapshot_steps(100, count, first)


def test_a_run_comes_back_as_it_was_kept(tmp_path: Path) -> None:
    trainer = make_trainer()
    run = train_into(tmp_path / "cats", trainer)
    assert [s.step for s in run.snapshots] == list(snapshot_steps(20, 6))
    assert (run.name, run.architecture, run.facts["corpus"]) == ("cats", "gpt", {"name": "cats"})
    assert run.tokenizer.encode("the cat") == LETTERS.encode("the cat")
    last = run.model(5).state_dict()
    for name, tensor in trainer.model.state_dict().items():
        assert torch.equal(last[name], tensor.half().float()), name
    first = run.model(0).state_dict()
    fresh = build_model("gpt", trainer.model.config, seed=CONFIG.seed).state_dict()
    assert torch.equal(first["token_embedding.weight"], fresh["token_embedding.weight"].half().float())


def test_losses_and_sample_are_those_of_the_weights_as_they_are_stored(tmp_path: Path) -> None:
    trainer = make_trainer()
    run = train_into(tmp_path / "cats", trainer)
    for i, snapshot in enumerate(run.snapshots):
        model = run.model(i)
        assert snapshot.validation_loss == pytest.approx(evaluate(model, trainer.validation_ids), abs=1e-5)
        assert snapshot.train_loss == pytest.approx(evaluate(model, trainer.train_ids), abs=1e-5)
        trainer.model.load_state_dict(model.state_dict())
        assert snapshot.sample == trainer.sample()
        assert len(snapshot.sample) == 9


def test_a_run_that_is_watched_is_the_run_that_is_not(tmp_path: Path) -> None:
    watched, alone = make_trainer(), make_trainer()
    train_into(tmp_path / "cats", watched)
    for _ in alone:
        pass
    for name, tensor in alone.model.state_dict().items():
        assert torch.equal(watched.model.state_dict()[name], tensor), name


def test_a_resumed_run_keeps_the_snapshots_of_one_that_never_stopped(tmp_path: Path) -> None:
    whole = train_into(tmp_path / "whole" / "cats", make_trainer())
    stopped = make_trainer()
    folder = SnapshotFolder(tmp_path / "cats", stopped, architecture="gpt", facts={"corpus": {"name": "cats"}})
    state = {}
    for progress in keep_snapshots(stopped, 6, folder.add):
        if progress.step == 8:
            state = stopped.state_tensors()
        if progress.step == 12:  # stopped here, with a snapshot that is later than the saved state
            break
    resumed = make_trainer()
    resumed.load_state_tensors(state)
    again = train_into(tmp_path / "cats", resumed, resumed=True)
    assert again.snapshots == whole.snapshots
    assert [again.content(i) for i in range(6)] == [whole.content(i) for i in range(6)]


def test_a_resumed_run_of_other_settings_is_refused_and_the_folder_left_alone(tmp_path: Path) -> None:
    train_into(tmp_path / "cats", make_trainer())
    before = {file.name: file.read_bytes() for file in (tmp_path / "cats").iterdir()}
    other = make_trainer(replace(CONFIG, learning_rate=2e-2))
    with pytest.raises(SnapshotError, match="other settings"):
        SnapshotFolder(tmp_path / "cats", other, architecture="gpt", facts={}, resumed=True)
    assert {file.name: file.read_bytes() for file in (tmp_path / "cats").iterdir()} == before


def test_a_new_run_of_the_name_leaves_no_snapshot_of_the_old_one(tmp_path: Path) -> None:
    train_into(tmp_path / "cats", make_trainer(), count=12)
    run = train_into(tmp_path / "cats", make_trainer(), count=3)
    assert len(list((tmp_path / "cats").glob("*.safetensors"))) == len(run.snapshots) == 3
    assert list_runs(tmp_path) == ["cats"]


def test_more_than_a_run_may_keep_is_refused_with_the_sizes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshots, "MOST_BYTES", 10_000)
    with pytest.raises(ValueError, match=r"6 snapshots of \d+\.\d MB would take"):
        next(keep_snapshots(make_trainer(), 6, lambda _snapshot, _content: None))


def test_a_run_that_never_begins_leaves_the_old_one_of_its_name_alone(tmp_path: Path) -> None:
    train_into(tmp_path / "cats", make_trainer())
    with pytest.raises(ValueError, match="got 99"):
        train_into(tmp_path / "cats", make_trainer(), count=99)
    assert len(read_run(tmp_path / "cats").snapshots) == len(list((tmp_path / "cats").glob("*.safetensors"))) == 6


def change_card(path: Path, **changes: Any) -> None:
    card = json.loads((path / "run.json").read_text())
    (path / "run.json").write_text(json.dumps({**card, **changes}))


def test_files_that_cannot_be_used_give_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "cats"
    run = train_into(path, make_trainer())
    file = path / "step-00000020.safetensors"
    content = file.read_bytes()
    file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(SnapshotError, match="step 20 of cats is damaged"):
        run.model(5)
    file.unlink()
    with pytest.raises(SnapshotError, match="cannot be read"):
        run.model(5)
    change_card(path, config={**run.config, "d_model": 32})
    with pytest.raises(SnapshotError, match="does not fit its model"):
        read_run(path).model(0)


@pytest.mark.parametrize(
    "changes",
    [{"format": 9}, {"architecture": "rnn"}, {"snapshots": []}, {"snapshots": [{"step": 1}]}, {"tokenizer": {}}],
)
def test_a_card_that_is_no_run_gives_one_sentence(tmp_path: Path, changes: dict[str, Any]) -> None:
    train_into(tmp_path / "cats", make_trainer(replace(CONFIG, steps=2)), count=2)
    change_card(tmp_path / "cats", **changes)
    with pytest.raises(SnapshotError, match="train the run again"):
        read_run(tmp_path / "cats")


def test_a_folder_without_a_run_gives_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(SnapshotError, match="holds no snapshots"):
        read_run(tmp_path)


def test_the_stored_numbers_are_half_precision_and_each_file_is_the_one_its_card_names(tmp_path: Path) -> None:
    run = train_into(tmp_path / "cats", make_trainer(), count=3)
    for snapshot in run.snapshots:
        file = tmp_path / "cats" / f"step-{snapshot.step:08d}.safetensors"
        assert hashlib.sha256(file.read_bytes()).hexdigest() == snapshot.sha256
        assert file.stat().st_size == snapshot.bytes
        with safe_open(file, "pt") as tensors:
            assert {tensors.get_tensor(name).dtype for name in tensors.keys()} == {torch.float16}  # noqa: SIM118


def test_every_shipped_run_is_whole_and_small() -> None:
    assert list_runs()
    for name in list_runs():
        run = read_run(FOLDER / name)
        for i, snapshot in enumerate(run.snapshots):
            assert run.model(i).parameter_count() == run.facts["parameters"]
            assert snapshot.bytes == len(run.content(i))
