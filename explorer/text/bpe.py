"""The byte-pair tokenizer: 256 bytes and what was merged from them (Sennrich et al., 2016; on bytes: Radford et al., 2019).

Nothing is unknown to it: what was never merged stays bytes. Learning is in `bpe_merges`; this is the use of it.
"""

from __future__ import annotations

import heapq
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import Any

import regex

from explorer.text.bpe_merges import BYTES, GPT2_SPLIT, Merge, split_pieces, to_bytes, train_steps

__all__ = ["BPETokenizer", "Merge", "split_pieces", "train_steps"]

REMEMBERED_PIECES = 100_000  # encodings kept, so that a text's frequent pieces are merged once
LONGEST_REMEMBERED = 64  # characters
LONGEST_TOKEN = 10_000_000  # bytes of a token that is read from a file
_NEVER = 2**62  # above every id
IN_ORDER = bytes(range(BYTES))
LONGEST_SCANNED = 64  # tokens; a longer piece is merged with a heap, whose cost does not grow with the square


@dataclass(frozen=True)
class BPETokenizer:
    """Merges in the order they were learned; token 256 + i is made by merge i, special tokens come after the last.

    pattern: how text is cut before merging; None leaves it whole. special_tokens: strings that stand for one token each
    where `encode` is told to allow them; typed, they are ordinary text. byte_order: the byte that each of the first 256
    tokens stands for, where that is not its number: GPT-2 counts printable bytes first.

    >>> BPETokenizer.train("aaabdaaabac", 259, pattern=None).encode("aaabdaaabac")
    [258, 100, 258, 97, 99]
    """

    merges: tuple[Merge, ...] = ()
    pattern: str | None = GPT2_SPLIT
    special_tokens: tuple[str, ...] = ()
    byte_order: bytes = IN_ORDER

    def __post_init__(self) -> None:
        if bytes(sorted(self.byte_order)) != IN_ORDER:
            raise ValueError(f"byte_order must hold each of the {BYTES} bytes once.")
        for rank, merge in enumerate(self.merges):
            if merge.rank != rank or not (0 <= merge.left < merge.new and 0 <= merge.right < merge.new):
                raise ValueError(
                    f"Merge {rank} must join two tokens below {BYTES + rank}, got {merge.left} and {merge.right}."
                )
        if len(set(self.special_tokens)) != len(self.special_tokens) or "" in self.special_tokens:
            raise ValueError("Special tokens must be different strings of at least one character.")

    @classmethod
    def train(
        cls, text: str, vocab_size: int, *, special_tokens: Iterable[str] = (), pattern: str | None = GPT2_SPLIT
    ) -> BPETokenizer:
        """Learn from a text until there are `vocab_size` tokens, special ones included, or no pair is left to merge."""
        special = tuple(special_tokens)
        return cls(tuple(train_steps(text, vocab_size - len(special), pattern=pattern)), pattern, special)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> BPETokenizer:
        """Read what `to_json` wrote; raises ValueError where it is something else."""
        try:
            if data["kind"] != "bpe":
                raise ValueError(f"kind {data['kind']!r}")
            pattern, special = data["pattern"], data["special_tokens"]
            if pattern is not None:
                regex.compile(pattern)
            if not isinstance(special, list) or not all(isinstance(token, str) for token in special):
                raise ValueError("special tokens that are no list of strings")
            order = bytes(list(data.get("byte_order", IN_ORDER)))
            return cls(_read_merges(data["merges"]), pattern, tuple(special), order)
        except (KeyError, TypeError, ValueError, regex.error) as error:
            shown = json.dumps(data, default=str)[:80]
            raise ValueError(f"Expected a tokenizer of kind 'bpe' with its merges, got {shown} ({error}).") from error

    def to_json(self) -> dict[str, Any]:
        return {
            "kind": "bpe",
            "pattern": self.pattern,
            "special_tokens": list(self.special_tokens),
            "merges": [[merge.left, merge.right, merge.count] for merge in self.merges],
            **({} if self.byte_order == IN_ORDER else {"byte_order": list(self.byte_order)}),
        }

    def with_merges(self, count: int) -> BPETokenizer:
        """The tokenizer as it was after its first `count` merges."""
        if not 0 <= count <= len(self.merges):
            raise ValueError(f"This tokenizer has {len(self.merges)} merges; it cannot be cut to {count}.")
        return replace(self, merges=self.merges[:count])

    @property
    def vocab_size(self) -> int:
        return BYTES + len(self.merges) + len(self.special_tokens)

    @cached_property
    def _bytes(self) -> list[bytes]:
        found = [bytes([b]) for b in self.byte_order]
        for merge in self.merges:
            found.append(found[merge.left] + found[merge.right])
        return [*found, *(to_bytes(special) for special in self.special_tokens)]

    def token_bytes(self, token: int) -> bytes:
        """The bytes a token stands for; raises ValueError for an id that is none."""
        if not 0 <= token < self.vocab_size:
            raise ValueError(f"Token ids go from 0 to {self.vocab_size - 1}, got {token}.")
        return self._bytes[token]

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """Each token as it is shown: its text, or its bytes in hexadecimal where they are no text of their own."""
        from explorer.text.tokenizers import visible

        return tuple(visible(shown) for shown in map(readable, self._bytes))

    @cached_property
    def _token_of_byte(self) -> bytes:
        return bytes(self.byte_order.index(b) for b in range(BYTES))

    @cached_property
    def _new_id(self) -> dict[tuple[int, int], int]:
        return {(merge.left, merge.right): merge.new for merge in self.merges}

    @cached_property
    def _known(self) -> dict[str, list[int]]:
        return {}

    def missing(self, _text: str) -> list[str]:
        """Nothing: every character is bytes."""
        return []

    def encode(self, text: str, *, allowed_special: Iterable[str] = ()) -> list[int]:
        """Token ids; of the special tokens only those in `allowed_special` are recognised, the rest are text.

        Raises ValueError where one is allowed that the tokenizer does not have.
        """
        allowed = {special: BYTES + len(self.merges) + i for i, special in enumerate(self.special_tokens)}
        wanted = sorted(set(allowed_special), key=len, reverse=True)
        if unknown := [special for special in wanted if special not in allowed]:
            raise ValueError(f"Expected special tokens among {list(allowed)}, got {unknown}.")
        if not wanted:
            return self._encode_ordinary(text)
        ids: list[int] = []
        for part in regex.split("(" + "|".join(map(regex.escape, wanted)) + ")", text):
            ids += [allowed[part]] if part in wanted else self._encode_ordinary(part)
        return ids

    def _encode_ordinary(self, text: str) -> list[int]:
        known, ids = self._known, []
        for piece in split_pieces(text, self.pattern):
            tokens = known.get(piece)
            if tokens is None:
                tokens = merge_pairs(self._byte_tokens(piece), self._new_id)
                if len(piece) <= LONGEST_REMEMBERED and len(known) < REMEMBERED_PIECES:
                    known[piece] = tokens
            ids += tokens
        return ids

    def _byte_tokens(self, piece: str) -> list[int]:
        """A token for each byte of the piece, before any merge."""
        return list(to_bytes(piece).translate(self._token_of_byte))

    def decode_bytes(self, ids: Iterable[int]) -> bytes:
        """The bytes of the tokens end to end; raises ValueError for an id that is none."""
        return b"".join(self.token_bytes(i) for i in ids)

    def decode(self, ids: Iterable[int]) -> str:
        """The text; bytes that are no whole character come out as the replacement character."""
        data = self.decode_bytes(ids)
        try:
            return data.decode("utf-8", "surrogatepass")
        except UnicodeDecodeError:
            return data.decode("utf-8", "replace")

    def steps(self, text: str, most: int) -> Iterator[list[int]]:
        """The text's tokens before any merge, then after each of the first `most` merges that change it."""
        pieces = [self._byte_tokens(piece) for piece in split_pieces(text, self.pattern)]
        yield [token for piece in pieces for token in piece]
        for merge in self.merges[:most]:
            joined = [_joined(piece, (merge.left, merge.right), merge.new) for piece in pieces]
            if joined != pieces:
                pieces = joined
                yield [token for piece in pieces for token in piece]


