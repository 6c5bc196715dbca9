"""The measured ladder is there, reaches what it should, and begins with the shipped rungs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from explorer.models.block_ladder import RUNGS, TRAINING, read_block_ladder
from explorer.models.decoder import DecoderConfig
from explorer.models.registry import PRESETS, count_parameters

TARGETS = {"head": 2.5, "heads": 2.28, "feed-forward": 2.24, "residual": 2.09, "norm": 2.06}


def test_the_losses_reach_the_lectures() -> None:
    losses = {reading.rung.name: reading.loss for reading in read_block_ladder()}
    assert {name: loss for name, loss in losses.items() if loss > TARGETS.get(name, 10)} == {}
    assert losses["head"] > losses["heads"] > losses["feed-forward"] > losses["residual"]


@pytest.mark.parametrize(("rung", "preset"), [("head", "shakespeare-head"), ("heads", "shakespeare-heads")])
def test_the_first_rungs_are_the_shipped_presets(rung: str, preset: str) -> None:
    options = next(r.options for r in RUNGS if r.name == rung)
    assert DecoderConfig(65, **options) == DecoderConfig(65, **PRESETS[preset].model)
    assert {k: TRAINING[k] for k in PRESETS[preset].training} == PRESETS[preset].training


def test_each_reading_is_of_the_model_that_its_rung_describes() -> None:
    for reading in read_block_ladder():
        assert reading.parameters == count_parameters("decoder", DecoderConfig(65, **reading.rung.options))


def test_a_missing_or_broken_file_says_how_to_make_it_again(tmp_path: Path) -> None:
    broken = tmp_path / "ladder.json"
    for text in (None, "{", json.dumps({"rungs": {}})):
        if text is not None:
            broken.write_text(text)
        with pytest.raises(ValueError, match=r"python -m explorer\.training\.block_ladder"):
            read_block_ladder(broken)
