"""The page that `slider_to_figure` drives: one slider in a fragment, and the figure that the address asks for."""

from __future__ import annotations

import string

import numpy as np
import streamlit as st

from explorer.inspection.attention import shrink_maps, trace_attention
from explorer.inspection.bigram import BigramReading, read_bigrams, smoothed
from explorer.models.checkpoints import load_checkpoint
from explorer.text.corpora import Corpus, load_corpus
from explorer.ui.components.matrix import Matrix, matrix

SIDE = 64


@st.cache_resource
def letters() -> BigramReading:
    """27 × 27 counts: the given names that use a to z only."""
    names = [name for name in load_corpus("given-names").items if set(name) <= set(string.ascii_lowercase)]
    return read_bigrams(Corpus("a-to-z", "\n".join(names), "items", ""))


@st.cache_resource
def walls() -> list[tuple[list[Matrix], int]]:
    """Every head of the shipped checkpoint on eight prompts of 64 characters, and the heads of a layer."""
    loaded = load_checkpoint("shakespeare-gpt")
    text = "".join(c for c in load_corpus("drama").text if not loaded.tokenizer.missing(c))
    made = []
    for start in range(0, 8 * SIDE, SIDE):
        prompt = text[start : start + SIDE]
        patterns = shrink_maps(trace_attention(loaded.model, loaded.tokenizer.encode(prompt)).patterns, SIDE)[0]
        L, H = patterns.shape[:2]
        titles = [(layer, head) for layer in range(L) for head in range(H)]
        maps = [
            Matrix(patterns[i, j], title=f"layer {i} · head {j}", row_labels=prompt, column_labels=prompt, gamma=2.0)
            for i, j in titles
        ]
        made.append((maps, H))
    return made


@st.fragment
def page(figure: str) -> None:
    value = st.slider("slider", 0, 7, 0)
    told = f"figure {value}"
    if figure == "text":
        st.html(f'<p aria-label="{told}">{told}</p>')
    elif figure == "letters":
        reading = smoothed(letters(), float(value))
        shown = reading.probabilities * 100
        text = [
            [f"{a}{b}\n{p:.1f}" for b, p in zip(reading.labels, row, strict=True)] for a, row in _rows(reading, shown)
        ]
        labels = reading.labels
        table = Matrix(shown, row_labels=labels, column_labels=labels, text=text, gamma=2.5)
        matrix(table, key="letters", alt=told, value_format=1)
    else:
        maps, heads = walls()[value]
        matrix(maps, key="wall", alt=told, per_row=heads)


def _rows(reading: BigramReading, shown: np.ndarray) -> list[tuple[str, list[float]]]:
    return list(zip(reading.labels, shown.tolist(), strict=True))


page(st.query_params.get("figure", "text"))
