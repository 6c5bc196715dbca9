"""BatchNorm opened: folding equals evaluation, an example depends on its mates, running statistics follow a closed form."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from explorer.core.layers import BatchNorm1d, Linear
from explorer.inspection.batchnorm import (
    batchnorm_names,
    fold_batchnorm,
    fold_model,
    read_fold,
    read_mates,
    read_running,
)
from explorer.models.mlp import MLP, MLPConfig
from explorer.models.wavenet import WaveNet, WaveNetConfig
from explorer.text.batches import make_batches

IDS = torch.randint(27, (3000,), generator=torch.Generator().manual_seed(1))
BATCHES = make_batches(IDS, 3, boundary=0, windows=True)
WINDOWS, TARGETS = BATCHES.sample(64, torch.Generator().manual_seed(2))


def used(model: nn.Module) -> None:
    """Statistics, scales and shifts as after some training: none of them what they begin as."""
    generator = torch.Generator().manual_seed(5)
    for module in model.modules():
        if isinstance(module, BatchNorm1d):
            C = module.weight.shape[0]
            module.running_mean = torch.randn(C, generator=generator)
            module.running_var = torch.rand(C, generator=generator) + 0.1
            nn.init.uniform_(module.weight, 0.5, 2.0, generator=generator)
            nn.init.normal_(module.bias, generator=generator)


def deep(**options: object) -> MLP:
    torch.manual_seed(0)
    model = MLP(MLPConfig(27, d_hidden=30, n_hidden_layers=3, batch_norm=True))
    used(model)
    return model


@given(st.booleans(), st.integers(1, 9), st.integers(1, 9), st.integers(0, 10_000))
def test_a_folded_layer_equals_the_two_in_evaluation(bias: bool, inputs: int, outputs: int, seed: int) -> None:
    torch.manual_seed(seed)
    linear, norm = Linear(inputs, outputs, bias=bias).double(), BatchNorm1d(outputs).double().eval()
    norm.running_mean, norm.running_var = torch.randn(outputs).double(), torch.rand(outputs).double() + 0.01
    nn.init.normal_(norm.weight)
    nn.init.normal_(norm.bias)
    x = torch.randn(7, inputs, dtype=torch.float64)
    assert torch.allclose(fold_batchnorm(linear, norm)(x), norm(linear(x)), atol=1e-9, rtol=1e-9)


def test_a_folded_layer_is_the_one_that_torch_makes() -> None:
    linear, norm = Linear(6, 4), BatchNorm1d(4)
    used(nn.Sequential(norm))
    theirs_linear, theirs_norm = nn.Linear(6, 4), nn.BatchNorm1d(4)
    theirs_linear.load_state_dict(linear.state_dict())
    theirs_norm.load_state_dict(norm.state_dict() | {"num_batches_tracked": torch.tensor(0)})
    theirs = nn.utils.fusion.fuse_linear_bn_eval(theirs_linear.eval(), theirs_norm.eval())
    ours = fold_batchnorm(linear, norm)
    assert torch.allclose(ours.weight, theirs.weight, atol=1e-6)
    assert ours.bias is not None
    assert torch.allclose(ours.bias, theirs.bias, atol=1e-6)


def test_layers_that_do_not_belong_together_are_refused() -> None:
    with pytest.raises(ValueError, match="gives 4 channels and BatchNorm takes 5"):
        fold_batchnorm(Linear(3, 4), BatchNorm1d(5))
    by_position = BatchNorm1d(4, over_positions=False)
    by_position(torch.randn(5, 2, 4))
    with pytest.raises(ValueError, match="differ by position"):
        fold_batchnorm(Linear(3, 4), by_position)


@pytest.mark.parametrize("model", [deep(), WaveNet(WaveNetConfig(27, d_hidden=16))])
def test_a_folded_network_has_no_batchnorm_and_equal_logits(model: MLP | WaveNet) -> None:
    used(model)
    before = copy.deepcopy(model.state_dict())
    windows = torch.randint(27, (64, model.config.context_length))
    reading = read_fold(model, windows)
    assert reading.layers == len(batchnorm_names(model)) > 1
    assert batchnorm_names(fold_model(model)) == ()
    assert 0 < reading.largest_difference < 1e-4
    assert reading.largest_in_training > 100 * reading.largest_difference
    assert reading.parameters_folded == reading.parameters - sum(
        p.numel() for n, p in model.named_parameters() if is_scale(model, n)
    )
    assert all(torch.equal(before[n], t) for n, t in model.state_dict().items())


def is_scale(model: nn.Module, name: str) -> bool:
    """A BatchNorm's scale goes; its shift becomes the linear layer's offset."""
    owner, _, kind = name.rpartition(".")
    return isinstance(model.get_submodule(owner), BatchNorm1d) and kind == "weight"


def test_an_example_depends_on_its_mates_in_training_and_not_in_evaluation() -> None:
    model = deep()
    before = copy.deepcopy(model.state_dict())
    layer = batchnorm_names(model)[0]
    few, many = (
        read_mates(model, BATCHES, WINDOWS[0], int(TARGETS[0]), layer, 3, batch_size=B, trials=40, seed=1)
        for B in (4, 256)
    )
    assert few.training.std() > 3 * many.training.std() > 0
    assert few.evaluation == many.evaluation
    model.eval()
    alone = model.network[2](model.network[1](model.network[0](model.embedding(WINDOWS[:1]))))
    assert few.evaluation == pytest.approx(float(alone[0, 3].detach()), abs=1e-5)
    assert few.evaluation_surprise == pytest.approx(float(model.loss(WINDOWS[:1], TARGETS[:1]).detach()), abs=1e-5)
    assert all(torch.equal(before[n], t) for n, t in model.state_dict().items())


def test_a_batch_of_one_has_no_statistics() -> None:
    model = deep()
    with pytest.raises(ValueError, match="at least 2 values per channel"):
        read_mates(model, BATCHES, WINDOWS[0], 1, batchnorm_names(model)[0], 0, batch_size=1, trials=2, seed=1)


@pytest.mark.parametrize("momentum", [0.0, 0.03, 0.1, 1.0])
def test_running_statistics_follow_the_closed_form(momentum: float) -> None:
    model = deep()
    S = 60
    found = read_running(
        model, BATCHES, batchnorm_names(model)[0], 4, momentum=momentum, batch_size=32, steps=S, seed=7
    )
    weights = momentum * (1 - momentum) ** np.arange(S - 1, -1, -1)
    assert found.mean[-1] == pytest.approx(float(weights @ found.batch_mean), abs=1e-4)
    assert found.variance[-1] == pytest.approx(float((1 - momentum) ** S + weights @ found.batch_variance), abs=1e-3)
    assert (found.mean[0], found.variance[0]) == (0, 1)


def test_running_statistics_arrive_where_a_large_batch_says() -> None:
    model = deep()
    found = read_running(model, BATCHES, batchnorm_names(model)[0], 4, momentum=0.03, batch_size=128, steps=200, seed=7)
    assert found.mean[-1] == pytest.approx(found.true_mean, abs=0.15 * found.true_variance**0.5)
    assert found.variance[-1] == pytest.approx(found.true_variance, rel=0.15)


def test_a_momentum_or_layer_that_cannot_be_is_refused() -> None:
    model = deep()
    with pytest.raises(ValueError, match="between 0 and 1"):
        read_running(model, BATCHES, batchnorm_names(model)[0], 0, momentum=1.5, batch_size=8, steps=1, seed=1)
    with pytest.raises(ValueError, match=r"no BatchNorm layer; there are network\.2"):
        read_running(model, BATCHES, "network.1", 0, momentum=0.1, batch_size=8, steps=1, seed=1)
