"""What a visitor did in a component, handed over once.

A component's state stays what it was until the next click, over any number of reruns. Where a click does something, such
as writing a token, it must do it once: the script numbers each of its events, and a number that has been taken is past.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st


def has_event(key: str) -> bool:
    """Whether the component under `key` has an event that has not been taken."""
    return _newest(key) is not None


def take_event(key: str) -> Mapping[str, Any] | None:
    """The component's newest event, if it has not been taken yet. Call it before the component is drawn again."""
    event = _newest(key)
    if event is not None:
        st.session_state[_taken(key)] = event["turn"]
    return event


def _newest(key: str) -> Mapping[str, Any] | None:
    state = st.session_state.get(key)
    event = state.get("event") if isinstance(state, Mapping) else None
    if not isinstance(event, Mapping) or "turn" not in event or event["turn"] == st.session_state.get(_taken(key)):
        return None
    return event


def _taken(key: str) -> str:
    return f"_{key}_taken"
