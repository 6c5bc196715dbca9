"""The panel's controls and words, without a browser: AppTest runs the page script in this process."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from explorer.ui.job import Job
from explorer.ui.job_panel import board
from explorer.ui.job_record import JobView
from explorer.ui.job_words import progress_in_words, status_in_words
from tests.ui.scripts.countdown import Progress, Spec, countdown

PAGE = Path(__file__).parent / "scripts" / "panel_page.py"
BUTTONS = ("start", "pause", "step", "stop", "restart", "reseed")


@pytest.fixture
def visit() -> Iterator[Callable[..., AppTest]]:
    """Opens the page as a new visitor; every run is ended and the board forgotten afterwards."""

    def open_page(**query: str) -> AppTest:
        page = AppTest.from_file(str(PAGE), default_timeout=20)
        for name, value in query.items():
            page.query_params[name] = value
        return page.run()

    yield open_page
    assert board().shutdown(timeout=5)
    board.clear()


def press(page: AppTest, name: str) -> AppTest:
    page.button(key=f"run_{name}").click().run()
    assert not page.exception
    return page


def enabled(page: AppTest) -> set[str]:
    return {name for name in BUTTONS if not page.button(key=f"run_{name}").disabled}


def said(page: AppTest) -> str:
    spoken: list[str] = [element.proto.body for element in page.get("html") if "role=" in element.proto.body]
    assert len(spoken) == 1
    return spoken[0]


def job_id(page: AppTest) -> str:
    value = page.query_params["run_job"]
    return value[0] if isinstance(value, list) else value


def wait_for(page: AppTest, words: str, seconds: float = 10.0) -> None:
    """Rerun the page, as its timer would, until it says the words."""
    deadline = time.monotonic() + seconds
    while words not in said(page):
        assert time.monotonic() < deadline, f"never said {words!r}, but {said(page)!r}"
        time.sleep(0.05)
        page.run()
        assert not page.exception


def reached(job: Job[Spec, Progress], step: int) -> Progress:
    """The run's latest progress, once it has come as far as `step`."""
    deadline = time.monotonic() + 10
    while True:
        latest = job.view().latest
        if latest is not None and latest.step >= step:
            return latest
        assert time.monotonic() < deadline, f"never reached step {step}"
        time.sleep(0.01)


def test_before_the_first_run_only_start_can_be_pressed(visit: Callable[..., AppTest]) -> None:
    page = visit()
    assert enabled(page) == {"start"}
    assert "Nothing is training yet" in said(page)
    assert "run_job" not in page.query_params


def test_each_state_enables_the_buttons_that_mean_something(visit: Callable[..., AppTest]) -> None:
    page = press(visit(), "start")
    wait_for(page, "Training, with seed 0.")
    assert enabled(page) == {"pause", "stop", "restart", "reseed"}
    press(page, "pause")
    assert "Paused" in said(page)
    assert page.button(key="run_pause").label == "Resume"
    assert enabled(page) == {"pause", "step", "stop", "restart", "reseed"}
    press(page, "pause")
    assert "Training" in said(page)
    press(page, "stop")
    assert "Stopped" in said(page)
    assert enabled(page) == {"start", "restart", "reseed"}


def test_step_moves_a_paused_run_by_one_and_draws_it(visit: Callable[..., AppTest]) -> None:
    page = press(visit(), "start")
    job = board().get(job_id(page))
    assert job is not None
    reached(job, 1)
    press(page, "pause")
    time.sleep(0.1)  # for the step in hand when the pause came
    before = reached(job, 1)
    press(page, "step")
    after = reached(job, before.step + 1)
    assert after.step == before.step + 1
    page.run()
    assert any(f"step {after.step} loss {after.loss:.6f}" in markdown.value for markdown in page.markdown)


