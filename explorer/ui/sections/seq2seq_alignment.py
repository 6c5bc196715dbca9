"""An alignment as two linked matrices, scores and shares, whose cells open to their arithmetic."""

from __future__ import annotations

import streamlit as st

from explorer.inspection.seq2seq import open_score, open_share, scores, symbols
from explorer.training.seq2seq import Alignment
from explorer.ui.arithmetic import show_arithmetic
from explorer.ui.components.matrix import Cell, Matrix, matrix
from explorer.ui.state import cell_in_address, remember_cell


def show_alignment(alignment: Alignment, *, key: str, parameter: str, opened: bool = True) -> None:
    """Scores and shares, a row a step of the writing; then the chosen cell's sum and its softmax, if `opened`.

    parameter: the chosen cell's name in the address.
    """
    read, written = symbols(alignment.source), symbols(alignment.written)
    first = Cell(1, 0, int(alignment.weights[0].argmax()))
    cell = matrix(
        [
            Matrix(scores(alignment), "scores v · tanh(Ws + Uh)", written, read, scale="diverging"),
            Matrix(alignment.weights, "shares: softmax of a row", written, read, low=0.0, high=1.0, gamma=1.5),
        ],
        key=key,
        alt=f"Where each of {len(written)} written symbols looked among the {len(read)} symbols read",
        row_axis="written, step by step",
        column_axis="read",
        link=key,
        min_cell=9,
        max_cell=24,
        selected=cell_in_address(parameter, first),
    )
    cell = cell or first
    remember_cell(parameter, cell, first)
    if not opened:
        st.caption("Pause the run, or wait for its end, to open a cell's arithmetic here.")
        return
    left, right = st.columns([4, 3], gap="medium")
    with left:
        show_arithmetic(open_score(alignment, cell.row, cell.column), key=f"{key}_score")
    with right:
        show_arithmetic(open_share(alignment, cell.row, cell.column), key=f"{key}_share")
