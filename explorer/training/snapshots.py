"""Snapshots of a training run: its weights as they were at steps that lie evenly on a logarithmic scale.

What a model learns first it learns fast, so the first snapshots lie close together and the last far apart. Each holds the
weights in half precision, its losses and a text that it wrote then; the losses and the text are those of the weights as
they are stored. Whatever else one may ask of a model at that step is read from the weights.

On disk a run is a folder: `run.json`, which says what it is, and a safetensors file a snapshot. Every file is written
beside its place and renamed into it, `run.json` after the weights it names. A run that is resumed goes on with its folder.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors

from explorer.models.checkpoints import own_tensors, replace_file, round_weights
from explorer.models.language_model import LanguageModel
from explorer.models.registry import ARCHITECTURES, build_config, build_model
from explorer.text.tokenizers import Tokenizer, tokenizer_from_json
from explorer.training.evaluation import evaluate
from explorer.training.trainer import Progress, Trainer

FOLDER = Path(__file__).parents[2] / "snapshots"  # a folder in it is a run
FORMAT = 1
MOST_SNAPSHOTS = 40
MOST_BYTES = 200_000_000  # of all weights of a run
LOSS_TOKENS = 16_384  # from the start of each part: enough for three digits, and little beside the training
DTYPE = "float16"


class SnapshotError(ValueError):
    """Snapshots that cannot be used: the message says what was expected, what came and what to do."""


@dataclass(frozen=True)
class Snapshot:
    """What is known of a snapshot without its weights. step: updates made before it. train_loss, validation_loss: nats a
    token over the first `LOSS_TOKENS` of each part. sample: what it wrote. sha256, bytes: of its weights' file."""

    step: int
    train_loss: float
    validation_loss: float
    sample: str
    sha256: str
    bytes: int


@dataclass(frozen=True, eq=False)
class SnapshotRun:
    """A run's snapshots, rising by step. facts: what else `run.json` says. content: the bytes of the i-th one's weights.
    boundary: the token between items, None for running text."""

    name: str
    architecture: str
    config: dict[str, Any]
    tokenizer: Tokenizer
    boundary: int | None
    snapshots: tuple[Snapshot, ...]
    content: Callable[[int], bytes]
    facts: dict[str, Any] = field(default_factory=dict)

    def model(self, i: int) -> LanguageModel:
        """A model of its own with the weights of the i-th snapshot. Raises SnapshotError for a file that is not its."""
        snapshot, content = self.snapshots[i], self.content(i)
        where = f"The snapshot of step {snapshot.step:,} of {self.name}"
        if hashlib.sha256(content).hexdigest() != snapshot.sha256:
            raise SnapshotError(
                f"{where} is damaged: its {len(content):,} bytes are not the {snapshot.bytes:,} that run.json names; "
                "train the run again, or delete its folder."
            )
        try:
            model = build_model(self.architecture, build_config(self.architecture, self.config))
            tensors = load_tensors(content)
            for name, own in own_tensors(model).items():
                if own.shape != tensors[name].shape:
                    raise ValueError(f"{name} is {tuple(tensors[name].shape)}, expected {tuple(own.shape)}")
                own.copy_(tensors[name])
        except (KeyError, TypeError, ValueError, SafetensorError) as error:
            raise SnapshotError(f"{where} does not fit its model ({error}); train the run again.") from error
        return model.eval()


def snapshot_steps(steps: int, count: int, first: int = 1) -> tuple[int, ...]:
    """0, then steps from `first` on that grow by about the same factor, the last one `steps`; each once.

    Fewer than `count` only where there are not as many steps. Raises ValueError for fewer than 2 or more than
    `MOST_SNAPSHOTS`, and for a first step below 1.

    >>> snapshot_steps(1000, 8)
    (0, 1, 3, 10, 32, 101, 318, 1000)
    """
    if not 2 <= count <= MOST_SNAPSHOTS:
        raise ValueError(f"A run keeps from 2 to {MOST_SNAPSHOTS} snapshots, got {count}.")
    if first < 1:
        raise ValueError(f"The first snapshot after the beginning is of step 1 or later, got {first}.")
    chosen = [0]
    for left in range(min(count, steps + 1) - 1, 0, -1):
        last = chosen[-1]
        grown = round(last * (steps / last) ** (1 / left)) if last else (first if left > 1 else steps)
        chosen.append(min(max(grown, last + 1), steps - left + 1))
    return tuple(chosen)


def check_size(model: LanguageModel, count: int) -> None:
    """Raise ValueError where so many snapshots of this model would take too much room."""
    size = 2 * model.parameter_count()
    if size * count > MOST_BYTES:
        raise ValueError(
            f"{count} snapshots of {size / 1e6:.1f} MB would take {size * count / 1e6:,.0f} MB; a run may keep "
            f"{MOST_BYTES / 1e6:.0f} MB. Ask for fewer, or train a smaller model."
        )


def take_snapshot(trainer: Trainer) -> tuple[Snapshot, bytes]:
    """The run as it is now, and its weights' file; the run goes on as if nobody had looked."""
    model = trainer.model
    with trainer.average_in_place(), _rounded(model):
        content = save_tensors({n: t.to(torch.float16).cpu().contiguous() for n, t in own_tensors(model).items()})
        train_loss, validation_loss = (
            round(evaluate(model, ids[:LOSS_TOKENS], trainer.boundary), 5)
            for ids in (trainer.train_ids, trainer.validation_ids)
        )
        sample = trainer.sample()
    sha256 = hashlib.sha256(content).hexdigest()
    return Snapshot(trainer.step, train_loss, validation_loss, sample, sha256, len(content)), content


