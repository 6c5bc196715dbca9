"""Byte-pair encoding merge by merge: a text after any number of merges, and where the count of each merge comes from.

A text is encoded once, with every merge. What it was after the first m of them follows from that: each token that a later
merge made is replaced by its two parts, down to tokens that were there. So nothing is encoded again for another m, and a
browser can do it.

Shapes: M merges.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from explorer.inspection.tokenizers import CompressionReading
from explorer.text.bpe import BPETokenizer
from explorer.text.bpe_merges import BYTES, Merge, to_bytes

Pair = tuple[int, int]

LONGEST_MEASURED = 30_000  # characters over which compression is measured


@dataclass(frozen=True)
class Share:
    """What one piece of the text gives to a pair's count: times the piece occurs × times the pair is in it."""

    piece: str
    times: int
    inside: int


@dataclass(frozen=True)
class CountShares:
    """Where the count of a pair comes from. largest: its largest shares, the first of `pieces` of them. total: the sum
    of all."""

    largest: tuple[Share, ...]
    pieces: int
    total: int


def tokens_after(ids: Iterable[int], merges: Sequence[Merge], made: int) -> list[int]:
    """The tokens of a text after the first `made` merges, from its ids after all of them; special tokens it must not
    hold.

    A merge joins tokens that were there before it, so its rank is above those of its parts: opening what came later
    gives what stood there.

    >>> learned = BPETokenizer.train("aaabdaaabac", 259)
    >>> tokens_after([258, 100, 258, 97, 99], learned.merges, 1)
    [256, 97, 98, 100, 256, 97, 98, 97, 99]
    """
    tokens: list[int] = []
    waiting = list(ids)[::-1]
    while waiting:
        token = waiting.pop()
        if token < BYTES + made:
            tokens.append(token)
        else:
            merge = merges[token - BYTES]
            waiting += [merge.right, merge.left]
    return tokens


def token_counts(ids: Sequence[int], merges: Sequence[Merge]) -> np.ndarray:
    """How many tokens a text has after none, one, … and all of the merges, from its ids after all; (M + 1,)."""
    there = np.bincount(np.asarray(ids, dtype=np.int64), minlength=BYTES + len(merges))
    counts = np.zeros(len(merges) + 1, dtype=np.int64)
    counts[-1] = len(ids)
    for merge in reversed(merges):
        opened = there[merge.new]
        counts[merge.rank] = counts[merge.rank + 1] + opened
        there[merge.left] += opened
        there[merge.right] += opened
    return counts


def shares_of_all(tokenizer: BPETokenizer, pieces: Mapping[str, int], most: int) -> list[CountShares]:
    """For every merge the pieces of the text in which its pair stood when it was made, with the `most` largest shares.

    The pieces are encoded once, with all merges, and opened from the last merge to the first: a piece that holds the
    token of a merge held its pair.
    """
    names, times = list(pieces), np.fromiter(pieces.values(), np.int64, len(pieces))
    ids = [tokenizer.encode(piece) for piece in names]
    holders = _holders(ids, tokenizer.vocab_size)
    found: list[CountShares] = []
    for merge in reversed(tokenizer.merges):
        where = np.concatenate(holders.pop(merge.new, [np.zeros(0, np.int64)]))
        for part in (merge.left, merge.right):
            holders.setdefault(part, []).append(where)
        held, inside = np.unique(where, return_counts=True)
        if merge.left == merge.right:  # "aaa" holds "aa" twice, and only one of the two is merged
            pair = (merge.left, merge.right)
            after = [tokens_after(ids[i], tokenizer.merges, merge.rank) for i in held]
            inside = np.array([sum(neighbours == pair for neighbours in pairwise(tokens)) for tokens in after], int)
        shares = times[held] * inside
        order = np.argsort(-shares, kind="stable")[:most]
        largest = tuple(Share(names[held[i]], int(times[held[i]]), int(inside[i])) for i in order)
        found.append(CountShares(largest, len(held), int(shares.sum())))
    return found[::-1]


def _holders(ids: Sequence[Sequence[int]], vocab_size: int) -> dict[int, list[np.ndarray]]:
    """Of each token the numbers of the pieces it stands in, one for each time."""
    tokens = np.concatenate([np.zeros(0, np.int64), *(np.asarray(piece, np.int64) for piece in ids)])
    piece_of = np.repeat(np.arange(len(ids)), [len(piece) for piece in ids])
    order = np.argsort(tokens, kind="stable")
    edges = np.searchsorted(tokens[order], np.arange(vocab_size + 1))
    ranges = ((token, edges[token], edges[token + 1]) for token in range(vocab_size))
    return {token: [piece_of[order[begin:end]]] for token, begin, end in ranges if begin < end}


def shares_of(tokenizer: BPETokenizer, pieces: Mapping[str, int], pair: Pair) -> list[Share]:
    """Every piece of the text in which the pair stands, the largest share first: of one pair, merged next or not."""
    left, right = pair
    needle = tokenizer.token_bytes(left) + tokenizer.token_bytes(right)
    shares = []
    for piece, times in pieces.items():
        if needle not in to_bytes(piece):
            continue
        inside = sum(neighbours == pair for neighbours in pairwise(tokenizer.encode(piece)))
        if inside:
            shares.append(Share(piece, times, inside))
    return sorted(shares, key=lambda share: -share.times * share.inside)


def compression(tokenizer: BPETokenizer, learned_from: str, held_out: str) -> CompressionReading:
    """Bytes per token at numbers of merges from none to all, on the held-out text and on as much of the text learned
    from; of each at most the first 30,000 characters."""
    held_out = held_out[:LONGEST_MEASURED]
    learned_from = learned_from[: len(held_out) or LONGEST_MEASURED]
    merges = curve_points(len(tokenizer.merges))
    stages = [tokenizer.with_merges(int(n)) for n in merges]
    curves = [np.array([_bytes_per_token(stage, text) for stage in stages]) for text in (learned_from, held_out)]
    return CompressionReading(merges, *curves)


def curve_points(merges: int) -> np.ndarray:
    """Where a curve over the number of merges is taken: none, powers of two, eighths, and all; (n,)."""
    powers = [2**i for i in range(2, 20) if 2**i < merges]
    eighths = [merges * i // 8 for i in range(1, 8)]
    return np.array(sorted({0, merges, *powers, *eighths}))


def _bytes_per_token(tokenizer: BPETokenizer, text: str) -> float:
    return len(to_bytes(text)) / len(tokenizer.encode(text)) if text else float("nan")
