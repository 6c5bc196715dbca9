"""The numbers of the page Generate as tables: one token's stages, and the whole text's surprise."""

from __future__ import annotations

from typing import Any

import streamlit as st

from explorer.inspection.sampling import STAGES
from explorer.text.tokenizers import visible
from explorer.ui.sections.generation_manuscript import Manuscript
from explorer.ui.sections.generation_text import coloured


def show_numbers(manuscript: Manuscript) -> None:
    """Every token of prompt and text with its surprise."""
    with st.expander("The same text as a table: every token with its surprise"):
        columns = ("number", "token", "origin", "surprise in bits")
        rows = [dict(zip(columns, row, strict=True)) for row in text_rows(manuscript)]
        st.dataframe(rows, hide_index=True, height=320, key="generate_numbers")


def text_rows(manuscript: Manuscript | None) -> list[tuple[int, str, str, float | None]]:
    """Number, token, where it came from and −log₂ p of each token of the prompt and the text."""
    if manuscript is None:
        return []
    return [
        (i, visible(token.text), token.kind, token.bits)
        for i, token in enumerate(coloured(manuscript, manuscript.line), start=1)
    ]


def step_rows(manuscript: Manuscript | None) -> list[tuple[Any, ...]]:
    """Every token of the vocabulary with its stages, at the place that is looked at."""
    if manuscript is None:
        return []
    reading = manuscript.read(manuscript.place)
    stages = (getattr(reading, stage).tolist() for stage in STAGES)
    return list(zip(manuscript.checkpoint.tokenizer.labels, *stages, strict=True))
