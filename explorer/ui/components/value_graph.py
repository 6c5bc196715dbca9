"""`value_graph`: the graph of a computation, a box a value, the local slope on each line, backward shown as it comes.

Example, in a Streamlit script:

    reading = read_expression("a = 2; b = 3; y = a*b + a")
    chosen = value_graph(reading, after(reading, 1), key="graph", chosen=0)
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from typing import Any

import streamlit as st

from explorer.figures.autograd import GraphLayout, graph_layout
from explorer.inspection.autograd import BackwardState, GraphReading
from explorer.ui.components.assets import read_assets

_COLUMN, _ROW, _MARGIN = 166, 92, (62, 52)  # CSS pixels
_LONGEST_TITLE = 14  # characters

_mount = st.components.v2.component(
    "explorer_value_graph",
    html=read_assets("value_graph.html"),
    css=read_assets("value_graph.css"),
    js=read_assets("value_graph.js"),
)


def value_graph(reading: GraphReading, state: BackwardState, *, key: str, chosen: int) -> int:
    """Draw the graph as backward stands in `state`; return the node that the visitor chose, else `chosen`.

    A click, a tap, Enter or Space on a box chooses it and reruns the script (or its fragment) once. The choice holds
    for this graph; another expression begins with its own `chosen`. The picture scrolls to the node visited last.
    """
    graph = hashlib.blake2b(repr((reading.names, reading.operations)).encode(), digest_size=8).hexdigest()
    node = _choice(st.session_state.get(key), graph, chosen, len(reading.names))
    data = _drawing(reading, state, node) | {"graph": graph}
    return _choice(_mount(key=key, data=data, on_choice_change=lambda: None), graph, chosen, len(reading.names))


def shown_number(value: float) -> str:
    """At most four decimals, as many as needed; powers of ten for the very large and the very small."""
    if value and not 1e-4 <= abs(value) < 1e6:
        return f"{value:.3g}".replace("-", "−")
    return (f"{value:.4f}".rstrip("0").rstrip(".") or "0").replace("-", "−")


def _choice(held: Any, graph: str, chosen: int, n: int) -> int:
    choice = held.get("choice") if isinstance(held, Mapping) else None
    if not isinstance(choice, Mapping) or choice.get("of") != graph:
        return chosen
    node = choice.get("node")
    return node if isinstance(node, int) and 0 <= node < n else chosen


def _drawing(reading: GraphReading, state: BackwardState, chosen: int) -> dict[str, Any]:
    layout = graph_layout(len(reading.names), reading.sources.tolist(), reading.targets.tolist())
    nodes = [_node(reading, state, layout, i) | {"chosen": i == chosen} for i in range(len(reading.names))]
    follow = reading.root if state.current is None else state.current
    said = f"{sum(state.final)} of {len(nodes)} gradients are final" if state.step else "no gradient has been sent yet"
    return {
        "alt": f"Graph of {len(nodes)} values from inputs on the left to {reading.names[-1]} on the right; {said}",
        "width": int(layout.columns.max() * _COLUMN + 2 * _MARGIN[0]),
        "height": int(max(row for path in layout.paths for _, row in path) * _ROW + 2 * _MARGIN[1]),
        "nodes": nodes,
        "edges": _edges(reading, state, layout),
        "follow": follow,
    }


def _at(column: float, row: float) -> tuple[float, float]:
    return round(_MARGIN[0] + column * _COLUMN, 1), round(_MARGIN[1] + row * _ROW, 1)


def _node(reading: GraphReading, state: BackwardState, layout: GraphLayout, i: int) -> dict[str, Any]:
    is_current = i == state.current
    receives = any(state.by_current[reading.sources == i])
    name, operation, data = reading.names[i], reading.operations[i], shown_number(float(reading.data[i]))
    grad = shown_number(float(state.grad[i])) if state.reached[i] else "–"
    flag = "▶ visited now" if is_current else "+ receives" if receives else ""
    kind = "current" if is_current else "final" if state.final[i] and state.reached[i] else "waiting"
    words = {"current": "visited now", "final": "final", "waiting": "not final yet"}[kind]
    # A box that is titled with its calculation shows the sign already.
    sign = reading.signs[i] if operation != name else ""
    x, y = _at(float(layout.columns[i]), float(layout.rows[i]))
    made = f" = {operation}" if operation and operation != name else ""
    return {
        "x": x,
        "y": y,
        "name": name if len(name) <= (room := 9 if sign else _LONGEST_TITLE) else name[: room - 1] + "…",
        "sign": sign,
        "data": data,
        "grad": grad,
        "flag": flag,
        "state": kind,
        "spoken": f"{name}{made}, data {data}, gradient {grad if grad != '–' else 'none yet'}, {words}",
    }


def _edges(reading: GraphReading, state: BackwardState, layout: GraphLayout) -> list[dict[str, Any]]:
    pairs = list(zip(reading.sources.tolist(), reading.targets.tolist(), strict=True))
    arriving = Counter(target for _, target in pairs)
    # Lines into one box arrive apart, the higher operand above, so that each slope can be read.
    order = sorted(range(len(pairs)), key=lambda e: (layout.paths[e][-2][1], e))
    placed: Counter[int] = Counter()
    shifts = {}
    for edge in order:
        target = pairs[edge][1]
        shifts[edge] = (placed[target] - (arriving[target] - 1) / 2) * 24
        placed[target] += 1
    return [
        {
            "points": [_at(*point) for point in layout.paths[e]],
            "slope": f"× {shown_number(float(reading.slopes[e]))}",
            "shift": shifts[e],
            "state": "now" if state.by_current[e] else "sent" if state.sent[e] else "idle",
        }
        for e in range(len(pairs))
    ]
