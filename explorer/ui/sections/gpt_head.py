"""The second part of GPT inside: one head taken apart, from q · k to the next tokens that it pushes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from explorer.figures.gpt import channel_chart, pushed_chart, pushed_height
from explorer.inspection.attention import STAGES, HeadStages, head_stages, open_cell, shrink_maps
from explorer.inspection.head_writing import channel_products, read_writing
from explorer.ui import frame
from explorer.ui.arithmetic import show_arithmetic
from explorer.ui.components.matrix import Cell, Matrix, matrix
from explorer.ui.sections.gpt_wall import open_head, read, show_arcs
from explorer.ui.state import cell_in_address, remember_cell
from explorer.ui.words import literal

if TYPE_CHECKING:
    from explorer.inspection.gpt_heads import HeadsReading
    from explorer.models.checkpoints import Checkpoint
    from explorer.ui.pickers import Prompt

STAGE_CELL = Cell(1, 0, 0)
WHOLE = 128  # tokens up to which the stages are shown whole
REGION = 64  # tokens on a side of the part that is shown of a longer prompt
PUSHED = 8  # tokens that a head raises most, and as many that it lowers most

TITLES = {
    "dot": "1 · Q Kᵀ",
    "scaled": "2 · ÷ √d",
    "masked": "3 · masked",
    "pattern": "4 · softmax",
    "mixed": "5 · × V",
}


def show_one_head(loaded: Checkpoint, prompt: Prompt) -> None:
    """Arcs, the stages with any cell's arithmetic, one pair of tokens channel by channel, and what the head writes."""
    reading = read(loaded, prompt)
    L, H = reading.maps.shape[:2]
    layer, head = open_head(L, H)
    remember_cell("head", Cell(layer * H + head, 0, 0), Cell(0, 0, 0))
    frame.shown("gpt")["head"] = (reading, layer, head)
    st.subheader(f"Layer {layer}, head {head} opened", anchor=False)
    if show_arcs(reading, prompt, layer, head).disabled:
        st.caption("What is drawn here is the whole model; heads switched off change the bars of part 1.")
    stages = head_stages(reading, layer, head)
    row, column = _show_stages(stages, prompt)
    _show_pair(stages, prompt, row, column)
    _show_writing(loaded, reading, stages, prompt, (layer, head, row))


def _show_stages(stages: HeadStages, prompt: Prompt) -> tuple[int, int]:
    """Five matrices and the arithmetic of the chosen cell; returns the query and the key that it is about."""
    T, d = stages.queries.shape
    st.markdown(
        f"**How the map comes about**, for these {T:,} tokens and {d} channels a head. Each token has a *query* (what it "
        "asks for), a *key* (what it answers to) and a *value* (what it hands over): rows of Q, K and V. Hover a row to "
        "follow one token through the stages; click a cell for its arithmetic."
    )
    rows, columns = _region(stages, prompt.labels)
    cell = matrix(
        _stage_matrices(stages, prompt.labels, rows, columns),
        key="gpt_stages",
        alt="Five stages of one head: dot products, scaled, masked, softmax, and the mix of values",
        row_axis="query",
        column_axis="key (in 5: channel)",
        value_format=3,
        masked_label="masked: a token may not look ahead",
        per_row=3,
        min_cell=7,
        selected=cell_in_address("stage", STAGE_CELL),
    )
    cell = cell or STAGE_CELL
    remember_cell("stage", cell, STAGE_CELL)
    row = rows.start + cell.row
    column = cell.column if STAGES[cell.matrix] == "mixed" else columns.start + cell.column
    show_arithmetic(open_cell(stages, STAGES[cell.matrix], row, column, prompt.labels), key="gpt_cell")
    if STAGES[cell.matrix] == "mixed":
        column = int(stages.pattern[row].argmax())
    return row, column


