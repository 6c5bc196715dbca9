"""The ladders are read from cards and leave out what is not there."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from explorer.models.cards import CHECKPOINTS, find_card
from explorer.models.ladders import BASELINES, LADDERS, read_ladder

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("corpus", LADDERS)
def test_every_rung_is_a_shipped_checkpoint_or_a_baseline_and_leads_to_a_page(corpus: str) -> None:
    for rung in LADDERS[corpus]:
        assert rung.source in BASELINES or rung.source in CHECKPOINTS
        assert (ROOT / rung.page).is_file()


@pytest.mark.parametrize("corpus", LADDERS)
def test_losses_and_samples_are_those_of_the_cards(corpus: str) -> None:
    readings = read_ladder(corpus)
    assert [reading.rung for reading in readings] == list(LADDERS[corpus])
    for reading in readings:
        assert reading.sample
        assert reading.bits == pytest.approx(reading.loss / math.log(2))
        if reading.rung.source not in BASELINES:
            card = json.loads(find_card(reading.rung.source).read_text())
            assert (reading.loss, reading.parameters) == (card["losses"]["validation"], card["parameters"])
            assert card["corpus"]["name"] == corpus


@pytest.mark.parametrize("corpus", LADDERS)
def test_the_last_rung_is_the_lowest_and_guessing_the_highest(corpus: str) -> None:
    losses = [reading.loss for reading in read_ladder(corpus)]
    assert losses[0] == max(losses)
    assert losses[-1] == min(losses)


def test_a_card_that_is_not_there_leaves_its_rung_out(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "names-mlp.json").write_text(find_card("names-mlp").read_text())
    (tmp_path / "names-wavenet.json").write_text("{")
    monkeypatch.setattr("explorer.models.cards.FOLDER", tmp_path)
    assert [reading.rung.source for reading in read_ladder("names")] == ["uniform", "unigram", "bigram", "names-mlp"]
    assert read_ladder("shakespeare") == []