@contextmanager
def _rounded(model: LanguageModel) -> Iterator[None]:
    """Inside the `with` block the model has the numbers that a snapshot stores; afterwards its own, to the last bit."""
    own = {name: tensor.clone() for name, tensor in own_tensors(model).items()}
    round_weights(model, DTYPE)
    try:
        yield
    finally:
        for name, tensor in own_tensors(model).items():
            tensor.copy_(own[name])


def keep_snapshots(
    trainer: Trainer, count: int, keep: Callable[[Snapshot, bytes], None], first: int = 1
) -> Iterator[Progress]:
    """Train on as `iter(trainer)` does, and hand each snapshot that is due to `keep` before its step's progress.

    count, first: as for `snapshot_steps`. Raises ValueError at the first step for what cannot be.
    """
    due = frozenset(snapshot_steps(trainer.config.steps, count, first))
    check_size(trainer.model, count)
    if trainer.step == 0:
        keep(*take_snapshot(trainer))
    for progress in trainer:
        if progress.step in due:
            keep(*take_snapshot(trainer))
        yield progress


class SnapshotFolder:
    """Where a run's snapshots are written. Raises SnapshotError where a resumed run's folder is of other settings.

    resumed: go on with what the folder has up to the trainer's step; otherwise a run of that name is replaced.
    facts: what `run.json` shall say beside the model, the training and the snapshots (plain JSON values).
    """

    def __init__(
        self, path: Path, trainer: Trainer, *, architecture: str, facts: dict[str, Any], resumed: bool = False
    ):
        self.path = path
        self.head = {
            "format": FORMAT,
            "name": path.name,
            "architecture": architecture,
            "config": dict(vars(trainer.model.config)),
            "parameters": trainer.model.parameter_count(),
            "tokenizer": trainer.tokenizer.to_json(),
            "boundary": trainer.boundary,
            "training": asdict(trainer.config),
            **facts,
        }
        self.snapshots: list[Snapshot] = []
        if resumed and (path / "run.json").is_file():
            before = read_run(path)
            same = ("architecture", "config", "training", "tokenizer")
            if any(before.facts[part] != json.loads(json.dumps(self.head[part])) for part in same):
                raise SnapshotError(
                    f"{path} holds the snapshots of a run with other settings; give the same ones, or another name."
                )
            self.snapshots = [snapshot for snapshot in before.snapshots if snapshot.step <= trainer.step]
        self.is_begun = False

    def _begin(self) -> None:
        """Clear away what an earlier run of this name left, now that there is something to put in its place."""
        self.path.mkdir(parents=True, exist_ok=True)
        kept = {_file_name(snapshot.step) for snapshot in self.snapshots}
        for old in self.path.glob("step-*.safetensors"):
            if old.name not in kept:
                old.unlink()
        self.is_begun = True

    def add(self, snapshot: Snapshot, content: bytes) -> None:
        """Write a snapshot: `keep` of `keep_snapshots`."""
        if not self.is_begun:
            self._begin()
        replace_file(self.path / _file_name(snapshot.step), content)
        self.snapshots.append(snapshot)
        card = self.head | {"snapshots": [asdict(one) for one in self.snapshots]}
        replace_file(self.path / "run.json", (json.dumps(card, indent=1, ensure_ascii=False) + "\n").encode())


def _file_name(step: int) -> str:
    return f"step-{step:08d}.safetensors"


def list_runs(folder: Path = FOLDER) -> list[str]:
    """Names of the runs in the folder."""
    return sorted(path.parent.name for path in folder.glob("*/run.json"))


def read_run(path: Path) -> SnapshotRun:
    """A run by its folder; weights are read when they are asked for. Raises SnapshotError where `run.json` is no run."""
    try:
        card = json.loads((path / "run.json").read_text(encoding="utf-8"))
        if card["format"] != FORMAT or card["architecture"] not in ARCHITECTURES:
            raise ValueError(f"format {card['format']}, architecture {card['architecture']!r}")
        snapshots = tuple(Snapshot(**one) for one in card["snapshots"])
        tokenizer = tokenizer_from_json(card["tokenizer"])
        config = build_config(card["architecture"], card["config"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SnapshotError(f"{path} holds no snapshots that can be read ({error}); train the run again.") from error
    steps = [snapshot.step for snapshot in snapshots]
    if not steps or steps != sorted(set(steps)) or tokenizer.vocab_size != config.vocab_size:
        raise SnapshotError(f"{path}/run.json names no run of rising steps with its tokenizer; train the run again.")

    def content(i: int) -> bytes:
        file = path / _file_name(snapshots[i].step)
        try:
            return file.read_bytes()
        except OSError as error:
            raise SnapshotError(
                f"The snapshot {file.name} of {path.name} cannot be read ({error}); train the run again."
            ) from error

    boundary = card.get("boundary")
    return SnapshotRun(path.name, card["architecture"], card["config"], tokenizer, boundary, snapshots, content, card)
