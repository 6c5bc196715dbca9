"""The diagnostics against numbers worked out by other means, on every architecture there is."""

from __future__ import annotations

import copy
import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from explorer.core.layers import GELU, ReLU, Tanh
from explorer.inspection.capture import capture
from explorer.inspection.diagnostics import (
    FLAT,
    MAP_COLUMNS,
    MAP_ROWS,
    SATURATED,
    diagnose,
    histogram,
    open_neuron,
    shared_range,
)
from explorer.models.mlp import MLP, MLPConfig
from explorer.models.registry import ARCHITECTURES, build_config, build_model

V = 27
SMALL: dict[str, dict[str, Any]] = {
    "bigram": {},
    "mlp": {"n_hidden_layers": 3, "d_hidden": 20, "batch_norm": True},
    "wavenet": {"d_hidden": 16},
    "decoder": {"context_length": 8, "d_model": 16, "n_layers": 2},
    "gpt": {"context_length": 8, "n_layers": 2, "n_heads": 2, "d_model": 16, "dropout": 0.3},
}


def small(architecture: str) -> Any:
    return build_model(
        architecture, build_config(architecture, {"vocab_size": V} | SMALL.get(architecture, {})), seed=1
    )


def batch(model: Any, size: int = 16) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(3)
    n = model.config.context_length
    targets = (size,) if model.reads_windows else (size, n)
    return torch.randint(V, (size, n), generator=generator), torch.randint(V, targets, generator=generator)


def deep(**options: Any) -> MLP:
    shape = MLPConfig(V, **({"n_hidden_layers": 3, "d_hidden": 40} | options))
    model = build_model("mlp", shape, seed=2)
    assert isinstance(model, MLP)
    return model


@pytest.mark.parametrize("architecture", list(ARCHITECTURES))
def test_every_architecture_can_be_read_and_is_left_as_it_was(architecture: str) -> None:
    model = small(architecture)
    before = copy.deepcopy(model.state_dict())
    reading = diagnose(model, *batch(model))
    assert reading.layers[-1].kind == "logits"
    assert [p.name for p in reading.parameters] == [name for name, _ in model.named_parameters()]
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())
    assert all(p.grad is None for p in model.parameters())
    assert sum(len(m._forward_hooks) for m in model.modules()) == 0
    for layer in reading.layers:
        assert layer.activations.shares.sum() == pytest.approx(1)
        assert layer.gradients.shares.sum() == pytest.approx(1)


@pytest.mark.parametrize(
    ("architecture", "kinds"),
    [
        ("bigram", {"logits"}),
        ("mlp", {"tanh", "batchnorm", "logits"}),
        ("wavenet", {"tanh", "batchnorm", "logits"}),
        ("decoder", {"layernorm", "attention", "relu", "logits"}),
        ("gpt", {"layernorm", "attention", "gelu", "logits"}),
    ],
)
def test_layers_are_found_by_their_type(architecture: str, kinds: set[str]) -> None:
    model = small(architecture)
    assert set(diagnose(model, *batch(model)).kinds) == kinds


def test_loss_gradients_and_ratios_are_those_of_a_plain_backward_pass() -> None:
    model = deep()
    inputs, targets = batch(model)
    reading = diagnose(model, inputs, targets)
    loss = torch.nn.functional.cross_entropy(model.score_windows(inputs), targets)
    loss.backward()
    assert reading.loss == pytest.approx(loss.item(), rel=1e-6)
    assert reading.uniform_loss == math.log(V)
    assert reading.examples == 16
    for parameter, (name, p) in zip(reading.parameters, model.named_parameters(), strict=True):
        assert p.grad is not None
        assert parameter.name == name
        assert parameter.gradient_std == pytest.approx(float(p.grad.std(correction=0)), rel=1e-4)
        if p.std(correction=0) > 0:
            ratio = float(p.grad.std(correction=0) / p.detach().std(correction=0))
            assert parameter.ratio == pytest.approx(ratio, rel=1e-4)
        else:
            assert math.isnan(parameter.ratio)  # biases begin at 0


def test_spreads_and_saturation_of_tanh_are_those_of_its_outputs() -> None:
    model = deep(gain=4.0)
    inputs, targets = batch(model)
    with capture(model, ["network.*"], gradients=True) as seen:
        model.loss(inputs, targets).backward()
    for layer in diagnose(model, inputs, targets).of_kind("tanh"):
        outputs = seen[layer.name]
        assert layer.activations.std == pytest.approx(float(outputs.std(correction=0)), rel=1e-5)
        assert layer.saturated_share == pytest.approx(float((outputs.abs() > SATURATED).float().mean()), abs=1e-6)
        assert layer.dead_units == int((outputs.abs() > SATURATED).all(dim=0).sum())
        assert layer.outputs == pytest.approx(outputs[:MAP_ROWS].numpy(), abs=1e-6)
        assert (layer.saturation == (np.abs(layer.outputs) > SATURATED)).all()
        assert layer.gradients.std == pytest.approx(float(seen.gradients[layer.name].std(correction=0)), rel=1e-4)


