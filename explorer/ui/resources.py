"""What is loaded once for all visitors: checkpoints, corpora and what can be read off them.

Everything returned is shared: read it, never change it. Each cache is bounded, so memory does not grow with visits.
`changed` is when a card was last written: with a leading underscore Streamlit would leave it out of the cache's key.
Torch is imported inside the functions; a page that needs none of them does not wait for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

if TYPE_CHECKING:
    from explorer.inspection.ablation import NextReading
    from explorer.inspection.attention import AttentionTrace
    from explorer.inspection.bigram import BigramReading
    from explorer.models.checkpoints import Checkpoint
    from explorer.text.corpora import Corpus


def checkpoint(name: str) -> Checkpoint:
    """A checkpoint by name; loaded again when its card changes. Raises CheckpointError."""
    from explorer.models.cards import find_card

    return _checkpoint(name, find_card(name).stat().st_mtime_ns)


@st.cache_resource(max_entries=4, show_spinner="Loading the weights…")
def _checkpoint(name: str, changed: int) -> Checkpoint:  # noqa: ARG001 (part of what the cache goes by)
    from explorer.models.checkpoints import load_checkpoint

    return load_checkpoint(name)


@st.cache_resource(max_entries=8, show_spinner="Reading the corpus…")
def corpus(name: str) -> Corpus:
    """A corpus by name. Raises CorpusError."""
    from explorer.text.corpora import load_corpus

    return load_corpus(name)


@st.cache_resource(max_entries=16, show_spinner="Counting…")
def bigrams(name: str) -> BigramReading:
    """A corpus counted, without smoothing."""
    from explorer.inspection.bigram import read_bigrams

    return read_bigrams(corpus(name))


def attention(name: str, ids: tuple[int, ...]) -> AttentionTrace:
    """One forward pass of a checkpoint over a prompt, every head read."""
    from explorer.models.cards import find_card

    return _attention(name, find_card(name).stat().st_mtime_ns, ids)


@st.cache_resource(max_entries=16, show_spinner=False)
def _attention(name: str, changed: int, ids: tuple[int, ...]) -> AttentionTrace:  # noqa: ARG001
    from explorer.inspection.attention import trace_attention

    return trace_attention(checkpoint(name).model, ids)


def next_token(name: str, ids: tuple[int, ...], off: frozenset[tuple[int, int]]) -> NextReading:
    """What a checkpoint expects after a prompt, with some heads silent."""
    from explorer.models.cards import find_card

    return _next_token(name, find_card(name).stat().st_mtime_ns, ids, off)


@st.cache_resource(max_entries=64, show_spinner=False)
def _next_token(
    name: str,
    changed: int,  # noqa: ARG001
    ids: tuple[int, ...],
    off: frozenset[tuple[int, int]],
) -> NextReading:
    from explorer.inspection.ablation import read_next

    return read_next(checkpoint(name).model, ids, off)


@st.cache_resource(show_spinner=False)
def warm_up() -> None:
    """Import torch in the background once the first page has been painted, so that the second need not wait."""
    import threading
    import time

    def load() -> None:
        time.sleep(1.5)
        import torch

        import explorer.inspection.attention
        import explorer.models.checkpoints  # noqa: F401
        from explorer.models.bigram import BigramConfig
        from explorer.models.registry import count_parameters

        # Small models on a shared machine: two threads a figure wait for each other. Threads made later inherit it.
        torch.set_num_threads(1)
        count_parameters("bigram", BigramConfig(2))  # the first model without numbers costs a second

    threading.Thread(target=load, name="warm-up", daemon=True).start()
