"""Attention, stage by stage, against `torch.nn.functional`."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from explorer.core.attention import (
    attention_pattern,
    average_by_loop,
    averaging_weights,
    causal_mask,
    divide_by_sum,
    join_heads,
    multi_head_attention,
    scaled_scores,
    softmax,
    split_heads,
)

small = st.integers(1, 6)
seeds = st.integers(0, 2**31)


@given(small, small, st.integers(1, 9), small, seeds)
def test_the_explicit_stages_equal_torchs_fused_attention_in_forward_and_backward(
    B: int, H: int, T: int, d: int, seed: int
) -> None:
    generator = torch.Generator().manual_seed(seed)
    q, k, v = (torch.randn(B, H, T, d, generator=generator, dtype=torch.float64) for _ in range(3))
    results = []
    for mix in (
        lambda q, k, v: attention_pattern(scaled_scores(q, k)) @ v,
        lambda q, k, v: F.scaled_dot_product_attention(q, k, v, is_causal=True),
    ):
        inputs = [x.clone().requires_grad_() for x in (q, k, v)]
        mixed = mix(*inputs)
        (mixed * mixed.detach().cos()).sum().backward()
        results.append([mixed, *(x.grad for x in inputs)])
    torch.testing.assert_close(results[0], results[1])


@given(st.integers(1, 5), st.integers(0, 7), seeds)
def test_with_cached_keys_the_last_queries_of_the_whole_text_are_answered(T: int, cached: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    S = T + cached
    q, k = (torch.randn(2, S, 3, generator=generator) for _ in range(2))
    whole = attention_pattern(scaled_scores(q, k))
    torch.testing.assert_close(attention_pattern(scaled_scores(q[:, cached:], k)), whole[:, cached:])


@given(st.integers(1, 6), st.integers(0, 6))
def test_a_query_sees_itself_and_every_earlier_key_and_no_later_one(T: int, cached: int) -> None:
    mask = causal_mask(T, T + cached)
    assert mask.shape == (T, T + cached)
    assert [[bool(mask[t, s]) for s in range(T + cached)] for t in range(T)] == [
        [s <= t + cached for s in range(T + cached)] for t in range(T)
    ]


@given(st.integers(1, 12), seeds)
def test_rows_of_the_pattern_sum_to_one_and_the_future_gets_exactly_nothing(T: int, seed: int) -> None:
    scores = 20 * torch.randn(2, T, T, generator=torch.Generator().manual_seed(seed))
    pattern = attention_pattern(scores)
    torch.testing.assert_close(pattern.sum(dim=-1), torch.ones(2, T))
    assert pattern.triu(diagonal=1).count_nonzero().item() == 0


def test_the_first_position_can_only_look_at_itself() -> None:
    assert attention_pattern(torch.randn(3, 5, 5))[:, 0].tolist() == [[1.0, 0, 0, 0, 0]] * 3


@given(st.lists(st.floats(-50, 50, width=32), min_size=1, max_size=9), st.sampled_from([0, -1]))
def test_softmax_equals_torchs_along_any_dimension(row: list[float], dim: int) -> None:
    scores = torch.tensor([row, row[::-1]])
    torch.testing.assert_close(softmax(scores, dim), scores.softmax(dim))


def test_softmax_of_huge_scores_does_not_overflow_and_minus_infinity_is_exactly_zero() -> None:
    assert softmax(torch.tensor([1e30, 1e30, -math.inf])).tolist() == [0.5, 0.5, 0.0]


@pytest.mark.parametrize("d", [1, 16, 100])
def test_scores_of_random_vectors_keep_variance_one_whatever_the_head_size(d: int) -> None:
    generator = torch.Generator().manual_seed(0)
    q, k = (torch.randn(1000, d, generator=generator) for _ in range(2))
    assert scaled_scores(q, k).var().item() == pytest.approx(1.0, abs=0.1)


@given(small, small, st.integers(1, 4), st.integers(1, 4))
def test_joining_heads_undoes_splitting_and_head_h_holds_its_own_channels(B: int, T: int, H: int, d: int) -> None:
    x = torch.arange(B * T * H * d, dtype=torch.float32).view(B, T, H * d)
    heads = split_heads(x, H)
    assert heads.shape == (B, H, T, d)
    assert torch.equal(join_heads(heads), x)
    assert torch.equal(heads[:, H - 1], x[..., (H - 1) * d :])


@pytest.mark.parametrize("n_heads", [0, 5, 64])
def test_channels_that_cannot_be_shared_equally_are_refused_with_both_numbers(n_heads: int) -> None:
    with pytest.raises(ValueError, match=f"The 32 channels .*: 32 does not divide by {n_heads}"):
        split_heads(torch.zeros(1, 3, 32), n_heads)


@given(small, st.integers(1, 8), small, seeds, st.booleans())
def test_any_mask_gives_torchs_fused_attention_in_forward_and_backward(
    H: int, T: int, d: int, seed: int, masked: bool
) -> None:
    generator = torch.Generator().manual_seed(seed)
    q, k, v = (torch.randn(1, H, T, d, generator=generator, dtype=torch.float64) for _ in range(3))
    allowed = torch.ones(T, T, dtype=torch.bool)
    if masked:
        allowed = (torch.rand(T, T, generator=generator) < 0.5) | torch.eye(T, dtype=torch.bool)
    results = []
    for mix in (
        lambda q, k, v: attention_pattern(scaled_scores(q, k), allowed) @ v,
        lambda q, k, v: F.scaled_dot_product_attention(q, k, v, attn_mask=allowed if masked else None),
    ):
        inputs = [x.clone().requires_grad_() for x in (q, k, v)]
        mixed = mix(*inputs)
        (mixed * mixed.detach().cos()).sum().backward()
        results.append([mixed, *(x.grad for x in inputs)])
    torch.testing.assert_close(results[0], results[1])


@pytest.mark.parametrize("n_heads", [1, 3, 6])
@pytest.mark.parametrize("mask", ["none", "causal", "random"])
@pytest.mark.parametrize("bias", [True, False])
def test_many_heads_equal_torchs_multihead_attention_in_forward_and_backward(
    n_heads: int, mask: str, bias: bool
) -> None:
    generator = torch.Generator().manual_seed(n_heads)
    T, C = 7, 12
    theirs = torch.nn.MultiheadAttention(C, n_heads, bias=bias, batch_first=True, dtype=torch.float64)
    for parameter in theirs.parameters():  # torch begins with biases of zero, which would hide a missing one
        torch.nn.init.normal_(parameter, generator=generator)
    allowed = {
        "none": torch.ones(T, T, dtype=torch.bool),
        "causal": causal_mask(T, T),
        "random": (torch.rand(T, T, generator=generator) < 0.5) | torch.eye(T, dtype=torch.bool),
    }[mask]
    x = torch.randn(2, T, C, dtype=torch.float64, generator=generator)
    weights = (theirs.in_proj_weight, theirs.in_proj_bias, theirs.out_proj.weight, theirs.out_proj.bias)
    known = [w for w in weights if w is not None]
    results = []
    for attend in (
        lambda x: multi_head_attention(x, *weights, n_heads, None if mask == "causal" else allowed),
        lambda x: theirs(x, x, x, attn_mask=~allowed, need_weights=False)[0],
    ):
        inputs = x.clone().requires_grad_()
        out = attend(inputs)
        gradients = torch.autograd.grad((out * out.detach().cos()).sum(), [inputs, *known])
        results.append([out, *gradients])
    torch.testing.assert_close(results[0], results[1])


@given(st.integers(1, 24), small, seeds)
def test_a_loop_a_triangle_and_a_softmax_of_masked_zeros_average_alike(T: int, C: int, seed: int) -> None:
    x = torch.randn(T, C, generator=torch.Generator().manual_seed(seed))
    expected = x.double().cumsum(dim=0) / torch.arange(1, T + 1)[:, None]
    for averages in (average_by_loop(x), averaging_weights(T) @ x, attention_pattern(torch.zeros(T, T)) @ x):
        torch.testing.assert_close(averages.double(), expected, atol=1e-6, rtol=1e-5)


def test_plain_division_sums_to_one_but_goes_below_zero_and_beyond_one() -> None:
    scores = torch.tensor([[3.0, 9.0], [2.0, -1.0]])
    torch.testing.assert_close(divide_by_sum(scores), torch.tensor([[1.0, 0.0], [2.0, -1.0]]))
    assert attention_pattern(scores).min() >= 0


@given(st.integers(1, 9), seeds)
def test_plain_division_of_positive_scores_is_a_share(T: int, seed: int) -> None:
    scores = torch.rand(T, T, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) + 0.1
    torch.testing.assert_close(divide_by_sum(scores), scores.tril() / scores.tril().sum(dim=1, keepdim=True))
    everything = divide_by_sum(scores, torch.ones(T, T, dtype=torch.bool))
    torch.testing.assert_close(everything, scores / scores.sum(dim=1, keepdim=True))
