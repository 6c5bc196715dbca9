"""The workbench's run: any model on any text, as a generator of progress that keeps itself on disk.

Every few seconds, and whenever it ends, the whole run is written into its folder under an id that cannot be guessed; a
run loaded from there goes on bit for bit as if it had never stopped (on CPU). What is looked at on the way (losses,
samples, attention) draws nothing from the run's random numbers.
"""

from __future__ import annotations

import datetime
import math
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from explorer.models.checkpoints import load_checkpoint
from explorer.models.language_model import LanguageModel
from explorer.models.registry import build_config, build_model
from explorer.text.batches import Splits, boundary_token, join_items, split_corpus
from explorer.text.corpora import Corpus
from explorer.text.tokenizers import learn_tokenizer, tokenizer_from_json
from explorer.training.evaluation import mean_loss
from explorer.training.fine_tuning import begin_from
from explorer.training.trainer import Progress, Trainer
from explorer.training.workbench_record import MOST_LOOKS, Evaluation, Look, Point, RunRecord, Sample
from explorer.training.workbench_runs import load_saved, run_path, save_ended, save_state
from explorer.training.workbench_spec import LONGEST_PROMPT, WorkbenchSpec, check_spec, expected_vocabulary
from explorer.training.workbench_texts import EVALUATED_TOKENS, held_out, split_share

AUTOSAVE_SECONDS = 10.0
LOOK_SECONDS = 0.8  # between readings of the attention that only replace the newest one

# Reads every head's attention to a few tokens: (L, H, T, T) in 0 … 255, or None for a model that has none.
Reader = Callable[[LanguageModel, list[int]], np.ndarray | None]


@dataclass(frozen=True)
class WorkbenchProgress:
    """After one update; step 0 comes before the first. loss: of its batch, in nats, NaN at step 0. record: the run's,
    the same in every progress, so that keeping many of them costs little."""

    step: int
    steps: int
    loss: float
    record: RunRecord = field(compare=False)


class Workbench:
    """Makes runs: a factory for the board of jobs. reader: how attention is read.

    resume: the id of a saved run that the first call goes on from; later calls, which restarts make, begin anew.
    """

    def __init__(self, reader: Reader, resume: str | None = None):
        self.reader, self._resume = reader, resume

    def __call__(self, spec: WorkbenchSpec) -> Iterator[WorkbenchProgress]:
        resume, self._resume = self._resume, None
        return train_workbench(spec, self.reader, resume)


def train_workbench(spec: WorkbenchSpec, reader: Reader, resume: str | None = None) -> Iterator[WorkbenchProgress]:
    """Yield before the first update and after every one, until the last step or until a rule stops the run.

    Raises DivergedError where the loss stops being a finite number; what came before is kept, with the last weights
    that gave a finite loss. Raises ValueError where text, model and settings do not go together, and where a saved run
    cannot be gone on from.
    """
    record = RunRecord(resume or secrets.token_urlsafe(16), spec)
    record.started = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    for stage in ("Reading the text…", *_slow_tokenizer(spec)):
        record.stage = stage
        yield WorkbenchProgress(0, spec.training.steps, math.nan, record)
    run = _Run(record, reader, resume is not None)
    record.stage = ""
    yield WorkbenchProgress(record.step, spec.training.steps, math.nan, record)
    status = "failed"
    try:
        while run.advance():
            yield WorkbenchProgress(record.step, spec.training.steps, run.loss, record)
        status = "done"
    except GeneratorExit:
        status = "stopped"
        raise
    finally:
        run.end(status)


def _slow_tokenizer(spec: WorkbenchSpec) -> list[str]:
    """What to say while a vocabulary is learned, which can take seconds."""
    said = {"bpe": "Learning the byte pairs…", "word": "Counting the words…"}
    return [said[spec.tokenizer]] if spec.tokenizer in said and not spec.parent else []


