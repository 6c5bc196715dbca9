"""The slider over snapshots, without a browser: a page of our own, and one inside a training panel."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from explorer.ui.job_panel import board
from explorer.ui.scrubber import scrubber

PAGE = Path(__file__).parent / "scripts" / "scrubber_page.py"


def script() -> None:
    import streamlit as st

    from explorer.ui.scrubber import scrubber

    st.session_state.setdefault("steps", [])
    st.session_state.setdefault("live", False)
    st.session_state["index"] = scrubber("snapshot", st.session_state["steps"], st.session_state["live"])
    st.slider("Another", 0, 9, 0, key="another")


def show(at: AppTest | None = None, **state: Any) -> AppTest:
    at = at or AppTest.from_function(script, default_timeout=20)
    for name, value in state.items():
        at.session_state[name] = value
    return at.run()


def index(at: AppTest) -> int:
    assert not at.exception, at.exception[0].value
    chosen: int = at.session_state["index"]
    return chosen


def test_without_snapshots_there_is_no_slider_and_no_index() -> None:
    at = show()
    assert index(at) == -1
    assert not at.select_slider
    assert "no snapshot yet" in at.caption[0].value


@pytest.mark.parametrize("live", [True, False])
def test_a_single_snapshot_is_drawn_and_named(live: bool) -> None:
    at = show(steps=[1200], live=live)
    assert index(at) == 0
    assert not at.select_slider
    assert "step 1,200" in at.caption[0].value


def test_while_the_run_is_live_the_newest_is_drawn_whatever_was_chosen_before() -> None:
    at = show(steps=[0, 10, 20], live=True)
    assert index(at) == 2
    assert at.select_slider(key="snapshot_live").disabled
    assert index(show(at, steps=[0, 10, 20, 30])) == 3
    at = show(at, live=False)
    at.select_slider(key="snapshot").set_value(10).run()
    assert index(at) == 1
    assert index(show(at, live=True)) == 3


def test_afterwards_the_choice_stays_through_reruns_while_the_snapshots_are_the_same() -> None:
    at = show(steps=[0, 10, 20, 30])
    assert index(at) == 3
    assert not at.select_slider(key="snapshot").disabled
    at.select_slider(key="snapshot").set_value(10).run()
    assert index(at) == 1
    at.slider(key="another").set_value(5).run()
    assert index(at) == 1


@pytest.mark.parametrize("others", [[0, 10, 20, 30, 40], [5, 10], [0, 10, 20]])
def test_other_snapshots_begin_at_their_newest(others: list[int]) -> None:
    at = show(steps=[0, 10, 20, 30])
    at.select_slider(key="snapshot").set_value(10).run()
    assert index(show(at, steps=others)) == len(others) - 1
    assert at.select_slider(key="snapshot").options == [f"{step:,}" for step in others]


def test_a_slider_that_was_gone_for_a_while_begins_at_the_newest() -> None:
    at = show(steps=[0, 10, 20])
    at.select_slider(key="snapshot").set_value(0).run()
    assert index(show(at, steps=[])) == -1
    assert index(show(at, steps=[0, 10, 20, 30])) == 3


@pytest.mark.parametrize("steps", [[3, 3], [5, 4]])
def test_steps_that_do_not_rise_are_refused(steps: list[int]) -> None:
    with pytest.raises(ValueError, match="must rise, each once"):
        scrubber("snapshot", steps, live=False)


def test_numpy_steps_are_steps() -> None:
    import numpy as np

    assert index(show(steps=np.array([0, 10, 20]))) == 2


def test_in_a_panel_it_follows_the_run_and_then_keeps_its_place_through_reruns_and_page_changes() -> None:
    at = AppTest.from_file(str(PAGE), default_timeout=20).run()
    try:
        at.button(key="run_start").click().run()
        followed = set()
        deadline = time.monotonic() + 20
        while not at.select_slider or at.select_slider[0].disabled:
            assert time.monotonic() < deadline, "the run never ended"
            if at.select_slider:
                slider = at.select_slider(key="run_snapshot_live")
                followed.add(slider.value)
                assert f"{slider.value:,}" == slider.options[-1]
            time.sleep(0.05)
            at.run()
        assert len(followed) >= 2
        at.select_slider(key="run_snapshot").set_value(20).run()
        assert "snapshot of step 20 " in at.markdown[0].value
        at.slider(key="any_number").set_value(9).run()
        assert "snapshot of step 20 " in at.markdown[0].value
        assert not at.exception
    finally:
        assert board().shutdown(timeout=5)
        board.clear()
