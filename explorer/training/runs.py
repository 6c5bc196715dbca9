"""Runs that outlive their process: the whole state of a run in one safetensors file, replaced at once, and a lock that
keeps two processes from training under one name."""

from __future__ import annotations

import json
import os
import struct
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor

from explorer.models.safe_files import replace_file
from explorer.training.trainer import Trainer


class RunStateError(ValueError):
    """A saved run that cannot be resumed."""


class RunInUseError(ValueError):
    """A run that another process is training."""


def save_run(path: Path, trainer: Trainer, facts: dict[str, Any]) -> None:
    """Write the run so that `load_run` can go on from it; `facts` says which run it is (plain JSON values)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, save_tensors(trainer.state_tensors(), metadata={"run": json.dumps(facts)}))


def load_run(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The tensors for `Trainer.load_state_tensors` and the facts. Raises RunStateError where they cannot be read."""
    try:
        content = path.read_bytes()
        tensors = load_tensors(content)
        (header_size,) = struct.unpack("<Q", content[:8])
        header = json.loads(content[8 : 8 + header_size])
        facts = json.loads(header["__metadata__"]["run"])
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        raise RunStateError(f"{path} holds no run to resume ({error}); start it without --resume.") from error
    if not isinstance(facts, dict):
        raise RunStateError(f"{path} holds no run to resume (its facts are not a table); start it without --resume.")
    return tensors, facts


@contextmanager
def only_one(path: Path) -> Iterator[None]:
    """Inside the block no other process that asks can have the run saved at `path`; raises RunInUseError if one has it.

    The lock is the system's, on a file beside the run that says who holds it. It ends with its process, however that
    ends, so a file that a killed one left behind stops nobody.
    """
    lock = path.with_suffix(".lock")
    lock.parent.mkdir(parents=True, exist_ok=True)
    descriptor = _take(lock, path.stem)
    try:
        os.truncate(descriptor, 0)
        os.write(descriptor, str(os.getpid()).encode())
        yield
    finally:
        lock.unlink(missing_ok=True)
        os.close(descriptor)


def _take(lock: Path, name: str) -> int:
    """The open lock file, ours alone."""
    while True:
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o644)
        if sys.platform == "win32":  # which has no such locks: there, nobody is kept out
            return descriptor
        import fcntl

        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(descriptor, 20).decode(errors="replace") or "unknown"
            os.close(descriptor)
            raise RunInUseError(
                f"Another process (id {holder}) is training {name!r} here; let it end, or choose another --name."
            ) from None
        try:
            if os.path.samestat(os.fstat(descriptor), lock.stat()):
                return descriptor
        except FileNotFoundError:
            pass
        os.close(descriptor)  # whoever held it has just taken the file away: we locked one that nobody sees
