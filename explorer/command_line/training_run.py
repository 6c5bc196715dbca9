"""One run of `train`: it is trained with a progress bar, saved on the way, and ends as a checkpoint or with one sentence.

Under `torchrun` this runs in every process of the team; the first one speaks, saves and writes.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from explorer.command_line.training_card import card_facts
from explorer.command_line.training_request import Material, Request, prepare
from explorer.models import cards
from explorer.models.checkpoints import check_dtype, round_weights, save_checkpoint
from explorer.text.corpora import CorpusError
from explorer.training import snapshots as snapshot_folder
from explorer.training.distributed import RankLostError, Team, joined, launched_team
from explorer.training.hardware import Hardware, choose_hardware
from explorer.training.runs import load_run, only_one, save_run
from explorer.training.trainer import DivergedError, Trainer
from explorer.training.trainer import Progress as TrainingProgress

console = Console(stderr=True)
TURN = 10.0  # seconds in which the first process of a team may say what all of them have met


class _Stopped(Exception):  # noqa: N818 (nothing is wrong: somebody asked)
    """The run was asked to end, by this signal, and has."""

    def __init__(self, number: int):
        self.number = number


def carry_out(
    request: Request,
    *,
    hardware: tuple[str, str, bool | None],
    runs: Path,
    out: Path | None,
    dtype: str,
    save_every: int,
    resume: bool,
    snapshots: int | None = None,
) -> None:
    """Train what is asked for and write its checkpoint; whatever keeps it from that is one sentence and an exit."""
    team = launched_team()
    run: TrainingRun | None = None
    try:
        check_dtype(dtype)
        if save_every < 1:
            raise ValueError(f"save-every must be at least 1 step, got {save_every}.")
        folder = out or cards.FOLDER
        _make_folder(folder)
        where = choose_hardware(*hardware)
        material = prepare(request)
        team.check_batch(material.config.batch_size)
        with joined(team, where.device), ExitStack() as held:
            run = TrainingRun(material, where, team, runs)
            if resume:
                run.resume()
            path = run.path
            team.first_does(lambda: held.enter_context(only_one(path)))
            kept_in = snapshot_folder.FOLDER if out is None else out / "snapshots"
            run.train(save_every, run.progress(kept_in, snapshots, resumed=resume))
            if team.is_first:
                run.write_checkpoint(folder, dtype)
    except RankLostError as error:
        _say(f"{error} {_where_to_go_on(run)}")
        raise typer.Exit(1) from error
    except (ValueError, OSError, CorpusError, DivergedError) as error:
        if not team.is_first:
            time.sleep(TURN)  # torchrun ends us while we wait, if the first has met the same and said so
        _say(str(error))
        raise typer.Exit(1) from error
    except _Stopped as stopped:
        if team.is_first:
            console.print(f"Stopped; {_where_to_go_on(run, save_every)}")
        raise typer.Exit(128 + stopped.number) from None
    except KeyboardInterrupt:
        if team.is_first:
            console.print(f"Stopped; {_where_to_go_on(run, save_every)}")
        raise typer.Exit(130) from None


def _say(problem: str) -> None:
    console.print(f"[bold red]error[/]: {escape(problem)}", highlight=False, soft_wrap=True)


def _where_to_go_on(run: TrainingRun | None, save_every: int | None = None) -> str:
    if run is not None and run.saved_step is not None:
        return f"the same command with --resume goes on from step {run.saved_step}."
    often = "" if save_every is None else f" (one is every {save_every} steps)"
    return f"no state was saved yet{often}."


class TrainingRun:
    """The trainer of a run, and what of it is on disk. saved_step: of the last state saved, None before the first."""

    def __init__(self, material: Material, hardware: Hardware, team: Team, runs: Path):
        self.material, self.team, self.hardware = material, team, hardware
        self.path = runs / f"{material.name}.safetensors"
        self.trainer = Trainer(
            material.model, material.tokenizer, material.splits, material.config, hardware=hardware, team=team
        )
        self.history: list[tuple[int, float]] = []
        self.saved_step: int | None = None
        for remark in material.remarks:
            self._tell(remark)

    def resume(self) -> None:
        """Take up the saved state; raises ValueError where it belongs to other settings."""
        tensors, facts = self.team.first_does(lambda: load_run(self.path))
        different = _differences(facts.get("run"), self._identity())
        if different:
            raise ValueError(
                f"{self.path} was made with other settings: {different}. Give the same ones, or another --name."
            )
        self.trainer.load_state_tensors(tensors)
        self.saved_step = self.trainer.step
        self.history = [(int(step), loss) for step, loss in facts.get("history", [])]
        before = facts.get("processes", 1)
        if before != self.team.size:
            self._tell(
                f"The state was saved by {before} processes and goes on with {self.team.size}: alike to rounding."
            )

    def progress(self, folder: Path, snapshots: int | None, *, resumed: bool) -> Iterator[TrainingProgress]:
        """What the trainer yields; where snapshots are asked for, the first process keeps them on the way."""
        if snapshots is None or not self.team.is_first:
            return iter(self.trainer)
        corpus = self.material.corpus
        facts = {"corpus": {"name": corpus.name, "kind": corpus.kind, "sha256": corpus.sha256}}
        kept = snapshot_folder.SnapshotFolder(
            folder / self.material.name,
            self.trainer,
            architecture=self.material.architecture,
            facts=facts,
            resumed=resumed,
        )
        return snapshot_folder.keep_snapshots(self.trainer, snapshots, kept.add)

    def train(self, save_every: int, progress: Iterator[TrainingProgress]) -> None:
        """Train to the last step, showing loss, speed and the time left. Raises _Stopped when a signal asks to end."""
        columns = [TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()]
        columns += [
            TimeElapsedColumn(),
            TextColumn("ETA"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[facts]}"),
        ]
        total = self.trainer.config.steps
        with Progress(*columns, console=console, disable=not self.team.is_first) as bar, _asked_to_end() as asked:
            task = bar.add_task(self.material.name, total=total, completed=self.trainer.step, facts="")
            for now in progress:
                facts = f"loss {now.loss:.3f} · {now.tokens_per_second:,.0f} tokens/s"
                bar.update(task, completed=now.step, facts=facts)
                if now.validation_loss is not None:
                    self.history.append((now.step, round(now.validation_loss, 4)))
                    self._tell(f"step {now.step:,}: held-out loss {now.validation_loss:.4f} nats")
                ends = self.team.total(float(bool(asked))) > 0
                if now.step % save_every == 0 or now.step == total or ends:
                    self._save()
                if ends:
                    raise _Stopped(asked[0] if asked else signal.SIGTERM)

    def _save(self) -> None:
        """Save the state; a full disk is said, and training goes on with the last state kept."""
        step = self.trainer.step
        if self.team.is_first:
            facts = {"run": self._identity(), "history": self.history, "processes": self.team.size}
            try:
                save_run(self.path, self.trainer, facts)
            except OSError as error:
                kept = "nothing is saved yet" if self.saved_step is None else f"step {self.saved_step} is kept"
                self._tell(
                    f"The state of step {step:,} could not be saved to {self.path} ({error.strerror or error}): {kept}, "
                    "and training goes on."
                )
                return
        self.saved_step = step

    def write_checkpoint(self, folder: Path, dtype: str) -> None:
        """Write weights and card; the card's losses and sample are those of the weights as they are stored."""
        round_weights(self.trainer.model, dtype)
        facts = card_facts(self.material, self.trainer, self.history)
        self._tell(f"Held-out loss of the weights as stored: {facts['losses']['validation']:.4f} nats.")
        try:
            path = save_checkpoint(
                folder / self.material.name,
                self.trainer.model.cpu(),
                self.trainer.tokenizer,
                architecture=self.material.architecture,
                facts=facts,
                dtype=dtype,
            )
        except OSError as error:
            raise ValueError(
                f"The checkpoint could not be written to {folder} ({error.strerror or error}); {_where_to_go_on(self)}"
            ) from error
        console.print(f"Wrote {path}.", soft_wrap=True)

    def _tell(self, sentence: str) -> None:
        if self.team.is_first:
            console.print(escape(sentence), soft_wrap=True)

    def _identity(self) -> dict[str, Any]:
        """What must be the same for a saved state to belong to this run; the batch is that of all processes."""
        init_from = self.material.init_from
        return {
            "architecture": self.material.architecture,
            "config": dict(vars(self.trainer.model.config)),
            "training": dict(vars(self.trainer.config)),
            "tokenizer": self.trainer.tokenizer.to_json()["kind"],
            "corpus": {"sha256": self.material.corpus.sha256, "kind": self.material.corpus.kind},
            "init_from": None if init_from is None else init_from["sha256"],
            "precision": self.hardware.precision,
        }


