"""Positions against the papers' formulas written out, complex multiplication, and their closed forms."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from explorer.core.positions import (
    apply_rotary,
    pair_frequencies,
    rotary_score,
    sinusoidal_positions,
    sinusoidal_similarity,
)

GENERATOR = torch.Generator().manual_seed(5)


def randn(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=GENERATOR, dtype=torch.float64)


def test_the_sinusoidal_table_is_the_formula_of_the_paper() -> None:
    table = sinusoidal_positions(20, 6)
    for t in range(20):
        for i in range(3):
            angle = t / 10_000 ** (2 * i / 6)
            assert table[t, 2 * i].item() == pytest.approx(math.sin(angle), abs=1e-12)
            assert table[t, 2 * i + 1].item() == pytest.approx(math.cos(angle), abs=1e-12)


def test_two_rows_of_the_sinusoidal_table_are_alike_by_their_distance_alone() -> None:
    table = sinusoidal_positions(30, 16)
    places = torch.arange(30)
    expected = sinusoidal_similarity(places[:, None] - places[None, :], 16)
    torch.testing.assert_close(table @ table.T, expected)
    assert expected.diagonal().tolist() == [8.0] * 30


def test_rotation_is_multiplication_by_a_complex_number_of_length_one() -> None:
    x, positions = randn(2, 3, 7, 8), torch.tensor([0, 1, 2, 9, 40, 41, 1000])
    turns = torch.polar(torch.ones(7, 4, dtype=torch.float64), positions.double()[:, None] * pair_frequencies(8))
    expected = torch.view_as_real(torch.view_as_complex(x.reshape(2, 3, 7, 4, 2)) * turns).flatten(-2)
    torch.testing.assert_close(apply_rotary(x, positions), expected)


def test_rotation_keeps_lengths_and_leaves_position_zero_as_it_is() -> None:
    x = randn(5, 12)
    turned = apply_rotary(x, torch.arange(5))
    torch.testing.assert_close(turned.norm(dim=1), x.norm(dim=1))
    torch.testing.assert_close(turned[0], x[0])


@settings(max_examples=30, deadline=None)
@given(
    st.integers(0, 500), st.integers(0, 500), st.integers(0, 2000), st.integers(1, 8), st.sampled_from([10.0, 10_000.0])
)
def test_a_rotary_score_depends_on_the_distance_alone(m: int, n: int, shift: int, pairs: int, base: float) -> None:
    generator = torch.Generator().manual_seed(m * 7 + n)
    q, k = torch.randn(2, 2 * pairs, generator=generator, dtype=torch.float64)

    def score(at_q: int, at_k: int) -> float:
        turned = apply_rotary(torch.stack([q, k]), torch.tensor([at_q, at_k]), base)
        return float(turned[0] @ turned[1])

    assert score(m, n) == pytest.approx(score(m + shift, n + shift), abs=1e-9)
    assert score(m, n) == pytest.approx(float(rotary_score(q, k, torch.tensor(m - n), base)), abs=1e-9)


def test_rotation_keeps_the_type_of_its_input_and_lets_gradients_through() -> None:
    x = torch.randn(3, 4, generator=GENERATOR, requires_grad=True)
    turned = apply_rotary(x, torch.arange(3))
    assert turned.dtype == torch.float32
    turned.square().sum().backward()  # lengths are kept, so this is the sum of x², and its gradient 2x
    torch.testing.assert_close(x.grad, 2 * x.detach())


@pytest.mark.parametrize(("d", "base"), [(3, 10.0), (0, 10.0), (4, 0.0), (4, -1.0), (4, math.nan), (4, math.inf)])
def test_frequencies_that_cannot_be_are_refused_in_words(d: int, base: float) -> None:
    with pytest.raises(ValueError, match=r"even number of channels|finite number above 0"):
        pair_frequencies(d, base)


def test_positions_must_fit_the_vectors() -> None:
    with pytest.raises(ValueError, match="a position for each vector"):
        apply_rotary(randn(3, 4), torch.arange(2))
    with pytest.raises(ValueError, match="at least 1"):
        sinusoidal_positions(0, 4)
