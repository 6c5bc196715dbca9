"""Tree and convolutions give the same logits; the work of both is counted right; the lattice holds the tree."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from explorer.core.layers import BatchNorm1d, Linear
from explorer.inspection.wavenet_convolution import compare_convolution, lattice, time_both
from explorer.models.registry import build_model
from explorer.models.wavenet import WaveNet, WaveNetConfig, fusions

SHAPES = [(8, 2), (8, 4), (8, 8), (12, 4), (16, 2)]


def trained(context_length: int = 8, fusion: int = 2) -> WaveNet:
    model = build_model("wavenet", WaveNetConfig(9, context_length, 5, 6, fusion), seed=1)
    assert isinstance(model, WaveNet)
    model.train().score_windows(torch.randint(9, (32, context_length), generator=torch.Generator().manual_seed(0)))
    return model.eval()


def by_torch(model: WaveNet, ids: list[int]) -> torch.Tensor:
    """The logits (T, V) by torch's own dilated convolutions."""
    n = model.config.context_length
    padded = torch.tensor([[model.config.pad_id] * (n - 1) + ids])
    x = torch.nn.functional.embedding(padded, model.embedding.weight).transpose(1, 2)
    layers = [layer for layer in model.network if isinstance(layer, Linear | BatchNorm1d)]
    dilation = 1
    for level, taps in enumerate(fusions(n, model.config.fusion)):
        linear, norm = layers[2 * level], layers[2 * level + 1]
        assert isinstance(norm, BatchNorm1d)
        weight = linear.weight.view(6, taps, -1).transpose(1, 2)
        x = torch.nn.functional.conv1d(x, weight, dilation=dilation)
        x = torch.nn.functional.batch_norm(
            x, norm.running_mean, norm.running_var, norm.weight, norm.bias, eps=norm.epsilon
        ).tanh()
        dilation *= taps
    last = layers[-1]
    assert isinstance(last, Linear)
    return torch.nn.functional.linear(x[0].T, last.weight, last.bias)


@pytest.mark.parametrize(("context_length", "fusion"), SHAPES)
@pytest.mark.parametrize("length", [1, 7, 40])
def test_both_ways_agree_with_each_other_and_with_torchs_convolutions(
    context_length: int, fusion: int, length: int
) -> None:
    model = trained(context_length, fusion)
    ids = [(5 * i + i // 3) % 9 for i in range(length)]
    reading = compare_convolution(model, ids)
    assert reading.tree_logits.shape == reading.convolution_logits.shape == (length, 9)
    assert reading.largest_difference == np.abs(reading.tree_logits - reading.convolution_logits).max() < 1e-5
    np.testing.assert_allclose(reading.tree_logits, by_torch(model, ids).detach().numpy(), atol=1e-5)


@given(st.sampled_from(SHAPES), st.integers(1, 30))
def test_the_work_counted_is_the_work_that_the_shapes_ask_for(shape: tuple[int, int], T: int) -> None:
    n, fusion = shape
    reading = compare_convolution(trained(n, fusion), [i % 9 for i in range(T)])
    sees, width = 1, 5
    for level, joined in zip(reading.work, fusions(n, fusion), strict=False):
        sees *= joined
        assert level.tree_nodes == T * n // sees
        assert level.convolution_nodes == T + n - sees
        assert level.tree == level.tree_nodes * joined * width * 6
        assert level.convolution == level.convolution_nodes * joined * width * 6
        width = 6
    assert reading.work[-1].tree == reading.work[-1].convolution == T * 6 * 9
    assert reading.totals[1] <= reading.totals[0] or n - 1 >= T


def test_a_net_with_the_mistake_is_no_convolution_and_says_so() -> None:
    model = build_model("wavenet", WaveNetConfig(9, 8, 5, 6, over_positions=False)).eval()
    assert isinstance(model, WaveNet)
    with pytest.raises(ValueError, match="no convolution"):
        compare_convolution(model, [1, 2, 3])
    with pytest.raises(ValueError, match="at least 1 character"):
        compare_convolution(trained(), [])


def test_both_ways_are_timed() -> None:
    assert all(seconds > 0 for seconds in time_both(trained(), [1, 2, 3], repeats=2))


@given(st.sampled_from(SHAPES), st.integers(1, 12), st.data())
def test_the_tree_in_the_lattice_has_its_nodes_and_reaches_its_window_alone(
    shape: tuple[int, int], T: int, data: st.DataObject
) -> None:
    n, fusion = shape
    S = n - 1 + T
    end = data.draw(st.integers(n - 1, S - 1))
    points = lattice("x" * S, n, fusion, end)
    joined = fusions(n, fusion)
    per_level = [n // int(np.prod(joined[:k])) for k in range(len(joined) + 1)]
    assert [int((points.in_tree & (points.levels == k)).sum()) for k in range(len(per_level))] == per_level
    assert points.in_tree.sum() - 1 == points.line_in_tree.sum()
    letters = points.places[points.in_tree & (points.levels == 0)]
    assert letters.tolist() == list(range(end - n + 1, end + 1))
    # Every line climbs one level, and its lower end lies a multiple of the dilation to the left.
    below, above = points.levels[points.starts], points.levels[points.ends]
    assert (above - below == 1).all()
    apart = points.places[points.ends] - points.places[points.starts]
    assert (apart % np.array(points.dilations)[below] == 0).all()
    assert all(b % a == 0 for a, b in pairwise(points.dilations))


def test_a_window_that_would_reach_out_of_the_text_is_refused() -> None:
    with pytest.raises(ValueError, match="ends at place 7 to 9, got 6"):
        lattice("abcdefghij", 8, 2, 6)
