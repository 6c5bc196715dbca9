"""What a run of the workbench is started from: one frozen value that says it all, and that JSON can keep.

A text is a corpus of the registry or a file of the visitor's; a model is fresh, or a checkpoint that learns on. Limits
are those of a shared server: the command line has none.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from explorer.models.registry import ARCHITECTURES, build_config, count_parameters
from explorer.text.corpora import Corpus, Kind, load_corpus
from explorer.text.tokenizers import KINDS
from explorer.training.config import TrainingConfig
from explorer.training.memory import check_fits

LONGEST_RUN = 100_000  # steps
LONGEST_CONTEXT = 1024
MOST_PARAMETERS = 12_000_000
MOST_BYTES = 1_000_000_000  # of memory while it trains
MOST_CHARACTERS = 3_000  # different ones, each a token
MOST_TOKENS = 4_096  # of a learned vocabulary
LONGEST_PROMPT = 32  # tokens whose attention is watched


@dataclass(frozen=True)
class TextSource:
    """name: a corpus of the registry, or what the visitor's file is called. kind: how it is read. path: of the file, in
    UTF-8; empty for a corpus."""

    name: str
    kind: Kind
    path: str = ""

    def load(self) -> Corpus:
        """The text. Raises CorpusError for a corpus that cannot be had, ValueError for a file that is gone."""
        if not self.path:
            return load_corpus(self.name)
        try:
            content = Path(self.path).read_bytes()
        except OSError as error:
            raise ValueError(f"The text “{self.name}” is no longer kept here; upload it once more.") from error
        return Corpus(self.name, content.decode("utf-8"), self.kind, hashlib.sha256(content).hexdigest())


@dataclass(frozen=True)
class StopRule:
    """When a run ends before its last step. patience: evaluations without a lower held-out loss; target: a held-out loss
    in nats; minutes: of work. 0 means never."""

    patience: int = 0
    target: float = 0.0
    minutes: float = 0.0

    def __post_init__(self) -> None:
        for name in ("patience", "target", "minutes"):
            if not (math.isfinite(getattr(self, name)) and getattr(self, name) >= 0):
                raise ValueError(f"{name} must be 0 or more, got {getattr(self, name)}.")


@dataclass(frozen=True)
class WorkbenchSpec:
    """One run. Raises ValueError naming the option that cannot be.

    text: what it learns from, and what is held out of it. architecture, options: the model's shape, but for the size of
    the vocabulary. training: how it is trained; its seed and sample settings are this spec's. tokenizer: its kind;
    vocab_size: of a learned one. share: percent of the training part that is read. prompt: whose attention is watched.
    parent: the card of the checkpoint that learns on, "" for a fresh model; its architecture and tokenizer then count.
    old: the text the parent learned from, to see what is forgotten. folder: where the run saves itself, "" nowhere.
    """

    text: TextSource
    architecture: str
    options: tuple[tuple[str, Any], ...] = ()
    training: TrainingConfig = field(default_factory=TrainingConfig)
    tokenizer: str = "char"
    vocab_size: int | None = None
    share: float = 100.0
    stop: StopRule = field(default_factory=StopRule)
    prompt: str = ""
    parent: str = ""
    old: TextSource | None = None
    seed: int = 1
    folder: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        if self.architecture not in ARCHITECTURES:
            raise ValueError(f"Expected an architecture among {', '.join(ARCHITECTURES)}, got {self.architecture!r}.")
        if self.tokenizer not in KINDS:
            raise ValueError(f"Expected a tokenizer among {', '.join(KINDS)}, got {self.tokenizer!r}.")
        if self.training.steps > LONGEST_RUN:
            raise ValueError(f"Here a run may take {LONGEST_RUN:,} steps, got {self.training.steps:,}.")
        if not 0 < self.share <= 100:
            raise ValueError(f"The share of the text must be above 0 and at most 100 percent, got {self.share:g}.")
        if self.vocab_size is not None and not 3 <= self.vocab_size <= MOST_TOKENS:
            raise ValueError(f"A vocabulary of 3 to {MOST_TOKENS:,} tokens was expected, got {self.vocab_size:,}.")

    def config(self) -> TrainingConfig:
        """The settings of the loop: held-out losses and samples on the way are the workbench's own."""
        return replace(self.training, seed=self.seed, evaluate_every=0, sample_every=0)

    def model_config(self, vocab_size: int, boundary: int | None = None) -> Any:
        """The model's shape for a vocabulary of that size. Raises ValueError for options that cannot be."""
        config = build_config(self.architecture, {"vocab_size": vocab_size, **dict(self.options)})
        return replace(config, pad_id=boundary) if boundary is not None and hasattr(config, "pad_id") else config

    def to_json(self) -> dict[str, Any]:
        """Everything but where it is kept; `from_json` takes it back."""
        return {name: value for name, value in asdict(self).items() if name != "folder"}

    @classmethod
    def from_json(cls, data: Mapping[str, Any], folder: str = "") -> WorkbenchSpec:
        """The spec that `to_json` wrote; raises ValueError for one of another version."""
        try:
            return cls(
                **{
                    **data,
                    "text": TextSource(**data["text"]),
                    "options": tuple((name, value) for name, value in data["options"]),
                    "training": TrainingConfig(**data["training"]),
                    "stop": StopRule(**data["stop"]),
                    "old": TextSource(**data["old"]) if data["old"] else None,
                    "folder": folder,
                }
            )
        except (TypeError, KeyError) as error:
            raise ValueError(
                f"This run was saved by another version of the program ({error}); start it anew."
            ) from error