@pytest.mark.parametrize("layer", [Tanh(), ReLU(), GELU()])
def test_the_slope_of_an_activation_is_its_finite_difference(layer: torch.nn.Module) -> None:
    kind = type(layer).__name__.lower()
    model = small("decoder") if kind != "tanh" else deep()
    if kind == "gelu":
        model = small("gpt")
    reading = next(x for x in diagnose(model, *batch(model)).layers if x.kind == kind)
    assert reading.inputs is not None
    x = torch.from_numpy(reading.inputs).double()
    step = 1e-6
    slope = ((layer(x + step) - layer(x - step)) / (2 * step)).numpy()
    assert reading.slopes == pytest.approx(slope, abs=1e-4)
    cell = open_neuron(reading, 1, 2, "here")
    assert cell.shown == pytest.approx(cell.recomputed, abs=1e-5)
    assert cell.heading.endswith("flat")


def test_batch_statistics_and_running_ones_are_two_readings() -> None:
    model = deep(batch_norm=True)
    inputs, targets = batch(model)
    by_batch = diagnose(model, inputs, targets).of_kind("batchnorm")[0]
    by_running = diagnose(model, inputs, targets, batch_statistics=False).of_kind("batchnorm")[0]
    assert by_batch.activations.std == pytest.approx(1, abs=0.01)
    assert by_running.activations.std != pytest.approx(1, abs=0.01)  # still mean 0 and variance 1, the first guess


def test_dropout_is_off_so_two_readings_are_equal() -> None:
    model = small("gpt")
    assert diagnose(model, *batch(model)).loss == diagnose(model, *batch(model)).loss


def test_an_attention_pattern_that_looks_at_one_place_is_one_hot() -> None:
    model = small("gpt")
    spread = diagnose(model, *batch(model)).of_kind("attention")[0]
    with torch.no_grad():
        model.blocks[0].attention.query_key_value.weight *= 1e4
    peaked = diagnose(model, *batch(model)).of_kind("attention")[0]
    assert spread.saturated_share == 0
    assert peaked.saturated_share is not None
    assert peaked.saturated_share > 0.9


def test_a_map_is_bounded_however_large_the_layer() -> None:
    model = deep(d_hidden=300, n_hidden_layers=1)
    (layer,) = diagnose(model, *batch(model, 100)).of_kind("tanh")
    assert layer.saturation.shape == (MAP_ROWS, MAP_COLUMNS)


@pytest.mark.parametrize("options", [{"initialisation": "zero"}, {"gain": 0.0}, {"gain": 0.0, "batch_norm": True}])
def test_a_network_without_gradients_reads_as_zeros_and_is_drawn_between_fixed_ends(options: dict[str, Any]) -> None:
    model = deep(**options)
    reading = diagnose(model, *batch(model))
    assert reading.loss == pytest.approx(math.log(V), abs=1e-4)
    for layer in reading.of_kind("tanh"):
        assert layer.activations.std == 0
        assert layer.gradients.std == 0
        assert layer.gradients.edges[0] < 0 < layer.gradients.edges[-1]
        assert layer.activations.shares.max() == 1
    assert all(math.isnan(p.ratio) or p.ratio >= 0 for p in reading.parameters)


def test_a_gain_of_a_thousand_saturates_everything_and_stays_finite() -> None:
    model = deep(gain=1000.0)
    reading = diagnose(model, *batch(model))
    shares = [layer.saturated_share for layer in reading.of_kind("tanh")]
    assert all(share is not None and share > 0.98 for share in shares)
    assert math.isfinite(reading.loss)


def test_a_batch_of_one_with_batchnorm_is_refused_in_words() -> None:
    model = deep(batch_norm=True)
    with pytest.raises(ValueError, match="at least 2 values per channel"):
        diagnose(model, *batch(model, 1))


def test_overflowed_weights_are_counted_and_not_drawn() -> None:
    model = deep()
    with torch.no_grad():
        model.get_parameter("network.7.weight").fill_(math.inf)
    reading = diagnose(model, *batch(model))
    assert not math.isfinite(reading.loss)
    assert reading.layers[-1].activations.finite_share < 1


@given(st.lists(st.floats(-1e6, 1e6, width=32), min_size=1, max_size=40))
def test_a_histogram_counts_every_value_once_wherever_it_lies(values: list[float]) -> None:
    tensor = torch.tensor(values)
    low, high = shared_range([tensor])
    found = histogram(tensor, low, high)
    assert found.shares.sum() == pytest.approx(1)
    assert (np.diff(found.edges) > 0).all()
    assert found.mean == pytest.approx(
        float(np.array(values, dtype=np.float32).astype(float).mean()), rel=1e-3, abs=1e-2
    )


def test_a_histogram_of_values_in_its_range_is_numpys() -> None:
    values = torch.randn(5000, generator=torch.Generator().manual_seed(1)).clamp(-3, 3)
    counts, edges = np.histogram(values.numpy(), 41, (-3, 3))
    found = histogram(values, -3, 3)
    assert found.edges == pytest.approx(edges)
    assert found.shares * 5000 == pytest.approx(counts, abs=1.01)


def test_an_empty_range_and_a_layer_that_is_no_activation_are_refused() -> None:
    with pytest.raises(ValueError, match="low < high"):
        histogram(torch.zeros(3), 1.0, 1.0)
    logits = diagnose(deep(), *batch(deep())).layers[-1]
    with pytest.raises(ValueError, match="no slope"):
        _ = logits.slopes


def test_what_counts_as_flat_is_the_slope_of_tanh_where_it_saturates() -> None:
    assert pytest.approx(1 - SATURATED**2) == FLAT
    x = math.atanh(SATURATED)
    assert 1 - math.tanh(x) ** 2 == pytest.approx(FLAT)
