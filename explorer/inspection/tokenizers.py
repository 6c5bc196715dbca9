"""What tokenizers make of a text: tokens with their bytes, and what each token costs.

Every token knows which bytes of the UTF-8 text it stands for, so that the pieces of different tokenizers can be laid
over each other. Shapes: S samples, K tokenizers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from explorer.inspection.arithmetic import CellArithmetic, division
from explorer.inspection.sentences import Sample
from explorer.text.bpe_merges import to_bytes
from explorer.text.known_vocabularies import KnownVocabulary
from explorer.text.tokenizers import END_OF_TEXT, UNKNOWN, CharTokenizer, WordTokenizer, split_words

LONGEST_CUT = 20_000  # characters that are cut at once; beyond it a slider would no longer follow the hand

_UNKNOWN_LABELS = ("<unk>", "[UNK]", "<|unk|>")  # how vocabularies spell what they do not know


class ByteTokenizer(Protocol):
    """A tokenizer whose tokens stand for bytes, in order and without gaps."""

    def encode(self, text: str) -> list[int]: ...

    def token_bytes(self, token: int) -> bytes: ...


@dataclass(frozen=True)
class Token:
    """One piece of a text.

    id: its number, None for a character that the tokenizer has no number for. data: the bytes of the text it stands
    for. start: the place of the first one. special: the symbol that stands here instead of the text, else "".
    """

    id: int | None
    data: bytes
    start: int
    special: str = ""

    @property
    def end(self) -> int:
        """The place after its last byte."""
        return self.start + len(self.data)

    @property
    def text(self) -> str | None:
        """The bytes as characters; None where they are not whole characters."""
        try:
            return self.data.decode("utf-8", "surrogatepass")
        except UnicodeDecodeError:
            return None


@dataclass(frozen=True)
class CutText:
    """A text as one tokenizer cuts it.

    tokens: in order; together they hold every byte of the text that the tokenizer keeps. characters, n_bytes: of the
    text. lost: characters that cannot be had back from the ids.
    """

    tokens: tuple[Token, ...]
    characters: int
    n_bytes: int
    lost: int = 0
    ids: tuple[int, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "ids", tuple(token.id for token in self.tokens if token.id is not None))

    @property
    def bytes_per_token(self) -> float:
        """How much text a token carries; NaN for no token."""
        return self.n_bytes / len(self.tokens) if self.tokens else float("nan")

    @property
    def tokens_per_character(self) -> float:
        """What a character costs; NaN for an empty text."""
        return len(self.tokens) / self.characters if self.characters else float("nan")

    def at(self, byte: int) -> Token | None:
        """The token over a byte of the text."""
        return next((token for token in self.tokens if token.start <= byte < token.end), None)


def cut_into_characters(tokenizer: CharTokenizer, text: str) -> CutText:
    """Every character a token; those the vocabulary lacks get no id, and count as lost."""
    known = {character: i for i, character in enumerate(tokenizer.characters)}
    tokens, start = [], 0
    for character in text:
        data = to_bytes(character)
        tokens.append(Token(known.get(character), data, start))
        start += len(data)
    return CutText(tuple(tokens), len(text), start, sum(token.id is None for token in tokens))


def cut_into_words(tokenizer: WordTokenizer, text: str) -> CutText:
    """Words and signs a token each; white space is no token, and what is not in the vocabulary is lost."""
    words: list[str] = []
    for i, part in enumerate(text.split(END_OF_TEXT)):
        words += [*([END_OF_TEXT] if i else []), *split_words(part)]
    tokens, lost, place, start = [], 0, 0, 0
    for word, i in zip(words, tokenizer.encode(text), strict=True):
        at = text.index(word, place)
        start += len(to_bytes(text[place:at]))
        data, place = to_bytes(word), at + len(word)
        special = UNKNOWN if i == tokenizer.unknown_id else END_OF_TEXT if word == END_OF_TEXT else ""
        lost += len(word) * (special == UNKNOWN)
        tokens.append(Token(i, data, start, special))
        start += len(data)
    return CutText(tuple(tokens), len(text), len(to_bytes(text)), lost)


def cut_by_vocabulary(vocabulary: KnownVocabulary, text: str) -> CutText:
    """The tokens of a vocabulary made elsewhere. Raises ValueError where it cannot read the text."""
    data = to_bytes(text)
    tokens, lost = [], 0
    for piece in vocabulary.pieces(text):
        is_unknown = piece.label in _UNKNOWN_LABELS
        covered = data[piece.start : piece.end]
        lost += len(covered.decode("utf-8", "replace")) * is_unknown
        tokens.append(Token(piece.id, covered, piece.start, piece.label if is_unknown or not covered else ""))
    return CutText(tuple(tokens), len(text), len(data), lost)


def cut_into_bytes(tokenizer: ByteTokenizer, text: str) -> CutText:
    """The tokens of any tokenizer that works on bytes."""
    tokens, start = [], 0
    for i in tokenizer.encode(text):
        token = Token(i, tokenizer.token_bytes(i), start)
        tokens.append(token)
        start = token.end
    return CutText(tuple(tokens), len(text), len(to_bytes(text)))


@dataclass(frozen=True)
class Reader:
    """A tokenizer as the page asks it. name: how it is called. vocab_size: how many ids it has. cut: a text to its
    tokens; raises ValueError for a text it refuses."""

    name: str
    vocab_size: int
    cut: Callable[[str], CutText]


@dataclass(frozen=True)
class CostReading:
    """Samples cut by several tokenizers. tokens: (S, K) counts, NaN where a tokenizer refuses. lost: (S, K) characters
    that cannot be had back. characters: (S,)."""

    samples: tuple[Sample, ...]
    readers: tuple[str, ...]
    tokens: np.ndarray
    lost: np.ndarray
    characters: np.ndarray

    @property
    def per_character(self) -> np.ndarray:
        """Tokens per character, (S, K)."""
        return self.tokens / self.characters[:, None]

    @property
    def against_first(self) -> np.ndarray:
        """How many times the tokens of the first sample, (S, K); NaN for what is no translation of it."""
        ratio = self.tokens / self.tokens[:1]
        ratio[[not sample.is_translation for sample in self.samples]] = np.nan
        return ratio


def cost_of(samples: Sequence[Sample], readers: Sequence[Reader]) -> CostReading:
    """Cut every sample with every tokenizer."""
    tokens = np.full((len(samples), len(readers)), np.nan)
    lost = np.zeros((len(samples), len(readers)), dtype=int)
    for s, sample in enumerate(samples):
        for k, reader in enumerate(readers):
            try:
                cut = reader.cut(sample.text)
            except ValueError:
                continue
            tokens[s, k], lost[s, k] = len(cut.tokens), cut.lost
    characters = np.array([len(sample.text) for sample in samples])
    return CostReading(tuple(samples), tuple(reader.name for reader in readers), tokens, lost, characters)


def open_cost(reading: CostReading, row: int, column: int, *, against_first: bool = False) -> CellArithmetic:
    """How a cell comes about: tokens by characters, or by the tokens of the first sample. Raises ValueError for a cell
    that holds nothing."""
    values = reading.against_first if against_first else reading.per_character
    sample, reader = reading.samples[row], reading.readers[column]
    tokens, shown = float(reading.tokens[row, column]), float(values[row, column])
    if np.isnan(tokens):
        raise ValueError(f"{reader} refuses this text, so there is nothing to divide.")
    if np.isnan(shown):
        raise ValueError(f"“{sample.name}” is no translation of the first sentence, so the two are not compared.")
    by, name = (
        (float(reading.tokens[0, column]), f"tokens of {reading.samples[0].name}")
        if against_first
        else (float(reading.characters[row]), "characters")
    )
    heading = f"{sample.name}, {reader}"
    return division(tokens, by, shown=shown, heading=heading, names=("tokens", name), symbol=r"\text{cost}")


@dataclass(frozen=True)
class CompressionReading:
    """Bytes per token after a number of merges, all (n,): on the text they were learned from, and on held-out text
    (NaN where there is none)."""

    merges: np.ndarray
    learned_from: np.ndarray
    held_out: np.ndarray
