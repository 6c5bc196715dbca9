"""One training run in the background: its controls, its end, its races, with real threads."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from explorer.ui.jobs import Job, JobBoard, QueueFull
from tests.ui.scripts.boards import begin, closing_boards, step_of, until
from tests.ui.scripts.countdown import Gated, Progress, Spec, countdown

ROOT = Path(__file__).parents[2]


@pytest.fixture
def make_board() -> Iterator[Callable[..., JobBoard]]:
    with closing_boards() as make:
        yield make


def pause_at(job: Job[Any, Any], gated: Gated, step: int) -> None:
    """Let a gated run reach `step`, pausing it while that step is in hand."""
    for _ in range(step - 1):
        assert gated.asked.acquire(timeout=5)
        gated.gate.release()
    assert gated.asked.acquire(timeout=5)
    job.pause()
    gated.gate.release()
    until(lambda: step_of(job) == step)


def test_a_run_goes_to_its_end_and_keeps_every_progress(make_board: Callable[..., JobBoard]) -> None:
    job = begin(make_board(), Spec(steps=20, seconds_per_step=0))
    assert job.join(5)
    view = job.view()
    assert (view.status, job.alive, view.error, view.eta_seconds) == ("done", False, None, None)
    assert [entry.step for entry in view.history] == list(range(1, 21))
    assert view.history == tuple(countdown(Spec(steps=20, seconds_per_step=0)))
    assert job.view(since=18).history == view.history[17:]


def test_a_paused_run_keeps_the_step_in_hand_and_asks_for_no_more(
    make_board: Callable[..., JobBoard],
) -> None:
    gated = Gated()
    job = begin(make_board(), factory=gated)
    pause_at(job, gated, 3)
    assert not gated.asked.acquire(timeout=0.05)
    assert job.status == "paused"
    assert step_of(job) == 3


def test_step_advances_a_paused_run_by_exactly_one_progress_a_call(
    make_board: Callable[..., JobBoard],
) -> None:
    gated = Gated()
    job = begin(make_board(), factory=gated)
    pause_at(job, gated, 1)
    job.step()
    job.step()
    for _ in range(5):
        gated.gate.release()
    until(lambda: step_of(job) == 3)
    assert gated.asked.acquire(timeout=1)
    assert gated.asked.acquire(timeout=1)
    assert not gated.asked.acquire(timeout=0.05)
    assert (job.status, step_of(job)) == ("paused", 3)


def test_a_step_asked_for_while_pausing_comes_after_the_step_in_hand(
    make_board: Callable[..., JobBoard],
) -> None:
    gated = Gated()
    job = begin(make_board(), factory=gated)
    assert gated.asked.acquire(timeout=5)
    job.pause()
    job.step()
    for _ in range(5):
        gated.gate.release()
    until(lambda: step_of(job) == 2)
    time.sleep(0.05)
    assert step_of(job) == 2


def test_step_does_nothing_to_a_run_that_is_not_paused(make_board: Callable[..., JobBoard]) -> None:
    gated = Gated()
    job = begin(make_board(), factory=gated)
    job.step()
    pause_at(job, gated, 1)
    assert not gated.asked.acquire(timeout=0.05)


def test_resume_drops_steps_still_due_so_that_the_next_pause_holds(
    make_board: Callable[..., JobBoard],
) -> None:
    gated = Gated()
    job = begin(make_board(), factory=gated)
    assert gated.asked.acquire(timeout=5)
    job.pause()
    job.step()
    job.step()
    job.resume()
    assert job.status == "running"
    job.pause()
    for _ in range(5):
        gated.gate.release()
    until(lambda: step_of(job) == 1)
    time.sleep(0.05)
    assert (job.status, step_of(job)) == ("paused", 1)


def test_stop_is_seen_at_once_and_drops_the_step_in_hand(make_board: Callable[..., JobBoard]) -> None:
    gated = Gated()
    job = begin(make_board(), factory=gated)
    gated.gate.release()
    until(lambda: step_of(job) == 1)
    assert gated.asked.acquire(timeout=5)
    assert gated.asked.acquire(timeout=5)
    job.stop()
    assert (job.status, job.alive) == ("stopped", True)
    gated.gate.release()
    assert job.join(5)
    assert (job.status, job.alive, step_of(job)) == ("stopped", False, 1)


def test_the_generator_is_made_run_and_closed_in_one_thread_of_its_own(
    make_board: Callable[..., JobBoard],
) -> None:
    gated = Gated()
    prepared: list[int] = []
    board = make_board(prepare=lambda: prepared.append(threading.get_ident()))
    job = begin(board, factory=gated)
    pause_at(job, gated, 3)
    job.stop()
    assert job.join(5)
    assert {*gated.threads, *prepared} == {gated.closed_in}
    assert gated.closed_in != threading.get_ident()


@pytest.mark.parametrize("control", ["pause", "resume", "step", "stop"])
def test_controls_do_nothing_to_a_run_that_has_ended(make_board: Callable[..., JobBoard], control: str) -> None:
    job = begin(make_board(), Spec(steps=3, seconds_per_step=0))
    assert job.join(5)
    before = job.view()
    getattr(job, control)()
    assert job.view() == before


def test_an_error_becomes_one_sentence_and_the_last_progress_stays(
    make_board: Callable[..., JobBoard], caplog: pytest.LogCaptureFixture
) -> None:
    job = begin(make_board(), Spec(fails_at=4))
    assert job.join(5)
    assert (job.status, step_of(job)) == ("failed", 3)
    assert job.error == "The loss is no longer a number: use a *smaller* learning rate <here>."
    assert "Traceback" in caplog.text


@pytest.mark.parametrize("error", [RuntimeError("shapes\n(2, 3) differ"), SystemExit(3)])
def test_an_unexpected_error_is_named_and_frees_the_slot(
    make_board: Callable[..., JobBoard], error: BaseException
) -> None:
    def failing(spec: Spec) -> Iterator[Progress]:
        yield Progress(1, 2, 0.0)
        raise error

    board = make_board(slots=1)
    job = begin(board, factory=failing)
    assert job.join(5)
    assert job.error is not None
    assert type(error).__name__ in job.error
    assert "\n" not in job.error
    assert begin(board, visitor="ben").status == "running"


def test_an_error_of_the_packages_own_is_told_as_it_was_written(make_board: Callable[..., JobBoard]) -> None:
    from explorer.training.trainer import DivergedError

    def diverging(spec: Spec) -> Iterator[Progress]:
        yield Progress(1, 2, 0.0)
        raise DivergedError("The loss stopped being a finite number at step 2; try a third of the rate.")

    job = begin(make_board(), factory=diverging)
    assert job.join(5)
    assert job.error == "The loss stopped being a finite number at step 2; try a third of the rate."


def test_a_factory_that_raises_fails_its_run(make_board: Callable[..., JobBoard]) -> None:
    def refusing(spec: Spec) -> Iterator[Progress]:
        raise ValueError("The corpus is empty; give at least one line.")

    job = begin(make_board(), factory=refusing)
    assert job.join(5)
    assert (job.status, job.error) == ("failed", "The corpus is empty; give at least one line.")


def test_the_first_progress_is_awaited_but_not_that_of_a_waiting_run(
    make_board: Callable[..., JobBoard],
) -> None:
    board = make_board(slots=1)
    gated = Gated()
    first, waiting = begin(board, factory=gated), begin(board, visitor="ben")
    assert not first.await_first_progress(timeout=0.02)
    threading.Timer(0.05, gated.gate.release).start()
    assert first.await_first_progress(timeout=5)
    started = time.monotonic()
    assert not waiting.await_first_progress(timeout=5)
    assert time.monotonic() - started < 1
    first.stop()
    gated.gate.release()


def test_the_time_left_follows_from_the_pace(make_board: Callable[..., JobBoard]) -> None:
    job = begin(make_board(), Spec(steps=1000, seconds_per_step=0.002))
    until(lambda: step_of(job) > 20)
    view = job.view()
    assert view.steps_per_second is not None
    assert view.latest is not None
    assert view.eta_seconds == pytest.approx((1000 - view.latest.step) / view.steps_per_second)


def test_controls_from_many_threads_leave_a_run_that_still_obeys(make_board: Callable[..., JobBoard]) -> None:
    board = make_board(slots=1)
    jobs = [begin(board, Spec(seconds_per_step=0), visitor=str(n)) for n in range(3)]
    over = threading.Event()
    torn: list[str] = []

    def meddle(names: tuple[str, ...]) -> None:
        while not over.is_set():
            for job in jobs:
                for name in names:
                    getattr(job, name)()
                view = job.view()
                steps = [entry.step for entry in view.history]
                if steps != sorted(set(steps)) or (view.queue_place is None) != (view.status != "queued"):
                    torn.append(f"{view.status} {view.queue_place}")

    order = [("pause", "step", "resume"), ("resume", "pause", "step"), ("step", "resume", "pause")]
    threads = [threading.Thread(target=meddle, args=(names,)) for names in order]
    for thread in threads:
        thread.start()
    time.sleep(0.4)
    over.set()
    for thread in threads:
        thread.join(5)
    assert torn == []
    for job in jobs:
        job.pause()
    until(lambda: len(board.holders) == 0)
    reached = step_of(jobs[0])
    time.sleep(0.05)
    steps_then = step_of(jobs[0])
    jobs[0].resume()
    until(lambda: step_of(jobs[0]) > steps_then)
    assert steps_then - reached <= len(threads)  # steps that were still due, no more


def test_shutdown_ends_running_paused_and_queued_runs_and_takes_no_more(
    make_board: Callable[..., JobBoard],
) -> None:
    board = make_board(slots=1)
    paused = begin(board, visitor="ana")
    paused.pause()
    jobs = [paused, begin(board, visitor="ben"), begin(board, visitor="cleo")]
    assert board.shutdown(timeout=5)
    assert [(job.status, job.alive) for job in jobs] == [("stopped", False)] * 3
    with pytest.raises(QueueFull, match="shutting down"):
        begin(board, visitor="dan")


def test_the_program_exits_quietly_with_runs_at_work() -> None:
    program = (
        "from explorer.ui.jobs import JobBoard\n"
        "from tests.ui.scripts.countdown import Spec, countdown\n"
        "import sys\n"
        "board = JobBoard()\n"
        "for name in 'abc':\n"
        "    board.start(countdown, Spec(), title='Counting', visitor=name)\n"
        "assert 'torch' not in sys.modules and 'streamlit' not in sys.modules\n"
    )
    ended = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=20)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")
