"""The attention page draws what is computed for the typed prompt in each of its parts, and answers whatever is set."""

from __future__ import annotations

import math
import time
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from explorer.inspection.attention_heads import read_heads
from explorer.inspection.attention_layer import fresh_layer, layer_of
from explorer.inspection.attention_steps import take_steps
from explorer.inspection.attention_variants import read_variants
from explorer.models.checkpoints import load_checkpoint
from explorer.training.attention import TrainedHead
from tests.pages.driving import as_shown, chart, choose, go, matrices, open_page, press, problems, words

PAGE = "pages/attention.py"
PROMPT = "to be or not"
T = len(PROMPT)
AVERAGES, UNWEIGHTED, HEAD, HEADS, SPARSE = (
    "1 Averages",
    "2 Without weights",
    "3 Q, K, V",
    "4 Many heads",
    "5 Sparse masks",
)


def visit(part: str, prompt: str = PROMPT, **controls: Any) -> AppTest:
    return open_page(PAGE, address={"attention_prompt": prompt}, attention_part=part, **controls)


def test_four_maps_are_drawn_and_the_first_three_are_one() -> None:
    loop, triangle, zeros, data = (one.values for one in matrices(visit(AVERAGES), "attention_averaging"))
    np.testing.assert_allclose(loop, np.tri(T) / np.arange(1, T + 1)[:, None], atol=1e-6)
    np.testing.assert_allclose(triangle, loop, atol=1e-6)
    np.testing.assert_allclose(zeros, loop, atol=1e-6)
    np.testing.assert_allclose(data, take_steps(fresh_layer(PROMPT, 32, 16)).pattern, atol=1e-6)


def test_another_prompt_changes_the_fourth_map_alone() -> None:
    at = visit(AVERAGES)
    before = [one.values for one in matrices(at, "attention_averaging")]
    at.text_area(key="attention_prompt").set_value(PROMPT[::-1])
    after = [one.values for one in matrices(go(at), "attention_averaging")]
    assert [np.array_equal(a, b) for a, b in zip(before, after, strict=True)] == [True, True, True, False]


def test_without_weights_division_and_softmax_stand_side_by_side() -> None:
    at = visit(UNWEIGHTED)
    dot, masked, divided, softened = (one.values for one in matrices(at, "attention_without"))
    x = fresh_layer(PROMPT, 32, 16).inputs
    np.testing.assert_allclose(dot, x @ x.T / math.sqrt(32), atol=1e-4)
    assert np.isnan(masked).sum() == T * (T - 1) / 2
    np.testing.assert_allclose(divided.sum(axis=1), 1, atol=1e-3)
    assert softened.min() >= 0
    assert "attention_head_size" not in {n.key for n in at.number_input}  # it plays no part here


@pytest.mark.parametrize("mask", [True, False])
@pytest.mark.parametrize("scale", [True, False])
def test_the_steps_follow_mask_scale_and_head_size(mask: bool, scale: bool) -> None:
    at = visit(HEAD, attention_mask=mask, attention_scale=scale, attention_head_size=8)
    steps = take_steps(fresh_layer(PROMPT, 32, 8), mask=mask, scale=scale)
    drawn = [one.values for one in matrices(at, "attention_vectors") + matrices(at, "attention_steps")]
    names = ("queries", "keys", "values", "dot", "scaled", "masked", "pattern", "mixed")
    for values, name in zip(drawn, names, strict=True):
        np.testing.assert_allclose(values, getattr(steps, name), atol=1e-4, err_msg=name)


def test_the_cell_chosen_last_is_the_one_that_is_opened() -> None:
    at = visit(HEAD)
    assert "softmax" in opened(at)
    assert opened(choose(at, "attention_vectors", 1, 3, 2)) == "Key of token 3 “b”, channel 2"
    assert opened(choose(at, "attention_steps", 0, 5, 1)) == "Q Kᵀ: query 5 “␣”, key 1 “o”"
    assert opened(choose(at, "attention_vectors", 2, 0, 0)) == "Value of token 0 “t”, channel 0"
    assert opened(choose(at, "attention_steps", 4, 7, 15)).startswith("× V: query 7")


