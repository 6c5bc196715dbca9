"""A tree read node by node agrees with torch.nn, sees what it should, and opens to the arithmetic that made it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from explorer.core.layers import BatchNorm1d, Linear
from explorer.inspection.wavenet import (
    flat_costs,
    flat_twin,
    influence,
    open_node,
    possible_contexts,
    read_tree,
    tree_costs,
)
from explorer.models.mlp import MLPConfig
from explorer.models.registry import build_model, count_parameters
from explorer.models.wavenet import WaveNet, WaveNetConfig, fusions

LABELS = tuple("abcdefghi")
SHAPES = [(8, 2), (8, 4), (8, 8), (16, 4), (12, 4), (9, 3)]


def small(context_length: int = 8, fusion: int = 2, *, over_positions: bool = True, steps: int = 3) -> WaveNet:
    """A net whose running statistics have moved, as after some training."""
    config = WaveNetConfig(9, context_length, 5, 6, fusion, over_positions=over_positions)
    model = build_model("wavenet", config, seed=3)
    assert isinstance(model, WaveNet)
    generator = torch.Generator().manual_seed(0)
    for _ in range(steps):
        model.train().score_windows(torch.randint(9, (16, context_length), generator=generator))
    return model.eval()


def window(n: int) -> list[int]:
    return [(3 * i + 1) % 9 for i in range(n)]


@pytest.mark.parametrize(("context_length", "fusion"), SHAPES)
def test_every_node_equals_torch_nn_given_the_same_weights(context_length: int, fusion: int) -> None:
    model = small(context_length, fusion)
    reading = read_tree(model, window(context_length), LABELS)
    x = torch.nn.functional.embedding(torch.tensor(window(context_length)), model.embedding.weight)
    layers = [layer for layer in model.network if isinstance(layer, Linear | BatchNorm1d)]
    for level, joined in enumerate(fusions(context_length, fusion)):
        linear, norm = layers[2 * level], layers[2 * level + 1]
        assert isinstance(norm, BatchNorm1d)
        theirs = torch.nn.BatchNorm1d(6, eps=norm.epsilon).eval()
        theirs.load_state_dict({**norm.state_dict(), "num_batches_tracked": torch.tensor(0)})
        x = x.reshape(len(x) // joined, -1)
        x = torch.tanh(theirs(torch.nn.functional.linear(x, linear.weight)))
        np.testing.assert_allclose(reading.levels[level + 1].activations, x.detach().numpy(), atol=1e-6)
    assert reading.probabilities.sum() == pytest.approx(1)
    assert reading.levels[-1].sees == context_length


@given(st.sampled_from(SHAPES), st.integers(0, 10_000))
def test_a_node_is_moved_by_the_letters_under_it_and_by_no_other(shape: tuple[int, int], seed: int) -> None:
    n, fusion = shape
    model = small(n, fusion)
    ids = torch.randint(9, (n,), generator=torch.Generator().manual_seed(seed)).tolist()
    for moved in influence(model, ids):
        sees = n // len(moved)
        expected = np.kron(np.eye(len(moved)), np.ones((1, sees))) > 0
        assert ((moved > 0) == expected).all()


@pytest.mark.parametrize("over_positions", [True, False])
def test_an_opened_channel_is_worked_out_again_from_its_parts(over_positions: bool) -> None:
    model = small(over_positions=over_positions)
    reading = read_tree(model, window(8), LABELS)
    for level, here in enumerate(reading.levels):
        for node in range(len(here.activations)):
            steps = open_node(model, reading, level, node, 4).steps
            assert len(steps) == (3 if level else 1)
            assert steps[-1].shown == pytest.approx(float(here.activations[node, 4]))
            assert all(step.difference < 1e-5 for step in steps)


def test_a_weighted_sum_lists_every_joined_number_by_the_letters_it_comes_from() -> None:
    model = small()
    reading = read_tree(model, window(8), LABELS)
    total = open_node(model, reading, 2, 1, 0).steps[0]
    assert len(total.rows) == 2 * 6
    assert [row[0] for row in total.rows[::6]] == ["1. “eh”, 0", "2. “be”, 0"]
    assert reading.text_under(2, 1) == "ehbe"


def test_a_channel_that_is_not_there_and_a_window_of_another_length_are_refused() -> None:
    model = small()
    with pytest.raises(ValueError, match="This net reads 8 characters, got 3"):
        read_tree(model, [0, 1, 2], LABELS)
    with pytest.raises(IndexError, match="channels 0 to 5, got 6"):
        open_node(model, read_tree(model, window(8), LABELS), 1, 0, 6)


@pytest.mark.parametrize(("context_length", "fusion"), SHAPES)
@pytest.mark.parametrize("d_hidden", [1, 7, 128])
def test_the_costs_add_up_to_what_the_models_have(context_length: int, fusion: int, d_hidden: int) -> None:
    config = WaveNetConfig(27, context_length, 24, d_hidden, fusion)
    tree = sum(cost.parameters for cost in tree_costs(config))
    assert tree == count_parameters("wavenet", config)
    twin = flat_twin(config)
    flat = sum(cost.parameters for cost in flat_costs(twin))
    assert flat == count_parameters("mlp", twin)
    a_neuron = context_length * 24 + 2 + 27
    assert abs(flat - tree) <= a_neuron / 2 or twin.d_hidden == 1


def test_the_lectures_tree_has_76_579_numbers_and_one_more_level_33_024_more() -> None:
    eight, sixteen = (tree_costs(WaveNetConfig(27, n)) for n in (8, 16))
    assert sum(cost.parameters for cost in eight) == 76_579
    assert sum(cost.parameters for cost in sixteen) - 76_579 == 33_024
    assert [cost.sees for cost in sixteen[1:5]] == [2, 4, 8, 16]
    assert flat_twin(WaveNetConfig(27)).d_hidden == 343


def test_joining_all_letters_at_once_is_the_flat_mlp_with_batchnorm() -> None:
    tree = WaveNetConfig(27, fusion=8)
    flat = MLPConfig(27, 8, 24, 128, batch_norm=True)
    assert flat_twin(tree) == flat
    assert count_parameters("wavenet", tree) == count_parameters("mlp", flat)


@given(st.integers(-3, 200), st.integers(2, 9))
def test_the_contexts_offered_instead_can_all_be_joined_up(context_length: int, fusion: int) -> None:
    offered = possible_contexts(context_length, fusion, 64)
    assert offered
    for n in offered:
        assert int(np.prod(fusions(n, fusion))) == n <= 64
        assert n != context_length


def test_flat_costs_of_another_kind_of_mlp_are_refused() -> None:
    with pytest.raises(ValueError, match="one hidden layer and BatchNorm"):
        flat_costs(MLPConfig(27))
