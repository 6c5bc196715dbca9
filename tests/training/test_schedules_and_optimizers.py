"""The learning rate's path, which parameters decay, and settings that cannot be."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from explorer.models.gpt import GPT, GPTConfig
from explorer.training.config import TrainingConfig
from explorer.training.optimizers import make_adamw
from explorer.training.schedules import warmup_cosine


@given(st.integers(0, 50), st.integers(1, 200), st.floats(1e-5, 1.0), st.floats(0, 1.0))
def test_the_rate_climbs_to_its_peak_and_falls_to_its_end(warmup: int, falling: int, peak: float, share: float) -> None:
    steps, final = warmup + falling, share * peak
    rates = [warmup_cosine(i, steps=steps, warmup=warmup, peak=peak, final=final) for i in range(steps)]
    assert rates[:warmup] == pytest.approx([peak * (i + 1) / warmup for i in range(warmup)])
    assert max(rates) == pytest.approx(peak)
    assert all(later <= earlier for earlier, later in zip(rates[warmup:], rates[warmup + 1 :], strict=False))
    if falling > 1:
        assert rates[-1] == pytest.approx(final, abs=1e-12)


def test_the_fall_is_half_a_cosine() -> None:
    rates = [warmup_cosine(i, steps=101, warmup=0, peak=3.0, final=1.0) for i in (0, 25, 50, 75, 100)]
    assert rates == pytest.approx([3, 2 + math.sqrt(0.5), 2, 2 - math.sqrt(0.5), 1])


def test_matrices_decay_and_vectors_do_not() -> None:
    model = GPT(GPTConfig(vocab_size=7, context_length=4, n_layers=2, n_heads=2, d_model=8))
    optimizer = make_adamw(model, TrainingConfig(weight_decay=0.3, beta1=0.8, beta2=0.95))
    decay = {id(p): group["weight_decay"] for group in optimizer.param_groups for p in group["params"]}
    named = dict(model.named_parameters())
    assert len(decay) == len(named)
    for name, parameter in named.items():
        is_vector = name.endswith("bias") or "norm" in name
        assert decay[id(parameter)] == (0.0 if is_vector else 0.3), name
    assert {group["betas"] for group in optimizer.param_groups} == {(0.8, 0.95)}


def test_decay_pulls_a_matrix_towards_zero_and_leaves_a_vector_where_it_is() -> None:
    model = GPT(GPTConfig(vocab_size=7, context_length=4, n_layers=1, n_heads=2, d_model=8))
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    optimizer = make_adamw(model, TrainingConfig(learning_rate=0.1, weight_decay=0.5))
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    for name, parameter in model.named_parameters():
        factor = 0.95 if parameter.dim() >= 2 else 1.0
        torch.testing.assert_close(parameter.detach(), before[name] * factor)


@pytest.mark.parametrize(
    "options",
    [
        *({name: value} for name in ("steps", "batch_size") for value in (0, -1, 1.5)),
        *({name: -1} for name in ("warmup", "evaluate_every", "sample_every", "sample_length", "weight_decay")),
        *({name: value} for name in ("learning_rate", "clip") for value in (0.0, -1.0, math.nan, math.inf)),
        *({name: math.nan} for name in ("final_learning_rate", "weight_decay")),
        *({name: value} for name in ("beta1", "beta2") for value in (-0.1, 1.0, math.nan)),
    ],
    ids=str,
)
def test_a_setting_that_cannot_be_is_named_with_what_came(options: dict[str, Any]) -> None:
    ((name, value),) = options.items()
    with pytest.raises(ValueError, match=f"^{name} must be .* got {value}"):
        TrainingConfig(**options)


def test_a_seed_that_torch_does_not_take_is_named() -> None:
    with pytest.raises(ValueError, match="seed"):
        TrainingConfig(seed=2**64)
