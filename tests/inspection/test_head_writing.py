"""What a head writes: the heads add up to the sublayer, and their pushes to the logits, as direct passes say."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch

from explorer.inspection.attention import head_stages
from explorer.inspection.capture import capture
from explorer.inspection.gpt_heads import read_heads
from explorer.inspection.head_writing import channel_products, frozen_norm, read_writing, shown_tokens
from explorer.models.decoder import Decoder, DecoderConfig
from explorer.models.language_model import LanguageModel
from tests.inspection.test_gpt_heads import IDS, SHAPE, models
from tests.models.test_gpt import tiny_gpt


def writings(model: LanguageModel, layer: int, token: int) -> list[Any]:
    reading = read_heads(model, IDS)
    return [
        read_writing(model, head_stages(reading, layer, head), reading.final, layer, head, token)
        for head in range(model.config.n_heads)
    ]


@pytest.mark.parametrize("number", [0, 1, 3])
def test_what_the_heads_write_adds_up_to_what_their_sublayer_writes(number: int) -> None:
    model = models()[number]
    for layer in range(model.config.n_layers):
        name = f"blocks.{layer}.attention"
        with capture(model, [name]) as seen, torch.no_grad():
            model(torch.tensor([IDS]))
        bias = getattr(model.get_submodule(f"{name}.projection"), "bias", None)
        expected = seen[name][0, 6] - (0 if bias is None else bias.detach())
        total = sum(writing.vector for writing in writings(model, layer, 6))
        np.testing.assert_allclose(total, expected, atol=1e-5)


@pytest.mark.parametrize("number", [0, 1, 3])
def test_a_push_is_the_change_of_the_logits_when_the_written_vector_is_taken_out_of_the_stream(number: int) -> None:
    """The norm's divisor held, the logits are linear in the stream; the norm and the unembedding are written out."""
    model = models()[number]
    reading = read_heads(model, IDS)
    layer, head, token = model.config.n_layers - 1, 1, 7
    writing = read_writing(model, head_stages(reading, layer, head), reading.final, layer, head, token)
    x = torch.from_numpy(reading.final[token])
    norm: Any = model.get_submodule("final_norm")
    centred = x - x.mean() if hasattr(norm, "bias") else x
    divisor = torch.sqrt((centred**2).mean() + norm.epsilon)

    def logits(stream: torch.Tensor) -> torch.Tensor:
        y = stream - stream.mean() if hasattr(norm, "bias") else stream
        return model.get_submodule("unembedding")(y / divisor * norm.weight)

    with torch.no_grad():
        change = logits(x) - logits(x - torch.from_numpy(writing.vector))
    np.testing.assert_allclose(writing.logits, change - change.mean(), atol=1e-4)


def test_the_frozen_norm_of_the_whole_vector_is_the_norm_itself_less_its_offset() -> None:
    for model in (models()[0], models()[3]):
        norm: Any = model.get_submodule("final_norm")
        x = torch.randn(model.config.d_model)
        with torch.no_grad():
            expected = norm(x) - (norm.bias if hasattr(norm, "bias") else 0)
        np.testing.assert_allclose(frozen_norm(norm, x)(x), expected, atol=1e-5)


def test_the_tokens_pushed_most_are_the_highest_and_the_lowest() -> None:
    (writing, *_) = writings(tiny_gpt(), 0, 3)
    order = np.argsort(-writing.logits).tolist()
    assert writing.largest(3) == order[:3] + order[-3:]
    assert sorted(writing.largest(9)) == list(range(13))
    assert writing.logits.mean() == pytest.approx(0, abs=1e-6)


def test_the_products_of_a_pair_add_up_to_its_score() -> None:
    stages = head_stages(read_heads(tiny_gpt(), IDS), 2, 1)
    for query, key in ((0, 0), (6, 2), (2, 6)):
        products = channel_products(stages, query, key)
        assert products.sum() == pytest.approx(stages.dot[query, key], abs=1e-5)
        assert products.sum() / math.sqrt(len(products)) == pytest.approx(stages.scaled[query, key], abs=1e-5)


@pytest.mark.parametrize(
    ("options", "said"),
    [({"norm": "post"}, "normalises the stream after every sublayer"), ({"residual": False}, "has no residual path")],
)
def test_a_model_without_a_direct_path_says_which_it_lacks(options: dict[str, Any], said: str) -> None:
    model = Decoder(DecoderConfig(**SHAPE, **options)).eval()
    with pytest.raises(ValueError, match=said):
        writings(model, 0, 2)


def test_a_lone_head_without_residual_path_is_the_stream_and_so_all_of_the_logits() -> None:
    bare = DecoderConfig(**SHAPE | {"n_layers": 1, "n_heads": 1}, projection=False, feed_forward=False)
    model = Decoder(DecoderConfig(**vars(bare) | {"residual": False, "norm": "none"})).eval()
    (writing,) = writings(model, 0, 5)
    with torch.no_grad():
        logits = model(torch.tensor([IDS]))[0, 5] - model.unembedding.bias
    np.testing.assert_allclose(writing.logits, logits - logits.mean(), atol=1e-5)


def test_of_a_large_vocabulary_the_likeliest_tokens_are_shown_in_its_order() -> None:
    logits = np.random.default_rng(0).standard_normal(200)
    chosen = shown_tokens(logits, 10)
    assert list(chosen) == sorted(np.argsort(-logits)[:10].tolist())
    assert list(shown_tokens(logits[:5], 10)) == [0, 1, 2, 3, 4]
