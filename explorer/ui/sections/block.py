"""The Transformer block page's parts on one prompt, one set of switches and one choice of weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from explorer.training.block import BlockSpec
from explorer.ui import frame
from explorer.ui.sections.block_activations import show_activations
from explorer.ui.sections.block_depth import show_depth
from explorer.ui.sections.block_ladder import show_ladder
from explorer.ui.sections.block_norms import show_norms
from explorer.ui.sections.block_setting import FRESH, SHIPPED, SOURCES, Setting, choose_setting, choose_switches
from explorer.ui.sections.block_stream import show_stream
from explorer.ui.sections.block_training import show_training
from explorer.ui.state import KEPT

OF_A_MODEL: dict[str, Callable[[Setting, dict[str, Any]], None]] = {
    "1 Residual stream": show_stream,
    "2 Depth": show_depth,
    "3 Norms": show_norms,
}
BY_THEMSELVES: dict[str, Callable[[dict[str, Any]], None]] = {
    "4 Activations": show_activations,
    "5 Ladder": show_ladder,
}
PARTS = (*OF_A_MODEL, *BY_THEMSELVES)


def show_block(shown: dict[str, Any]) -> None:
    """The switches, the parts, and the training."""
    st.subheader("The switches", anchor=False)
    spec = None
    with frame.problems_in_place():
        spec = choose_switches()
    source = st.segmented_control(
        "Weights that are looked at", SOURCES, default=FRESH, required=True, key="block_source", **KEPT
    )
    if source == SHIPPED:
        st.caption("A checkpoint has the switches it was trained with; those above set the training at the end.")
    _explore(str(source), spec, shown)
    st.divider()
    st.subheader("What does each switch cost?", anchor=False)
    show_training(spec)


@st.fragment
def _explore(source: str, spec: BlockSpec | None, shown: dict[str, Any]) -> None:
    """From the part to its last figure: one fragment, so that a control redraws only this."""
    shown.clear()
    part = str(st.segmented_control("Part", PARTS, default=PARTS[0], required=True, key="block_part", **KEPT))
    with frame.problems_in_place():
        if part in BY_THEMSELVES:
            BY_THEMSELVES[part](shown)
            return
        setting = choose_setting(source, spec)
        if setting is not None:
            shown["labels"] = setting.prompt.labels
            OF_A_MODEL[part](setting, shown)
