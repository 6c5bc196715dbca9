"""Fresh layers are drawn from the seed alone; a trained layer is what the model itself computes with."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest

from explorer.inspection.attention import trace_attention
from explorer.inspection.attention_layer import AttentionLayer, equal_heads, fresh_layer, layer_of
from explorer.inspection.attention_steps import take_steps
from explorer.models.bigram import Bigram, BigramConfig
from explorer.models.registry import build_config, build_model
from tests.models.test_gpt import tiny_gpt

IDS = [1, 5, 2, 8, 3, 0, 12]


def test_typing_on_changes_no_earlier_vector_and_the_seed_changes_all() -> None:
    short, long = fresh_layer("cat", 16, 4), fresh_layer("cat sat", 16, 4)
    np.testing.assert_array_equal(long.inputs[:3], short.inputs)
    np.testing.assert_array_equal(long.weights, short.weights)
    assert not np.isclose(fresh_layer("cat", 16, 4, seed=2).inputs, short.inputs).any()


def test_the_same_character_at_another_place_has_another_vector_of_which_half_is_its_own() -> None:
    x = fresh_layer("aab", 1024, 4).inputs
    cosine = x @ x.T / 1024
    assert cosine[0, 1] == pytest.approx(0.5, abs=0.1)
    assert cosine[0, 2] == pytest.approx(0.0, abs=0.1)


def test_fresh_inputs_queries_and_keys_have_variance_one() -> None:
    steps = take_steps(fresh_layer("the quick brown fox jumps over", 256, 256))
    for part in (steps.layer.inputs, steps.queries, steps.keys, steps.values):
        assert part.var() == pytest.approx(1.0, abs=0.1)


@pytest.mark.parametrize("text", ["€", "<script>alert(1)</script>", "ᚠ\U0001f600\x00", "a"])
def test_any_character_can_be_read(text: str) -> None:
    assert fresh_layer(text, 8, 2).inputs.shape == (len(text), 8)


@pytest.mark.parametrize(
    ("numbers", "named"),
    [
        ((8, 0, 1), "head size d must be from 1 to 1,024 channels, got 0"),
        ((8, -3, 1), "head size d .* got -3"),
        ((0, 4, 1), "width C must be from 1 to 1,024 channels, got 0"),
        ((100_000, 4, 1), "width C .* got 100,000"),
        ((8, 4, 0), "number of heads H must be from 1 to 64, got 0"),
        ((8, 4, 65), "number of heads H .* got 65"),
    ],
)
def test_a_number_that_cannot_be_is_named(numbers: tuple[int, int, int], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        fresh_layer("cat", *numbers)


def test_a_text_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one token"):
        fresh_layer("", 8, 4)


def test_heads_that_cannot_share_the_width_are_refused_with_those_that_can() -> None:
    assert equal_heads(32, 4) == 8
    with pytest.raises(ValueError, match=r"5 heads cannot share 32 channels .*32 ÷ 5 = 6\.40\. .*1, 2, 4, 8, 16, 32\."):
        equal_heads(32, 5)
    with pytest.raises(ValueError, match="from 1 to 64, got 0"):
        equal_heads(32, 0)


@pytest.mark.parametrize("layer", range(3))
@pytest.mark.parametrize("head", [0, 3])
def test_a_layer_of_a_model_gives_the_maps_that_the_model_itself_makes(layer: int, head: int) -> None:
    model = tiny_gpt()
    trace = trace_attention(model, IDS)
    steps = take_steps(layer_of(model, IDS, layer), head)
    np.testing.assert_allclose(steps.queries, trace.queries[layer, head], atol=1e-6)
    np.testing.assert_allclose(steps.keys, trace.keys[layer, head], atol=1e-6)
    np.testing.assert_allclose(steps.values, trace.values[layer, head], atol=1e-6)
    np.testing.assert_allclose(steps.pattern, trace.patterns[layer, head], atol=1e-6)


@pytest.mark.parametrize("norm", ["none", "pre", "post"])
def test_what_a_layer_reads_is_right_wherever_the_norm_stands(norm: str) -> None:
    options = {"vocab_size": 13, "n_layers": 2, "n_heads": 2, "d_model": 8, "norm": norm}
    model = build_model("decoder", build_config("decoder", options)).eval()
    steps = take_steps(layer_of(model, IDS, 1), 1)
    np.testing.assert_allclose(steps.pattern, trace_attention(model, IDS).patterns[1, 1], atol=1e-6)


def test_a_layer_without_a_projection_has_none() -> None:
    options = {"vocab_size": 13, "n_layers": 1, "n_heads": 1, "d_model": 8, "projection": False}
    layer = layer_of(build_model("decoder", build_config("decoder", options)).eval(), IDS, 0)
    assert layer.projection is None
    assert layer.projection_bias is None


def test_a_model_without_attention_and_a_layer_too_many_are_refused() -> None:
    with pytest.raises(ValueError, match=r"This model has 0 layers of attention, .* no layer 0"):
        layer_of(Bigram(BigramConfig(13)), IDS, 0)
    with pytest.raises(ValueError, match=r"3 layers of attention, counted from 0; there is no layer 3"):
        layer_of(tiny_gpt(), IDS, 3)


def test_visitors_who_read_one_model_at_once_each_read_their_own_prompt() -> None:
    model = tiny_gpt()
    prompts = [[i, i + 1, i + 2] for i in range(6)]
    alone = [layer_of(model, ids, 1).inputs for ids in prompts]
    read: dict[int, AttentionLayer] = {}

    def visit(i: int) -> None:
        for _ in range(10):
            read[i] = layer_of(model, prompts[i], 1)
            assert np.allclose(read[i].inputs, alone[i], atol=1e-6)

    threads = [threading.Thread(target=visit, args=(i,)) for i in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for i, inputs in enumerate(alone):
        np.testing.assert_allclose(read[i].inputs, inputs, atol=1e-6)
    attention: Any = model.blocks[1].attention
    assert not attention._forward_pre_hooks  # none is left behind
