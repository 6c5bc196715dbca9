"""Sparse masks against their rules spelled out, their counts against the masks, their reach against matrix powers."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from explorer.core.attention import causal_mask
from explorer.core.attention_masks import MASKS, allowed_keys, layers_to_reach, multiply_adds

lengths, windows = st.integers(1, 30), st.integers(1, 40)


def by_the_rules(kind: str, t: int, s: int, w: int) -> bool:
    """Child et al. (2019), section 4.3, in words of one pair: may query t look at key s?"""
    if s > t:
        return False
    near, far = t - s < w, (t - s) % w == 0
    same_block, summary = t // w == s // w, s % w == w - 1
    return {"full": True, "local": near, "strided": near or far, "fixed": same_block or summary}[kind]


@pytest.mark.parametrize("kind", list(MASKS))
@given(T=lengths, w=windows)
def test_a_mask_follows_its_rule_and_its_rows_are_counted_without_it(kind: str, T: int, w: int) -> None:
    mask = MASKS[kind](T, w)
    assert mask.tolist() == [[by_the_rules(kind, t, s, w) for s in range(T)] for t in range(T)]
    assert allowed_keys(kind, T, w).tolist() == mask.sum(dim=1).tolist()
    assert mask.diagonal().all()


@pytest.mark.parametrize("kind", list(MASKS))
@given(T=lengths)
def test_a_window_as_long_as_the_text_or_longer_is_full_attention(kind: str, T: int) -> None:
    assert torch.equal(MASKS[kind](T, T), causal_mask(T, T))
    assert torch.equal(MASKS[kind](T, T + 7), causal_mask(T, T))


@pytest.mark.parametrize("kind", list(MASKS))
def test_a_window_of_nothing_and_a_text_of_nothing_are_refused(kind: str) -> None:
    with pytest.raises(ValueError, match="at least 1 position, the query's own; got 0"):
        MASKS[kind](5, 0)
    with pytest.raises(ValueError, match="at least 1 position, got 0"):
        allowed_keys(kind, 0, 3)


def test_an_unknown_mask_is_refused_with_those_that_exist() -> None:
    with pytest.raises(ValueError, match="among full, local, strided, fixed, got 'random'"):
        allowed_keys("random", 4, 2)


def test_the_cost_is_what_two_matrix_products_over_the_allowed_pairs_take() -> None:
    T, d = 10, 16
    pairs = int(allowed_keys("full", T, 1).sum())
    assert pairs == T * (T + 1) // 2
    assert multiply_adds(pairs, d) == sum(2 * d for t in range(T) for s in range(t + 1))


def test_a_stride_near_the_root_of_the_length_costs_length_to_the_power_of_one_and_a_half() -> None:
    costs = [int(allowed_keys("strided", T, math.isqrt(T)).sum()) for T in (1024, 4096, 16384)]
    assert [later / earlier for earlier, later in pairwise(costs)] == pytest.approx([8, 8], rel=0.02)
    full = [int(allowed_keys("full", T, 1).sum()) for T in (1024, 4096)]
    assert full[1] / full[0] == pytest.approx(16, rel=0.01)


@pytest.mark.parametrize("kind", list(MASKS))
@given(T=st.integers(1, 14), w=st.integers(1, 6), layers=st.integers(1, 4))
def test_the_reach_of_layers_is_the_power_of_the_mask(kind: str, T: int, w: int, layers: int) -> None:
    mask = MASKS[kind](T, w)
    found = layers_to_reach(mask, layers)
    for depth in range(layers + 1):
        power = torch.linalg.matrix_power(mask.double(), depth) > 0
        assert torch.equal((found >= 0) & (found <= depth), power)


def test_two_strided_or_fixed_layers_reach_every_earlier_token_and_a_window_does_not() -> None:
    T, w = 40, 6
    for kind in ("strided", "fixed"):
        assert ((layers_to_reach(MASKS[kind](T, w), 2) >= 0) == causal_mask(T, T)).all()
    assert (layers_to_reach(MASKS["local"](T, w), 2)[-1] >= 0).sum() == 2 * (w - 1) + 1
