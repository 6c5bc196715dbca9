"""Vocabularies made elsewhere: GPT-2's, and any `tokenizer.json` that somebody brings.

Both are read by the libraries they were made for, tiktoken and tokenizers; here they get one face: a text in, pieces
out, each with its id and the bytes of the text it stands for.
"""

from __future__ import annotations

import hashlib
import json
import os
import socket
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from explorer.text.bpe_merges import to_bytes

if TYPE_CHECKING:
    import tiktoken

LARGEST_FILE = 20_000_000  # bytes of a tokenizer.json; that of a vocabulary of 150,000 is about 7 MB
_GPT2_FILES = "https://openaipublic.blob.core.windows.net/gpt-2/encodings/main/"
_SECONDS_TO_ANSWER = 3.0


class VocabularyError(ValueError):
    """A vocabulary that cannot be had: the message says what was expected, what came and what to do."""


@dataclass(frozen=True)
class Piece:
    """One token of a text. id: its number. start, end: the bytes of the UTF-8 text it stands for; nothing for a token
    that the vocabulary adds of itself. label: how the vocabulary spells it."""

    id: int
    start: int
    end: int
    label: str


@dataclass(frozen=True)
class KnownVocabulary:
    """name: what it is called. vocab_size: how many ids it has. pieces: a text to its tokens, in order; raises
    VocabularyError for a text it cannot read."""

    name: str
    vocab_size: int
    pieces: Callable[[str], list[Piece]]


def gpt2_vocabulary(*, may_download: bool = False) -> KnownVocabulary:
    """GPT-2's byte-pair vocabulary of 50,257 tokens by tiktoken, from its cache or, if allowed, from the network.

    Raises VocabularyError where it cannot be had, after at most some seconds.
    """
    return from_tiktoken("GPT-2", gpt2_encoding(may_download=may_download))


def gpt2_encoding(*, may_download: bool = False) -> tiktoken.Encoding:
    """The same as tiktoken has it."""
    import tiktoken

    if not may_download and not _is_cached():
        raise VocabularyError("GPT-2's vocabulary is not on this machine. It can be fetched once, 1.5 MB, and is kept.")
    if not _is_cached() and not _answers("openaipublic.blob.core.windows.net"):
        raise VocabularyError(
            "GPT-2's vocabulary is not on this machine and its server cannot be reached; go online once, or put it "
            "into the folder that TIKTOKEN_CACHE_DIR names."
        )
    try:
        return tiktoken.get_encoding("gpt2")
    except Exception as error:  # the library passes on whatever its download or its check raised
        raise VocabularyError(
            f"GPT-2's vocabulary could not be loaded: {str(error)[:200]}. Try again online."
        ) from error


def from_tiktoken(name: str, encoding: Any) -> KnownVocabulary:
    """A `tiktoken.Encoding`; special tokens that are typed are ordinary text."""

    def pieces(text: str) -> list[Piece]:
        _check_readable(text, name)
        return _end_to_end([(i, encoding.decode_single_token_bytes(i)) for i in encoding.encode_ordinary(text)])

    return KnownVocabulary(name, encoding.n_vocab, pieces)


def read_tokenizer_json(name: str, content: bytes) -> tuple[dict[str, Any], Any]:
    """A `tokenizer.json` as the tokenizers library writes it: what it says, and that library's Tokenizer.

    Raises VocabularyError for anything else.
    """
    from tokenizers import Tokenizer

    if len(content) > LARGEST_FILE:
        raise VocabularyError(
            f"{name} has {len(content) / 1e6:.0f} MB; a tokenizer.json of at most {LARGEST_FILE / 1e6:.0f} MB is read."
        )
    try:
        data = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise VocabularyError(f"{name} is not JSON ({str(error)[:80]}); expected a tokenizer.json.") from None
    if not isinstance(data, dict) or not isinstance(data.get("model"), dict):
        raise VocabularyError(
            f'{name} is JSON, but not of a tokenizer: it has no "model". Expected a tokenizer.json as the tokenizers '
            "library saves it."
        )
    read = _guarded(lambda: Tokenizer.from_str(content.decode("utf-8")), f"{name} is not a usable tokenizer.json")
    return data, read


