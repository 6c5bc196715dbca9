"""The Tokenizers page cuts what is typed as the tokenizers do, says what it claims, and bears any text."""

from __future__ import annotations

import re
from typing import Any

import pytest
import tiktoken
from streamlit.testing.v1 import AppTest

from explorer.text import known_vocabularies
from explorer.text.batches import split_corpus
from explorer.text.bpe import BPETokenizer
from explorer.text.bpe_merges import GPT2_SPLIT
from explorer.text.corpora import load_corpus
from explorer.text.known_vocabularies import KnownVocabulary, VocabularyError, from_tiktoken
from explorer.ui.sections import tokenizers_known
from explorer.ui.sections.tokenizers import DEFAULT_TEXT
from explorer.ui.sections.tokenizers_drawing import MOST_DRAWN, drawn, shown_text
from explorer.ui.sections.tokenizers_own import OwnMerges, OwnTexts, read_text
from tests.pages.driving import chart, component, go, matrices, open_page, press, problems, words

PAGE = "pages/tokenizers.py"
TYPED: dict[str, Any] = {"tokenizers_source": "the text typed above"}


def offline(*, may_download: bool) -> KnownVocabulary:
    if may_download:
        raise VocabularyError("Its server cannot be reached.")
    raise VocabularyError("GPT-2's vocabulary is not on this machine.")


@pytest.fixture(autouse=True)
def without_a_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known_vocabularies, "gpt2_vocabulary", offline)
    tokenizers_known._gpt2.clear()


@pytest.fixture(scope="module")
def drama() -> BPETokenizer:
    return BPETokenizer.train(split_corpus(load_corpus("drama")).train, 256 + 1024)


def panels(at: AppTest, key: str = "tokenizers_board") -> dict[str, dict[str, Any]]:
    return {panel["title"]: panel for panel in component(at, key)["panels"]}


def ids(panel: dict[str, Any]) -> list[str]:
    return [token[1] for token in panel["tokens"]]


def byte_pair(at: AppTest) -> dict[str, Any]:
    return next(panel for title, panel in panels(at).items() if title.startswith("Byte-pair"))


def html(at: AppTest) -> str:
    return "\n".join(element.proto.body for element in at.get("html"))


def test_the_typed_text_is_cut_by_characters_words_and_as_many_merges_as_the_slider_says(drama: BPETokenizer) -> None:
    at = open_page(PAGE, tokenizers_merges=300)
    assert list(panels(at)) == ["Characters", "Words", "Byte-pair, 300 merges", "GPT-2"]
    assert ids(byte_pair(at)) == [str(i) for i in drama.with_merges(300).encode(DEFAULT_TEXT)]
    assert len(panels(at)["Characters"]["tokens"]) == len(DEFAULT_TEXT)
    assert f"{len(DEFAULT_TEXT)} characters, {len(DEFAULT_TEXT.encode())} bytes" in words(at)
    assert "<unk>" in [token[0] for token in panels(at)["Words"]["tokens"]]


def test_gpt2_is_fetched_when_asked_for_and_not_before(monkeypatch: pytest.MonkeyPatch) -> None:
    at = open_page(PAGE)
    assert "not on this machine" in panels(at)["GPT-2"]["note"]
    assert "cannot be reached" in panels(press(at, "tokenizers_fetch"))["GPT-2"]["note"]
    ranks = {bytes([i]): i for i in range(256)}
    encoding = tiktoken.Encoding("bytes", pat_str=GPT2_SPLIT, mergeable_ranks=ranks, special_tokens={})
    monkeypatch.setattr(known_vocabularies, "gpt2_vocabulary", lambda **_: from_tiktoken("GPT-2", encoding))
    assert ids(panels(press(at, "tokenizers_fetch"))["GPT-2"]) == [str(b) for b in DEFAULT_TEXT.encode()]


def test_the_next_merge_has_the_largest_count_and_its_sum_is_the_same(drama: BPETokenizer) -> None:
    data = component(open_page(PAGE, tokenizers_merges=40), "tokenizers_pairs")
    counts = [count for _, count, _ in data["bars"]]
    assert counts[0] == max(counts) == drama.merges[40].count
    assert data["rows"][-1][-1].replace(",", "") == str(counts[0])
    assert data["verdict"].endswith("the same.")
    assert "NOT" not in data["verdict"]


def test_a_rival_chosen_opens_its_own_sum() -> None:
    at = open_page(PAGE, tokenizers_merges=40)
    data = component(at, "tokenizers_pairs")
    at.session_state["tokenizers_pairs"] = {"choice": {"number": 2, "of": data["of"]}}
    opened = component(go(at), "tokenizers_pairs")
    assert opened["chosen"] == 2
    assert opened["rows"][-1][-1].replace(",", "") == str(data["bars"][2][1])


