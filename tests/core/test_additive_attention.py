"""Additive attention against its formula written index by index."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from explorer.core.additive_attention import AdditiveAttention, additive_scores


def drawn(B: int, S: int, A: int, C: int, H: int) -> tuple[AdditiveAttention, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(B + 10 * S + 100 * A)
    module = AdditiveAttention(H, C, A).double()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator, dtype=torch.double))
    state = torch.randn(B, H, generator=generator, dtype=torch.double)
    return module, state, torch.randn(B, S, C, generator=generator, dtype=torch.double)


@settings(max_examples=20, deadline=None)
@given(B=st.integers(1, 3), S=st.integers(1, 6), A=st.integers(1, 5), C=st.integers(1, 5), H=st.integers(1, 5))
def test_context_and_shares_are_the_formulas(B: int, S: int, A: int, C: int, H: int) -> None:
    module, state, annotations = drawn(B, S, A, C, H)
    W, b, U, v = (module.get_parameter(name) for name in ("W.weight", "W.bias", "U.weight", "v"))
    compared = torch.tanh(
        torch.einsum("ah,bh->ba", W, state)[:, None] + b + torch.einsum("ac,bsc->bsa", U, annotations)
    )
    shares = torch.softmax(torch.einsum("a,bsa->bs", v, compared), dim=-1)
    context, weights = module(state, module.keys(annotations), annotations)
    torch.testing.assert_close(weights, shares)
    torch.testing.assert_close(context, torch.einsum("bs,bsc->bc", shares, annotations))


def test_gradients_are_those_of_the_formula() -> None:
    module, state, annotations = drawn(2, 4, 3, 5, 6)
    state.requires_grad_()
    annotations.requires_grad_()
    inputs = (state, annotations, *module.parameters())
    context, _ = module(state, module.keys(annotations), annotations)
    W, b, U, v = (module.get_parameter(name) for name in ("W.weight", "W.bias", "U.weight", "v"))
    compared = torch.tanh((state @ W.T + b).unsqueeze(1) + annotations @ U.T)
    shares = torch.softmax(torch.einsum("a,bsa->bs", v, compared), dim=-1)
    expected = torch.einsum("bs,bsc->bc", shares, annotations)
    mine = torch.autograd.grad(context.pow(2).sum(), inputs)
    theirs = torch.autograd.grad(expected.pow(2).sum(), inputs)
    for a, c in zip(mine, theirs, strict=True):
        torch.testing.assert_close(a, c)


def test_one_score_by_hand() -> None:
    score = additive_scores(torch.tensor([[0.5, -1.0]]), torch.tensor([[[0.5, 2.0]]]), torch.tensor([2.0, 3.0]))
    assert score.item() == pytest.approx(2 * math.tanh(1.0) + 3 * math.tanh(1.0))


def test_a_single_place_gets_all_of_the_attention() -> None:
    module, state, annotations = drawn(2, 1, 3, 4, 5)
    context, weights = module(state, module.keys(annotations), annotations)
    assert weights.tolist() == [[1.0], [1.0]]
    torch.testing.assert_close(context, annotations[:, 0])
