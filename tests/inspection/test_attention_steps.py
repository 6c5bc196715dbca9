"""One head step by step: against torch's own attention, and every cell against its parts."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from explorer.core.attention_masks import strided_mask
from explorer.inspection.attention_layer import fresh_layer, layer_of
from explorer.inspection.attention_steps import STEPS, StepName, open_step, take_steps
from tests.models.test_gpt import tiny_gpt

TEXT = "a cat, a mat"
LABELS = tuple(TEXT)
T = len(TEXT)


@pytest.mark.parametrize("mask", [True, False])
@pytest.mark.parametrize("scale", [True, False])
def test_the_steps_end_where_torchs_attention_ends(mask: bool, scale: bool) -> None:
    steps = take_steps(fresh_layer(TEXT, 16, 8), mask=mask, scale=scale)
    q, k, v = (torch.from_numpy(part) for part in (steps.queries, steps.keys, steps.values))
    expected = F.scaled_dot_product_attention(q, k, v, is_causal=mask, scale=None if scale else 1.0)
    np.testing.assert_allclose(steps.mixed, expected, atol=1e-5)
    np.testing.assert_allclose(steps.pattern.sum(axis=1), 1, atol=1e-6)
    assert steps.divisor == (math.sqrt(8) if scale else 1.0)
    assert np.array_equal(np.isnan(steps.masked), ~steps.allowed)
    assert steps.allowed.all() != mask


def test_a_sparse_mask_is_torchs_attention_with_that_mask() -> None:
    allowed = strided_mask(T, 3).numpy()
    steps = take_steps(fresh_layer(TEXT, 16, 8), allowed=allowed)
    q, k, v = (torch.from_numpy(part) for part in (steps.queries, steps.keys, steps.values))
    expected = F.scaled_dot_product_attention(q, k, v, attn_mask=torch.from_numpy(allowed))
    np.testing.assert_allclose(steps.mixed, expected, atol=1e-5)


def test_queries_keys_and_values_are_the_inputs_times_the_heads_own_weights() -> None:
    layer = fresh_layer(TEXT, 16, 4, n_heads=3)
    steps = take_steps(layer, 2)
    for part, weight in zip((steps.queries, steps.keys, steps.values), layer.weights, strict=True):
        np.testing.assert_allclose(part, layer.inputs.astype(float) @ weight[8:].T, atol=1e-5)


KINDS = {
    "fresh": lambda: take_steps(fresh_layer(TEXT, 16, 8)),
    "no mask": lambda: take_steps(fresh_layer(TEXT, 16, 8), mask=False),
    "no scale": lambda: take_steps(fresh_layer(TEXT, 16, 8), scale=False),
    "sparse": lambda: take_steps(fresh_layer(TEXT, 16, 8), allowed=strided_mask(T, 3).numpy()),
    "trained": lambda: take_steps(layer_of(tiny_gpt(), [1, 5, 2, 8, 3, 0, 12, 1, 1, 4, 9, 2], 1), 1),
}


@pytest.mark.parametrize("kind", list(KINDS))
@pytest.mark.parametrize("name", STEPS)
def test_every_cell_recomputed_from_its_parts_equals_the_number_shown(kind: str, name: StepName) -> None:
    steps = KINDS[kind]()
    matrix: np.ndarray = getattr(steps, name)
    for row, column in np.ndindex(*matrix.shape):
        cell = open_step(steps, name, row, column, LABELS)
        assert cell.shown == (-math.inf if np.isnan(matrix[row, column]) else matrix[row, column])
        assert cell.difference <= 1e-5, cell.heading
        assert len({len(cell.columns), *(len(part) for part in cell.rows)}) == 1


def test_a_bias_is_a_part_of_its_own() -> None:
    model = tiny_gpt()
    attention: Any = model.blocks[0].attention
    torch.nn.init.constant_(attention.query_key_value.bias, 0.25)
    steps = take_steps(layer_of(model, [1, 2, 3], 0))
    cell = open_step(steps, "keys", 1, 2, "abc")
    assert cell.rows[-1][:4] == ("bias", 1.0, 0.25, 0.25)
    assert cell.recomputed == pytest.approx(float(steps.keys[1, 2]), abs=1e-6)


def test_a_masked_cell_says_that_the_query_may_not_look() -> None:
    cell = open_step(take_steps(fresh_layer(TEXT, 16, 8)), "masked", 2, 5, LABELS)
    assert cell.recomputed == -math.inf
    assert ("may the query look at this key?", "no") in cell.rows


def test_without_the_scale_the_division_is_by_one_and_says_so() -> None:
    cell = open_step(take_steps(fresh_layer(TEXT, 16, 8), scale=False), "scaled", 3, 1, LABELS)
    assert ("1: the scale is off", 1.0) in cell.rows


def test_a_mix_names_the_tokens_that_are_mixed() -> None:
    steps = take_steps(fresh_layer(TEXT, 16, 8), allowed=strided_mask(T, 3).numpy())
    assert [row[0] for row in open_step(steps, "mixed", 7, 0, LABELS).rows] == ["1  ", "4 t", "5 ,", "6  ", "7 a"]


@pytest.mark.parametrize(("row", "column"), [(-1, 0), (0, -1), (T, 0), (0, 99)])
def test_a_cell_that_is_not_there_is_refused_with_the_size(row: int, column: int) -> None:
    with pytest.raises(ValueError, match=rf"The step queries is {T}×8; there is no cell {row}, {column}"):
        open_step(take_steps(fresh_layer(TEXT, 16, 8)), "queries", row, column, LABELS)


def test_a_head_that_is_not_there_is_refused() -> None:
    with pytest.raises(ValueError, match="2 heads, counted from 0; there is no head 2"):
        take_steps(fresh_layer(TEXT, 16, 8, n_heads=2), 2)


def test_one_token_looks_at_itself_with_all_its_weight() -> None:
    steps = take_steps(fresh_layer("R", 16, 8))
    assert steps.pattern.tolist() == [[1.0]]
    assert (steps.largest_weight, steps.entropy) == (1.0, 0.0)


def test_entropy_and_largest_weight_of_an_even_head_are_those_of_even_looking() -> None:
    layer = fresh_layer(TEXT, 16, 8)
    even = take_steps(type(layer)(layer.inputs * 0, *list(vars(layer).values())[1:]))
    counts = np.arange(2, T + 1)
    assert even.entropy == pytest.approx(np.log(counts).mean(), abs=1e-6)
    assert even.largest_weight == pytest.approx((1 / counts).mean(), abs=1e-6)


def test_the_experiment_without_the_scale_says_what_is_measured() -> None:
    layer = fresh_layer("the cat sat on the mat", 32, 256)
    assert f"{take_steps(layer, scale=False).largest_weight:.2f}" == "0.88"
    assert f"{take_steps(layer, scale=True).largest_weight:.2f}" == "0.26"
