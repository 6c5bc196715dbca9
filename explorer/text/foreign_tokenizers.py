"""Tokenizers that came with somebody else's model, behind the face of ours.

A byte-level byte-pair vocabulary cut as GPT-2 cuts becomes a `BPETokenizer` under its own numbers, once it has been seen
to read a probing text as the tokenizers library reads it. Any other `tokenizer.json` is used through that library.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from explorer.text.bpe import BPETokenizer, merge_pairs, readable
from explorer.text.bpe_merges import BYTES, GPT2_SPLIT, LARGEST_VOCABULARY, Merge, to_bytes
from explorer.text.known_vocabularies import BYTE_OF, VocabularyError, read_tokenizer_json

_PROBE = (
    "The cat's hat, isn't it?  We'll pay $3.50 for 1,024 -- \n\n\tno more!\r\n  ‘Ça va’, señor ÑANDÚ; Привет мир, "
    "καλημέρα: 你好世界 日本語 مرحبا नमस्ते 👩‍👩‍👧 🇵🇹 é\u0301 \u200b\u00a0x² ½ "
    "<|endoftext|> aaaaaaaaaaaaaaaaaaaa 0000000 __init__(self):\n    "
)
_PROBED_TOKENS = 2000  # of the vocabulary's own, strung together


@dataclass(frozen=True)
class LibraryTokenizer:
    """Any `tokenizer.json`, read by the tokenizers library. content: that file's text, as the library writes it.

    Strings of special tokens are ordinary text where they are typed; nothing is put before or after a text.
    """

    content: str

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> LibraryTokenizer:
        """Read what `to_json` wrote; raises ValueError where it is something else."""
        content = data.get("content")
        if data.get("kind") != "tokenizer.json" or not isinstance(content, dict):
            raise ValueError(f"Expected a tokenizer of kind 'tokenizer.json' with its content, got {str(data)[:80]}.")
        _read_numbered("The card's tokenizer", json.dumps(content).encode())
        return cls(json.dumps(content, ensure_ascii=False))

    def to_json(self) -> dict[str, Any]:
        return {"kind": "tokenizer.json", "content": json.loads(self.content)}

    @cached_property
    def _tokenizer(self) -> Any:
        from tokenizers import Tokenizer

        tokenizer = Tokenizer.from_str(self.content)
        tokenizer.encode_special_tokens = True
        return tokenizer

    @cached_property
    def _spelled(self) -> list[str | None]:
        """How the vocabulary spells each id; None for a number that it leaves out."""
        by_id = {i: spelled for spelled, i in self._tokenizer.get_vocab(with_added_tokens=True).items()}
        return [by_id.get(i) for i in range(max(by_id, default=-1) + 1)]

    @property
    def vocab_size(self) -> int:
        return len(self._spelled)

    def token_bytes(self, token: int) -> bytes:
        """The bytes a token stands for; raises ValueError for an id that is none."""
        if not 0 <= token < self.vocab_size:
            raise ValueError(f"Token ids go from 0 to {self.vocab_size - 1}, got {token}.")
        return self._bytes[token]

    @cached_property
    def _bytes(self) -> list[bytes]:
        is_byte_level = _has_byte_level(json.loads(self.content).get("decoder"))
        added = {token.content for token in self._tokenizer.get_added_tokens_decoder().values()}
        return [
            self._bytes_of(i, spelled, is_byte_level and spelled not in added)
            for i, spelled in enumerate(self._spelled)
        ]

    def _bytes_of(self, token: int, spelled: str | None, in_byte_table: bool) -> bytes:
        if spelled is None:
            return b""
        if in_byte_table and all(character in BYTE_OF for character in spelled):
            return bytes(BYTE_OF[character] for character in spelled)
        return to_bytes(self._tokenizer.decode([token], skip_special_tokens=False))

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """Each token as it is shown: its text, or its bytes in hexadecimal where they are no text of their own."""
        from explorer.text.tokenizers import visible

        shown = (readable(data) or spelled or f"unused {i}" for i, (data, spelled) in enumerate(self._all()))
        return tuple(map(visible, shown))

    def _all(self) -> Iterable[tuple[bytes, str | None]]:
        return zip(self._bytes, self._spelled, strict=True)

    @cached_property
    def _unknown_id(self) -> int | None:
        unknown = json.loads(self.content)["model"].get("unk_token")
        return None if unknown is None else self._tokenizer.token_to_id(unknown)

    def missing(self, text: str) -> list[str]:
        """Characters that the token for the unknown stands for, and halves of characters; once each, in order."""
        halves = [c for c in dict.fromkeys(text) if "\ud800" <= c <= "\udfff"]  # which the library does not take
        if halves or self._unknown_id is None:
            return halves
        read = self._tokenizer.encode(text, add_special_tokens=False)
        unknown = [span for i, span in zip(read.ids, read.offsets, strict=True) if i == self._unknown_id]
        return list(dict.fromkeys(c for start, end in unknown for c in text[start:end]))

    def encode(self, text: str) -> list[int]:
        """Token ids of the text; raises UnknownCharactersError for what it cannot read."""
        from explorer.text.tokenizers import UnknownCharactersError

        if missing := self.missing(text):
            raise UnknownCharactersError(missing, self.vocab_size)
        ids: list[int] = self._tokenizer.encode(text, add_special_tokens=False).ids
        return ids

    def decode(self, ids: Iterable[int]) -> str:
        text: str = self._tokenizer.decode(list(ids), skip_special_tokens=False)
        return text


def read_foreign_tokenizer(name: str, content: bytes) -> BPETokenizer | LibraryTokenizer:
    """The tokenizer of a `tokenizer.json`; ours where it is byte-level BPE as GPT-2's, else the library's.

    Raises VocabularyError for anything else.
    """
    data, theirs = _read_numbered(name, content)
    theirs.encode_special_tokens = True
    ours = _as_byte_pairs(data)
    if ours is not None and _reads_alike(ours, theirs):
        return ours
    return LibraryTokenizer(theirs.to_str())


def find_tokenizer(path: Path) -> BPETokenizer | LibraryTokenizer:
    """The tokenizer of a `tokenizer.json`, or of a folder that has one or GPT-2's older two files.

    Raises VocabularyError where there is none.
    """
    file = path / "tokenizer.json" if path.is_dir() else path
    try:
        if path.is_dir() and not file.is_file() and (path / "vocab.json").is_file():
            vocabulary, merges = ((path / name).read_bytes() for name in ("vocab.json", "merges.txt"))
            return from_vocabulary_and_merges(vocabulary, merges)
        return read_foreign_tokenizer(file.name, file.read_bytes())
    except OSError as error:
        raise VocabularyError(
            f"There is no tokenizer to read at {error.filename} ({error.strerror}); expected tokenizer.json, or vocab.json "
            "with merges.txt, or say --tokenizer gpt2 or FILE."
        ) from None


def from_vocabulary_and_merges(vocabulary: bytes, merges: bytes) -> BPETokenizer | LibraryTokenizer:
    """GPT-2's older pair of files, `vocab.json` and `merges.txt`. Raises VocabularyError where they are something else."""
    try:
        ids = json.loads(vocabulary)
        lines = [
            line for line in merges.decode("utf-8").splitlines() if line.strip() and not line.startswith("#version")
        ]
        pairs = [line.split(" ") for line in lines]
        is_sound = isinstance(ids, dict) and all(type(i) is int for i in ids.values())
        if not is_sound or any(len(pair) != 2 for pair in pairs):
            raise ValueError("a line or an entry of another form")
    except (ValueError, RecursionError) as error:
        raise VocabularyError(
            f"vocab.json must give each token its number and merges.txt two tokens a line ({str(error)[:80]}); "
            "copy both again."
        ) from None
    made = {token for pair in pairs for token in (*pair, "".join(pair))} | set(BYTE_OF)
    added = [
        {"id": i, "content": token, "special": True, "normalized": False}
        | dict.fromkeys(("single_word", "lstrip", "rstrip"), False)
        for token, i in ids.items()
        if token not in made
    ]
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    model = {"type": "BPE", "vocab": ids, "merges": pairs}
    data = {"version": "1.0", "added_tokens": added, "model": model, "pre_tokenizer": byte_level, "decoder": byte_level}
    return read_foreign_tokenizer("vocab.json and merges.txt", json.dumps(data).encode())