def opened(at: AppTest) -> str:
    """The heading of the arithmetic, as read."""
    said = [as_shown(str(m.value)) for m in at.markdown]
    (heading,) = [line for line in said if line.startswith("**") and line.endswith("**") and "?" not in line]
    assert ": equal to rounding" in words(at)
    return heading.strip("*")


def test_every_head_is_drawn_with_what_they_give_together() -> None:
    at = visit(HEADS, attention_heads=2)
    reading = read_heads(fresh_layer(PROMPT, 32, 16, 2))
    for one, pattern in zip(matrices(at, "attention_heads_wall"), reading.patterns, strict=True):
        np.testing.assert_allclose(one.values, pattern, atol=1e-5)
    joined, projected = (one.values for one in matrices(at, "attention_joined"))
    assert reading.projected is not None
    np.testing.assert_allclose(joined, reading.joined, atol=1e-5)
    np.testing.assert_allclose(projected, reading.projected, atol=1e-4)
    assert at.dataframe[-1].value["shape"].tolist()[3] == f"2 × {T} × {T}"


def test_masks_maps_and_reach_are_drawn_with_their_costs() -> None:
    at = visit(SPARSE, attention_window=3, attention_layers=3)
    variants = read_variants(fresh_layer(PROMPT, 32, 16), window=3, layers=3)
    drawn = [one.values for one in matrices(at, "attention_variants")]
    for i, variant in enumerate(variants):
        np.testing.assert_array_equal(drawn[i] > 0, variant.steps.allowed)
        np.testing.assert_array_equal(np.isnan(drawn[4 + i]), ~variant.steps.allowed)
        np.testing.assert_array_equal(drawn[8 + i], variant.reach)
    assert at.dataframe[0].value["multiply-adds"].tolist() == [v.cost for v in variants]
    lines = chart(at, "attention_cost")["series"]
    assert [line["name"] for line in lines] == ["full", "local", "strided", "strided, √T"]


def test_a_layer_and_a_head_of_a_checkpoint_are_looked_at() -> None:
    at = visit(HEAD, attention_source="a checkpoint", attention_layer=2, attention_head=3)
    shipped = load_checkpoint("shakespeare-gpt")
    steps = take_steps(layer_of(shipped.model, shipped.tokenizer.encode(PROMPT), 2), 3)
    np.testing.assert_allclose(matrices(at, "attention_steps")[3].values, steps.pattern, atol=1e-5)


def test_nothing_trained_yet_is_said_and_training_gives_the_head_that_is_looked_at() -> None:
    at = visit(HEAD, attention_source="trained on this page", attention_run_steps=30, attention_corpus="tale")
    assert "Nothing has been trained yet" in words(at)
    press(at, "attention_run_start")
    deadline = time.monotonic() + 60
    while "Held-out loss" not in words(go(at)):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    go(at)
    head = at.session_state["_attention_trained"]
    assert isinstance(head, TrainedHead)
    steps = take_steps(layer_of(head.model(), head.tokenizer.encode(PROMPT), 0))
    np.testing.assert_allclose(matrices(at, "attention_forming")[0].values, steps.pattern, atol=1e-5)
    np.testing.assert_allclose(matrices(at, "attention_steps")[3].values, steps.pattern, atol=1e-5)
    for part in (AVERAGES, UNWEIGHTED, HEADS, SPARSE):
        at.session_state["attention_part"] = part
        assert not problems(go(at)), part


@pytest.mark.parametrize(
    ("part", "controls", "said"),
    [
        (HEADS, {"attention_heads": 5}, "5 heads cannot share 32 channels equally"),
        (HEADS, {"attention_heads": 0}, "number of heads H must be from 1 to 64, got 0"),
        (HEAD, {"attention_head_size": 0}, "head size d must be from 1 to 1,024 channels, got 0"),
        (HEAD, {"attention_width": 0}, "width C must be from 1 to 1,024 channels, got 0"),
        (HEAD, {"attention_width": 10**9}, "got 1,000,000,000"),
        (SPARSE, {"attention_window": 0}, "at least 1 position, the query's own; got 0"),
        (SPARSE, {"attention_window": -5}, "got -5"),
    ],
)
def test_a_setting_that_cannot_be_is_one_sentence_in_place(part: str, controls: dict[str, Any], said: str) -> None:
    at = visit(part, **controls)
    (problem,) = problems(at)
    assert said in problem
    assert {s.value for s in at.subheader} >= {"Try this", "The code"}  # the rest of the page is there


