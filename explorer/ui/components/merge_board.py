"""`merge_board`: a slider over merges, and everything it moves, answered in the browser.

The tokens of a text after any number of merges follow from its tokens after all of them (`inspection/merges.py`), so
what was learned is sent once, and moving the slider needs no answer from Python. Python hears of a move when the slider
has rested, and of a choice at once.

Example, in a Streamlit script:

    learned = LearnedMerges([(97, 97, 2)], [*map(chr, range(256)), "aa"], [])
    typed = TypedText([256, 98], 3, [3, 2], [256, 98])
    steps = MergeSteps(0, [MergeStep([], Shares(1, 2, [(0, 2, 1)]), 0)], ["aa"], [[256, 98]])
    merge_board(learned, typed, steps, [None], BoardSetting(1), key="merges", alt="“aab” cut by byte-pair")
    st.write(f"{setting_of('merges', BoardSetting(1), merges=1, panels=1).merges} merges made")
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeGuard

import streamlit as st

from explorer.ui.components.assets import read_assets
from explorer.ui.components.coloured_tokens import HINT, TokenPanel, panel_data

BYTES = 256  # the tokens before the first merge

_mount = st.components.v2.component(
    "explorer_merge_board",
    html=read_assets("merge_board.html"),
    css=read_assets("coloured_tokens.css", "merge_board.css"),
    js=read_assets("coloured_tokens_panels.js", "merge_board_tokens.js", "merge_board_draw.js", "merge_board.js"),
)


@dataclass(frozen=True)
class LearnedMerges:
    """pairs: of every merge, in order, the ids it joins and their count; merge r makes token 256 + r, and the first 256
    tokens are the bytes. labels: how each token is shown, white space drawn. partial: the tokens whose bytes are no whole
    characters, shown in hexadecimal. boxes: labels for the panels of the typed text where they differ, else None.
    """

    pairs: Sequence[tuple[int, int, int]]
    labels: Sequence[str]
    partial: Sequence[int]
    boxes: Sequence[str] | None = None


@dataclass(frozen=True)
class TypedText:
    """ids: the tokens of the text after all merges, at least the first that are drawn. bytes: of the text. counts: how
    many tokens the whole text has after 0, 1, … merges. excerpt: the tokens of its beginning, after all merges."""

    ids: Sequence[int]
    bytes: int
    counts: Sequence[int]
    excerpt: Sequence[int]


@dataclass(frozen=True)
class Shares:
    """Where a pair's count comes from: the number of pieces it stands in, the sum over them, and of the largest shares
    the piece, how often it occurs, and how often the pair is in it."""

    pieces: int
    total: int
    largest: Sequence[tuple[str | int, int, int]]


@dataclass(frozen=True)
class MergeStep:
    """One merge about to be made. rivals: left, right and count of the next most frequent pairs. shares: of its own pair,
    pieces by their number in `MergeSteps.pieces`. excerpt: the number of its excerpt."""

    rivals: Sequence[tuple[int, int, int]]
    shares: Shares
    excerpt: int


@dataclass(frozen=True)
class MergeSteps:
    """Consecutive merges, `first` the rank of the first of them. pieces: shown texts. excerpts: of the text learned from,
    as tokens after all merges."""

    first: int
    steps: Sequence[MergeStep]
    pieces: Sequence[str]
    excerpts: Sequence[Sequence[int]]

    @cached_property
    def as_json(self) -> str:
        """What is sent: written out once, since these are some hundred kilobytes and every run of the page sends them."""
        rows = [[step.rivals, vars(step.shares), step.excerpt] for step in self.steps]
        sent = {"first": self.first, "list": rows, "pieces": self.pieces, "excerpts": self.excerpts}
        return json.dumps(sent, ensure_ascii=False, separators=(",", ":"))


@dataclass(frozen=True)
class BoardSetting:
    """What the visitor sets. merges: made. panel, byte: the token chosen, over this byte of the text. on_typed: the
    excerpt is of the typed text, not of that learned from. opened: (merge, bar) of the rival whose sum is open, or None.
    turn: grows with every move; 0 before the first."""

    merges: int
    panel: int = 0
    byte: int = 0
    on_typed: bool = False
    opened: tuple[int, int] | None = None
    turn: int = 0


def merge_board(
    learned: LearnedMerges,
    typed: TypedText,
    steps: MergeSteps,
    panels: Sequence[tuple[TokenPanel, Sequence[str]] | None],
    passed: BoardSetting,
    *,
    key: str,
    alt: str,
    opened: tuple[tuple[int, int], Shares] | None = None,
    most: int = 400,
) -> None:
    """Draw the slider, the panels, the chosen token, the next merge and an excerpt before and after it.

    panels: of the other tokenizers, each with what is said of each of its tokens when it is chosen; None where the panel
    of byte-pair belongs, which is drawn from `learned` and `typed`. passed: what the page sets; the component follows it
    unless the visitor has moved since, which `setting_of` tells. Pass the same until the page sets another: a message
    that did not change is not sent again. opened: the sum of a rival that the visitor asked for. most: tokens drawn in a
    panel. alt: what the panels show.

    Raises ValueError for labels or counts that are not one a token or number of merges, and for steps that do not hold
    as many excerpts as they name.
    """
    M = len(learned.pairs)
    for name, labels in (("labels", learned.labels), ("boxes", learned.boxes)):
        if labels is not None and len(labels) != BYTES + M:
            raise ValueError(f"{name}: expected one for each of {BYTES + M} tokens, got {len(labels)}.")
    if len(typed.counts) != M + 1:
        raise ValueError(f"counts: expected one for each number of merges from 0 to {M}, got {len(typed.counts)}.")
    if list(panels).count(None) != 1:
        raise ValueError("panels: expected None once, where the panel of byte-pair is drawn.")
    if not 0 <= passed.merges <= M:
        raise ValueError(f"merges: expected 0 to {M}, got {passed.merges}.")
    if any(not 0 <= step.excerpt < len(steps.excerpts) for step in steps.steps):
        raise ValueError(f"steps: expected excerpts numbered below {len(steps.excerpts)}.")
    data = {
        "alt": alt,
        "hint": HINT,
        "most": most,
        "learned": vars(learned),
        "typed": vars(typed),
        "steps": steps.as_json,
        "panels": [panel and {**panel_data(panel[0]), "told": list(panel[1])} for panel in panels],
        "passed": {
            "merges": passed.merges,
            "panel": passed.panel,
            "byte": passed.byte,
            "on": int(passed.on_typed),
            "turn": passed.turn,
        },
        "opened": None if opened is None else {"of": list(opened[0]), "shares": vars(opened[1])},
    }
    _mount(key=key, data=data, on_event_change=lambda: None)


def setting_of(key: str, passed: BoardSetting, merges: int, panels: int) -> BoardSetting:
    """What the visitor has set of the board under `key` since the page passed `passed`; that itself where nothing.

    merges, panels: how many there are now; a number beyond them counts as the last, or as not chosen.
    """
    state = st.session_state.get(key)
    event = state.get("event") if isinstance(state, Mapping) else None
    if not isinstance(event, Mapping) or not _is_number(event.get("turn")) or event["turn"] <= passed.turn:
        return passed
    made, panel, byte, opened = (event.get(name) for name in ("merges", "panel", "byte", "opened"))
    place = (panel, byte) if _is_number(panel) and _is_number(byte) and panel < panels else (passed.panel, passed.byte)
    pair = opened if isinstance(opened, Sequence) and len(opened) == 2 and all(map(_is_number, opened)) else None
    return BoardSetting(
        min(made, merges) if _is_number(made) else passed.merges,
        *place,
        event.get("on") == 1,
        None if pair is None else (pair[0], pair[1]),
        event["turn"],
    )


def _is_number(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and value >= 0
