"""From a plain average to attention: one map built four ways, then dot products without any weights."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from explorer.inspection.attention_averaging import (
    WAYS,
    WithoutWeights,
    open_average,
    open_without,
    read_averaging,
    read_without_weights,
)
from explorer.ui import frame
from explorer.ui.arithmetic import show_arithmetic
from explorer.ui.components.matrix import Cell, Matrix, matrix
from explorer.ui.sections.attention_setting import Setting, mask_and_scale, scale_only
from explorer.ui.state import cell_in_address, remember_cell
from explorer.ui.words import literal

CODE = {
    "loop": "for t in range(T): average[t] = x[:t+1].mean(0)",
    "triangle": "(tril(ones) ÷ row sums) @ x",
    "softmax of zeros": "softmax(zeros, −∞ above the diagonal) @ x",
    "Q Kᵀ": "softmax(Q Kᵀ ÷ √d, −∞ above the diagonal) @ x",
}


def show_averaging(setting: Setting, shown: dict[str, Any]) -> None:
    """Four maps and what they make of the same vectors."""
    st.markdown(
        "Before a token can use what came earlier, the earlier vectors must become one. The plainest way is their average. "
        "A loop computes it; one matrix product does too; so does a softmax over zeros. That last form leaves a place for "
        "numbers other than zero: how well two tokens fit."
    )
    reading = shown["averaging"] = read_averaging(setting.layer, setting.head, scale=scale_only())
    labels = setting.prompt.labels
    first = Cell(3, len(labels) - 1, 0)
    cell = matrix(
        [
            Matrix(one, title=way, row_labels=labels, column_labels=labels, low=0.0, high=1.0, gamma=2.0)
            for way, one in zip(WAYS, reading.maps, strict=True)
        ],
        key="attention_averaging",
        alt="Four maps of weights: a loop, a triangle, a softmax of zeros, and Q Kᵀ; rows are tokens that look",
        row_axis="token",
        column_axis="counts with weight",
        link="attention_averaging",
        selected=cell_in_address("attention_average_cell", first),
    )
    cell = cell or first
    remember_cell("attention_average_cell", cell, first)
    st.dataframe(
        {
            "way": list(WAYS),
            "what is computed": [CODE[way] for way in WAYS],
            "largest difference from the loop": [f"{d:.1e}" for d in reading.differences],
            "change when reversed": [f"{c:.3f}" for c in reading.reversed_changes],
        },
        hide_index=True,
    )
    same = float(reading.differences[:3].max())
    st.caption(
        f"The first three give the same vectors to {same:.1e}, which is rounding: float32 keeps about seven digits. Last "
        "column: how much a weight changes at most when the same vectors come in reverse order. The first three maps know "
        "nothing but the places; the fourth depends on what stands there."
    )
    show_arithmetic(open_average(reading, cell.matrix, cell.row, cell.column, labels), key="attention_average_opened")


def show_without_weights(setting: Setting, shown: dict[str, Any]) -> None:
    """Every vector as its own query, key and value; plain division beside softmax."""
    st.markdown(
        "Let the vectors themselves say how well they fit: compare each with each by a dot product, x xᵀ. These numbers "
        "must become shares. Dividing each row by its sum is the obvious way; softmax is the one that holds. Whole vectors "
        "of C channels are compared, so here the scale is √C."
    )
    mask, scale = mask_and_scale()
    reading = shown["without"] = read_without_weights(setting.layer.inputs, mask=mask, scale=scale)
    labels = setting.prompt.labels
    first = Cell(2, reading.hardest_row, int(np.abs(np.nan_to_num(reading.divided[reading.hardest_row])).argmax()))
    names: dict[str, Any] = {"row_labels": labels, "column_labels": labels}
    cell = matrix(
        [
            Matrix(reading.dot, title="x xᵀ ÷ √C" if scale else "x xᵀ", scale="diverging", **names),
            Matrix(reading.masked, title="mask", scale="diverging", **names),
            # Pinned, or one row near zero would leave all the others without colour.
            Matrix(reading.divided, title="÷ row sum", scale="diverging", low=-1.0, high=1.0, **names),
            Matrix(reading.softened, title="softmax", low=0.0, high=1.0, gamma=2.0, **names),
        ],
        key="attention_without",
        alt="Dot products of the tokens' vectors, masked, divided by the row's sum, and through softmax",
        row_axis="token",
        column_axis="compared with",
        masked_label="masked, or nothing to divide by",
        link="attention_without",
        selected=cell_in_address("attention_without_cell", first),
    )
    cell = cell or first
    remember_cell("attention_without_cell", cell, first)
    _tell_where_division_fails(reading, labels)
    with frame.problems_in_place():
        opened = open_without(reading, cell.matrix, cell.row, cell.column, labels)
        show_arithmetic(opened, key="attention_without_opened")


def _tell_where_division_fails(reading: WithoutWeights, labels: tuple[str, ...]) -> None:
    row = reading.hardest_row
    weights = reading.divided[row]
    largest = float(np.nan_to_num(weights)[np.abs(np.nan_to_num(weights)).argmax()])
    share, smallest = reading.negative_weights, reading.softened[reading.allowed].min()
    allowed = int(reading.allowed.sum())
    st.markdown(
        f"**Plain division**: {share} of {allowed} weights are negative, so an “average” subtracts. Row {row} "
        f"(“{literal(labels[row])}”) sums to {reading.sums[row]:.3f}; divided by it, its largest weight in size is "
        f"**{largest:.2f}**, where a share is at most 1. **Softmax**: every weight from {smallest:.1e} to "
        f"{reading.softened.max():.3f}, every row sums to 1, whatever the scores."
    )


def averaging_rows(shown: dict[str, Any]) -> list[tuple[Any, ...]]:
    """One row a pair of tokens: the weight in each of the four maps."""
    if "averaging" not in shown:
        return []
    maps, labels = shown["averaging"].maps.tolist(), shown["labels"]
    places = range(len(labels))
    return [(i, labels[i], j, labels[j], *(one[i][j] for one in maps)) for i in places for j in places]
