"""Counts against the model's own, torch's counter of operations, and a cache that was really filled."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from explorer.inspection.capture import capture
from explorer.inspection.model_costs import Cost, count_flops, count_memory, count_parameters
from explorer.models.gpt import GPT, GPTConfig
from tests.inspection.test_ablation_ranking import IDS, KINDS, build


def part(cost: Cost, *names: str) -> Cost:
    for name in names:
        cost = next(child for child in cost.children if child.name == name)
    return cost


@pytest.mark.parametrize("kind", list(KINDS))
def test_the_parameters_add_up_to_the_models_own_count(kind: str) -> None:
    model = build(kind)
    found = count_parameters(model)
    assert found.total == model.parameter_count() == sum(p.numel() for p in model.parameters())
    assert sum(amount for _, _, amount in found.rows()) == found.total


def test_tied_weights_are_counted_once_and_say_whose_they_are() -> None:
    tied = count_parameters(build("gpt"))
    assert part(tied, "unembedding").total == 0
    assert "token embedding" in part(tied, "unembedding", "weight").detail
    assert part(tied, "token embedding").total == 7 * 12
    own = count_parameters(GPT(GPTConfig(7, context_length=8, n_layers=1, n_heads=3, d_model=12, tie_weights=False)))
    assert part(own, "unembedding").total == 7 * 12


def test_a_shape_stands_beside_every_count() -> None:
    weight = part(count_parameters(build("gpt")), "block 1", "attention", "query key value", "weight")
    assert (weight.detail, weight.total) == ("36 × 12", 36 * 12)


@pytest.mark.parametrize("kind", list(KINDS))
def test_the_operations_are_those_that_torchs_counter_counts(kind: str) -> None:
    model = build(kind)
    # Somebody listens, so attention is computed step by step, in products that the counter sees.
    with torch.no_grad(), capture(model, ["blocks.*.attention.pattern"]), FlopCounterMode(display=False) as counter:
        model(torch.tensor([IDS]))
    found = count_flops(model, len(IDS))
    assert found.total == counter.get_total_flops()
    heads, T, C = 3, len(IDS), 12
    assert part(found, "block 0", "attention", "Q Kᵀ").total == 2 * heads * T * T * (C // heads)
    assert part(found, "block 0", "attention", "query key value").total == 2 * T * C * 3 * C


def test_the_cache_takes_what_a_filled_cache_takes() -> None:
    model: Any = build("gpt")
    cache = model.new_cache()
    with torch.no_grad():
        model(torch.tensor([IDS]), cache)
    real = sum(t.numel() * t.element_size() for layer in cache.layers for t in (layer.keys, layer.values))
    assert part(count_memory(model, len(IDS)), "key-value cache").total == real


def test_weights_take_their_bytes_and_a_table_of_angles_counts() -> None:
    model = build("modern")
    held = [*model.parameters(), *model.buffers()]
    assert part(count_memory(model, 3), "weights").total == sum(t.numel() * t.element_size() for t in held)


def test_activations_are_all_tensors_between_the_parts_each_once() -> None:
    model, T, C = build("gpt"), len(IDS), 12
    activations = part(count_memory(model, T), "activations")
    # norm, queries keys values, joined heads, projected, the sum, norm, expanded, activated, contracted, the sum
    per_token = C + 3 * C + C + C + C + C + 4 * C + 4 * C + C + C
    assert part(activations, "block 1").total == 4 * T * per_token
    assert activations.total == 4 * T * (3 * per_token + 2 * C + C + C + 7)  # two embeddings, their sum, norm, logits


def test_longer_prompts_cost_more_in_attention_than_in_proportion() -> None:
    model = build("gpt")
    once, twice = count_flops(model, 4), count_flops(model, 8)
    assert twice.total > 2 * once.total
    assert part(twice, "block 0", "feed forward").total == 2 * part(once, "block 0", "feed forward").total
