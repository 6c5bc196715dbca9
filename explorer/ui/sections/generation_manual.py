"""The user manual of generation: another checkpoint, another corpus, every setting, each with a button that does it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import streamlit as st
from streamlit.errors import StreamlitAPIException

from explorer.models.cards import CHECKPOINTS, CheckpointError, find_card, list_checkpoints, read_card
from explorer.text.corpora import CORPORA, is_local
from explorer.ui.sections.generation_manuscript import Manuscript, newest_manuscript
from explorer.ui.sections.generation_text import ALL_AT_ONCE, PACE_KEY, STEP_BY_STEP
from explorer.ui.state import set_controls
from explorer.ui.words import literal

TRAIN_PAGE = "pages/train.py"
ECHOED = 120  # characters of a text
_DONE = "_manual_done"


@dataclass(frozen=True)
class ManualStep:
    """title: what is done. words: how and why, in Markdown. settings: what its button sets, by key; none, no button.
    button: what it says. command: for a terminal. table: rows to show, by column."""

    title: str
    words: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    button: str = "Do it"
    commands: tuple[str, ...] = ()


def show_manual(default_prompt: str) -> None:
    """The steps in order, one to open at a time."""
    st.subheader("User manual: another text, another model, other settings", anchor="manual")
    st.markdown(
        "Every step says what to do by hand; its button does the same at the top of this page, and shows here how the "
        "text begins before and after."
    )
    cards = _cards()
    for number, step in enumerate(_steps(cards, default_prompt), start=1):
        with st.expander(f"{number} · {step.title}", expanded=st.session_state.get(_DONE, (0,))[0] == number):
            st.markdown(step.words)
            if step.title == _CHECKPOINT:
                st.dataframe(_table_of_checkpoints(cards), hide_index=True)
            if step.title == _CORPUS:
                st.dataframe(_table_of_corpora(cards), hide_index=True)
            for command in step.commands:
                st.code(command, language="bash")
            if step.title == _TRAIN:
                _link_to_training()
            if step.settings:
                key = f"generate_manual_{number}"
                st.button(step.button, key=key, on_click=_do, args=(number, dict(step.settings)))
                _show_effect(number)


_CHECKPOINT, _CORPUS, _TRAIN = "Take another checkpoint", "Take another corpus", "Train a model on another corpus"


def _steps(cards: Mapping[str, Mapping[str, Any]], default_prompt: str) -> list[ManualStep]:
    names = next((name for name in ("names-transformer", "names-wavenet", "names-mlp") if name in cards), None)
    drama = next((name for name in ("drama-gpt", "drama-bpe-gpt") if name in cards), None)
    fresh = {"temperature": 0.8, "top_k": 0, "top_p": 1.0, PACE_KEY: ALL_AT_ONCE}
    return [
        ManualStep(
            _CHECKPOINT,
            "A **checkpoint** is a trained model on disk: its learned numbers (the weights) and a card that says what they "
            "are, which text they were trained on and how well they predict. The list **Checkpoint** at the top of this "
            "page offers all there are. The held-out loss is the mean of −ln p for each token of text never trained on; "
            "lower is better, but comparable only between models that cut text into the same tokens.",
            {"checkpoint": names, "prompt": "mar", **fresh} if names else {},
            f"Do it: load {names} and begin with “mar”",
        ),
        ManualStep(
            _CORPUS,
            "A **corpus** is the text a model learned from; it decides what the model can write about, and which characters "
            "it knows. These are the texts of this app. “Learned by” names the checkpoints that were trained on one: "
            "choose such a checkpoint, and you have chosen the corpus.",
            {"checkpoint": drama, "prompt": "What sea", **fresh} if drama else {},
            f"Do it: load {drama}, which learned the verse drama",
        ),
        ManualStep(
            _TRAIN,
            "No checkpoint has learned the text you want? Train one: on the page Train, or in a terminal. The first line "
            "below takes a small GPT and the tale; the finished model is then in the list **Checkpoint**, here and in the "
            "command that the second line shows.",
            commands=(
                "python -m explorer train --preset gpt-tiny --corpus tale --name my-tale",
                'python -m explorer generate --checkpoint my-tale --prompt "The sea"',
            ),
        ),
        ManualStep(
            "Load a model that somebody else has trained",
            "A GPT-2 from the Hugging Face hub, one in a folder, or a `ckpt.pt` of nanoGPT is converted once, and is then "
            "in the list **Checkpoint** as well. Pickled code is never run.",
            commands=(
                "python -m explorer checkpoints add openai-community/gpt2",
                "python -m explorer checkpoints add path/to/ckpt.pt",
            ),
        ),
        ManualStep(
            "Set the temperature",
            "**Temperature** divides the logits before they become probabilities. Below 1 the likely tokens gain: safe text "
            "that repeats itself. Above 1 the unlikely ones gain: wilder, more misspelt. At 0 the likeliest token is always "
            "taken. Move the slider **Temperature**.",
            {"temperature": 1.5, PACE_KEY: ALL_AT_ONCE},
            "Do it: temperature 1.5",
        ),
        ManualStep(
            "Set top-k",
            "**Top-k** keeps the k likeliest tokens and takes out all others, however many are good. Type a number into "
            "**Top-k**; 0 keeps all.",
            {"top_k": 3, PACE_KEY: ALL_AT_ONCE},
            "Do it: keep the 3 likeliest",
        ),
        ManualStep(
            "Set top-p",
            "**Top-p** keeps as many of the likeliest tokens as it takes to reach the probability p: few where the model is "
            "sure, many where it is not. 1 keeps all. Move the slider **Top-p**.",
            {"top_p": 0.5, PACE_KEY: ALL_AT_ONCE},
            "Do it: the half that is likeliest",
        ),
        ManualStep(
            "Set the context length",
            "**Context length** is how many of the last tokens the model may read. Shorter, it forgets how its sentence "
            "began: what is out of sight is struck through in the text above. Move the slider **Context length**.",
            {"context": 4, PACE_KEY: ALL_AT_ONCE},
            "Do it: look back on 4 tokens",
        ),
        ManualStep(
            "Set the seed",
            "The **seed** fixes where the random pointer falls for each token. The same seed and settings write the same "
            "text; another seed, another one.",
            {"sample_seed": 7, PACE_KEY: ALL_AT_ONCE},
            "Do it: seed 7",
        ),
        ManualStep(
            "Choose tokens yourself",
            "Under **How to write** take **Step by step**. **Step** draws one token; a click on a column of the bars writes "
            "that one instead. A click on a token of the text goes back to the moment before it: what followed is kept as a "
            "branch, to return to and to compare.",
            {PACE_KEY: STEP_BY_STEP},
            "Do it: step by step",
        ),
        ManualStep(
            "Begin again",
            "All settings as they were when you came.",
            {"checkpoint": next(iter(cards)), "prompt": default_prompt, "sample_seed": 1, "length": 300, **fresh}
            if cards
            else {},
            "Do it: back to the beginning",
        ),
    ]


def _do(number: int, settings: dict[str, Any]) -> None:
    st.session_state[_DONE] = number, _beginning(newest_manuscript())
    set_controls(settings)


def _show_effect(number: int) -> None:
    done, before = st.session_state.get(_DONE, (0, ""))
    if done == number:
        now = _beginning(newest_manuscript())
        st.success(
            f"Done. Before: {literal(before)}  \nNow: {literal(now)}  \n[Up to the text](#text)",
            icon=":material/check:",
        )


def _beginning(manuscript: Manuscript | None) -> str:
    """How the visitor's text begins, on one line."""
    if manuscript is None or not manuscript.line:
        return "nothing is written yet"
    text = manuscript.checkpoint.tokenizer.decode([token.token for token in manuscript.line[:ECHOED]])
    return f"“{text[:ECHOED]}”".replace("\n", " ↵ ")