def _region(stages: HeadStages, labels: tuple[str, ...]) -> tuple[slice, slice]:
    """The rows and columns that are shown: all of a short prompt; of a long one those around a cell of the whole map."""
    T = len(labels)
    if T <= WHOLE:
        return slice(0, T), slice(0, T)
    maps, block = shrink_maps(stages.pattern, WHOLE)
    names = [f"{i} {labels[i]}…" for i in range(0, T, block)]
    first = Cell(0, maps.shape[0] - 1, maps.shape[1] - 1)
    st.markdown(
        f"The whole map of {T:,} tokens; a cell is the largest of {block} × {block}. **Click a place to zoom in**: "
        f"below are the {REGION} rows and {REGION} columns around it, worked out cell by cell."
    )
    whole = Matrix(maps, row_labels=names, column_labels=names, low=0.0, high=1.0, gamma=2.0)
    given = cell_in_address("zoom", first)
    chosen = matrix(
        whole,
        key="gpt_zoom",
        alt=f"The whole map of one head, each cell the largest of {block} by {block}",
        row_axis="looks",
        column_axis="at",
        max_cell=4,
        selected=given if max(given.row, given.column) < maps.shape[0] else first,
    )
    chosen = chosen or first
    remember_cell("zoom", chosen, first)
    starts = [min(max(0, at * block - REGION // 2), T - REGION) for at in (chosen.row, chosen.column)]
    rows, columns = (slice(start, start + REGION) for start in starts)
    st.caption(f"Rows {rows.start} to {rows.stop - 1}, columns {columns.start} to {columns.stop - 1}.")
    return rows, columns


def _stage_matrices(stages: HeadStages, labels: tuple[str, ...], rows: slice, columns: slice) -> list[Matrix]:
    """Scores diverge around 0, probabilities grow from 0 to 1, values diverge."""
    names: dict[str, Any] = {"row_labels": labels[rows], "column_labels": labels[columns]}

    def scores(name: str) -> Matrix:
        values: np.ndarray = getattr(stages, name)
        return Matrix(values[rows, columns], title=TITLES[name], scale="diverging", **names)

    return [
        scores("dot"),
        scores("scaled"),
        scores("masked"),
        Matrix(stages.pattern[rows, columns], title=TITLES["pattern"], low=0.0, high=1.0, gamma=2.0, **names),
        Matrix(stages.mixed[rows], title=TITLES["mixed"], scale="diverging", row_labels=labels[rows]),
    ]


def _show_pair(stages: HeadStages, prompt: Prompt, row: int, column: int) -> None:
    """q · k of the chosen pair of tokens, channel by channel."""
    asks, answers = (f"{i} “{literal(prompt.labels[i])}”" for i in (row, column))
    st.subheader("Why this score? q · k, channel by channel", anchor=False)
    products = channel_products(stages, row, column)
    d, total = len(products), float(products.sum())
    order = np.argsort(-np.abs(products), kind="stable")[: min(3, d)]
    largest = ", ".join(f"{c} ({products[c]:+.2f})" for c in order)
    masked = " The mask hides this key from this query, so softmax never sees the score." if column > row else ""
    st.markdown(
        f"Query of token {asks}, key of token {answers}; click another cell of maps 1 to 4 for another pair. Each channel "
        f"multiplies one number of the query by one of the key. The {d} products add up to {total:.3f}; divided by √{d} "
        f"that is **{total / math.sqrt(d):.3f}**, the score in map 2. The largest: channel {largest}.{masked}"
    )
    st.echarts_chart(
        channel_chart(products),
        height=300,
        key="gpt_channels",
        alt=f"Query times key in each of {d} channels, adding up to {total:.2f}; the largest in channel {order[0]}",
    )


def _show_writing(
    loaded: Checkpoint, reading: HeadsReading, stages: HeadStages, prompt: Prompt, at: tuple[int, int, int]
) -> None:
    """The next tokens that the head's output raises and lowers, at the chosen query."""
    layer, head, row = at
    st.subheader("What it writes", anchor=False)
    with frame.problems_in_place():
        writing = read_writing(loaded.model, stages, reading.final, layer, head, row)
        labels = loaded.tokenizer.labels
        tokens = writing.largest(PUSHED)
        best, worst = tokens[0], tokens[-1]
        st.markdown(
            f"At token {row} “{literal(prompt.labels[row])}” the head mixes values (map 5, row {row}), and its part of the "
            f"projection turns the mix into a vector of length {float(np.linalg.norm(writing.vector)):.2f}, added to the "
            "stream. Read at once by the final norm (with the divisor of this pass) and the unembedding, it raises the "
            f"next token “{literal(labels[best])}” most, by {writing.logits[best]:+.2f}, and lowers "
            f"“{literal(labels[worst])}” most, by {writing.logits[worst]:+.2f}. A *logit* that is 0.69 higher doubles a "
            "token's odds. This is the direct path alone: later layers read what it wrote, too."
        )
        st.echarts_chart(
            pushed_chart([labels[token] for token in tokens], writing.logits[tokens]),
            height=pushed_height(len(tokens)),
            key="gpt_pushed",
            alt=f"Next tokens that the head raises, “{labels[best]}” most, and lowers, “{labels[worst]}” most",
        )
        st.caption("Less the mean over all tokens: a number added to every logit changes no probability.")
