"""`surprise_text`: running text whose tokens are coloured by how much each surprised the model.

Example, in a Streamlit script:

    tokens = [SurpriseToken("R", None, "prompt"), SurpriseToken("O", 2.3, "drawn")]
    surprise_text([TextPanel(tokens)], key="text", region="The text", alt="A text coloured by surprise")
    place = clicked_token("text")  # at the beginning of the next run
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import streamlit as st

from explorer.ui.components.assets import read_assets
from explorer.ui.components.events import take_event

# Where a darker colour and a thicker line begin, in bits: each step is twice the one before.
EDGES = (0.5, 1.0, 2.0, 4.0, 8.0)

Kind = Literal["prompt", "drawn", "chosen", "unread"]

_mount = st.components.v2.component(
    "explorer_surprise_text",
    html=read_assets("surprise_text.html"),
    css=read_assets("surprise_text.css"),
    js=read_assets("surprise_text.js"),
)


@dataclass(frozen=True)
class SurpriseToken:
    """text: what it adds to the text. bits: its surprise, None where there is none. kind: where it came from; "unread"
    for what lies out of the model's sight. note: what else is told about it. whole: False for bytes of a character."""

    text: str
    bits: float | None
    kind: Kind
    note: str = ""
    whole: bool = True


@dataclass(frozen=True)
class TextPanel:
    """One text: its tokens, a title and a line of counts above it where it has them."""

    tokens: Sequence[SurpriseToken]
    title: str = ""
    counts: str = ""


class TokenPlace(NamedTuple):
    """A token that was clicked: the panel and its number there, both from 0."""

    panel: int
    token: int


def surprise_text(
    panels: Sequence[TextPanel],
    *,
    key: str,
    region: str,
    alt: str,
    hint: str,
    height: float = 17.0,
    follow: bool = False,
    legend: bool = True,
) -> None:
    """Draw the texts beside each other, as many as fit, over one legend.

    A click on a token, or Enter, reruns the script or its fragment: `clicked_token` then tells which. region: the name
    of a text for screen readers, followed by its title. alt: a sentence on what is shown. hint: what stands below until
    a token is read. height: of each text in rem, fixed so that a growing text moves nothing. follow: whether the end of
    the text stays in sight. legend: False where the same legend stands above already.
    """
    data = {
        "alt": alt,
        "region": region,
        "hint": hint,
        "height": float(height),
        "follow": bool(follow),
        "legend": bool(legend),
        "edges": list(EDGES),
        "panels": [_panel(panel) for panel in panels],
    }
    _mount(key=key, data=data, on_event_change=lambda: None)


def clicked_token(key: str) -> TokenPlace | None:
    """The token that has been clicked since this was last asked."""
    event = take_event(key)
    if event is None:
        return None
    panel, token = event.get("panel"), event.get("token")
    return TokenPlace(panel, token) if isinstance(panel, int) and isinstance(token, int) and token >= 0 else None


def _panel(panel: TextPanel) -> dict[str, Any]:
    tokens = [
        [t.text, None if t.bits is None else round(float(t.bits), 2), t.kind, t.note, int(t.whole)]
        for t in panel.tokens
    ]
    return {"title": panel.title, "counts": panel.counts, "tokens": tokens}
