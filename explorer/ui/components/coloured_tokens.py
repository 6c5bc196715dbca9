"""`coloured_tokens`: what tokenizers made of a text, a panel each, tokens over their ids.

Example, in a Streamlit script:

    panel = TokenPanel("characters", "2 tokens", [DrawnToken("h", "7", "“h”, id 7", 0, 1),
                                                  DrawnToken("i", "8", "“i”, id 8", 1, 2)])
    place = coloured_tokens([panel], key="tokens", alt="The text cut into characters")
    if place is not None:
        st.write(f"byte {place.byte} of panel {place.panel}")
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import streamlit as st

from explorer.ui.components.assets import read_assets

HINT = "Hover, tap or focus a token to read it; click it, or press Enter, to keep it."

Kind = Literal["plain", "bytes", "special", "missing", "new"]

_mount = st.components.v2.component(
    "explorer_coloured_tokens",
    html=read_assets("coloured_tokens.html"),
    css=read_assets("coloured_tokens.css"),
    js=read_assets("coloured_tokens_panels.js", "coloured_tokens.js"),
)


@dataclass(frozen=True)
class DrawnToken:
    """One token as it is drawn.

    text: what stands in its box. under: what stands below, its id. spoken: what hovering, and a screen reader, say.
    start, end: its bytes in the text, end not included; tokens of other panels over the same bytes are outlined with
    it. kind: "bytes" for a piece of a character, "special" for a symbol that is not of the text, "missing" for a
    character without an id, "new" for one to be noticed. line_break: the row breaks after it.
    """

    text: str
    under: str
    spoken: str
    start: int
    end: int
    kind: Kind = "plain"
    line_break: bool = False


@dataclass(frozen=True)
class TokenPanel:
    """One tokenizer's answer: its name, its counts in a line, its tokens, and a note where something is to be said."""

    title: str
    counts: str
    tokens: Sequence[DrawnToken]
    note: str = ""


@dataclass(frozen=True)
class TokenPlace:
    """The chosen token: the one over byte `byte` of the text in panel `panel`, both from 0.

    A byte, not a number of tokens, so that the choice stays on its place in the text while merges change the tokens.
    """

    panel: int
    byte: int


def coloured_tokens(
    panels: Sequence[TokenPanel], *, key: str, alt: str, selected: TokenPlace | None = None, hint: str = HINT
) -> TokenPlace | None:
    """Draw the panels beside each other, as many as fit; return the place of the chosen token, or None.

    A click, a tap, Enter or Space chooses a token and reruns the script (or its fragment) once. The choice lasts until
    another one, or until the page passes another `selected`, which is then shown. `alt` says in a sentence what the
    picture shows; `hint` stands where a token is told while none is.

    Raises ValueError for no panel and for a `selected` that names none.
    """
    if not panels:
        raise ValueError("panels: expected at least one TokenPanel, got an empty list.")
    if selected is not None and not (0 <= selected.panel < len(panels) and selected.byte >= 0):
        raise ValueError(f"selected: expected one of {len(panels)} panels and a byte from 0, got {selected}.")
    now = _chosen(st.session_state.get(key), selected, len(panels))
    data = {
        "alt": alt,
        "hint": hint,
        "panels": [panel_data(panel) for panel in panels],
        "selected": _as_list(selected),
        "current": _as_list(now),
    }
    return _chosen(_mount(key=key, data=data, on_chosen_change=lambda: None), selected, len(panels))


def panel_data(panel: TokenPanel) -> dict[str, Any]:
    """A panel as `coloured_tokens_panels.js` takes it."""
    tokens = [[t.text, t.under, t.spoken, t.start, t.end, t.kind, int(t.line_break)] for t in panel.tokens]
    return {"title": panel.title, "counts": panel.counts, "note": panel.note, "tokens": tokens}


def _as_list(place: TokenPlace | None) -> list[int] | None:
    return None if place is None else [place.panel, place.byte]


def _chosen(state: Any, selected: TokenPlace | None, panels: int) -> TokenPlace | None:
    """The visitor's choice, unless the page has since passed another `selected` than when it was made."""
    choice = state.get("chosen") if isinstance(state, Mapping) else None
    if not isinstance(choice, Mapping) or choice.get("of", _as_list(selected)) != _as_list(selected):
        return selected
    panel, byte = choice.get("panel"), choice.get("byte")
    if not (isinstance(panel, int) and isinstance(byte, int)) or not (0 <= panel < panels and byte >= 0):
        return selected
    return TokenPlace(panel, byte)
