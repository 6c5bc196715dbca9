"""Embeddings & positions: the vectors a model reads, who is near whom, and how a vector says where it stands."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from explorer.inspection.embeddings import read_input
from explorer.ui import frame
from explorer.ui.pickers import checkpoint_picker, prompt_box
from explorer.ui.sections.embeddings import has_vectors, show_input, show_table
from explorer.ui.sections.embeddings_data import tables
from explorer.ui.sections.embeddings_positions import show_order, show_positions

if TYPE_CHECKING:
    from explorer.models.checkpoints import Checkpoint
    from explorer.ui.pickers import Prompt

DEFAULT = "the cat that sat"

frame.header(
    "Embeddings & positions",
    "What does a number like “token 37” mean to a network, and how does it know which token came first?",
    [r"x_t = E_{\text{token}_t} + P_t", r"\cos(a, b) = \frac{a \cdot b}{|a|\,|b|}"],
    "A tokenizer gives numbers that are names only: token 37 is not more than token 36. So each token gets a row of "
    "learned numbers, its embedding, and each position another one; their sum is what the first layer reads.",
)
frame.predict_first(
    "embeddings",
    "After “q” comes “u”. In the table of shakespeare-gpt, which letter's vector points most nearly the way of “q”?",
    ["u", "Q", "p", "w"],
    "Q",
    "Vectors are alike where tokens are used alike, not where they follow each other: “q” and “Q” have cosine 0.62.",
)
shown = frame.shown("embeddings")


@st.fragment
def explore(loaded: Checkpoint, prompt: Prompt) -> None:
    """The input of the first layer, taken apart, and what it would be without positions."""
    with frame.problems_in_place():
        reading = read_input(loaded.model, prompt.ids)
        labels = [loaded.tokenizer.labels[i] for i in reading.ids]
        shown["input"] = (reading, labels)
        st.markdown(
            f"**{len(reading.ids)} tokens × {reading.input.shape[1]} channels.** A row is a token, a column one of the "
            "numbers it is made of. Hover to follow one number through; click a cell for its arithmetic."
        )
        show_input(reading, labels)
        show_order(loaded, prompt, reading, labels)


shown.clear()
loaded = checkpoint_picker(key="embeddings_checkpoint")
if loaded is not None and has_vectors(loaded):
    of_items = loaded.boundary is not None
    prompt = prompt_box(
        loaded.tokenizer,
        limit=loaded.model.config.context_length,
        default="emma" if of_items else DEFAULT,
        key="embeddings_name" if of_items else "embeddings_prompt",
        boundary=loaded.boundary,
    )
    if prompt is not None:
        explore(loaded, prompt)
    st.divider()
    show_table(loaded, shown)
    st.divider()
    show_positions(loaded, prompt, shown)

frame.try_this(
    "embeddings",
    [
        frame.Experiment(
            "The letter q",
            "By cosine the nearest vector to “q” is “Q”, then “j” and “J”: not “u”, which follows it. Of the 26 small "
            "letters, 22 have their own capital nearest.",
            {"embeddings_checkpoint": "shakespeare-gpt", "embeddings_token": "q", "embeddings_measure": "cosine"},
        ),
        frame.Experiment(
            "Do not trust the picture",
            "In the first two components all capitals lie apart: the nearest of each is a capital. In the whole table "
            "that is so for 46 % of them, and 39 % by chance: along other axes capitals stand by their small letters.",
            {"embeddings_checkpoint": "shakespeare-gpt", "embeddings_map": "PCA", "embeddings_x": 1, "embeddings_y": 2},
        ),
        frame.Experiment(
            "Vowels of names",
            "In names-mlp, four of the five vowels have a vowel nearest (80 %, by chance 15 %): an MLP of 200 neurons found "
            "that class by predicting letters. It has no table of positions: the place in its window is the position.",
            {"embeddings_checkpoint": "names-mlp", "embeddings_token": "a", "embeddings_map": "PCA"},
        ),
        frame.Experiment(
            "One layer, no positions",
            "With positions set to zero the shuffle moves nothing at all, in the attention or in the prediction: this "
            "model has one layer. In shakespeare-gpt, of six layers, some of the prediction still moves.",
            {"embeddings_checkpoint": "shakespeare-head", "embeddings_prompt": DEFAULT, "embeddings_shuffle": 0},
        ),
        frame.Experiment(
            "Short waves only",
            "With base 10 all waves are short: positions 16 apart are less alike (cosine −0.22) than a right angle, and "
            "come nearer again further off. With 10,000, cosine falls to 0.51 at a distance of 47.",
            {
                "embeddings_checkpoint": "shakespeare-gpt",
                "embeddings_base": 10,
                "embeddings_positions": 48,
                "embeddings_alike": "cosine",
            },
        ),
        frame.Experiment(
            "One token only",
            "One row, one sum. Nothing can be shuffled, and the page says so; the query meets its own key.",
            {"embeddings_checkpoint": "shakespeare-gpt", "embeddings_prompt": "R"},
        ),
    ],
)
frame.code(
    "explorer.core.positions.sinusoidal_positions",
    "explorer.core.positions.apply_rotary",
    "explorer.core.positions.rotary_score",
    "explorer.inspection.embeddings.read_input",
    "explorer.inspection.embedding_table.neighbours",
)
frame.data_out("embeddings", tables(shown))
