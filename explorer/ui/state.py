"""The state of the controls: kept over page changes, and in the address, so that a link shows what you see.

Most controls bind themselves (`bind="query-params"`). Typed text does not: an address has room for a sentence, not
for a hundred thousand characters, so a long text stays out of it.
"""

from __future__ import annotations

from typing import Any

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from explorer.ui.components.matrix import Cell

LONGEST_IN_ADDRESS = 1500  # characters; servers and chat programs cut addresses of several thousand
LONGEST_TYPED = 200_000  # characters; beyond it the browser stops typing

# What every bound control passes on: its value is in the address and outlives the page.
KEPT: dict[str, Any] = {"bind": "query-params", "persist_state": "session"}


def text_box(label: str, *, key: str, default: str, height: int | None = None, help: str = "") -> str:
    """A text area whose text is in the address under `key` while it is short, and survives page changes."""
    _adopt_from_address(key, default)
    text = st.text_area(
        label,
        key=key,
        height=height if height is not None else 100,
        max_chars=LONGEST_TYPED,
        persist_state="session",
        help=help or None,
    )
    _remember_in_address(key, text or "", default)
    return text or ""


def _adopt_from_address(key: str, default: str) -> None:
    """On arrival the address decides; after that, the box."""
    arrived = st.query_params.get(key)
    written = f"_{key}_in_address"
    if arrived is not None and arrived != st.session_state.get(written):
        st.session_state[key] = arrived[:LONGEST_TYPED]
        st.session_state[written] = arrived
    elif key not in st.session_state:
        st.session_state[key] = default
    elif _is_another_page(key):
        # The box of this page is a new widget: without this it would come up empty.
        st.session_state[key] = st.session_state[key]


def _is_another_page(key: str) -> bool:
    """Whether the box under `key` was last drawn by another page; from now on it is drawn by this one."""
    context = get_script_run_ctx()
    here = context.page_script_hash if context is not None else ""
    before, st.session_state[f"_{key}_page"] = st.session_state.get(f"_{key}_page"), here
    return before != here


def _remember_in_address(key: str, text: str, default: str) -> None:
    written = f"_{key}_in_address"
    if text == default or len(text) > LONGEST_IN_ADDRESS:
        st.session_state.pop(written, None)
        if key in st.query_params:
            del st.query_params[key]
    elif st.query_params.get(key) != text:
        st.session_state[written] = text
        st.query_params[key] = text


def cell_in_address(key: str, default: Cell) -> Cell:
    """The cell that the address named under `key` when the visitor arrived by it, or the default.

    What `remember_cell` wrote there since does not count: a matrix that is passed its own last choice takes that for
    the page's, and drops the visitor's next one.
    """
    in_address, arrived = f"_{key}_in_address", f"_{key}_arrived"
    now = st.query_params.get(key, "")
    if now != st.session_state.get(in_address, ""):
        st.session_state[in_address] = now
        st.session_state[arrived] = _read_cell(now)
    return st.session_state.get(arrived) or default


def _read_cell(text: str) -> Cell | None:
    parts = text.split("-")
    if len(parts) == 3 and all(part.isascii() and part.isdigit() and len(part) < 6 for part in parts):
        return Cell(*map(int, parts))
    return None


def remember_cell(key: str, cell: Cell, default: Cell) -> None:
    """Put the chosen cell into the address, unless it is the default."""
    written = "" if cell == default else f"{cell.matrix}-{cell.row}-{cell.column}"
    st.session_state[f"_{key}_in_address"] = written
    if written and st.query_params.get(key) != written:
        st.query_params[key] = written
    elif not written and key in st.query_params:
        del st.query_params[key]


def hold_at_most(key: str, highest: int) -> None:
    """Bring a slider's value down to a limit that has sunk since it was set; Streamlit would refuse to draw it."""
    if st.session_state.get(key, 0) > highest:
        st.session_state[key] = highest


def set_controls(values: dict[str, Any]) -> None:
    """Set controls by key, for a button's `on_click`: Streamlit allows it only there."""
    for key, value in values.items():
        st.session_state[key] = value


def rerun_here() -> None:
    """Run the fragment once more if it is a fragment that runs now, else the page."""
    context = get_script_run_ctx()
    st.rerun(scope="fragment" if context is not None and context.fragment_ids_this_run else "app")
