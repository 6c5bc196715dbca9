"""GPT-2's vocabulary and foreign tokenizer.json files, read by their own libraries."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import tiktoken
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

from explorer.text import known_vocabularies
from explorer.text.bpe import BPETokenizer
from explorer.text.corpora import load_corpus
from explorer.text.known_vocabularies import (
    VocabularyError,
    from_tiktoken,
    from_tokenizer_json,
    gpt2_vocabulary,
)

TALE = load_corpus("tale").text[:20_000]
OURS = BPETokenizer.train(TALE, 400)
ENCODING = tiktoken.Encoding(
    "ours",
    pat_str=str(OURS.pattern),
    mergeable_ranks={OURS.token_bytes(i): i for i in range(400)},
    special_tokens={"<|endoftext|>": 400},
)
readable = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


def byte_level() -> bytes:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    tokenizer.train_from_iterator([TALE], trainers.BpeTrainer(vocab_size=400, initial_alphabet=alphabet))
    return tokenizer.to_str().encode()


def word_piece() -> bytes:
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.train_from_iterator([TALE], trainers.WordPieceTrainer(vocab_size=300, special_tokens=["[UNK]"]))
    return tokenizer.to_str().encode()


BYTE_LEVEL, WORD_PIECE = byte_level(), word_piece()


@given(readable)
def test_pieces_of_a_byte_vocabulary_cover_the_text_end_to_end(text: str) -> None:
    data = text.encode()
    for vocabulary in (from_tiktoken("GPT-2", ENCODING), from_tokenizer_json("mine", BYTE_LEVEL)):
        pieces = vocabulary.pieces(text)
        assert [piece.start for piece in pieces] == [0, *(piece.end for piece in pieces)][: len(pieces)]
        assert (pieces[-1].end if pieces else 0) == len(data)
        assert all(0 <= piece.id < vocabulary.vocab_size for piece in pieces)


@given(readable)
def test_ids_are_those_of_the_library_itself(text: str) -> None:
    theirs = Tokenizer.from_str(BYTE_LEVEL.decode())
    assert [p.id for p in from_tokenizer_json("mine", BYTE_LEVEL).pieces(text)] == theirs.encode(text).ids
    assert [p.id for p in from_tiktoken("GPT-2", ENCODING).pieces(text)] == ENCODING.encode_ordinary(text)


def test_typed_special_tokens_are_ordinary_text() -> None:
    assert 400 not in [piece.id for piece in from_tiktoken("GPT-2", ENCODING).pieces("<|endoftext|>")]


@given(readable)
def test_pieces_of_a_character_vocabulary_stay_in_order_and_in_the_text(text: str) -> None:
    vocabulary = from_tokenizer_json("words", WORD_PIECE)
    pieces = vocabulary.pieces(text)
    bounds = [bound for piece in pieces for bound in (piece.start, piece.end)]
    assert bounds == sorted(bounds)
    assert all(0 <= bound <= len(text.encode()) for bound in bounds)


def test_pieces_stand_for_the_text_they_came_from() -> None:
    text = "The sea, é!"
    pieces = from_tokenizer_json("words", WORD_PIECE).pieces(text)
    cut = [text.encode()[piece.start : piece.end].decode() for piece in pieces]
    assert "".join(cut) == "Thesea,é!"
    assert pieces[-2].label == "[UNK]"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is not JSON"),
        (b"\x89PNG\r\n\x1a\n\x00", "is not JSON"),
        (b"[" * 100_000, "is not JSON"),
        (b"[1, 2]", 'it has no "model"'),
        (b'{"vocab": {}}', 'it has no "model"'),
        (b'{"model": {"type": "Nothing"}}', "not a usable tokenizer.json"),
        (
            json.dumps(
                {"version": "1.0", "model": {"type": "BPE", "vocab": {"a": 0}, "merges": [["a", "b"]]}}
            ).encode(),
            "not a usable",
        ),
        (BYTE_LEVEL[: len(BYTE_LEVEL) // 2], "is not JSON"),
        (b" " * 60_000_000, "has 60 MB; a tokenizer.json of at most 20 MB"),
    ],
    ids=["empty", "binary", "nested", "list", "other", "unknown model", "broken merges", "half", "60 MB"],
)
def test_what_is_no_tokenizer_json_is_refused_in_one_sentence(content: bytes, said: str) -> None:
    with pytest.raises(VocabularyError, match=said) as refused:
        from_tokenizer_json("upload.json", content)
    assert str(refused.value).startswith("upload.json ")
    assert "\n" not in str(refused.value)


def test_half_a_character_is_refused_by_place() -> None:
    for vocabulary in (from_tiktoken("GPT-2", ENCODING), from_tokenizer_json("mine", BYTE_LEVEL)):
        with pytest.raises(VocabularyError, match="place 3 holds half of one"):
            vocabulary.pieces("ab\ud83d")


def test_gpt2_that_cannot_be_had_is_one_clear_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(known_vocabularies, "_answers", lambda _host: False)
    with pytest.raises(VocabularyError, match="not on this machine and its server cannot be reached; go online once"):
        gpt2_vocabulary(may_download=True)


def test_gpt2_is_not_asked_for_over_the_network_unless_that_was_allowed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: list[str] = []
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(known_vocabularies, "_answers", asked.append)
    with pytest.raises(VocabularyError, match=r"not on this machine\. It can be fetched once"):
        gpt2_vocabulary()
    assert asked == []


def test_gpt2_is_taken_from_tiktokens_cache_without_the_network(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def no_network(_host: str) -> bool:
        raise AssertionError("The network was asked although the files are cached.")

    # The names tiktoken gives the two files of GPT-2 in its cache: SHA-1 of their addresses.
    for name in ("6d1cbeee0f20b3d9449abfede4726ed8212e3aee", "6c7ea1a7e38e3a7f062df639a5b80947f075ffe6"):
        (tmp_path / name).write_bytes(b"x")
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(known_vocabularies, "_answers", no_network)
    asked: list[str] = []

    def get_encoding(name: str) -> Any:
        asked.append(name)
        return ENCODING

    monkeypatch.setattr(tiktoken, "get_encoding", get_encoding)
    assert gpt2_vocabulary().pieces("the sea")
    assert asked == ["gpt2"]


def test_a_damaged_cache_is_said_and_not_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_name: str) -> Any:
        raise RuntimeError("hash does not match")

    monkeypatch.setattr(known_vocabularies, "_is_cached", lambda: True)
    monkeypatch.setattr(tiktoken, "get_encoding", broken)
    with pytest.raises(VocabularyError, match="could not be loaded: hash does not match"):
        gpt2_vocabulary()
