"""Runs that outlive their process: the whole state of a run in one safetensors file, replaced at once."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor

from explorer.models.checkpoints import replace_file
from explorer.training.trainer import Trainer


class RunStateError(ValueError):
    """A saved run that cannot be resumed."""


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
