"""All heads of a layer together are what the model computes, and every joined cell belongs to one head."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from explorer.inspection.attention_heads import open_joined, open_projected, read_heads
from explorer.inspection.attention_layer import fresh_layer, layer_of
from explorer.inspection.capture import capture
from explorer.models.registry import build_config, build_model
from tests.models.test_gpt import tiny_gpt

IDS = [1, 5, 2, 8, 3]
LABELS = "bfcid"


def test_joined_and_projected_are_what_the_models_own_layer_gives() -> None:
    model = tiny_gpt()
    with capture(model, ["blocks.2.attention"]) as seen, torch.no_grad():
        model(torch.tensor([IDS]))
    reading = read_heads(layer_of(model, IDS, 2))
    assert reading.projected is not None
    np.testing.assert_allclose(reading.projected, seen["blocks.2.attention"][0], atol=1e-5)


@pytest.mark.parametrize("mask", [True, False])
@pytest.mark.parametrize("n_heads", [1, 2, 4])
def test_step_by_step_equals_the_layer_in_one_go(n_heads: int, mask: bool) -> None:
    reading = read_heads(fresh_layer("a cat", 16, 16 // n_heads, n_heads), mask=mask)
    assert reading.difference <= 1e-5
    assert reading.patterns.shape == (n_heads, 5, 5)


def test_the_shapes_are_those_of_the_arrays() -> None:
    reading = read_heads(fresh_layer("a cat", 16, 4, 4))
    shapes = {name: shape for name, _, shape in reading.shapes}
    assert reading.projected is not None
    assert shapes["x"] == reading.layer.inputs.shape
    assert shapes["pattern"] == reading.patterns.shape
    assert shapes["split"] == shapes["mixed"] == (4, *reading.heads[0].mixed.shape)
    assert shapes["concat"] == reading.joined.shape
    assert shapes["projection"] == reading.projected.shape


def test_every_joined_and_projected_cell_opens_to_its_parts() -> None:
    for reading in (read_heads(fresh_layer("a cat", 16, 4, 4)), read_heads(layer_of(tiny_gpt(), IDS, 1), mask=False)):
        assert reading.projected is not None
        for row, column in np.ndindex(*reading.joined.shape):
            cell = open_joined(reading, row, column, LABELS)
            assert cell.shown == reading.joined[row, column]
            assert cell.difference <= 1e-5
            head, channel = divmod(column, reading.layer.head_size)
            assert f"channel {column} is channel {channel} of head {head}" in cell.heading
            cell = open_projected(reading, row, column, LABELS)
            assert cell.shown == reading.projected[row, column]
            assert cell.difference <= 1e-5


def test_a_layer_without_a_projection_shows_its_joined_heads_alone() -> None:
    options = {"vocab_size": 13, "n_layers": 1, "n_heads": 2, "d_model": 8, "projection": False}
    model = build_model("decoder", build_config("decoder", options)).eval()
    reading = read_heads(layer_of(model, IDS, 0))
    assert reading.projected is None
    assert reading.difference <= 1e-5
    assert "projection" not in {name for name, _, _ in reading.shapes}
    with pytest.raises(ValueError, match="no projection"):
        open_projected(reading, 0, 0, LABELS)


@pytest.mark.parametrize("opener", [open_joined, open_projected])
def test_a_cell_that_is_not_there_is_refused(opener: object) -> None:
    assert callable(opener)
    with pytest.raises(ValueError, match=r"is 5×16; there is no cell 5, 0"):
        opener(read_heads(fresh_layer("a cat", 16, 4, 4)), 5, 0, LABELS)
