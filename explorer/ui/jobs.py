"""Training in the background, for many visitors of one server. Plain threads: nothing here knows Streamlit.

A `Job` pulls progress out of a training generator in a thread of its own, so pausing is not asking. The
`JobBoard` holds the server's few slots; who finds none free waits in a queue. One lock guards the board and
all its jobs: with a single lock there is no order of locks to get wrong, and it is held for microseconds.

Decisions:

- **Pausing gives the slot back** as soon as the step in hand is done, so a visitor who pauses never blocks a
  classroom. On resuming, a run that had begun waits ahead of those that have not. Stepping a paused run needs
  no slot: one click is one step of work. At most `paused_limit` runs rest paused (each keeps a model in
  memory); beyond it, the one paused longest ends and says why.
- **The visitor who leaves ends the run**: no `view()` for `idle_seconds`, and `present(visitor)` is false.
  That holds for a queued and for a paused run too.
- **Stopping is final at once**: readers see "stopped" straight away, and the step in hand is dropped. The
  generator is closed in its own thread; `alive` turns false, and the slot is free, only after that.
- **One thread, one generator**: grad mode and torch's thread count belong to a thread, so the factory, every
  `next()` and `close()` run in the job's. `prepare` runs there first.
"""

from __future__ import annotations

import atexit
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, cast

from explorer.ui.job import Job, S
from explorer.ui.job_record import LIVE, JobView, P, Status

__all__ = ["Job", "JobBoard", "JobView", "QueueFull", "Status"]


class QueueFull(RuntimeError):  # noqa: N818 - it states a condition, as queue.Full does
    """No slot is free and the queue is at its limit; the message is a sentence for the visitor."""


