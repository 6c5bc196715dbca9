"""What the tests of boards and jobs share: boards that end with the test, and ways to wait without guessing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from explorer.ui.jobs import Job, JobBoard
from tests.ui.scripts.countdown import Progress, Spec, countdown

ENDLESS = Spec()


@contextmanager
def closing_boards() -> Iterator[Callable[..., JobBoard]]:
    """A maker of boards that are shut down, with every thread joined, at the end."""
    boards: list[JobBoard] = []

    def make(**options: Any) -> JobBoard:
        boards.append(JobBoard(**options))
        return boards[-1]

    yield make
    for board in boards:
        assert board.shutdown(timeout=5), "a training thread outlived its board"


def until(condition: Callable[[], object], seconds: float = 5.0) -> None:
    """Wait for a condition; fail if it never comes."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition never came true"
        time.sleep(0.002)


def begin(board: JobBoard, spec: Spec = ENDLESS, visitor: str = "ana", factory: Any = countdown) -> Job[Spec, Progress]:
    job: Job[Spec, Progress] = board.start(factory, spec, title="Counting", visitor=visitor)
    return job


def step_of(job: Job[Any, Any]) -> int:
    latest = job.view().latest
    return latest.step if latest is not None else 0
