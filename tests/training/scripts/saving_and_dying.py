"""Forks children that save run states and checkpoints, kills them, and looks at what is left on disk.

Run as `saving_and_dying.py FOLDER random KILLS` (at random moments of a tight loop) or `saving_and_dying.py FOLDER every 0`
(before each call that changes the disk, and then again while the next save clears up). Prints one JSON object: how many were
killed, how many kills left something beside the files, and the problems found. Everything saved carries a number that is
in each of its parts, so that parts of two different saves would be noticed.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch

from explorer.models import checkpoints
from explorer.models.bigram import BigramConfig
from explorer.models.checkpoints import load_checkpoint, save_checkpoint
from explorer.models.registry import build_model
from explorer.text.batches import Splits
from explorer.text.tokenizers import CharTokenizer
from explorer.training.config import TrainingConfig
from explorer.training.runs import load_run, save_run
from explorer.training.trainer import Trainer

LETTERS = "abcdefghijklmnopqrstuvwxyz"
checkpoints.LARGEST_INLINE = 10  # so that a checkpoint is three files
torch.set_num_threads(1)
MODEL = build_model("bigram", BigramConfig(len(LETTERS)))
TRAINER = Trainer(MODEL, CharTokenizer(LETTERS), Splits(LETTERS, LETTERS, ""), TrainingConfig(steps=1))


def tokenizer_of(number: int) -> CharTokenizer:
    at = number % len(LETTERS)
    return CharTokenizer(LETTERS[at:] + LETTERS[:at])


def save_state(folder: Path, number: int) -> None:
    with torch.no_grad():
        MODEL.table.fill_(number)  # type: ignore[operator]
    save_run(folder / "run.safetensors", TRAINER, {"number": number})


def save_weights(folder: Path, number: int) -> None:
    with torch.no_grad():
        MODEL.table.fill_(number)  # type: ignore[operator]
    save_checkpoint(folder / "model", MODEL, tokenizer_of(number), architecture="bigram", facts={"number": number})


def read_state(folder: Path) -> int:
    tensors, facts = load_run(folder / "run.safetensors")
    assert bool((tensors["model.table"] == facts["number"]).all())
    return int(facts["number"])


def read_weights(folder: Path) -> int:
    loaded = load_checkpoint(folder / "model.json")
    number = int(loaded.card["number"])
    assert bool((loaded.model.state_dict()["table"] == number).all())
    assert loaded.tokenizer == tokenizer_of(number)
    return number


KINDS: list[tuple[Callable[[Path, int], None], Callable[[Path], int]]] = [
    (save_state, read_state),
    (save_weights, read_weights),
]


def leftovers(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.suffix == ".part")


def in_child(work: Callable[[], None]) -> int:
    child = os.fork()
    if child == 0:
        with contextlib.suppress(BaseException):
            work()
            os._exit(0)
        os._exit(1)
    return child


def look(folder: Path, kind: int, among: set[int], problems: list[str], when: str) -> int:
    """The number on disk, which must be one of those."""
    try:
        found = KINDS[kind][1](folder)
        assert found in among, f"{found} is none of {sorted(among)}"
        return found
    except Exception as error:
        problems.append(f"{when}: {type(error).__name__}: {error}")
        return -1


def at_random_moments(folder: Path, kills: int) -> dict[str, Any]:
    moments, torn = random.Random(6), 0
    problems: list[str] = []
    kept = [1, 1]
    for kind, (save, _) in enumerate(KINDS):
        save(folder, kept[kind])
    for kill in range(kills):
        first = max(kept) + 1
        child, said_by_child = keep_saving(folder, first)
        said = os.read(said_by_child, 1)  # it has begun
        time.sleep(moments.uniform(0.0, 0.04))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        while more := os.read(said_by_child, 65536):
            said += more
        os.close(said_by_child)
        torn += bool(leftovers(folder))
        done = {kind: int(n) for kind, n in (line.split() for line in said.decode().splitlines()[1:])}
        for kind, name in enumerate("01"):
            among = {done[name], done[name] + 1} if name in done else {kept[kind], first}
            kept[kind] = look(folder, kind, among, problems, f"kill {kill}")
    for save, _ in KINDS:
        save(folder, max(kept) + 1)
    return {"kills": kills, "torn": torn, "problems": problems, "left": leftovers(folder)}


def keep_saving(folder: Path, first: int) -> tuple[int, int]:
    """A child that saves the numbers from `first` on, and a pipe on which it says what is saved."""
    reading, writing = os.pipe()

    def work() -> None:
        os.write(writing, b"\n")
        for number in range(first, first + 10**6):
            for kind, (save, _) in enumerate(KINDS):
                save(folder, number)
                os.write(writing, f"{kind} {number}\n".encode())

    child = in_child(work)
    os.close(writing)
    return child, reading


def dying_at(call: int, work: Callable[[], None]) -> bool:
    """Run `work` in a child that is killed just before its `call`-th change of the disk; whether that happened."""

    def counted() -> None:
        seen = 0

        def watch(function: Callable[..., Any]) -> Callable[..., Any]:
            def watched(*arguments: Any, **named: Any) -> Any:
                nonlocal seen
                seen += 1
                if seen == call:
                    os.kill(os.getpid(), signal.SIGKILL)
                return function(*arguments, **named)

            return watched

        os.fsync = watch(os.fsync)
        for name in ("open", "replace", "unlink"):
            setattr(Path, name, watch(getattr(Path, name)))
        work()

    _, status = os.waitpid(in_child(counted), 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0, "the child failed by itself"
    return os.WIFSIGNALED(status)


def at_every_moment(folder: Path) -> dict[str, Any]:
    problems: list[str] = []
    kills = torn = number = 0
    for kind, (save, _) in enumerate(KINDS):
        number, first, killed = number + 1, 0, True
        save(folder, number)
        while killed:
            first += 1
            second, stride = 1 + first % 5, (5, 20)[kind]
            again = True
            while again:
                killed = dying_at(first, partial(save, folder, number + 1))
                torn += bool(leftovers(folder))
                kept = look(folder, kind, {number, number + 1}, problems, f"{save.__name__} {first}")
                # What the first kill left is cleared up by a save that is killed as well.
                again = dying_at(second, partial(save, folder, number + 2)) and killed
                look(folder, kind, {kept, number + 2}, problems, f"{save.__name__} {first}, then {second}")
                kills, number, second = kills + killed + again, number + 3, second + stride
                save(folder, number)
    return {"kills": kills, "torn": torn, "problems": problems[:9], "left": leftovers(folder)}


if __name__ == "__main__":
    where = Path(sys.argv[1])
    result = at_random_moments(where, int(sys.argv[3])) if sys.argv[2] == "random" else at_every_moment(where)
    print(json.dumps(result))
