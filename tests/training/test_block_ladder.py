"""A rung is trained and measured as the ladder says."""

from __future__ import annotations

import torch

from explorer.models.block_ladder import RUNGS
from explorer.models.decoder import DecoderConfig
from explorer.models.registry import build_model
from explorer.text.batches import split_text
from explorer.text.tokenizers import CharTokenizer
from explorer.training.block_ladder import measure_rung
from explorer.training.evaluation import evaluate

TEXT = "the cat sat on the mat and the rat sat on the hat; " * 20


def test_a_rung_learns_and_is_measured_on_both_parts() -> None:
    tokenizer, splits = CharTokenizer.from_text(TEXT), split_text(TEXT)
    measured = measure_rung(RUNGS[-1], tokenizer, splits, steps=30)
    config = DecoderConfig(tokenizer.vocab_size, **RUNGS[-1].options)
    fresh = build_model("decoder", config, seed=1).eval()
    assert measured["parameters"] == fresh.parameter_count()
    for part, text in (("loss", splits.validation), ("train_loss", splits.train)):
        assert measured[part] < evaluate(fresh, torch.tensor(tokenizer.encode(text))) - 0.3
