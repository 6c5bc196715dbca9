"""The first neurons page: what the figures show is true of the settings, and every claim of the page holds."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from explorer.ui.job_panel import board
from explorer.ui.timeline import STEPS
from tests.pages.driving import ROOT, as_shown, chart, choose, go, matrices, press, problems, words

PAGE = "pages/first_neurons.py"
SCRIPT = """
import streamlit as st
st.navigation([st.Page({page!r}, title="First neurons"), st.Page({other!r}, title="Bigram")]).run()
"""


@pytest.fixture
def page(tmp_path: Path) -> Iterator[AppTest]:
    """The page in a navigation of its own, beside one other page; its runs end with the test."""
    script = SCRIPT.format(page=str(ROOT / PAGE), other=str(ROOT / "pages/bigram.py"))
    yield go(AppTest.from_string(script, default_timeout=60))
    board().shutdown(timeout=5)
    board.clear()


def tried(at: AppTest, label: str) -> AppTest:
    return press(at, str(next(b.key for b in at.button if b.label == label)))


def points(at: AppTest, figure: str, series: str) -> list[list[float]]:
    return next(list(s["data"]) for s in chart(at, figure)["series"] if s["name"] == series)


def trained(at: AppTest, panel: str, end: str = "Done") -> AppTest:
    """Press Train and look again until the run has ended."""
    press(at, f"{panel}_start")
    for _ in range(200):
        if any(f">{end} at step" in html.proto.body for html in at.get("html")):
            return at
        time.sleep(0.05)
        go(at)
    raise AssertionError(f"{panel} did not end")


def test_the_first_view_shows_an_or_for_an_and_and_says_which_corners_are_wrong(page: AppTest) -> None:
    assert "2 of 4 corners right" in words(page)
    assert points(page, "neurons_plane", "wrong") == [[0, 1], [1, 0]]
    table = page.table[0].value
    assert table.iloc[:, 2].tolist()[1] == "1×0 + 1×1 = 1 ≥ 0.5"
    page.slider(key="neurons_theta").set_value(1.5)
    go(page)
    assert points(page, "neurons_plane", "wrong") == []
    assert any("this is AND" in str(s.value) for s in page.success)


def test_xor_fails_with_one_unit_and_a_second_unit_makes_it(page: AppTest) -> None:
    assert "Three corners are right" in words(tried(page, "XOR with one unit"))
    assert "3 of 4 corners right" in words(page)
    tried(page, "Give XOR a second unit")
    assert any("this is XOR" in str(s.value) for s in page.success)
    assert page.table[0].value["h"].tolist() == [0, 0, 0, 1]  # the notice: h fires at (1, 1) alone


def test_three_units_make_xor_with_nothing_to_set(page: AppTest) -> None:
    page.session_state["neurons_gate"], page.session_state["neurons_size"] = "XOR", "three units"
    go(page)
    assert any("this is XOR" in str(s.value) for s in page.success)
    assert not [s for s in page.slider if s.key == "neurons_w1"]


def test_the_perceptron_learns_two_clouds_and_keeps_within_the_bound_it_prints(page: AppTest) -> None:
    page.session_state["neurons_task"], page.session_state["neurons_pace"] = "two clouds", 500
    trained(go(page), "neurons_perceptron")
    found = re.search(r"\*\*(\d+)\*\* mistakes so far, of at most .* = \*\*([\d,]+)\*\*", words(page))
    assert found is not None
    assert 0 < int(found[1]) <= int(found[2].replace(",", ""))
    assert points(page, "neurons_points", "wrong") == []
    assert any("A whole round without a mistake" in str(s.value) for s in page.success)
    assert sum(bar["value"] for bar in chart(page, "neurons_mistakes")["series"][0]["data"]) == int(found[1])
    learned_from = points(page, "neurons_points", "target 1")
    page.slider(key="neurons_distance").set_value(8.0)
    go(page)  # the run is over: the clouds now follow the slider, and wait for a run of their own
    assert points(page, "neurons_points", "target 1") != learned_from
    assert not [s for s in chart(page, "neurons_points")["series"] if s["name"] == "threshold"]


def test_the_perceptron_on_xor_says_that_it_was_stopped_still_making_mistakes(page: AppTest) -> None:
    tried(page, "Let the perceptron try XOR")
    page.session_state["neurons_pace"], page.session_state["neurons_rounds"] = 500, 10
    trained(go(page), "neurons_perceptron")
    assert "No line parts these points" in words(page)
    assert "Stopped after 10 rounds, still making mistakes" in words(page)
    assert min(bar["value"] for bar in chart(page, "neurons_mistakes")["series"][0]["data"]) > 0


def test_the_weights_drawn_are_the_stored_pictures_and_a_click_opens_one(page: AppTest) -> None:
    (drawn,) = matrices(page, "neurons_weights")
    assert drawn.values.shape == (25, 25)
    assert drawn.values.diagonal() == pytest.approx(3 * 0.25)
    choose(page, "neurons_weights", 0, 0, 4)
    caption = next(str(c.value) for c in page.caption if "In the figure:" in str(c.value))
    assert f"In the figure: {drawn.values[0, 4]:.6g}." in caption
    assert "equal to rounding" in caption


def test_unticking_a_picture_takes_its_weights_away(page: AppTest) -> None:
    before = matrices(page, "neurons_weights")[0].values
    page.checkbox(key="neurons_store_X").set_value(False)
    go(page)
    after = matrices(page, "neurons_weights")[0].values
    x = np.array([[1 if r == c or r + c == 4 else -1 for c in range(5)] for r in range(5)]).ravel()
    assert before - after == pytest.approx(0.25 * np.outer(x, x))


def test_too_many_pictures_disturb_t_and_l_as_the_notice_says(page: AppTest) -> None:
    tried(page, "Store too many pictures")
    titles = [m.title for m in matrices(page, "neurons_recall")]
    assert dict(zip(titles[::2], titles[1::2], strict=True)) == {
        "T: given": "2 wrong",
        "X: given": "recalled",
        "O: given": "recalled",
        "L: given": "3 wrong",
        "Z: given": "recalled",
        "H: given": "recalled",
    }


def test_hebb_grows_past_a_billion_and_oja_stays_at_one_along_the_component(page: AppTest) -> None:
    page.session_state["neurons_stream_pace"] = 500
    trained(go(page), "neurons_stream")
    found = re.search(r"Hebb’s rule \*\*([\d,.]+)\*\*.*Oja’s \*\*([\d.]+)\*\*.*lie \*\*([\d.]+)°", words(page))
    assert found is not None
    hebb, oja, angle = (float(number.replace(",", "")) for number in found.groups())
    assert hebb > 1e9
    assert oja == pytest.approx(1, abs=0.05)
    assert angle < 5


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("###\n###", "Expected 5 rows of 5 characters, got rows of this many characters: 3, 3."),
        (".....\n" * 5, "All cells of this picture are equal"),
        ("<b>##\n" + "#####\n" * 4, "Expected only # for a full and . for an empty cell, got < > b."),
    ],
)
def test_a_picture_that_cannot_be_is_explained_in_place(page: AppTest, text: str, says: str) -> None:
    page.session_state["neurons_own"], page.session_state["neurons_own_text"] = True, text
    go(page)
    (problem,) = problems(page)
    assert problem.startswith(says)
    assert points(page, "neurons_plane", "target 1")  # the rest of the page goes on


def test_a_rate_of_zero_is_explained_in_place_and_nothing_can_be_started(page: AppTest) -> None:
    page.session_state["neurons_hebb_rate"] = page.session_state["neurons_stream_rate"] = 0.0
    go(page)
    assert len(problems(page)) == 2
    assert all("The learning rate η must be a positive number, got 0.0" in problem for problem in problems(page))
    assert page.button(key="neurons_stream_start").disabled


def test_nothing_stored_is_said(page: AppTest) -> None:
    for name in "TXO":
        page.session_state[f"neurons_store_{name}"] = False
    assert "Nothing is stored" in words(go(page))


def test_the_timeline_marks_this_page_links_pages_that_exist_and_no_others(page: AppTest) -> None:
    marked = [html.proto.body for html in page.get("html") if "on this page" in html.proto.body]
    assert [re.findall(r"\d{4}", body)[0] for body in marked] == ["1943", "1949", "1958"]
    text = " ".join(html.proto.body for html in page.get("html"))
    assert all(step.paper.split("“")[0].strip(" ,") in text for step in STEPS)
    assert [step.year for step in STEPS] == sorted(step.year for step in STEPS)
    linked = {link.proto.label for link in page.get("page_link")}
    assert "Hopfield network" not in linked  # this little app has no such page
    assert as_shown("Threshold unit") not in linked
