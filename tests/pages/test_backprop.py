"""The page Backprop by hand without a browser: questions, lamp, score, matrices, mistakes, and training."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from explorer.inspection.manual_backprop_questions import QUESTIONS
from explorer.ui.job_panel import board
from tests.pages.driving import chart, choose, component, go, matrices, open_page, press, problems, words

PAGE = "pages/backprop.py"


@pytest.fixture
def page() -> AppTest:
    return open_page(PAGE)


@pytest.fixture
def typing() -> AppTest:
    return open_page(PAGE, backprop_way="type it")


@pytest.fixture
def no_run_is_left() -> Iterator[None]:
    yield
    assert board().shutdown(timeout=10)
    board.clear()


def pick(at: AppTest, key: str, expression: str) -> AppTest:
    at.radio(key=f"backprop_pick_{key}").set_value(expression)
    return go(at)


def type_in(at: AppTest, key: str, text: str) -> AppTest:
    at.text_input(key=f"backprop_typed_{key}").set_value(text)
    return go(at)


def box(at: AppTest, name: str) -> dict[str, object]:
    (found,) = [node for node in component(at, "backprop_graph")["nodes"] if node["name"] == name]
    return dict(found)


def score(at: AppTest) -> str:
    return next(text for text in (p.proto.text for p in at.get("progress")) if text.startswith("Found"))


def test_it_begins_at_the_loss_with_the_shapes_on_the_graph(page: AppTest) -> None:
    assert box(page, "logprobs")["state"] == "asked"
    assert (box(page, "emb")["shape"], box(page, "gain")["shape"], box(page, "loss")["mark"]) == (
        "32×3×10",
        "1×64",
        "∂ = 1",
    )
    back = [edge for edge in component(page, "backprop_graph")["edges"] if edge["back"]]
    assert len(back) == 1
    assert "used in `loss = -logprobs[targets].mean()`" in words(page)
    assert score(page).startswith("Found by yourself: 0 of 28")


def test_a_right_pick_lights_the_lamp_marks_the_box_and_counts(page: AppTest) -> None:
    pick(page, "logprobs", QUESTIONS["logprobs"].solution)
    assert page.success[0].value.startswith("**Exact.**")
    assert "Take along" in words(page)
    assert score(page).startswith("Found by yourself: 1 of 28")
    press(page, "backprop_next")
    assert (box(page, "logprobs")["mark"], box(page, "probs")["state"]) == ("✓", "asked")
    assert page.radio(key="backprop_pick_probs").value is None


def test_a_wrong_pick_says_by_how_much_and_why(page: AppTest) -> None:
    pick(page, "logprobs", "one_hot(targets, V) / n")
    (lamp,) = problems(page)
    assert lamp.startswith("**Wrong.** Largest difference from autograd: 6.2e-02. Here the sign")
    assert score(page).startswith("Found by yourself: 0 of 28")


def test_a_missing_sum_is_a_wrong_shape_with_both_shapes(page: AppTest) -> None:
    at = press(page, "backprop_try_0")
    pick(at, "inv_sums", "counts * dprobs")
    (lamp,) = [warning.value for warning in at.warning]
    V = len(matrices(at, "backprop_logits")[0].column_labels)
    assert lamp.replace("\\", "").startswith(
        f"**Wrong shape.** Expected the shape (32, 1), the tensor's own; (32, {V}) came. Here a sum is missing"
    )


def test_rounding_is_close_and_counts_as_right(typing: AppTest) -> None:
    type_in(typing, "logprobs", "dlogprobs = -1/n * one_hot(targets, V) * 3 / 3")
    assert typing.success[0].value.startswith(("**Close", "**Exact"))
    at = open_page(PAGE, backprop_way="type it", backprop_question="sums")
    type_in(at, "sums", "-dinv_sums / sums / sums")
    assert at.success[0].value.startswith("**Close (approximate): right.** Largest difference from autograd")


MISTAKES = (
    ("rubbish!", "unknown name “rubbish”"),
    ("__import__('os')", "“__import__” is not a function here"),
    ("probs.__class__", "after a dot stands one of"),
    ("probs/0", "divides by zero"),
    ("9**9**9**9", "too large for a float"),
    ("one_hot(targets, 1000000000)", "one_hot needs a width from 1"),
    ("probs.reshape(-1, 1) * probs.reshape(1, -1)", "would make"),
    ("log(-probs)", "log needs numbers above 0"),
    ("<script>alert(1)</script>", "“<” has no meaning here"),
    ("dprobs", "dprobs is not known yet"),
    ("dlogprobs", "dlogprobs is what is asked for"),
    ("1" * 100_000, "at most 600 characters, got 2,000"),
    ("probs +", "Line 1, column 8"),
)


def test_every_mistake_is_one_line_in_place_and_the_page_goes_on(typing: AppTest) -> None:
    for text, said in MISTAKES:
        type_in(typing, "logprobs", text)
        (lamp,) = problems(typing)
        assert lamp.startswith("**Wrong: it cannot be worked out.** Line 1, column ")
        assert said in lamp
        assert component(typing, "backprop_graph")["nodes"]
    for nothing in ("", "    "):
        type_in(typing, "logprobs", nothing)
        assert [*typing.error, *typing.success, *typing.warning] == []


def test_hint_and_solution_are_revealed_on_request_and_the_score_knows(page: AppTest) -> None:
    assert QUESTIONS["logprobs"].hint not in words(page)
    press(page, "backprop_hint")
    assert "weight" in words(page) or "slope for those" in words(page)
    assert not any("dlogprobs = -one_hot" in block.value for block in page.code)
    press(page, "backprop_solution")
    assert any(block.value == "dlogprobs = -one_hot(targets, V) / n" for block in page.code)
    pick(page, "logprobs", QUESTIONS["logprobs"].solution)
    assert score(page).startswith("Found by yourself: 0 of 28. Looked up: 1.")
    press(page, "backprop_again")
    assert score(page).startswith("Found by yourself: 0 of 28. Looked up: 0.")
    assert page.radio(key="backprop_pick_logprobs").value is None


def test_the_score_arrives_with_the_address_and_rubbish_there_is_ignored() -> None:
    at = open_page(PAGE, address={"backprop_done": "s-o"})
    assert score(at).startswith("Found by yourself: 1 of 28. Looked up: 1.")
    assert (box(at, "logprobs")["mark"], box(at, "inv_sums")["mark"]) == ("▶✓", "○")
    at = open_page(PAGE, address={"backprop_done": "<é>" * 1000})
    assert score(at).startswith("Found by yourself: 0 of 28. Looked up: 0.")


def test_questions_open_with_four_choices_of_which_one_is_right(page: AppTest) -> None:
    for key in ("counts", "maxes", "W2", "C", "pre_at_once"):
        page.selectbox(key="backprop_question").set_value(key)
        go(page)
        assert len(page.radio(key=f"backprop_pick_{key}").options) == 4
        assert box(page, QUESTIONS[key].asked)["state"] == "asked"
        pick(page, key, QUESTIONS[key].solution)
        assert page.success, key
    assert page.button(key="backprop_next").disabled
    assert score(page).startswith("Found by yourself: 5 of 28")


def test_a_cell_of_a_gradient_opens_to_its_uses(page: AppTest) -> None:
    page.selectbox(key="backprop_tensor").set_value("counts")
    go(page)
    value, gradient = matrices(page, "backprop_gradient")
    assert (value.title, gradient.title) == ("counts", "∂loss/∂counts")
    assert value.values.shape == gradient.values.shape
    choose(page, "backprop_gradient", 1, 3, 4)
    assert f"{gradient.values[3, 4]:.5g}"[:5] in next(
        c.value for c in page.caption if c.value.startswith("In the figure")
    )
    parts = next(frame.value for frame in page.dataframe if "upstream" in frame.value.columns)
    assert parts["through"].tolist() == ["probs", "sums"]


def test_the_rows_of_the_logits_gradient_sum_to_0_with_one_negative_cell_each(page: AppTest) -> None:
    gradient, sums = matrices(page, "backprop_logits")
    assert np.abs(sums.values).max() < 1e-6
    assert ((gradient.values < 0).sum(axis=1) == 1).all()
    pull = [bar["value"] for bar in chart(page, "backprop_pull")["series"][0]["data"]]
    assert sum(pull) == pytest.approx(0, abs=1e-3)
    np.testing.assert_allclose(pull, -32 * gradient.values[0], atol=1e-4)


def test_the_table_of_closed_forms_saves_operations(page: AppTest) -> None:
    table = next(frame.value for frame in page.dataframe if "closed form" in frame.value.columns)
    assert (table["operations, closed"] < table["operations, long chain"]).all()
    assert (table["largest difference"] < 1e-15).all()


@pytest.mark.usefixtures("no_run_is_left")
def test_training_by_hand_ends_with_two_equal_curves_and_the_whole_splits_losses() -> None:
    at = open_page(PAGE, backprop_steps=150, backprop_width=16)
    press(at, "backprop_run_start")
    deadline = time.monotonic() + 30
    while "Over the whole splits" not in words(at):
        assert time.monotonic() < deadline
        time.sleep(0.2)
        go(at)
    ours, theirs = chart(at, "backprop_losses")["series"]
    np.testing.assert_allclose(ours["data"], theirs["data"], atol=1e-5)
    assert ours["data"][-1][0] == 150


def test_a_rate_of_zero_is_refused_in_place() -> None:
    at = open_page(PAGE, backprop_rate=0.0)
    assert problems(at) == ["learning_rate must be a positive number, got 0.0."]
    assert at.button(key="backprop_run_start").disabled
