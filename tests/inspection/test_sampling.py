"""One step of generation as arrays to draw."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from explorer.core.sampling import SamplingSettings, sampling_stages
from explorer.inspection.sampling import (
    STAGES,
    SamplingReading,
    read_prompt,
    read_stages,
    read_token,
    show_stages,
)
from explorer.models.generation import generate
from tests.models.test_gpt import tiny_gpt


def read_first(settings: SamplingSettings) -> SamplingReading:
    return read_token(next(generate(tiny_gpt(), [1, 2, 3], 1, settings, seed=4)))


def test_every_stage_covers_the_whole_vocabulary() -> None:
    reading = read_first(SamplingSettings(0.5, top_k=6, top_p=0.9))
    stages = ("logits", "scaled", "after_top_k", "after_top_p", "probabilities", "unfiltered")
    assert {getattr(reading, stage).shape for stage in stages} == {(13,)}
    np.testing.assert_allclose(reading.scaled, reading.logits / 0.5, rtol=1e-5)
    assert reading.probabilities.sum() == pytest.approx(1, abs=1e-6)
    assert reading.unfiltered.sum() == pytest.approx(1)


def test_what_is_filtered_out_is_open_and_cannot_be_drawn() -> None:
    reading = read_first(SamplingSettings(top_k=6, top_p=0.8))
    assert np.isnan(reading.after_top_k).sum() == 7
    open_cells = np.isnan(reading.after_top_p)
    assert open_cells.sum() >= 7
    np.testing.assert_array_equal(open_cells, reading.probabilities == 0)
    assert reading.kept == 13 - open_cells.sum()
    assert not open_cells[reading.token]


def test_the_token_is_the_piece_of_the_cumulative_line_that_holds_the_pointer() -> None:
    reading = read_first(SamplingSettings())
    edges = np.concatenate([[0], reading.probabilities.cumsum()])
    assert reading.token is not None
    assert reading.pointer is not None
    assert edges[reading.token] <= reading.pointer < edges[reading.token + 1]


def test_surprise_is_measured_in_bits_on_what_the_model_itself_believed() -> None:
    reading = read_first(SamplingSettings(temperature=0))
    exponents = np.exp(reading.logits - reading.logits.max())
    assert reading.kept == 1
    assert reading.surprise == pytest.approx(-math.log2(exponents[reading.token] / exponents.sum()))
    assert reading.surprise > 0


@pytest.mark.parametrize(("context", "start"), [(None, 0), (5, 3), (1, 7)])
def test_the_surprise_of_a_prompt_is_that_of_torch_on_what_is_in_sight(context: int | None, start: int) -> None:
    model, ids = tiny_gpt(), [3, 1, 4, 1, 5, 9, 2, 6]
    reading = read_prompt(model, ids, context)
    assert reading.start == start
    with torch.no_grad():
        logits = model(torch.tensor([ids[start:]]))[0]
    bits = F.cross_entropy(logits[:-1], torch.tensor(ids[start + 1 :], dtype=torch.long), reduction="none") / math.log(
        2
    )
    np.testing.assert_allclose(reading.surprises[start + 1 :], bits.numpy(), atol=1e-4)
    assert np.isnan(reading.surprises[: start + 1]).all()


def test_of_a_model_of_items_only_the_last_item_is_in_sight() -> None:
    reading = read_prompt(tiny_gpt(), [0, 5, 6, 0, 7, 8], boundary=0)
    assert reading.start == 3
    assert np.isnan(reading.surprises).tolist() == [True, True, True, True, False, False]


def test_a_small_vocabulary_is_shown_whole_likeliest_first() -> None:
    reading = read_first(SamplingSettings(0.5, top_k=6))
    shown = show_stages(reading)
    assert sorted(shown.ids) == list(range(13))
    assert (np.diff(shown.values[0]) <= 0).all()
    np.testing.assert_array_equal(shown.values[4], reading.probabilities[shown.ids])
    assert shown.n_others == 0
    assert np.isnan(shown.others).all()


def test_of_a_large_vocabulary_the_others_are_one_token_that_keeps_every_sum() -> None:
    reading = read_first(SamplingSettings(2.0, top_k=9))
    shown = show_stages(reading, whole=5, most=4)
    assert shown.n_others == 13 - len(shown.ids)
    assert reading.token in shown.ids
    together = {
        name: np.append(row, other) for name, row, other in zip(STAGES, shown.values, shown.others, strict=True)
    }
    assert together["probabilities"].sum() == pytest.approx(1)
    for name in ("scaled", "after_top_k", "after_top_p"):
        full, short = getattr(reading, name), together[name]
        assert np.exp(short[~np.isnan(short)]).sum() == pytest.approx(np.exp(full[~np.isnan(full)]).sum())


def test_the_others_have_no_bar_where_all_of_them_are_taken_out() -> None:
    shown = show_stages(read_first(SamplingSettings(top_k=2)), whole=5, most=4)
    assert np.isnan(shown.others[2])
    assert shown.others[4] == 0


def test_before_a_token_is_taken_there_is_no_surprise() -> None:
    reading = read_stages(sampling_stages(torch.zeros(4), SamplingSettings()))
    assert reading.kept == 4
    with pytest.raises(ValueError, match="No token has been taken here yet"):
        _ = reading.surprise
