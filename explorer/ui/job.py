"""One training run in a thread of its own; `explorer.ui.jobs` holds the board that says when it may work.

A `Job` pulls progress out of a training generator, so pausing is not asking. Its condition shares the board's
one lock, so the two may use each other's parts freely.
"""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from explorer.ui.job_record import LIVE, JobView, P, Pace, Status, ThinnedHistory

if TYPE_CHECKING:
    from explorer.ui.jobs import JobBoard

logger = logging.getLogger(__name__)


class Seeded(Protocol):
    """What a run is started from: a frozen dataclass with at least a seed."""

    @property
    def seed(self) -> int: ...


S = TypeVar("S", bound=Seeded)


class Job(Generic[S, P]):
    """One training run. Made by `JobBoard.start`; every method may be called from any thread.

    id: unguessable; whoever holds it may view the run. visitor: its owner; the board does not police control,
    the caller does. panel: the name of the place that started it.
    """

    def __init__(
        self,
        board: JobBoard,
        factory: Callable[[S], Iterator[P]],
        spec: S,
        *,
        title: str,
        visitor: str,
        panel: str,
    ) -> None:
        self.id = secrets.token_urlsafe(16)
        self.title, self.visitor, self.panel = title, visitor, panel
        self.factory, self.spec = factory, spec
        self._board = board
        self._changed = threading.Condition(board.lock)
        self._status: Status = "queued"
        self._error: str | None = None
        self._alive = True
        self._begun = False
        self._steps_due = 0
        self._last_seen = self._next_look = time.monotonic()
        self._record: ThinnedHistory[P] = ThinnedHistory(board.history_limit)
        self._pace = Pace()
        self._thread = threading.Thread(target=self._work, name=f"train-{self.id[:6]}", daemon=True)

    @property
    def status(self) -> Status:
        """Where the run stands."""
        with self._changed:
            return self._status

    @property
    def error(self) -> str | None:
        """One sentence, when the run ended early and nobody pressed Stop."""
        with self._changed:
            return self._error

    @property
    def alive(self) -> bool:
        """Whether its thread is still at work; a stopped run is alive until the step in hand is done."""
        with self._changed:
            return self._alive

    def pause(self) -> None:
        """Rest after the step in hand, which still counts. Nothing happens unless queued or running."""
        with self._changed:
            if self._status in ("queued", "running"):
                self._board.rest(self)

    def resume(self) -> None:
        """Go on as soon as a slot is free. Nothing happens unless paused."""
        with self._changed:
            if self._status == "paused":
                self._steps_due = 0
                self._board.enqueue(self)

    def step(self) -> None:
        """Advance by exactly one progress and stay paused. Nothing happens unless paused."""
        with self._changed:
            if self._status == "paused":
                self._steps_due += 1
                self._changed.notify_all()

    def stop(self) -> None:
        """End the run for good. Nothing happens if it has ended."""
        self._end("stopped")

    def await_first_progress(self, timeout: float) -> bool:
        """Wait for the first progress while the run works; whether there is one."""
        with self._changed:
            self._changed.wait_for(lambda: self._record.latest or self._status != "running", timeout)
            return self._record.latest is not None

    def join(self, timeout: float | None = None) -> bool:
        """Wait until its thread has gone; whether it has."""
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def view(self, since: int = 0) -> JobView[P]:
        """A look at the run, which also says that somebody is watching it.

        since: leave out history before this step.
        """
        with self._changed:
            self._last_seen = time.monotonic()
            latest, pace = self._record.latest, self._pace.steps_per_second
            eta = None
            if latest is not None and pace is not None and self._status in LIVE:
                eta = max(0, latest.steps - latest.step) / pace
            return JobView(
                status=self._status,
                queue_place=self._board.place(self),
                latest=latest,
                history=self._record.since(since),
                eta_seconds=eta,
                error=self._error,
                steps_per_second=pace,
            )

    # ---- below: the job's own thread, and the board

    def _work(self) -> None:
        iterator: Iterator[P] | None = None
        try:
            while self._may_advance():
                if iterator is None:
                    self._board.prepare()
                    iterator = iter(self.factory(self.spec))
                began = time.perf_counter()
                try:
                    progress = next(iterator)
                except StopIteration:
                    self._end("done")
                    break
                self._publish(progress, time.perf_counter() - began)
        except BaseException as error:  # SystemExit too: a run must never end without a status
            logger.exception("The training run %r failed", self.title)
            self._end("failed", _sentence(error))
        finally:
            self._close(iterator)
            self._board.leave(self)

    def _may_advance(self) -> bool:
        """Wait for a slot, or for a step asked for while paused; False when the run is to end."""
        with self._changed:
            while self._status in LIVE:
                if self._deserted():
                    self._end("abandoned", "The run ended because nobody was watching it any more.")
                elif self._status == "running" or self._steps_due:
                    self._steps_due = max(0, self._steps_due - 1)
                    self._begun = True
                    return True
                elif self in self._board.holders:
                    self._board.release(self)
                else:
                    self._changed.wait(max(0.0, self._next_look - time.monotonic()))
            return False

    def _deserted(self) -> bool:
        """Whether its watchers have been gone too long; asks no more often than it has to. Lock held."""
        now, idle = time.monotonic(), self._board.idle_seconds
        if now < self._next_look:
            return False
        if self._board.present(self.visitor):
            self._last_seen = now
        # Looking four times per limit keeps a present visitor fresh through a dropped connection.
        self._next_look = min(now + idle / 4, self._last_seen + idle)
        return now - self._last_seen >= idle

    def _publish(self, progress: P, seconds: float) -> None:
        with self._changed:
            if self._status in LIVE:
                if self._record.latest is None:
                    self._changed.notify_all()
                self._record.append(progress)
                self._pace.add(progress.step, seconds)

    def _end(self, status: Status, error: str | None = None) -> None:
        """Take a final status; the first one stays."""
        with self._changed:
            if self._status in LIVE:
                self._board.withdraw(self)
                self._status, self._error = status, error
                self._changed.notify_all()

    def _close(self, iterator: Iterator[P] | None) -> None:
        try:
            close = getattr(iterator, "close", None)
            if close is not None:
                close()
        except Exception:
            logger.exception("The training run %r failed while it was closed", self.title)


def _sentence(error: BaseException) -> str:
    """One line for the visitor. ValueErrors and this package's own errors are written to be read as they are."""
    said = " ".join(str(error).split())[:300]
    written_for_readers = isinstance(error, ValueError) or type(error).__module__.startswith("explorer.")
    if written_for_readers and said:
        return said
    name = type(error).__name__
    return f"Training stopped because of an unexpected error ({name}{': ' + said if said else ''})."
