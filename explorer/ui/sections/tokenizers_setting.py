"""What is set of the board of merges: by the visitor on the board, by the address on arrival, by an experiment.

The board is no widget of Streamlit's, so what its widgets do by themselves is done here: the value outlives the page, it
is in the address, and setting `st.session_state["tokenizers_merges"]` moves the slider.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from explorer.ui.components.matrix import Cell
from explorer.ui.components.merge_board import BoardSetting, setting_of
from explorer.ui.state import cell_in_address, remember_cell

BOARD, MERGES, ON, PLACE = "tokenizers_board", "tokenizers_merges", "tokenizers_on", "tokenizers_place"
BYTE_PAIR = 2  # the panel of the merges learned here
FIRST_MERGES, FIRST_PLACE = 256, Cell(BYTE_PAIR, 0, 0)
LEARNED_FROM, TYPED = "the text learned from", "the text typed above"
_HEARD, _WRITTEN, _ARRIVED, _OPENED = (f"_{BOARD}_{name}" for name in ("heard", "written", "arrived", "opened"))


def passed_to_board(highest: int, panels: int) -> BoardSetting:
    """What the page passes to the board from a run of the whole page on: what is set now. highest: merges there are."""
    _adopt(MERGES, lambda text: int(text) if text.isascii() and text.isdigit() and len(text) < 8 else None)
    _adopt(ON, lambda text: text if text in (LEARNED_FROM, TYPED) else None)
    arrived = cell_in_address(PLACE, FIRST_PLACE)
    if st.session_state.get(_ARRIVED, FIRST_PLACE) != arrived:
        st.session_state[_ARRIVED] = st.session_state[f"_{PLACE}"] = arrived
    _hear(setting_of(BOARD, _setting(highest, panels), highest, panels))
    st.session_state[_WRITTEN] = st.session_state.get(MERGES)
    return _setting(highest, panels)


def _setting(highest: int, panels: int) -> BoardSetting:
    """What is kept, as far as there is so much now."""
    state: Any = st.session_state
    place = state.get(f"_{PLACE}", FIRST_PLACE)
    place = place if place.matrix < panels else FIRST_PLACE
    merges = min(state.get(MERGES, FIRST_MERGES), highest)
    on_typed = state.get(ON) == TYPED
    return BoardSetting(merges, place.matrix, place.row, on_typed, state.get(_OPENED), state.get(_HEARD, 0))


def setting_now(passed: BoardSetting, highest: int, panels: int) -> BoardSetting:
    """What is set now, after what the page passed; kept, and written into the address."""
    now = setting_of(BOARD, passed, highest, panels)
    _hear(now)
    _tell(MERGES, "" if now.merges == min(FIRST_MERGES, highest) else str(now.merges))
    _tell(ON, TYPED if now.on_typed else "")
    remember_cell(PLACE, Cell(now.panel, now.byte, 0), FIRST_PLACE)
    return now


def _hear(setting: BoardSetting) -> None:
    """Keep what the visitor set, once. Where the page has set the merges in the same moment, it wins."""
    state: Any = st.session_state
    if setting.turn <= state.get(_HEARD, 0):
        return
    if state.get(MERGES) == state.get(_WRITTEN):
        state[MERGES] = state[_WRITTEN] = setting.merges
    state[ON] = TYPED if setting.on_typed else LEARNED_FROM
    state[f"_{PLACE}"] = Cell(setting.panel, setting.byte, 0)
    state[_OPENED], state[_HEARD] = setting.opened, setting.turn


def _adopt(key: str, read: Callable[[str], int | str | None]) -> None:
    """On arrival the address decides; after that, the board."""
    arrived, written = st.query_params.get(key), f"_{key}_in_address"
    if arrived is None or arrived == st.session_state.get(written):
        return
    st.session_state[written] = arrived
    value = read(arrived)
    if value is not None:
        st.session_state[key] = value


def _tell(key: str, text: str) -> None:
    st.session_state[f"_{key}_in_address"] = text
    if text and st.query_params.get(key) != text:
        st.query_params[key] = text
    elif not text and key in st.query_params:
        del st.query_params[key]
