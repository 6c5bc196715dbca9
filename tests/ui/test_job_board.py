"""Many visitors, few training places: slots, the queue, restarts, and visitors who leave."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import pytest

from explorer.ui.jobs import JobBoard, QueueFull
from tests.ui.scripts.boards import begin, closing_boards, step_of, until
from tests.ui.scripts.countdown import Progress, Spec


@pytest.fixture
def make_board() -> Iterator[Callable[..., JobBoard]]:
    with closing_boards() as make:
        yield make


def test_a_third_run_waits_and_starts_when_a_slot_is_free(make_board: Callable[..., JobBoard]) -> None:
    board = make_board(slots=2)
    first, second, third, fourth = (begin(board, visitor=name) for name in ("ana", "ben", "cleo", "dan"))
    assert [job.status for job in (first, second, third, fourth)] == [
        "running",
        "running",
        "queued",
        "queued",
    ]
    assert [job.view().queue_place for job in (first, third, fourth)] == [None, 1, 2]
    first.stop()
    until(lambda: third.status == "running")
    assert fourth.view().queue_place == 1
    until(lambda: step_of(third) > 0)


def test_no_more_runs_than_slots_ever_work_at_once(make_board: Callable[..., JobBoard]) -> None:
    lock, working, most = threading.Lock(), 0, 0

    def counting(spec: Spec) -> Iterator[Progress]:
        nonlocal working, most
        for step in range(1, spec.steps + 1):
            with lock:
                working += 1
                most = max(most, working)
            time.sleep(0.001)
            with lock:
                working -= 1
            yield Progress(step, spec.steps, 0.0)

    board = make_board(slots=2)
    jobs = [begin(board, Spec(steps=15), visitor=str(n), factory=counting) for n in range(8)]
    for job in jobs:
        if job.status == "running":
            job.pause()
            job.resume()
    for job in jobs:
        assert job.join(5)
    assert [job.status for job in jobs] == ["done"] * 8
    assert most == 2


def test_pausing_hands_the_slot_on_and_resuming_waits_before_those_not_begun(
    make_board: Callable[..., JobBoard],
) -> None:
    board = make_board(slots=1)
    first = begin(board, visitor="ana")
    until(lambda: step_of(first) > 0)
    second, third = begin(board, visitor="ben"), begin(board, visitor="cleo")
    first.pause()
    until(lambda: second.status == "running")
    first.resume()
    assert (first.status, first.view().queue_place, third.view().queue_place) == ("queued", 1, 2)
    reached = step_of(first)
    second.stop()
    until(lambda: step_of(first) > reached)
    assert third.status == "queued"


def test_the_paused_run_longest_at_rest_makes_room_for_others(make_board: Callable[..., JobBoard]) -> None:
    board = make_board(slots=3, paused_limit=2)
    jobs = [begin(board, visitor=name) for name in ("ana", "ben", "cleo")]
    for job in jobs:
        job.pause()
    assert [job.status for job in jobs] == ["abandoned", "paused", "paused"]
    assert "make room" in (jobs[0].error or "")


def test_a_full_queue_refuses_with_a_sentence_and_stops_nothing(make_board: Callable[..., JobBoard]) -> None:
    board = make_board(slots=1, queue_limit=1)
    first, second = begin(board, visitor="ana"), begin(board, visitor="ben")
    with pytest.raises(QueueFull, match=r"1 more are waiting.*try again"):
        begin(board, visitor="ana")
    assert (first.status, second.status) == ("running", "queued")
    again = begin(board, visitor="ben")
    assert (second.status, again.status) == ("stopped", "queued")


def test_starting_another_run_stops_the_same_visitors_first(make_board: Callable[..., JobBoard]) -> None:
    board = make_board(slots=2)
    first, other = begin(board, visitor="ana"), begin(board, visitor="ben")
    second = begin(board, visitor="ana")
    assert (first.status, other.status) == ("stopped", "running")
    assert "another" in (first.error or "")
    until(lambda: second.status == "running")


def test_restart_repeats_the_run_or_changes_only_its_seed(make_board: Callable[..., JobBoard]) -> None:
    board = make_board()
    first = begin(board, Spec(steps=10, seconds_per_step=0, seed=7))
    assert first.join(5)
    same, fresh = board.restart(first), board.restart(first, seed=8, visitor="ben")
    assert same.join(5)
    assert fresh.join(5)
    assert len({first.id, same.id, fresh.id}) == 3
    assert same.view().history == first.view().history
    assert fresh.spec == Spec(steps=10, seconds_per_step=0, seed=8)
    assert fresh.view().history != first.view().history
    assert (same.visitor, fresh.visitor) == ("ana", "ben")


def test_a_run_is_found_by_its_id_and_by_its_owner(make_board: Callable[..., JobBoard]) -> None:
    board = make_board()
    job = begin(board)
    assert board.get(job.id) is job
    assert board.get(job.id, visitor="ana") is job
    assert board.get(job.id, visitor="ben") is None
    assert board.get("unknown") is None
    assert len(job.id) >= 20


def test_of_the_ended_runs_the_longest_unseen_is_forgotten(make_board: Callable[..., JobBoard]) -> None:
    board = make_board(finished_limit=2)
    quick = Spec(steps=1, seconds_per_step=0)
    first, second = begin(board, quick), begin(board, quick, visitor="ben")
    assert first.join(5)
    assert second.join(5)
    first.view()
    third = begin(board, quick, visitor="cleo")
    assert third.join(5)
    assert [board.get(job.id) is job for job in (first, second, third)] == [True, False, True]


def test_a_run_that_nobody_views_ends_and_frees_its_slot(make_board: Callable[..., JobBoard]) -> None:
    board = make_board(slots=1, idle_seconds=0.2)
    left, waiting = begin(board, visitor="ana"), begin(board, visitor="ben")
    started = time.monotonic()
    until(lambda: waiting.view().status == "running")
    assert time.monotonic() - started < 2.0
    assert left.status == "abandoned"
    assert "nobody was watching" in (left.error or "")


@pytest.mark.parametrize("state", ["paused", "queued"])
def test_a_resting_or_waiting_run_that_nobody_views_ends_too(make_board: Callable[..., JobBoard], state: str) -> None:
    board = make_board(slots=1, idle_seconds=0.2, present=lambda visitor: visitor == "ana")
    busy = begin(board, visitor="ana")
    job = begin(board, visitor="ben")
    if state == "paused":
        job.pause()
    assert job.status == state
    assert job.join(2)
    assert (job.status, busy.status) == ("abandoned", "running")


def test_a_viewed_run_and_one_whose_visitor_is_connected_go_on(make_board: Callable[..., JobBoard]) -> None:
    connected = {"ana"}
    board = make_board(slots=3, idle_seconds=0.2, present=lambda visitor: visitor in connected)
    elsewhere, viewed = begin(board, visitor="ana"), begin(board, visitor="ben")
    for _ in range(25):
        viewed.view()
        time.sleep(0.02)
    assert (elsewhere.status, viewed.status) == ("running", "running")
    connected.clear()
    assert elsewhere.join(1)
    assert elsewhere.status == "abandoned"
