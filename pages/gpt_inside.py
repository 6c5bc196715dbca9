"""GPT inside: every head's attention on the visitor's own prompt, one head opened to its arithmetic."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from explorer.ui import frame, resources
from explorer.ui.components.matrix import Cell
from explorer.ui.pickers import Prompt, checkpoint_picker, prompt_box
from explorer.ui.sections.gpt import show_head, show_next, show_wall

if TYPE_CHECKING:
    from explorer.models.checkpoints import Checkpoint

DEFAULT = "ROMEO:\nWhat light is this?"

frame.header(
    "GPT inside",
    "Where does each head of a trained Transformer look while it reads your words?",
    [
        r"\text{pattern} = \text{softmax}\!\left(\frac{QK^\top}{\sqrt d} + \text{mask}\right)",
        r"\text{head} = \text{pattern}\cdot V",
    ],
    "A bigram sees one character. Here every token asks all earlier ones at once: its query is compared with their "
    "keys, and what it finds fitting, it fetches as values. Each layer has several heads that do this side by side.",
)
frame.predict_first(
    "gpt",
    "In an attention map, row 3 is the fourth token. How many cells of that row can be above zero?",
    ["1", "3", "4", "all of them"],
    "4",
    "A token may look at itself and at what came before, never ahead: the mask leaves the lower triangle.",
)
shown = frame.shown("gpt")


@st.fragment
def explore() -> None:
    """One fragment from the prompt to the last figure: nothing outside it is drawn again."""
    shown.clear()
    loaded = checkpoint_picker(needs_attention=True)
    if loaded is None:
        return
    prompt = prompt_box(
        loaded.tokenizer, limit=loaded.model.config.context_length, default=DEFAULT, boundary=loaded.boundary
    )
    if prompt is None:
        return
    with frame.problems_in_place():
        show(loaded, prompt)


def show(loaded: Checkpoint, prompt: Prompt) -> None:
    """The figures for one prompt. Raises ValueError for a model without attention."""
    trace = resources.attention(loaded.name, prompt.ids)
    shown["prompt"] = (loaded.name, prompt)
    L, H, T = trace.patterns.shape[:3]
    st.markdown(
        f"**{L} layers × {H} heads on {T} tokens.** A row is a token that looks, a column what it looks at, darker is more "
        "(in the dark theme: brighter); each row sums to 1. Layers and heads are counted from 0. Click a map to open it."
    )
    layer, head = show_wall(trace, prompt.labels)
    off = show_head(trace, prompt, layer, head)
    show_next(loaded, prompt, off)


explore()

frame.try_this(
    "gpt",
    [
        frame.Experiment(
            "A head with one job",
            "Layer 0, head 1 of shakespeare-gpt gives over nine tenths of its attention to the token just before, "
            "whatever it is; head 3 of the same layer, to the one two before. From the first layer on, the model knows "
            "the last three characters.",
            {"checkpoint": "shakespeare-gpt", "prompt": DEFAULT, "_gpt_head": Cell(1, 0, 0)},
        ),
        frame.Experiment(
            "Repeat yourself",
            "Larger models grow induction heads, which look at what followed the same letters before: a second diagonal, "
            "beside the main one. No head of shakespeare-gpt has one: that place gets less than a tenth of its attention.",
            {"checkpoint": "shakespeare-gpt", "prompt": "the king and the king and the king and"},
        ),
        frame.Experiment(
            "One token only",
            "With nothing before it, every head of every layer puts all its attention on the one token: 1.000.",
            {"prompt": "R"},
        ),
        frame.Experiment(
            "A character it never saw",
            "The model cannot read it, so the page says which it is and offers to drop it; your text stays.",
            {"prompt": "To be or not to be €?"},
        ),
    ],
)
frame.code(
    "explorer.models.gpt.CausalSelfAttention",
    "explorer.core.attention.attention_pattern",
    "explorer.inspection.attention.trace_attention",
    "explorer.inspection.attention.head_stages",
)


def pattern_rows() -> list[tuple[int, int, int, str, int, str, float]]:
    if "prompt" not in shown:
        return []
    name, prompt = shown["prompt"]
    patterns = resources.attention(name, prompt.ids).patterns.tolist()
    return [
        (layer, head, row, prompt.labels[row], column, prompt.labels[column], weight)
        for layer, heads in enumerate(patterns)
        for head, rows in enumerate(heads)
        for row, weights in enumerate(rows)
        for column, weight in enumerate(weights[: row + 1])
    ]


columns = ("layer", "head", "row", "looks", "column", "at", "attention")
frame.data_out("gpt", {"attention": (columns, pattern_rows)})