@contextmanager
def _asked_to_end() -> Iterator[list[int]]:
    """Inside the block Ctrl-C and SIGTERM are noted in the list, for the run to save itself; a second Ctrl-C does not
    wait for that."""
    asked: list[int] = []

    def note(number: int, _: object) -> None:
        if asked and number == signal.SIGINT:
            raise KeyboardInterrupt
        asked.append(number)

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _make_folder(folder: Path) -> None:
    """Make the checkpoint's folder now: after hours of training would be late to hear that it cannot be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(
            f"The folder {folder} cannot be made ({error.strerror or error}); choose another with --out."
        ) from error


def _differences(saved: Any, ours: dict[str, Any]) -> str:
    """What two identities differ in, in words; "" where they are the same."""
    then, now = _flat(saved if isinstance(saved, dict) else {}), _flat(ours)
    names = [name for name in {**now, **then} if then.get(name) != now.get(name)]
    said = [f"{name} was {_short(then.get(name))} and is {_short(now.get(name))}" for name in names[:4]]
    return ", ".join(said) + (f" and {len(names) - 4} more" if len(names) > 4 else "")


def _flat(identity: dict[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in identity.items():
        flat |= value if isinstance(value, dict) else {name: value}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in flat.items()}


def _short(value: Any) -> str:
    return "not set" if value is None else str(value)[:24]
