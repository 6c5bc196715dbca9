"""Choosing one token of a vocabulary, be it 27 letters or GPT-2's 50,257 pieces."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

import streamlit as st

from explorer.inspection.embedding_table import kind_of
from explorer.ui import frame, resources
from explorer.ui.state import KEPT
from explorer.ui.words import literal

if TYPE_CHECKING:
    from explorer.models.checkpoints import Checkpoint

MOST_OFFERED = 1000  # tokens in one list; a browser is sent every one of them
_TYPED = " the"


def token_names(loaded: Checkpoint) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Of every token a name to choose it by, and its kind."""
    return _names_and_kinds(loaded.name, str(loaded.card["weights"]["sha256"]))


@st.cache_resource(max_entries=4, show_spinner="Reading the vocabulary…")
def _names_and_kinds(name: str, weights: str) -> tuple[tuple[str, ...], tuple[str, ...]]:  # noqa: ARG001
    """Its label, with its number where the label alone is not unique, and what `kind_of` says."""
    tokenizer = resources.checkpoint(name).tokenizer
    labels = tokenizer.labels
    count = Counter(labels)
    names = tuple(f"{label} (token {i})" if count[label] > 1 else label for i, label in enumerate(labels))
    return names, tuple(kind_of(tokenizer.decode([i])) for i in range(len(labels)))


def choose_token(loaded: Checkpoint, names: Sequence[str]) -> int:
    """The number of a token: from a list or, of a large vocabulary, by typing a text that has it."""
    if len(names) <= MOST_OFFERED:
        if st.session_state.get("embeddings_token") not in (None, *names):
            del st.session_state["embeddings_token"]
        first = names.index("a") if "a" in names else 0
        return names.index(st.selectbox("Token", names, first, key="embeddings_token", **KEPT))
    return _choose_typed(loaded, names)


def _choose_typed(loaded: Checkpoint, names: Sequence[str]) -> int:
    """Type a text, then choose among the tokens it is read as."""
    text = st.text_input(
        f"Text whose tokens to choose from: one of {len(names):,}",
        _TYPED,
        key="embeddings_typed",
        max_chars=200,
        help="With a space before it a word is another token than without.",
        **KEPT,
    )
    ids: list[int] = []
    with frame.problems_in_place():
        ids = list(dict.fromkeys(loaded.tokenizer.encode(text or _TYPED)))
    offered = [names[i] for i in ids] or [names[0]]
    if st.session_state.get("embeddings_piece") not in (None, *offered):
        del st.session_state["embeddings_piece"]
    if len(offered) == 1:
        st.caption(f"It is one token: {literal(offered[0])}.")
        return ids[0] if ids else 0
    picked = st.selectbox("Token", offered, key="embeddings_piece", **KEPT)
    return ids[offered.index(picked)]
