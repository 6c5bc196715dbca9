"""What the board of merges is drawn from: the vocabulary, the typed text, and for each merge its rivals, the sum of its
count and an excerpt."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from explorer.inspection.merges import CountShares, shares_of, shares_of_all, token_counts
from explorer.inspection.tokenizers import Token
from explorer.text.bpe_merges import to_bytes
from explorer.training.bpe import Vocabularies
from explorer.ui.components.merge_board import LearnedMerges, MergeStep, MergeSteps, Shares, TypedText
from explorer.ui.sections.tokenizers_drawing import MOST_DRAWN, shown_bytes, shown_text

MOST_PIECES, LONGEST_PIECE = 6, 40  # that a count is opened to; characters of one
LONGEST_LABEL = 160  # characters of a token; no box is as wide
EXCERPT = 90  # characters of the text learned from, around the place where the pair stands
# Merges whose counts are sent at once, about 150 bytes each, and by how many their beginning moves with the slider. A
# slider dragged out of them waits for an answer; the merges of a corpus and of a typed text are all sent.
STEPS_AT_ONCE, STRIDE = 2048, 512

_BY_TEXT: dict[str | type[Any], Callable[[Any], Any]] = {
    Vocabularies: lambda learned: (hash(learned.text), learned.byte_pair.vocab_size)
}


@st.cache_resource(max_entries=24, show_spinner=False, hash_funcs=_BY_TEXT)
def learned_merges(learned: Vocabularies, whitespace: bool) -> LearnedMerges:
    """The merges and how their tokens are shown; whitespace: drawn in the panels of the typed text too."""
    tokenizer = learned.byte_pair
    tokens = [Token(i, tokenizer.token_bytes(i), 0) for i in range(tokenizer.vocab_size)]
    labels = [_short(shown_bytes(token.data), LONGEST_LABEL) for token in tokens]
    boxes = [
        label if token.text is None else _short(shown_text(token.text, False), LONGEST_LABEL)
        for token, label in zip(tokens, labels, strict=True)
    ]
    return LearnedMerges(
        [(merge.left, merge.right, merge.count) for merge in tokenizer.merges],
        labels,
        [i for i, token in enumerate(tokens) if token.text is None],
        None if whitespace else boxes,
    )


def typed_text(learned: Vocabularies, text: str) -> TypedText:
    """The typed text after all merges; of its tokens the first that can be drawn, whatever the number of merges."""
    tokenizer = learned.byte_pair
    ids = tokenizer.encode(text)
    counts = token_counts(ids, tokenizer.merges).tolist()
    return TypedText(ids[:MOST_DRAWN], len(to_bytes(text)), counts, tokenizer.encode(text[: 2 * EXCERPT]))


def merge_steps(learned: Vocabularies, made: int) -> MergeSteps:
    """The merges that come next after `made`, and those around it."""
    last = len(learned.byte_pair.merges) - STEPS_AT_ONCE
    return _steps(learned, max(0, min(last, made // STRIDE * STRIDE - STEPS_AT_ONCE // 2 + STRIDE // 2)))


@st.cache_resource(max_entries=32, show_spinner="Looking up where each pair stands…", hash_funcs=_BY_TEXT)
def _steps(learned: Vocabularies, first: int) -> MergeSteps:
    pieces: dict[str, int] = {}
    excerpts: dict[str, int] = {}
    steps = []
    end = first + STEPS_AT_ONCE
    counted = _counted(learned)[first:end]
    for merge, count in zip(learned.byte_pair.merges[first:end], counted, strict=True):
        largest = [
            (pieces.setdefault(_piece(share.piece), len(pieces)), share.times, share.inside) for share in count.largest
        ]
        excerpt = excerpts.setdefault(_excerpt(learned.text, count.largest[0].piece), len(excerpts))
        steps.append(MergeStep(merge.rivals, Shares(count.pieces, count.total, largest), excerpt))
    return MergeSteps(first, steps, list(pieces), [learned.byte_pair.encode(text) for text in excerpts])


@st.cache_resource(max_entries=16, show_spinner="Counting every pair afresh from the pieces…", hash_funcs=_BY_TEXT)
def _counted(learned: Vocabularies) -> list[CountShares]:
    return shares_of_all(learned.byte_pair, learned.pieces, MOST_PIECES)


@st.cache_resource(max_entries=64, show_spinner=False, hash_funcs=_BY_TEXT)
def rival_shares(learned: Vocabularies, made: int, bar: int) -> Shares | None:
    """Where the count of a rival of the merge after `made` comes from; bar: 1 for the first. None for none such."""
    merges = learned.byte_pair.merges
    if not (made < len(merges) and 1 <= bar <= len(merges[made].rivals)):
        return None
    left, right, _ = merges[made].rivals[bar - 1]
    shares = shares_of(learned.byte_pair.with_merges(made), learned.pieces, (left, right))
    largest = [(_piece(share.piece), share.times, share.inside) for share in shares[:MOST_PIECES]]
    return Shares(len(shares), sum(share.times * share.inside for share in shares), largest)


def _piece(piece: str) -> str:
    return shown_bytes(to_bytes(piece))[:LONGEST_PIECE]


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else text[:most] + "…"


def _excerpt(text: str, piece: str) -> str:
    """The text learned from around the first place of a piece."""
    begin = max(0, text.find(piece) - EXCERPT // 3)
    return text[begin : begin + EXCERPT]
