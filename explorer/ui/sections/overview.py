"""The Overview's strip of losses, drawn in plain HTML so that the first paint waits for no chart library."""

from __future__ import annotations

from html import escape

import streamlit as st

from explorer.models.cards import CHECKPOINTS, CheckpointError, find_card, read_card

NAMES = {
    "uniform": "Guessing evenly",
    "unigram": "Knowing how common each character is",
    "bigram": "Bigram: knowing the character before",
}


def show_losses() -> None:
    """Held-out losses of the shipped GPT and of the baselines its card carries; nothing if there is no card."""
    name = next(iter(CHECKPOINTS))
    try:
        card = read_card(find_card(name))
        bars = [(NAMES[key], float(card["baselines"][key])) for key in NAMES]
        bars.append((f"{name}: {card['parameters'] / 1e6:.1f} million learned numbers", card["losses"]["validation"]))
    except (CheckpointError, KeyError):
        return
    st.subheader("What each idea buys", anchor=False)
    st.markdown(
        f"How surprised each model is by text it has never seen, the last tenth of {escape(card['corpus']['name'])}, "
        "in nats a character. Shorter is better."
    )
    longest = max(loss for _, loss in bars)
    st.html("".join(_bar(label, loss, loss / longest) for label, loss in bars))


def _bar(label: str, loss: float, share: float) -> str:
    return (
        '<div style="margin:.35rem 0">'
        f'<div style="display:flex;justify-content:space-between;gap:1rem"><span>{escape(label)}</span>'
        f"<strong>{loss:.3f}</strong></div>"
        '<div style="height:.7rem;border-radius:.35rem;background:var(--st-secondary-background-color,#8881)">'
        f'<div style="height:100%;width:{share:.1%};border-radius:.35rem;background:var(--st-primary-color,#2a6fb0)">'
        "</div></div></div>"
    )