def from_ranks(ranks: dict[bytes, int], special_tokens: Sequence[str]) -> BPETokenizer:
    """A vocabulary as tiktoken keeps it: each token's bytes with its number, which is the order of the merges.

    Each token of more than one byte was made by the last merge of its bytes. Raises VocabularyError where one cannot
    have been.
    """
    tokens = sorted(ranks, key=ranks.__getitem__)
    if sorted(ranks.values()) != list(range(len(tokens))) or {len(token) for token in tokens[:BYTES]} != {1}:
        raise VocabularyError("Expected a vocabulary numbered from 0, its 256 bytes first.")
    order = b"".join(tokens[:BYTES])
    pairs: dict[tuple[int, int], int] = {}
    for token in tokens[BYTES:]:
        parts = merge_pairs([order.index(b) for b in token], pairs)
        if len(parts) != 2:
            raise VocabularyError(
                f"The token {token!r} is not made of two others before it; expected byte-pair merges."
            )
        pairs[parts[0], parts[1]] = ranks[token]
    merges = tuple(Merge(rank, left, right) for rank, (left, right) in enumerate(pairs))
    return BPETokenizer(merges, GPT2_SPLIT, tuple(special_tokens), order)


def gpt2_tokenizer() -> BPETokenizer:
    """GPT-2's own, by tiktoken. Raises VocabularyError where it is not on this machine and cannot be fetched."""
    from explorer.text.known_vocabularies import gpt2_encoding

    encoding = gpt2_encoding(may_download=True)
    special: dict[str, int] = encoding._special_tokens
    return from_ranks(encoding._mergeable_ranks, sorted(special, key=special.__getitem__))


