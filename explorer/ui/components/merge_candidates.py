"""`merge_candidates`: the pairs that compete for the next merge as bars, and one pair's count opened to its sum.

Drawn here and not by a chart because it follows a slider: HTML bars are on the screen several times sooner, and each is
a button that the keyboard reaches.

Example, in a Streamlit script:

    bars = [CandidateBar("t + h", 5310), CandidateBar("h + e", 4860)]
    merge_candidates(bars, lambda i: CountSum("where it comes from", "2 = 1 × 2", (("the", "1", "2", "2"),), "equal"),
                     key="candidates", alt="The two most frequent pairs")
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from explorer.ui.components.assets import read_assets

_COLUMNS = ("piece of the text", "times", "in it", "sum")

_mount = st.components.v2.component(
    "explorer_merge_candidates",
    html=read_assets("merge_candidates.html"),
    css=read_assets("merge_candidates.css"),
    js=read_assets("merge_candidates.js"),
)


@dataclass(frozen=True)
class CandidateBar:
    """One pair: how it is shown, and how often it occurs."""

    label: str
    count: int


@dataclass(frozen=True)
class CountSum:
    """A count worked out: its heading, the sum in a line, four texts a row (piece, times it occurs, pairs in it,
    running sum), and what the check said."""

    heading: str
    formula: str
    rows: Sequence[tuple[str, str, str, str]]
    verdict: str


def merge_candidates(bars: Sequence[CandidateBar], open_sum: Callable[[int], CountSum], *, key: str, alt: str) -> int:
    """Draw the bars, the first one as that which is merged; return the number of the one whose sum is open.

    A click, a tap, Enter or Space on a bar opens its sum and reruns the script (or its fragment) once. The choice holds
    for these bars; others begin with the first. `open_sum` is asked for the open one only. Raises ValueError for none.
    """
    if not bars:
        raise ValueError("bars: expected at least one pair, got an empty list.")
    of = [[bar.label, bar.count] for bar in bars]
    chosen = _choice(st.session_state.get(key), of)
    opened = open_sum(chosen)
    data = {
        "alt": alt,
        "of": of,
        "bars": [
            [b.label, b.count, f"{b.label}: {b.count:,} times{', merged next' * (not i)}"] for i, b in enumerate(bars)
        ],
        "chosen": chosen,
        "heading": opened.heading,
        "formula": opened.formula,
        "columns": list(_COLUMNS),
        "rows": [list(row) for row in opened.rows],
        "verdict": opened.verdict,
    }
    return _choice(_mount(key=key, data=data, on_choice_change=lambda: None), of)


def _choice(state: Any, of: list[list[Any]]) -> int:
    choice = state.get("choice") if isinstance(state, Mapping) else None
    if not isinstance(choice, Mapping) or choice.get("of") != of:
        return 0
    number = choice.get("number")
    return number if isinstance(number, int) and 0 <= number < len(of) else 0
