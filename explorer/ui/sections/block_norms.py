"""LayerNorm beside BatchNorm on the prompt's own vectors: which numbers each mean is taken of."""

from __future__ import annotations

from typing import Any

import streamlit as st

from explorer.inspection.block import stream_of_tokens
from explorer.inspection.block_norms import Kind, open_norm, read_norms
from explorer.ui.arithmetic import show_arithmetic
from explorer.ui.components.matrix import Cell, Matrix, matrix
from explorer.ui.sections.block_setting import Setting, choose_blocks
from explorer.ui.state import cell_in_address, remember_cell
from explorer.ui.words import literal

KINDS: tuple[Kind, Kind] = ("LayerNorm", "BatchNorm")
TOKENS = 24  # rows that are drawn: more would be too flat to point at


def show_norms(setting: Setting, shown: dict[str, Any]) -> None:
    """The tensor, both norms of it, and what each averages for the chosen cell."""
    st.markdown(
        "One tensor, the stream of your prompt: a row a token, a column a channel. Both norms subtract a mean and divide by "
        "a standard deviation. **LayerNorm** takes them along the row, over one token's channels; **BatchNorm** down the "
        "column, over all tokens. Choose a cell: below are the numbers that each averages for it."
    )
    blocks = choose_blocks(setting.depth)
    labels = setting.prompt.labels[-TOKENS:]
    x = stream_of_tokens(setting.model, setting.prompt.ids, blocks)[-TOKENS:]
    reading = shown["norms"] = read_norms(x)
    shown["norm_labels"] = labels
    if len(setting.prompt.labels) > TOKENS:
        st.caption(f"The last {TOKENS} tokens are drawn and averaged.")
    first = Cell(1, 0, 0)
    panels = (  # the two normalised ones share a ramp, so that they can be compared
        ("the tensor x", reading.x, None, None),
        ("after LayerNorm", reading.layer_norm, -3.0, 3.0),
        ("after BatchNorm", reading.batch_norm, -3.0, 3.0),
    )
    cell = matrix(
        [
            Matrix(values, title=title, row_labels=labels, scale="diverging", low=low, high=high)
            for title, values, low, high in panels
        ],
        key="block_norms",
        alt="The stream's vectors, and the same after LayerNorm and after BatchNorm; rows are tokens, columns channels",
        row_axis="token",
        column_axis="channel",
        link="block_norms",
        max_cell=16,
        selected=cell_in_address("block_norm_cell", first),
    )
    cell = cell or first
    remember_cell("block_norm_cell", cell, first)
    for column, kind in zip(st.columns(2, gap="medium"), KINDS, strict=True):
        with column:
            over = f"row {cell.row}, one token" if kind == "LayerNorm" else f"column {cell.column}, one channel"
            st.markdown(f"**{kind}** averages {over}; everything hatched plays no part.")
            matrix(
                Matrix(reading.averaged(kind, cell.row, cell.column), row_labels=labels, scale="diverging"),
                key=f"block_averaged_{kind}",
                alt=f"The numbers that {kind} averages for the chosen cell: {over}",
                row_axis="token",
                column_axis="channel",
                masked_label="not averaged",
                max_cell=12,
            )
            show_arithmetic(open_norm(reading, kind, cell.row, cell.column, labels), key=f"block_norm_opened_{kind}")
    st.markdown(
        f"**Why Transformers use LayerNorm.** Leave out the last token “{literal(labels[-1])}”: numbers of the first token "
        f"change by up to **{reading.leak_batch_norm:.3f}** under BatchNorm and by **{reading.leak_layer_norm:.3f}** under "
        "LayerNorm. A mean over tokens lets the first know of the last, which it is to predict; and a token's result "
        "depends on its company."
    )


def norm_rows(shown: dict[str, Any]) -> list[tuple[Any, ...]]:
    """One row a token and channel."""
    reading = shown.get("norms")
    if reading is None:
        return []
    T, C = reading.x.shape
    panels = (reading.x, reading.layer_norm, reading.batch_norm)
    return [
        (t, shown["norm_labels"][t], c, *(float(panel[t, c]) for panel in panels)) for t in range(T) for c in range(C)
    ]