def test_both_restarts_repeat_the_run_and_only_one_changes_the_seed(visit: Callable[..., AppTest]) -> None:
    page = visit()
    page.slider(key="steps").set_value(10).run()
    press(page, "start")
    wait_for(page, "Done at step 10 of 10, with seed 0.")
    first = board().get(job_id(page))
    press(page, "restart")
    wait_for(page, "Done at step 10 of 10, with seed 0.")
    second = board().get(job_id(page))
    press(page, "reseed")
    wait_for(page, "Done at step 10 of 10, with seed 1.")
    third = board().get(job_id(page))
    assert first is not None
    assert second is not None
    assert third is not None
    assert len({first.id, second.id, third.id}) == 3
    assert second.view().history == first.view().history != third.view().history


def test_a_visitor_with_the_address_may_watch_but_not_control(visit: Callable[..., AppTest]) -> None:
    owner = press(visit(), "start")
    guest = visit(run_job=job_id(owner))
    assert enabled(guest) == {"start", "restart", "reseed"}
    assert "someone else&#x27;s run" in said(guest)
    press(guest, "start")
    assert job_id(guest) != job_id(owner)
    owner.run()
    assert "Training" in said(owner)


def test_an_unknown_id_or_another_panels_is_ignored_with_a_note(visit: Callable[..., AppTest]) -> None:
    elsewhere = board().start(countdown, Spec(), title="Other", visitor="ben", panel="other")
    for stale in ("no-such-run", elsewhere.id):
        page = visit(run_job=stale)
        assert "no longer kept" in said(page)
        assert enabled(page) == {"start"}


def test_changed_settings_are_pointed_out_while_the_run_keeps_its_own(visit: Callable[..., AppTest]) -> None:
    page = press(visit(), "start")
    assert "settings" not in said(page)
    page.slider(key="steps").set_value(4000).run()
    assert "keeps the ones it began with" in said(page)
    press(page, "stop")
    assert "Train uses the new ones" in said(page)
    press(page, "start")
    assert "settings" not in said(page)


def test_a_failure_is_told_in_place_as_it_was_written_and_keeps_the_curve(
    visit: Callable[..., AppTest],
) -> None:
    page = visit()
    page.number_input(key="fails_at").set_value(4).run()
    press(page, "start")
    wait_for(page, "Failed at step 3")
    assert r"\*smaller\* learning rate \<here\>" in page.error[0].value
    assert any("step 3 loss" in markdown.value for markdown in page.markdown)


def test_a_full_queue_is_told_in_place(visit: Callable[..., AppTest]) -> None:
    page = visit()
    others = [board().start(countdown, Spec(), title="x", visitor=str(n)) for n in range(22)]
    press(page, "start")
    assert "Every training place is taken and 20 more are waiting" in page.warning[0].value
    others[-1].stop()
    press(page, "start")
    assert "Waiting: 20th in the queue" in said(page)
    assert not page.warning
    assert enabled(page) == {"stop"}


def test_runs_of_the_apps_board_compute_with_one_torch_thread(visit: Callable[..., AppTest]) -> None:
    def threads(spec: Spec) -> Iterator[Progress]:
        import torch

        yield Progress(torch.get_num_threads(), spec.steps, 0.0)

    job = board().start(threads, Spec(), title="x", visitor="ana")
    assert job.join(20)
    assert reached(job, 1).step == 1


def view(**changed: object) -> JobView[Progress]:
    values: dict[str, object] = {
        "status": "running",
        "queue_place": None,
        "latest": Progress(1200, 5000, 0.5),
        "history": (),
        "eta_seconds": 70.0,
        "error": None,
        "steps_per_second": 54.3,
    }
    return JobView(**(values | changed))  # type: ignore[arg-type]


def test_progress_is_told_with_step_pace_and_time_left() -> None:
    assert progress_in_words(view()) == "Step 1,200 of 5,000 · 54 steps per second · about 70 seconds left"
    assert progress_in_words(view(status="paused")) == "Step 1,200 of 5,000 · 54 steps per second"
    assert progress_in_words(view(latest=None)) == "Step 0"


def test_an_early_end_is_told_with_its_reason() -> None:
    ended = view(status="abandoned", error="The run ended because nobody was watching it any more.")
    assert status_in_words(ended, 0, "Train") == (
        "Ended at step 1,200 of 5,000. The run ended because nobody was watching it any more."
    )
