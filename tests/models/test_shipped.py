"""What the shipped weights are said to do, on the weights themselves."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import pytest

from explorer.inspection.attention import trace_attention
from explorer.models.cards import CHECKPOINTS, find_card
from explorer.models.checkpoints import load_checkpoint


@pytest.mark.parametrize("name", CHECKPOINTS)
def test_a_shipped_checkpoint_loads_and_its_card_says_how_to_repeat_it(name: str) -> None:
    card = json.loads(find_card(name).read_text(encoding="utf-8"))
    assert load_checkpoint(name).card == card
    assert {"corpus", "seed", "steps", "command", "losses", "baselines", "date", "config"} <= set(card)
    weights = find_card(name).with_suffix(".safetensors").read_bytes()
    assert hashlib.sha256(weights).hexdigest() == card["weights"]["sha256"]
    assert len(weights) <= 8 * 2**20


def test_the_shipped_gpt_beats_the_baselines_on_its_card() -> None:
    card = load_checkpoint("shakespeare-gpt").card
    assert card["losses"]["validation"] <= 1.65
    assert card["losses"]["validation"] < card["baselines"]["bigram"] < card["baselines"]["unigram"]
    assert card["baselines"]["uniform"] == pytest.approx(np.log(65), abs=1e-4)


def attention_at_distance(prompt: str, distance: int, first: int) -> np.ndarray:
    """How much each head, (L, H), gives on average to the token `distance` before, from token `first` on."""
    loaded = load_checkpoint("shakespeare-gpt")
    patterns = trace_attention(loaded.model, loaded.tokenizer.encode(prompt)).patterns
    rows = range(first, patterns.shape[-1])
    return np.mean([patterns[:, :, row, row - distance] for row in rows], axis=0)


@pytest.mark.parametrize("prompt", ["ROMEO:\nWhat light is this?", "To be, or not to be, that is the question:"])
def test_one_head_looks_one_back_and_another_two_back(prompt: str) -> None:
    assert attention_at_distance(prompt, 1, first=1)[0, 1] > 0.9
    assert attention_at_distance(prompt, 2, first=2)[0, 3] > 0.9


def test_no_head_looks_at_what_followed_the_same_letters_before() -> None:
    phrase = "the king and "
    prompt = (phrase * 3).rstrip()
    assert attention_at_distance(prompt, len(phrase) - 1, first=len(phrase)).max() < 0.1