def _read_numbered(name: str, content: bytes) -> tuple[dict[str, Any], Any]:
    """What the file says and its Tokenizer, whose numbers are small enough to make a list of."""
    data, tokenizer = read_tokenizer_json(name, content)
    ids = tokenizer.get_vocab(with_added_tokens=True).values()
    if not ids or max(ids) >= LARGEST_VOCABULARY:
        raise VocabularyError(
            f"{name} must number at least 1 and at most {LARGEST_VOCABULARY:,} tokens from 0, got {len(ids):,} up to number "
            f"{max(ids, default=-1):,}."
        )
    return data, tokenizer


def _has_byte_level(part: Any) -> bool:
    """Whether a decoder, or one of a sequence of them, is the byte-level one."""
    if not isinstance(part, dict):
        return False
    return part.get("type") == "ByteLevel" or any(map(_has_byte_level, part.get("decoders", ())))


def _as_byte_pairs(data: dict[str, Any]) -> BPETokenizer | None:
    """The same vocabulary as merges, where its numbers are the 256 bytes, the merges in order, then special tokens."""
    model, cut = data["model"], data.get("pre_tokenizer") or {}
    is_plain = model.get("type") == "BPE" and not any(
        model.get(name)
        for name in ("dropout", "continuing_subword_prefix", "end_of_word_suffix", "byte_fallback", "ignore_merges")
    )
    is_gpt2_cut = cut.get("type") == "ByteLevel" and cut.get("use_regex", True) and not cut.get("add_prefix_space")
    if not is_plain or not is_gpt2_cut or data.get("normalizer"):
        return None
    ids = {**model["vocab"], **{token["content"]: token["id"] for token in data.get("added_tokens", ())}}
    spelled = sorted(ids, key=ids.__getitem__)
    pairs = [pair.split(" ") if isinstance(pair, str) else pair for pair in model["merges"]]
    bytes_first, made, special = spelled[:BYTES], spelled[BYTES : BYTES + len(pairs)], spelled[BYTES + len(pairs) :]
    is_in_order = sorted(ids.values()) == list(range(len(ids))) and made == [left + right for left, right in pairs]
    if not is_in_order or set(bytes_first) != set(BYTE_OF) or "" in special:
        return None
    merges = tuple(Merge(rank, ids[left], ids[right]) for rank, (left, right) in enumerate(pairs))
    return BPETokenizer(merges, GPT2_SPLIT, tuple(special), bytes(BYTE_OF[c] for c in bytes_first))


def _reads_alike(ours: BPETokenizer, theirs: Any) -> bool:
    """Whether both read a probe alike: many scripts, white space, numbers, and a sample of the vocabulary's tokens."""
    every = max(1, ours.vocab_size // _PROBED_TOKENS)
    tokens = [ours.token_bytes(i).decode("utf-8", "ignore") for i in range(0, ours.vocab_size, every)]
    probe = _PROBE + " ".join(tokens) + "".join(tokens)
    return ours.encode(probe) == theirs.encode(probe, add_special_tokens=False).ids
