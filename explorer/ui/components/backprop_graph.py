"""`backprop_graph`: the steps of the MLP from characters to loss, a box a tensor with its shape and how far its gradient is.

Example, in a Streamlit script:

    backprop_graph(shapes, states, asked="logits", key="graph", on_choose=lambda name: st.session_state.update(at=name))
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

import streamlit as st

from explorer.figures.manual_backprop import COLUMNS, EDGES, PLACES
from explorer.ui.components.assets import read_assets

State = Literal["open", "solved", "shown", "given"]
_MARKS = {"open": "?", "solved": "✓", "shown": "○", "given": ""}
_WORDS = {"open": "gradient not found yet", "solved": "gradient found", "shown": "gradient looked up"}
_PARAMETERS = ("C", "W1", "b1", "gain", "bias", "W2", "b2")

_mount = st.components.v2.component(
    "explorer_backprop_graph",
    html=read_assets("backprop_graph.html"),
    css=read_assets("backprop_graph.css"),
    js=read_assets("backprop_graph.js"),
)


def backprop_graph(
    shapes: Mapping[str, tuple[int, ...]],
    states: Mapping[str, State],
    *,
    asked: str,
    key: str,
    on_choose: Callable[[str], None],
) -> None:
    """Draw the graph; a click, a tap, Enter or Space on a box calls `on_choose` with its name before the rerun.

    shapes: of every tensor in `figures.manual_backprop.PLACES`. states: of those whose gradient is asked for; what has
    none was given. The gradient of `asked` comes along the thick lines.
    """

    def chosen() -> None:
        held = st.session_state.get(key)
        choice = held.get("choice") if isinstance(held, Mapping) else None
        name = choice.get("name") if isinstance(choice, Mapping) else None
        if isinstance(name, str) and name in states:
            on_choose(name)

    _mount(key=key, data=_drawing(shapes, states, asked), on_choice_change=chosen)


def _drawing(shapes: Mapping[str, tuple[int, ...]], states: Mapping[str, State], asked: str) -> dict[str, Any]:
    order = list(PLACES)
    found = sum(state == "solved" for state in states.values())
    return {
        "alt": f"Graph of {len(order)} tensors from the characters to the loss; asked now: the gradient of {asked}; "
        f"{found} of {len(states)} found",
        "asked": asked,
        "columns": COLUMNS,
        "nodes": [_node(name, shapes[name], states.get(name, "given"), asked) for name in order],
        "edges": [
            {"from": order.index(source), "to": order.index(target), "back": source == asked}
            for source, target in EDGES
        ],
    }


def _node(name: str, shape: tuple[int, ...], state: State, asked: str) -> dict[str, Any]:
    band, column, lane = PLACES[name]
    size = "×".join(map(str, shape)) if shape else "one number"
    said = f", {_WORDS[state]}" if state in _WORDS else ""
    return {
        "name": name,
        "shape": size,
        "mark": f"▶{_MARKS[state]}" if name == asked else _MARKS[state] or ("∂ = 1" if name == "loss" else ""),
        "state": "asked" if name == asked else state,
        "kind": "parameter" if name in _PARAMETERS else "tensor",
        "band": band,
        "column": column,
        "lane": lane,
        "spoken": f"{name}, {size.replace('×', ' by ')}{said}{', asked now' if name == asked else ''}",
    }
