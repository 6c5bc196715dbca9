"""The MLP page's second part: one typed context through the network, every number of it open."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from explorer.inspection.arithmetic import CellArithmetic
from explorer.inspection.mlp import (
    MLPReading,
    open_hidden,
    open_logit,
    open_number,
    open_probability,
    read_context,
    window_of,
)
from explorer.models.cards import list_checkpoints
from explorer.models.mlp import MLP
from explorer.text.tokenizers import CharTokenizer
from explorer.training.mlp import MLPSpec
from explorer.training.mlp_record import MLPRecord
from explorer.ui import frame, resources
from explorer.ui.arithmetic import show_arithmetic
from explorer.ui.components.matrix import Cell, Matrix, matrix
from explorer.ui.sections.mlp_settings import alphabet, fresh_model
from explorer.ui.state import KEPT
from explorer.ui.words import literal

SHIPPED = "names-mlp"
MINE, READY = "this page's network", "the shipped one"
_ACROSS = 20  # hidden neurons in a row of the drawing
_MOST_HIDDEN = 2000  # neurons drawn


def show_network(spec: MLPSpec | None, record: MLPRecord | None) -> None:
    """The network drawn for a typed context; a click on any cell opens its arithmetic."""
    st.subheader("One prediction, number by number", anchor=False)
    network = _choose_network(spec, record)
    if network is None:
        return
    model, tokenizer, labels, boundary, told = network
    st.caption(told)
    n = model.config.context_length
    typed = st.text_input(
        f"Context: the last {n} characters are read; missing ones are the boundary",
        "em",
        max_chars=200,
        key="mlp_typed",
        **KEPT,
    )
    with frame.problems_in_place():
        reading = read_context(model, labels, window_of(typed or "", tokenizer, n, boundary))
        frame.shown("mlp").update(reading=reading)
        _draw(reading)


def _choose_network(
    spec: MLPSpec | None, record: MLPRecord | None
) -> tuple[MLP, CharTokenizer, tuple[str, ...], int | None, str] | None:
    """Model, tokenizer, labels, boundary and a word on it: this page's, or the shipped one where there is one."""
    is_shipped = SHIPPED in list_checkpoints()
    source = MINE
    if is_shipped:
        source = st.segmented_control("Network", [MINE, READY], default=MINE, required=True, key="mlp_network", **KEPT)
    if source == READY:
        with frame.problems_in_place():
            loaded = resources.checkpoint(SHIPPED)
            if isinstance(loaded.model, MLP) and isinstance(loaded.tokenizer, CharTokenizer):
                labels = tuple("." if label == "↵" else label for label in loaded.tokenizer.labels)
                return loaded.model, loaded.tokenizer, labels, loaded.boundary, _card_in_words(loaded.card)
        return None
    if record is not None:
        letters = alphabet(record.spec.corpus)
        told = f"The network of the run above, as it was at step {record.model_step:,}."
        return record.model, letters.tokenizer, letters.labels, letters.boundary, told
    if spec is None:
        return None
    letters = alphabet(spec.corpus)
    model = fresh_model(spec.corpus, spec.context_length, spec.d_embedding, spec.d_hidden, spec.seed)
    return model, letters.tokenizer, letters.labels, letters.boundary, "Nothing is trained yet: its weights are random."


def _card_in_words(card: dict[str, Any]) -> str:
    """The shipped checkpoint's size and losses, from its card."""
    losses = card.get("losses", {})
    known = [f"{name} {losses[name]:.4f}" for name in ("train", "validation", "test") if losses.get(name) is not None]
    return literal(f"{SHIPPED}: {card['parameters']:,} learned numbers. Losses in nats: {', '.join(known)}.")


def _draw(reading: MLPReading) -> None:
    """Five steps as five matrices, and the chosen cell's arithmetic."""
    width = min(_ACROSS, len(reading.hidden))
    hidden = reading.hidden[:_MOST_HIDDEN]
    rows = -(-len(hidden) // width)
    grid = np.full(rows * width, np.nan)
    grid[: len(hidden)] = hidden
    letters = [reading.labels[token] for token in reading.ids]
    d = reading.vectors.shape[1]
    numbers = [str(k) for k in range(1, d + 1)]
    joined = [f"{letter}{k}" for letter in letters for k in numbers]
    likeliest = int(reading.probabilities.argmax())
    cell = matrix(
        [
            Matrix(reading.vectors, "1 · E", letters, numbers, scale="diverging"),
            Matrix(reading.joined[None], "2 · joined: x", ["x"], joined, scale="diverging"),
            Matrix(
                grid.reshape(rows, width),
                "3 · hidden: h",
                scale="diverging",
                low=-1,
                high=1,
            ),
            Matrix(reading.logits[None], "4 · logits: z", ["z"], reading.labels, scale="diverging"),
            Matrix(reading.probabilities[None], "5 · probabilities: p", ["p"], reading.labels, low=0, gamma=2),
        ],
        key="mlp_numbers",
        alt=f"The context {' '.join(letters)} through table, hidden layer and logits to {len(reading.labels)} probabilities",
        per_row=1,
        max_cell=30,
        min_cell=12,
        masked_label="no neuron",
        selected=Cell(4, 0, likeliest),
    ) or Cell(4, 0, likeliest)
    st.markdown(
        "1: the row of the embedding table for each letter. 2: those rows laid end to end. 3: each hidden neuron is tanh "
        f"of a weighted sum of all {len(reading.joined)}. 4: for each symbol a weighted sum of the neurons. 5: softmax "
        "makes them probabilities."
    )
    st.markdown(
        f"After “{literal(''.join(letters))}” the likeliest is “{literal(reading.labels[likeliest])}”, with probability "
        f"**{reading.probabilities[likeliest]:.3f}**. Click any cell for its arithmetic; the arrow keys move, Enter chooses."
    )
    show_arithmetic(_open(reading, cell, width), key="mlp_cell")


def _open(reading: MLPReading, cell: Cell, width: int) -> CellArithmetic:
    d = reading.vectors.shape[1]
    if cell.matrix == 0:
        return open_number(reading, cell.row * d + cell.column)
    if cell.matrix == 1:
        return open_number(reading, cell.column)
    if cell.matrix == 2:
        return open_hidden(reading, min(cell.row * width + cell.column, len(reading.hidden) - 1))
    return open_logit(reading, cell.column) if cell.matrix == 3 else open_probability(reading, cell.column)
