"""What the shipped weights are said to do, on the weights themselves."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import pytest
import torch

from explorer.core.sampling import SamplingSettings
from explorer.inspection.ablation import parse_parts, read_without
from explorer.inspection.attention import trace_attention
from explorer.models.cards import CHECKPOINTS, find_card
from explorer.models.checkpoints import load_checkpoint
from explorer.models.generation import generate
from explorer.text.batches import split_corpus, start_of_text
from explorer.text.corpora import is_local, load_corpus
from explorer.training.evaluation import evaluate


@pytest.mark.parametrize("name", CHECKPOINTS)
def test_a_shipped_checkpoint_loads_and_its_card_says_how_to_repeat_it(name: str) -> None:
    card = json.loads(find_card(name).read_text(encoding="utf-8"))
    assert load_checkpoint(name).card == card
    assert {"corpus", "seed", "steps", "command", "losses", "sample", "baselines", "date", "config"} <= set(card)
    weights = find_card(name).with_suffix(".safetensors").read_bytes()
    assert hashlib.sha256(weights).hexdigest() == card["weights"]["sha256"]
    assert len(weights) <= 8 * 2**20


def test_the_shipped_gpt_beats_the_baselines_on_its_card() -> None:
    card = load_checkpoint("shakespeare-gpt").card
    assert card["losses"]["validation"] <= 1.65
    assert card["losses"]["validation"] < card["baselines"]["bigram"] < card["baselines"]["unigram"]
    assert card["baselines"]["uniform"] == pytest.approx(np.log(65), abs=1e-4)


# Each at or below the lecture's held-out loss, with its parameter count or fewer.
LECTURE = {
    "names-bigram": (2.4546, 729),
    "names-mlp": (2.17, 11_897),
    "names-batchnorm": (2.105, 12_097),
    "names-wavenet": (1.993, 76_579),
    "names-transformer": (1.92, 204_544),
    "shakespeare-head": (2.5, 7_649),
    "shakespeare-heads": (2.28, 7_649),
}


@pytest.mark.parametrize("name", LECTURE)
def test_a_rung_of_the_ladder_is_at_or_below_the_lectures(name: str) -> None:
    card = load_checkpoint(name).card
    loss, parameters = LECTURE[name]
    assert card["losses"]["validation"] <= loss
    assert card["parameters"] <= parameters
    assert card["weights"]["bytes"] < 1_000_000


@pytest.mark.parametrize("name", [n for n in CHECKPOINTS if n != "shakespeare-gpt"])
def test_a_rung_of_the_ladder_has_the_loss_and_writes_the_sample_of_its_card(name: str) -> None:
    loaded = load_checkpoint(name)
    corpus = loaded.card["corpus"]["name"]
    tokens = generate(
        loaded.model,
        start_of_text(loaded.tokenizer),
        40,
        SamplingSettings(),
        seed=loaded.card["seed"],
        boundary=loaded.boundary,
    )
    written = loaded.tokenizer.decode([generated.token for generated in tokens])
    assert loaded.card["sample"].startswith(written)
    if not is_local(corpus):
        pytest.skip(f"{corpus} is not here; set EXPLORER_DATA to a folder that holds it")
    ids = torch.tensor(loaded.tokenizer.encode(split_corpus(load_corpus(corpus)).validation))
    assert evaluate(loaded.model, ids, loaded.boundary) == pytest.approx(loaded.card["losses"]["validation"], abs=2e-4)


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


def test_without_its_first_layer_the_gpt_is_worse_than_guessing_and_most_of_that_is_the_feed_forwards_doing() -> None:
    loaded = load_checkpoint("shakespeare-gpt")
    ids = loaded.tokenizer.encode("ROMEO:\nWhat light is this?")
    losses = {
        codes: read_without(loaded.model, ids, parse_parts(codes, loaded.model), "zero").loss or 0.0
        for codes in ("0.a 0.f", "0.a", "0.f")
    }
    assert losses["0.a 0.f"] > np.log(65) + 0.5
    assert losses["0.f"] > losses["0.a"] + 1
