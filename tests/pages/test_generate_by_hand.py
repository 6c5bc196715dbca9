"""Generate: tokens drawn one at a time or chosen, branches, samples side by side, and the manual."""

from __future__ import annotations

import re

import numpy as np
import pytest

from explorer.core.sampling import SamplingSettings
from explorer.models.cards import list_checkpoints
from explorer.models.checkpoints import Checkpoint, load_checkpoint
from explorer.models.generation import Writer
from tests.pages.driving import component, go, open_page, press, problems, words
from tests.pages.writing import (
    BY_HAND,
    MODEL,
    PAGE,
    PROMPT,
    SHORT,
    click_column,
    click_token,
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


def test_step_by_step_a_token_is_drawn_at_a_time_and_they_are_those_of_the_whole_text(shipped: Checkpoint) -> None:
    at = open_page(PAGE, address=BY_HAND)
    assert continuation(at) == ""
    for n in (1, 2, 3):
        finished(press(at, "generate_step"))
        assert len(continuation(at)) == n
        assert f"Token {n + 1} comes next" in words(at)
    finished(press(at, "generate_to_end"))
    assert continuation(at) == written(shipped, PROMPT, 12, SamplingSettings(0.8), seed=1)


def test_a_click_on_a_column_writes_that_token_once_and_marks_it_as_chosen(shipped: Checkpoint) -> None:
    at = finished(press(open_page(PAGE, address=BY_HAND), "generate_step"))
    wanted = shipped.tokenizer.encode("x")[0]
    click_column(at, wanted, "1")
    go(at)  # whatever else happens on the page, the click is done once
    assert [(t[0], t[2]) for t in tokens(at)[-2:]] == [(continuation(at)[0], "drawn"), ("x", "chosen")]
    finished(press(at, "generate_to_end"))
    writer = Writer(shipped.model, shipped.tokenizer.encode(PROMPT), SamplingSettings(0.8), seed=1)
    writer.draw()
    writer.choose(wanted)
    expected = [*writer.written, *(writer.draw().token for _ in range(10))]
    assert continuation(at) == shipped.tokenizer.decode(expected)


def test_a_click_on_a_token_goes_back_to_before_it_and_the_same_text_can_be_drawn_again() -> None:
    at = finished(open_page(PAGE, address=SHORT))
    text = continuation(at)
    click_token(at, len(PROMPT) + 4, "1")
    assert continuation(at) == text[:4]
    assert at.segmented_control(key="pace").value == "Step by step"
    assert component(at, "generate_branches")["panels"][1]["title"] == "Branch A"
    finished(press(at, "generate_to_end"))
    assert continuation(at) == text
    click_token(at, 2, "2")
    assert continuation(at) == ""


def test_a_branch_is_kept_beside_the_text_returned_to_and_forgotten(shipped: Checkpoint) -> None:
    at = finished(open_page(PAGE, address=SHORT))
    text = continuation(at)
    at.slider(key="step").set_value(5)
    go(at)
    click_column(at, shipped.tokenizer.encode("x")[0], "1")
    assert continuation(at) == f"{text[:4]}x"
    panels = component(at, "generate_branches")["panels"]
    assert [panel["title"] for panel in panels] == ["Branch B, being written", "Branch A"]
    assert "parts after 4" in panels[1]["counts"]
    press(at, "generate_open_A")
    assert continuation(at) == text
    press(at, "generate_forget_B")
    assert not [c for c in at.get("bidi_component") if c.proto.id.endswith("-generate_branches")]


def test_step_by_step_a_setting_holds_for_what_comes_and_leaves_what_is_written() -> None:
    at = finished(press(open_page(PAGE, address=BY_HAND), "generate_steps"))
    text = continuation(at)
    at.slider(key="temperature").set_value(2.0)
    go(at)
    assert continuation(at) == text
    _, drawn = stages(at)
    np.testing.assert_allclose(drawn["÷ temperature"], drawn["logits"] / 2, atol=1e-4)
    at.slider(key=f"generate_look_{len(text) + 1}").set_value(3)
    _, before = stages(go(at))
    np.testing.assert_allclose(before["÷ temperature"], before["logits"] / 0.8, atol=1e-4)


def test_samples_of_several_seeds_are_those_texts_with_their_mean_surprise(shipped: Checkpoint) -> None:
    at = finished(open_page(PAGE, address={**SHORT, "samples_length": "10"}))
    press(at, "generate_samples_write")
    for _ in range(200):
        if "Written: 30 of 30 tokens" in page_html(at):
            break
        go(at)
    panels = component(at, "generate_samples")["panels"]
    assert [panel["title"] for panel in panels] == ["Seed 1", "Seed 2", "Seed 3"]
    for seed, panel in zip((1, 2, 3), panels, strict=True):
        text = "".join(token[0] for token in panel["tokens"])
        assert text == written(shipped, PROMPT, 10, SamplingSettings(0.8), seed=seed)
        mean = np.mean([token[1] for token in panel["tokens"]])
        assert float(re.findall(r"Mean surprise ([\d.]+)", panel["counts"])[0]) == pytest.approx(mean, abs=0.011)


def test_samples_at_several_temperatures_can_be_stopped_and_a_range_of_one_is_refused() -> None:
    address = {**SHORT, "samples_by": "Temperatures", "samples_length": "400", "samples_count": "6"}
    at = press(finished(open_page(PAGE, address=address)), "generate_samples_write")
    press(at, "generate_samples_stop")
    assert "Stopped: " in page_html(at)
    titles = [panel["title"] for panel in component(at, "generate_samples")["panels"]]
    assert titles == [f"Temperature {t:g}" for t in (0.4, 0.6, 0.8, 1.0, 1.2, 1.4)]
    at.slider(key="samples_range").set_value((1.0, 1.0))
    assert problems(go(at)) == ["From 1.0 to 1.0 there is one temperature only; choose two that differ."]


def test_the_manual_sets_what_it_explains_and_shows_the_text_before_and_after() -> None:
    at = finished(open_page(PAGE, address=SHORT))
    before = continuation(at)
    finished(press(at, "generate_manual_6"))
    assert at.number_input(key="top_k").value == 3
    done = [success.value for success in at.success if "Done." in success.value]
    assert len(done) == 1
    assert before[:5].strip() in done[0].replace("\\", "")
    press(at, "generate_manual_11")
    assert at.number_input(key="top_k").value == 0


def test_the_manual_loads_a_model_of_names_whose_first_token_needs_no_prompt() -> None:
    if "names-transformer" not in list_checkpoints():
        pytest.skip("no checkpoint of names")
    at = finished(press(finished(open_page(PAGE, address=SHORT)), "generate_manual_1"))
    assert at.selectbox(key="checkpoint").value == "names-transformer"
    assert [token[0] for token in tokens(at)[:4]] == ["\n", "m", "a", "r"]
    assert tokens(at)[1][1] is not None  # the boundary before it is in sight
    press(at, "generate_manual_11")
    assert at.slider(key="context").value == at.slider(key="context").max


def test_sub_words_are_shown_with_their_spaces_and_all_tokens_not_drawn_as_one() -> None:
    if "drama-bpe-gpt" not in list_checkpoints():
        pytest.skip("no checkpoint on sub-words")
    bpe = load_checkpoint("drama-bpe-gpt")
    at = finished(open_page(PAGE, address={"checkpoint": "drama-bpe-gpt", "prompt": "naïve 😀 sea", "length": "8"}))
    assert "".join(t[0] for t in tokens(at) if t[2] == "prompt" and t[4]).startswith("na")
    data = component(at, "generate_stages")
    assert data["nOthers"] == bpe.tokenizer.vocab_size - len(data["ids"])
    shares = data["rows"][4]
    assert sum(shares["values"]) + shares["others"] == pytest.approx(1, abs=1e-4)
