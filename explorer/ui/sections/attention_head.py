"""One head, step by step: Q, K, V, scores, scale, mask, softmax, mix; and what the scale is for."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from explorer.figures.attention import head_size_chart
from explorer.inspection.attention_layer import AttentionLayer
from explorer.inspection.attention_scale import DRAWS, ScaleReading, read_scale
from explorer.inspection.attention_steps import HeadSteps, StepName, open_step, take_steps
from explorer.ui.arithmetic import show_arithmetic
from explorer.ui.components.matrix import Cell, Matrix, matrix
from explorer.ui.sections.attention_setting import Setting, mask_and_scale
from explorer.ui.state import cell_in_address, remember_cell

VECTORS: tuple[StepName, ...] = ("queries", "keys", "values")
SCORES: tuple[StepName, ...] = ("dot", "scaled", "masked", "pattern", "mixed")
TITLES = {
    "queries": "Q = x W_q",
    "keys": "K = x W_k",
    "values": "V = x W_v",
    "dot": "Q Kᵀ",
    "scaled": "÷ √d",
    "masked": "mask",
    "pattern": "softmax",
    "mixed": "× V",
}


def show_head(setting: Setting, shown: dict[str, Any]) -> None:
    """The eight steps of the chosen head, a cell's arithmetic, and heads of growing size with and without the scale."""
    mask, scale = mask_and_scale()
    steps = take_steps(setting.layer, setting.head, mask=mask, scale=scale)
    shown["steps"], labels = steps, setting.prompt.labels
    d = steps.head_size
    st.markdown(
        f"**{len(labels)} tokens, {steps.layer.inputs.shape[1]} channels each, a head of {d}.** Every token makes a query "
        "(what it looks for), a key (what it offers) and a value (what it hands over). Hover a row to follow one token "
        "through all steps; click a cell for its arithmetic."
    )
    name, row, column = _panels(steps, labels)
    sums = steps.pattern.sum(axis=1)
    st.caption(
        f"Rows of the softmax map sum to 1: here from {sums.min():.7f} to {sums.max():.7f}. "
        + ("Nothing lies right of the diagonal." if mask else "Without the mask every token sees what comes after it.")
    )
    show_arithmetic(open_step(steps, name, row, column, labels), key="attention_opened")
    _scale_in_use(setting.layer, setting.head, mask)
    _scale_by_size(setting.layer.inputs, d, shown)


def _panels(steps: HeadSteps, labels: tuple[str, ...]) -> tuple[StepName, int, int]:
    """Q, K, V above; the five steps to the result below, linked by row. Returns the step and the cell chosen last."""
    last = len(labels) - 1
    cells = [
        _row_of_panels(
            "vectors",
            [
                Matrix(getattr(steps, name), title=TITLES[name], scale="diverging", row_labels=labels)
                for name in VECTORS
            ],
            Cell(0, last, 0),
            alt="Queries, keys and values of one head: rows are tokens, columns channels",
            row_axis="token",
            column_axis="channel",
        ),
        _row_of_panels(
            "steps",
            [_score_panel(steps, name, labels) for name in SCORES],
            Cell(SCORES.index("pattern"), last, max(0, last - 1)),
            alt="Five steps of one head: dot products, scaled, masked, softmax, and the mix of values",
            row_axis="query",
            column_axis="key (in × V: channel)",
        ),
    ]
    before = st.session_state.get("_attention_cells", cells)
    changed = [i for i in (0, 1) if cells[i] != before[i]]
    which = changed[-1] if changed else int(st.session_state.get("_attention_open", 1))
    st.session_state["_attention_cells"], st.session_state["_attention_open"] = cells, which
    cell = cells[which]
    return (VECTORS, SCORES)[which][cell.matrix], cell.row, cell.column


def _row_of_panels(name: str, panels: list[Matrix], first: Cell, **words: Any) -> Cell:
    """One row of matrices under `attention_{name}`; the chosen cell, which is in the address."""
    cell = matrix(
        panels,
        key=f"attention_{name}",
        value_format=3,
        masked_label="masked: a token may not look ahead",
        link="attention_steps",
        max_cell=16,
        selected=cell_in_address(f"attention_{name}_cell", first),
        **words,
    )
    cell = cell or first
    remember_cell(f"attention_{name}_cell", cell, first)
    return cell


