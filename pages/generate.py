"""Generate: one token after another, with every filter on the way shown."""

import streamlit as st

from explorer.ui import frame
from explorer.ui.pickers import checkpoint_picker, prompt_box
from explorer.ui.sections.generation import sampling_controls, show_step, write

DEFAULT = "ROMEO:\nWhat light is this?"
BASE = {"temperature": 0.8, "top_k": 0, "top_p": 1.0}

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
    """One fragment from the prompt to the bars."""
    shown.clear()
    loaded = checkpoint_picker()
    if loaded is None:
        return
    prompt = prompt_box(
        loaded.tokenizer, limit=loaded.model.config.context_length, default=DEFAULT, boundary=loaded.boundary
    )
    if prompt is None:
        return
    with frame.problems_in_place():
        request = sampling_controls(loaded, prompt.ids)
        written = write(loaded, request, prompt)
        shown["step"] = (loaded.tokenizer.labels, show_step(loaded, written))


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
frame.code(
    "explorer.models.generation.generate",
    "explorer.core.sampling.sampling_stages",
    "explorer.core.sampling.keep_top_p",
    "explorer.core.sampling.draw",
)


def step_rows() -> list[tuple[str, float, float, float, float, float]]:
    labels, reading = shown.get("step", ((), None))
    if reading is None:
        return []
    parts = (reading.logits, reading.scaled, reading.after_top_k, reading.after_top_p, reading.probabilities)
    return list(zip(labels, *(part.tolist() for part in parts), strict=True))


columns = ("token", "logit", "divided by temperature", "after top-k", "after top-p", "probability")
frame.data_out("generate", {"one-step": (columns, step_rows)})
