"""A small GPT trained to be watched: two layers of four heads that learn to copy from earlier in the text.

The first layer comes to look at the token before (previous-token heads); with those the second finds what followed the
same token earlier, and copies it (induction heads; Olsson et al., 2022). So that this happens within some minutes on one
core, its text repeats itself: see `text.repeats`. `python -m explorer.training.learning` makes the set that is shipped.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from explorer.models.gpt import GPTConfig
from explorer.models.registry import build_model
from explorer.text.batches import Splits, split_corpus
from explorer.text.corpora import Corpus, load_corpus
from explorer.text.repeats import Repeats, repeat_passages
from explorer.text.tokenizers import CharTokenizer
from explorer.training.config import TrainingConfig
from explorer.training.snapshots import FOLDER, Snapshot, SnapshotFolder, SnapshotRun, keep_snapshots
from explorer.training.trainer import Trainer

SHIPPED = "echo-gpt"
SNAPSHOTS, FIRST = 18, 20  # what is learned begins to show after some twenty steps
MOST_STEPS = 5000
ARCHITECTURE = "gpt"


@dataclass(frozen=True)
class LearningSpec:
    """One run. Raises ValueError naming the option that cannot be.

    corpus: a running text of the registry. twice, noise: the shares of passages that come twice, of the text and of
    symbols drawn at random (`text.repeats.Repeats`). steps, learning_rate: AdamW on a cosine. seed: of weights, batches
    and the text's passages.
    """

    corpus: str = "drama"
    twice: float = 0.6
    noise: float = 0.15
    steps: int = 2000
    learning_rate: float = 3e-3
    seed: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.steps <= MOST_STEPS:
            raise ValueError(f"steps must be from 1 to {MOST_STEPS:,}, got {self.steps:,}.")
        self.repeats()
        self.training_config()

    def repeats(self) -> Repeats:
        """How the text is made to repeat itself."""
        return Repeats(self.twice, self.noise)

    def training_config(self) -> TrainingConfig:
        """The settings of the loop."""
        return TrainingConfig(
            steps=self.steps,
            batch_size=32,
            learning_rate=self.learning_rate,
            final_learning_rate=self.learning_rate / 10,
            evaluate_every=0,
            seed=self.seed,
        )


@dataclass(frozen=True, eq=False)
class LearningProgress:
    """After one update. loss: of its batch, before it, in nats. run: the snapshots so far; their weights are shared by
    all progress of the run. validation_loss: at the last step."""

    step: int
    steps: int
    loss: float
    run: SnapshotRun
    validation_loss: float | None = None


def learning_trainer(spec: LearningSpec, corpus: Corpus) -> Trainer:
    """The run before its first step. Raises ValueError for a list of items: these are not read on from one another."""
    if corpus.kind != "text":
        raise ValueError(f"{corpus.name} is a list of items; this run needs running text to find repetitions in.")
    tokenizer, splits = CharTokenizer.from_text(corpus.text), split_corpus(corpus)
    config = GPTConfig(tokenizer.vocab_size, context_length=64, n_layers=2, n_heads=4, d_model=64, weight_std=None)

    def repeated(text: str, seed: int) -> str:
        return repeat_passages(text, tokenizer.characters, spec.repeats(), seed=seed)

    return Trainer(
        build_model(ARCHITECTURE, config, seed=spec.seed),
        tokenizer,
        Splits(repeated(splits.train, spec.seed), repeated(splits.validation, spec.seed + 1), ""),
        spec.training_config(),
    )


def train_learning(spec: LearningSpec) -> Iterator[LearningProgress]:
    """Train on the corpus that the spec names and keep the snapshots in memory; yields after each update."""
    trainer = learning_trainer(spec, load_corpus(spec.corpus))
    snapshots: list[Snapshot] = []
    contents: list[bytes] = []

    def keep(snapshot: Snapshot, content: bytes) -> None:
        snapshots.append(snapshot)
        contents.append(content)

    for progress in keep_snapshots(trainer, SNAPSHOTS, keep, FIRST):
        yield LearningProgress(
            progress.step,
            progress.steps,
            progress.loss,
            _run(spec, trainer, snapshots, contents),
            progress.validation_loss,
        )


def _run(spec: LearningSpec, trainer: Trainer, snapshots: list[Snapshot], contents: list[bytes]) -> SnapshotRun:
    config = dict(vars(trainer.model.config))
    name = f"a run on {spec.corpus}"
    return SnapshotRun(
        name, ARCHITECTURE, config, trainer.tokenizer, None, tuple(snapshots), contents.__getitem__, recipe(spec)
    )


def recipe(spec: LearningSpec) -> dict[str, Any]:
    """What a run's facts say about its text."""
    return {"corpus": {"name": spec.corpus}, "repeats": asdict(spec.repeats()), "seed": spec.seed}


def main(arguments: Sequence[str] | None = None) -> int:
    """Train the shipped run and write its snapshots; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m explorer.training.learning", description=__doc__)
    parser.add_argument("--out", type=Path, default=FOLDER / SHIPPED, help="the folder of the run")
    out: Path = parser.parse_args(arguments).out
    torch.set_num_threads(1)
    spec = LearningSpec()
    corpus = load_corpus(spec.corpus)
    trainer = learning_trainer(spec, corpus)
    facts = recipe(spec) | {"command": "python -m explorer.training.learning"}
    facts["corpus"] |= {"sha256": corpus.sha256}
    folder, started = SnapshotFolder(out, trainer, architecture=ARCHITECTURE, facts=facts), time.perf_counter()

    def keep(snapshot: Snapshot, content: bytes) -> None:
        folder.add(snapshot, content)
        print(
            f"step {snapshot.step:,}: held-out loss {snapshot.validation_loss:.4f} nats, "
            f"{time.perf_counter() - started:.0f} s",
            flush=True,
        )

    for _ in keep_snapshots(trainer, SNAPSHOTS, keep, FIRST):
        pass
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