def test_heads_that_do_not_share_the_width_of_a_run_disable_its_start() -> None:
    at = visit(HEAD, attention_source="trained on this page", attention_run_heads=5)
    assert "32 does not divide by 5" in problems(at)[0]
    assert at.button(key="attention_run_start").disabled


def test_a_window_longer_than_the_text_cuts_nothing_off_and_says_so() -> None:
    at = visit(SPARSE, attention_window=500)
    assert f"A window of 500 is longer than the {T} tokens" in words(at)
    masks = [one.values for one in matrices(at, "attention_variants")[:4]]
    assert all(np.array_equal(mask, np.tri(T)) for mask in masks)


FIRST_FIGURE = {
    AVERAGES: "attention_averaging",
    UNWEIGHTED: "attention_without",
    HEAD: "attention_steps",
    HEADS: "attention_heads_wall",
    SPARSE: "attention_variants",
}


@pytest.mark.parametrize("text", ["R", "<script>alert(1)</script>", "€ ᚠ \U0001f600", "*a* $b$ `c` [d](e)"])
def test_every_part_reads_one_token_and_any_characters(text: str) -> None:
    at = visit(AVERAGES, text)
    for part, key in FIRST_FIGURE.items():
        at.session_state["attention_part"] = part
        assert not problems(go(at))
        assert at.text_area(key="attention_prompt").value == text
        first = matrices(at, key)[0]
        assert first.row_labels == [c.replace(" ", "␣") for c in text]
        assert len(first.values) == len(text)


def test_an_empty_prompt_asks_for_a_character() -> None:
    at = visit(HEAD)
    at.text_area(key="attention_prompt").set_value("")
    assert "Type at least one character" in words(go(at))
    assert not at.error


@pytest.mark.parametrize("source", ["fresh weights", "a checkpoint"])
def test_a_hundred_thousand_characters_are_cut_to_the_last_64_and_stay_in_the_box(source: str) -> None:
    at = visit(HEAD, attention_source=source)
    text = "to be " * 17_000 + "the end"
    at.text_area(key="attention_prompt").set_value(text)
    go(at)
    assert "64 are read at once" in words(at)
    assert at.text_area(key="attention_prompt").value == text
    labels = matrices(at, "attention_steps")[0].row_labels
    assert "".join(labels) == text[-64:].replace(" ", "␣")


def test_a_character_that_a_checkpoint_never_saw_is_named_and_can_be_dropped() -> None:
    at = visit(HEAD, "to be €", attention_source="a checkpoint")
    assert "never seen “€”" in problems(at)[0]
    press(at, "attention_prompt_drop")
    assert not problems(at)


def test_the_experiments_show_what_they_claim() -> None:
    at = press(open_page(PAGE), "attention_try_0")
    table = at.dataframe[1].value
    assert table["largest weight in a row"].round(2).tolist() == [0.26, 0.88]
    press(at, "attention_try_1")
    assert "sums to 0.127; divided by it, its largest weight in size is **25.08**" in words(at)
    press(at, "attention_try_2")
    assert at.dataframe[0].value["attention kept"].tolist()[1] == "99.8%"
    press(at, "attention_try_3")
    assert "5 heads cannot share 32 channels" in problems(at)[0]


def test_the_measured_growth_of_the_variance_is_nearest_to_the_predicted_answer() -> None:
    variances = chart(visit(HEAD, "the cat sat on the mat"), "attention_variance")["series"][1]["data"]
    by_size = dict(variances)
    assert 12 < by_size[64] / by_size[4] < 20