def from_tokenizer_json(name: str, content: bytes) -> KnownVocabulary:
    """The vocabulary of a `tokenizer.json`. Raises VocabularyError for anything else."""
    _, tokenizer = read_tokenizer_json(name, content)

    def pieces(text: str) -> list[Piece]:
        _check_readable(text, name)
        encoding = _guarded(lambda: tokenizer.encode(text, add_special_tokens=False), f"{name} cannot read this text")
        by_bytes = _end_to_end_bytes(encoding.ids, encoding.tokens)
        if by_bytes is not None and b"".join(data for _, data in by_bytes) == to_bytes(text):
            return _end_to_end(by_bytes)
        return _from_offsets(text, encoding)

    return KnownVocabulary(name, tokenizer.get_vocab_size(), pieces)


def _guarded(act: Callable[[], Any], problem: str) -> Any:
    """The library's answer; its errors, a panic of its Rust side among them, as one sentence."""
    try:
        return act()
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:
        raise VocabularyError(f"{problem}: {str(error)[:160]}.") from None


def _check_readable(text: str, name: str) -> None:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise VocabularyError(
            f"{name} reads whole characters only, and place {error.start + 1} holds half of one (a lone surrogate); "
            "remove it."
        ) from None


def _end_to_end(tokens: list[tuple[int, bytes]]) -> list[Piece]:
    """Tokens whose bytes follow each other without gaps."""
    found, start = [], 0
    for i, data in tokens:
        found.append(Piece(i, start, start + len(data), data.decode("utf-8", "backslashreplace")))
        start += len(data)
    return found


def _visible_bytes() -> dict[str, int]:
    """The table by which byte-level vocabularies spell bytes: printable ones as themselves, the rest from U+0100 on."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    hidden = [b for b in range(256) if b not in printable]
    return {chr(b): b for b in printable} | {chr(256 + i): b for i, b in enumerate(hidden)}


BYTE_OF = _visible_bytes()


def _end_to_end_bytes(ids: list[int], spelled: list[str]) -> list[tuple[int, bytes]] | None:
    """The bytes of tokens spelled in that table, None where a token is not."""
    try:
        return [(i, bytes(BYTE_OF[c] for c in token)) for i, token in zip(ids, spelled, strict=True)]
    except KeyError:
        return None


def _from_offsets(text: str, encoding: Any) -> list[Piece]:
    """By the characters the library says each token came from; what two tokens share belongs to the first."""
    byte_at = [0]
    for character in text:
        byte_at.append(byte_at[-1] + len(to_bytes(character)))
    found, done = [], 0
    for i, spelled, (start, end) in zip(encoding.ids, encoding.tokens, encoding.offsets, strict=True):
        first, last = max(done, byte_at[start]), max(done, byte_at[end])
        found.append(Piece(i, first, last, spelled))
        done = last
    return found


def _is_cached() -> bool:
    """Whether tiktoken will find GPT-2's two files without the network: it names them by the hash of their address."""
    folder = os.environ.get("TIKTOKEN_CACHE_DIR", os.environ.get("DATA_GYM_CACHE_DIR"))
    cache = Path(folder) if folder is not None else Path(tempfile.gettempdir()) / "data-gym-cache"
    names = (hashlib.sha1(f"{_GPT2_FILES}{file}".encode()).hexdigest() for file in ("vocab.bpe", "encoder.json"))
    return folder != "" and all((cache / name).is_file() for name in names)


def _answers(host: str) -> bool:
    try:
        socket.create_connection((host, 443), timeout=_SECONDS_TO_ANSWER).close()
    except OSError:
        return False
    return True
