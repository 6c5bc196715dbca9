"""The autograd page's first part: a typed expression, its graph, and backward one visit at a time."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

import streamlit as st

from explorer.inspection.autograd import (
    BackwardState,
    GraphReading,
    after,
    contributions,
    read_expression,
    torch_gradients,
)
from explorer.ui import frame
from explorer.ui.components.value_graph import shown_number, value_graph
from explorer.ui.state import KEPT, text_box
from explorer.ui.words import literal

LECTURE = """a = 2
b = -3
c = 10
e = a*b
d = e + c
f = -2
L = d * f"""
README = """a = -4
b = 2
c = a + b
d = a*b + b**3
c += c + 1
c += 1 + c + (-a)
d += d*2 + (b + a).relu()
d += 3*d + (b - a).relu()
e = c - d
f = e**2
g = f / 2
g += 10 / f"""
REUSED = """a = 3
b = a + a
y = a*b"""
NEURON = """x1 = 2
w1 = -3
x2 = 0
w2 = 1
b = 6.8814
n = x1*w1 + x2*w2 + b
o = tanh(n)"""
DEAD = """x = -2
w = 3
h = relu(w*x)
y = 5*h + 1"""

_STEP, _TEXT, _STEPPED = "autograd_step", "autograd_text", "_autograd_stepped"


def opened(text: str, step: int = 0) -> dict[str, Any]:
    """The control settings that show an expression after so many visits of backward."""
    return {_TEXT: text, _STEP: step, _STEPPED: text}


def show_expression() -> None:
    """The box for the expression, the graph with its buttons, and what happens in words and numbers."""
    text = text_box(
        "Expression: one line a step, or several separated by “;”",
        key=_TEXT,
        default=LECTURE,
        height=210,
        help="Names, numbers, + − * / **, brackets, and relu, tanh, exp, log, sigmoid. “#” begins a remark.",
    )
    reading = None
    with frame.problems_in_place():
        reading = read_expression(text)
    if reading is None:
        return
    state = _stepping(reading, text)
    # A live region: a screen reader says what the step did. Its height is kept, so that the graph does not jump.
    st.html(f'<p role="status" style="margin:0;min-height:3em">{escape(step_in_words(reading, state))}</p>')
    uses = [int((reading.sources == i).sum()) for i in range(len(reading.names))]
    most_used = max(reading.inputs, key=lambda i: uses[i])
    chosen = value_graph(reading, state, key="autograd_graph", chosen=most_used)
    st.markdown(literal(sum_in_words(reading, state, chosen)))
    st.caption(
        "A dashed box still waits for shares of its gradient, a thick one is final, “▶” marks the value visited now. The "
        "number on a line is the local slope: how much the result changes for a small change of the operand. Click a "
        "box, or reach it with Tab and press Enter, to see its sum."
    )
    _show_table(reading, text)


def _stepping(reading: GraphReading, text: str) -> BackwardState:
    """The buttons and the slider of the visits; another expression begins at its start."""
    last = len(reading.visits)
    if st.session_state.get(_STEPPED, text) != text:
        st.session_state[_STEP] = 0
    st.session_state[_STEPPED] = text
    st.session_state[_STEP] = min(int(st.session_state.get(_STEP, _arriving_step())), last)
    step = st.session_state[_STEP]
    with st.container(horizontal=True, key="autograd_buttons"):
        _button("first", "Back to start", step > 0, 0)
        _button("previous", "Previous", step > 0, step - 1)
        _button("next", "Next", step < last, step + 1, primary=True)
        _button("all", "Run all", step < last, last)
    st.slider("Visits of the backward pass", 0, last, key=_STEP, **KEPT)
    return after(reading, int(st.session_state[_STEP]))


def _arriving_step() -> int:
    """The step that a shared address names; the slider itself is not there yet to read it."""
    named = st.query_params.get(_STEP, "")
    return int(named) if named.isascii() and named.isdigit() and len(named) < 5 else 0


def _button(name: str, label: str, enabled: bool, step: int, primary: bool = False) -> None:
    st.button(
        label,
        key=f"autograd_{name}",
        type="primary" if primary else "secondary",
        disabled=not enabled,
        on_click=lambda: st.session_state.update({_STEP: step}),
    )


def step_in_words(reading: GraphReading, state: BackwardState) -> str:
    """What the last visit did, with its numbers."""
    root = reading.names[-1]
    if state.current is None:
        return (
            f"Forward is done: {root} = {shown_number(float(reading.data[-1]))}. Backward begins with ∂{root}/∂{root} = 1, "
            f"since {root} changes exactly as much as itself. Press Next."
        )
    name = reading.names[state.current]
    upstream = float(state.grad[state.current])
    passed = shown_number(upstream)
    shares = [
        f"{reading.names[source]} gets {_bracketed(slope)} × {_bracketed(upstream)} = {shown_number(slope * upstream)}"
        for source, slope, now in zip(reading.sources, reading.slopes.tolist(), state.by_current, strict=True)
        if now
    ]
    end = " Every gradient is final." if state.step == len(reading.visits) else ""
    visit = f"Visit {state.step} of {len(reading.visits)}: {name}, whose gradient {passed} is final."
    return f"{visit} {'; '.join(shares)}.{end}"


def sum_in_words(reading: GraphReading, state: BackwardState, node: int) -> str:
    """The chosen value's gradient as the sum of what has arrived: “∂g/∂a = 0.5 × 2 (through c) + … = 3”."""
    root, name = reading.names[-1], reading.names[node]
    left = f"∂{root}/∂{name} = "
    if node == reading.root:
        return f"{left}1: the end of the calculation, where backward begins."
    shares = contributions(reading, state, node)
    uses = int((reading.sources == node).sum())
    if not shares:
        return f"{left}? Nothing has reached {name} yet; it is used {_times(uses)}."
    terms = [
        f"{_bracketed(share.slope)} × {_bracketed(share.upstream)} (through {reading.names[share.result]})"
        for share in shares
    ]
    total = shown_number(float(state.grad[node]))
    missing = uses - len(shares)
    rest = f" so far; {missing} of {uses} shares are still to come." if missing else "."
    added = f" {name} is used {_times(uses)}, so its shares add." if uses > 1 else ""
    return f"{left}{' + '.join(terms)} = {total}{rest}{added}"


