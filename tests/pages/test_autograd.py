"""The autograd page without a browser: stepping, typed expressions, mistakes, and training on the moons."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from explorer.inspection.autograd import after, read_expression
from explorer.ui.sections.autograd import DEAD, NEURON, README, REUSED, step_in_words, sum_in_words

PAGE = str(Path(__file__).parents[2] / "pages" / "autograd.py")


@pytest.fixture
def page() -> AppTest:
    at = AppTest.from_file(PAGE, default_timeout=60)
    at.run()
    assert not at.exception
    return at


def graph(at: AppTest) -> dict[str, Any]:
    sent = next(json.loads(c.proto.json) for c in at.get("bidi_component") if "edges" in c.proto.json)
    assert isinstance(sent, dict)
    return sent


def grads(at: AppTest) -> dict[str, str]:
    return {node["name"]: node["grad"] for node in graph(at)["nodes"]}


def press(at: AppTest, label: str) -> None:
    next(button for button in at.button if button.label == label).click().run()
    assert not at.exception


def test_next_sends_one_values_gradient_on_and_previous_takes_it_back(page: AppTest) -> None:
    assert grads(page) == {"a": "–", "b": "–", "c": "–", "e": "–", "d": "–", "f": "–", "L": "1"}
    press(page, "Next")
    assert grads(page) == {"a": "–", "b": "–", "c": "–", "e": "–", "d": "−2", "f": "4", "L": "1"}
    assert [node["flag"] for node in graph(page)["nodes"] if node["name"] == "L"] == ["▶ visited now"]
    assert sorted(edge["slope"] for edge in graph(page)["edges"] if edge["state"] == "now") == ["× 4", "× −2"]
    press(page, "Previous")
    assert grads(page)["d"] == "–"


def test_run_all_fills_every_box_and_back_to_start_empties_them(page: AppTest) -> None:
    press(page, "Run all")
    assert grads(page) == {"a": "6", "b": "−4", "c": "−2", "e": "−2", "d": "−2", "f": "4", "L": "1"}
    assert next(button for button in page.button if button.label == "Next").disabled
    press(page, "Back to start")
    assert grads(page)["a"] == "–"


def test_another_expression_begins_at_its_start(page: AppTest) -> None:
    press(page, "Run all")
    page.text_area(key="autograd_text").set_value("p = 3; q = p*p").run()
    assert not page.exception
    assert grads(page) == {"p": "–", "q": "1"}


def test_a_mistake_is_one_line_with_its_place_and_the_page_goes_on(page: AppTest) -> None:
    for text, place in (
        ("__import__('os')", "Line 1, column 1"),
        ("a = 2\na/(a - 2)", "Line 2, column 2"),
        ("", "Line 1"),
    ):
        page.text_area(key="autograd_text").set_value(text).run()
        assert not page.exception
        (message,) = [error.value for error in page.error]
        assert place in message.replace("\\", "")
        assert any(button.label == "Train" for button in page.button)


def test_the_chosen_box_shows_its_sum(page: AppTest) -> None:
    sent = graph(page)
    page.session_state["autograd_graph"] = {"choice": {"node": 1, "of": sent["graph"]}}
    press(page, "Run all")
    assert any("∂L/∂b = 2 × (−2)" in m.value.replace("\\", "") for m in page.markdown)


@pytest.mark.parametrize(
    ("label", "ends"),
    [
        ("A neuron", {"o": "1", "w2": "0", "w1": "1"}),
        ("A dead relu", {"w": "0", "x": "0", "h": "5"}),
        ("The example of micrograd", {"a": "138.8338", "b": "645.5773"}),
    ],
)
def test_an_experiment_shows_what_its_notice_says(page: AppTest, label: str, ends: dict[str, str]) -> None:
    press(page, label)
    assert {name: grads(page)[name] for name in ends} == ends
    assert any("Notice" in info.value for info in page.info)


def test_a_number_used_three_times_adds_its_shares_in_words() -> None:
    reading = read_expression(REUSED)
    end = after(reading, 2)
    assert step_in_words(reading, end) == (
        "Visit 2 of 2: b, whose gradient 3 is final. a gets 1 × 3 = 3; a gets 1 × 3 = 3. Every gradient is final."
    )
    assert sum_in_words(reading, end, 0) == (
        "∂y/∂a = 6 × 1 (through y) + 1 × 3 (through b) + 1 × 3 (through b) = 12. a is used 3 times, so its shares add."
    )
    assert "2 of 3 shares are still to come" in sum_in_words(reading, after(reading, 1), 0)


def test_what_the_notices_say_is_so() -> None:
    neuron, dead, readme = read_expression(NEURON), read_expression(DEAD), read_expression(README)
    assert neuron.slopes[neuron.targets == neuron.root].round(4).tolist() == [0.5]
    assert round(float(readme.data[-1]), 4) == 24.7041
    assert dead.data[dead.names.index("h")] == 0
    assert (len(neuron.visits), len(dead.visits), len(readme.visits)) == (5, 4, 25)


def test_training_on_the_moons_draws_and_compares_with_torch(page: AppTest) -> None:
    page.slider(key="moons_hidden").set_value(2).run()
    page.number_input(key="moons_steps").set_value(3).run()
    press(page, "Train")
    deadline = time.monotonic() + 30
    while not any("same network in PyTorch" in m.value for m in page.markdown) and time.monotonic() < deadline:
        time.sleep(0.2)
        page.run()
    assert not page.exception
    charts = [json.loads(c.proto.spec) for c in page.get("echarts_chart")]
    assert any(series["type"] == "heatmap" for chart in charts for series in chart["series"])


def test_a_learning_rate_of_zero_is_refused_in_place_and_train_is_off(page: AppTest) -> None:
    page.number_input(key="moons_rate").set_value(0.0).run()
    assert not page.exception
    assert any("learning" in error.value for error in page.error)
    assert next(button for button in page.button if button.label == "Train").disabled
