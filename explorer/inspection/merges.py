"""Byte-pair encoding one merge at a time: the pair that is merged next, its rivals, and where its count comes from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from explorer.inspection.tokenizers import CompressionReading, MergeNode
from explorer.text.bpe import BPETokenizer
from explorer.text.bpe_merges import Merge, to_bytes

Pair = tuple[int, int]

LONGEST_OPENED = 48  # bytes of a token whose merges are shown down to the last
LONGEST_MEASURED = 30_000  # characters over which compression is measured


@dataclass(frozen=True)
class Candidate:
    """A pair of tokens that stood beside each other `count` times."""

    left: int
    right: int
    count: int


@dataclass(frozen=True)
class MergeStep:
    """The text after `made` merges, about to be merged once more.

    tokenizer: with the merges made. merge: the next. candidates: the pair it merges, then its rivals, most frequent
    first.
    """

    made: int
    tokenizer: BPETokenizer
    merge: Merge
    candidates: tuple[Candidate, ...]


@dataclass(frozen=True)
class Share:
    """What one piece of the text gives to a pair's count: times the piece occurs × times the pair is in it."""

    piece: str
    times: int
    inside: int


def next_step(learned: BPETokenizer, made: int) -> MergeStep | None:
    """The step after `made` of the merges of a tokenizer; None where it has no more."""
    if made >= len(learned.merges):
        return None
    merge = learned.merges[made]
    own = Candidate(merge.left, merge.right, merge.count)
    rivals = [Candidate(left, right, count) for left, right, count in merge.rivals]
    return MergeStep(made, learned.with_merges(made), merge, (own, *rivals))


def shares_of(tokenizer: BPETokenizer, pieces: Mapping[str, int], pair: Pair) -> list[Share]:
    """Every piece of the text in which the pair stands, the largest share first."""
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


def merge_tree(tokenizer: BPETokenizer, token: int, most_bytes: int = LONGEST_OPENED) -> MergeNode:
    """The merges that made a token, down to its bytes.

    Of a token longer than `most_bytes` its last merge is shown, and parts that are longer stay closed: such a token
    may hold thousands of merges.
    """
    made = {merge.new: merge for merge in tokenizer.merges}

    def node(i: int, is_root: bool) -> MergeNode:
        data, merge = tokenizer.token_bytes(i), made.get(i)
        if merge is None:
            return MergeNode(i, data, None)
        is_open = is_root or len(data) <= most_bytes
        parts = (node(merge.left, False), node(merge.right, False)) if is_open else ()
        return MergeNode(i, data, merge.rank, parts)

    return node(token, True)


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
