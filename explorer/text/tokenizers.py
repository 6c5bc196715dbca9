"""From characters to whole numbers and back.

A tokenizer is anything with `vocab_size`, `encode`, `decode` and `labels`; the models see only the numbers.
"""

from __future__ import annotations

import json
import unicodedata
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

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


KINDS = {"char": CharTokenizer}


def tokenizer_from_json(data: dict[str, Any]) -> Tokenizer:
    """The tokenizer a checkpoint card describes; raises ValueError for a kind this package does not know."""
    kind = data.get("kind") if isinstance(data, dict) else None
    if not isinstance(kind, str) or kind not in KINDS:
        raise ValueError(f"Expected a tokenizer kind among {', '.join(KINDS)}, got {kind!r}.")
    return KINDS[kind].from_json(data)
