"""Where vocabularies come from: a corpus, the typed text, a text of one's own, GPT-2, and any tokenizer.json."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import streamlit as st

from explorer.inspection.merges import compression
from explorer.inspection.tokenizers import (
    LONGEST_CUT,
    CompressionReading,
    Reader,
    cut_into_bytes,
    cut_into_characters,
    cut_into_words,
)
from explorer.text.batches import split_corpus
from explorer.text.bpe_merges import BYTES
from explorer.training.bpe import Vocabularies, learn_vocabularies
from explorer.ui import frame, resources
from explorer.ui.pickers import corpus_picker
from explorer.ui.sections.tokenizers_own import own_vocabularies
from explorer.ui.state import KEPT

CORPUS, TYPED, OWN = "a corpus", "the text typed above", "a file of my own"
MERGES = 1024


def choose_vocabularies(typed: str) -> Vocabularies | None:
    """The vocabularies of the text the visitor chose, or None with the reason in place."""
    source = st.segmented_control(
        "Learn the vocabularies from",
        [CORPUS, TYPED, OWN],
        default=CORPUS,
        required=True,
        key="tokenizers_source",
        **KEPT,
    )
    if source == OWN:
        return own_vocabularies()
    if source == CORPUS:
        name = corpus_picker()
        if name is None:
            return None
        with frame.problems_in_place():
            return _of_corpus(name)
        return None
    if len(typed) > LONGEST_CUT:
        st.info(f"Merges are learned from the first {LONGEST_CUT:,} characters; bring the text as a file to use all.")
    if typed:
        with frame.problems_in_place():
            return _of_typed(typed[:LONGEST_CUT])
    return None


@st.cache_resource(max_entries=8, show_spinner=f"Learning {MERGES:,} merges…")
def _of_corpus(name: str) -> Vocabularies:
    splits = split_corpus(resources.corpus(name))
    return _learn(splits.train, splits.validation)


@st.cache_resource(max_entries=24, show_spinner="Learning the merges of this text…")
def _of_typed(text: str) -> Vocabularies:
    return _learn(text, "")


def _learn(text: str, held_out: str) -> Vocabularies:
    *_, last = learn_vocabularies(text, held_out, BYTES + MERGES)
    if last.vocabularies is None:
        raise ValueError("The merges of this text were not learned to the end; load the page again.")
    return last.vocabularies


def readers_of(learned: Vocabularies) -> list[Reader]:
    """Characters and words."""
    return [
        Reader("Characters", learned.characters.vocab_size, partial(cut_into_characters, learned.characters)),
        Reader("Words", learned.words.vocab_size, partial(cut_into_words, learned.words)),
    ]


def byte_pair_reader(learned: Vocabularies, merges: int) -> Reader:
    """Byte-pair with the first of its merges."""
    byte_pair = learned.byte_pair.with_merges(merges)
    return Reader(f"Byte-pair, {merges:,} merges", byte_pair.vocab_size, partial(cut_into_bytes, byte_pair))


def readers_at_full(learned: Vocabularies) -> list[Reader]:
    """Characters, words, single bytes, and byte-pair with all its merges."""
    bytes_only = replace(byte_pair_reader(learned, 0), name="Bytes")
    everything = replace(byte_pair_reader(learned, len(learned.byte_pair.merges)), name="Byte-pair")
    return [*readers_of(learned), bytes_only, everything]


def compression_of(learned: Vocabularies) -> CompressionReading:
    """Bytes per token against merges, measured once for each set of vocabularies."""
    return _compression(learned)


@st.cache_resource(
    max_entries=16,
    show_spinner="Cutting held-out text with ever more merges…",
    hash_funcs={Vocabularies: lambda v: (hash(v.text), v.byte_pair.vocab_size)},
)
def _compression(learned: Vocabularies) -> CompressionReading:
    return compression(learned.byte_pair, learned.text, learned.held_out)
