"""What a training run leaves behind for its readers: a thinned history, a pace, and the view of both.

Nothing here starts a thread or takes a lock: each `Job` owns one of each and guards them.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Generic, Literal, Protocol, TypeVar

Status = Literal["queued", "running", "paused", "done", "stopped", "failed", "abandoned"]
LIVE: tuple[Status, ...] = ("queued", "running", "paused")


class Progressing(Protocol):
    """What a training generator yields: at least the step it reached and the steps it was asked for."""

    @property
    def step(self) -> int: ...

    @property
    def steps(self) -> int: ...


P = TypeVar("P", bound=Progressing)


@dataclass(frozen=True)
class JobView(Generic[P]):
    """One consistent look at a run; immutable, so that any number of readers may keep it.

    status: where the run stands.
    queue_place: 1 for the next to start, None when not waiting.
    latest: the newest progress, None before the first.
    history: progress in order of step, thinned evenly; the first and the latest are always among them.
    eta_seconds: work left at the present pace, waits and pauses not counted; None if unknown or ended.
    error: one sentence, when the run ended early and nobody pressed Stop; else None.
    steps_per_second: over the last seconds of work; None before two steps were timed.
    """

    status: Status
    queue_place: int | None
    latest: P | None
    history: tuple[P, ...]
    eta_seconds: float | None
    error: str | None
    steps_per_second: float | None

    @property
    def live(self) -> bool:
        """Whether more progress may come."""
        return self.status in LIVE


class ThinnedHistory(Generic[P]):
    """A record of bounded length that covers a whole run evenly, whatever the run's length.

    When it is full, every second entry goes and from then on only every second arrival is kept, so no part
    of the curve is cut off. The first arrival stays, and the latest is always readable.

    >>> from types import SimpleNamespace
    >>> record = ThinnedHistory(limit=4)
    >>> for step in range(10):
    ...     record.append(SimpleNamespace(step=step, steps=10))
    >>> [entry.step for entry in record.since(0)]
    [0, 4, 8, 9]
    """

    def __init__(self, limit: int) -> None:
        if limit < 3:
            raise ValueError(f"The history needs room for at least 3 entries, but its limit is {limit}.")
        self._limit = limit
        self._stride = 1
        self._arrivals = 0
        self._kept: list[P] = []
        self.latest: P | None = None

    def append(self, progress: P) -> None:
        """Add the newest progress."""
        if self._arrivals % self._stride == 0:
            if len(self._kept) == self._limit - 1:  # one place is the latest entry's
                self._kept = self._kept[::2]
                self._stride *= 2
            if self._arrivals % self._stride == 0:
                self._kept.append(progress)
        self._arrivals += 1
        self.latest = progress

    def since(self, step: int) -> tuple[P, ...]:
        """The entries whose step is at least `step`, oldest first, the latest arrival last."""
        entries = self._kept
        if self.latest is not None and entries[-1] is not self.latest:
            entries = [*entries, self.latest]
        return tuple(entry for entry in entries if entry.step >= step)


class Pace:
    """Steps per second of work over the last few seconds; time spent waiting or paused does not count."""

    def __init__(self, window_seconds: float = 5.0, marks: int = 20) -> None:
        self._spacing = window_seconds / marks
        self._marks: deque[tuple[float, int]] = deque(maxlen=marks)
        self._seconds = 0.0
        self._step = 0

    def add(self, step: int, seconds: float) -> None:
        """Record that `step` was reached after `seconds` more of work."""
        # The first step also pays for building the model: the clock starts when it is done.
        if self._marks:
            self._seconds += seconds
        self._step = step
        if not self._marks or self._seconds - self._marks[-1][0] >= self._spacing:
            self._marks.append((self._seconds, step))

    @property
    def steps_per_second(self) -> float | None:
        """None until the second step was timed."""
        if not self._marks:
            return None
        seconds, step = self._marks[0]
        if self._seconds <= seconds or self._step <= step:
            return None
        return (self._step - step) / (self._seconds - seconds)
