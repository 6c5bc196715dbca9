"""The page GPT inside: its parts on one checkpoint and one prompt, of which only the open one is computed and drawn."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from typing import Any

import streamlit as st

from explorer.ui import frame, resources
from explorer.ui.pickers import checkpoint_names, checkpoint_picker, prompt_box, read_as
from explorer.ui.state import KEPT

DEFAULT = "ROMEO:\nWhat light is this?"
HEADS, LEARNING = "1 Heads", "9 While it learns"
# Each part is a function of a module in ui/sections, imported when the part is first opened.
PARTS = {
    HEADS: "gpt_wall.show_heads",
    "2 One head": "gpt_head.show_one_head",
    "3 Values": "gpt_pipeline.show_values",
    "4 Switch off": "gpt_ablation.show_ablation",
    "5 Lens": "gpt_lens.show_lens",
    "6 Attribution": "gpt_attribution.show_attribution",
    "7 Stream": "gpt_stream.show_stream",
    "8 Sizes": "gpt_costs.show_costs",
    LEARNING: "gpt_learning.show_learning",
}
MOST_ROWS = 300_000  # of a table of maps: beyond it, the open head's alone


@st.fragment
def explore(shown: dict[str, Any]) -> None:
    """One fragment from the part to its last figure: nothing outside it is drawn again."""
    shown.clear()
    _read_ahead()
    part = st.segmented_control("Part", list(PARTS), default=next(iter(PARTS)), required=True, key="gpt_part", **KEPT)
    module, _, name = PARTS[part].partition(".")
    show = getattr(import_module(f"explorer.ui.sections.{module}"), name)
    with frame.problems_in_place():
        if part == LEARNING:
            show(shown)
            return
        loaded = checkpoint_picker(needs_attention=True)
        if loaded is None:
            return
        prompt = prompt_box(
            loaded.tokenizer, limit=loaded.model.config.context_length, default=DEFAULT, boundary=loaded.boundary
        )
        if prompt is not None:
            shown["prompt"] = (loaded.name, prompt)
            show(loaded, prompt)


def _read_ahead() -> None:
    """Read what was typed before anything is drawn: what then comes without a pause, the browser lays out once.

    Nothing is decided here: an input that cannot be read is answered where it is drawn, and what takes long has its bar
    there.
    """
    name, text = st.session_state.get("checkpoint"), st.session_state.get("prompt")
    if st.session_state.get("gpt_part", HEADS) != HEADS or not text or name not in checkpoint_names():
        return
    with suppress(ValueError):
        loaded = resources.checkpoint(name)
        has_heads = hasattr(loaded.model.config, "n_heads") and getattr(loaded.model.config, "n_layers", 0) > 0
        if not has_heads or loaded.tokenizer.missing(text):  # other pages offer models that this one does not
            return
        ids = tuple(read_as(loaded.tokenizer, text, loaded.boundary)[-loaded.model.config.context_length :])
        if not resources.is_much(name, ids):
            from explorer.ui.sections.gpt_wall import wall_side

            resources.heads(name, ids, wall_side(loaded.model.config.n_heads))


def pattern_rows(shown: dict[str, Any]) -> Sequence[tuple[Any, ...]]:
    """Every weight of every map; of a long prompt or a large model, of the open head only."""
    from explorer.inspection.attention import window_patterns

    if "head" not in shown:
        return []
    reading, layer, head = shown["head"]
    labels = shown["prompt"][1].labels
    L, H, T = reading.queries.shape[:3]
    pairs = [(a, b) for a in range(L) for b in range(H)] if L * H * T * (T + 1) // 2 <= MOST_ROWS else [(layer, head)]
    return [
        (a, b, row, labels[row], column, labels[column], weight)
        for a, b in pairs
        for row, weights in enumerate(window_patterns(reading.queries[a, b], reading.keys[a, b], 0, T).tolist())
        for column, weight in enumerate(weights[: row + 1])
    ]


def behaviour_rows(shown: dict[str, Any]) -> Sequence[tuple[Any, ...]]:
    """What every head does, one row a head."""
    if "scores" not in shown:
        return []
    scores = shown["scores"]
    L, H = scores["self"].shape
    return [(a, b, *(float(scores[name][a, b]) for name in scores)) for a in range(L) for b in range(H)]


def next_rows(shown: dict[str, Any]) -> Sequence[tuple[Any, ...]]:
    """Every token of the vocabulary and how likely it comes next."""
    if "head" not in shown:
        return []
    name, _ = shown["prompt"]
    labels = resources.checkpoint(name).tokenizer.labels
    return list(zip(labels, shown["head"][0].probabilities.tolist(), strict=True))


def step_rows(shown: dict[str, Any]) -> Sequence[tuple[Any, ...]]:
    """Every number of the step that is open in part 3."""
    if "step" not in shown:
        return []
    step, labels = shown["step"], shown["prompt"][1].labels
    return [
        (step.name, row, labels[row], column, value)
        for row, values in enumerate(step.values.tolist())
        for column, value in enumerate(values)
    ]
