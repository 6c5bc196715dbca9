"""Muon against singular values worked out by torch, and its AdamW against torch's."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from explorer.models.registry import build_config, build_model
from explorer.training.config import TrainingConfig
from explorer.training.optimizers import Muon, make_muon, make_optimizer, orthogonalise


@given(rows=st.integers(1, 24), columns=st.integers(1, 24), seed=st.integers(0, 1000))
def test_orthogonalising_keeps_the_singular_vectors_and_brings_every_singular_value_near_one(
    rows: int, columns: int, seed: int
) -> None:
    generator = torch.Generator().manual_seed(seed)
    small = min(rows, columns)
    u, _ = torch.linalg.qr(torch.randn(rows, small, generator=generator, dtype=torch.float64))
    v, _ = torch.linalg.qr(torch.randn(columns, small, generator=generator, dtype=torch.float64))
    values = 0.1 + torch.rand(small, generator=generator, dtype=torch.float64)
    result = u.T @ orthogonalise(u @ torch.diag(values) @ v.T) @ v
    torch.testing.assert_close(
        result - torch.diag(result.diagonal()), torch.zeros(small, small).double(), atol=1e-6, rtol=0
    )
    assert (result.diagonal() > 0.6).all()
    assert (result.diagonal() < 1.3).all()


def test_stacked_matrices_are_orthogonalised_each_by_itself() -> None:
    stack = torch.randn(3, 8, 5, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(orthogonalise(stack), torch.stack([orthogonalise(m) for m in stack]))


def test_a_matrix_moves_by_the_orthogonalised_nesterov_mean_and_a_tall_one_further() -> None:
    weight = nn.Parameter(torch.zeros(8, 2))
    optimizer = Muon([{"params": [weight], "kind": "matrix", "lr": 0.1, "momentum": 0.9}])
    gradients = torch.randn(2, 8, 2, generator=torch.Generator().manual_seed(0))
    mean, expected = torch.zeros(8, 2), torch.zeros(8, 2)
    for gradient in gradients:
        weight.grad = gradient.clone()
        optimizer.step()
        mean = 0.9 * mean + 0.1 * gradient
        expected = expected - 0.1 * 2 * orthogonalise(0.1 * gradient + 0.9 * mean)  # √(8 / 2) = 2
    torch.testing.assert_close(weight.detach(), expected)


def test_queries_keys_and_values_in_one_weight_are_three_matrices() -> None:
    weight = nn.Parameter(torch.zeros(12, 4))
    optimizer = Muon([{"params": [weight], "kind": "matrix", "lr": 1.0, "momentum": 0.0, "parts": 3}])
    gradient = torch.randn(12, 4, generator=torch.Generator().manual_seed(0))
    weight.grad = gradient.clone()
    optimizer.step()
    for part, given_part in zip(weight.detach().chunk(3), gradient.chunk(3), strict=True):
        torch.testing.assert_close(part, -orthogonalise(given_part), atol=1e-5, rtol=1e-5)


def test_what_is_no_matrix_moves_as_torchs_adamw_moves_it() -> None:
    start = torch.randn(7, 3, generator=torch.Generator().manual_seed(0))
    ours, theirs = nn.Parameter(start.clone()), nn.Parameter(start.clone())
    muon = Muon([{"params": [ours], "kind": "other", "lr": 0.01, "betas": (0.8, 0.95), "weight_decay": 0.1}])
    adamw = torch.optim.AdamW([theirs], lr=0.01, betas=(0.8, 0.95), weight_decay=0.1)
    for seed in range(5):
        gradient = torch.randn(7, 3, generator=torch.Generator().manual_seed(seed))
        ours.grad, theirs.grad = gradient.clone(), gradient.clone()
        muon.step()
        adamw.step()
    torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("architecture", ["modern", "gpt", "decoder"])
def test_every_parameter_is_in_one_group_and_only_matrices_of_the_blocks_are_turned_as_a_whole(
    architecture: str,
) -> None:
    options = {"vocab_size": 11, "context_length": 8, "n_layers": 2, "n_heads": 2, "d_model": 8}
    model = build_model(architecture, build_config(architecture, options))
    optimizer = make_muon(model, TrainingConfig(optimizer="muon"))
    names = {id(p): name for name, p in model.named_parameters()}
    grouped = [(group["kind"], names[id(p)]) for group in optimizer.param_groups for p in group["params"]]
    assert sorted(name for _, name in grouped) == sorted(names.values())
    turned = {name for kind, name in grouped if kind == "matrix"}
    expected = ("query_key_value.weight", "projection.weight", "expand.weight", "contract.weight")
    assert turned == {name for name in names.values() if name.startswith("blocks.") and name.endswith(expected)}


def test_muon_can_be_chosen_by_name_and_has_its_own_rate_for_matrices() -> None:
    model = build_model("gpt", build_config("gpt", {"vocab_size": 11, "n_layers": 1, "n_heads": 2, "d_model": 8}))
    config = TrainingConfig(optimizer="muon", learning_rate=0.003, matrix_learning_rate=0.05)
    optimizer = make_optimizer(model, config)
    assert isinstance(optimizer, Muon)
    assert {group["kind"]: group["lr"] for group in optimizer.param_groups} == {"matrix": 0.05, "other": 0.003}
