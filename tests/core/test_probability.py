"""Losses and counts against torch's own and against arithmetic done by hand."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from explorer.core.probability import bits, cross_entropy, log_softmax, normalise_counts

seeds = st.integers(0, 2**31)


@given(st.lists(st.integers(1, 5), max_size=2), st.integers(1, 12), st.sampled_from([0.1, 1.0, 100.0]), seeds)
def test_cross_entropy_equals_torchs_in_forward_and_backward(shape: list[int], V: int, scale: float, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    values = scale * torch.randn(*shape, V, generator=generator, dtype=torch.float64)
    targets = torch.randint(V, tuple(shape), generator=generator)
    ours, theirs = (values.clone().requires_grad_() for _ in range(2))
    loss, expected = cross_entropy(ours, targets), F.cross_entropy(theirs.view(-1, V), targets.view(-1))
    loss.backward()
    expected.backward()
    torch.testing.assert_close(loss, expected)
    torch.testing.assert_close(ours.grad, theirs.grad)


def test_log_softmax_of_far_apart_logits_is_finite_and_equals_torchs() -> None:
    logits = torch.tensor([[0.0, 1000.0, -1000.0], [5.0, 5.0, 5.0]])
    torch.testing.assert_close(log_softmax(logits), logits.log_softmax(-1))
    assert log_softmax(logits).isfinite().all()


@pytest.mark.parametrize("V", [2, 27, 65])
def test_a_model_that_prefers_nothing_scores_the_logarithm_of_the_vocabulary(V: int) -> None:
    assert cross_entropy(torch.zeros(4, V), torch.arange(4) % V).item() == pytest.approx(math.log(V))


@given(
    st.lists(st.lists(st.integers(0, 50), min_size=4, max_size=4), min_size=1, max_size=5),
    st.sampled_from([0.0, 0.5, 1.0, 100.0]),
)
def test_normalised_counts_are_each_rows_shares(counts: list[list[int]], smoothing: float) -> None:
    probabilities = normalise_counts(torch.tensor(counts), smoothing)
    assert probabilities.dtype == torch.float64
    for row, got in zip(counts, probabilities.tolist(), strict=True):
        total = sum(row) + 4 * smoothing
        expected = [(count + smoothing) / total if total else 0.25 for count in row]
        assert got == pytest.approx(expected, abs=1e-15)
        assert sum(got) == pytest.approx(1.0)


def test_a_row_with_nothing_in_it_is_uniform() -> None:
    assert normalise_counts(torch.tensor([[0, 0, 0, 0]])).tolist() == [[0.25] * 4]


@pytest.mark.parametrize("smoothing", [-1.0, float("nan"), math.inf])
def test_smoothing_that_cannot_be_added_is_named(smoothing: float) -> None:
    with pytest.raises(ValueError, match=f"must be 0 or more, got {smoothing}"):
        normalise_counts(torch.ones(2, 2), smoothing)


def test_a_bit_is_the_logarithm_of_two_in_nats() -> None:
    assert [bits(0.0), bits(math.log(2)), bits(math.log(256))] == pytest.approx([0, 1, 8])