def merge_pairs(tokens: list[int], new_id: dict[tuple[int, int], int]) -> list[int]:
    """Merge neighbours, the pair with the lowest new id first, which is the order in which merges were learned.

    >>> merge_pairs([97, 97, 98], {(97, 97): 256, (256, 98): 257})
    [257]
    """
    if len(tokens) > LONGEST_SCANNED:
        return _merge_long(tokens, new_id)
    while len(tokens) > 1:
        new, pair = min((new_id.get(pair, _NEVER), pair) for pair in pairwise(tokens))
        if new == _NEVER:
            break
        tokens = _joined(tokens, pair, new)
    return tokens


def _read_merges(rows: list[list[int]]) -> tuple[Merge, ...]:
    """Merges from their (left, right, count); raises ValueError for what no text could have taught.

    Lengths are added up before any bytes are made: 40 merges of a token with itself would be a terabyte.
    """
    if not all(type(number) is int for row in rows for number in row):
        raise ValueError("merges that are not whole numbers")
    merges = tuple(Merge(rank, left, right, count) for rank, (left, right, count) in enumerate(rows))
    if len({(merge.left, merge.right) for merge in merges}) != len(merges):
        raise ValueError("the same merge twice")
    lengths = [1] * BYTES
    for merge in merges:
        if not (0 <= merge.left < merge.new and 0 <= merge.right < merge.new):
            break  # the tokenizer says which
        lengths.append(lengths[merge.left] + lengths[merge.right])
        if lengths[-1] > LONGEST_TOKEN:
            raise ValueError(f"a token of {lengths[-1]:,} bytes, where {LONGEST_TOKEN:,} are allowed")
    return merges


