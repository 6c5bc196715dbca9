"""The controls of the page Generate, and what its parts put together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from explorer.core.sampling import SamplingSettings
from explorer.ui.components.surprise_text import clicked_token
from explorer.ui.components.token_stages import chosen_token
from explorer.ui.sections.generation_manuscript import Manuscript, Request, manuscript_of, newest_manuscript
from explorer.ui.sections.generation_stages import STAGES_KEY, show_stages_of_a_token
from explorer.ui.sections.generation_text import (
    ALL_AT_ONCE,
    BRANCHES_KEY,
    LONGEST,
    TEXT_KEY,
    by_hand,
    show_pace,
    show_text,
)
from explorer.ui.state import KEPT, hold_at_most

if TYPE_CHECKING:
    from explorer.models.checkpoints import Checkpoint
    from explorer.ui.pickers import Prompt

_TIPS = {
    "temperature": "Divides the logits. Below 1 sharpens the choice, above 1 flattens it, 0 always takes the likeliest.",
    "top_k": "Keep only the k likeliest tokens at each step.",
    "top_p": "Then keep the smallest set of likeliest tokens whose probabilities add up to p.",
    "context": "How many of the last tokens the model may read when it writes the next.",
    "seed": "Fixes the random pointers: the same seed, settings and choices write the same text.",
}


def obey_clicks() -> None:
    """Do what was clicked in the figures since the last run; call it before the controls are drawn."""
    manuscript = newest_manuscript()
    if manuscript is None or manuscript.request is None:
        return
    place, branch, token = clicked_token(TEXT_KEY), clicked_token(BRANCHES_KEY), chosen_token(STAGES_KEY)
    names = list(manuscript.branches.kept)
    if place is not None:
        manuscript.rewind(max(0, place.token - len(manuscript.ids)))
    elif token is not None and len(manuscript.line) < LONGEST:
        manuscript.choose(token)
    elif branch is not None and 1 <= branch.panel <= len(names):
        manuscript.open(names[branch.panel - 1])
    else:
        return
    by_hand(manuscript)


def sampling_controls(checkpoint: Checkpoint) -> Request:
    """The sliders as a request. Raises ValueError naming the setting that cannot be."""
    V, longest = checkpoint.tokenizer.vocab_size, checkpoint.model.config.context_length
    columns = st.columns(3)
    with columns[0]:
        temperature = st.slider(
            "Temperature", 0.0, 2.0, 0.8, 0.05, key="temperature", help=_TIPS["temperature"], **KEPT
        )
        length = st.number_input("Length, tokens to write", 1, LONGEST, 300, key="length", **KEPT)
    with columns[1]:
        top_k = st.number_input(f"Top-k, 0 to {V} (0 keeps all)", 0, None, 0, key="top_k", help=_TIPS["top_k"], **KEPT)
        label = "Context length, tokens to look back on"
        if longest > 1:
            _keep_all_the_context(longest)
            context = st.slider(label, 1, longest, longest, key="context", help=_TIPS["context"], **KEPT)
        else:
            context = 1
            st.caption("Context length: 1, this model looks back on one token only.")
    with columns[2]:
        top_p = st.slider("Top-p", 0.0, 1.0, 1.0, 0.01, key="top_p", help=_TIPS["top_p"], **KEPT)
        seed = st.number_input("Seed", 0, 99_999, 1, key="sample_seed", help=_TIPS["seed"], **KEPT)
    settings = SamplingSettings(temperature, int(top_k) or None, top_p)
    settings.check_vocabulary(V)
    if settings.is_greedy:
        st.info(
            "Temperature 0 is greedy: always the likeliest token. Seed, top-k and top-p play no part.",
            icon=":material/my_location:",
        )
    return Request(settings, int(context), int(length), int(seed))


def _keep_all_the_context(longest: int) -> None:
    """A slider that stood at its end stays there when another model moves the end."""
    before, st.session_state["_context_limit"] = st.session_state.get("_context_limit"), longest
    if before not in (None, longest) and st.session_state.get("context") == before:
        st.session_state["context"] = longest
    hold_at_most("context", longest)


def write_and_look(checkpoint: Checkpoint, prompt: Prompt, request: Request) -> Manuscript:
    """The text, how it is written, its branches, and the stages of one of its tokens."""
    st.subheader("The text", anchor="text")
    manuscript = manuscript_of(checkpoint, prompt.ids)
    row = st.container(horizontal=True, vertical_alignment="bottom", key="generate_doing")
    with row:
        pace = show_pace()
    manuscript.follow(request, all_at_once=pace == ALL_AT_ONCE)
    show_text(manuscript, row)
    show_stages_of_a_token(manuscript)
    return manuscript
