"""GPT inside draws what the model computed for the typed prompt, and answers whatever is typed."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch
from streamlit.testing.v1 import AppTest

from explorer.inspection.ablation import read_next
from explorer.inspection.attention import AttentionTrace, head_stages, open_cell, trace_attention
from explorer.inspection.head_behaviour import measure_behaviours, measure_induction
from explorer.models.checkpoints import Checkpoint, load_checkpoint
from tests.pages.driving import bars, chart, choose, component, go, matrices, open_page, press, problems, words

PAGE = "pages/gpt_inside.py"
PROMPT = "To be, or not"
ONE_HEAD = {"prompt": PROMPT, "gpt_part": "2 One head"}


@pytest.fixture(scope="module")
def shipped() -> Checkpoint:
    return load_checkpoint("shakespeare-gpt")


@pytest.fixture(scope="module")
def trace(shipped: Checkpoint) -> AttentionTrace:
    return trace_attention(shipped.model, shipped.tokenizer.encode(PROMPT))


def box(at: AppTest) -> str:
    return str(at.text_area(key="prompt").value)


def type_prompt(at: AppTest, text: str) -> AppTest:
    at.text_area(key="prompt").set_value(text)
    return go(at)


def test_the_wall_holds_the_attention_of_every_head_on_the_typed_prompt(trace: AttentionTrace) -> None:
    wall = matrices(open_page(PAGE, address={"prompt": PROMPT}), "gpt_wall")
    L, H, T = trace.patterns.shape[:3]
    assert len(wall) == L * H
    for number, one in enumerate(wall):
        assert one.title == f"layer {number // H} · head {number % H}"
        assert one.row_labels == [c.replace(" ", "␣") for c in PROMPT]
        np.testing.assert_allclose(one.values, trace.patterns[number // H, number % H], atol=1e-6)
        assert one.values.sum(axis=1) == pytest.approx(np.ones(T), abs=1e-5)


def test_under_every_map_stands_where_it_looks_most_with_its_measured_share(
    shipped: Checkpoint, trace: AttentionTrace
) -> None:
    at = open_page(PAGE, address={"prompt": PROMPT})
    notes = [one["note"] for one in component(at, "gpt_wall")["matrices"]]
    induction, H = measure_induction(shipped.model).scores, trace.patterns.shape[1]
    for number, note in enumerate(notes):
        layer, head = divmod(number, H)
        maps = torch.from_numpy(trace.patterns[layer])
        scores = {k: float(v[head]) for k, v in measure_behaviours(maps, shipped.tokenizer.encode(PROMPT)).items()}
        scores["induction"] = float(induction[layer, head])
        best = max(scores, key=lambda name: scores[name])
        assert note == f"{'● ' if scores[best] >= 0.4 else ''}{best} {100 * scores[best]:.0f} %"
    assert "at least 40 %" in words(at)


def test_another_prompt_gives_other_maps_and_other_next_tokens() -> None:
    at = open_page(PAGE)
    before = matrices(at, "gpt_wall")[0].values, bars(chart(at, "gpt_next")["series"][0])
    type_prompt(at, PROMPT)
    assert matrices(at, "gpt_wall")[0].values.shape != before[0].shape
    assert not np.array_equal(bars(chart(at, "gpt_next")["series"][0]), before[1])


def test_a_chosen_map_opens_its_head_and_its_five_stages(trace: AttentionTrace) -> None:
    H = trace.patterns.shape[1]
    at = choose(open_page(PAGE, address={"prompt": PROMPT}), "gpt_wall", 2 * H + 3, 4, 1)
    assert any(s.value == "Layer 2, head 3 opened" for s in at.subheader)
    assert component(at, "gpt_arcs")["passed"] == {"layer": 2, "head": 3, "token": len(PROMPT) - 1}
    press(at, "gpt_take_apart")
    assert any(s.value == "Layer 2, head 3 opened" for s in at.subheader)
    stages = head_stages(trace, 2, 3)
    drawn = [one.values for one in matrices(at, "gpt_stages")]
    for values, name in zip(drawn, ("dot", "scaled", "masked", "pattern", "mixed"), strict=True):
        np.testing.assert_allclose(values, getattr(stages, name), atol=1e-4, err_msg=name)
    np.testing.assert_allclose(drawn[1], drawn[0] / np.sqrt(stages.queries.shape[1]), atol=1e-4)


@pytest.mark.parametrize(
    ("stage", "cell"), [("dot", (5, 2)), ("masked", (2, 5)), ("pattern", (7, 3)), ("mixed", (4, 9))]
)
def test_a_chosen_stage_cell_opens_the_arithmetic_of_that_cell(
    stage: str, cell: tuple[int, int], trace: AttentionTrace
) -> None:
    number = ("dot", "scaled", "masked", "pattern", "mixed").index(stage)
    at = choose(open_page(PAGE, address=ONE_HEAD), "gpt_stages", number, *cell)
    labels = tuple(c.replace(" ", "␣") for c in PROMPT)
    opened = open_cell(head_stages(trace, 0, 0), stage, *cell, labels)  # type: ignore[arg-type]
    assert opened.formula in str(at.latex[-1].value)
    caption = next(str(c.value) for c in at.caption if "In the figure:" in str(c.value))
    assert ": equal to rounding" in caption
    shown = float(re.findall(r"In the figure: (\S+)\. Worked", caption)[0])
    assert shown == pytest.approx(opened.shown, rel=1e-4, abs=1e-6)
    assert len(at.dataframe[0].value) == len(opened.rows)


def test_every_click_in_a_row_is_followed_on_the_wall_and_on_the_stages() -> None:
    at = open_page(PAGE, address={"prompt": PROMPT})
    for head in (3, 8, 3, 0, 14):
        choose(at, "gpt_wall", head, 2, 1)
        assert any(s.value == f"Layer {head // 6}, head {head % 6} opened" for s in at.subheader)
    at = open_page(PAGE, address=ONE_HEAD)
    for query in (4, 7, 9, 4):
        choose(at, "gpt_stages", 3, query, 2)
        assert f"query {query} " in words(at)


def test_a_head_chosen_at_the_arcs_opens_and_the_wall_can_change_it_again() -> None:
    at = open_page(PAGE, address={"prompt": PROMPT})
    for layer in (2, 4, 2):
        passed = component(at, "gpt_arcs")["passed"]
        at.session_state["gpt_arcs"] = {"chosen": {"layer": layer, "head": 5, "token": 1, "disabled": [], "of": passed}}
        go(at)
        assert any(s.value == f"Layer {layer}, head 5 opened" for s in at.subheader)
        assert component(at, "gpt_wall")["selected"] == [layer * 6 + 5, 0, 0]
        choose(at, "gpt_wall", 7, 0, 0)
        assert any(s.value == "Layer 1, head 1 opened" for s in at.subheader)


def test_the_next_token_bars_are_the_models_probabilities_and_sum_to_one(
    shipped: Checkpoint, trace: AttentionTrace
) -> None:
    drawn = chart(open_page(PAGE, address={"prompt": PROMPT}), "gpt_next")
    values, names = bars(drawn["series"][0]), drawn["yAxis"]["data"]
    expected = trace.next_probabilities
    assert values.sum() == pytest.approx(1, abs=1e-5)
    for name, value in list(zip(names, values, strict=True))[:-1]:
        assert value == pytest.approx(expected[shipped.tokenizer.labels.index(name)], abs=1e-5)
    assert values[0] == pytest.approx(expected.max(), abs=1e-5)


def test_a_head_switched_off_changes_bars_and_loss_as_the_package_says(shipped: Checkpoint) -> None:
    at = open_page(PAGE, address={"prompt": PROMPT})
    at.session_state["gpt_arcs"] = {"chosen": {"layer": 0, "head": 0, "token": 3, "disabled": [[0, 0], [2, 1]]}}
    go(at)
    ids = shipped.tokenizer.encode(PROMPT)
    whole, without = read_next(shipped.model, ids), read_next(shipped.model, ids, {(0, 0), (2, 1)})
    assert whole.loss is not None
    assert without.loss is not None
    assert f"{whole.loss:.3f} → **{without.loss:.3f}**" in words(at)
    series = chart(at, "gpt_next")["series"]
    assert len(series) == 2
    assert bars(series[1]).sum() == pytest.approx(1, abs=1e-5)
    assert bars(series[1])[:-1].max() <= without.probabilities.max() + 1e-5


def test_the_right_prediction_is_true(trace: AttentionTrace) -> None:
    at = open_page(PAGE)
    at.radio(key="gpt_predict").set_value("4")
    assert go(at).success
    assert (trace.patterns[:, :, 3, 4:] == 0).all()
    assert (trace.patterns[:, :, 3, :4] > 0).all()


def test_one_token_puts_all_its_attention_on_itself() -> None:
    at = press(open_page(PAGE), "gpt_try_2")
    assert box(at) == "R"
    assert all(one.values.tolist() == [[1.0]] for one in matrices(at, "gpt_wall"))


def test_the_repeated_phrase_repeats_and_every_head_shows_it_whole() -> None:
    at = press(open_page(PAGE), "gpt_try_1")
    period, text = len("the king and "), box(at)
    assert len(text) > 2 * period
    assert all(text[t] == text[t - period] for t in range(period, len(text)))
    assert all(one.values.shape == (len(text), len(text)) for one in matrices(at, "gpt_wall"))


def test_an_unknown_character_is_named_and_dropping_takes_it_and_nothing_else() -> None:
    at = press(open_page(PAGE), "gpt_try_3")
    assert "“€”" in problems(at)[0]
    assert box(at) == "To be or not to be €?"
    assert not at.get("bidi_component")
    press(at, "prompt_drop")
    assert box(at) == "To be or not to be ?"
    assert not at.error
    assert len(matrices(at, "gpt_wall")[0].row_labels) == len("To be or not to be ?")


@pytest.mark.parametrize("typed", ["<script>alert(1)</script>", "**x** [a](b) # h", "`a` $b$ :smile: ~c~"])
def test_markup_in_a_prompt_is_text_like_any_other(typed: str, shipped: Checkpoint) -> None:
    at = type_prompt(open_page(PAGE), typed)
    missing = shipped.tokenizer.missing(typed)
    assert box(at) == typed
    assert all(f"“{character}”" in problems(at)[0] for character in missing)
    press(at, "prompt_drop")
    assert box(at) == "".join(c for c in typed if c not in missing)
    labels = component(at, "gpt_arcs")["tokens"]
    assert labels == [c.replace(" ", "␣") for c in box(at)]


def test_an_empty_prompt_asks_for_a_character() -> None:
    at = type_prompt(open_page(PAGE), "")
    assert "Type at least one character" in words(at)
    assert not at.get("bidi_component")


@pytest.mark.parametrize("length", [257, 1000, 100_000])
def test_a_prompt_longer_than_the_context_says_how_much_is_left_out_and_loses_nothing(
    length: int, shipped: Checkpoint
) -> None:
    typed = ("What light is this? " * 6000)[:length]
    at = type_prompt(open_page(PAGE), typed)
    limit = shipped.model.config.context_length
    assert (
        f"The prompt has {length:,} tokens; {limit} are read at once. The first {length - limit:,} are left out"
        in words(at)
    )
    assert box(at) == typed
    arcs = component(at, "gpt_arcs")
    assert arcs["tokens"] == [c.replace(" ", "␣") for c in typed[-128:]]
    assert arcs["first"] == limit - 128
    wall = matrices(at, "gpt_wall")
    expected = trace_attention(shipped.model, shipped.tokenizer.encode(typed[-limit:])).patterns
    block = limit // wall[0].values.shape[0]
    largest = expected[0, 0].reshape(limit // block, block, limit // block, block).max(axis=(1, 3))
    np.testing.assert_allclose(wall[0].values, largest, atol=0.01)


def test_the_address_sets_prompt_head_and_cell_and_rubbish_is_ignored(trace: AttentionTrace) -> None:
    at = open_page(PAGE, address=ONE_HEAD | {"head": "7-0-0", "stage": "0-3-2"})
    assert any(s.value == "Layer 1, head 1 opened" for s in at.subheader)
    assert "query 3" in words(at)
    plain = words(open_page(PAGE, address=ONE_HEAD))
    for rubbish in ("999-0-0", "-1-0-0", "a-b-c", "1"):
        assert words(open_page(PAGE, address=ONE_HEAD | {"head": rubbish, "stage": rubbish})) == plain


def test_a_cell_of_a_longer_prompt_falls_back_when_the_prompt_gets_shorter() -> None:
    at = choose(open_page(PAGE, address=ONE_HEAD), "gpt_stages", 3, 12, 12)
    assert "query 12" in words(at)
    type_prompt(at, "Oh")
    assert "query 12" not in words(at)


def test_the_prompt_goes_with_the_visitor_from_page_to_page_default_or_typed() -> None:
    at = open_page(PAGE)
    default = box(at)
    go(at.switch_page("pages/generate.py"))
    assert "Type at least one character" not in words(at)
    assert box(at) == default
    at.number_input(key="length").set_value(1)
    type_prompt(at, PROMPT)
    go(at.switch_page(PAGE))
    assert len(matrices(at, "gpt_wall")[0].row_labels) == len(PROMPT)
