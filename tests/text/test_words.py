"""The word tokenizer: punctuation apart, what is not known is <unk>, and what that loses."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from explorer.text.tokenizers import WordTokenizer, split_words, tokenizer_from_json

VERSE = WordTokenizer.from_text("The cat sat, and the cat slept. <eot>")
texts = st.text(max_size=60)


def test_words_are_ordered_by_how_often_they_occur_then_alphabetically() -> None:
    assert VERSE.words[0] == "cat"
    assert WordTokenizer.from_text("b a c b a b", most=2).words == ("b", "a")


def test_unknown_words_become_unk_and_the_end_of_text_is_recognised() -> None:
    ids = VERSE.encode("The dog sat.<eot>The cat")
    assert [VERSE.labels[i] for i in ids] == ["The", "<unk>", "sat", ".", "<eot>", "The", "cat"]


@given(texts)
def test_the_words_of_a_decoded_text_are_those_that_were_encoded(text: str) -> None:
    tokenizer = WordTokenizer.from_text(text)
    ids = tokenizer.encode(text)
    assert all(0 <= i < tokenizer.vocab_size for i in ids)
    assert [tokenizer.labels[i] for i in ids if i < tokenizer.unknown_id] == [
        word for part in text.split("<eot>") for word in split_words(part)
    ]


def test_decoding_spaces_words_as_they_are_written() -> None:
    text = "It's late, Emma (and dark)!"
    tokenizer = WordTokenizer.from_text(text)
    assert tokenizer.decode(tokenizer.encode(text)) == text


def test_it_is_kept_as_json_and_rubbish_is_refused() -> None:
    assert tokenizer_from_json(VERSE.to_json()) == VERSE
    for data in ({"kind": "word"}, {"kind": "word", "words": [1]}):
        with pytest.raises(ValueError, match="kind 'word' with its words"):
            tokenizer_from_json(data)
    with pytest.raises(ValueError, match="different words"):
        tokenizer_from_json({"kind": "word", "words": ["a", "a"]})
