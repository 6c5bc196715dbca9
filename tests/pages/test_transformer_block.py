"""The Transformer block page draws what is computed for the prompt and the switches, and answers whatever is set."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from explorer.inspection.block import read_depth, read_stream, stream_of_tokens
from explorer.inspection.block_norms import read_norms
from explorer.models.block_ladder import read_block_ladder
from explorer.models.checkpoints import load_checkpoint
from explorer.models.decoder import DecoderConfig
from explorer.models.registry import build_model
from explorer.text.corpora import load_corpus
from explorer.text.tokenizers import CharTokenizer
from tests.pages.driving import as_shown, chart, choose, go, matrices, open_page, press, problems, words

PAGE = "pages/transformer_block.py"
PROMPT = "to be or not"
STREAM, DEPTH, NORMS, ACTIVATIONS, LADDER = (
    "1 Residual stream",
    "2 Depth",
    "3 Norms",
    "4 Activations",
    "5 Ladder",
)


def visit(part: str, prompt: str = PROMPT, **controls: Any) -> AppTest:
    return open_page(PAGE, address={"block_prompt": prompt}, block_part=part, **controls)


def fresh(depth: int = 4, **switches: Any) -> tuple[Any, list[int]]:
    """The model that the page builds, and the prompt as it reads it."""
    tokenizer = CharTokenizer.from_text(load_corpus("drama").text)
    config = DecoderConfig(tokenizer.vocab_size, 32, depth, 4, 32, **{"activation": "gelu", **switches})
    return build_model("decoder", config, seed=1).eval(), tokenizer.encode(PROMPT)


def test_the_piles_and_the_matrix_hold_the_tokens_contributions() -> None:
    at = visit(STREAM, block_token=3, block_norm="post")
    reading = read_stream(*fresh(norm="post"), 3)
    *bars, line = chart(at, "block_stream_chart")["series"]
    np.testing.assert_allclose(line["data"], reading.stream_lengths, rtol=1e-4)
    drawn = [i for i in range(len(reading.parts)) if reading.lengths[:, i].any()]
    assert [bar["name"] for bar in bars] == [reading.parts[i] for i in drawn]
    np.testing.assert_allclose([bar["data"] for bar in bars], reading.along.T[drawn], atol=1e-3)
    (cells,) = matrices(at, "block_channels")
    np.testing.assert_allclose(cells.values[:-1].sum(axis=0), cells.values[-1], atol=1e-5)
    choose(at, "block_channels", 0, 2, 7)
    assert "**Channel 7 of the stream after feed-forward 3**" in [as_shown(str(m.value)) for m in at.markdown]
    assert ": equal to rounding" in words(at)


def test_a_wide_stream_is_drawn_a_window_of_channels_at_a_time_and_a_cell_opens_to_its_own_channel(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("explorer.ui.sections.block_stream.MOST_CHANNELS", 16)  # of 32 channels
    at = visit(STREAM, block_channels_from=9)
    (cells,) = matrices(at, "block_channels")
    assert cells.values.shape[1] == 16
    choose(at, "block_channels", 0, 2, 7)
    assert "**Channel 16 of the stream after feed-forward 3**" in [as_shown(str(m.value)) for m in at.markdown]
    assert ": equal to rounding" in words(at)


def test_the_depth_charts_are_read_depth_of_both_settings_of_the_residual_switch() -> None:
    at = visit(DEPTH, block_norm="none")
    for residual, line in ((True, 0), (False, 1)):
        reading = read_depth(*fresh(norm="none", residual=residual))
        for name in ("activation", "gradient", "likeness"):
            drawn = [y for _, y in chart(at, f"block_depth_{name}")["series"][line]["data"]]
            np.testing.assert_allclose(drawn, getattr(reading, name), rtol=1e-3)
    table = at.dataframe[0].value
    assert table["blocks"].tolist() == [1, 2, 4, 8, 16]
    assert (np.diff(table["gradient kept, residual off"].astype(float)) < 0).all()


def test_the_norms_are_drawn_with_the_numbers_that_each_averages() -> None:
    at = visit(NORMS, block_after=2)
    model, ids = fresh()
    reading = read_norms(stream_of_tokens(model, ids, 2))
    x, layer, batch = (one.values for one in matrices(at, "block_norms"))
    for drawn, expected in ((x, reading.x), (layer, reading.layer_norm), (batch, reading.batch_norm)):
        np.testing.assert_allclose(drawn, expected, atol=1e-4)
    choose(at, "block_norms", 2, 5, 9)
    (row,), (column,) = matrices(at, "block_averaged_LayerNorm"), matrices(at, "block_averaged_BatchNorm")
    assert np.argwhere(~np.isnan(row.values)).tolist() == [[5, c] for c in range(32)]
    assert np.argwhere(~np.isnan(column.values)).tolist() == [[t, 9] for t in range(len(PROMPT))]


def test_activations_and_ladder_need_no_prompt() -> None:
    at = visit(ACTIVATIONS, "", block_x=1.0)
    assert at.dataframe[0].value["value at 1"].tolist() == ["0.8412", "1.0000", "0.7616"]
    at.session_state["block_part"] = LADDER
    drawn = chart(go(at), "block_ladder")["series"][0]["data"]
    assert drawn == [reading.loss for reading in read_block_ladder()]


@pytest.mark.parametrize("name", ["shakespeare-gpt", "shakespeare-bigram", "shakespeare-heads"])
def test_a_checkpoints_stream_is_looked_at(name: str) -> None:
    at = visit(STREAM, "to be", block_source="a checkpoint", block_checkpoint=name, block_token=2)
    assert not problems(at)
    loaded = load_checkpoint(name)
    reading = read_stream(loaded.model, loaded.tokenizer.encode("to be"), 2)
    line = chart(at, "block_stream_chart")["series"][-1]["data"]
    np.testing.assert_allclose(line, reading.stream_lengths, rtol=1e-4)
    for part in (DEPTH, NORMS):
        at.session_state["block_part"] = part
        assert not problems(go(at))


@pytest.mark.parametrize(
    ("controls", "said"),
    [
        ({"block_heads": 5}, "5 heads cannot share 32 channels equally"),
        ({"block_heads": 0}, "n_heads must be from 1 to 256 here, got 0"),
        ({"block_depth": 10**6}, "depth must be from 1 to 16 here, got 1,000,000"),
        ({"block_width": 10**9}, "got 1,000,000,000"),
        ({"block_context": 65}, "context_length must be from 1 to 64 here, got 65"),
        ({"block_dropout": 1.0}, "dropout must be at least 0 and below 1"),
    ],
)
def test_a_setting_that_cannot_be_is_one_sentence_and_disables_start(controls: dict[str, Any], said: str) -> None:
    at = visit(STREAM, **controls)
    (problem,) = problems(at)
    assert said in problem
    assert at.button(key="block_run_start").disabled
    assert {s.value for s in at.subheader} >= {"Try this", "The code"}


def test_a_token_alone_shows_its_stream_and_says_what_it_cannot_show() -> None:
    at = visit(STREAM, "R")
    assert not problems(at)
    at.session_state["block_part"] = DEPTH
    assert "type at least two characters" in problems(go(at))[0]
    at.session_state["block_part"] = NORMS
    assert "at least 3 tokens" in problems(go(at))[0]


def test_empty_unknown_and_very_long_prompts_are_answered_in_place() -> None:
    at = visit(STREAM, "")
    at.text_area(key="block_prompt").set_value("")
    assert "Type at least one character" in words(go(at))
    at.text_area(key="block_prompt").set_value("to be € <b>")
    assert "never seen “€”" in problems(go(at))[0]
    press(at, "block_prompt_drop")
    assert not problems(at)
    long = "to be " * 17_000
    at.text_area(key="block_prompt").set_value(long)
    assert "32 are read at once" in words(go(at))  # a window larger than the context is cut, and says so
    assert at.text_area(key="block_prompt").value == long


def test_a_short_training_says_what_the_switches_cost() -> None:
    at = visit(
        LADDER, block_corpus="tale", block_steps=20, block_width=16, block_depth=1, block_batch=4, block_residual=False
    )
    assert "no residual paths" in words(at)
    press(at, "block_run_start")
    deadline = time.monotonic() + 90
    while "What the switches cost" not in words(go(at)):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert [s["name"] for s in chart(at, "block_loss")["series"]] == ["your blocks", "whole blocks"]


def test_the_experiments_show_what_they_claim() -> None:
    at = press(open_page(PAGE), "block_try_0")
    kept = at.dataframe[0].value["gradient kept, residual off"].astype(float).tolist()
    assert 0.0005 < kept[3] < 0.002
    assert 5e-6 < kept[4] < 2e-5
    press(at, "block_try_1")
    assert float(at.dataframe[0].value["likeness, residual off"].tolist()[3]) > 0.99
    press(at, "block_try_3")
    first = next(s for s in chart(at, "block_stream_chart")["series"] if s["name"] == "attention 0")
    assert abs(first["data"][-1]) < 0.5 * first["data"][1]
    press(at, "block_try_4")
    slopes = [float(s) for s in at.dataframe[0].value["slope at -1.5"]]
    assert slopes[0] < 0 == slopes[1]
    press(at, "block_try_5")
    assert "5 heads cannot share 32 channels" in problems(at)[0]
