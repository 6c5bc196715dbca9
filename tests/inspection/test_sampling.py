"""One step of generation as arrays to draw."""

from __future__ import annotations

import math

import numpy as np
import pytest

from explorer.core.sampling import SamplingSettings
from explorer.inspection.sampling import SamplingReading, read_token
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
    assert edges[reading.token] <= reading.pointer < edges[reading.token + 1]


def test_surprise_is_measured_in_bits_on_what_the_model_itself_believed() -> None:
    reading = read_first(SamplingSettings(temperature=0))
    exponents = np.exp(reading.logits - reading.logits.max())
    assert reading.kept == 1
    assert reading.surprise == pytest.approx(-math.log2(exponents[reading.token] / exponents.sum()))
    assert reading.surprise > 0
