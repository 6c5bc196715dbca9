"""Activations and their closed-form slopes against torch's functions and autograd."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from explorer.core.layers import GELU, ReLU, Tanh
from explorer.inspection.block_activations import RELATIVES, read_activations

THEIRS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "GELU": GELU(),
    "GELU, exact": F.gelu,
    "ReLU": ReLU(),
    "tanh": Tanh(),
    "SiLU": F.silu,
    "logistic": torch.sigmoid,
}


@pytest.mark.parametrize("name", RELATIVES)
def test_values_and_slopes_are_those_of_torch_and_autograd(name: str) -> None:
    x = torch.linspace(-8, 8, 400, dtype=torch.float64).requires_grad_()  # 0, ReLU's corner, is not among them
    y = THEIRS[name](x)
    (slope,) = torch.autograd.grad(y.sum(), x)
    (ours,) = read_activations((name,), x.detach().numpy())
    np.testing.assert_allclose(ours.value, y.detach(), atol=1e-12)
    np.testing.assert_allclose(ours.slope, slope, atol=1e-12)


def test_gelu_bends_back_left_of_three_quarters_and_exceeds_slope_one_on_the_right() -> None:
    (gelu,) = read_activations(("GELU",), np.linspace(-5, 5, 1001))
    assert gelu.x[gelu.value.argmin()] == pytest.approx(-0.75, abs=0.011)
    assert (gelu.slope[(gelu.x < -0.77) & (gelu.x > -4)] < 0).all()
    assert gelu.slope.max() == pytest.approx(1.13, abs=0.005)


def test_far_out_nothing_overflows() -> None:
    for reading in read_activations(tuple(RELATIVES), np.array([-1e3, 1e3])):
        assert np.isfinite([reading.value, reading.slope]).all()


def test_an_unknown_activation_is_named() -> None:
    with pytest.raises(ValueError, match="got 'swish'"):
        read_activations(("swish",), np.zeros(1))
