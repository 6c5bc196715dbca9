"""What merges buy and cost: bytes per token against their number, and the same sentence in many scripts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import streamlit as st

from explorer.figures.tokenizers import compression_chart
from explorer.inspection.sentences import SAMPLES
from explorer.inspection.tokenizers import CompressionReading, CostReading, Reader, cost_of, open_cost
from explorer.ui import frame
from explorer.ui.arithmetic import show_arithmetic
from explorer.ui.components.coloured_tokens import coloured_tokens
from explorer.ui.components.matrix import Cell, Matrix, matrix
from explorer.ui.sections.tokenizers_drawing import panel_of
from explorer.ui.state import KEPT, cell_in_address, remember_cell

PER_CHARACTER, AGAINST_ENGLISH = "tokens per character", "tokens, English = 1"
THAI, BYTE_PAIR = 10, 3  # the cell that is open at first
WIDTHS = [64, 128, 384, 768, 1600]  # of a token's vector, in small models up to the largest GPT-2


@st.fragment
def show_compression(reading: CompressionReading, shown: dict[str, Any]) -> None:
    """Bytes per token on held-out text against the number of merges, and the size of the table they need."""
    shown["compression"] = reading
    width = st.select_slider("Width d: numbers in the vector of one token", WIDTHS, 768, key="tokenizers_width", **KEPT)
    table = (256 + reading.merges) * int(width)
    chart = compression_chart(reading.merges, reading.learned_from, reading.held_out, table)
    alt = "Bytes per token against the number of merges, on held-out text and on the text learned from"
    st.echarts_chart(chart, height=410, key="tokenizers_compression", alt=f"{alt}; below, the size of the token table")
    last, held = int(reading.merges[-1]), reading.held_out
    if np.isnan(held).all():
        st.caption("Nothing was held out: the text is too short to set a part of it aside.")
        return
    half = int(np.searchsorted(reading.merges, last / 2))
    st.caption(
        f"On text that was held out, {last:,} merges carry {held[-1]:.2f} bytes a token, "
        f"{int(reading.merges[half]):,} carry {held[half]:.2f}, none carries {held[0]:.2f}. The token table grows by "
        f"d = {width:,} numbers with every merge: {int(table[0]):,} at first, {int(table[-1]):,} at the end."
    )


@st.fragment
def show_cost(readers: Sequence[Reader], shown: dict[str, Any]) -> None:
    """The samples by tokenizers as a matrix; the chosen cell as tokens and as a division."""
    reading = shown["cost"] = cost_of(SAMPLES, readers)
    measure = st.segmented_control(
        "Measure",
        [PER_CHARACTER, AGAINST_ENGLISH],
        default=PER_CHARACTER,
        required=True,
        key="tokenizers_measure",
        **KEPT,
    )
    values = reading.per_character if measure == PER_CHARACTER else reading.against_first
    wall, opened = st.columns([2, 3], gap="large")
    first = Cell(0, THAI, min(BYTE_PAIR, len(readers) - 1))
    with wall:
        cell = matrix(
            Matrix(
                values,
                row_labels=[sample.name for sample in reading.samples],
                column_labels=reading.readers,
                text=_cell_texts(reading, values),
                low=0.0,
                gamma=1.6,
            ),
            key="tokenizers_cost",
            alt=f"Cost of {len(SAMPLES)} texts under {len(readers)} tokenizers: {measure}",
            row_axis="text",
            column_axis="tokenizer",
            value_format=2,
            min_cell=40,
            selected=cell_in_address("tokenizers_cell", first),
            masked_label="no translation" if measure == AGAINST_ENGLISH else "refused",
        )
        st.caption("In each cell: the measure, below it the number of tokens; “✗3” says that 3 characters are lost.")
    cell = cell or first
    remember_cell("tokenizers_cell", cell, first)
    sample, reader = reading.samples[cell.row], readers[cell.column]
    with opened, frame.problems_in_place():
        panel = panel_of(f"{sample.name}, {reader.name}", reader.cut(sample.text), reader.vocab_size, whitespace=True)
        coloured_tokens([panel], key="tokenizers_cost_tokens", alt=f"The text “{sample.name}” cut by {reader.name}")
        opened_cell = open_cost(reading, cell.row, cell.column, against_first=measure == AGAINST_ENGLISH)
        show_arithmetic(opened_cell, key="tokenizers_cost_sum")


def _cell_texts(reading: CostReading, values: np.ndarray) -> list[list[str]]:
    """The measure over the number of tokens, with the characters that are lost."""
    texts = []
    for s in range(len(reading.samples)):
        row = []
        for k in range(len(reading.readers)):
            if np.isnan(values[s, k]):
                row.append("–")
                continue
            lost = f" ✗{reading.lost[s, k]}" if reading.lost[s, k] else ""
            row.append(f"{values[s, k]:.2f}\n{reading.tokens[s, k]:.0f}{lost}")
        texts.append(row)
    return texts
