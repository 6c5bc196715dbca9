"""The stream is the sum of its parts, gradients are autograd's, and what the page says of depth is so."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import torch

from explorer.core.probability import cross_entropy
from explorer.inspection.block import (
    OFFSETS,
    open_channel,
    read_depth,
    read_fading,
    read_stream,
    stream_of_tokens,
)
from explorer.inspection.capture import capture
from explorer.models.bigram import Bigram, BigramConfig
from explorer.models.decoder import NORMS, DecoderConfig
from explorer.models.gpt import GPTConfig
from explorer.models.modern import ModernConfig
from explorer.models.registry import build_model

IDS = (1, 4, 4, 9, 0, 2, 7)


def stack(depth: int = 3, *, seed: int = 1, **switches: Any) -> Any:
    config = DecoderConfig(11, 8, depth, 2, 16, **switches)
    model = build_model("decoder", config, seed=seed).double().eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "norm" in name:  # scales and offsets that are not 1 and 0, as after training
                parameter.add_(0.3 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(2)))
    return model


@pytest.mark.parametrize(
    ("norm", "residual", "feed_forward"), [*itertools.product(NORMS, (True, False), (True, False))]
)
def test_the_parts_sum_to_the_models_own_stream_after_every_block(
    norm: str, residual: bool, feed_forward: bool
) -> None:
    model = stack(norm=norm, residual=residual, feed_forward=feed_forward, activation="gelu")
    reading = read_stream(model, IDS, 5)
    with capture(model, ["blocks.0", "blocks.1", "blocks.2"]) as seen:
        model(torch.tensor([IDS]))
    per_block = 2 if feed_forward else 1
    for i in range(3):
        theirs = seen[f"blocks.{i}"][0, 5].numpy()
        np.testing.assert_allclose(reading.contributions[per_block * (i + 1)].sum(axis=0), theirs, atol=1e-12)
    assert reading.largest_difference < 1e-12
    np.testing.assert_allclose(reading.shares.sum(axis=1), 1, atol=1e-12)
    np.testing.assert_allclose(reading.along.sum(axis=1), reading.stream_lengths, atol=1e-12)


def test_a_gpt_is_read_like_a_decoder_in_float32() -> None:
    model = build_model("gpt", GPTConfig(11, 8, 2, 2, 16)).eval()
    reading = read_stream(model, IDS, 3)
    assert reading.parts == ("token", "position", "attention 0", "feed-forward 0", "attention 1", "feed-forward 1")
    assert reading.stages == ("start", *reading.parts[2:])
    assert reading.largest_difference < 1e-6


def test_a_model_with_rotary_positions_begins_with_the_token_alone() -> None:
    config = ModernConfig(11, 8, 2, 2, 16, silent_start=False)
    model: Any = build_model("modern", config, seed=1).double().eval()
    reading = read_stream(model, IDS, 5)
    assert reading.parts == ("token", "attention 0", "feed-forward 0", "attention 1", "feed-forward 1")
    assert reading.largest_difference < 1e-12
    start = model.token_embedding.weight[IDS[5]].detach().numpy()
    np.testing.assert_array_equal(reading.stream[0], start)
    np.testing.assert_array_equal(stream_of_tokens(model, IDS, 0)[5], start)
    with capture(model, ["blocks.1"]) as seen:
        model(torch.tensor([IDS]))
    np.testing.assert_allclose(reading.contributions[-1].sum(axis=0), seen["blocks.1"][0, 5].numpy(), atol=1e-12)
    assert read_depth(model, IDS).kept > 0


def test_a_later_part_is_nothing_before_it_has_written() -> None:
    reading = read_stream(stack(), IDS, 2)
    assert np.array_equal(reading.lengths == 0, np.arange(8)[None, :] > np.arange(7)[:, None] + 1)


def test_without_residual_paths_only_the_last_part_is_left() -> None:
    reading = read_stream(stack(residual=False, norm="none"), IDS, 2)
    assert [np.flatnonzero(row).tolist() for row in reading.lengths] == [[0, 1], [2], [3], [4], [5], [6], [7]]


def test_post_norm_shrinks_the_early_parts_and_names_what_it_adds() -> None:
    model = build_model("decoder", DecoderConfig(11, 8, 8, 2, 16, norm="post"), seed=1).eval()
    reading = read_stream(model, IDS, 2)
    first = reading.parts.index("attention 0")
    assert reading.parts[-1] == OFFSETS
    assert (np.diff(reading.lengths[2:, first]) < 0).mean() > 0.8
    kept = read_stream(build_model("decoder", DecoderConfig(11, 8, 8, 2, 16), seed=1).eval(), IDS, 2)
    assert np.ptp(kept.lengths[1:, first]) == 0


def test_without_blocks_the_stream_is_token_and_position() -> None:
    model = build_model("decoder", DecoderConfig(11, 8, 0, 1, 16, norm="none")).eval()
    reading = read_stream(model, IDS, 0)
    assert reading.contributions.shape == (1, 2, 16)
    assert reading.largest_difference < 1e-7


def test_a_channel_opens_to_the_sum_of_its_parts() -> None:
    opened = open_channel(read_stream(stack(), IDS, 4), 3, 7)
    assert opened.heading == "Channel 7 of the stream after attention 1"
    assert opened.difference < 1e-12
    assert opened.rows[-1][2] == pytest.approx(opened.shown)


def test_a_token_that_is_not_there_and_a_model_without_a_stream_are_refused() -> None:
    with pytest.raises(ValueError, match="7 tokens, counted from 0; there is no token 7"):
        read_stream(stack(), IDS, 7)
    with pytest.raises(ValueError, match="no blocks, and so no residual stream"):
        read_stream(Bigram(BigramConfig(11)), IDS, 0)


def test_the_gradient_is_that_of_moving_the_stream() -> None:
    model = stack()
    reading = read_depth(model, IDS)
    x = model.token_embedding(torch.tensor([IDS[:-1]])) + model.position_embedding(torch.arange(len(IDS) - 1))
    x = x.detach().requires_grad_()
    y = x
    for block in model.blocks:
        y = block(y)
    loss = cross_entropy(model.unembedding(model.final_norm(y)), torch.tensor([IDS[1:]]))
    (gradient,) = torch.autograd.grad(loss, x)
    assert reading.gradient[0] == pytest.approx(float(gradient.norm()))
    assert reading.loss == pytest.approx(float(loss.detach()))
    assert reading.activation[0] == pytest.approx(float(x.detach().norm(dim=-1).mean()))
    assert reading.activation[-1] == pytest.approx(float(y.detach().norm(dim=-1).mean()))
    assert all(parameter.grad is None for parameter in model.parameters())


def test_likeness_is_the_mean_cosine_of_pairs() -> None:
    model = stack()
    x = stream_of_tokens(model, IDS[:-1], 3)
    cosines = [float(a @ b / np.linalg.norm(a) / np.linalg.norm(b)) for a, b in itertools.combinations(x, 2)]
    assert read_depth(model, IDS).likeness[-1] == pytest.approx(np.mean(cosines))


def test_one_token_has_no_gradient_to_show() -> None:
    with pytest.raises(ValueError, match="type at least two characters"):
        read_depth(stack(), (3,))


@pytest.mark.parametrize("blocks", [-1, 4])
def test_more_blocks_than_there_are_is_refused(blocks: int) -> None:
    with pytest.raises(ValueError, match=f"from 0 to 3, got {blocks}"):
        stream_of_tokens(stack(), IDS, blocks)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_bare_blocks_without_residual_paths_let_the_gradient_fade(seed: int) -> None:
    def build(norm: str) -> Any:
        def of(depth: int, residual: bool) -> Any:
            config = DecoderConfig(64, 32, depth, 4, 32, activation="gelu", residual=residual, norm=norm)
            return build_model("decoder", config, seed=seed)

        return of

    ids = tuple((7 * t * t + 3 * t) % 64 for t in range(22))
    bare = read_fading(build("none"), ids, (1, 8))
    assert bare.kept_without[1] < 0.01 < 0.1 < bare.kept_without[0]
    assert bare.kept_with.min() > 1
    normed = read_fading(build("pre"), ids, (1, 8))
    assert normed.kept_without[1] > 0.1  # the norm gives the gradient its length back,
    assert normed.likeness_without[1] > 0.97 > normed.likeness_with[1]  # not the tokens their differences
