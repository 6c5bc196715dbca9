"""What is loaded once for all visitors: checkpoints, corpora and what can be read off them.

Everything returned is shared: read it, never change it. Each cache is bounded, so memory does not grow with visits.
`changed` is when a card was last written: with a leading underscore Streamlit would leave it out of the cache's key.
Torch is imported inside the functions; a page that needs none of them does not wait for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

if TYPE_CHECKING:
    from explorer.inspection.ablation import NextReading
    from explorer.inspection.bigram import BigramReading
    from explorer.inspection.gpt_heads import HeadsReading
    from explorer.inspection.gpt_pipeline import PipelineReading
    from explorer.inspection.head_behaviour import InductionReading
    from explorer.models.checkpoints import Checkpoint
    from explorer.text.corpora import Corpus

MUCH = 2_000_000  # tokens × layers × channels of a prompt: beyond it, a reading is tens of megabytes
KEPT_OF_MUCH = 2


def checkpoint(name: str) -> Checkpoint:
    """A checkpoint by name; loaded again when its card changes. Raises CheckpointError."""
    from explorer.models.cards import find_card

    return _checkpoint(name, find_card(name).stat().st_mtime_ns)


@st.cache_resource(max_entries=4, show_spinner="Loading the weights…")
def _checkpoint(name: str, changed: int) -> Checkpoint:  # noqa: ARG001 (part of what the cache goes by)
    from dataclasses import replace

    from explorer.models.checkpoints import load_checkpoint

    return replace(load_checkpoint(name), name=name)  # a visitor's own is named by its path: caches go by the name


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


def heads(name: str, ids: tuple[int, ...], side: int) -> HeadsReading:
    """One forward pass of a checkpoint over a prompt, every head read, its map shrunk to `side` cells."""
    read = _heads_of_much if is_much(name, ids) else _heads
    return read(name, _written(name), ids, side)


def pipeline(name: str, ids: tuple[int, ...]) -> PipelineReading:
    """The numbers of a prompt after every step through a checkpoint."""
    read = _pipeline_of_much if is_much(name, ids) else _pipeline
    return read(name, _written(name), ids)


def induction(name: str) -> InductionReading:
    """Every head of a checkpoint on random tokens said twice."""
    return _induction(name, _written(name))


def _written(name: str) -> int:
    """When the card of a checkpoint was last written."""
    from explorer.models.cards import find_card

    return find_card(name).stat().st_mtime_ns


def is_much(name: str, ids: tuple[int, ...]) -> bool:
    """Whether what is read of a prompt takes tens of megabytes: few of those are kept."""
    config = checkpoint(name).model.config
    return int(len(ids) * config.n_layers * config.d_model) > MUCH


@st.cache_resource(max_entries=16, show_spinner=False)
def _heads(name: str, changed: int, ids: tuple[int, ...], side: int) -> HeadsReading:  # noqa: ARG001
    from explorer.inspection.gpt_heads import read_heads

    return read_heads(checkpoint(name).model, ids, side)


@st.cache_resource(show_spinner=False)
def _kept_of_much() -> dict[tuple[Any, ...], HeadsReading]:
    """Readings of much by what they were read from, at most `KEPT_OF_MUCH`."""
    return {}


def _heads_of_much(name: str, changed: int, ids: tuple[int, ...], side: int) -> HeadsReading:
    """Layer by layer, with a bar. The bar is also where a visitor who goes on typing, or presses Stop, ends the reading."""
    from explorer.inspection.gpt_heads import read_heads

    kept, key = _kept_of_much(), (name, changed, ids, side)
    reading = kept.get(key)
    if reading is None:
        bar = st.progress(0.0, "Reading every head, layer by layer…")
        reading = read_heads(checkpoint(name).model, ids, side, told=bar.progress)
        bar.empty()
        while len(kept) >= KEPT_OF_MUCH:
            kept.pop(next(iter(kept)), None)
        kept[key] = reading
    return reading


@st.cache_resource(max_entries=8, show_spinner=False)
def _pipeline(name: str, changed: int, ids: tuple[int, ...]) -> PipelineReading:  # noqa: ARG001
    from explorer.inspection.gpt_pipeline import read_pipeline

    return read_pipeline(checkpoint(name).model, ids)


@st.cache_resource(max_entries=1, show_spinner="Following the prompt…")
def _pipeline_of_much(name: str, changed: int, ids: tuple[int, ...]) -> PipelineReading:  # noqa: ARG001
    from explorer.inspection.gpt_pipeline import read_pipeline

    return read_pipeline(checkpoint(name).model, ids)


@st.cache_resource(max_entries=16, show_spinner="Measuring what the heads do…")
def _induction(name: str, changed: int) -> InductionReading:  # noqa: ARG001
    from explorer.inspection.head_behaviour import measure_induction

    return measure_induction(checkpoint(name).model)


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


def forget_checkpoints() -> None:
    """Drop every checkpoint and all that was read from one; what somebody still needs is loaded again."""
    shared = (corpus, bigrams, warm_up)
    for cached in list(globals().values()):
        if isinstance(cached, type(corpus)) and hasattr(cached, "clear") and cached not in shared:
            cached.clear()


@st.cache_resource(show_spinner=False)
def warm_up() -> None:
    """Import torch in the background once the first page has been painted, so that the second need not wait."""
    import threading
    import time

    def load() -> None:
        time.sleep(1.5)
        import torch

        import explorer.inspection.gpt_heads
        import explorer.models.checkpoints  # noqa: F401
        from explorer.models.bigram import BigramConfig
        from explorer.models.registry import count_parameters

        # Small models on a shared machine: two threads a figure wait for each other. Threads made later inherit it.
        torch.set_num_threads(1)
        count_parameters("bigram", BigramConfig(2))  # the first model without numbers costs a second

    threading.Thread(target=load, name="warm-up", daemon=True).start()
