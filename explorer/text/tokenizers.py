"""From characters to whole numbers and back.

A tokenizer is anything with `vocab_size`, `encode`, `decode` and `labels`; the models see only the numbers.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

from explorer.text.bpe import BPETokenizer
from explorer.text.foreign_tokenizers import LibraryTokenizer

VISIBLE = {"\n": "↵", " ": "␣", "\t": "⇥", "\r": "␍"}


def visible(text: str) -> str:
    """The text with its white space drawn, for labels on a figure.

    >>> visible("a b")
    'a␣b'
    """
    return "".join(VISIBLE.get(character, character) for character in text)


def name_character(character: str) -> str:
    """How an error message names a character: as typed, or by its Unicode name where it cannot be seen.

    >>> name_character("é"), name_character(chr(0x200B))
    ('é', 'ZERO WIDTH SPACE')
    """
    if character.isprintable() and not character.isspace():
        return character
    return unicodedata.name(character, f"U+{ord(character):04X}")


class UnknownCharactersError(ValueError):
    """The text holds characters the vocabulary lacks; `characters` lists them once each, in order of appearance."""

    def __init__(self, characters: list[str], vocab_size: int):
        self.characters = characters
        shown = ", ".join(name_character(c) for c in characters[:12]) + (", …" if len(characters) > 12 else "")
        count = "1 character" if len(characters) == 1 else f"{len(characters)} characters"
        super().__init__(
            f"The text holds {count} that this vocabulary of {vocab_size} symbols lacks: {shown}. "
            "Remove them, or choose a model trained on a text that has them."
        )


class Tokenizer(Protocol):
    """What every tokenizer offers."""

    @property
    def vocab_size(self) -> int: ...

    @property
    def labels(self) -> tuple[str, ...]:
        """One visible label per token id."""

    def encode(self, text: str) -> list[int]:
        """Token ids of the text; raises UnknownCharactersError for what it cannot read."""

    def decode(self, ids: list[int]) -> str: ...

    def missing(self, text: str) -> list[str]:
        """Characters of the text that cannot be encoded, once each, in order of appearance."""

    def to_json(self) -> dict[str, Any]: ...


@dataclass(frozen=True)
class CharTokenizer:
    """One token per character: `characters[i]` has id i.

    >>> CharTokenizer.from_text("hello").encode("hole")
    [1, 3, 2, 0]
    """

    characters: str

    def __post_init__(self) -> None:
        if not self.characters:
            raise ValueError("A character tokenizer needs at least one character, got an empty vocabulary.")
        if len(set(self.characters)) != len(self.characters):
            raise ValueError("A character tokenizer needs each character once; some occur twice.")

    @classmethod
    def from_text(cls, text: str) -> CharTokenizer:
        """The vocabulary of a text: its characters in code-point order."""
        return cls("".join(sorted(set(text))))

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> CharTokenizer:
        """Read what `to_json` wrote; raises ValueError where it is something else."""
        if data.get("kind") != "char" or not isinstance(data.get("characters"), str):
            raise ValueError(f"Expected a tokenizer of kind 'char' with its characters, got {json.dumps(data)[:80]}.")
        return cls(data["characters"])

    def to_json(self) -> dict[str, Any]:
        return {"kind": "char", "characters": self.characters}

    @property
    def vocab_size(self) -> int:
        return len(self.characters)

    @property
    def labels(self) -> tuple[str, ...]:
        return tuple(visible(c) for c in self.characters)

    @cached_property
    def _ids(self) -> dict[str, int]:
        return {character: i for i, character in enumerate(self.characters)}

    def missing(self, text: str) -> list[str]:
        return [c for c in dict.fromkeys(text) if c not in self._ids]

    def encode(self, text: str) -> list[int]:
        try:
            return [self._ids[c] for c in text]
        except KeyError:
            raise UnknownCharactersError(self.missing(text), self.vocab_size) from None

    def decode(self, ids: list[int]) -> str:
        return "".join(self.characters[i] for i in ids)


UNKNOWN, END_OF_TEXT = "<unk>", "<eot>"
_WORD_OR_SIGN = re.compile(r"\w+(?:['’]\w+)*|[^\w\s]")
_CLOSES = frozenset(".,;:!?)]}%…”’")
_OPENS = frozenset("([{“‘¿¡")


def split_words(text: str) -> list[str]:
    """Words, and every other sign that is not white space for itself.

    >>> split_words("It's late, Emma!")
    ["It's", 'late', ',', 'Emma', '!']
    """
    return _WORD_OR_SIGN.findall(text)


@dataclass(frozen=True)
class WordTokenizer:
    """One token per word, punctuation apart; `words[i]` has id i, then come `<unk>` and `<eot>`.

    A word that is not in the vocabulary becomes `<unk>`, and white space is not kept: decoding puts one space between
    words and none before a comma. What was lost there is the reason for sub-words. `<eot>` marks the end of a text; it
    is recognised where it is typed.

    >>> tokenizer = WordTokenizer.from_text("the cat and the dog")
    >>> tokenizer.encode("the bird"), tokenizer.decode(tokenizer.encode("the  dog and the bird"))
    ([0, 4], 'the dog and the <unk>')
    """

    words: tuple[str, ...]

    def __post_init__(self) -> None:
        if len(set(self.words)) != len(self.words) or {UNKNOWN, END_OF_TEXT, ""} & set(self.words):
            raise ValueError("A word tokenizer needs different words, none of them empty, <unk> or <eot>.")

    @classmethod
    def from_text(cls, text: str, most: int | None = None) -> WordTokenizer:
        """The words of a text, most frequent first, equals in alphabetical order; at most `most` of them."""
        counts = Counter(split_words(text))
        ordered = sorted(counts, key=lambda word: (-counts[word], word))
        return cls(tuple(ordered[:most]))

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> WordTokenizer:
        """Read what `to_json` wrote; raises ValueError where it is something else."""
        words = data.get("words")
        if data.get("kind") != "word" or not isinstance(words, list) or not all(isinstance(w, str) for w in words):
            raise ValueError(f"Expected a tokenizer of kind 'word' with its words, got {json.dumps(data)[:80]}.")
        return cls(tuple(words))

    def to_json(self) -> dict[str, Any]:
        return {"kind": "word", "words": list(self.words)}

    @property
    def vocab_size(self) -> int:
        return len(self.words) + 2

    @property
    def unknown_id(self) -> int:
        return len(self.words)

    @property
    def labels(self) -> tuple[str, ...]:
        return (*self.words, UNKNOWN, END_OF_TEXT)

    @cached_property
    def _ids(self) -> dict[str, int]:
        return {word: i for i, word in enumerate(self.labels)}

    def missing(self, _text: str) -> list[str]:
        """Nothing: what is not known is `<unk>`."""
        return []

    def encode(self, text: str) -> list[int]:
        ids: list[int] = []
        for i, part in enumerate(text.split(END_OF_TEXT)):
            ids += [self._ids[END_OF_TEXT]] if i else []
            ids += [self._ids.get(word, self.unknown_id) for word in split_words(part)]
        return ids

    def decode(self, ids: list[int]) -> str:
        text = ""
        for word in (self.labels[i] for i in ids):
            joins = not text or word in _CLOSES or text[-1] in _OPENS
            text += word if joins else f" {word}"
        return text


KINDS: dict[str, Any] = {
    "char": CharTokenizer,
    "word": WordTokenizer,
    "bpe": BPETokenizer,
    "tokenizer.json": LibraryTokenizer,
}


def learn_tokenizer(kind: str, text: str, train_text: str, vocab_size: int | None = None) -> Tokenizer:
    """A tokenizer of a text that is split for training: "char" knows all its characters, "word" and "bpe" learn from
    the training part alone, so that nothing held out shapes them.

    vocab_size: of "bpe" (512 unless given), or the most words of "word". Raises ValueError for another kind.
    """
    if kind == "char":
        return CharTokenizer.from_text(text)
    if kind == "word":
        return WordTokenizer.from_text(train_text, None if vocab_size is None else vocab_size - 2)
    if kind == "bpe":
        return BPETokenizer.train(train_text, vocab_size or 512)
    raise ValueError(f"Expected a tokenizer kind among char, word, bpe, got {kind!r}.")


def tokenizer_from_json(data: dict[str, Any]) -> Tokenizer:
    """The tokenizer a checkpoint card describes; raises ValueError for a kind this package does not know."""
    kind = data.get("kind") if isinstance(data, dict) else None
    if not isinstance(kind, str) or kind not in KINDS:
        raise ValueError(f"Expected a tokenizer kind among {', '.join(KINDS)}, got {kind!r}.")
    tokenizer: Tokenizer = KINDS[kind].from_json(data)
    return tokenizer
