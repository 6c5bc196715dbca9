"""What the page GPT inside has already worked out, kept for all visitors: bounded, and read, never changed.

Keyed by a checkpoint's name and by when its card was last written, as in `ui.resources`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from explorer.ui.resources import checkpoint

if TYPE_CHECKING:
    from explorer.inspection.ablation import Fill, NextReading, Part
    from explorer.inspection.ablation_ranking import RankingProgress
    from explorer.inspection.logit_attribution import Attribution
    from explorer.inspection.logit_lens import LensReading
    from explorer.inspection.model_costs import Cost
    from explorer.inspection.residual_stream import StreamMap


def _changed(name: str) -> int:
    from explorer.models.cards import find_card

    return find_card(name).stat().st_mtime_ns


def without(name: str, ids: tuple[int, ...], parts: frozenset[Part], fill: Fill) -> NextReading:
    """What a checkpoint expects after a prompt with some parts switched off."""
    return _without(name, _changed(name), ids, tuple(sorted(parts)), fill)


@st.cache_resource(max_entries=32, show_spinner="Running the model without them…")
def _without(name: str, changed: int, ids: tuple[int, ...], parts: tuple[Part, ...], fill: Fill) -> NextReading:  # noqa: ARG001
    from explorer.inspection.ablation import read_without

    return read_without(checkpoint(name).model, ids, parts, fill)


def ranking_place(name: str, ids: tuple[int, ...], fill: Fill) -> list[RankingProgress]:
    """Where a finished ranking is put once it is known; empty until then."""
    return _ranking_place(name, _changed(name), ids, fill)


@st.cache_resource(max_entries=32, show_spinner=False)
def _ranking_place(name: str, changed: int, ids: tuple[int, ...], fill: Fill) -> list[RankingProgress]:  # noqa: ARG001
    return []


def lens(name: str, ids: tuple[int, ...], first: int, count: int) -> LensReading:
    """The logit lens over some positions of a prompt."""
    return _lens(name, _changed(name), ids, first, count)


@st.cache_resource(max_entries=16, show_spinner="Reading every depth…")
def _lens(name: str, changed: int, ids: tuple[int, ...], first: int, count: int) -> LensReading:  # noqa: ARG001
    from explorer.inspection.logit_lens import read_lens

    return read_lens(checkpoint(name).model, ids, first=first, count=count)


def attribution(name: str, ids: tuple[int, ...], token: int, against: Any, at: int) -> Attribution:
    """One logit as a sum over parts."""
    return _attribution(name, _changed(name), ids, token, against, at)


@st.cache_resource(max_entries=32, show_spinner="Sharing out the logit…")
def _attribution(name: str, changed: int, ids: tuple[int, ...], token: int, against: Any, at: int) -> Attribution:  # noqa: ARG001
    from explorer.inspection.logit_attribution import attribute_logit

    return attribute_logit(checkpoint(name).model, ids, token, against=against, at=at)


def stream_map(name: str, ids: tuple[int, ...], unit_length: bool) -> StreamMap:
    """The tokens' vectors of all depths on two axes."""
    return _stream_map(name, _changed(name), ids, unit_length)


@st.cache_resource(max_entries=8, show_spinner="Finding the axes…")
def _stream_map(name: str, changed: int, ids: tuple[int, ...], unit_length: bool) -> StreamMap:  # noqa: ARG001
    from explorer.inspection.residual_stream import map_stream

    return map_stream(checkpoint(name).model, ids, unit_length=unit_length)


def cost(name: str, what: str, T: int) -> Cost:
    """`what` a checkpoint costs for T tokens: "parameters", "memory" or "operations"."""
    return _cost(name, _changed(name), what, T)


@st.cache_resource(max_entries=24, show_spinner="Counting…")
def _cost(name: str, changed: int, what: str, T: int) -> Cost:  # noqa: ARG001
    from explorer.inspection.model_costs import count_flops, count_memory, count_parameters

    model = checkpoint(name).model
    if what == "parameters":
        return count_parameters(model)
    return count_memory(model, T) if what == "memory" else count_flops(model, T)


def next_logits(name: str, ids: tuple[int, ...], at: int) -> Any:
    """The logits (V,) after position `at` of a prompt, a NumPy array."""
    return _next_logits(name, _changed(name), ids, at)


@st.cache_resource(max_entries=32, show_spinner="Running the model…")
def _next_logits(name: str, changed: int, ids: tuple[int, ...], at: int) -> Any:  # noqa: ARG001
    from explorer.inspection.residual_stream import run

    return run(checkpoint(name).model, ids, at=at).logits.double().numpy()
