"""Learning byte-pair merges (Gage, 1994; Sennrich et al., 2016): the most frequent neighbours become one token, again
and again.

The text is cut into pieces first, and no merge reaches over the edge of one, so what counts is how often each different
piece occurs. All different pieces lie end to end in one array of tokens with links to the neighbours on both sides. A
merge visits the places of its left token only; pair counts are changed by what each place loses and gains, never
counted again, and a heap keeps the most frequent pair on top.

Shapes: N tokens of all different pieces together.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import regex

BYTES = 256  # the tokens there are before the first merge: one for every byte
# How GPT-2 cuts text (Radford et al., 2019): an English contraction's end, a run of letters, of digits or of other signs,
# each with the space before it, or white space.
GPT2_SPLIT = r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
SLICE = 200_000  # characters cut at a time, so that a caller can show progress and stop
LARGEST_VOCABULARY = 1_000_000  # GPT-2 has 50,257
_NOTHING = -1  # stands between pieces, and where a token went
_PLACES_AT_ONCE = 1_000_000  # of the first count, so that it needs little memory beside the tokens
_SHIFT = 32  # a pair is kept as one number: left · 2³² + right


@dataclass(frozen=True)
class Merge:
    """One learned merge. rank: its number, from 0. left, right: the ids joined. count: how often they stood side by side
    when it was made (places that overlap, as in "aaa", count each). rivals: the next most frequent pairs at that moment,
    (left, right, count) each."""

    rank: int
    left: int
    right: int
    count: int = 0
    rivals: tuple[tuple[int, int, int], ...] = field(default=(), compare=False)

    @property
    def new(self) -> int:
        """The id of what they become."""
        return BYTES + self.rank


def to_bytes(text: str) -> bytes:
    """UTF-8, and for half a surrogate pair, which UTF-8 has no place for, the three bytes it would have."""
    return text.encode("utf-8", "surrogatepass")


def split_pieces(text: str, pattern: str | None = GPT2_SPLIT) -> list[str]:
    """The pieces that no merge reaches across: what the pattern finds and, so that nothing is lost, what lies between.
    With no pattern, the whole text is one.

    >>> split_pieces("We'll go, 3 of us")
    ['We', "'ll", ' go', ',', ' 3', ' of', ' us']
    """
    if pattern is None:
        return [text] if text else []
    if pattern == GPT2_SPLIT:
        return regex.findall(pattern, text)
    pieces, end = [], 0
    for match in regex.finditer(pattern, text):
        pieces += [text[end : match.start()], match.group()]
        end = match.end()
    return [piece for piece in (*pieces, text[end:]) if piece]


def count_pieces(text: str, pattern: str | None = GPT2_SPLIT) -> Iterator[Counter[str]]:
    """How often each piece occurs; the same growing counter is yielded after every slice of a long text.

    A slice ends where white space follows anything else, which is always the edge of a piece.
    """
    pieces: Counter[str] = Counter()
    start = 0
    while start < len(text):
        end = len(text)
        if pattern == GPT2_SPLIT and start + SLICE < end:
            edge = regex.compile(r"\S(?=\s)").search(text, start + SLICE)
            end = edge.end() if edge else end
        pieces.update(split_pieces(text[start:end], pattern))
        start = end
        yield pieces


def train_steps(text: str, vocab_size: int, *, pattern: str | None = GPT2_SPLIT, rivals: int = 5) -> Iterator[Merge]:
    """Learn merges from a text, yielding each as it is made, until there are `vocab_size` tokens or no pair is left.

    The most frequent pair is merged; among equals the one with the smaller left id, then the smaller right id. Raises
    ValueError for a vocabulary without room for the single bytes or of more than a million tokens.
    """
    if vocab_size < BYTES:
        raise ValueError(f"A byte-pair vocabulary holds the {BYTES} single bytes first; got a size of {vocab_size}.")
    if vocab_size > LARGEST_VOCABULARY:
        raise ValueError(
            f"A vocabulary of at most {LARGEST_VOCABULARY:,} tokens was expected, got {vocab_size:,}; ask for fewer."
        )
    pieces: Counter[str] = Counter()
    for pieces in count_pieces(text, pattern):  # noqa: B007 - the last is wanted
        pass
    yield from learn_merges(pieces, vocab_size - BYTES, rivals=rivals)


def learn_merges(pieces: Counter[str], merges: int, *, rivals: int = 5) -> Iterator[Merge]:
    """`train_steps` from pieces already counted: at most so many merges."""
    tokens = _LinkedTokens(pieces)
    heap = [(-count, pair) for pair, count in tokens.counts.items()]
    heapq.heapify(heap)
    for rank in range(merges):
        best = _most_frequent(heap, tokens.counts, 1 + rivals)
        if not best:
            return
        (count, pair), *others = best
        left, right = _open(pair)
        for changed in tokens.merge(left, right, BYTES + rank):
            heapq.heappush(heap, (-tokens.counts[changed], changed))
        yield Merge(rank, left, right, count, tuple((*_open(rival), n) for n, rival in others))


def _open(pair: int) -> tuple[int, int]:
    return pair >> _SHIFT, pair & ((1 << _SHIFT) - 1)


def _most_frequent(heap: list[tuple[int, int]], counts: dict[int, int], wanted: int) -> list[tuple[int, int]]:
    """The first `wanted` pairs with their counts. Entries of the heap that are out of date, or double, are dropped."""
    found: list[tuple[int, int]] = []
    while heap and len(found) < wanted:
        negative, pair = heapq.heappop(heap)
        if negative and counts.get(pair, 0) == -negative and (not found or found[-1] != (-negative, pair)):
            found.append((-negative, pair))
    for count, pair in found:
        heapq.heappush(heap, (-count, pair))
    return found


class _LinkedTokens:
    """All different pieces as one chain of tokens that shrinks as pairs are merged.

    ids: (N + 1,) the token at each place, −1 between pieces and where one is gone. before, after: (N + 1,) the nearest
    places to both sides that are still there. weights: (N + 1,) how often the place's piece occurs. counts: of every
    pair. places: of every token, in rising order; some may be out of date.
    """

    def __init__(self, pieces: Counter[str]):
        data = [to_bytes(piece) for piece in pieces]
        joined = np.frombuffer(b"\0".join(data) + b"\0", dtype=np.uint8) if data else np.zeros(0, np.uint8)
        lengths = np.array([len(piece) for piece in data], dtype=np.int64)
        self.ids = np.full(len(joined) + 1, _NOTHING, dtype=np.int32)  # the last place stands for "before the first"
        self.ids[:-1] = joined
        self.ids[np.cumsum(lengths + 1) - 1] = _NOTHING
        self.weights = np.append(np.repeat(np.fromiter(pieces.values(), np.int32, len(data)), lengths + 1), np.int32(0))
        self.after = np.minimum(np.arange(1, len(self.ids) + 1, dtype=np.int32), len(self.ids) - 1)
        self.before = np.arange(-1, len(self.ids) - 1, dtype=np.int32)
        order = np.argsort(self.ids.astype(np.int16), kind="stable").astype(np.int32)  # 16 bits sort in linear time
        edges = np.cumsum(np.bincount(self.ids + 1, minlength=BYTES + 1))
        self.places = {b: order[edges[b] : edges[b + 1]] for b in range(BYTES)}
        self.counts = self._count_bytes()

    def _count_bytes(self) -> dict[int, int]:
        """Every pair of bytes with its count, from one table of 256 × 256."""
        table = np.zeros(BYTES * BYTES)
        for start in range(0, len(self.ids) - 1, _PLACES_AT_ONCE):
            lefts = self.ids[start : start + _PLACES_AT_ONCE]
            rights = self.ids[start + 1 : start + 1 + _PLACES_AT_ONCE]
            lefts = lefts[: len(rights)]
            is_pair = (lefts >= 0) & (rights >= 0)
            weights = self.weights[start : start + len(lefts)][is_pair]
            table += np.bincount(lefts[is_pair] * BYTES + rights[is_pair], weights, minlength=len(table))
        lefts, rights = np.divmod(np.flatnonzero(table), BYTES)
        return dict(zip(((lefts << _SHIFT) | rights).tolist(), table[table > 0].astype(int).tolist(), strict=True))

    def _add(self, places: np.ndarray, sign: int) -> list[int]:
        """Add `sign` times the weight of every pair that begins at these places; the pairs it changed."""
        lefts, rights = self.ids[places], self.ids[self.after[places]]
        is_pair = (lefts >= 0) & (rights >= 0)
        pairs, inverse = np.unique((lefts[is_pair].astype(np.int64) << _SHIFT) | rights[is_pair], return_inverse=True)
        sums = np.bincount(inverse, weights=self.weights[places[is_pair]], minlength=len(pairs))
        changed = pairs.tolist()
        for pair, amount in zip(changed, sums.astype(np.int64).tolist(), strict=True):
            self.counts[pair] = self.counts.get(pair, 0) + sign * amount
        return changed

    def merge(self, left: int, right: int, new: int) -> set[int]:
        """Join every `left` with the `right` after it; the pairs whose count changed."""
        places = self.places[left]
        places = places[self.ids[places] == left]
        self.places[left] = places
        at = places[self.ids[self.after[places]] == right]
        if left == right:
            at = self._every_other(at)
        gone = self.after[at]
        # A place left of one merge may be inside another: np.unique counts each pair that begins there once.
        changed = self._add(np.unique(np.concatenate([self.before[at], at, gone])), -1)
        self.ids[at], self.ids[gone] = new, _NOTHING
        following = self.after[gone]
        self.after[at], self.before[following] = following, at
        self.places[new] = at
        changed += self._add(np.unique(np.concatenate([self.before[at], at])), +1)
        return set(changed)

    def _every_other(self, at: np.ndarray) -> np.ndarray:
        """Of places whose pairs overlap, as in "aaaa", the first, third, … of each run."""
        if len(at) < 2:
            return at
        is_start = np.append(True, self.after[at[:-1]] != at[1:])
        numbers = np.arange(len(at))
        return at[(numbers - np.maximum.accumulate(np.where(is_start, numbers, 0))) % 2 == 0]
