"""The bigram page's parts: the counts, a walk through them, a word's score, and gradient descent to the same table."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from explorer.figures.bigram import row_chart
from explorer.figures.loss import loss_chart
from explorer.inspection.bigram import BigramReading, open_probability, table_loss, walk, word_likelihood
from explorer.training.bigram import DescentConfig, DescentProgress, descend_corpus
from explorer.ui import frame
from explorer.ui.arithmetic import show_arithmetic
from explorer.ui.components.matrix import Cell, Matrix, matrix
from explorer.ui.job_panel import JobView, training_panel
from explorer.ui.state import KEPT, cell_in_address, hold_at_most, remember_cell
from explorer.ui.words import literal

COUNTED, LEARNED = "counted", "learned by gradient descent"


def show_counts(reading: BigramReading) -> None:
    """The count matrix; the chosen cell's arithmetic and its row of probabilities."""
    labels, first = reading.labels, Cell(0, *reading.commonest)
    few = len(labels) <= 32  # cells are large enough to be written in
    text = [
        [f"{a}{b}\n{count}" for b, count in zip(labels, counts, strict=True)]
        for a, counts in zip(labels, reading.counts.tolist(), strict=True)
    ]
    cell = matrix(
        Matrix(reading.counts, row_labels=labels, column_labels=labels, text=text if few else None, gamma=2.5),
        key="bigram_counts",
        alt=f"Counts of {reading.pairs:,} pairs: row, this character; column, the one that follows it",
        row_axis="this character",
        column_axis="is followed by",
        value_format=0,
        min_cell=11,
        selected=cell_in_address("cell", first),
    )
    cell = cell or first
    remember_cell("cell", cell, first)
    left, right = st.columns([2, 3], gap="medium")
    with left:
        show_arithmetic(open_probability(reading, cell.row, cell.column), key="bigram_cell")
    with right:
        st.markdown(f"**What follows “{literal(labels[cell.row])}”**: its row as probabilities, and their running sum")
        chart = row_chart(reading.probabilities[cell.row], labels, chosen=cell.column)
        st.echarts_chart(chart, height=390, key="bigram_row", alt="Bars of the row's probabilities and their sum")


def table_in_use(reading: BigramReading) -> np.ndarray:
    """The probabilities that sampling and scoring use: counted, or the table learned below on this corpus."""
    corpus, learned = st.session_state.get("_bigram_learned", ("", None))
    source = st.segmented_control("Table", [COUNTED, LEARNED], default=COUNTED, required=True, key="table", **KEPT)
    if source == COUNTED:
        return reading.probabilities
    if corpus == st.session_state["corpus"] and learned is not None:
        return np.asarray(learned)
    st.info("Nothing has been learned on this corpus yet: press Train below. Until then, the counted table is used.")
    return reading.probabilities


def show_sampling(reading: BigramReading, table: np.ndarray) -> None:
    """A walk through the table, one random pointer at a time."""
    st.subheader("Sample: drop a pointer on the line", anchor=False)
    seed = st.number_input("Seed: the same seed gives the same walk", 0, 99_999, 1, key="seed", **KEPT)
    boundary = reading.tokenizer.encode("\n")[0] if "\n" in reading.tokenizer.characters else 0
    steps = walk(table, boundary, 60, int(seed), boundary if reading.is_items else None)
    written = "".join(reading.labels[step.token] for step in steps)
    st.code(written, language=None, wrap_lines=True)
    last = max(2, len(steps))
    hold_at_most("walk_step", last)
    number = st.slider("Step of the walk", 1, last, 1, key="walk_step", **KEPT)
    index = min(number, len(steps)) - 1
    step = steps[index]
    before, after = (literal(reading.labels[i]) for i in (step.row, step.token))
    st.markdown(
        f"Step {index + 1}: after “{before}”, the pointer fell at {step.pointer:.4f}, on the piece of “{after}”."
    )
    chart = row_chart(table[step.row], reading.labels, chosen=step.token, pointer=step.pointer)
    st.echarts_chart(chart, height=390, key="bigram_walk", alt="The row's running sum with the random pointer on it")


