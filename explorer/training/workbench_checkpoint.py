"""A saved run of the workbench as a checkpoint: its weights, and a card that says how they came about."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

from explorer.models.checkpoints import save_checkpoint
from explorer.training.workbench_runs import saved_model


def write_checkpoint(folder: Path, run: str, path: Path) -> Path:
    """Write the run's model as the checkpoint `path`; its path without suffix.

    Raises RunStateError for a run that is not there, OSError where it cannot be written; a checkpoint
    that was there before then stays whole.
    """
    model, tokenizer, facts = saved_model(folder, run)
    save_checkpoint(path, model, tokenizer, architecture=facts["spec"]["architecture"], facts=card_facts(facts))
    return path


def card_facts(facts: dict[str, Any]) -> dict[str, Any]:
    """What the card says beside the model's shape, from what the run noted.

    The validation loss is that of the whole held-out part where the run came to its end, else of the part that was read
    on the way, whose length then stands beside it.
    """
    evaluations, spec = facts["evaluations"], facts["spec"]
    reached = facts["final"] if facts["final"] is not None else evaluations[-1][1] if evaluations else None
    losses: dict[str, Any] = {
        "validation": None if reached is None else round(reached, 4),
        "curve": [[step, round(loss, 4)] for step, loss, *_ in evaluations],
    }
    if facts["final"] is None:
        losses["validation_tokens"] = facts["held_out_tokens"]
    if evaluations and evaluations[-1][2] is not None:
        losses["old_text"] = {"before": round(evaluations[0][2], 4), "after": round(evaluations[-1][2], 4)}
    parent = Path(spec["parent"]).stem if spec["parent"] else None
    return {
        "corpus": facts["corpus"],
        "seed": spec["seed"],
        "training": {**spec["training"], "seed": spec["seed"]},
        "share": spec["share"],
        "steps": facts["step"],
        "tokens": facts["tokens"],
        "minutes": round(facts["seconds"] / 60, 1),
        **({"fine_tuned_from": parent, "added_symbols": facts["added_symbols"]} if parent else {}),
        "made_by": "the page Train",
        "losses": losses,
        "sample": facts["newest_sample"][1] if facts["newest_sample"] else "",
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
    }