def _link_to_training() -> None:
    if Path(TRAIN_PAGE).exists():
        try:
            st.page_link(TRAIN_PAGE, label="Open the page Train", icon=":material/model_training:")
        except StreamlitAPIException:  # the page is there, and not yet in the navigation
            return


def _cards() -> dict[str, dict[str, Any]]:
    """The cards of all checkpoints by name; those that cannot be read are left out."""
    found = {}
    for name in list_checkpoints():
        try:
            found[name] = read_card(find_card(name))
        except CheckpointError:
            continue
    return found


def _table_of_checkpoints(cards: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [
        {
            "checkpoint": name,
            "what it is": CHECKPOINTS.get(name, f"architecture {card['architecture']}"),
            "corpus": card.get("corpus", {}).get("name", "not said"),
            "learned numbers": card.get("parameters"),
            "tokens it looks back on": card["config"].get("context_length"),
            "held-out loss, nats": card.get("losses", {}).get("validation"),
        }
        for name, card in cards.items()
    ]


def _table_of_corpora(cards: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [
        {
            "corpus": name,
            "what it is": f"{entry.title}: {entry.description}",
            "language": entry.language,
            "licence": entry.licence,
            "on this machine": "yes" if is_local(name) else f"python -m explorer corpora --fetch {name}",
            "learned by": ", ".join(c for c, card in cards.items() if card.get("corpus", {}).get("name") == name),
        }
        for name, entry in CORPORA.items()
    ]
