"""The bigram's counts and losses, against counting by hand and against known numbers for the makemore names."""

from __future__ import annotations

import itertools
import math
import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from explorer.core.probability import normalise_counts
from explorer.models.bigram import Bigram, BigramConfig, count_bigrams, count_loss
from explorer.text.batches import join_items
from explorer.text.tokenizers import CharTokenizer

DATA = Path(os.environ.get("EXPLORER_DATA") or Path(__file__).parents[3] / "shared" / "data")
NAMES = DATA / "names.txt"
texts = st.lists(st.integers(0, 5), min_size=2, max_size=60)


@given(texts)
def test_counts_are_how_often_each_pair_occurs(ids: list[int]) -> None:
    counts = count_bigrams(torch.tensor(ids), 6)
    pairs = Counter(itertools.pairwise(ids))
    assert {(i, j): int(counts[i, j]) for i in range(6) for j in range(6) if counts[i, j]} == dict(pairs)


@given(texts, st.sampled_from([0.0, 1.0, 2.5]))
def test_the_loss_from_counts_is_the_cross_entropy_over_the_text(ids: list[int], smoothing: float) -> None:
    text = torch.tensor(ids)
    counts = count_bigrams(text, 6)
    model = Bigram.from_counts(counts, smoothing)
    expected = F.cross_entropy(model(text[None, :-1])[0], text[1:]).item()
    assert count_loss(counts, normalise_counts(counts, smoothing)) == pytest.approx(expected, abs=1e-5)


def test_a_pair_that_was_never_seen_has_no_chance_and_costs_infinity() -> None:
    counts = torch.tensor([[0, 3], [1, 0]])
    model = Bigram.from_counts(counts)
    assert model(torch.tensor([[0, 1]])).softmax(-1)[0].tolist() == [[0.0, 1.0], [1.0, 0.0]]
    assert count_loss(torch.tensor([[1, 0], [0, 0]]), normalise_counts(counts)) == math.inf


@given(texts)
def test_the_model_from_counts_puts_out_the_normalised_counts(ids: list[int]) -> None:
    counts = count_bigrams(torch.tensor(ids), 6)
    probabilities = Bigram.from_counts(counts, 1.0)(torch.arange(6)[None])[0].softmax(-1)
    torch.testing.assert_close(probabilities.double(), normalise_counts(counts, 1.0), atol=1e-6, rtol=1e-5)


@pytest.mark.skipif(not NAMES.is_file(), reason=f"names.txt is not in {DATA}")
def test_the_names_give_the_numbers_of_the_makemore_lecture() -> None:
    text = join_items(NAMES.read_text().splitlines())
    tokenizer = CharTokenizer.from_text(text)
    counts = count_bigrams(torch.tensor(tokenizer.encode(text)), tokenizer.vocab_size)
    assert counts.shape == (27, 27)
    assert counts.sum().item() == 228_146
    losses = [count_loss(counts, normalise_counts(counts, smoothing)) for smoothing in (0, 1)]
    assert [round(loss, 4) for loss in losses] == [2.4540, 2.4546]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"vocab_size": 0}, "vocab_size .* got 0"),
        ({"vocab_size": 2.5}, "vocab_size .* got 2.5"),
        ({"vocab_size": "5"}, "vocab_size .* got '5'"),
        ({"vocab_size": 5, "context_length": 2}, "context_length 2"),
    ],
)
def test_a_shape_that_cannot_be_names_the_option(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        BigramConfig(**options)
