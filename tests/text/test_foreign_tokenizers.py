"""Foreign tokenizers against the tokenizers and tiktoken libraries, which made them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import tiktoken
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

from explorer.text.bpe import BPETokenizer
from explorer.text.bpe_merges import GPT2_SPLIT
from explorer.text.foreign_tokenizers import LibraryTokenizer, find_tokenizer, from_ranks, read_foreign_tokenizer
from explorer.text.known_vocabularies import VocabularyError
from explorer.text.tokenizers import UnknownCharactersError, tokenizer_from_json
from tests.foreign_models import byte_level

THEIRS = byte_level()
JSON = THEIRS._tokenizer.to_str()
OURS = read_foreign_tokenizer("tokenizer.json", JSON.encode())


def word_level() -> Tokenizer:
    tokenizer = Tokenizer(models.WordLevel(unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.train_from_iterator(["the cat sat a"], trainers.WordLevelTrainer(special_tokens=["[UNK]"]))
    return tokenizer


@given(st.text(max_size=60))
def test_a_byte_level_vocabulary_becomes_ours_with_its_own_numbers(text: str) -> None:
    theirs = Tokenizer.from_str(JSON)
    theirs.encode_special_tokens = True
    assert isinstance(OURS, BPETokenizer)
    assert OURS.encode(text) == theirs.encode(text).ids
    assert OURS.decode(OURS.encode(text)) == text


@given(st.text(max_size=60))
def test_through_the_library_a_text_has_the_same_tokens_bytes_and_labels(text: str) -> None:
    library = LibraryTokenizer(JSON)
    ids = OURS.encode(text)
    assert library.encode(text) == ids
    assert b"".join(map(library.token_bytes, ids)) == text.encode()
    assert library.labels == OURS.labels


@pytest.mark.parametrize("tokenizer", [OURS, LibraryTokenizer(JSON), LibraryTokenizer(word_level().to_str())])
def test_what_a_card_keeps_of_it_comes_back_equal(tokenizer: BPETokenizer | LibraryTokenizer) -> None:
    again = tokenizer_from_json(json.loads(json.dumps(tokenizer.to_json())))
    assert (again.labels, again.vocab_size) == (tokenizer.labels, tokenizer.vocab_size)
    assert again.encode("the cat sat a") == tokenizer.encode("the cat sat a")


def test_the_end_of_text_is_a_token_and_typed_it_is_text() -> None:
    assert OURS.labels[-1] == "<|endoftext|>"
    assert len(OURS.encode("<|endoftext|>")) > 1
    assert LibraryTokenizer(JSON).encode("<|endoftext|>") == OURS.encode("<|endoftext|>")


def test_a_vocabulary_of_another_cut_is_left_to_its_library() -> None:
    data = json.loads(JSON)
    data["pre_tokenizer"]["add_prefix_space"] = True
    read = read_foreign_tokenizer("tokenizer.json", json.dumps(data).encode())
    assert isinstance(read, LibraryTokenizer)
    assert read.encode("the cat") == Tokenizer.from_str(json.dumps(data)).encode("the cat").ids


def test_what_a_vocabulary_of_words_cannot_read_is_missing() -> None:
    words = read_foreign_tokenizer("tokenizer.json", word_level().to_str().encode())
    assert isinstance(words, LibraryTokenizer)
    assert words.missing("the ñu sat") == ["ñ", "u"]
    with pytest.raises(UnknownCharactersError, match="ñ"):
        words.encode("a ñ")
    assert LibraryTokenizer(JSON).missing("a\ud800") == ["\ud800"]


def test_the_older_pair_of_files_gives_the_same_tokenizer(tmp_path: Path) -> None:
    THEIRS.save_model(str(tmp_path))
    vocabulary = json.loads((tmp_path / "vocab.json").read_text())
    (tmp_path / "vocab.json").write_text(json.dumps(vocabulary | {"<|endoftext|>": len(vocabulary)}))  # as GPT-2's has
    assert find_tokenizer(tmp_path) == OURS
    (tmp_path / "merges.txt").write_text("one\n")
    with pytest.raises(VocabularyError, match="two tokens a line"):
        find_tokenizer(tmp_path)


def test_the_ranks_of_tiktoken_become_the_merges_they_came_from() -> None:
    assert isinstance(OURS, BPETokenizer)
    ranks = {OURS.token_bytes(i): i for i in range(OURS.vocab_size - 1)}
    encoding = tiktoken.Encoding("mine", pat_str=GPT2_SPLIT, mergeable_ranks=ranks, special_tokens={})
    read = from_ranks(ranks, ["<|endoftext|>"])
    assert read == OURS
    assert read.encode("that cat isn't fat") == encoding.encode_ordinary("that cat isn't fat")
    with pytest.raises(VocabularyError, match="not made of two others"):
        from_ranks({**{bytes([b]): b for b in range(256)}, b"abc": 256}, [])


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"{", "is not JSON"), (b"{}", 'it has no "model"'), (b'{"model": {"type": "none"}}', "not a usable")],
)
def test_a_file_that_is_no_tokenizer_is_refused(content: bytes, said: str) -> None:
    with pytest.raises(VocabularyError, match=said):
        read_foreign_tokenizer("tokenizer.json", content)


def test_numbers_beyond_all_vocabularies_are_refused() -> None:
    data = json.loads(JSON)
    data["model"]["vocab"]["zzz"] = 2**31
    with pytest.raises(VocabularyError, match="at most 1,000,000 tokens"):
        read_foreign_tokenizer("tokenizer.json", json.dumps(data).encode())


@pytest.mark.parametrize("order", [5, [0] * 256, list(range(255)), "abc", [300] * 256])
def test_a_card_whose_bytes_are_not_each_there_once_is_refused(order: object) -> None:
    with pytest.raises(ValueError, match="Expected a tokenizer of kind 'bpe'"):
        tokenizer_from_json(OURS.to_json() | {"byte_order": order})
