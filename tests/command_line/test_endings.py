"""How a run of `train` ends early: asked to, on a full disk, or because another process has its name."""

from __future__ import annotations

import errno
import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from explorer.command_line import training_run
from explorer.models.checkpoints import save_checkpoint
from explorer.training import trainer as trainer_module
from explorer.training.runs import load_run, only_one, save_run
from tests.command_line.runner import SMALL, run, run_badly, run_well

TEN = ("train", "--corpus", "tale", "--steps", 10, "--dropout", 0.2, "--save-every", 4, *SMALL)


def card(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Path(f"checkpoints/{name}.json").read_text())
    return found


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_saves_the_run_where_it_is_and_going_on_equals_never_having_stopped(here: Path, number: int) -> None:
    before = signal.getsignal(number)  # a shell that starts us in the background has Ctrl-C ignored
    run_well(*TEN, "--name", "whole")
    update = trainer_module.Trainer._update

    def signalled(self: Any) -> Any:
        if self.step == 5:
            os.kill(os.getpid(), number)
        return update(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trainer_module.Trainer, "_update", signalled)
        stopped = run(*TEN, "--name", "halves")
    assert stopped.exit_code == 128 + number
    assert "Stopped; the same command with --resume goes on from step 6." in stopped.stderr
    assert signal.getsignal(number) is before
    run_well(*TEN, "--name", "halves", "--resume")
    assert card("halves")["weights"] == card("whole")["weights"]


def full_disk(on_calls: set[int], function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, but for these calls of it, which find the disk full."""
    calls = 0

    def called(*arguments: Any, **named: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls in on_calls:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return function(*arguments, **named)

    return called


def test_a_full_disk_while_saving_the_state_is_said_and_training_goes_on(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training_run, "save_run", full_disk({2}, save_run))
    done = run_well(*TEN, "--name", "mine")
    assert (
        "The state of step 8 could not be saved to runs/mine.safetensors (No space left on device): step 4 is kept, "
        "and training goes on." in done.stderr.replace("\n", " ")
    )
    assert card("mine")["steps"] == 10
    assert load_run(Path("runs/mine.safetensors"))[0]["progress"][0] == 10


def test_a_full_disk_at_the_very_end_keeps_the_run_and_says_how_to_write_its_checkpoint(here: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training_run, "save_checkpoint", full_disk({1}, save_checkpoint))
        ended = run(*TEN, "--name", "mine")
    assert ended.exit_code == 1
    assert (
        "error: The checkpoint could not be written to checkpoints (No space left on device); "
        "the same command with --resume goes on from step 10." in ended.stderr.replace(str(here) + "/", "")
    )
    run_well(*TEN, "--name", "mine", "--resume")
    assert card("mine")["steps"] == 10


def test_a_second_run_of_one_name_is_told_so_and_leaves_the_first_alone(here: Path) -> None:
    with only_one(Path("runs/mine.safetensors")):
        said = run_badly(*TEN, "--name", "mine")
    assert f"Another process (id {os.getpid()}) is training 'mine' here" in said
    assert list(Path("runs").iterdir()) == []
