"""What the card of a trained model says beside its shape: how to repeat it, and how good it is."""

from __future__ import annotations

import datetime
import os
import shlex
import sys
from dataclasses import asdict
from typing import Any

from explorer.command_line.training_request import Material
from explorer.training.evaluation import baseline_samples, baselines, bits_per_byte, evaluate, mean_loss
from explorer.training.fine_tuning import held_out_loss
from explorer.training.trainer import Trainer


def card_facts(material: Material, trainer: Trainer, history: list[tuple[int, float]]) -> dict[str, Any]:
    """The card's facts for the weights as they are now; losses in nats a token, over whole held-out parts."""
    config, corpus = trainer.config, material.corpus
    sample_of_train = trainer.train_ids[: len(trainer.validation_ids)]
    validation_loss = round(mean_loss(trainer.model, trainer.validation_batches), 4)
    losses: dict[str, Any] = {
        "train": round(evaluate(trainer.model, sample_of_train, trainer.boundary), 4),
        "validation": validation_loss,
        "bits_per_byte": bits_per_byte(validation_loss, trainer.tokenizer, material.splits.validation),
        "curve": history,
    }
    if material.old is not None:
        name, splits, before = material.old
        after = held_out_loss(trainer.model, trainer.tokenizer, splits)
        losses["old_corpus"] = {"name": name, "before": round(before, 4), "after": round(after, 4)}
    return {
        "corpus": {
            "name": corpus.name,
            "kind": corpus.kind,
            "sha256": corpus.sha256,
            "characters": len(corpus.text),
        },
        **({} if material.init_from is None else {"init_from": material.init_from}),
        "seed": config.seed,
        "training": asdict(config),
        "hardware": {**asdict(trainer.hardware), "processes": trainer.team.size},
        "steps": trainer.step,
        "tokens": trainer.tokens,
        "minutes": round(trainer.seconds / 60, 1),
        "command": _command(trainer.team.size),
        "losses": losses,
        "sample": trainer.sample(),
        "baselines": baselines(trainer.train_ids, trainer.validation_ids, trainer.tokenizer.vocab_size),
        "baseline_samples": baseline_samples(trainer.train_ids, trainer.tokenizer, trainer.boundary),
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
    }


def _command(processes: int) -> str:
    """What was typed, as it is to be typed again."""
    here = int(os.environ.get("LOCAL_WORLD_SIZE", processes))
    machines = f" --nnodes {processes // here}" if processes > here else ""
    start = f"torchrun{machines} --nproc-per-node {here} -m" if processes > 1 else "python -m"
    return f"{start} explorer " + shlex.join(a for a in sys.argv[1:] if a != "--resume")
