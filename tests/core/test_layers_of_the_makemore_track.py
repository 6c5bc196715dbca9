"""BatchNorm1d, Tanh, ReLU, Flatten, FlattenConsecutive and Sequential against torch, forward and backward."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from explorer.core.layers import BatchNorm1d, Flatten, FlattenConsecutive, Linear, ReLU, Sequential, Tanh

seeds = st.integers(0, 2**31)


def gradients(layer: nn.Module, x: Tensor, y: Tensor) -> list[Tensor]:
    """Of a loss that treats every output differently: of the input, then of every parameter."""
    loss = (y * torch.linspace(-1, 2, y.numel(), dtype=y.dtype).view_as(y)).sum()
    return list(torch.autograd.grad(loss, [x, *layer.parameters()]))


@given(st.integers(2, 9), st.integers(1, 5), st.integers(1, 6), st.booleans(), seeds)
def test_batchnorm_equals_torch_in_training_with_its_gradients_and_running_statistics(
    B: int, T: int, C: int, has_positions: bool, seed: int
) -> None:
    torch.manual_seed(seed)
    ours, theirs = BatchNorm1d(C).double(), nn.BatchNorm1d(C).double()
    for p, q in zip(ours.parameters(), theirs.parameters(), strict=True):
        p.data = q.data = torch.randn(C, dtype=torch.float64)
    for _ in range(3):
        x = (torch.randn(B, T, C) if has_positions else torch.randn(B, C)).double() * 3 + 1
        x.requires_grad_()
        y = ours(x)
        y_torch = theirs(x.transpose(1, 2)).transpose(1, 2) if has_positions else theirs(x)
        torch.testing.assert_close(y, y_torch)
        torch.testing.assert_close(gradients(ours, x, y), gradients(theirs, x, y_torch))
    torch.testing.assert_close(ours.running_mean, theirs.running_mean)
    torch.testing.assert_close(ours.running_var, theirs.running_var)
    ours.eval(), theirs.eval()
    x = torch.randn(1, C, dtype=torch.float64, requires_grad=True)
    torch.testing.assert_close(ours(x), theirs(x))
    torch.testing.assert_close(gradients(ours, x, ours(x)), gradients(theirs, x, theirs(x)))


def test_batchnorm_takes_weights_from_torch_by_name() -> None:
    theirs = nn.BatchNorm1d(3)
    theirs(torch.randn(8, 3))
    ours = BatchNorm1d(3)
    ours.load_state_dict({n: t for n, t in theirs.state_dict().items() if n != "num_batches_tracked"})
    x = torch.randn(4, 3)
    torch.testing.assert_close(ours.eval()(x), theirs.eval()(x))


def test_batchnorm_over_the_batch_alone_keeps_statistics_of_every_position() -> None:
    torch.manual_seed(0)
    x = torch.randn(32, 4, 10)
    layer = BatchNorm1d(10, over_positions=False)
    y = layer(x)
    assert layer.running_mean.shape == (4, 10)
    torch.testing.assert_close(y.mean(dim=0), torch.zeros(4, 10), atol=1e-6, rtol=0)
    whole = BatchNorm1d(10)(x)
    assert whole.mean(dim=(0, 1)).abs().max() < 1e-6 < whole.mean(dim=0).abs().max()


def test_batchnorm_refuses_a_batch_of_one_while_training_and_takes_it_in_evaluation() -> None:
    layer = BatchNorm1d(3)
    with pytest.raises(ValueError, match=r"at least 2 values per channel .* shape \(1, 3\); use a larger batch"):
        layer(torch.zeros(1, 3))
    assert layer.eval()(torch.zeros(1, 3)).shape == (1, 3)


@given(st.lists(st.integers(1, 4), min_size=1, max_size=3), seeds)
def test_tanh_relu_and_flatten_equal_torch(shape: list[int], seed: int) -> None:
    torch.manual_seed(seed)
    for ours, theirs in ((Tanh(), nn.Tanh()), (ReLU(), nn.ReLU()), (Flatten(), nn.Flatten())):
        x = torch.randn(2, *shape, dtype=torch.float64, requires_grad=True)
        torch.testing.assert_close(ours(x), theirs(x))
        torch.testing.assert_close(gradients(ours, x, ours(x)), gradients(theirs, x, theirs(x)))


@given(st.integers(1, 4), st.integers(1, 5), st.integers(1, 4), st.integers(1, 5))
def test_flatten_consecutive_lays_neighbours_end_to_end(B: int, groups: int, n: int, C: int) -> None:
    x = torch.arange(B * groups * n * C, dtype=torch.float32).view(B, groups * n, C)
    by_hand = torch.cat([x[:, i::n] for i in range(n)], dim=-1)
    y = FlattenConsecutive(n)(x)
    assert y.shape == ((B, n * C) if groups == 1 else (B, groups, n * C))
    torch.testing.assert_close(y, by_hand.squeeze(1) if groups == 1 else by_hand)


def test_flatten_consecutive_says_what_does_not_divide() -> None:
    with pytest.raises(ValueError, match="5 positions cannot be joined 2 by 2"):
        FlattenConsecutive(2)(torch.zeros(1, 5, 3))
    with pytest.raises(ValueError, match="at least 1 neighbour, got 0"):
        FlattenConsecutive(0)


def test_sequential_equals_torch_and_shares_its_names() -> None:
    torch.manual_seed(0)
    ours = Sequential(Linear(4, 5), Tanh(), Linear(5, 2))
    theirs = nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 2))
    theirs.load_state_dict(ours.state_dict())
    x = torch.randn(3, 4, requires_grad=True)
    torch.testing.assert_close(ours(x), theirs(x))
    torch.testing.assert_close(gradients(ours, x, ours(x)), gradients(theirs, x, theirs(x)))
    assert len(ours) == 3
    assert isinstance(ours[1], Tanh)
    assert [type(layer) for layer in ours] == [Linear, Tanh, Linear]
