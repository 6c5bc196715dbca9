"""Ten visitors press Train at once on one server's board, as a class does: each is served, in order, and told where
he stands."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from explorer.text.corpora import Corpus
from explorer.training.mlp import MLPProgress, MLPSpec, character_tokenizer, split_parts, train_on
from explorer.ui.job import Job
from explorer.ui.job_words import status_in_words
from explorer.ui.jobs import JobBoard

NAMES = Corpus("few", "\n".join(["emma", "olivia", "ava", "isabella", "sophia", "mia"] * 5), "items", "")
SPEC = MLPSpec("few", d_hidden=8, batch_size=8, steps=30)


def train_few(spec: MLPSpec) -> Iterator[MLPProgress]:
    yield from train_on(spec, character_tokenizer(NAMES), split_parts(NAMES, spec.parts))


@pytest.fixture
def board() -> Iterator[JobBoard]:
    made = JobBoard(slots=2)
    yield made
    assert made.shutdown(timeout=10)


def test_ten_visitors_who_press_train_at_once_are_queued_with_a_place_and_all_served(board: JobBoard) -> None:
    opened = threading.Event()

    def held(spec: MLPSpec) -> Iterator[MLPProgress]:
        assert opened.wait(20)
        yield from train_few(spec)

    jobs: list[Job[MLPSpec, MLPProgress]] = []
    pressing = [
        threading.Thread(target=lambda who=who: jobs.append(board.start(held, SPEC, title="MLP", visitor=str(who))))
        for who in range(10)
    ]
    for visitor in pressing:
        visitor.start()
    for visitor in pressing:
        visitor.join(10)
    views = [job.view() for job in jobs]
    assert sorted(view.status for view in views) == ["queued"] * 8 + ["running"] * 2
    places = sorted(view.queue_place for view in views if view.queue_place is not None)
    assert places == list(range(1, 9))
    told = {status_in_words(view, 1, "Train").split(".")[0] for view in views if view.status == "queued"}
    assert told == {f"Waiting: {n} in the queue" for n in ("1st", "2nd", "3rd", "4th", "5th", "6th", "7th", "8th")}
    opened.set()
    deadline = time.monotonic() + 60
    while any(job.alive for job in jobs):
        assert time.monotonic() < deadline
        assert sum(job.view().status == "running" for job in jobs) <= 2
        time.sleep(0.02)
    assert all(job.status == "done" for job in jobs)
    # One seed, ten threads: nobody's run was changed by a neighbour's.
    ends = [job.view().latest for job in jobs]
    assert len({end.loss for end in ends if end is not None}) == 1
