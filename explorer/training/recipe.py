"""Measure what each part of the better recipe is worth: `python -m explorer.training.recipe` writes the losses.

Every run sees as many tokens as the preset "speedrun": the recipe whole, then with one idea taken back at a time (the
list is in `models.recipe`), each from two seeds. Some twenty CPU minutes; what has been measured is kept, so that
an interrupted command goes on where it was, and `--again` begins anew.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from explorer.models.checkpoints import replace_file
from explorer.models.recipe import CHANGES, MEASURED, PRESET, WHOLE, Change
from explorer.models.registry import PRESETS, build_config, build_model
from explorer.text.batches import Splits, split_corpus
from explorer.text.corpora import load_corpus
from explorer.text.tokenizers import CharTokenizer
from explorer.training.config import TrainingConfig
from explorer.training.trainer import Trainer

SEEDS = (1, 2)


def settings(change: Change) -> tuple[dict[str, Any], dict[str, Any]]:
    """The model's and the training's options of the recipe with one change; a run keeps its number of tokens."""
    preset = PRESETS[PRESET]
    training = {**preset.training, **change.training}
    training["steps"] = preset.training["steps"] * preset.training["batch_size"] // training["batch_size"]
    return {**preset.model, **change.model}, training


def measure(
    change: Change, tokenizer: CharTokenizer, splits: Splits, seed: int, **training: Any
) -> tuple[float, float, int]:
    """Train the recipe with one change: held-out loss (nats), seconds of the updates, learned numbers.

    `training` overrides the recipe's settings.
    """
    model_options, training_options = settings(change)
    architecture = PRESETS[PRESET].architecture
    config = build_config(architecture, {"vocab_size": tokenizer.vocab_size, **model_options})
    model = build_model(architecture, config, seed=seed)
    quiet = {"evaluate_every": 0, "sample_length": 0, "seed": seed}
    trainer = Trainer(model, tokenizer, splits, TrainingConfig(**{**training_options, **quiet, **training}))
    last = None
    for progress in trainer:
        last = progress.validation_loss
    assert last is not None  # the last step always has one
    return last, trainer.seconds, model.parameter_count()


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what is not measured yet and write the file after each run; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m explorer.training.recipe", description=__doc__)
    parser.add_argument("--out", type=Path, default=MEASURED, help="where the losses are written")
    parser.add_argument("--again", action="store_true", help="measure everything anew")
    chosen = parser.parse_args(arguments)
    torch.set_num_threads(1)
    corpus = load_corpus(PRESETS[PRESET].corpus)
    splits, tokenizer = split_corpus(corpus), CharTokenizer.from_text(corpus.text)
    preset = PRESETS[PRESET]
    tokens = preset.training["steps"] * preset.training["batch_size"] * preset.model["context_length"]
    record: dict[str, Any] = {
        "preset": PRESET,
        "corpus": corpus.name,
        "seeds": list(SEEDS),
        "tokens": tokens,
        "runs": {},
    }
    if chosen.out.exists() and not chosen.again:
        before = json.loads(chosen.out.read_text(encoding="utf-8"))
        if all(before.get(part) == record[part] for part in ("preset", "corpus", "seeds", "tokens")):
            record = before
    for seed in SEEDS:
        for change in (WHOLE, *CHANGES):
            run = record["runs"].setdefault(change.name, {"losses": [], "seconds": [], "parameters": 0})
            if len(run["losses"]) > SEEDS.index(seed):
                continue
            loss, seconds, run["parameters"] = measure(change, tokenizer, splits, seed)
            run["losses"].append(round(loss, 4))
            run["seconds"].append(round(seconds, 1))
            print(f"{change.title}, seed {seed}: {loss:.4f} nats, {seconds:.0f} s", flush=True)
            replace_file(chosen.out, (json.dumps(record, indent=2) + "\n").encode())
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