def test_buttons_make_and_undo_one_merge_and_stop_at_the_ends() -> None:
    at = open_page(PAGE, tokenizers_merges=1)
    assert at.slider(key="tokenizers_merges").value == 1
    press(at, "tokenizers_undo")
    assert at.button(key="tokenizers_undo").disabled
    press(press(at, "tokenizers_do"), "tokenizers_do")
    assert at.slider(key="tokenizers_merges").value == 2
    at.slider(key="tokenizers_merges").set_value(1024)
    assert at.button(key="tokenizers_do").disabled is False
    go(at)
    assert at.button(key="tokenizers_do").disabled
    assert "All 1,024 merges" in words(at)


def test_the_excerpt_holds_the_pair_before_and_the_new_token_after() -> None:
    at = open_page(PAGE, tokenizers_merges=700)
    before, after = panels(at, "tokenizers_before_after").values()
    new = [token for token in after["tokens"] if token[5] == "new"]
    assert new
    assert {token[1] for token in new} == {str(256 + 700)}
    assert len(before["tokens"]) == len(after["tokens"]) + len(new)


def test_a_click_on_a_token_opens_its_merges_and_the_address_holds_the_place() -> None:
    at = open_page(PAGE, tokenizers_merges=1024)
    at.session_state["tokenizers_board"] = {"chosen": {"panel": 2, "byte": 5, "of": [2, 0]}}
    go(at)
    assert at.query_params["tokenizers_place"] == "2-5-0"
    assert "merge" in html(at)
    assert "king" in html(at)


def test_three_merges_of_the_check_string_give_its_known_ids() -> None:
    at = open_page(PAGE, tokenizers_text="aaabdaaabac", tokenizers_merges=3, **TYPED)
    assert ids(byte_pair(at)) == ["258", "100", "258", "97", "99"]


def test_what_the_experiments_say_is_so() -> None:
    at = press(open_page(PAGE), "tokenizers_try_0")
    assert ids(byte_pair(at)) == ["258", "100", "258", "97", "99"]
    press(at, "tokenizers_try_1")
    assert "1.00 bytes per token" in byte_pair(at)["counts"]
    assert component(at, "tokenizers_board")["panels"][2]["tokens"][-1][5] == "bytes"
    press(at, "tokenizers_try_2")
    assert "<unk>" in [token[0] for token in panels(at)["Words"]["tokens"]]
    assert byte_pair(at)["note"] == ""
    press(at, "tokenizers_try_3")
    spelled: dict[str, set[str]] = {}
    for token in byte_pair(at)["tokens"]:
        spelled.setdefault(token[0].strip("␣").lower(), set()).add(token[1])
    assert any(len(numbers) > 1 for numbers in spelled.values())


def test_the_predicted_emoji_costs_eleven_tokens(drama: BPETokenizer) -> None:
    assert len(drama.encode("👩‍🚀")) == 11


def test_a_held_out_text_is_compressed_and_the_table_grows_with_its_width() -> None:
    at = open_page(PAGE, tokenizers_width=64)
    held_out, _, table = chart(at, "tokenizers_compression")["series"]
    assert held_out["data"][0] == [0, 1.0]
    assert held_out["data"][-1][1] > 2
    assert table["data"][-1] == [1024, (256 + 1024) * 64]


def test_the_cost_matrix_holds_tokens_per_character_and_the_ratio_to_english() -> None:
    at = open_page(PAGE)
    (per_character,) = matrices(at, "tokenizers_cost")
    assert per_character.column_labels == ["Characters", "Words", "Bytes", "Byte-pair"]
    assert per_character.values[:, 0] == pytest.approx(1)
    assert per_character.values[per_character.row_labels.index("Thai"), 2] == pytest.approx(3)
    at.segmented_control(key="tokenizers_measure").set_value("tokens, English = 1")
    (ratio,) = matrices(go(at), "tokenizers_cost")
    assert ratio.values[0] == pytest.approx(1)
    assert ratio.values[ratio.row_labels.index("Greek"), 3] > 3


@pytest.mark.parametrize("source", ["a corpus", "the text typed above"])
def test_any_text_is_cut_without_a_traceback(source: str) -> None:
    at = open_page(PAGE, tokenizers_source=source)
    for text in (
        "\0\0 a\0",
        "<script>alert(1)</script>",
        "👩‍🚀👨‍👩‍👧‍👦 🏳️‍🌈",
        "שלום مرحبا \u200fabc",
        "\n\n\t \r",
        "e\u0301\u0301",
    ):
        at.session_state["tokenizers_text"] = text
        go(at)
        assert byte_pair(at)["tokens"], text
        assert all(token[0].encode() or token[6] for token in byte_pair(at)["tokens"])
        assert "<script>alert" not in html(at)


