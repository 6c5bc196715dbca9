"""The road from the model's scores to one token of the text, and the choice of another."""

from __future__ import annotations

import streamlit as st

from explorer.inspection.sampling import STAGES, SamplingReading, show_stages
from explorer.ui.components.token_stages import StageRow, token_stages
from explorer.ui.sections.generation_manuscript import Manuscript
from explorer.ui.state import KEPT, hold_at_most
from explorer.ui.words import literal

STAGES_KEY, STEP_KEY = "generate_stages", "step"
TITLES = ("logits", "÷ temperature", "after top-k", "after top-p", "probability")
HINT = (
    "The likeliest token stands first. Hover, tap or focus a column to read its numbers; click it, or press Enter, to write "
    "that token yourself. Hatched: taken out by a filter."
)


def show_stages_of_a_token(manuscript: Manuscript) -> None:
    """A slider over the tokens, the next one last, and all that was, or is, between its logits and the choice."""
    st.subheader("How a token is chosen", anchor=False)
    place = manuscript.place = _pick_place(manuscript)
    reading = manuscript.read(place)
    labels = manuscript.checkpoint.tokenizer.labels
    st.markdown(_in_words(manuscript, reading, place, labels))
    shown = show_stages(reading)
    rows = [
        StageRow(title, values, others, is_share=stage == "probabilities")
        for title, stage, values, others in zip(TITLES, STAGES, shown.values, shown.others, strict=True)
    ]
    token_stages(
        rows,
        ids=shown.ids.tolist(),
        labels=[labels[i] for i in shown.ids],
        key=STAGES_KEY,
        alt="Five bars for each token, from its logit to the probability it is drawn with; click one to write it",
        n_others=shown.n_others,
        taken=reading.token,
        verb="Write" if place == len(manuscript.line) else "Go back and write",
        hint=HINT,
    )


def _pick_place(manuscript: Manuscript) -> int:
    """The token to look at, from 0; as many as are written for the next one.

    Step by step the slider follows the text to its end: it is another slider for every length, so that no late answer
    of the browser about the one before can move it.
    """
    written, last = len(manuscript.line), manuscript.goal + 1
    if last == 1:
        st.caption("Nothing is written yet: below is what may come first.")
        return 0
    label = "Token of the continuation to look at; the last is the next one, not yet written"
    if manuscript.all_at_once:
        hold_at_most(STEP_KEY, last)
        number = st.slider(label, 1, last, 1, key=STEP_KEY, **KEPT)
    else:
        number = st.slider(label, 1, last, last, key=f"generate_look_{last}", disabled=manuscript.is_writing)
    return min(int(number) - 1, max(0, written - 1) if manuscript.is_writing else written)


def _in_words(manuscript: Manuscript, reading: SamplingReading, place: int, labels: tuple[str, ...]) -> str:
    could = f"{reading.kept:,} of {len(labels):,} tokens could be drawn"
    if reading.token is None:
        best = int(reading.unfiltered.argmax())
        return (
            f"Token {place + 1} comes next: {could}. The model's own favourite is “**{literal(labels[best])}**” with "
            f"{reading.unfiltered[best]:.1%}."
        )
    token = manuscript.line[place]
    how = f"pointer {token.pointer:.4f}"
    if token.chosen:
        how = "but this one was chosen by you, so the pointer played no part"
    elif token.settings is not None and token.settings.is_greedy:
        how = "greedy, so the pointer plays no part"
    return (
        f"Token {place + 1} is “**{literal(labels[token.token])}**”: {could} ({how}). The model itself gave it "
        f"{reading.unfiltered[token.token]:.1%}, a surprise of {token.surprise:.2f} bits."
    )
