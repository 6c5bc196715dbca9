"""Reads and moves the board of merges of the Tokenizers page, whose JavaScript AppTest does not run."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from streamlit.testing.v1 import AppTest

from explorer.ui.sections.tokenizers_tables import tables
from tests.pages.driving import component, go

BOARD = "tokenizers_board"


def panels(at: AppTest) -> dict[str, dict[str, Any]]:
    """The panels that do not follow the slider."""
    return {panel["title"]: panel for panel in component(at, BOARD)["panels"] if panel}


def ids(panel: dict[str, Any]) -> list[str]:
    return [token[1] for token in panel["tokens"]]


def opened(data: dict[str, Any], tokens: list[int], made: int) -> list[int]:
    """What the browser makes of tokens after all merges, by other code: one part after the other, again and again."""
    while any(token >= 256 + made for token in tokens):
        pairs = data["learned"]["pairs"]
        tokens = [part for token in tokens for part in (pairs[token - 256][:2] if token >= 256 + made else [token])]
    return tokens


def slider_at(at: AppTest) -> int:
    """Where the slider is put."""
    return int(component(at, BOARD)["passed"]["merges"])


def byte_pair(at: AppTest) -> list[int]:
    """The tokens of byte-pair that the browser draws first."""
    data = component(at, BOARD)
    return opened(data, data["typed"]["ids"], data["passed"]["merges"])[: data["most"]]


def labels(at: AppTest, tokens: list[int]) -> list[str]:
    learned = component(at, BOARD)["learned"]
    return [(learned["boxes"] or learned["labels"])[token] for token in tokens]


def steps(at: AppTest) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(component(at, BOARD)["steps"])
    return found


def on_the_board(at: AppTest, **change: Any) -> AppTest:
    """As the visitor does on the board: the browser tells what is set, and numbers what it tells."""
    passed = component(at, BOARD)["passed"]
    before = (at.session_state[BOARD] or {}).get("event") if BOARD in at.session_state else None
    event = {**passed, "opened": None, **(before or {}), **change}
    at.session_state[BOARD] = {"event": {**event, "turn": max(passed["turn"], (before or passed)["turn"]) + 1}}
    return go(at)


def tokens_table(at: AppTest) -> list[Sequence[Any]]:
    """The rows of the download of tokens."""
    return list(tables(at.session_state["_tokenizers_shown"])["tokens"][1]())
