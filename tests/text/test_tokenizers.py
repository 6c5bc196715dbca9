"""Characters to whole numbers and back, and what is said of characters that have no number."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from explorer.text.tokenizers import (
    CharTokenizer,
    UnknownCharactersError,
    name_character,
    tokenizer_from_json,
    visible,
)


@given(st.text(min_size=1), st.data())
def test_text_from_the_vocabulary_survives_the_round_trip(text: str, data: st.DataObject) -> None:
    tokenizer = CharTokenizer.from_text(text)
    typed = data.draw(st.text(alphabet=tokenizer.characters))
    ids = tokenizer.encode(typed)
    assert tokenizer.decode(ids) == typed
    assert len(ids) == len(typed)
    assert all(0 <= i < tokenizer.vocab_size for i in ids)


@given(st.text(min_size=1))
def test_the_vocabulary_is_the_texts_characters_in_code_point_order(text: str) -> None:
    tokenizer = CharTokenizer.from_text(text)
    assert list(tokenizer.characters) == sorted(set(text))
    assert tokenizer.encode(tokenizer.characters) == list(range(tokenizer.vocab_size))
    assert len(tokenizer.labels) == tokenizer.vocab_size


def test_unknown_characters_are_named_once_each_in_order_of_appearance() -> None:
    tokenizer = CharTokenizer("abc")
    with pytest.raises(UnknownCharactersError) as caught:
        tokenizer.encode("bzazbyé\u200bz")
    assert caught.value.characters == ["z", "y", "é", "\u200b"]
    assert "4 characters that this vocabulary of 3 symbols lacks: z, y, é, ZERO WIDTH SPACE." in str(caught.value)
    assert tokenizer.missing("bzazby") == ["z", "y"]
    assert tokenizer.missing("abc") == []


def test_one_unknown_character_is_one_character() -> None:
    with pytest.raises(UnknownCharactersError, match="holds 1 character that"):
        CharTokenizer("a").encode("ab")


def test_a_long_list_of_unknown_characters_is_cut_short_in_words_but_not_in_the_attribute() -> None:
    with pytest.raises(UnknownCharactersError) as caught:
        CharTokenizer("a").encode("bcdefghijklmnop")
    assert len(caught.value.characters) == 15
    assert "m, …" in str(caught.value)
    assert "n" not in str(caught.value).split("lacks:")[1].split(".")[0]


@given(st.text(min_size=1))
def test_a_tokenizer_read_back_from_json_is_the_same(text: str) -> None:
    tokenizer = CharTokenizer.from_text(text)
    assert tokenizer_from_json(json.loads(json.dumps(tokenizer.to_json()))) == tokenizer


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({}, "got None"),
        ([], "got None"),
        ("char", "got None"),
        ({"kind": "words"}, "got 'words'"),
        ({"kind": ["char"]}, r"got \['char'\]"),
        ({"kind": "char"}, "with its characters"),
        ({"kind": "char", "characters": ["a", "b"]}, "with its characters"),
        ({"kind": "char", "characters": ""}, "at least one character"),
        ({"kind": "char", "characters": "abca"}, "each character once"),
    ],
)
def test_json_that_is_no_tokenizer_is_refused_with_what_came(data: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        tokenizer_from_json(data)


def test_white_space_is_drawn_on_labels() -> None:
    assert CharTokenizer("\t\n\r a").labels == ("⇥", "↵", "␍", "␣", "a")
    assert visible("a\nb c") == "a↵b␣c"


@pytest.mark.parametrize(
    ("character", "name"), [("é", "é"), (" ", "SPACE"), ("\u00a0", "NO-BREAK SPACE"), ("\x07", "U+0007")]
)
def test_a_character_that_cannot_be_seen_is_called_by_its_name(character: str, name: str) -> None:
    assert name_character(character) == name
