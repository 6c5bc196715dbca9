"""Generate: what the text surprised the model by, and every stage of its tokens, as the package computes them."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
import torch

from explorer.core.sampling import SamplingSettings, sampling_stages
from explorer.models.checkpoints import Checkpoint, load_checkpoint
from explorer.models.generation import next_logits
from tests.pages.driving import component, go, open_page, press, problems, words
from tests.pages.writing import (
    MODEL,
    PAGE,
    PROMPT,
    SHORT,
    TITLES,
    continuation,
    finished,
    page_html,
    stages,
    tokens,
    written,
)


@pytest.fixture(scope="module")
def shipped() -> Checkpoint:
    return load_checkpoint(MODEL)


def test_the_text_is_the_one_that_the_package_writes_with_these_settings(shipped: Checkpoint) -> None:
    address = {**SHORT, "prompt": "JULIET:", "temperature": "0.5", "top_k": "10", "top_p": "0.9", "sample_seed": "42"}
    at = finished(open_page(PAGE, address=address))
    assert continuation(at) == written(shipped, "JULIET:", 12, SamplingSettings(0.5, 10, 0.9), seed=42)
    assert continuation(finished(open_page(PAGE, address=address))) == continuation(at)


def test_the_bars_of_every_stage_are_those_of_the_package(shipped: Checkpoint) -> None:
    address = {**SHORT, "prompt": "JULIET:", "temperature": "0.5", "top_k": "9", "top_p": "0.8"}
    ids, drawn = stages(finished(open_page(PAGE, address=address)))
    settings = SamplingSettings(0.5, 9, 0.8)
    expected = sampling_stages(next_logits(shipped.model, shipped.tokenizer.encode("JULIET:")), settings)
    assert sorted(ids) == list(range(shipped.tokenizer.vocab_size))
    for title, name in TITLES.items():
        values = getattr(expected, name).double().numpy()[ids]
        np.testing.assert_allclose(
            drawn[title], np.where(np.isneginf(values), np.nan, values), atol=1e-4, err_msg=title
        )
    assert drawn["probability"].sum() == pytest.approx(1, abs=1e-4)
    assert (np.diff(drawn["logits"]) <= 0).all()


def test_another_step_shows_how_that_token_was_chosen(shipped: Checkpoint) -> None:
    at = finished(open_page(PAGE, address=SHORT))
    text = continuation(at)
    at.slider(key="step").set_value(5)
    go(at)
    ids, drawn = stages(at)
    logits = next_logits(shipped.model, shipped.tokenizer.encode(PROMPT + text[:4])).double().numpy()
    np.testing.assert_allclose(drawn["logits"], logits[ids], atol=1e-3)
    assert "Token 5 is" in words(at)
    assert component(at, "generate_stages")["taken"] == shipped.tokenizer.encode(text[4])[0]


def test_past_the_last_token_the_bars_are_those_of_the_next_one(shipped: Checkpoint) -> None:
    at = finished(open_page(PAGE, address=SHORT))
    at.slider(key="step").set_value(13)
    go(at)
    ids, drawn = stages(at)
    logits = next_logits(shipped.model, shipped.tokenizer.encode(PROMPT + continuation(at)))
    np.testing.assert_allclose(drawn["logits"], logits.double().numpy()[ids], atol=1e-3)
    assert component(at, "generate_stages")["taken"] is None
    assert "Token 13 comes next" in words(at)


def test_every_token_is_coloured_by_what_torch_says_it_surprised_the_model(shipped: Checkpoint) -> None:
    at = finished(open_page(PAGE, address=SHORT))
    drawn = tokens(at)
    ids = shipped.tokenizer.encode(PROMPT + continuation(at))
    assert [token[0] for token in drawn] == [shipped.tokenizer.decode([i]) for i in ids]
    with torch.no_grad():
        shares = shipped.model(torch.tensor([ids]))[0].double().log_softmax(-1)
    direct = [-shares[i - 1, ids[i]].item() / math.log(2) for i in range(1, len(ids))]
    assert drawn[0][1] is None
    assert [token[1] for token in drawn[1:]] == pytest.approx(direct, abs=0.006)
    total = -math.log(2) * sum(direct[len(PROMPT) - 1 :])
    said = re.findall(r"ln p of all of it (−[\d.]+)", page_html(at))[0]
    assert float(said.replace("−", "-")) == pytest.approx(total, abs=0.01)


def test_temperature_0_is_greedy_says_so_and_no_seed_changes_it(shipped: Checkpoint) -> None:
    at = open_page(PAGE, address=SHORT)
    finished(press(at, "generate_try_0"))
    assert at.slider(key="temperature").value == 0
    assert "Temperature 0 is greedy" in words(at)
    first = continuation(at)
    assert first == written(shipped, PROMPT, 12, SamplingSettings(0.0))
    at.number_input(key="sample_seed").set_value(99)
    assert continuation(finished(go(at))) == first
    assert "1 of 65 tokens could be drawn (greedy" in words(at)
    at.radio(key="generate_predict").set_value("nothing")
    assert go(at).success


def test_temperature_2_halves_the_logits() -> None:
    at = finished(press(open_page(PAGE, address=SHORT), "generate_try_1"))
    _, drawn = stages(at)
    np.testing.assert_allclose(drawn["÷ temperature"], drawn["logits"] / 2, atol=1e-4)


def test_top_k_5_leaves_five_tokens() -> None:
    at = finished(press(open_page(PAGE, address=SHORT), "generate_try_2"))
    _, drawn = stages(at)
    assert np.isfinite(drawn["after top-k"]).sum() == (drawn["probability"] > 0).sum() == 5
    assert "5 of 65 tokens could be drawn" in words(at)


def test_one_token_of_context_makes_the_odds_depend_on_the_last_character_only() -> None:
    odds = []
    for prompt in ("Oh, the", "Where", "e"):
        at = open_page(PAGE, address={"prompt": prompt, **SHORT})
        assert at.slider(key="context").value == 256
        finished(press(at, "generate_try_3"))
        assert at.slider(key="context").value == 1
        ids, drawn = stages(at)
        odds.append(dict(zip(ids, drawn["probability"], strict=True)))
    assert odds[0] == odds[1] == odds[2]


def test_top_p_0_is_refused_in_a_sentence_and_the_rest_stays() -> None:
    at = press(open_page(PAGE, address=SHORT), "generate_try_4")
    assert problems(at) == ["Top-p must be above 0 and at most 1, got 0.0; 1 keeps every token."]
    assert at.slider(key="temperature").value == 0.8
    assert at.text_area(key="prompt").value == "ROMEO:\nWhat light is this?"


def test_top_k_above_the_vocabulary_is_refused_with_the_bounds() -> None:
    at = open_page(PAGE, address={"top_k": "66", **SHORT})
    assert problems(at)[0].startswith("Top-k asks for 66 tokens but the vocabulary has 65")
    at.number_input(key="top_k").set_value(65)
    assert not go(at).error


def test_numbers_in_the_address_set_the_controls_and_rubbish_is_ignored() -> None:
    at = open_page(
        PAGE, address={"temperature": "0.5", "top_p": "abc", "context": "-3", "sample_seed": "1e99", **SHORT}
    )
    assert at.slider(key="temperature").value == 0.5
    assert at.slider(key="top_p").value == 1
    assert at.slider(key="context").value == 256
    assert at.number_input(key="sample_seed").value == 1
    assert open_page(PAGE, address={"temperature": "nan", **SHORT}).slider(key="temperature").value == 0.8


@pytest.mark.parametrize("typed", ["<script>alert(1)</script>", "R&J <b>bold</b> 😀"])
def test_markup_in_a_prompt_travels_as_text_and_never_as_html(typed: str) -> None:
    at = press(open_page(PAGE, address={"prompt": typed, **SHORT}), "prompt_drop")
    kept = str(at.text_area(key="prompt").value)
    assert "".join(token[0] for token in tokens(finished(at)) if token[2] == "prompt") == kept
    assert kept not in page_html(at)


def test_without_a_prompt_the_page_asks_for_one_character() -> None:
    at = open_page(PAGE, address=SHORT)
    at.text_area(key="prompt").set_value("")
    assert "Type at least one character" in words(go(at))


def test_one_character_is_enough_and_a_long_prompt_says_what_is_left_out(shipped: Checkpoint) -> None:
    one = finished(open_page(PAGE, address={"prompt": "R", **SHORT}))
    assert continuation(one) == written(shipped, "R", 12, SamplingSettings(0.8), seed=1)
    at = open_page(PAGE, address=SHORT)
    at.text_area(key="prompt").set_value("a" * 300)
    assert "The first 44 are left out" in words(finished(go(at)))


def test_a_long_text_is_written_turn_by_turn_and_stop_keeps_what_there_is() -> None:
    at = open_page(PAGE, address={**SHORT, "length": "2000"})
    first = continuation(at)
    assert 0 < len(first) < 2000
    go(at)
    second = continuation(at)
    assert second.startswith(first)
    assert len(second) > len(first)
    press(at, "generate_stop")
    assert f"Stopped: {len(second):,} tokens." in page_html(at)
    assert continuation(at) == second
    assert not [b for b in at.button if b.key == "generate_stop"]


def test_a_step_beyond_the_end_of_a_shorter_text_is_brought_back() -> None:
    at = finished(open_page(PAGE, address={**SHORT, "length": "20"}, step=20))
    at.number_input(key="length").set_value(3)
    finished(go(at))
    assert "Token 4 comes next" in words(at)
