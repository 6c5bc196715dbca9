"""What a run of the workbench has shown so far: losses, rates, samples, attention; bounded, and kept by JSON.

One thread writes, any may read: lists only grow at their end or are replaced whole.
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from explorer.text.tokenizers import Tokenizer
from explorer.training.workbench_spec import WorkbenchSpec

MOST_POINTS = 600  # of a curve
MOST_SAMPLES = 40
MOST_LOOKS = 40


class Point(NamedTuple):
    """After one update: loss of its batch in nats, learning rate, gradient norm before clipping, tokens per second."""

    step: int
    loss: float
    learning_rate: float
    gradient_norm: float
    tokens_per_second: float


class Evaluation(NamedTuple):
    """Losses in nats a token at one step, on the same beginning of each held-out part: of the text that is learned from
    and, in fine-tuning, of the text the checkpoint learned from before."""

    step: int
    held_out: float
    old: float | None = None


class Sample(NamedTuple):
    """What the model wrote after that many steps, always from the same random numbers."""

    step: int
    text: str


class Look(NamedTuple):
    """Every head's attention to the prompt after that many steps: patterns (L, H, T, T) in 0 … 255, a row's share."""

    step: int
    patterns: np.ndarray


class Thinned:
    """A list that never grows beyond its limit: when it is full, every second entry goes, and from then on every second
    arrival is left out.

    >>> kept = Thinned(limit=4)
    >>> for step in range(10):
    ...     kept.append((step,))
    >>> [entry[0] for entry in kept.entries], kept.stride
    ([0, 4, 8], 4)
    """

    def __init__(self, limit: int, entries: list[Any] | None = None, stride: int = 1, arrivals: int = 0):
        self.limit, self.entries, self.stride, self.arrivals = limit, list(entries or []), stride, arrivals

    def append(self, entry: Any) -> None:
        if self.arrivals % self.stride == 0:
            if len(self.entries) >= self.limit:
                self.entries, self.stride = self.entries[::2], 2 * self.stride
            if self.arrivals % self.stride == 0:
                self.entries.append(entry)
        self.arrivals += 1

    def to_json(self) -> dict[str, Any]:
        return {"entries": [list(e) for e in self.entries], "stride": self.stride, "arrivals": self.arrivals}


@dataclass
class RunRecord:
    """run: the id it is saved under. stage: what is being done before the first step, "" afterwards.

    best, since: the lowest held-out loss and the evaluations since. final: the loss on the whole held-out part, once
    the run is over. stopped: which rule ended it. saved: the step that is on disk; save_problem: why the newest is not.
    save_now: writes it to disk, while the run lives. discarded: nothing is to be written any more.
    """

    run: str
    spec: WorkbenchSpec
    stage: str = ""
    tokenizer: Tokenizer | None = None
    config: dict[str, Any] = field(default_factory=dict)
    corpus: dict[str, Any] = field(default_factory=dict)
    parameters: int = 0
    points: Thinned = field(default_factory=lambda: Thinned(MOST_POINTS))
    evaluations: list[Evaluation] = field(default_factory=list)
    samples: Thinned = field(default_factory=lambda: Thinned(MOST_SAMPLES))
    looks: Thinned = field(default_factory=lambda: Thinned(MOST_LOOKS))
    newest_look: Look | None = None
    newest_sample: Sample | None = None
    prompt_labels: tuple[str, ...] = ()
    added_symbols: int = 0
    held_out_tokens: int = 0
    seconds: float = 0.0
    best: float = math.inf
    best_step: int = 0
    since: int = 0
    final: float | None = None
    stopped: str = ""
    status: str = "running"
    step: int = 0
    tokens: int = 0
    saved: int | None = None
    save_problem: str = ""
    started: str = ""
    save_now: Callable[[], None] | None = None
    discarded: bool = False

    def evaluate(self, evaluation: Evaluation) -> None:
        """Add the losses of one step; where there are too many, every second goes."""
        if len(self.evaluations) >= MOST_POINTS:
            self.evaluations = self.evaluations[::2]
        self.evaluations.append(evaluation)
        if evaluation.held_out < self.best:
            self.best, self.best_step, self.since = evaluation.held_out, evaluation.step, 0
        else:
            self.since += 1

    def facts(self, status: str) -> dict[str, Any]:
        """All but the tensors and the attention, as plain JSON values."""
        last = self.points.entries[-1:]
        return {
            "id": self.run,
            "status": status,
            "spec": self.spec.to_json(),
            "tokenizer": self.tokenizer.to_json() if self.tokenizer is not None else None,
            "config": self.config,
            "corpus": self.corpus,
            "parameters": self.parameters,
            "step": self.step,
            "tokens": self.tokens,
            "seconds": self.seconds,
            "points": self.points.to_json(),
            "evaluations": [list(e) for e in self.evaluations],
            "samples": self.samples.to_json(),
            "newest_sample": list(self.newest_sample) if self.newest_sample else None,
            "tokens_per_second": last[0].tokens_per_second if last else None,
            "best": self.best if math.isfinite(self.best) else None,
            "best_step": self.best_step,
            "since": self.since,
            "final": self.final,
            "stopped": self.stopped,
            "added_symbols": self.added_symbols,
            "held_out_tokens": self.held_out_tokens,
            "started": self.started,
            "saved_at": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        }

    def take_up(self, facts: dict[str, Any]) -> None:
        """Go on from what `facts` says; raises KeyError, TypeError or ValueError where it is something else."""
        points, samples = facts["points"], facts["samples"]
        self.started = facts["started"]
        self.points = Thinned(MOST_POINTS, [Point(*p) for p in points["entries"]], points["stride"], points["arrivals"])
        self.samples = Thinned(
            MOST_SAMPLES, [Sample(*s) for s in samples["entries"]], samples["stride"], samples["arrivals"]
        )
        self.newest_sample = Sample(*facts["newest_sample"]) if facts["newest_sample"] else None
        self.evaluations = [Evaluation(*e) for e in facts["evaluations"]]
        self.seconds, self.since, self.best_step = facts["seconds"], facts["since"], facts["best_step"]
        self.best = facts["best"] if facts["best"] is not None else math.inf
        self.added_symbols = facts["added_symbols"]
