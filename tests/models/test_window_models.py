"""The MLP and the WaveNet: their sizes, their two ways of reading, and what they refuse."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from explorer.core.layers import BatchNorm1d
from explorer.core.probability import cross_entropy
from explorer.models.mlp import INITIALISATIONS, MLP, MLPConfig
from explorer.models.registry import build_model
from explorer.models.wavenet import WaveNet, WaveNetConfig, dilated_logits, fusions


def settle(model: nn.Module) -> None:
    """Give every BatchNorm statistics and weights that are not 0 and 1, then go to evaluation."""
    for module in model.modules():
        if isinstance(module, BatchNorm1d):
            nn.init.normal_(module.running_mean)
            nn.init.uniform_(module.running_var, 0.5, 2)
            nn.init.normal_(module.weight)
            nn.init.normal_(module.bias)
    model.eval()


@pytest.mark.parametrize(
    ("model", "parameters"),
    [
        (MLP(MLPConfig(27)), 11_897),
        (MLP(MLPConfig(27, batch_norm=True)), 12_097),
        (MLP(MLPConfig(27, d_hidden=100, n_hidden_layers=5, batch_norm=True)), 47_024),
        (WaveNet(WaveNetConfig(27)), 76_579),
    ],
    ids=["mlp", "batchnorm", "deep", "wavenet"],
)
def test_the_models_have_the_lectures_parameter_counts(model: nn.Module, parameters: int) -> None:
    assert sum(p.numel() for p in model.parameters()) == parameters


def test_the_mlp_equals_the_formula_of_its_paper() -> None:
    model: Any = MLP(MLPConfig(27, context_length=3, d_embedding=4, d_hidden=6))
    nn.init.normal_(model.network[1].bias)
    windows = torch.randint(27, (5, 3))
    C, H, d = model.embedding.weight, model.network[1], model.network[1].bias
    U, b = model.network[3].weight, model.network[3].bias
    x = torch.cat([C[windows[:, i]] for i in range(3)], dim=1)
    torch.testing.assert_close(model.score_windows(windows), b + torch.tanh(d + x @ H.weight.T) @ U.T)


@given(st.integers(1, 9), st.integers(1, 3), st.integers(0, 1000))
def test_logits_at_a_position_are_those_of_the_window_that_ends_there(T: int, B: int, seed: int) -> None:
    model: Any = build_model("mlp", MLPConfig(11, d_hidden=7, d_embedding=2, pad_id=10), seed=seed)
    torch.manual_seed(seed)
    ids = torch.randint(10, (B, T))
    padded = torch.cat([torch.full((B, 2), 10), ids], dim=1)
    for t in range(T):
        torch.testing.assert_close(model(ids)[:, t], model.score_windows(padded[:, t : t + 3]))


@pytest.mark.parametrize(("context", "fusion"), [(8, 2), (8, 4), (8, 8), (16, 4), (9, 3), (4, 8), (2, 2)])
@pytest.mark.parametrize("T", [1, 3, 20])
def test_dilated_convolutions_give_the_logits_of_the_tree(context: int, fusion: int, T: int) -> None:
    torch.manual_seed(0)
    model = WaveNet(WaveNetConfig(13, context_length=context, d_embedding=5, d_hidden=6, fusion=fusion, pad_id=3))
    settle(model)
    model.double()
    ids = torch.randint(13, (2, T))
    by_trees = model.score_windows(model.windows(ids).reshape(2 * T, -1)).view(2, T, -1)
    torch.testing.assert_close(dilated_logits(model, ids), by_trees)
    torch.testing.assert_close(model(ids), by_trees)


def test_each_level_is_torchs_own_dilated_convolution() -> None:
    torch.manual_seed(0)
    model: Any = WaveNet(WaveNetConfig(13, d_embedding=5, d_hidden=6))
    settle(model)
    ids = torch.randint(13, (1, 30))
    x = model.embedding(ids)
    for level, dilation in enumerate((1, 2, 4)):
        _, linear, norm, tanh = (model.network[4 * level + i] for i in range(4))
        convolution = nn.Conv1d(linear.weight.shape[1] // 2, 6, 2, dilation=dilation, bias=False)
        convolution.weight.data = linear.weight.data.view(6, 2, -1).transpose(1, 2)
        x = tanh(norm(convolution(x.transpose(1, 2)).transpose(1, 2)))
    torch.testing.assert_close(dilated_logits(model, ids)[:, 7:], model.network[12](x))


def test_the_bug_gives_statistics_by_position_and_no_convolution() -> None:
    model = WaveNet(WaveNetConfig(13, d_embedding=5, d_hidden=6, over_positions=False))
    model.score_windows(torch.randint(13, (16, 8)))
    assert [m.running_mean.shape for m in model.modules() if isinstance(m, BatchNorm1d)] == [(4, 6), (2, 6), (6,)]
    with pytest.raises(ValueError, match="the tree is no convolution"):
        dilated_logits(model.eval(), torch.zeros(1, 8, dtype=torch.long))
    assert model(torch.zeros(2, 5, dtype=torch.long)).shape == (2, 5, 13)


def test_a_training_wavenet_is_not_turned_into_convolutions() -> None:
    with pytest.raises(ValueError, match=r"call model\.eval\(\) first"):
        dilated_logits(WaveNet(WaveNetConfig(13)), torch.zeros(1, 8, dtype=torch.long))


def test_fusions_multiply_to_the_context_and_say_what_cannot_be_joined() -> None:
    assert [fusions(c, f) for c, f in ((8, 2), (16, 4), (27, 3))] == [(2, 2, 2), (4, 4), (3, 3, 3)]
    for context, fusion in ((6, 4), (12, 8), (7, 2)):
        with pytest.raises(ValueError, match=f"{context} cannot be joined {fusion} at a time .* power of {fusion}"):
            fusions(context, fusion)
    with pytest.raises(ValueError, match="context of at least 2 and joins at least 2"):
        fusions(8, 1)


def first_loss(initialisation: str) -> float:
    model: Any = build_model("mlp", MLPConfig(27, n_hidden_layers=3, initialisation=initialisation))
    torch.manual_seed(0)
    return cross_entropy(model.score_windows(torch.randint(27, (500, 3))), torch.randint(27, (500,))).item()


def test_only_a_good_start_begins_at_ln_v() -> None:
    losses = {name: first_loss(name) for name in INITIALISATIONS}
    assert losses["good"] == pytest.approx(math.log(27), abs=0.1)
    assert losses["zero"] == pytest.approx(math.log(27), abs=1e-5)
    assert losses["times ten"] > 10
    assert losses["standard normal"] > 10


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"d_hidden": 0}, "d_hidden must be a whole number of at least 1, got 0"),
        ({"d_embedding": 2.5}, "d_embedding must be a whole number"),
        ({"n_hidden_layers": 65}, "at most 64, got 65"),
        ({"initialisation": "best"}, "initialisation among good, times ten"),
        ({"gain": math.nan}, "gain must be a finite number"),
        ({"pad_id": 27}, "pad_id must be a token from 0 to 26, got 27"),
    ],
)
def test_an_mlp_that_cannot_be_is_refused_by_name(options: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        MLPConfig(27, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"d_hidden": 0}, "d_hidden must be a whole number of at least 1, got 0"),
        ({"context_length": 7}, "7 cannot be joined 2 at a time"),
        ({"pad_id": -1}, "pad_id must be a token from 0 to 26, got -1"),
    ],
)
def test_a_wavenet_that_cannot_be_is_refused_by_name(options: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        WaveNetConfig(27, **options)  # type: ignore[arg-type]
