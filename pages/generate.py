"""Generate: one token after another, drawn or chosen, with every filter on the way shown."""

import streamlit as st

from explorer.ui import frame
from explorer.ui.pickers import checkpoint_picker, prompt_box
from explorer.ui.sections.generation import obey_clicks, sampling_controls, write_and_look
from explorer.ui.sections.generation_manual import show_manual
from explorer.ui.sections.generation_samples import show_samples
from explorer.ui.sections.generation_tables import show_numbers, step_rows, text_rows

DEFAULT = "ROMEO:\nWhat light is this?"
BASE = {"temperature": 0.8, "top_k": 0, "top_p": 1.0, "pace": "All at once"}

frame.header(
    "Generate",
    "How does a list of scores become the next character, and that one a text?",
    [r"p_i = \frac{e^{z_i/T}}{\sum_j e^{z_j/T}},\quad i, j \in \text{tokens kept}"],
    "GPT inside shows what the model reads. What it says is a score for every token, its logits z; the rest is a choice "
    "of ours: how bold to be (temperature T), how many tokens to allow (top-k, top-p), and where a random pointer falls.",
)
frame.predict_first(
    "generate",
    "At temperature 0, what does another seed change?",
    ["every token", "only the first token", "nothing"],
    "nothing",
    "Greedy choice takes the likeliest token each time; the pointer that the seed moves plays no part.",
)
shown = frame.shown("generate")


@st.fragment
def explore() -> None:
    """One fragment from the prompt to the bars and the samples."""
    shown.clear()
    obey_clicks()
    loaded = checkpoint_picker()
    if loaded is None:
        return
    prompt = prompt_box(
        loaded.tokenizer, limit=loaded.model.config.context_length, default=DEFAULT, boundary=loaded.boundary
    )
    if prompt is None:
        return
    with frame.problems_in_place():
        request = sampling_controls(loaded)
        shown["manuscript"] = write_and_look(loaded, prompt, request)
        show_numbers(shown["manuscript"])
    if "manuscript" in shown:
        with frame.problems_in_place():
            show_samples(shown["manuscript"])


explore()

frame.try_this(
    "generate",
    [
        frame.Experiment(
            "Always the likeliest (temperature 0)",
            "Greedy text falls into a loop or a rut: the likeliest continuation of a common phrase is the same phrase.",
            BASE | {"temperature": 0.0},
        ),
        frame.Experiment(
            "Too hot (temperature 2)",
            "Dividing by 2 flattens the scores: the bars of ÷ temperature are half as tall as those of the logits, and "
            "spelling breaks down.",
            BASE | {"temperature": 2.0},
        ),
        frame.Experiment(
            "Hot, but only the best five",
            "Top-k 5 cuts the long tail of unlikely characters, so even at temperature 2 most words stay words.",
            BASE | {"temperature": 2.0, "top_k": 5},
        ),
        frame.Experiment(
            "One token of context",
            "The model may look back on one character only: it is reduced to a bigram.",
            BASE | {"context": 1},
        ),
        frame.Experiment(
            "Top-p of 0",
            "Nothing could be kept, so the page says what is expected instead of guessing.",
            BASE | {"top_p": 0.0},
        ),
    ],
)
show_manual(DEFAULT)
frame.code(
    "explorer.models.generation.Writer",
    "explorer.core.sampling.sampling_stages",
    "explorer.core.sampling.keep_top_p",
    "explorer.core.sampling.token_at",
    "explorer.inspection.branches.Branches",
)
columns = ("token", "logit", "divided by temperature", "after top-k", "after top-p", "probability")
frame.data_out(
    "generate",
    {
        "one-step": (columns, lambda: step_rows(shown.get("manuscript"))),
        "text": (("number", "token", "origin", "surprise in bits"), lambda: text_rows(shown.get("manuscript"))),
    },
)
