"""Measure the ladder of the Transformer block page: `python -m explorer.training.block_ladder` writes its losses.

Six runs of 5,000 steps one after another, some ten CPU minutes in all; the file is the same wherever it is made, up to
rounding. The rungs are in `models.block_ladder`.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from explorer.models.block_ladder import CORPUS, MEASURED, RUNGS, TRAINING, BlockRung
from explorer.models.registry import build_config, build_model
from explorer.text.batches import Splits, split_corpus
from explorer.text.corpora import load_corpus
from explorer.text.tokenizers import CharTokenizer
from explorer.training.config import TrainingConfig
from explorer.training.evaluation import evaluate
from explorer.training.trainer import Trainer

SEED = 1


def measure_rung(rung: BlockRung, tokenizer: CharTokenizer, splits: Splits, **training: Any) -> dict[str, Any]:
    """Train the rung's model and evaluate it on the whole of both parts; `training` overrides the ladder's settings.

    Returns loss, train_loss (nats a character), parameters, and the seconds it took.
    """
    started = time.perf_counter()
    config = build_config("decoder", {**rung.options, "vocab_size": tokenizer.vocab_size})
    model = build_model("decoder", config, seed=SEED)
    trainer = Trainer(model, tokenizer, splits, TrainingConfig(seed=SEED, sample_length=0, **TRAINING | training))
    for _ in trainer:
        pass
    return {
        "loss": round(evaluate(model, trainer.validation_ids), 4),
        "train_loss": round(evaluate(model, trainer.train_ids), 4),
        "parameters": model.parameter_count(),
        "seconds": round(time.perf_counter() - started, 1),
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure every rung and write the file; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m explorer.training.block_ladder", description=__doc__)
    parser.add_argument("--out", type=Path, default=MEASURED, help="where the losses are written")
    out: Path = parser.parse_args(arguments).out
    torch.set_num_threads(1)
    corpus = load_corpus(CORPUS)
    splits, tokenizer = split_corpus(corpus), CharTokenizer.from_text(corpus.text)
    rungs = {}
    for rung in RUNGS:
        rungs[rung.name] = measure_rung(rung, tokenizer, splits)
        print(f"{rung.title}: {rungs[rung.name]}", flush=True)
    record = {"corpus": CORPUS, "seed": SEED, "training": TRAINING, "rungs": rungs}
    out.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
