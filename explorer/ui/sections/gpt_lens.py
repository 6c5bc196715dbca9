"""The logit lens: what the model would say at every depth, a cell opened to its ten likeliest tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from explorer.figures.gpt_analysis import level_height, top_tokens_chart
from explorer.ui import gpt_readings
from explorer.ui.components.matrix import Cell, Matrix, matrix
from explorer.ui.state import KEPT, cell_in_address, hold_at_most, remember_cell
from explorer.ui.words import literal

if TYPE_CHECKING:
    from explorer.inspection.logit_lens import LensReading
    from explorer.models.checkpoints import Checkpoint
    from explorer.ui.pickers import Prompt

CHARACTERS, PIECES = 32, 14  # columns that fit the screen: of single characters, of longer pieces
LONGEST = 7  # letters of a token in a cell; the opened cell has all of it


def show_lens(loaded: Checkpoint, prompt: Prompt) -> None:
    """The grid of depths × positions, and the chosen cell. Raises ValueError for a model that cannot be read so."""
    st.markdown(
        "After every sublayer, suppose the model ended there: its final norm and its unembedding (the table that turns a "
        "vector into a score for every token) read the vector as it is so far. This is the **logit lens** (nostalgebraist, "
        "2020). A cell holds the token that would be said next, the darker the surer (in the dark theme: the brighter). "
        "The row *start* is the embeddings alone, the last row the model's real output."
    )
    first, count = _window(loaded, prompt)
    reading = gpt_readings.lens(loaded.name, prompt.ids, first, count)
    labels = loaded.tokenizer.labels
    shown = prompt.labels[first : first + count]
    last = Cell(0, len(reading.depths) - 1, count - 1)
    cell = matrix(
        Matrix(
            reading.probabilities[:, :, 0],
            row_labels=reading.depths,
            column_labels=shown,
            text=[[_short(labels[token]) for token in row] for row in reading.tokens[:, :, 0]],
            low=0.0,
            high=1.0,
        ),
        key="gpt_lens",
        alt=f"The likeliest next token at {len(reading.depths)} depths after each of {count} tokens",
        row_axis="after",
        column_axis="next token after",
        value_format=".1%",
        min_cell=48 if _has_pieces(loaded) else 26,
        max_cell=64 if _has_pieces(loaded) else 34,
        selected=cell_in_address("lens", last),
    )
    cell = cell or last
    remember_cell("lens", cell, last)
    _show_cell(loaded, prompt, reading, cell)


def _has_pieces(loaded: Checkpoint) -> bool:
    """Whether tokens are longer than a character, so that cells must be wider."""
    return any(len(label) > 2 for label in loaded.tokenizer.labels[:2000])


def _window(loaded: Checkpoint, prompt: Prompt) -> tuple[int, int]:
    """Which positions are shown: (first, how many); the last ones unless chosen otherwise."""
    T, wide = len(prompt.ids), PIECES if _has_pieces(loaded) else CHARACTERS
    if wide >= T:
        return 0, T
    hold_at_most("gpt_lens_back", T - wide)
    back = st.slider(
        f"The screen holds {wide} of your {T:,} tokens; how many to leave out at the end",
        0,
        T - wide,
        0,
        key="gpt_lens_back",
        **KEPT,
    )
    return T - wide - int(back), wide


def _short(label: str) -> str:
    return label if len(label) <= LONGEST else label[: LONGEST - 1] + "…"


def _show_cell(loaded: Checkpoint, prompt: Prompt, reading: LensReading, cell: Cell) -> None:
    """The ten likeliest tokens there, and where the token that really follows ranks."""
    labels, depth, column = loaded.tokenizer.labels, reading.depths[cell.row], cell.column
    tokens = reading.tokens[cell.row, column].tolist()
    actual = int(reading.next_ids[column])
    at = reading.first + column
    st.markdown(
        f"**After {literal(depth)}, token {at} “{literal(prompt.labels[at])}”:** {_rank(loaded, reading, cell)}"
    )
    chart = top_tokens_chart(
        [labels[token] for token in tokens],
        reading.probabilities[cell.row, column],
        actual=tokens.index(actual) if actual in tokens else None,
        others=len(labels) - len(tokens),
    )
    best = f"{labels[tokens[0]]}, {reading.probabilities[cell.row, column, 0]:.0%}"
    alt = f"The ten likeliest tokens after {depth} at token {at}; first {best}"
    st.echarts_chart(chart, height=level_height(len(tokens) + 1), key="gpt_lens_cell", alt=alt)


def _rank(loaded: Checkpoint, reading: LensReading, cell: Cell) -> str:
    actual = int(reading.next_ids[cell.column])
    if actual < 0:
        return "your prompt ends here, so no next token is known."
    ranks = reading.next_ranks[:, cell.column]
    said = (
        f"what really follows is “{literal(loaded.tokenizer.labels[actual])}” (striped), here in place "
        f"{int(ranks[cell.row]):,} of {loaded.tokenizer.vocab_size:,} with "
        f"{reading.next_probabilities[cell.row, cell.column]:.1%}. "
    )
    wrong = [row for row, rank in enumerate(ranks) if rank != 1]
    settled = wrong[-1] + 1 if wrong else 0
    if settled == len(ranks):
        return said + "The model does not put it first in the end."
    return said + f"From {literal(reading.depths[settled])} on it is in the first place and stays there."