def show_likelihood(reading: BigramReading, table: np.ndarray) -> None:
    """How likely the table finds a typed word, pair by pair."""
    st.subheader("Score a word: how surprised is the table?", anchor=False)
    # Names have a box of their own: “the king” cannot be read where there is no space.
    key, first = ("name", "emma") if reading.is_items else ("word", "the king")
    word = st.text_input("Word", first, max_chars=200, key=key, **KEPT)
    with frame.problems_in_place():
        scored = word_likelihood(reading, table, word)
        st.latex(rf"\prod p = {_number(scored.likelihood)}")
        st.latex(rf"\sum \ln p = {_number(scored.log_likelihood)}")
        st.latex(rf"-\frac{{1}}{{{len(scored.pairs)}}}\sum \ln p = {_number(scored.mean_loss)}\ \text{{nats a pair}}")
        st.dataframe(
            {
                "pair": [pair.first + pair.second for pair in scored.pairs],
                "probability p": [pair.probability for pair in scored.pairs],
                "surprise −ln p (nats)": [pair.surprise for pair in scored.pairs],
            },
            hide_index=True,
        )
        if scored.likelihood == 0:
            st.info("A pair that was never seen has probability 0, so the loss is infinite. Smoothing cures it.")


def _number(value: float) -> str:
    """A number in LaTeX: powers of ten for very small ones, a symbol for infinity."""
    if np.isinf(value):
        return r"\infty" if value > 0 else r"-\infty"
    if value and abs(value) < 1e-3:
        digits, exponent = f"{value:.2e}".split("e")
        return rf"{digits} \cdot 10^{{{int(exponent)}}}"
    return f"{value:.4f}"


def show_descent(reading: BigramReading, corpus: str) -> None:
    """Train a table of logits live, next to the counted one."""
    columns = st.columns(4)
    with columns[0]:
        rate = st.number_input("Learning rate", 0.0, 10_000.0, 50.0, key="rate", **KEPT)
    with columns[1]:
        steps = st.number_input("Steps", 1, 5000, 300, key="steps", **KEPT)
    with columns[2]:
        penalty = st.number_input("Weight penalty × mean W²", 0.0, 10.0, 0.01, format="%.3f", key="penalty", **KEPT)
    with columns[3]:
        pace = st.select_slider("Pace, steps a second", [5, 20, 100, 1000], 20, key="pace", **KEPT)
    spec = None
    with frame.problems_in_place():
        spec = DescentConfig(corpus, int(steps), float(rate), float(penalty), float(pace))
    training_panel(
        "bigram",
        factory=descend_corpus,
        spec=spec,
        title="Bigram by gradient descent",
        draw=lambda view: _draw_descent(view, reading, corpus),
    )


def _draw_descent(view: JobView[DescentProgress], reading: BigramReading, corpus: str) -> None:
    """The loss against that of counting, and the two tables, linked."""
    curve = [(progress.step, progress.loss) for progress in view.history]
    tables = [progress.table for progress in view.history if progress.table is not None]
    levels = {"counting reaches": reading.loss, "no preference: ln V": reading.uniform_loss}
    steps = view.latest.steps if view.latest is not None else 1
    chart = loss_chart({"gradient descent": curve}, levels, steps=steps)
    st.echarts_chart(chart, height=300, key="bigram_loss", alt="Loss by step, with the loss that counting reaches")
    if not tables or tables[-1].shape != reading.counts.shape:
        return
    learned = tables[-1]
    st.session_state["_bigram_learned"] = (corpus, learned)
    names: dict[str, Any] = {
        "row_labels": reading.labels,
        "column_labels": reading.labels,
        "low": 0.0,
        "high": 1.0,
        "gamma": 2.0,
    }
    matrix(
        [
            Matrix(reading.probabilities, title="counted and divided", **names),
            Matrix(learned, title="softmax of the learned logits", **names),
        ],
        key="bigram_tables",
        alt="The counted and the learned table of probabilities, side by side",
        row_axis="this character",
        column_axis="is followed by",
        link="bigram",
    )
    apart = np.abs(reading.probabilities - learned)
    row, column = np.unravel_index(apart.argmax(), apart.shape)
    pair = literal(reading.labels[row] + reading.labels[column])
    st.caption(
        f"Loss of the learned table {table_loss(reading.counts, learned):.4f}, of the counted one {reading.loss:.4f} "
        f"nats. The two differ most, by {apart.max():.3f}, at “{pair}”: rare rows are learned last."
    )
