"""Learning the vocabularies of a text: its characters, its words, and the merges of byte-pair encoding one by one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from explorer.text.bpe import BPETokenizer
from explorer.text.bpe_merges import BYTES, Merge, count_pieces, learn_merges
from explorer.text.tokenizers import CharTokenizer, WordTokenizer


@dataclass(frozen=True)
class Vocabularies:
    """What was learned from one text.

    byte_pair: with all its merges. pieces: the parts that the text is cut into before any merge, by how often each
    occurs; no merge reaches over the edge of one. text: what was learned from. held_out: what was kept aside, maybe "".
    """

    characters: CharTokenizer
    words: WordTokenizer
    byte_pair: BPETokenizer
    pieces: Mapping[str, int]
    text: str
    held_out: str


@dataclass(frozen=True)
class MergeProgress:
    """After one merge. step: merges made; steps: merges asked for. merge: the newest, pair: the bytes of the tokens it
    joined. vocabularies: with the last progress."""

    step: int
    steps: int
    merge: Merge | None
    pair: tuple[bytes, bytes] = (b"", b"")
    vocabularies: Vocabularies | None = None


def learn_vocabularies(text: str, held_out: str, vocab_size: int) -> Iterator[MergeProgress]:
    """Learn merge by merge, after the pieces of the text were counted; the last progress holds the vocabularies.

    Learning ends early where no pair is left to merge. Raises ValueError for an empty text and for a vocabulary that
    has no room for the 256 bytes.
    """
    if not text:
        raise ValueError("Merges are learned from a text; this one is empty. Type or upload at least one character.")
    if vocab_size < BYTES:
        raise ValueError(f"The vocabulary holds at least the {BYTES} single bytes, got {vocab_size}; ask for more.")
    steps = vocab_size - BYTES
    latest = MergeProgress(0, steps, None)
    pieces: Counter[str] = Counter()
    for pieces in count_pieces(text):  # noqa: B007 - the last is wanted; a long text is counted part by part
        yield latest
    merges: list[Merge] = []
    tokens = [bytes([i]) for i in range(BYTES)]
    for merge in learn_merges(pieces, steps):
        merges.append(merge)
        pair = tokens[merge.left], tokens[merge.right]
        tokens.append(pair[0] + pair[1])
        latest = MergeProgress(len(merges), steps, merge, pair)
        yield latest
    learned = Vocabularies(
        CharTokenizer.from_text(text),
        WordTokenizer.from_text(text),
        BPETokenizer(tuple(merges)),
        pieces,
        text,
        held_out,
    )
    yield replace(latest, steps=len(merges), vocabularies=learned)
