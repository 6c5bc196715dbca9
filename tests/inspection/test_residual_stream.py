"""The stream of every depth against a pass written out here, and its map against the eigenvectors of the covariance."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from explorer.inspection.capture import capture
from explorer.inspection.residual_stream import losses, map_stream, run, score
from explorer.models.bigram import Bigram, BigramConfig
from tests.inspection.test_ablation_ranking import IDS, KINDS, build


def gpt_by_hand(model: Any, ids: tuple[int, ...]) -> list[torch.Tensor]:
    """Every depth of a GPT, (T, C) each, with torch's own functions."""
    T, (C, H) = len(ids), (model.config.d_model, model.config.n_heads)

    def norm(x: torch.Tensor, m: Any) -> torch.Tensor:
        return F.layer_norm(x, (C,), m.weight, m.bias, m.epsilon)

    x = F.embedding(torch.tensor(ids), model.token_embedding.weight) + model.position_embedding.weight[:T]
    depths = [x]
    for block in model.blocks:
        a = block.attention
        joined = F.linear(norm(x, block.attention_norm), a.query_key_value.weight, a.query_key_value.bias)
        q, k, v = (part.view(T, H, C // H).transpose(0, 1) for part in joined.split(C, dim=-1))
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(0, 1).reshape(T, C)
        x = x + F.linear(mixed, a.projection.weight, a.projection.bias)
        depths.append(x)
        f = block.feed_forward
        hidden = F.linear(norm(x, block.feed_forward_norm), f.expand.weight, f.expand.bias)
        x = x + F.linear(F.gelu(hidden, approximate="tanh"), f.contract.weight, f.contract.bias)
        depths.append(x)
    return depths


def test_every_depth_is_what_torchs_own_layers_give() -> None:
    model = build("gpt")
    found = run(model, IDS).depths()
    assert [name for name, _ in found[:4]] == ["start", "attention 0", "feed-forward 0", "attention 1"]
    with torch.no_grad():
        expected = gpt_by_hand(model, IDS)
    assert len(found) == len(expected) == 7
    for (name, stream), by_hand in zip(found, expected, strict=True):
        torch.testing.assert_close(stream, by_hand, atol=1e-5, rtol=1e-4, msg=name)


@pytest.mark.parametrize("kind", list(KINDS))
def test_the_last_depth_through_norm_and_unembedding_is_the_models_output(kind: str) -> None:
    model = build(kind)
    seen = run(model, IDS)
    with torch.no_grad():
        logits = model(torch.tensor([IDS]))[0]
    torch.testing.assert_close(score(model, seen.depths()[-1][1]), logits, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(seen.logits, logits[-1], atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(run(model, IDS, at=2).logits, logits[2], atol=1e-5, rtol=1e-5)
    expected = F.cross_entropy(logits[:-1], torch.tensor(IDS[1:])).item()
    assert float(losses(model, seen.final, seen.ids)) == pytest.approx(expected, abs=1e-5)


def test_between_the_sublayers_a_modern_stream_is_the_start_and_what_attention_wrote() -> None:
    model = build("modern")
    with capture(model, ["token_embedding", "blocks.0.attention"]) as seen:
        found = dict(run(model, IDS).depths())
    torch.testing.assert_close(found["start"], seen["token_embedding"][0])
    torch.testing.assert_close(found["attention 0"], found["start"] + seen["blocks.0.attention"][0])


def test_a_post_norm_stream_between_the_sublayers_is_what_the_norm_gave() -> None:
    model = build("post-norm")
    with capture(model, ["blocks.1.attention_norm"]) as seen:
        found = dict(run(model, IDS).depths())
    torch.testing.assert_close(found["attention 1"], seen["blocks.1.attention_norm"][0])


def test_another_visitors_pass_is_not_cut_to_one_position() -> None:
    model, shapes = build("gpt"), []

    def other() -> None:
        shapes.append(model(torch.tensor([IDS])).shape)

    def in_between(_module: Any, _inputs: Any) -> None:
        if threading.current_thread() is threading.main_thread():
            thread = threading.Thread(target=other)
            thread.start()
            thread.join()

    handle = model.get_submodule("final_norm").register_forward_pre_hook(in_between)
    run(model, IDS)
    handle.remove()
    assert shapes == [(1, len(IDS), 7)]


def test_the_map_is_along_the_first_eigenvectors_of_the_covariance_of_all_depths() -> None:
    model = build("gpt")
    found = map_stream(model, IDS)
    x = torch.stack([stream for _, stream in run(model, IDS).depths()]).double().numpy().reshape(-1, 12)
    centred = x - x.mean(axis=0)
    values, vectors = np.linalg.eigh(centred.T @ centred)
    assert found.shares == pytest.approx(values[::-1][:2] / values.sum(), abs=1e-8)
    by_hand = (centred @ vectors[:, ::-1][:, :2]).reshape(7, len(IDS), 2)
    np.testing.assert_allclose(np.abs(found.places), np.abs(by_hand), atol=1e-6)  # an axis may point either way


def test_directions_only_forget_how_long_a_vector_is() -> None:
    model = build("gpt")
    assert map_stream(model, IDS, unit_length=True).places.max() <= 2
    assert not np.allclose(map_stream(model, IDS, unit_length=True).places, map_stream(model, IDS).places)


def test_what_cannot_be_read_is_said_in_a_sentence() -> None:
    with pytest.raises(ValueError, match="choose a Transformer"):
        run(Bigram(BigramConfig(7)), IDS)
    with pytest.raises(ValueError, match="has 7 tokens"):
        run(build("gpt"), IDS, at=7)