def test_an_empty_text_is_asked_for() -> None:
    assert "Type at least one character" in words(open_page(PAGE, tokenizers_text=""))
    assert "Type at least one character" in words(open_page(PAGE, tokenizers_text="", **TYPED))


@pytest.mark.parametrize("source", ["a corpus", "the text typed above"])
def test_a_line_of_200_kb_without_a_space_is_cut_in_part_and_that_is_said(source: str) -> None:
    at = open_page(PAGE, tokenizers_text="abcdefghij" * 20_000, tokenizers_source=source, tokenizers_merges=5)
    assert "the first 20,000 are cut here" in words(at)
    assert len(byte_pair(at)["tokens"]) == MOST_DRAWN
    assert f"The first {MOST_DRAWN} tokens are drawn." in byte_pair(at)["note"]


def test_white_space_is_drawn_or_left_alone() -> None:
    assert shown_text(" \n\t", True) == "␣↵⇥"
    assert shown_text(" a\t", False) == " a\t"
    at = open_page(PAGE, tokenizers_whitespace=False)
    assert not any("␣" in token[0] for token in byte_pair(at)["tokens"])


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"{}", 'no "model"'),
        (b"\x80\x04binary", "not JSON"),
        (b'{"model": 3}', 'no "model"'),
        (b'{"model": {"type": "BPE"}}', "not a usable"),
        (b" " * 60_000_000, "60 MB"),
    ],
)
def test_a_file_that_is_no_tokenizer_is_refused_in_a_sentence(content: bytes, says: str) -> None:
    at = open_page(PAGE)
    at.file_uploader(key="tokenizers_json").upload("tokenizer.json", content, "application/json")
    go(at)
    assert len(problems(at)) == 1
    assert says in problems(at)[0]


def test_an_uploaded_tokenizer_is_one_panel_more() -> None:
    from tokenizers import Tokenizer, models

    at = open_page(PAGE, tokenizers_text="ab")
    model = Tokenizer(models.BPE(vocab={"a": 0, "b": 1, "ab": 2}, merges=[("a", "b")]))
    at.file_uploader(key="tokenizers_json").upload("mine.json", model.to_str().encode(), "application/json")
    assert ids(panels(go(at))["mine.json"]) == ["2"]


def test_a_size_below_the_256_bytes_is_refused_where_it_is_typed() -> None:
    at = open_page(PAGE, tokenizers_source="a file of my own", tokenizers_vocab=255)
    assert "256 to 5,000" in problems(at)[0]
    assert at.button(key="tokenizers_own_start").disabled


@pytest.mark.parametrize(("data", "says"), [(b"", "empty"), (b"\xff\xfe", "byte 0"), (b"a" * 10_000_001, "10 MB")])
def test_a_file_that_is_no_text_is_refused(data: bytes, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        read_text(data)


def test_an_own_file_is_learned_in_the_background_and_cut_with() -> None:
    at = open_page(PAGE, tokenizers_source="a file of my own", tokenizers_vocab=300)
    at.file_uploader(key="tokenizers_own_file").upload("own.txt", b"the cat sat on the mat. " * 200, "text/plain")
    press(go(at), "tokenizers_own_start")
    from explorer.ui.job_panel import board

    job = board().get(at.query_params["tokenizers_own_job"])
    assert job is not None
    assert job.join(30)
    go(at)
    assert re.match(r"Byte-pair, \d+ merges", byte_pair(at)["title"])
    latest = job.view().latest
    assert latest is not None
    assert latest.vocabularies is None  # the board does not hold the text


def test_only_the_last_few_texts_are_kept_and_a_lost_one_is_said() -> None:
    shelf = OwnTexts()
    first = shelf.keep("first " * 20)
    for i in range(6):
        shelf.keep(f"text {i}")
    with pytest.raises(ValueError, match="no longer kept"):
        next(shelf.learn(OwnMerges(first, 300)))


def test_invisible_characters_have_names_and_a_mark_alone_has_its_circle() -> None:
    assert shown_text("\u200d", False) == "U+200D"
    assert shown_text("\0", False) == "␀"
    assert shown_text("a\ud83d", False) == "aU+D83D"  # half a pair, which no message to a browser could carry
    assert shown_text("\u0301", False) == "◌\u0301"


def test_a_token_says_its_place_its_id_and_its_bytes() -> None:
    from explorer.inspection.tokenizers import Token

    assert (
        drawn(Token(226, b"\xe2", 3), 2, True).spoken == "bytes E2, token 2, id 226, 1 byte E2 (a part of a character)."
    )
    assert "no id" in drawn(Token(None, "é".encode(), 0), 0, True).spoken
