"""The attention page's five parts on one prompt and one choice of weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import streamlit as st

from explorer.inspection.attention_steps import take_steps
from explorer.inspection.attention_variants import read_variants
from explorer.ui import frame
from explorer.ui.sections.attention_averaging import show_averaging, show_without_weights
from explorer.ui.sections.attention_head import show_head
from explorer.ui.sections.attention_heads import show_heads
from explorer.ui.sections.attention_setting import (
    DEFAULT,
    FRESH,
    PROMPT,
    SOURCES,
    TRAINED,
    LooksAt,
    Setting,
    choose_setting,
)
from explorer.ui.sections.attention_training import show_training
from explorer.ui.sections.attention_variants import show_variants
from explorer.ui.state import KEPT


@dataclass(frozen=True)
class Part:
    """show: draws it. looks_at: the head that is chosen, all heads of the layer, or the layer's inputs alone."""

    show: Callable[[Setting, dict[str, Any]], None]
    looks_at: LooksAt = "head"


PARTS: dict[str, Part] = {
    "1 Averages": Part(show_averaging),
    "2 Without weights": Part(show_without_weights, looks_at="inputs"),
    "3 Q, K, V": Part(show_head),
    "4 Many heads": Part(show_heads, looks_at="heads"),
    "5 Sparse masks": Part(show_variants),
}


def show_attention(shown: dict[str, Any]) -> None:
    """The weights' source, live training where it is chosen, and the parts."""
    source = st.segmented_control(
        "Weights: what Q, K and V are made with", SOURCES, default=FRESH, required=True, key="attention_source", **KEPT
    )
    if source == TRAINED:
        show_training(str(st.session_state.get(PROMPT) or st.query_params.get(PROMPT) or DEFAULT))
        st.divider()
    _explore(str(source), shown)


@st.fragment
def _explore(source: str, shown: dict[str, Any]) -> None:
    """From the prompt to the last figure: one fragment, so that a control redraws only this."""
    shown.clear()
    name = st.segmented_control(
        "Part", list(PARTS), default=next(iter(PARTS)), required=True, key="attention_part", **KEPT
    )
    part = PARTS[name]
    with frame.problems_in_place():
        setting = choose_setting(source, looks_at=part.looks_at)
        if setting is None:
            return
        shown["labels"] = setting.prompt.labels
        if part.looks_at != "inputs":  # the downloads hold the head and its costs whichever part is open
            shown["steps"] = take_steps(setting.layer, setting.head)
            shown["variants"] = read_variants(setting.layer, setting.head)
        part.show(setting, shown)
