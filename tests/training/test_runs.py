"""A saved run: whatever is trained, going on from it equals never having stopped; one process at a time has it."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from explorer.models.registry import build_config, build_model
from explorer.text.batches import Splits, boundary_token, split_items, split_text
from explorer.text.tokenizers import CharTokenizer
from explorer.training.config import TrainingConfig
from explorer.training.hardware import Hardware
from explorer.training.runs import RunInUseError, load_run, only_one, save_run
from explorer.training.trainer import Trainer
from tests.training.test_trainer import advance, assert_equal_bit_for_bit, facts_of

ROOT = Path(__file__).parents[2]
RUNNING = split_text("the cat sat on the mat and the rat sat on the cat. " * 12)
NAMES = split_items(["ana", "ben", "cleo", "dora", "emil", "fina", "gus", "hanna", "ida", "jan"] * 4)
PLAIN = TrainingConfig(steps=12, batch_size=4, learning_rate=1e-2, warmup=3, evaluate_every=5, sample_length=5, seed=3)
MUON = replace(PLAIN, optimizer="muon", schedule="linear", average=0.9, learning_rate=6e-3)
TRANSFORMER = {"context_length": 8, "n_layers": 2, "n_heads": 2, "d_model": 8, "dropout": 0.2}
WINDOWS = {"context_length": 4, "d_embedding": 4, "d_hidden": 8}
BFLOAT16 = Hardware(precision="bfloat16")
RUNS: dict[str, tuple[str, dict[str, Any], Splits, TrainingConfig, Hardware]] = {
    "gpt": ("gpt", TRANSFORMER, RUNNING, PLAIN, Hardware()),
    "modern, muon, averaging, dropout": ("modern", TRANSFORMER, RUNNING, MUON, Hardware()),
    "items": ("gpt", TRANSFORMER, NAMES, MUON, Hardware()),
    "windows": ("wavenet", WINDOWS, RUNNING, PLAIN, Hardware()),
    "windows of items, batch norm": ("mlp", WINDOWS | {"batch_norm": True}, NAMES, MUON, Hardware()),
    "plain descent": ("decoder", TRANSFORMER, RUNNING, replace(PLAIN, optimizer="sgd", average=0.5), Hardware()),
    "bfloat16": ("modern", TRANSFORMER, RUNNING, MUON, BFLOAT16),
}


def make(name: str) -> Trainer:
    architecture, options, splits, config, hardware = RUNS[name]
    letters = CharTokenizer.from_text(splits.train + splits.validation)
    shape = build_config(architecture, {"vocab_size": letters.vocab_size, **options})
    boundary = boundary_token(splits, letters)
    if boundary is not None and hasattr(shape, "pad_id"):
        shape = replace(shape, pad_id=boundary)
    return Trainer(build_model(architecture, shape, seed=1), letters, splits, config, hardware)


@pytest.mark.parametrize("name", RUNS)
@pytest.mark.parametrize("at", [1, 7, 12])
def test_going_on_from_a_saved_run_equals_never_having_stopped_bit_for_bit(tmp_path: Path, name: str, at: int) -> None:
    whole = make(name)
    expected = facts_of(list(whole))
    stopped = make(name)
    first = facts_of(advance(stopped, at))
    save_run(tmp_path / "run.safetensors", stopped, {})
    resumed = make(name)
    resumed.load_state_tensors(load_run(tmp_path / "run.safetensors")[0])
    assert first + facts_of(list(resumed)) == expected
    assert_equal_bit_for_bit(resumed.state_tensors(), whole.state_tensors())


def test_the_final_weights_of_an_averaged_run_are_the_mean_whether_or_not_it_was_resumed_at_its_end(
    tmp_path: Path,
) -> None:
    run = make("items")
    list(run)
    assert run.averaged is not None
    for mean, weight in zip(run.averaged, run.model.parameters(), strict=True):
        assert torch.equal(mean, weight)


HOLD = """
import sys, time; from pathlib import Path; from explorer.training.runs import only_one
with only_one(Path(sys.argv[1])):
    print("have it", flush=True)
    time.sleep(120)
"""


def test_a_second_process_is_told_who_has_the_run_and_a_killed_one_has_it_no_longer(tmp_path: Path) -> None:
    path = tmp_path / "runs" / "mine.safetensors"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE, text=True, env=environment
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "have it\n"
        with (
            pytest.raises(RunInUseError, match=rf"Another process \(id {other.pid}\) is training 'mine' here"),
            only_one(path),
        ):
            pass
        with only_one(tmp_path / "runs" / "yours.safetensors"):
            pass
        other.kill()
    assert [left.name for left in path.parent.iterdir()] == ["mine.lock"]  # the killed one could not tidy up
    with only_one(path):
        pass
    assert list(path.parent.iterdir()) == []


def test_two_tabs_of_one_server_cannot_have_one_run_either(tmp_path: Path) -> None:
    path = tmp_path / "mine.safetensors"
    with only_one(path), pytest.raises(RunInUseError, match=f"id {os.getpid()}"), only_one(path):
        pass
    with only_one(path):
        pass
