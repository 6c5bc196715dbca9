"""The third part of GPT inside: the prompt as numbers after every step, any of them opened to its arithmetic."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from explorer.inspection.gpt_pipeline import open_value, thumbnail
from explorer.ui import frame, resources
from explorer.ui.arithmetic import show_arithmetic
from explorer.ui.components.matrix import Cell, Matrix, matrix
from explorer.ui.sections.gpt_wall import news
from explorer.ui.state import KEPT, cell_in_address, hold_at_most, remember_cell

if TYPE_CHECKING:
    from explorer.inspection.gpt_pipeline import PipelineReading, Step
    from explorer.models.checkpoints import Checkpoint
    from explorer.ui.pickers import Prompt

TOKENS, CHANNELS = 48, 256  # rows and columns of a step that are shown at once
FIRST = Cell(0, 0, 0)


def show_values(loaded: Checkpoint, prompt: Prompt) -> None:
    """Every step as a small picture; the chosen one with what it was made from, and a cell's arithmetic."""
    reading = resources.pipeline(loaded.name, prompt.ids)
    T, C = reading.final.shape
    st.markdown(
        f"**Your {T:,} tokens on their way through the model: {len(reading.steps)} steps.** Each token is a row of {C} "
        "numbers, its *channels*. The embedding looks the row up in a table; every sublayer adds to it (the *residual "
        "stream*: what is added never erases what was there); at the end each row is compared with every token of the "
        f"vocabulary, which gives {reading.vocab_size:,} *logits*, scores of the next token. Under each picture its shape: "
        "tokens × channels. Click one to open it below."
    )
    chosen = _strip(reading)
    step = reading.steps[chosen]
    frame.shown("gpt")["step"] = step
    _lacks(reading, loaded)
    st.subheader(
        f"{step.name[0].upper()}{step.name[1:]}: {step.values.shape[0]:,} × {_width(reading, step)}", anchor=False
    )
    _open_step(reading, step, loaded, prompt)


def _width(reading: PipelineReading, step: Step) -> str:
    return f"{reading.vocab_size if step.table is not None else step.values.shape[1]:,}"


def _strip(reading: PipelineReading) -> int:
    """Every step as a small picture; returns the number of the one that is chosen."""
    opened = _opened_step(len(reading.steps))
    pictures = [
        Matrix(
            thumbnail(step.values),
            title=step.name,
            scale="diverging",
            gamma=2.0,
            note=f"{step.values.shape[0]:,} × {_width(reading, step)}",
        )
        for step in reading.steps
    ]
    matrix(
        pictures,
        key="gpt_steps",
        alt=f"{len(pictures)} small pictures: the numbers of all tokens after each step, from the embedding to the logits",
        row_axis="tokens",
        column_axis="channels",
        value_format=2,
        selected=opened,
    )
    remember_cell("step", opened, FIRST)
    return opened.matrix


def _opened_step(steps: int) -> Cell:
    """The step that is open: the picture clicked last, else the one that the address or an experiment names (−1: the
    last)."""
    opened: Cell = st.session_state.get("_gpt_step", cell_in_address("step", FIRST))
    clicked = news("gpt_steps", "cell")
    if clicked is not None:
        opened = Cell(int(clicked["matrix"]), 0, 0)
    opened = Cell(steps - 1, 0, 0) if opened.matrix == -1 else opened if opened.matrix < steps else FIRST
    st.session_state["_gpt_step"] = opened
    return opened


def _lacks(reading: PipelineReading, loaded: Checkpoint) -> None:
    """What this model does not have of the usual steps, in a sentence each."""
    names = {step.name for step in reading.steps}
    told = []
    if len(reading.steps[0].parts) == 1:
        told.append("adds nothing for the place: its queries and keys are turned by it instead (rotary positions)")
    if not any("feed-forward" in name for name in names):
        told.append("has no feed-forward layers")
    if not getattr(loaded.model.config, "residual", True):
        told.append("has no residual path: a sublayer replaces what was there")
    if "final norm" not in names:
        told.append("has no final norm")
    if told:
        st.caption(f"This model {'; it '.join(told)}.")


def _open_step(reading: PipelineReading, step: Step, loaded: Checkpoint, prompt: Prompt) -> None:
    """What the step was made from and what came out, as matrices; then the arithmetic of the chosen number."""
    T, width = step.values.shape
    rows, columns = _span("token", T, TOKENS), _span("channel", width, CHANNELS)
    labels = prompt.labels[rows]
    vocabulary = loaded.tokenizer.labels
    is_logits = step.table is not None
    if is_logits and reading.vocab_size > width:
        st.caption(
            f"Of {reading.vocab_size:,} next tokens the {width} likeliest after the last token, in their own order."
        )
    names = (
        [vocabulary[token] for token in step.tokens][columns]
        if is_logits
        else [str(c) for c in range(columns.start, columns.stop)]
    )
    made_from = [] if is_logits else [(name, values) for name, values in step.parts]
    pictures = [
        Matrix(values[rows, columns], title=name, scale="diverging", gamma=2.0, row_labels=labels, column_labels=names)
        for name, values in [*made_from, (_result(step), step.values)]
    ]
    first = Cell(len(pictures) - 1, len(labels) - 1, 0)
    given = cell_in_address("value", first)
    cell = matrix(
        pictures,
        key="gpt_values",
        alt=f"{step.name}: " + ", ".join(picture.title for picture in pictures),
        row_axis="token",
        column_axis="next token" if is_logits else "channel",
        value_format=3,
        per_row=1,
        max_cell=16,
        selected=given
        if given.matrix < len(pictures) and given.row < len(labels) and given.column < len(names)
        else first,
    )
    cell = cell or first
    remember_cell("value", cell, first)
    opened = open_value(step, rows.start + cell.row, columns.start + cell.column, prompt.labels, vocabulary)
    show_arithmetic(opened, key="gpt_value")


def _result(step: Step) -> str:
    if step.table is not None:
        return "logits: the last vector · each token's row of the unembedding"
    if step.norm is not None:
        return "normalised"
    return "the sum" if len(step.parts) > 1 else "what goes on"


def _span(what: str, n: int, most: int) -> slice:
    """The rows or columns shown: all of a few, else a window that the visitor moves."""
    if n <= most:
        return slice(0, n)
    key = f"gpt_first_{what}"
    hold_at_most(key, n - most)
    start = int(st.slider(f"{what.capitalize()}s shown: {most} of {n:,}, from", 0, n - most, 0, key=key, **KEPT))
    return slice(start, start + most)
