"""The numbers after every step are the model's, and every one is its parts worked out again."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from explorer.inspection.capture import capture
from explorer.inspection.gpt_pipeline import open_value, read_pipeline, thumbnail
from explorer.models.bigram import Bigram, BigramConfig
from explorer.models.decoder import Decoder, DecoderConfig
from explorer.models.gpt import GPT, GPTConfig
from tests.inspection.test_gpt_heads import IDS, SHAPE, models
from tests.models.test_gpt import tiny_gpt

LABELS = tuple("abcdefghijk")
TOKENS = tuple(f"t{i}" for i in range(13))


def every_kind() -> list[GPT | Decoder]:
    return [*models(), Decoder(DecoderConfig(**SHAPE, norm="post")).eval()]  # type: ignore[list-item]


@pytest.mark.parametrize("number", range(5))
def test_each_step_is_what_the_model_itself_computed(number: int) -> None:
    model = every_kind()[number]
    reading = read_pipeline(model, IDS)
    steps = {step.name: step.values for step in reading.steps}
    blocks = [f"blocks.{i}" for i in range(model.config.n_layers)]
    with capture(model, blocks) as seen, torch.no_grad():
        logits = model(torch.tensor([IDS]))[0]
    np.testing.assert_allclose(steps["logits"], logits, atol=1e-5)
    for i, name in enumerate(blocks):
        last = f"block {i}, feed-forward" if f"block {i}, feed-forward" in steps else f"block {i}, attention"
        np.testing.assert_allclose(steps[last], seen[name][0], atol=1e-6)
    table = model.token_embedding.weight.detach()[IDS]
    place = getattr(model, "position_embedding", None)
    start = table if place is None else table + place.weight.detach()[: len(IDS)]
    np.testing.assert_allclose(steps["embedding"], start, atol=1e-6)


@pytest.mark.parametrize("number", range(5))
def test_every_number_recomputed_from_its_parts_is_the_number_shown(number: int) -> None:
    for step in read_pipeline(every_kind()[number], IDS).steps:
        for row, column in np.ndindex(*step.values.shape):
            cell = open_value(step, row, column, LABELS, TOKENS)
            assert cell.shown == step.values[row, column]
            assert cell.difference <= 1e-5, cell.heading
            assert len({len(cell.columns), *(len(part) for part in cell.rows)}) == 1


def test_the_cells_of_each_kind_name_their_parts() -> None:
    steps = {step.name: step for step in read_pipeline(tiny_gpt(), IDS).steps}
    assert [row[0] for row in open_value(steps["embedding"], 2, 1, LABELS, TOKENS).rows] == [
        "token's row",
        "place's row",
    ]
    residual = open_value(steps["block 1, attention"], 2, 1, LABELS, TOKENS)
    assert [row[0] for row in residual.rows] == ["before", "attention wrote"]
    assert residual.rows[0][1] == pytest.approx(steps["block 0, feed-forward"].values[2, 1])
    assert "token 2 “c”, channel 1" in residual.heading
    logit = open_value(steps["logits"], 4, 7, LABELS, TOKENS)
    assert "“t7” after token 4 “e”" in logit.heading
    assert len(logit.rows) == tiny_gpt().config.d_model


def test_a_logit_of_a_model_with_offsets_lists_the_offset() -> None:
    model = models()[1]
    step = read_pipeline(model, IDS).steps[-1]
    cell = open_value(step, 1, 3, LABELS, TOKENS)
    assert cell.rows[-1][0] == "offset"
    assert cell.difference < 1e-5


def test_of_a_large_vocabulary_the_logits_of_the_likeliest_next_tokens_are_kept() -> None:
    torch.manual_seed(0)
    model = GPT(GPTConfig(vocab_size=500, context_length=16, n_layers=1, n_heads=2, d_model=8)).eval()
    reading = read_pipeline(model, IDS)
    with torch.no_grad():
        logits = model(torch.tensor([IDS]))[0]
    step = reading.steps[-1]
    assert reading.vocab_size == 500
    assert set(step.tokens) == set(logits[-1].topk(len(step.tokens)).indices.tolist())
    np.testing.assert_allclose(step.values, logits[:, list(step.tokens)], atol=1e-5)
    opened = open_value(step, 3, 5, LABELS, [str(i) for i in range(500)])
    assert f"“{step.tokens[5]}”" in opened.heading


def test_cells_and_models_that_are_not_there_are_refused() -> None:
    step = read_pipeline(tiny_gpt(), IDS).steps[0]
    with pytest.raises(ValueError, match=r"The step embedding is 11×32; there is no cell 11, 0"):
        open_value(step, 11, 0, LABELS, TOKENS)
    with pytest.raises(ValueError, match="choose a Transformer"):
        read_pipeline(Bigram(BigramConfig(13)), IDS)


@given(st.integers(1, 60), st.integers(1, 100), st.integers(0, 2**31))
def test_a_small_picture_keeps_the_number_farthest_from_zero_of_every_block(rows: int, columns: int, seed: int) -> None:
    values = np.random.default_rng(seed).standard_normal((rows, columns))
    small = thumbnail(values, 24, 48)
    high, wide = -(-rows // 24), -(-columns // 48)
    assert small.shape == (-(-rows // high), -(-columns // wide))
    for i, j in np.ndindex(*small.shape):
        block = values[i * high : (i + 1) * high, j * wide : (j + 1) * wide].ravel()
        assert small[i, j] == block[np.abs(block).argmax()]
