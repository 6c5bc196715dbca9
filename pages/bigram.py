"""Bigram: the table of which character follows which, by counting and by gradient descent."""

import streamlit as st

from explorer.inspection.bigram import smoothed
from explorer.ui import frame
from explorer.ui.pickers import corpus_picker
from explorer.ui.resources import bigrams
from explorer.ui.sections.bigram import show_counts, show_descent, show_likelihood, show_sampling, table_in_use
from explorer.ui.state import KEPT

frame.header(
    "Bigram",
    "How much can a model know that looks at one character only?",
    [r"P(\text{next}=j \mid \text{this}=i) = \frac{\text{count}_{ij} + s}{\sum_k (\text{count}_{ik} + s)}"],
    "Before this there is only the alphabet: every character equally likely, a loss of ln V nats for V characters. "
    "(A nat measures surprise: seeing something of probability p surprises by −ln p.)",
)
frame.predict_first(
    "bigram",
    "In the verse drama, which character follows “t” most often?",
    ["a space", "o", "h", "e"],
    "h",
    "“th” was counted 5,310 times, “t” and a space 4,860 times: read the row “t” of the table to check.",
)
shown = frame.shown("bigram")


@st.fragment
def explore(name: str) -> None:
    """Everything that follows from the counts: one fragment, so that a slider redraws only this."""
    smoothing = st.slider("Smoothing s: added to every count", 0.0, 20.0, 0.0, 0.5, key="smoothing", **KEPT)
    reading = shown["reading"] = smoothed(bigrams(name), smoothing)
    st.markdown(
        f"{reading.pairs:,} pairs of {len(reading.labels)} characters. Loss of this table: **{reading.loss:.4f}** nats "
        f"a character; a table with no preference scores ln {len(reading.labels)} = {reading.uniform_loss:.4f}. "
        "Click a cell for its arithmetic; the arrow keys move, Enter chooses."
    )
    show_counts(reading)
    st.divider()
    table = table_in_use(reading)
    left, right = st.columns(2, gap="large")
    with left:
        show_sampling(reading, table)
    with right:
        show_likelihood(reading, table)


corpus = corpus_picker(label="Corpus: the text that is counted")
shown.clear()
if corpus is not None:
    explore(corpus)
    st.divider()
    st.subheader("Learn the same table by gradient descent", anchor=False)
    st.markdown(
        "Start from random logits W, one number a cell; probabilities are softmax(W) by row. Every step moves W against "
        "the gradient of the mean loss over all pairs. The weight penalty pulls W towards 0, that is towards even "
        "probabilities, as smoothing does."
    )
    show_descent(bigrams(corpus), corpus)

frame.try_this(
    "bigram",
    [
        frame.Experiment(
            "Score a word with a pair never seen",
            "One pair of probability 0 makes the whole product 0 and the loss infinite, however likely the rest is. "
            "Raise the smoothing a little and the loss is finite again.",
            {"corpus": "drama", "word": "xqz", "smoothing": 0.0},
        ),
        frame.Experiment(
            "Smooth far too much",
            "Every count gained 20, so rare rows are nearly even now; the loss of the whole table has risen.",
            {"corpus": "drama", "smoothing": 20.0},
        ),
        frame.Experiment(
            "A learning rate that is too high",
            "Press Train: the loss jumps about or rises instead of settling. A step longer than the valley is wide lands "
            "on the other slope.",
            {"corpus": "drama", "rate": 5000.0, "steps": 300},
        ),
        frame.Experiment(
            "Learn without a penalty",
            "Press Train: the loss sinks towards that of counting and never below it. Counting is the minimum.",
            {"corpus": "drama", "rate": 50.0, "penalty": 0.0, "steps": 2000, "pace": 1000},
        ),
    ],
)
frame.code(
    "explorer.models.bigram.count_bigrams",
    "explorer.core.probability.normalise_counts",
    "explorer.core.sampling.draw",
    "explorer.training.bigram.descend",
)


def count_rows() -> list[tuple[str, str, int, float]]:
    if "reading" not in shown:
        return []
    reading = shown["reading"]
    labels, counts, probabilities = reading.labels, reading.counts.tolist(), reading.probabilities.tolist()
    V = range(len(labels))
    return [(labels[i], labels[j], counts[i][j], probabilities[i][j]) for i in V for j in V]


frame.data_out("bigram", {"bigrams": (("this", "next", "count", "probability"), count_rows)})
