"""Several heads side by side: their maps, their results joined, and the projection that mixes them."""

from __future__ import annotations

from typing import Any

import streamlit as st

from explorer.core.attention_masks import multiply_adds
from explorer.inspection.arithmetic import CellArithmetic
from explorer.inspection.attention_heads import HeadsReading, open_joined, open_projected, read_heads
from explorer.inspection.attention_steps import open_step
from explorer.ui.arithmetic import show_arithmetic
from explorer.ui.components.matrix import Cell, Matrix, matrix
from explorer.ui.sections.attention_setting import Setting
from explorer.ui.state import KEPT, cell_in_address, remember_cell


def show_heads(setting: Setting, shown: dict[str, Any]) -> None:
    """Every head's map, concat and projection, their shapes, and any cell's arithmetic."""
    mask = bool(st.toggle("Causal mask: nobody looks ahead", True, key="attention_mask", **KEPT))
    reading = shown["heads"] = read_heads(setting.layer, mask=mask)
    labels = setting.prompt.labels
    H, d = setting.layer.n_heads, setting.layer.head_size
    many = "head" if H == 1 else "heads"
    st.markdown(
        f"**{H} {many} of {d} channels.** One head has one map: one way of looking at a time. Several heads share the "
        "channels, each with its own queries, keys and values; what they fetch is put side by side, and the projection "
        "mixes it."
    )
    first = Cell(0, len(labels) - 1, 0)
    cell = matrix(
        [
            Matrix(one, title=f"head {h}", row_labels=labels, column_labels=labels, low=0.0, high=1.0, gamma=2.0)
            for h, one in enumerate(reading.patterns)
        ],
        key="attention_heads_wall",
        alt=f"The attention maps of {H} {many} on the prompt",
        row_axis="looks",
        column_axis="at",
        link="attention_heads",
        max_cell=22,
        selected=cell_in_address("attention_heads_cell", first),
    )
    cell = cell or first
    remember_cell("attention_heads_cell", cell, first)
    opened = open_step(reading.heads[cell.matrix], "pattern", cell.row, cell.column, labels)
    show_arithmetic(opened, key="attention_heads_opened")
    _show_joined(reading, labels)
    _show_shapes(reading)


def _show_joined(reading: HeadsReading, labels: tuple[str, ...]) -> None:
    """Concat and projection, linked to the maps by the hovered row."""
    st.subheader("Concat and projection", anchor=False)
    H, d = reading.layer.n_heads, reading.layer.head_size
    channels = [f"{h}.{c}" for h in range(H) for c in range(d)]
    parts = [
        Matrix(reading.joined, title="concat", scale="diverging", row_labels=labels, column_labels=channels),
    ]
    if reading.projected is not None:
        parts.append(Matrix(reading.projected, title="projection", scale="diverging", row_labels=labels))
    first = Cell(0, len(labels) - 1, 0)
    cell = matrix(
        parts,
        key="attention_joined",
        alt="The heads' results side by side, named head.channel, and what the projection makes of them",
        row_axis="token",
        column_axis="channel",
        link="attention_heads",
        max_cell=16,
        selected=cell_in_address("attention_joined_cell", first),
    )
    cell = cell or first
    remember_cell("attention_joined_cell", cell, first)
    show_arithmetic(_open(reading, cell, labels), key="attention_joined_opened")
    if reading.projected is None:
        st.caption("This model has one head and no projection: there is nothing to mix.")
    st.caption(f"The same layer computed in one go differs by {reading.difference:.1e} at most, which is rounding.")


def _open(reading: HeadsReading, cell: Cell, labels: tuple[str, ...]) -> CellArithmetic:
    opener = open_joined if cell.matrix == 0 else open_projected
    return opener(reading, cell.row, cell.column, labels)


def _show_shapes(reading: HeadsReading) -> None:
    T, inner = reading.joined.shape
    st.markdown("**Shapes**, on this prompt")
    st.dataframe(
        {
            "step": [name for name, _, _ in reading.shapes],
            "how": [how for _, how, _ in reading.shapes],
            "shape": [" × ".join(map(str, shape)) for _, _, shape in reading.shapes],
        },
        hide_index=True,
    )
    H, d = reading.layer.n_heads, reading.layer.head_size
    cost = H * multiply_adds(T * T, d)
    st.caption(
        f"Q Kᵀ and pattern × V of all heads, without saving on what is masked: 2 · H · T² · d = {cost:,} multiply-adds. One "
        f"head of {inner} channels takes {multiply_adds(T * T, inner):,}: cutting the channels into heads costs nothing."
    )
