"""Saving can be killed, or meet a full disk, at any moment: the last good state and checkpoint are there afterwards."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from explorer.models import checkpoints
from explorer.models.bigram import BigramConfig
from explorer.models.checkpoints import load_checkpoint, save_checkpoint
from explorer.models.registry import build_model
from explorer.models.safe_files import replace_file
from explorer.text.tokenizers import CharTokenizer
from explorer.training.runs import load_run, save_run
from tests.training.test_trainer import advance, make_trainer

ROOT = Path(__file__).parents[2]
SCRIPT = Path(__file__).parent / "scripts" / "saving_and_dying.py"
LETTERS = CharTokenizer("abcdefghijklm")


def save_and_die(folder: Path, *how: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, str(SCRIPT), str(folder), *how],
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def test_fifty_kills_at_random_moments_leave_the_last_good_state_and_checkpoint(tmp_path: Path) -> None:
    result = save_and_die(tmp_path, "random", "50")
    assert result["problems"] == []
    assert result["kills"] == 50
    assert result["torn"] > 10  # they did fall into the saving, not between two of them
    assert result["left"] == []


def test_a_kill_before_each_change_of_the_disk_leaves_a_whole_one_and_so_does_a_second_kill(tmp_path: Path) -> None:
    result = save_and_die(tmp_path, "every", "0")
    assert result["problems"] == []
    assert result["kills"] > 40
    assert result["left"] == []


def full_disk(patch: pytest.MonkeyPatch, after: int = 0) -> None:
    """From now on the `after` first flushes to the disk succeed, and the next find it full."""
    real, seen = os.fsync, 0

    def flush(descriptor: int) -> None:
        nonlocal seen
        seen += 1
        if seen > after:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(descriptor)

    patch.setattr(os, "fsync", flush)


def test_a_full_disk_keeps_the_last_state_and_leaves_nothing_half_written(tmp_path: Path) -> None:
    trainer = make_trainer()
    advance(trainer, 2)
    save_run(tmp_path / "run.safetensors", trainer, {"step": 2})
    advance(trainer, 2)
    with pytest.MonkeyPatch.context() as patch:
        full_disk(patch)
        with pytest.raises(OSError, match="No space left on device"):
            save_run(tmp_path / "run.safetensors", trainer, {"step": 4})
    assert [path.name for path in tmp_path.iterdir()] == ["run.safetensors"]
    assert load_run(tmp_path / "run.safetensors")[1] == {"step": 2}


@pytest.mark.parametrize("after", range(7))
def test_a_disk_that_fills_up_while_a_checkpoint_is_saved_leaves_the_old_or_the_new_one_whole(
    tmp_path: Path, after: int
) -> None:
    models = [build_model("bigram", BigramConfig(13), seed=seed) for seed in (1, 2)]
    save_checkpoint(tmp_path / "a", models[0], LETTERS, architecture="bigram", facts={"number": 0})
    is_saved = True
    with pytest.MonkeyPatch.context() as patch:
        full_disk(patch, after)
        try:
            save_checkpoint(tmp_path / "a", models[1], LETTERS, architecture="bigram", facts={"number": 1})
        except OSError:
            is_saved = False
    loaded = load_checkpoint(tmp_path / "a.json")
    assert loaded.card["number"] == is_saved == (after >= 3)
    assert torch.equal(loaded.model.state_dict()["table"], models[is_saved].state_dict()["table"])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.json", "a.safetensors"]


@pytest.mark.parametrize("call", range(1, 12))
def test_ctrl_c_at_any_moment_of_saving_a_checkpoint_leaves_the_old_or_the_new_one_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: int
) -> None:
    monkeypatch.setattr(checkpoints, "LARGEST_INLINE", 10)  # so that there are three files
    models = [build_model("bigram", BigramConfig(13), seed=seed) for seed in (1, 2)]
    save_checkpoint(tmp_path / "a", models[0], LETTERS, architecture="bigram", facts={"number": 0})
    calls = 0

    def interrupted(function: Callable[..., Any]) -> Callable[..., Any]:
        def called(*arguments: Any) -> Any:
            nonlocal calls
            calls += 1
            result = function(*arguments)
            if calls == call:
                raise KeyboardInterrupt
            return result

        return called

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", interrupted(os.fsync))
        patch.setattr(Path, "replace", interrupted(Path.replace))
        with contextlib.suppress(KeyboardInterrupt):
            save_checkpoint(tmp_path / "a", models[1], LETTERS, architecture="bigram", facts={"number": 1})
    loaded = load_checkpoint(tmp_path / "a.json")
    assert torch.equal(loaded.model.state_dict()["table"], models[loaded.card["number"]].state_dict()["table"])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.json", "a.safetensors", "a.tokenizer.json"]


def test_what_another_process_is_writing_now_is_not_cleared_away(tmp_path: Path) -> None:
    at_work = tmp_path / f".a.{os.getppid()}.1.part"
    stale = tmp_path / f".a.{os.getpid()}.1.part"  # of a process that had our id before us: nobody here writes it
    for part in (at_work, stale):
        part.write_bytes(b"half")
    replace_file(tmp_path / "a", b"whole")
    assert sorted(path.name for path in tmp_path.iterdir()) == [at_work.name, "a"]
    assert (tmp_path / "a").read_bytes() == b"whole"
