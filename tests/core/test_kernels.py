"""The formulas in pieces against torch's own, forward and backward."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from explorer.core.kernels import GELUInPieces, Standardise, pays_here
from explorer.core.layers import GELU, LayerNorm, Linear


def gradients_of(result: Tensor, x: Tensor) -> Tensor:
    weights = torch.randn(result.shape, generator=torch.Generator().manual_seed(2), dtype=result.dtype)
    (gradient,) = torch.autograd.grad(result, x, weights)
    return gradient


@pytest.mark.parametrize("shape", [(3,), (2, 5), (2, 3, 70_000), (0, 4)])
def test_gelu_in_pieces_is_torchs_tanh_form_forward_and_backward(shape: tuple[int, ...]) -> None:
    x = (3 * torch.randn(shape, generator=torch.Generator().manual_seed(0))).requires_grad_()
    ours, theirs = GELUInPieces.apply(x), F.gelu(x, approximate="tanh")
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(gradients_of(ours, x), gradients_of(theirs, x), rtol=1e-4, atol=1e-5)


def test_the_gradients_in_closed_form_are_those_of_finite_differences() -> None:
    x = torch.randn(3, 7, generator=torch.Generator().manual_seed(0), dtype=torch.float64).requires_grad_()
    assert torch.autograd.gradcheck(GELUInPieces.apply, (x,))
    assert torch.autograd.gradcheck(lambda x: Standardise.apply(x, 1e-5), (x,))


def test_gelu_takes_numbers_that_do_not_lie_side_by_side_in_memory() -> None:
    x = torch.randn(6, 4, generator=torch.Generator().manual_seed(0)).T.requires_grad_()
    ours, theirs = GELUInPieces.apply(x), F.gelu(x, approximate="tanh")
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(gradients_of(ours.T, x), gradients_of(theirs.T, x), rtol=1e-4, atol=1e-5)


def test_standardising_is_torchs_layer_norm_without_weights() -> None:
    x = (5 + 2 * torch.randn(2, 4, 9, generator=torch.Generator().manual_seed(0))).requires_grad_()
    ours, theirs = Standardise.apply(x, 1e-5), F.layer_norm(x, (9,), eps=1e-5)
    torch.testing.assert_close(ours, theirs)
    torch.testing.assert_close(gradients_of(ours, x), gradients_of(theirs, x), rtol=1e-4, atol=1e-5)


def test_where_pieces_do_not_pay_the_formula_itself_gives_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    x = torch.randn(2, 4, 9, generator=torch.Generator().manual_seed(0))
    in_pieces = GELU()(x), LayerNorm(9)(x)
    monkeypatch.setattr("explorer.core.layers.pays_here", lambda _x: False)
    torch.testing.assert_close(in_pieces, (GELU()(x), LayerNorm(9)(x)))
    assert pays_here(x)
    assert not pays_here(torch.empty(2, device="meta"))


@pytest.mark.parametrize("shape", [(3,), (4, 3), (2, 4, 3), (2, 0, 3)])
def test_a_linear_layer_takes_any_number_of_dimensions(shape: tuple[int, ...]) -> None:
    layer = Linear(3, 5)
    x = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(layer(x), F.linear(x, layer.weight, layer.bias))