def _joined(tokens: list[int], pair: tuple[int, int], new: int) -> list[int]:
    """Every such pair as one token, from the left.

    >>> _joined([1, 1, 1, 2], (1, 1), 9)
    [9, 1, 2]
    """
    out, i = [], 0
    while i < len(tokens):
        if i + 1 < len(tokens) and (tokens[i], tokens[i + 1]) == pair:
            out.append(new)
            i += 2
        else:
            out.append(tokens[i])
            i += 1
    return out


def _merge_long(tokens: list[int], new_id: dict[tuple[int, int], int]) -> list[int]:
    """The same for a long piece: possible merges wait in a heap, the earliest learned first, then the leftmost."""
    after = [*range(1, len(tokens)), -1]
    before = list(range(-1, len(tokens) - 1))
    heap = [(new_id[pair], place) for place, pair in enumerate(pairwise(tokens)) if pair in new_id]
    heapq.heapify(heap)
    while heap:
        new, place = heapq.heappop(heap)
        follower = after[place]
        if tokens[place] < 0 or follower < 0 or new_id.get((tokens[place], tokens[follower])) != new:
            continue  # one of the two has been merged with another since
        tokens[place], tokens[follower] = new, -1
        after[place] = after[follower]
        if after[place] >= 0:
            before[after[place]] = place
            if (made := new_id.get((new, tokens[after[place]]))) is not None:
                heapq.heappush(heap, (made, place))
        if before[place] >= 0 and (made := new_id.get((tokens[before[place]], new))) is not None:
            heapq.heappush(heap, (made, before[place]))
    return [token for token in tokens if token >= 0]


def readable(data: bytes) -> str:
    """The bytes as text, in hexadecimal where they are none of their own or nothing that prints."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return "".join(f"\\x{b:02x}" for b in data)
    return text if all(c.isprintable() or c.isspace() for c in text) else "".join(f"\\x{b:02x}" for b in data)
