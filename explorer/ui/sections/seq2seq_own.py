"""The visitor's own letters, rewritten by both models."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from explorer.inspection.seq2seq import Attempt, Translation, translate
from explorer.models.seq2seq import Seq2Seq
from explorer.training.seq2seq import ATTENTION, FIXED, KINDS, Seq2SeqSpec
from explorer.ui import frame
from explorer.ui.sections.seq2seq_alignment import show_alignment
from explorer.ui.state import KEPT


def show_own_sequence(models: Mapping[str, Seq2Seq], spec: Seq2SeqSpec, step: int, *, opened: bool = True) -> None:
    """A box for letters; what the task makes of them, what both models wrote, and where attention looked.

    step: the updates that the models have had. opened: whether a cell's arithmetic is shown.
    """
    st.subheader("Your own letters", anchor=False)
    typed = st.text_input(
        "Letters a to z, as many as you like up to 40",
        "beforeattention",
        max_chars=200,
        key="before_typed",
        help="Both models read them without ever having seen them. Capitals are read as small letters.",
        **KEPT,
    )
    with frame.problems_in_place():
        told = translate(models, spec.task, typed or "")
        _tell(told, spec, step)
        show_alignment(told.alignment, key="before_own", parameter="before_own_cell", opened=opened)


def _tell(told: Translation, spec: Seq2SeqSpec, step: int) -> None:
    trained = f"after {step:,} steps" if step else "before any training"
    st.markdown(f"**{spec.task.capitalize()}**, by both models {trained}:")
    n = len(told.typed)
    st.dataframe(
        {
            "": ["right answer", *KINDS],
            "written": [told.expected, *(_written(told.attempts[kind]) for kind in KINDS)],
            "symbols right": [f"{n + 1} of {n + 1}", *(f"{told.attempts[kind].places} of {n + 1}" for kind in KINDS)],
            "whole": ["", *("✓ right" if told.is_right(kind) else "✗ wrong" for kind in KINDS)],
        },
        hide_index=True,
    )
    if step and n > spec.length:
        st.info(
            f"Your {n} letters are longer than anything these models trained on ({spec.length}). Neither has learned "
            "what to do there: attention, too, has to find its place by what the recurrent states tell it."
        )
    elif step and told.is_right(ATTENTION) and not told.is_right(FIXED):
        st.caption("The end mark counts as one symbol. Only the model that may look back at the letters got them all.")


def _written(attempt: Attempt) -> str:
    return attempt.text + ("" if attempt.ended else " … (no end mark)")
