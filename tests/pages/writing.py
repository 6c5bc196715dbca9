"""Drives the page Generate in AppTest and reads back the text, its surprise and the bars."""

from __future__ import annotations

from typing import Any

import numpy as np
from streamlit.testing.v1 import AppTest

from explorer.core.sampling import SamplingSettings
from explorer.models.checkpoints import Checkpoint
from explorer.models.generation import generate
from tests.pages.driving import component, go

PAGE = "pages/generate.py"
PROMPT = "ROMEO:\nWhat light is this?"
MODEL = "shakespeare-gpt"
SHORT = {"length": "12", "checkpoint": MODEL}
BY_HAND = {"pace": "Step by step", **SHORT}
TITLES = {
    "logits": "logits",
    "÷ temperature": "scaled",
    "after top-k": "after_top_k",
    "after top-p": "after_top_p",
    "probability": "probabilities",
}


def finished(at: AppTest) -> AppTest:
    """Run turn after turn, as the timer does, until the whole text is there."""
    for _ in range(400):
        if "Written: " in page_html(at):
            return at
        go(at)
    raise AssertionError("The text did not come to its end.")


def page_html(at: AppTest) -> str:
    return "".join(element.proto.body for element in at.get("html"))


def tokens(at: AppTest, key: str = "generate_text", panel: int = 0) -> list[list[Any]]:
    """Text, bits, origin, note and wholeness of each token drawn."""
    drawn: list[list[Any]] = component(at, key)["panels"][panel]["tokens"]
    return drawn


def continuation(at: AppTest) -> str:
    return "".join(token[0] for token in tokens(at) if token[2] in ("drawn", "chosen"))


def stages(at: AppTest) -> tuple[list[int], dict[str, np.ndarray]]:
    """Token ids in the order drawn, and the numbers of every stage by its title."""
    data = component(at, "generate_stages")
    return data["ids"], {row["title"]: np.array(row["values"], dtype=float) for row in data["rows"]}


def click_token(at: AppTest, number: int, turn: str) -> AppTest:
    """As a click on a token of the text does."""
    at.session_state["generate_text"] = {"event": {"panel": 0, "token": number, "turn": turn}}
    return go(at)


def click_column(at: AppTest, token: int, turn: str) -> AppTest:
    """As a click on a token's column of bars does."""
    at.session_state["generate_stages"] = {"event": {"token": token, "turn": turn}}
    return go(at)


def written(shipped: Checkpoint, prompt: str, length: int, settings: SamplingSettings, seed: int = 0) -> str:
    made = generate(shipped.model, shipped.tokenizer.encode(prompt), length, settings, seed=seed)
    return shipped.tokenizer.decode([token.token for token in made])
