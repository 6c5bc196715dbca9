"""The Tokenizers page cuts what is typed as the tokenizers do, says what it claims, and bears any text."""

from __future__ import annotations

from typing import Any

import pytest
import tiktoken

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
from tests.pages.merge_board import BOARD, byte_pair, ids, labels, opened, panels

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


def test_the_typed_text_is_cut_by_characters_words_and_as_many_merges_as_the_slider_says(drama: BPETokenizer) -> None:
    at = open_page(PAGE, tokenizers_merges=300)
    data = component(at, BOARD)
    assert [panel and panel["title"] for panel in data["panels"]] == ["Characters", "Words", None, "GPT-2"]
    assert byte_pair(at) == drama.with_merges(300).encode(DEFAULT_TEXT)
    assert data["typed"]["bytes"] == len(DEFAULT_TEXT.encode())
    for merges in (0, 1, 300, 1024):
        encoded = drama.with_merges(merges).encode(DEFAULT_TEXT)
        assert opened(data, data["typed"]["ids"], merges) == encoded
        assert data["typed"]["counts"][merges] == len(encoded)
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


def test_three_merges_of_the_check_string_give_its_known_ids() -> None:
    at = open_page(PAGE, tokenizers_text="aaabdaaabac", tokenizers_merges=3, **TYPED)
    assert byte_pair(at) == [258, 100, 258, 97, 99]


def test_what_the_experiments_say_is_so() -> None:
    at = press(open_page(PAGE), "tokenizers_try_0")
    assert byte_pair(at) == [258, 100, 258, 97, 99]
    press(at, "tokenizers_try_1")
    assert byte_pair(at) == list(DEFAULT_TEXT.encode())
    assert byte_pair(at)[-1] in component(at, BOARD)["learned"]["partial"]
    press(at, "tokenizers_try_2")
    assert "<unk>" in [token[0] for token in panels(at)["Words"]["tokens"]]
    assert "".join(labels(at, byte_pair(at))) == "The␣xylophonist␣cyberspaces␣merrily."
    press(at, "tokenizers_try_3")
    spelled: dict[str, set[int]] = {}
    for token in byte_pair(at):
        spelled.setdefault(labels(at, [token])[0].strip("␣").lower(), set()).add(token)
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
        assert byte_pair(at), text
        assert all(label.encode() for label in labels(at, byte_pair(at)))
        assert "<script>alert" not in words(at)


def test_an_empty_text_is_asked_for() -> None:
    assert "Type at least one character" in words(open_page(PAGE, tokenizers_text=""))
    assert "Type at least one character" in words(open_page(PAGE, tokenizers_text="", **TYPED))


@pytest.mark.parametrize("source", ["a corpus", "the text typed above"])
def test_a_line_of_200_kb_without_a_space_is_cut_in_part_and_that_is_said(source: str) -> None:
    at = open_page(PAGE, tokenizers_text="abcdefghij" * 20_000, tokenizers_source=source, tokenizers_merges=5)
    assert "the first 20,000 are cut here" in words(at)
    data = component(at, BOARD)
    assert len(byte_pair(at)) == data["most"] == MOST_DRAWN
    assert len(data["typed"]["ids"]) <= MOST_DRAWN < data["typed"]["counts"][5]
    assert f"The first {MOST_DRAWN} tokens are drawn." in panels(at)["Characters"]["note"]


def test_white_space_is_drawn_or_left_alone() -> None:
    assert shown_text(" \n\t", True) == "␣↵⇥"
    assert shown_text(" a\t", False) == " a\t"
    at = open_page(PAGE, tokenizers_whitespace=False)
    assert not any("␣" in label for label in labels(at, byte_pair(at)))
    assert component(at, BOARD)["learned"]["labels"][32] == "␣"  # pairs and excerpts always draw it


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
    assert "".join(labels(at, byte_pair(at))).startswith("The␣king")
    assert at.session_state["_tokenizers_shown"]["readers"][2].name.startswith("Byte-pair")
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
