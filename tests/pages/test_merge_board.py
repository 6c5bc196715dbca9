"""The board of merges on the Tokenizers page: what it is sent is what the tokenizer does, and what is set on it is kept."""

from __future__ import annotations

from typing import Any

import pytest

from explorer.text.batches import split_corpus
from explorer.text.bpe import BPETokenizer
from explorer.text.corpora import load_corpus
from explorer.training.bpe import learn_vocabularies
from explorer.ui.sections.tokenizers import DEFAULT_TEXT
from explorer.ui.sections.tokenizers_merges import STEPS_AT_ONCE, merge_steps
from tests.pages.driving import component, go, open_page, press
from tests.pages.merge_board import BOARD, on_the_board, opened, panels, slider_at, steps, tokens_table

PAGE = "pages/tokenizers.py"
TYPED: dict[str, Any] = {"tokenizers_source": "the text typed above"}


@pytest.fixture(scope="module")
def drama() -> BPETokenizer:
    return BPETokenizer.train(split_corpus(load_corpus("drama")).train, 256 + 1024)


def test_every_merge_has_the_largest_count_and_its_sum_is_the_same(drama: BPETokenizer) -> None:
    at = open_page(PAGE, tokenizers_merges=40)
    pairs, sent = component(at, BOARD)["learned"]["pairs"], steps(at)
    assert [count for _, _, count in pairs] == [merge.count for merge in drama.merges]
    assert (sent["first"], len(sent["list"])) == (0, 1024)
    for (_, _, count), (rivals, shares, _) in zip(pairs, sent["list"], strict=True):
        assert count >= max(rival[2] for rival in rivals)
        assert shares["total"] == count
        assert sum(times * inside for _, times, inside in shares["largest"]) <= count


def test_a_rival_chosen_opens_its_own_sum_and_it_stays_open_while_the_slider_moves() -> None:
    at = on_the_board(open_page(PAGE, tokenizers_merges=40), opened=[40, 2])
    count = steps(at)["list"][40][0][1][2]
    assert component(at, BOARD)["opened"]["of"] == [40, 2]
    assert component(at, BOARD)["opened"]["shares"]["total"] == count
    assert component(on_the_board(at, merges=41), BOARD)["opened"]["of"] == [40, 2]
    for nonsense in ([40, 9], [5000, 1], [40], "no", [-1, 1]):
        assert component(on_the_board(at, opened=nonsense), BOARD)["opened"] is None


def test_a_moved_slider_reaches_the_address_the_downloads_and_the_next_visit_of_the_page(drama: BPETokenizer) -> None:
    at = on_the_board(open_page(PAGE), merges=7)
    assert at.query_params["tokenizers_merges"] == "7"
    rows = [row for row in tokens_table(at) if row[0] == "Byte-pair, 7 merges"]
    assert [row[2] for row in rows] == drama.with_merges(7).encode(DEFAULT_TEXT)
    go(at.switch_page("pages/overview.py"))
    del at.query_params["tokenizers_merges"]
    go(at.switch_page(PAGE))
    assert slider_at(at) == 7
    assert at.query_params["tokenizers_merges"] == "7"
    assert "tokenizers_merges" not in on_the_board(at, merges=256).query_params


def test_an_address_sets_the_slider_the_excerpt_and_the_token_and_a_bad_one_does_not() -> None:
    address = {"tokenizers_merges": "12", "tokenizers_on": "the text typed above", "tokenizers_place": "0-3-0"}
    passed = component(open_page(PAGE, address), BOARD)["passed"]
    assert passed == {"merges": 12, "panel": 0, "byte": 3, "on": 1, "turn": 0}
    for bad, merges in (("x", 256), ("-3", 256), ("99999", 1024), ("9" * 30, 256)):
        at = open_page(PAGE, {"tokenizers_merges": bad, "tokenizers_on": bad, "tokenizers_place": bad})
        assert component(at, BOARD)["passed"] == {"merges": merges, "panel": 2, "byte": 0, "on": 0, "turn": 0}


def test_an_experiment_moves_the_slider_again_after_the_visitor_did() -> None:
    at = press(open_page(PAGE), "tokenizers_try_1")
    assert slider_at(at) == 0
    assert slider_at(on_the_board(at, merges=500)) == 500
    press(at, "tokenizers_try_1")
    assert slider_at(at) == 0
    assert at.query_params["tokenizers_merges"] == "0"


def test_fewer_merges_bring_the_slider_down_and_more_bring_it_back() -> None:
    at = open_page(PAGE, tokenizers_merges=300, tokenizers_text="aaabdaaabac", **TYPED)
    few = len(component(at, BOARD)["learned"]["pairs"])
    assert slider_at(at) == few < 300
    at.session_state["tokenizers_source"] = "a corpus"
    assert slider_at(go(at)) == 300


@pytest.mark.parametrize("made", [0, 40, 700, 1023])
def test_the_excerpt_holds_the_pair_before_and_the_new_token_after(made: int, drama: BPETokenizer) -> None:
    at = open_page(PAGE)
    data, sent = component(at, BOARD), steps(at)
    tokens = sent["excerpts"][sent["list"][made][2]]
    before, after = (opened(data, tokens, m) for m in (made, made + 1))
    assert after.count(256 + made) == len(before) - len(after) >= 1
    text = drama.decode(tokens)
    assert before == drama.with_merges(made).encode(text)
    assert text in split_corpus(load_corpus("drama")).train


def test_the_address_holds_the_token_that_was_chosen() -> None:
    at = on_the_board(open_page(PAGE, tokenizers_merges=1024), panel=1, byte=5)
    assert at.query_params["tokenizers_place"] == "1-5-0"
    words_panel = panels(at)["Words"]
    assert len(words_panel["told"]) == len(words_panel["tokens"])
    assert words_panel["told"][0] == "“The” has id 24; it stands for 3 bytes: 54 68 65."
    assert "tokenizers_place" not in on_the_board(at, panel=2, byte=0).query_params
    assert "tokenizers_place" not in on_the_board(at, panel=77, byte=1).query_params


def test_of_many_merges_those_around_the_slider_are_sent() -> None:
    *_, last = learn_vocabularies(load_corpus("drama").text[:60_000], "", 256 + 2600)
    assert last.vocabularies is not None
    n = len(last.vocabularies.byte_pair.merges)
    assert n > STEPS_AT_ONCE
    for made in (0, 700, 1500, n - 1):
        sent = merge_steps(last.vocabularies, made)
        assert sent.first <= max(0, made - 100)
        assert min(n, made + 100) <= sent.first + len(sent.steps)
        merge = last.vocabularies.byte_pair.merges[sent.first]
        assert (sent.steps[0].rivals, sent.steps[0].shares.total) == (merge.rivals, merge.count)
