"""Every head read while the model runs: the same numbers as a whole trace, in a fraction of the memory."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from explorer.inspection.attention import head_stages, shrink_maps, trace_attention, window_patterns
from explorer.inspection.gpt_heads import read_heads
from explorer.inspection.head_behaviour import measure_behaviours
from explorer.models.bigram import Bigram, BigramConfig
from explorer.models.decoder import Decoder, DecoderConfig
from explorer.models.language_model import LanguageModel
from explorer.models.modern import Modern, ModernConfig
from tests.models.test_gpt import tiny_gpt

IDS = [1, 5, 2, 8, 3, 0, 12, 5, 2, 8, 1]
SHAPE: dict[str, Any] = {"vocab_size": 13, "context_length": 16, "n_layers": 2, "n_heads": 2, "d_model": 8}


def models() -> list[LanguageModel]:
    torch.manual_seed(3)
    bare = DecoderConfig(**SHAPE, projection=False, feed_forward=False, residual=False, norm="none")
    made = [
        tiny_gpt(),
        Decoder(DecoderConfig(**SHAPE)),
        Decoder(bare),
        Modern(ModernConfig(**SHAPE, silent_start=False)),
    ]
    return [model.eval() for model in made]


@pytest.mark.parametrize("number", range(4))
@pytest.mark.parametrize("side", [64, 4])
def test_maps_scores_and_next_tokens_are_those_of_a_whole_trace(number: int, side: int) -> None:
    model = models()[number]
    reading, trace = read_heads(model, IDS, side), trace_attention(model, IDS)
    maps, block = shrink_maps(trace.patterns, side)
    assert reading.block == block == (1 if side == 64 else 3)
    np.testing.assert_allclose(reading.maps, maps, atol=1e-6)
    for name in ("queries", "keys", "values"):
        np.testing.assert_allclose(getattr(reading, name), getattr(trace, name), atol=1e-6)
    for layer in range(len(maps)):
        scores = measure_behaviours(torch.from_numpy(trace.patterns[layer]), IDS)
        for name, values in scores.items():
            np.testing.assert_allclose(reading.behaviours[name][layer], values, atol=1e-5)
    with torch.no_grad():
        logits = model(torch.tensor([IDS]))[0]
    np.testing.assert_allclose(reading.probabilities, logits[-1].softmax(-1), atol=1e-5)


def test_a_head_opened_from_the_reading_has_the_pattern_of_the_model() -> None:
    model = tiny_gpt()
    stages, trace = head_stages(read_heads(model, IDS, 4), 1, 2), trace_attention(model, IDS)
    np.testing.assert_allclose(stages.pattern, trace.patterns[1, 2], atol=1e-6)


@pytest.mark.parametrize(("start", "stop"), [(0, 11), (0, 4), (3, 9), (10, 11)])
def test_a_window_holds_that_part_of_the_whole_map(start: int, stop: int) -> None:
    trace = trace_attention(tiny_gpt(), IDS)
    part = window_patterns(trace.queries, trace.keys, start, stop)
    np.testing.assert_allclose(part, trace.patterns[..., start:stop, start:stop], atol=1e-6)


def test_every_layer_is_told_and_what_the_listener_raises_ends_the_reading_without_a_trace() -> None:
    model, shares = tiny_gpt(), list[float]()
    read_heads(model, IDS, told=shares.append)
    assert shares == pytest.approx([1 / 3, 2 / 3, 1])

    def stop(share: float) -> None:
        if share > 0.5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        read_heads(model, IDS, told=stop)
    hooked = [name for name, module in model.named_modules() if module._forward_hooks or module._forward_pre_hooks]
    assert hooked == []


def test_one_token_has_no_loss_and_one_map_of_one() -> None:
    reading = read_heads(tiny_gpt(), [4])
    assert (reading.maps == 1).all()


def test_a_model_without_attention_is_refused_in_a_sentence() -> None:
    with pytest.raises(ValueError, match="choose a Transformer"):
        read_heads(Bigram(BigramConfig(13)), IDS)
