"""Runs of the workbench on disk: one file each, replaced at once, whose facts are read without its tensors.

A run that may go on keeps the trainer's whole state; one that is done keeps its weights alone.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as save_tensors
from torch import Tensor

from explorer.models.checkpoints import replace_file
from explorer.models.language_model import LanguageModel
from explorer.models.registry import build_config, build_model
from explorer.text.tokenizers import Tokenizer, tokenizer_from_json
from explorer.training.runs import RunStateError, load_run, save_run
from explorer.training.trainer import Trainer

MOST_FOLDER_BYTES = 400_000_000  # of all a visitor keeps


def run_path(folder: str | Path, run: str) -> Path:
    """Where a run is kept. Raises ValueError for an id that is none."""
    if not run or not all(c.isalnum() or c in "-_" for c in run) or len(run) > 64:
        raise ValueError("That is not the id of a run; open the run from the table.")
    return Path(folder) / f"{run}.safetensors"


def save_state(path: Path, trainer: Trainer, facts: dict[str, Any]) -> None:
    """The whole state, to go on from. Raises OSError where it cannot be written, ValueError where the room is used up."""
    check_room(path.parent.parent, 12 * trainer.model.parameter_count(), path)
    save_run(path, trainer, facts)


def save_ended(path: Path, trainer: Trainer, facts: dict[str, Any]) -> None:
    """The weights alone (their running mean, where the run keeps one), of a run that is over."""
    with trainer.average_in_place():
        tensors = {f"model.{name}": t.detach().clone() for name, t in trainer.model.state_dict().items()}
    content = save_tensors(tensors, metadata={"run": json.dumps(facts)})
    check_room(path.parent.parent, len(content), path)
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, content)


def check_room(folder: Path, needed: int, replaces: Path | None = None) -> None:
    """Raise ValueError where a visitor's folder would hold more than it may."""
    held = bytes_in(folder) - (replaces.stat().st_size if replaces is not None and replaces.is_file() else 0)
    if held + needed > MOST_FOLDER_BYTES:
        raise ValueError(
            f"your {MOST_FOLDER_BYTES / 1e6:.0f} MB on this server are used up; delete runs, checkpoints or texts below"
        )


def bytes_in(folder: Path) -> int:
    """The size of all files in a folder and below."""
    total = 0
    for path in folder.rglob("*") if folder.is_dir() else []:
        try:
            total += path.stat().st_size if path.is_file() else 0
        except FileNotFoundError:  # renamed into place meanwhile
            continue
    return total


def read_facts(path: Path) -> dict[str, Any] | None:
    """What is known of a saved run, or None for a file that holds none; its tensors are not read."""
    try:
        with safe_open(str(path), framework="np") as file:
            facts = json.loads((file.metadata() or {})["run"])
    except (OSError, SafetensorError, KeyError, ValueError):
        return None
    return facts if isinstance(facts, dict) and {"id", "started", "spec", "step"} <= set(facts) else None


def list_saved(folder: str | Path) -> list[dict[str, Any]]:
    """The facts of all runs in a folder, in the order in which they were begun."""
    found = [read_facts(path) for path in Path(folder).glob("*.safetensors")] if Path(folder).is_dir() else []
    return sorted((facts for facts in found if facts is not None), key=lambda facts: (facts["started"], facts["id"]))


def load_saved(folder: str | Path, run: str) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """A saved run's tensors and facts. Raises RunStateError where there is none, or none that can go on."""
    path = run_path(folder, run)
    if not path.is_file():
        raise RunStateError("This run is not kept here any more; start it anew.")
    tensors, facts = load_run(path)
    if "generator" not in tensors:
        raise RunStateError("This run is over; only its weights are kept. Save them as a checkpoint and fine-tune it.")
    return tensors, facts


def saved_model(folder: str | Path, run: str) -> tuple[LanguageModel, Tokenizer, dict[str, Any]]:
    """The model of a saved run, as it was when it was last saved, in evaluation mode, with its tokenizer and facts.

    Where the run kept a running mean of its weights, that mean. Raises RunStateError for a file that is no run.
    """
    path = run_path(folder, run)
    tensors, facts = load_run(path)
    try:
        architecture = facts["spec"]["architecture"]
        model = build_model(architecture, build_config(architecture, facts["config"]))
        model.load_state_dict({n.removeprefix("model."): t for n, t in tensors.items() if n.startswith("model.")})
        with torch.no_grad():
            for i, p in enumerate(model.parameters()):
                if f"average.{i}" in tensors:
                    p.copy_(tensors[f"average.{i}"])
        return model.eval(), tokenizer_from_json(facts["tokenizer"]), facts
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise RunStateError(
            f"The saved run does not fit its own settings ({str(error)[:120]}); start it anew."
        ) from error