class JobBoard:
    """The server's training runs: `slots` work at a time, `queue_limit` wait, `finished_limit` stay readable.

    per_visitor: runs one visitor may have; starting another stops his oldest.
    idle_seconds: how long a run goes on unwatched.
    present: whether a visitor is known to be connected although no view comes (a hidden browser tab sends
        none); called with the lock held, so it must be quick and must not call the board.
    prepare: runs in a job's thread before its factory.

    >>> from dataclasses import dataclass
    >>> @dataclass(frozen=True)
    ... class Spec: seed: int = 0
    >>> @dataclass(frozen=True)
    ... class Progress: step: int; steps: int
    >>> board = JobBoard()
    >>> def count(spec: Spec): yield from (Progress(n, 3) for n in (1, 2, 3))
    >>> job = board.start(count, Spec(), title="Counting", visitor="me")
    >>> job.join(5), job.status, job.view().latest
    (True, 'done', Progress(step=3, steps=3))
    """

    def __init__(
        self,
        slots: int = 2,
        queue_limit: int = 20,
        per_visitor: int = 1,
        idle_seconds: float = 15.0,
        history_limit: int = 600,
        finished_limit: int = 50,
        paused_limit: int = 20,
        present: Callable[[str], bool] = lambda _visitor: False,
        prepare: Callable[[], None] = lambda: None,
    ) -> None:
        self.slots, self.queue_limit, self.per_visitor = slots, queue_limit, per_visitor
        self.idle_seconds, self.history_limit = idle_seconds, history_limit
        self.finished_limit, self.paused_limit = finished_limit, paused_limit
        self.present, self.prepare = present, prepare
        self.lock = threading.RLock()
        self._jobs: dict[str, Job[Any, Any]] = {}
        self._queue: list[Job[Any, Any]] = []
        self.holders: set[Job[Any, Any]] = set()  # of a slot
        self._resting: list[Job[Any, Any]] = []  # paused, longest first
        self._open = True
        atexit.register(self.shutdown)

    def start(
        self, factory: Callable[[S], Iterator[P]], spec: S, *, title: str, visitor: str, panel: str = ""
    ) -> Job[S, P]:
        """Start `factory(spec)` in the background, or queue it.

        Raises QueueFull if no slot is free and the queue is at its limit; the visitor's old run then goes on.
        """
        with self.lock:
            own = [job for job in self._jobs.values() if job.visitor == visitor and job._status in LIVE]
            replaced = own[: max(0, len(own) - self.per_visitor + 1)]
            self._check_room(replaced)
            job = Job(self, factory, spec, title=title, visitor=visitor, panel=panel)
            job._thread.start()  # it waits for this lock; if no thread can be had, nothing was changed
            for old in replaced:
                old._end("stopped", "The run was stopped because you started another one.")
            self._jobs[job.id] = job
            self.enqueue(job)
            return job

    def restart(self, job: Job[S, P], seed: int | None = None, visitor: str | None = None) -> Job[S, P]:
        """The same run again under a new id, with its own seed or `seed`, for its owner or `visitor`."""
        spec = job.spec if seed is None else cast(S, replace(cast(Any, job.spec), seed=seed))
        return self.start(job.factory, spec, title=job.title, visitor=visitor or job.visitor, panel=job.panel)

    def get(self, job_id: str, visitor: str | None = None) -> Job[Any, Any] | None:
        """The run of that id, if it is still kept; with `visitor`, only if it is his."""
        with self.lock:
            job = self._jobs.get(job_id)
            return job if job is not None and visitor in (None, job.visitor) else None

    def shutdown(self, timeout: float = 2.0) -> bool:
        """Stop every run, take no more, wait at most `timeout` seconds; whether every thread has gone."""
        with self.lock:
            self._open = False
            jobs = [job for job in self._jobs.values() if job._alive]
            for job in jobs:
                job.stop()
        atexit.unregister(self.shutdown)
        deadline = time.monotonic() + timeout
        gone = [job.join(max(0.0, deadline - time.monotonic())) for job in jobs]
        return all(gone)

    # ---- below: for the jobs and the board itself; the caller holds the lock

    def _check_room(self, leaving: list[Job[Any, Any]]) -> None:
        if not self._open:
            raise QueueFull("The server is shutting down; start the run again when it is back.")
        waiting = sum(job not in leaving for job in self._queue)
        if len(self.holders) >= self.slots and waiting >= self.queue_limit:
            raise QueueFull(
                f"Every training place is taken and {waiting} more are waiting, which is the limit; "
                "try again in a minute."
            )

    def place(self, job: Job[Any, Any]) -> int | None:
        """Where the job stands in the queue, from 1; None if it does not wait."""
        return self._queue.index(job) + 1 if job in self._queue else None

    def enqueue(self, job: Job[Any, Any]) -> None:
        """Let the job work as soon as a slot is free; those that had begun go first."""
        if job in self._resting:
            self._resting.remove(job)
        if job in self.holders:  # resumed before the step in hand was done: it never gave its slot up
            job._status = "running"
            return
        job._status = "queued"
        place = sum(other._begun for other in self._queue) if job._begun else len(self._queue)
        self._queue.insert(place, job)
        self._admit()

    def rest(self, job: Job[Any, Any]) -> None:
        """Pause the job; its thread gives the slot back when the step in hand is done."""
        self.withdraw(job)
        job._status = "paused"
        self._resting.append(job)
        if len(self._resting) > self.paused_limit:
            self._resting[0]._end("abandoned", "The paused run ended because the server had to make room for others.")

    def withdraw(self, job: Job[Any, Any]) -> None:
        """Take the job out of every line."""
        for line in (self._queue, self._resting):
            if job in line:
                line.remove(job)

    def release(self, job: Job[Any, Any]) -> None:
        """Give the job's slot to the next in the queue."""
        self.holders.discard(job)
        self._admit()

    def _admit(self) -> None:
        while self._queue and len(self.holders) < self.slots:
            job = self._queue.pop(0)
            self.holders.add(job)
            job._status = "running"
            job._changed.notify_all()

    def leave(self, job: Job[Any, Any]) -> None:
        """The job's thread is about to end: free its slot, forget the runs longest unseen."""
        with self.lock:
            job._alive = False
            self.release(job)
            ended = [other for other in self._jobs.values() if not other._alive]
            ended.sort(key=lambda other: other._last_seen, reverse=True)
            for forgotten in ended[self.finished_limit :]:
                del self._jobs[forgotten.id]
