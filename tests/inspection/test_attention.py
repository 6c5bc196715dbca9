"""What every head looked at, and the cells of every stage recomputed from their parts."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from explorer.inspection.arithmetic import number
from explorer.inspection.attention import (
    STAGES,
    AttentionTrace,
    HeadStages,
    StageName,
    head_stages,
    open_cell,
    shrink_maps,
    trace_attention,
)
from explorer.models.bigram import Bigram, BigramConfig
from tests.models.test_gpt import tiny_gpt

IDS = [1, 5, 2, 8, 3, 0, 12]
LABELS = tuple("bfciday")
T = len(IDS)


@pytest.fixture(scope="module")
def trace() -> AttentionTrace:
    return trace_attention(tiny_gpt(), IDS)


@pytest.fixture(scope="module")
def stages(trace: AttentionTrace) -> HeadStages:
    return head_stages(trace, 1, 2)


def test_a_trace_has_every_layer_and_head_of_the_prompt(trace: AttentionTrace) -> None:
    assert trace.queries.shape == trace.keys.shape == trace.values.shape == (3, 4, T, 8)
    assert trace.patterns.shape == (3, 4, T, T)
    assert trace.logits.shape == (T, 13)


def test_rows_of_every_map_sum_to_one_and_nothing_is_right_of_the_diagonal(trace: AttentionTrace) -> None:
    np.testing.assert_allclose(trace.patterns.sum(axis=-1), 1, atol=1e-6)
    assert np.triu(trace.patterns, k=1).max() == 0


def test_the_traced_logits_are_those_of_the_model_running_on_its_own(trace: AttentionTrace) -> None:
    with torch.no_grad():
        logits = tiny_gpt()(torch.tensor([IDS]))[0]
    np.testing.assert_allclose(trace.logits, logits, atol=1e-5)
    np.testing.assert_allclose(trace.next_probabilities, logits[-1].softmax(-1), atol=1e-5)
    assert trace.next_probabilities.sum() == pytest.approx(1)


def test_the_maps_are_the_maths_of_the_model_written_out_in_numpy(trace: AttentionTrace) -> None:
    scores = trace.queries.astype(float) @ trace.keys.astype(float).swapaxes(-1, -2) / math.sqrt(8)
    scores[..., np.triu_indices(T, k=1)[0], np.triu_indices(T, k=1)[1]] = -np.inf
    exponents = np.exp(scores - scores.max(axis=-1, keepdims=True))
    np.testing.assert_allclose(trace.patterns, exponents / exponents.sum(axis=-1, keepdims=True), atol=1e-6)


def test_a_prompt_of_one_token_is_traced() -> None:
    trace = trace_attention(tiny_gpt(), [4])
    assert trace.patterns.tolist() == [[[[1.0]]] * 4] * 3


def test_a_model_without_attention_has_nothing_to_trace() -> None:
    with pytest.raises(ValueError, match=r"No part of the model is named 'blocks\.\*\.attention\.queries'"):
        trace_attention(Bigram(BigramConfig(13)), IDS)


@pytest.mark.parametrize("layer", range(3))
@pytest.mark.parametrize("head", range(4))
def test_the_stages_of_a_head_end_in_the_pattern_of_the_trace(trace: AttentionTrace, layer: int, head: int) -> None:
    stages = head_stages(trace, layer, head)
    np.testing.assert_allclose(stages.pattern, trace.patterns[layer, head], atol=1e-6)
    np.testing.assert_array_equal(stages.queries, trace.queries[layer, head])
    np.testing.assert_allclose(stages.scaled, stages.dot / math.sqrt(8), rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(np.isnan(stages.masked), np.triu(np.ones((T, T), bool), k=1))
    np.testing.assert_allclose(stages.mixed, stages.pattern @ stages.values, atol=1e-6)


@pytest.mark.parametrize("stage", STAGES)
def test_every_cell_recomputed_from_its_parts_equals_the_number_shown(stages: HeadStages, stage: StageName) -> None:
    matrix: np.ndarray = getattr(stages, stage)
    for row, column in np.ndindex(*matrix.shape):
        cell = open_cell(stages, stage, row, column, LABELS)
        expected = -math.inf if np.isnan(matrix[row, column]) else matrix[row, column]
        assert cell.shown == expected
        assert cell.difference <= 1e-5, cell.heading
        assert len({len(cell.columns), *(len(part) for part in cell.rows)}) == 1


def test_the_running_sum_of_a_dot_product_ends_in_the_cell(stages: HeadStages) -> None:
    for stage in ("dot", "mixed"):
        cell = open_cell(stages, stage, 4, 3, LABELS)
        assert cell.rows[-1][-1] == cell.recomputed
        assert cell.rows[0][-1] == cell.rows[0][-2]


def test_a_cell_names_its_query_and_key_and_its_formula_ends_in_the_number_shown(stages: HeadStages) -> None:
    for stage in ("dot", "scaled", "masked", "pattern"):
        cell = open_cell(stages, stage, 4, 3, LABELS)
        assert "query 4 “d”, key 3 “i”" in cell.heading
        assert cell.formula.endswith(number(cell.recomputed))
        assert float(number(cell.recomputed)) == pytest.approx(cell.shown, abs=1e-4)


def test_a_pattern_cell_lists_the_keys_the_query_may_see_and_no_other(stages: HeadStages) -> None:
    cell = open_cell(stages, "pattern", 3, 1, LABELS)
    assert [row[0] for row in cell.rows] == ["0 b", "1 f", "2 c", "3 i"]
    assert open_cell(stages, "pattern", 1, 3, LABELS).recomputed == 0


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize(("row", "column"), [(-1, 0), (0, -1), (T, 0), (0, 99)])
def test_a_cell_that_a_stage_does_not_have_is_refused_with_its_size(
    stages: HeadStages, stage: StageName, row: int, column: int
) -> None:
    with pytest.raises(ValueError, match=rf"The stage {stage} is 7×{8 if stage == 'mixed' else 7}; .*{row}, {column}"):
        open_cell(stages, stage, row, column, LABELS)


@given(st.integers(1, 40), st.integers(1, 45), st.integers(0, 2**31))
def test_shrinking_keeps_the_largest_number_of_every_block(n: int, size: int, seed: int) -> None:
    maps = np.random.default_rng(seed).random((2, 3, n, n))
    small, block = shrink_maps(maps, size)
    assert small.shape == (2, 3, -(-n // block), -(-n // block))
    assert small.shape[-1] <= size
    for i, j in np.ndindex(*small.shape[-2:]):
        rows, columns = slice(i * block, (i + 1) * block), slice(j * block, (j + 1) * block)
        np.testing.assert_array_equal(small[..., i, j], maps[..., rows, columns].max(axis=(-1, -2)))


def test_maps_that_fit_are_not_touched() -> None:
    maps = np.random.default_rng(0).random((1, 5, 5))
    small, block = shrink_maps(maps, 5)
    assert block == 1
    assert small is maps