class _Run:
    """A trainer, its record and its place on disk. Whoever touches the trainer holds the lock."""

    def __init__(self, record: RunRecord, reader: Reader, resume: bool):
        self.record, self.reader, self.loss = record, reader, math.nan
        self.lock = threading.RLock()
        spec = record.spec
        corpus = spec.text.load()
        splits = split_share(corpus, spec.share)
        state = self._saved(corpus) if resume else None
        model = self._model(corpus, splits) if state is None else self._same_model(state[1])
        tokenizer = record.tokenizer
        assert tokenizer is not None
        self.trainer = Trainer(model, tokenizer, splits, spec.config())
        if state is not None:
            self.trainer.load_state_tensors(state[0])
            record.take_up(state[1])
        record.step, record.tokens = self.trainer.step, self.trainer.tokens
        record.config, record.parameters = dict(vars(model.config)), model.parameter_count()
        record.corpus = {
            "name": corpus.name,
            "kind": corpus.kind,
            "sha256": corpus.sha256,
            "characters": len(corpus.text),
        }
        self.held_out = held_out(splits, tokenizer, model)
        record.held_out_tokens = min(EVALUATED_TOKENS, len(self.trainer.validation_ids) - 1)
        self.old = held_out(split_corpus(spec.old.load()), tokenizer, model) if spec.old is not None else None
        self.prompt = self._prompt_ids(splits)
        self.iterator = iter(self.trainer)
        self.look_every = max(1, spec.training.steps // MOST_LOOKS)
        self.next_look = self.next_save = 0.0
        record.save_now = lambda: self.save("running")
        if not record.evaluations:
            self._evaluate()
            self._sample()
        self._look()
        self.next_save = time.monotonic() + AUTOSAVE_SECONDS

    def _model(self, corpus: Corpus, splits: Splits) -> LanguageModel:
        """A fresh model with its tokenizer, or the checkpoint that learns on."""
        spec, record = self.record.spec, self.record
        text = join_items(corpus.items) if corpus.kind == "items" else corpus.text
        if spec.parent:
            checkpoint = load_checkpoint(spec.parent)
            if checkpoint.card["architecture"] != spec.architecture:
                raise ValueError(
                    f"The checkpoint {Path(spec.parent).stem} is a {checkpoint.card['architecture']}, the run was set up "
                    f"for a {spec.architecture}; choose it once more."
                )
            begun = begin_from(checkpoint, text)
            record.tokenizer, record.added_symbols = begun.tokenizer, begun.added
            return begun.model
        characters = len(set(text))
        check_spec(spec, expected_vocabulary(spec, characters))
        size = None if spec.tokenizer == "char" else expected_vocabulary(spec, characters)
        tokenizer = learn_tokenizer(spec.tokenizer, text, splits.train, size)
        record.tokenizer = tokenizer
        config = spec.model_config(tokenizer.vocab_size, boundary_token(splits, tokenizer))
        return build_model(spec.architecture, config, seed=spec.seed)

    def _saved(self, corpus: Corpus) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
        """The saved run's tensors and facts. Raises ValueError where it is of other settings or of another text."""
        spec = self.record.spec
        tensors, facts = load_saved(spec.folder, self.record.run)
        if WorkbenchSpec.from_json(facts["spec"]) != spec:
            raise ValueError(
                "The saved run was made with other settings than these; go on with its own, or start a new run."
            )
        if facts["corpus"]["sha256"] != corpus.sha256:
            raise ValueError(f"The text “{corpus.name}” has changed since the run was saved; start a new run.")
        return tensors, facts

    def _same_model(self, facts: dict[str, Any]) -> LanguageModel:
        self.record.tokenizer = tokenizer_from_json(facts["tokenizer"])
        config = build_config(self.record.spec.architecture, facts["config"])
        return build_model(self.record.spec.architecture, config, seed=self.record.spec.seed)

    def _prompt_ids(self, splits: Splits) -> list[int]:
        """The visitor's prompt without what the vocabulary lacks, or the beginning of the held-out part."""
        tokenizer = self.trainer.tokenizer
        typed = "".join(c for c in self.record.spec.prompt if not tokenizer.missing(c))
        longest = min(LONGEST_PROMPT, self.trainer.model.config.context_length)
        ids = tokenizer.encode(typed or splits.validation[: 4 * longest])[:longest]
        self.record.prompt_labels = tuple(tokenizer.labels[i] for i in ids)
        return ids

    def advance(self) -> bool:
        """One update and what is due after it; False where the run is over."""
        with self.lock:
            record, trainer = self.record, self.trainer
            if record.stopped or trainer.step >= trainer.config.steps:
                return False
            began = time.perf_counter()
            progress = next(self.iterator)
            self.loss, record.step, record.tokens = progress.loss, progress.step, trainer.tokens
            record.points.append(
                Point(
                    progress.step,
                    progress.loss,
                    progress.learning_rate,
                    progress.gradient_norm,
                    round(progress.tokens_per_second, 1),
                )
            )
            self._due(progress)
            record.seconds += time.perf_counter() - began
            if time.monotonic() >= self.next_save:
                self.save("running")
            return True

    def _due(self, progress: Progress) -> None:
        """Losses, samples and attention where it is their turn, and the rules that stop a run."""
        record, training = self.record, self.record.spec.training
        step, last = progress.step, progress.step == progress.steps
        if last or _is_turn(step, training.evaluate_every):
            self._evaluate()
            record.stopped = "" if last else self._rule()
        record.stopped = record.stopped or ("" if last else self._time_rule())
        over = last or bool(record.stopped)
        if over or _is_turn(step, training.sample_every):
            self._sample()
        if over or step % self.look_every == 0 or time.monotonic() >= self.next_look:
            self._look(kept=over or step % self.look_every == 0)
        if over:
            with self.trainer.average_in_place():
                whole = progress.validation_loss
                record.final = (
                    mean_loss(self.trainer.model, self.trainer.validation_batches) if whole is None else whole
                )

    def _evaluate(self) -> None:
        with self.trainer.average_in_place():
            new = mean_loss(self.trainer.model, self.held_out)
            old = mean_loss(self.trainer.model, self.old) if self.old is not None else None
        self.record.evaluate(Evaluation(self.trainer.step, new, old))

    def _sample(self) -> None:
        if self.record.spec.training.sample_length:
            with self.trainer.average_in_place():
                sample = Sample(self.trainer.step, self.trainer.sample())
            self.record.newest_sample = sample
            self.record.samples.append(sample)

    def _look(self, kept: bool = True) -> None:
        patterns = self.reader(self.trainer.model, self.prompt)
        if patterns is not None:
            look = Look(self.trainer.step, patterns)
            self.record.newest_look = look
            if kept:
                self.record.looks.append(look)
        self.next_look = time.monotonic() + LOOK_SECONDS

    def _rule(self) -> str:
        """Which rule on losses ends the run now, in words; "" for none."""
        record, stop = self.record, self.record.spec.stop
        newest = record.evaluations[-1].held_out
        if stop.target and newest <= stop.target:
            return f"Stopped by its rule: the held-out loss reached {newest:.4f}, the target is {stop.target:g} nats."
        if stop.patience and record.since >= stop.patience:
            return (
                f"Stopped by its rule: {record.since} evaluations in a row brought no lower held-out loss than "
                f"{record.best:.4f} at step {record.best_step:,}."
            )
        return ""

    def _time_rule(self) -> str:
        minutes = self.record.spec.stop.minutes
        if minutes and self.record.seconds >= 60 * minutes:
            return f"Stopped by its rule: {minutes:g} minutes of work are over."
        return ""

    def save(self, status: str) -> None:
        """Write the run to disk; where that fails the run goes on, and the record says why."""
        with self.lock:
            record = self.record
            if not record.spec.folder or record.discarded:
                return
            began = time.monotonic()
            try:
                write = save_ended if status == "done" else save_state
                write(run_path(record.spec.folder, record.run), self.trainer, record.facts(status))
                record.saved, record.save_problem = record.step, ""
            except (OSError, ValueError) as error:
                reason = getattr(error, "strerror", None) or str(error)
                record.save_problem = (
                    f"The run could not be saved at step {record.step:,} ({reason.rstrip('.')}). It goes on, and tries "
                    "again; what was saved before is whole."
                )
            spent = time.monotonic() - began
            self.next_save = time.monotonic() + max(AUTOSAVE_SECONDS, 20 * spent)

    def end(self, status: str) -> None:
        """The last save; afterwards nothing holds the trainer, whose memory is several times the model's."""
        with self.lock:
            self.record.status = status
            self.save(status)
            self.record.save_now = None


def _is_turn(step: int, every: int) -> bool:
    return every > 0 and step % every == 0
