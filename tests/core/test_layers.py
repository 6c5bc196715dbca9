"""Layers written out against their `torch.nn` namesakes, forward and backward."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from explorer.core.layers import GELU, Dropout, Embedding, LayerNorm, Linear

sizes = st.integers(1, 9)
leading = st.lists(st.integers(1, 4), min_size=0, max_size=3)
seeds = st.integers(0, 2**31)


def assert_same_maths(ours: nn.Module, theirs: nn.Module, x: Tensor) -> None:
    """Equal outputs, equal gradients of the input and of every parameter, on shared weights, in 64 bits."""
    theirs.load_state_dict(ours.state_dict())
    x = x.double() if x.is_floating_point() else x
    results = []
    for layer in (ours, theirs):
        here = x.clone().requires_grad_() if x.is_floating_point() else x
        y = layer.double()(here)
        (y * torch.linspace(-1, 2, y.numel()).view_as(y)).sum().backward()
        gradients = {name: p.grad for name, p in layer.named_parameters()}
        results.append((y, here.grad, gradients))
    (y, dx, gradients), (y_expected, dx_expected, gradients_expected) = results
    torch.testing.assert_close(y, y_expected)
    torch.testing.assert_close(dx, dx_expected)
    torch.testing.assert_close(gradients, gradients_expected)


@given(leading, sizes, sizes, st.booleans(), seeds)
def test_linear_equals_torch_in_forward_and_backward(
    shape: list[int], n_in: int, n_out: int, bias: bool, seed: int
) -> None:
    torch.manual_seed(seed)
    ours = Linear(n_in, n_out, bias=bias)
    if ours.bias is not None:
        nn.init.normal_(ours.bias)
    assert_same_maths(ours, nn.Linear(n_in, n_out, bias=bias), torch.randn(*shape, n_in))


def test_linear_starts_with_the_spread_that_keeps_the_inputs_variance() -> None:
    torch.manual_seed(0)
    x = torch.randn(4000, 400)
    assert Linear(400, 50)(x).var().item() == pytest.approx(1.0, abs=0.05)
    assert Linear(400, 400, std=0.02).weight.std().item() == pytest.approx(0.02, rel=0.02)


@given(leading, sizes, sizes, seeds)
def test_embedding_equals_torch_in_forward_and_backward(shape: list[int], n_tokens: int, width: int, seed: int) -> None:
    torch.manual_seed(seed)
    ids = torch.randint(n_tokens, tuple(shape))
    assert_same_maths(Embedding(n_tokens, width), nn.Embedding(n_tokens, width), ids)


@given(leading, st.integers(2, 9), seeds)
def test_layer_norm_equals_torch_in_forward_and_backward(shape: list[int], width: int, seed: int) -> None:
    torch.manual_seed(seed)
    ours = LayerNorm(width)
    nn.init.normal_(ours.weight)
    nn.init.normal_(ours.bias)
    assert_same_maths(ours, nn.LayerNorm(width), 3 * torch.randn(*shape, width) + 1)


def test_layer_norm_uses_the_epsilon_it_is_given() -> None:
    x = torch.tensor([[1.0, 1.1, 0.9]])
    torch.testing.assert_close(LayerNorm(3, epsilon=0.5)(x), nn.LayerNorm(3, eps=0.5)(x))


def test_a_constant_vector_is_normalised_to_the_bias_not_to_nan() -> None:
    assert LayerNorm(4)(torch.full((2, 4), 7.0)).tolist() == [[0.0] * 4] * 2


def test_gelu_equals_torchs_tanh_form_in_forward_and_backward() -> None:
    x = torch.linspace(-8, 8, 1001, dtype=torch.float64, requires_grad=True)
    expected = F.gelu(x, approximate="tanh")
    (slope_expected,) = torch.autograd.grad(expected.sum(), x)
    ours = GELU()(x)
    (slope,) = torch.autograd.grad(ours.sum(), x)
    torch.testing.assert_close(ours, expected)
    torch.testing.assert_close(slope, slope_expected)


def test_gelu_of_very_large_inputs_neither_overflows_nor_loses_them() -> None:
    assert GELU()(torch.tensor([-1e6, 0.0, 1e6])).tolist() == [0.0, 0.0, 1e6]


def dropping(p: float, seed: int = 0) -> Dropout:
    layer = Dropout(p)
    layer.generator = torch.Generator().manual_seed(seed)
    return layer


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_dropout_zeroes_its_share_and_keeps_the_expectation(p: float) -> None:
    y = dropping(p)(torch.full((200_000,), 3.0))
    assert (y == 0).double().mean().item() == pytest.approx(p, abs=0.005)
    assert y.mean().item() == pytest.approx(3.0, rel=0.03)
    assert y.unique().tolist() == pytest.approx([0.0, 3 / (1 - p)])


@pytest.mark.parametrize("layer", [lambda: dropping(0.5).eval(), lambda: dropping(0.0)])
def test_dropout_is_the_identity_in_evaluation_and_at_zero(layer: Callable[[], Dropout]) -> None:
    x = torch.randn(50)
    assert torch.equal(layer()(x), x)


def test_dropouts_own_generator_decides_and_the_global_one_is_untouched() -> None:
    x = torch.ones(64)
    before = torch.get_rng_state()
    first, again, other = dropping(0.5, 1)(x), dropping(0.5, 1)(x), dropping(0.5, 2)(x)
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_dropouts_gradient_passes_where_the_number_passed() -> None:
    x = torch.ones(64, requires_grad=True)
    y = dropping(0.5)(x)
    y.sum().backward()
    assert x.grad is not None
    assert torch.equal(x.grad, y.detach())


@pytest.mark.parametrize("p", [-0.1, 1.0, 2.0, float("nan")])
def test_dropout_names_a_probability_it_cannot_use(p: float) -> None:
    with pytest.raises(ValueError, match=rf"at least 0 and below 1, got {p}"):
        Dropout(p)
