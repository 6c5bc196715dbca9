"""The analysis sections of GPT inside draw what the package says, and answer models that lack a part."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from streamlit.testing.v1 import AppTest

from explorer.inspection.ablation import Part, read_without
from explorer.inspection.logit_attribution import attribute_logit
from explorer.inspection.model_costs import count_memory
from explorer.models.checkpoints import Checkpoint, load_checkpoint
from explorer.ui import gpt_readings
from tests.pages.driving import bars, chart, choose, component, go, matrices, problems, words

SCRIPT = str(Path(__file__).parent / "scripts" / "gpt_sections_page.py")
PROMPT = "To be, or not"
ABLATION, LENS = "gpt_ablation:show_ablation", "gpt_lens:show_lens"
ATTRIBUTION, STREAM, COSTS = "gpt_attribution:show_attribution", "gpt_stream:show_stream", "gpt_costs:show_costs"
SMALL: tuple[str, tuple[Any, ...]] = ("gpt", ())


@pytest.fixture(autouse=True)
def put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """The script gives the readings its own model; other tests get the real ones back."""
    for name in ("checkpoint", "_changed"):
        monkeypatch.setattr(gpt_readings, name, getattr(gpt_readings, name))


@pytest.fixture(scope="module")
def shipped() -> Checkpoint:
    return load_checkpoint("shakespeare-gpt")


def show(section: str, model: Any = "shakespeare-gpt", ids: Any = None, **state: Any) -> AppTest:
    at = AppTest.from_file(SCRIPT, default_timeout=120)
    given = {"section": section, "model": model, "ids": ids or (1, 2, 3, 1, 2), **state}
    for name, value in given.items():
        at.session_state[name] = value
    return go(at)


def ids_of(shipped: Checkpoint) -> tuple[int, ...]:
    return tuple(shipped.tokenizer.encode(PROMPT))


def click(at: AppTest, row: int, column: int, turn: int) -> AppTest:
    at.session_state["gpt_switches"] = {"cell": {"matrix": 0, "row": row, "column": column, "of": None, "turn": turn}}
    return go(at)


def sum_said(at: AppTest) -> float:
    found = re.search(r"add up to \*\*(\S+)\*\*", words(at))
    assert found is not None
    return float(found[1])


def test_the_grid_holds_what_each_part_costs_and_a_click_switches_it_off_and_on(shipped: Checkpoint) -> None:
    ids = ids_of(shipped)
    at = show(ABLATION, ids=ids)
    [grid] = matrices(at, "gpt_switches")
    L, H = shipped.model.config.n_layers, shipped.model.config.n_heads
    assert grid.values.shape == (L, H + 2)
    whole = read_without(shipped.model, ids, [])
    assert whole.loss is not None
    for row, column, part in (
        (0, 1, Part(0, "head", 1)),
        (1, H, Part(1, "attention")),
        (2, H + 1, Part(2, "feed_forward")),
    ):
        loss = read_without(shipped.model, ids, [part]).loss
        assert loss is not None
        assert grid.values[row, column] == pytest.approx(loss - whole.loss, abs=1e-5)
    click(at, 0, 1, 1)
    off = read_without(shipped.model, ids, [Part(0, "head", 1)])
    assert f"{whole.loss:.3f} → **{off.loss:.3f}**" in words(at)
    assert component(at, "gpt_switches")["matrices"][0]["text"][1].startswith("off\n")
    series = chart(at, "gpt_ablated")["series"]
    assert bars(series[1])[:-1].max() == pytest.approx(off.probabilities.max(), abs=1e-5)
    click(at, 0, 1, 2)
    assert "Everything is on" in words(at)
    click(at, 0, 1, 3)
    assert "Off: head 0.1." in words(at)
    go(at)  # a rerun for another reason is no click
    assert "Off: head 0.1." in words(at)


def test_averaging_in_place_of_zero_gives_other_costs(shipped: Checkpoint) -> None:
    ids = ids_of(shipped)
    at = show(ABLATION, ids=ids)
    at.radio(key="gpt_fill").set_value("its average over your prompt")
    go(at)
    whole, less = (read_without(shipped.model, ids, parts, "mean").loss for parts in ([], [Part(0, "attention")]))
    assert whole is not None
    assert less is not None
    column = shipped.model.config.n_heads
    assert matrices(at, "gpt_switches")[0].values[0, column] == pytest.approx(less - whole, abs=1e-5)


def test_everything_can_be_off_at_once_and_on_again(shipped: Checkpoint) -> None:
    at = show(ABLATION, ids=ids_of(shipped))
    for key in ("gpt_off_0", "gpt_off_1", "gpt_off_2"):
        at.button(key=key).click()
        go(at)
    assert "others. Loss on your prompt" in words(at)
    assert bars(chart(at, "gpt_ablated")["series"][1]).sum() == pytest.approx(1, abs=1e-4)
    at.button(key="gpt_off_none").click()
    go(at)
    assert "Everything is on" in words(at)


def test_what_is_off_comes_from_the_address_and_what_the_model_lacks_is_ignored() -> None:
    at = AppTest.from_file(SCRIPT, default_timeout=120)
    at.query_params["off"] = "1.a 7.3 nonsense"
    for name, value in {"section": ABLATION, "model": SMALL, "ids": (1, 2, 3)}.items():
        at.session_state[name] = value
    assert "Off: attention 1." in words(go(at))


def test_the_ranking_has_every_part_and_begins_with_the_costliest(shipped: Checkpoint) -> None:
    at = show(ABLATION, ids=ids_of(shipped))
    parts = shipped.model.config.n_layers * (shipped.model.config.n_heads + 2)
    ranked = chart(at, "gpt_ranked")
    assert len(ranked["xAxis"]["data"]) == parts
    drawn = [a if b == "-" else b for a, b in zip(*(series["data"] for series in ranked["series"]), strict=True)]
    assert drawn == sorted(drawn, reverse=True)
    assert len(at.dataframe[0].value) == parts


def test_what_takes_long_is_a_run_that_can_be_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("explorer.ui.sections.gpt_ablation.AT_ONCE", 0)
    at = show(ABLATION, SMALL, (4, 5, 6, 7))
    assert not at.button(key="gpt_ranking_start").disabled
    assert component(at, "gpt_switches")["matrices"][0]["text"][0] == "on"
    click(at, 0, 0, 1)
    assert component(at, "gpt_switches")["matrices"][0]["text"][0] == "off"
    at.button(key="gpt_ranking_start").click()
    go(at)
    for _ in range(200):
        if component(at, "gpt_switches")["matrices"][0]["text"][0].startswith("off\n"):
            break
        time.sleep(0.1)
        go(at)
    small = at.session_state["shown_model"]
    ids = (4, 5, 6, 7)
    whole, less = (read_without(small, ids, parts).loss for parts in ([], [Part(0, "head", 0)]))
    assert whole is not None
    assert less is not None
    assert matrices(go(at), "gpt_switches")[0].values[0, 0] == pytest.approx(less - whole, abs=1e-5)
    assert len(chart(at, "gpt_ranked")["xAxis"]["data"]) == 8


def test_one_token_has_no_loss_and_says_so() -> None:
    at = show(ABLATION, SMALL, (3,))
    assert "type at least two tokens" in words(at)
    click(at, 0, 0, 1)
    assert "nothing to predict" in words(at)


def test_the_lens_shows_the_models_own_answer_in_its_last_row(shipped: Checkpoint) -> None:
    ids = ids_of(shipped)
    at = show(LENS, ids=ids)
    [grid] = matrices(at, "gpt_lens")
    L = shipped.model.config.n_layers
    assert grid.values.shape == (2 * L + 1, len(ids))
    with torch.no_grad():
        p = torch.softmax(shipped.model(torch.tensor([ids]))[0].double(), -1)
    np.testing.assert_allclose(grid.values[-1], p.max(-1).values.numpy(), atol=1e-5)
    text = component(at, "gpt_lens")["matrices"][0]["text"][-len(ids) :]
    assert text == [shipped.tokenizer.labels[i] for i in p.argmax(-1).tolist()]


def test_a_lens_cell_opens_to_its_ten_likeliest_and_the_rank_of_what_follows(shipped: Checkpoint) -> None:
    ids = ids_of(shipped)
    at = choose(show(LENS, ids=ids), "gpt_lens", 0, 2 * shipped.model.config.n_layers, 3)
    with torch.no_grad():
        p = torch.softmax(shipped.model(torch.tensor([ids]))[0, 3].double(), -1)
    rank = int((p > p[ids[4]]).sum()) + 1
    assert f"in place {rank} of {shipped.tokenizer.vocab_size}" in words(at)
    drawn = chart(at, "gpt_lens_cell")["series"][0]["data"]
    assert len(drawn) == 11
    assert [item["value"] for item in drawn[:10]] == pytest.approx(p.topk(10).values.tolist(), abs=1e-4)


def test_a_prompt_wider_than_the_screen_shows_its_end_and_a_slider() -> None:
    at = show(LENS, SMALL, tuple(range(16)))  # a vocabulary with a longer piece: 14 columns
    assert matrices(at, "gpt_lens")[0].column_labels == list("cdefghijklmnop")
    at.slider(key="gpt_lens_back").set_value(2)
    assert matrices(go(at), "gpt_lens")[0].column_labels == list("abcdefghijklmn")


def test_the_attribution_adds_up_to_the_models_logit_on_the_page(shipped: Checkpoint) -> None:
    ids = ids_of(shipped)
    at = show(ATTRIBUTION, ids=ids)
    with torch.no_grad():
        logits = shipped.model(torch.tensor([ids]))[0, -1].double()
    best = int(logits.argmax())
    expected = float(logits[best] - logits.mean())
    assert sum_said(at) == pytest.approx(expected, abs=2e-4)
    found = attribute_logit(shipped.model, ids, best, against="mean")
    drawn = matrices(at, "gpt_attribution")
    assert sum(one.values.sum() for one in drawn) == pytest.approx(expected, abs=1e-3)
    head = next(part.logit for part in found.components if part.label == "head 2.1")
    assert drawn[0].values[2, 1] == pytest.approx(head, abs=1e-4)


def test_a_token_can_be_typed_and_set_against_another_at_an_earlier_place(shipped: Checkpoint) -> None:
    ids = ids_of(shipped)
    at = show(ATTRIBUTION, ids=ids, gpt_token="e", gpt_against="Q", gpt_back=3)
    e, q = (shipped.tokenizer.encode(c)[0] for c in "eQ")
    with torch.no_grad():
        logits = shipped.model(torch.tensor([ids]))[0, -4].double()
    assert sum_said(at) == pytest.approx(float(logits[e] - logits[q]), abs=2e-4)


def test_typed_text_that_is_not_one_token_is_answered_in_a_sentence() -> None:
    assert "which is 2" in problems(show(ATTRIBUTION, SMALL, gpt_token="ab"))[0]
    assert "which is none" in problems(show(ATTRIBUTION, SMALL, gpt_token="é"))[0]


def test_the_depth_slider_moves_the_tokens_and_keeps_the_axes() -> None:
    at = show(STREAM, SMALL)
    last = chart(at, "gpt_stream")
    at.slider(key="gpt_depth").set_value(0)
    first = chart(go(at), "gpt_stream")
    assert "embeddings only" in words(at)
    assert first["xAxis"]["min"] == last["xAxis"]["min"]
    assert first["series"][1]["data"][0]["value"] != last["series"][1]["data"][0]["value"]


def test_the_boxes_hold_the_models_own_count_and_the_table_the_same(shipped: Checkpoint) -> None:
    ids = ids_of(shipped)
    at = show(COSTS, ids=ids)
    count = shipped.model.parameter_count()
    assert f"**{count:,} learned numbers**" in words(at)
    assert sum(box["value"] for box in chart(at, "gpt_costs")["series"][0]["data"]) == count
    assert at.dataframe[0].value["parameters"].sum() == count
    at.radio(key="gpt_cost").set_value("memory of one pass")
    memory = chart(go(at), "gpt_costs")["series"][0]["data"]
    assert sum(box["value"] for box in memory) == count_memory(shipped.model, len(ids)).total


ODD: dict[str, tuple[str, tuple[tuple[str, Any], ...]]] = {
    "modern": ("modern", ()),
    "no norm, no projection, no feed-forward": (
        "decoder",
        (("norm", "none"), ("projection", False), ("feed_forward", False)),
    ),
    "no block": ("decoder", (("n_layers", 0),)),
    "post-norm": ("decoder", (("norm", "post"),)),
    "no residual": ("decoder", (("residual", False),)),
}
REFUSED = {("no residual", LENS), ("no residual", ATTRIBUTION), ("post-norm", ATTRIBUTION)}


@pytest.mark.parametrize("section", [ABLATION, LENS, ATTRIBUTION, STREAM, COSTS])
@pytest.mark.parametrize("kind", list(ODD))
def test_every_section_reads_every_kind_of_decoder_or_says_why_not(kind: str, section: str) -> None:
    at = show(section, ODD[kind])
    said = problems(at)
    assert len(said) == ((kind, section) in REFUSED)
    if section == COSTS:
        for what in ("memory of one pass", "arithmetic of one pass"):
            at.radio(key="gpt_cost").set_value(what)
            assert not problems(go(at))


def test_only_the_likeliest_of_a_vocabulary_are_sent_to_the_browser() -> None:
    wide = ("gpt", (("vocab_size", 2_000),))
    for section in (LENS, ATTRIBUTION, ABLATION):
        at = show(section, wide)
        sent = [*(c.proto.spec for c in at.get("echarts_chart")), *(c.proto.json for c in at.get("bidi_component"))]
        assert sum(map(len, sent)) < 20_000
        assert all(len(box.options) < 20 for box in at.selectbox)