def _times(n: int) -> str:
    return {1: "once", 2: "twice"}.get(n, f"{n} times")


def _bracketed(value: float) -> str:
    number = shown_number(value)
    return f"({number})" if number.startswith("−") else number


def _show_table(reading: GraphReading, text: str) -> None:
    """Every value with its gradient, and PyTorch's beside it."""
    rows = table_rows(reading, text)
    frame.shown("autograd").update(rows=rows)
    largest = max(abs(row[3] - row[4]) for row in rows)
    with st.expander(f"All {len(rows)} values, and PyTorch's gradients: the largest difference is {largest:.1e}"):
        st.dataframe(
            dict(zip(COLUMNS, map(list, zip(*rows, strict=True)), strict=True)),
            hide_index=True,
            column_config={name: st.column_config.NumberColumn(format="%.4f") for name in COLUMNS[2:5]}
            | {COLUMNS[5]: st.column_config.NumberColumn(format="%.1e")},
        )


COLUMNS = ("value", "made as", "data", "gradient", "gradient by PyTorch", "difference")


def table_rows(reading: GraphReading, text: str) -> Sequence[tuple[Any, ...]]:
    """The table's rows, under COLUMNS, after the whole backward pass."""
    theirs = torch_gradients(text)
    return [
        (name, operation or "given", data, grad, their, abs(grad - their))
        for name, operation, data, grad, their in zip(
            reading.names,
            reading.operations,
            reading.data.tolist(),
            reading.grad.tolist(),
            theirs.tolist(),
            strict=True,
        )
    ]