def _score_panel(steps: HeadSteps, name: StepName, labels: tuple[str, ...]) -> Matrix:
    """Scores diverge around 0, probabilities grow from 0 to 1, and the mix has channels for columns."""
    values: np.ndarray = getattr(steps, name)
    kind: dict[str, Any] = {"scale": "diverging"}
    if name == "pattern":
        kind = {"low": 0.0, "high": 1.0, "gamma": 2.0}
    columns = () if name == "mixed" else labels
    return Matrix(values, title=TITLES[name], row_labels=labels, column_labels=columns, **kind)


def _scale_in_use(layer: AttentionLayer, head: int, mask: bool) -> None:
    """This very head with and without ÷ √d."""
    both = [take_steps(layer, head, mask=mask, scale=scale) for scale in (True, False)]
    counts = both[0].allowed.sum(axis=1)
    even = float(np.log(counts[counts > 1]).mean()) if (counts > 1).any() else 0.0
    st.markdown("**This head with and without the scale**, averaged over the rows that have a choice")
    st.dataframe(
        {
            "": [f"÷ √d = √{layer.head_size}", "not divided"],
            "variance of the scores": [round(float(steps.scaled.var()), 3) for steps in both],
            "largest weight in a row": [round(steps.largest_weight, 3) for steps in both],
            f"entropy of a row (nats; looking evenly: {even:.3f})": [round(abs(steps.entropy), 3) for steps in both],
        },
        hide_index=True,
    )


@st.cache_data(max_entries=32, show_spinner=False)
def _measured(inputs: np.ndarray, seed: int) -> ScaleReading:
    return read_scale(inputs, seed)


def _scale_by_size(inputs: np.ndarray, chosen: int, shown: dict[str, Any]) -> None:
    """Fresh heads of growing size on this prompt."""
    st.subheader("Why divide by √d?", anchor=False)
    if len(inputs) < 2:
        st.caption("One token has nothing to choose between: its one weight is 1. Type a second one.")
        return
    seed = int(st.session_state.get("attention_seed", 1))
    reading = shown["scale"] = _measured(inputs, seed)
    small, large = reading.sizes.searchsorted([4, 64])
    grown = reading.variances[1, large] / reading.variances[1, small]
    st.markdown(
        f"Fresh heads of growing size read your prompt, {DRAWS} of each size, averaged. A dot product of d random terms "
        f"has a variance of about d: from d = 4 to 64 it grew {grown:.1f} times here. Softmax of such scores puts most "
        f"weight on one key: at d = 256 the largest weight is {reading.largest[1, -1]:.2f} without the scale, "
        f"{reading.largest[0, -1]:.2f} with it. The slope of softmax is p (1 − p): of a weight p near 0 or 1, hardly "
        "anything of a gradient comes back."
    )
    inside = chosen if reading.sizes[0] <= chosen <= reading.sizes[-1] else None
    drawn: tuple[tuple[str, str, np.ndarray, dict[str, Any]], ...] = (
        ("variance", "variance of the scores", reading.variances, {"logarithmic": True}),
        ("largest", "largest weight in a row", reading.largest, {"limits": {"min": 0, "max": 1}}),
        ("entropy", "entropy of a row (nats)", reading.entropies, {"limits": {"min": 0}}),
    )
    for column, (name, y, values, options) in zip(st.columns(3), drawn, strict=True):
        with column:
            curves = {"÷ √d": values[0], "not divided": values[1]}
            chart = head_size_chart(reading.sizes, curves, y=y, chosen=inside, **options)
            ends = f"at d = 256 {values[0, -1]:.2f} divided by √d, {values[1, -1]:.2f} not divided"
            st.echarts_chart(chart, height=300, key=f"attention_{name}", alt=f"The {y} against the head size: {ends}")


def step_rows(shown: dict[str, Any]) -> list[tuple[Any, ...]]:
    """One row a pair of tokens: every step's number; a masked score is empty."""
    if "steps" not in shown:
        return []
    steps, labels = shown["steps"], shown["labels"]
    T = len(labels)
    return [
        (
            row,
            labels[row],
            column,
            labels[column],
            float(steps.dot[row, column]),
            float(steps.scaled[row, column]),
            bool(steps.allowed[row, column]),
            float(steps.pattern[row, column]),
        )
        for row in range(T)
        for column in range(T)
    ]


def scale_rows(shown: dict[str, Any]) -> list[tuple[Any, ...]]:
    """One row a head size, with the scale and without."""
    reading = shown.get("scale")
    if reading is None:
        return []
    return [
        (int(d), name, float(reading.variances[k, i]), float(reading.largest[k, i]), float(reading.entropies[k, i]))
        for i, d in enumerate(reading.sizes)
        for k, name in enumerate(("divided", "not divided"))
    ]
