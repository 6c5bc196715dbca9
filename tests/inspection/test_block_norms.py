"""LayerNorm and BatchNorm on one tensor: each cell from the numbers that are said to be averaged."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from explorer.inspection.block_norms import Kind, open_norm, read_norms

X = np.random.default_rng(0).normal(1, 2, (6, 5))
LABELS = tuple("abcdef")


def test_both_equal_torchs_own_layers() -> None:
    reading, x = read_norms(X), torch.from_numpy(X)
    np.testing.assert_allclose(reading.layer_norm, nn.LayerNorm(5).double()(x).detach(), atol=1e-12)
    np.testing.assert_allclose(reading.batch_norm, nn.BatchNorm1d(5).double()(x).detach(), atol=1e-12)


@pytest.mark.parametrize("kind", ["LayerNorm", "BatchNorm"])
def test_a_cell_follows_from_the_averaged_numbers_alone(kind: Kind) -> None:
    reading = read_norms(X)
    used = reading.averaged(kind, 2, 3)
    numbers = used[~np.isnan(used)]
    assert len(numbers) == (5 if kind == "LayerNorm" else 6)
    by_hand = (X[2, 3] - numbers.mean()) / np.sqrt(numbers.var() + 1e-5)
    assert reading.normalised(kind)[2, 3] == pytest.approx(by_hand)
    opened = open_norm(reading, kind, 2, 3, LABELS)
    assert opened.difference < 1e-12
    assert len(opened.rows) == len(numbers)
    assert ("row" in opened.heading) == (kind == "LayerNorm")


def test_only_batchnorm_lets_the_first_token_know_of_the_last() -> None:
    reading = read_norms(X)
    assert reading.leak_layer_norm == 0
    assert reading.leak_batch_norm > 0.05


@pytest.mark.parametrize("tokens", [1, 2])
def test_too_few_tokens_for_a_batch_are_said(tokens: int) -> None:
    with pytest.raises(ValueError, match=f"at least 3 tokens of 2 channels, got {tokens}; type a longer prompt"):
        read_norms(X[:tokens])