def expected_vocabulary(spec: WorkbenchSpec, characters: int) -> int:
    """How many tokens the vocabulary will have, at most, said before it is learned. characters: different ones."""
    if spec.tokenizer == "char":
        return characters
    return spec.vocab_size or 512


def check_spec(spec: WorkbenchSpec, vocab_size: int) -> tuple[int, int]:
    """Parameters, and the bytes of memory that the run takes; nothing is allocated to say so.

    Raises ValueError where a number is more than a shared server gives to one run.
    """
    if spec.tokenizer == "char" and vocab_size > MOST_CHARACTERS:
        raise ValueError(
            f"This text has {vocab_size:,} different characters; one token each is too many here (at most "
            f"{MOST_CHARACTERS:,}). Choose byte pairs, which write any text with a few hundred tokens."
        )
    config = spec.model_config(vocab_size)
    if config.context_length > LONGEST_CONTEXT:
        raise ValueError(f"Here a context may have {LONGEST_CONTEXT:,} tokens, got {config.context_length:,}.")
    parameters = count_parameters(spec.architecture, config)
    if parameters > MOST_PARAMETERS:
        raise ValueError(
            f"This model would learn {parameters:,} numbers; here a model may have {MOST_PARAMETERS:,}. Choose a smaller "
            "width, fewer layers or a smaller vocabulary."
        )
    return parameters, check_fits(spec.architecture, config, spec.training.batch_size, MOST_BYTES)


def settings(spec: WorkbenchSpec) -> dict[str, Any]:
    """Every setting of a run by name, as a table shows it: what differs between two runs is found by comparing these."""
    training = {f.name: getattr(spec.training, f.name) for f in fields(spec.training) if f.name != "seed"}
    return {
        "text": spec.text.name,
        "read as": spec.text.kind,
        "share of the text (%)": spec.share,
        "tokenizer": spec.tokenizer,
        "vocabulary": spec.vocab_size or "its characters",
        "architecture": spec.architecture,
        **dict(spec.options),
        **training,
        "stop: patience": spec.stop.patience,
        "stop: target": spec.stop.target,
        "stop: minutes": spec.stop.minutes,
        "fine-tuned from": Path(spec.parent).stem if spec.parent else "nothing: fresh weights",
        "seed": spec.seed,
    }
