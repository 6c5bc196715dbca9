"""Models of one corpus under different tokenizers, compared in bits per byte."""

from __future__ import annotations

import math
from typing import Any

import streamlit as st

from explorer.models.cards import CheckpointError, find_card, list_checkpoints, read_card
from explorer.ui.words import literal

KINDS = {"char": "characters", "word": "words", "bpe": "byte-pair"}
PAIR = ("drama-gpt", "drama-bpe-gpt")  # the same shape and training, one by characters, one by sub-words


def show_losses_across_tokenizers() -> None:
    """A table of the checkpoints that share a corpus but not a tokenizer; nothing where there are none."""
    cards = [card for name in PAIR if (card := _card(name)) is not None]
    if len(cards) < len(PAIR):
        return
    st.subheader("Which one predicts better?", anchor=False)
    st.markdown(
        "Two GPTs of one shape, trained alike on the verse drama: one reads characters, one sub-words. Their losses "
        "**per token** say nothing about each other: a sub-word is harder to guess than a character, and there are fewer "
        "of them. Only what a **byte** of the same text costs can be compared: the loss in bits, times the tokens, "
        "divided by the bytes they stand for."
    )
    st.table(
        {
            "model": [card["name"] for card in cards],
            "tokens": [KINDS[card["tokenizer"]["kind"]] for card in cards],
            "vocabulary": [f"{card['config']['vocab_size']:,}" for card in cards],
            "held-out loss, nats per token": [f"{card['losses']['validation']:.3f}" for card in cards],
            "bytes per token": [f"{_bytes_per_token(card):.2f}" for card in cards],
            "**bits per byte**": [f"{card['losses']['bits_per_byte']:.3f}" for card in cards],
        },
        border="horizontal",
    )
    by_token, by_byte = (min(cards, key=measure)["name"] for measure in (_per_token, _per_byte))
    st.caption(
        literal(
            f"By the loss per token {by_token} looks better; per byte it is {by_byte}."
            if by_token != by_byte
            else f"Here {by_byte} is better by both, but only the last column says so."
        )
    )
    with st.expander("What each of them writes, from the start of a text"):
        for column, card in zip(st.columns(len(cards)), cards, strict=True):
            with column:
                st.markdown(f"**{literal(card['name'])}**")
                st.code(card["sample"].strip("\n"), language=None, wrap_lines=True)


def _card(name: str) -> dict[str, Any] | None:
    try:
        card = read_card(find_card(name)) if name in list_checkpoints() else None
    except CheckpointError:
        return None
    return card if card is not None and "bits_per_byte" in card.get("losses", {}) else None


def _bytes_per_token(card: dict[str, Any]) -> float:
    """From the two losses: nats per token, divided by nats per byte."""
    per_token, per_byte = card["losses"]["validation"], card["losses"]["bits_per_byte"] * math.log(2)
    return float(per_token / per_byte)


def _per_token(card: dict[str, Any]) -> float:
    return float(card["losses"]["validation"])


def _per_byte(card: dict[str, Any]) -> float:
    return float(card["losses"]["bits_per_byte"])
