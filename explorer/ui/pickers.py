"""The choices that several pages offer: a corpus, a checkpoint, a prompt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import streamlit as st

from explorer.ui import frame, resources
from explorer.ui.state import KEPT, text_box
from explorer.ui.words import literal
from explorer.ui.workspace import shown_name, workspace

if TYPE_CHECKING:
    from explorer.models.checkpoints import Checkpoint
    from explorer.text.tokenizers import Tokenizer


def corpus_picker(key: str = "corpus", *, label: str = "Corpus: the text to learn from") -> str | None:
    """The name of a corpus that is on this machine, or None while the chosen one still has to be fetched."""
    from explorer.text.corpora import CORPORA, is_local

    name = st.selectbox(
        label,
        list(CORPORA),
        key=key,
        format_func=lambda name: CORPORA[name].title,
        **KEPT,
    )
    st.caption(literal(CORPORA[name].description))
    if is_local(name):
        return str(name)
    st.info(
        "This text is not on this machine yet. It is downloaded once, checked, and kept.", icon=":material/download:"
    )
    if st.button("Download it", key=f"{key}_download"):
        with frame.problems_in_place(), st.spinner("Downloading…"):
            resources.corpus(name)
            st.rerun()
    return None


def checkpoint_picker(key: str = "checkpoint", *, needs_attention: bool = False) -> Checkpoint | None:
    """A loaded checkpoint, or None with the reason in place; only models whose attention can be read, if asked.

    The shared ones, then the visitor's own from the page Train, which nobody else is offered.
    """
    names = [name for name in checkpoint_names() if not needs_attention or _may_have_attention(name)]
    if not names:
        frame.problem("There are no trained weights in checkpoints/; `python -m explorer train` makes some.")
        return None
    name = st.selectbox("Checkpoint: the trained model", names, key=key, format_func=shown_name, **KEPT)
    with frame.problems_in_place():
        loaded = resources.checkpoint(name)
        loss = loaded.card.get("losses", {}).get("validation")
        facts = [f"{loaded.model.parameter_count():,} learned numbers"]
        facts += [f"trained on {loaded.card['corpus']['name']}"] if "corpus" in loaded.card else []
        facts += [f"held-out loss {loss:.3f} nats"] if loss is not None else []
        st.caption(literal(", ".join(facts) + "."))
        return loaded
    return None


def checkpoint_names() -> list[str]:
    """Every checkpoint that this visitor may use: the shared ones, then their own, which are named by their paths."""
    from explorer.models.cards import list_checkpoints

    return [*list_checkpoints(), *workspace().checkpoint_names()]


def _may_have_attention(name: str) -> bool:
    """False for an architecture known to have none; a card that cannot be read is offered, and says why when chosen."""
    from explorer.models.cards import CheckpointError, find_card, read_card
    from explorer.models.registry import ARCHITECTURES

    try:
        known = ARCHITECTURES.get(read_card(find_card(name))["architecture"])
    except CheckpointError:
        return True
    return known is None or known.has_attention


@dataclass(frozen=True)
class Prompt:
    """What was typed, as tokens: `ids` are those the model reads, `labels` how each is shown."""

    text: str
    ids: tuple[int, ...]
    labels: tuple[str, ...]


def prompt_box(
    tokenizer: Tokenizer, *, limit: int, default: str, key: str = "prompt", boundary: int | None = None
) -> Prompt | None:
    """The prompt as tokens, or None with the reason in place; nothing typed is ever changed unasked.

    limit: the most tokens to return, the last ones; None of the text is lost, and what is left out is said.
    boundary: the token that begins an item, for a model of items (`Checkpoint.boundary`): it is set before what is
    typed, which may then be nothing.
    """
    text = text_box("Prompt: type anything", key=key, default=default)
    if boundary is not None:
        st.caption(
            f"This model writes one name or word a line; {literal(tokenizer.labels[boundary])} marks the beginning and is "
            "set before what you type."
        )
    if not text and boundary is None:
        st.info("Type at least one character: a model needs something to continue.", icon=":material/edit:")
        return None
    missing = tokenizer.missing(text)
    if missing:
        _offer_to_drop(tokenizer, text, missing, key)
        if boundary is not None:
            st.button("Empty the box", key=f"{key}_empty", on_click=_empty, args=(key,))
        return None
    ids = read_as(tokenizer, text, boundary)
    if len(ids) > limit:
        st.warning(
            f"The prompt has {len(ids):,} tokens; {limit} are read at once. The first {len(ids) - limit:,} are left "
            "out here, and stay in the box.",
            icon=":material/content_cut:",
        )
    kept = tuple(ids[-limit:])
    return Prompt(text, kept, tuple(tokenizer.labels[i] for i in kept))


def read_as(tokenizer: Tokenizer, text: str, boundary: int | None) -> list[int]:
    """The tokens of a text that the tokenizer knows all of, after the boundary where there is one."""
    return [*([] if boundary is None else [boundary]), *tokenizer.encode(text)]


def _offer_to_drop(tokenizer: Tokenizer, text: str, missing: list[str], key: str) -> None:
    from explorer.text.tokenizers import name_character

    shown = ", ".join(f"“{name_character(c)}”" for c in missing[:8]) + (" and others" if len(missing) > 8 else "")
    frame.problem(
        f"This model has never seen {shown}: its vocabulary has {tokenizer.vocab_size} symbols. "
        "Change the prompt, or drop those characters."
    )
    st.button("Drop them", key=f"{key}_drop", on_click=_drop, args=(key, text, missing))


def _empty(key: str) -> None:
    st.session_state[key] = ""


def _drop(key: str, text: str, missing: list[str]) -> None:
    st.session_state[key] = "".join(c for c in text if c not in missing)
