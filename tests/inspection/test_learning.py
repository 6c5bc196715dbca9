"""What a snapshot is measured by, on attention built by hand, and what the shipped run learns when."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from explorer.inspection.attention import trace_attention
from explorer.inspection.head_behaviour import measure_induction
from explorer.inspection.learning import (
    REACHED,
    SnapshotReading,
    first_formed,
    read_maps,
    read_snapshot,
    repeated_tokens,
)
from explorer.models.bigram import Bigram, BigramConfig
from explorer.models.gpt import GPTConfig, Tap
from explorer.models.language_model import LanguageModel
from explorer.models.registry import build_model
from explorer.training.learning import SHIPPED
from explorer.training.snapshots import FOLDER, SnapshotRun, read_run

CERTAIN = 50.0  # a logit beside zeros: a probability of 1 to twenty digits


class Copier(LanguageModel):
    """One layer with four heads that do one thing each, whatever the weights: previous, induction, first, self. It expects
    what followed the same token earlier, and anything alike where there was none."""

    def __init__(self, vocab_size: int, context_length: int):
        super().__init__()
        self.config = GPTConfig(vocab_size, context_length, n_layers=1, n_heads=4, d_model=4)
        block, attention = nn.Module(), nn.Module()
        attention.pattern = Tap()
        block.attention = attention
        self.blocks = nn.ModuleList([block])

    def forward(self, ids: Tensor) -> Tensor:
        B, T = ids.shape
        maps = torch.zeros(B, 4, T, T)
        logits = torch.zeros(B, T, self.config.vocab_size)
        for b in range(B):
            for t in range(T):
                earlier = [j for j in range(t) if ids[b, j] == ids[b, t]]
                followed = earlier[-1] + 1 if earlier else 0
                for head, place in enumerate((max(t - 1, 0), followed, 0, t)):
                    maps[b, head, t, place] = 1
                if earlier:
                    logits[b, t, ids[b, followed]] = CERTAIN
        self.get_submodule("blocks.0.attention.pattern")(maps)
        return logits


def test_perfect_heads_score_one_and_the_others_nothing() -> None:
    reading = read_snapshot(Copier(vocab_size=20, context_length=24))
    assert reading.period == 12
    assert reading.scores["previous"][0, 0] == 1
    assert reading.scores["induction"][0, 1] == 1
    assert reading.scores["first"][0, 2] == 1
    assert [reading.scores[name][0, 3] for name in reading.scores] == [0, 0, 0]
    assert reading.scores["induction"][0, [0, 2, 3]].max() == 0


def test_who_copies_knows_the_second_saying_and_nothing_of_the_first() -> None:
    reading = read_snapshot(Copier(vocab_size=20, context_length=24))
    assert reading.first_loss == pytest.approx(math.log(20), abs=1e-5)
    assert reading.second_loss == pytest.approx(0, abs=1e-5)


def test_an_even_map_scores_what_chance_gives() -> None:
    """A row of t + 1 equal weights: 1 / (t + 1) at each place."""
    model = build_model("gpt", GPTConfig(30, context_length=16, n_layers=1, n_heads=2, d_model=8)).eval()
    with torch.no_grad():
        model.get_parameter("blocks.0.attention.query_key_value.weight").zero_()
    reading = read_snapshot(model)
    assert reading.scores["previous"][0] == pytest.approx(np.mean([1 / (t + 1) for t in range(2, 16)]), abs=1e-6)
    assert reading.scores["induction"][0] == pytest.approx(np.mean([1 / (t + 1) for t in range(8, 16)]), abs=1e-6)


def test_the_induction_score_is_the_one_that_names_heads_elsewhere() -> None:
    run = read_run(FOLDER / SHIPPED)
    model = run.model(len(run.snapshots) - 1)
    assert read_snapshot(model).scores["induction"] == pytest.approx(measure_induction(model).scores, abs=0.1)


def test_the_tokens_are_random_said_twice_and_none_comes_twice_in_one_saying() -> None:
    model = Copier(vocab_size=10, context_length=64)
    ids = repeated_tokens(model)
    period = ids.shape[1] // 2
    assert period == 10
    assert torch.equal(ids[:, :period], ids[:, period:])
    assert all(len(set(row)) == period for row in ids[:, :period].tolist())
    assert torch.equal(ids, repeated_tokens(model))
    assert not torch.equal(ids, repeated_tokens(model, seed=1))


def test_a_model_too_short_to_be_told_something_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 4"):
        read_snapshot(Copier(vocab_size=10, context_length=3))


def test_a_model_without_attention_is_refused() -> None:
    with pytest.raises(ValueError, match="no attention"):
        read_maps(Bigram(BigramConfig(8)), [1])


def test_maps_are_those_of_a_trace_in_half_precision() -> None:
    run = read_run(FOLDER / SHIPPED)
    model, ids = run.model(len(run.snapshots) - 1), run.tokenizer.encode("the crown; the crown")
    maps = read_maps(model, ids)
    assert maps.dtype == np.float16
    assert maps.astype(float) == pytest.approx(trace_attention(model, ids).patterns, abs=1e-3)


def reading_of(score: float) -> SnapshotReading:
    return SnapshotReading({"induction": np.array([[0.1, math.nan], [score, 0.2]])}, 1.0, 1.0, 4)


def test_a_head_has_formed_at_the_first_snapshot_where_it_reaches_the_share() -> None:
    formed = first_formed([reading_of(0.1), reading_of(REACHED), reading_of(0.9)], "induction")
    assert formed is not None
    assert (formed.head, formed.at, formed.score) == ((1, 0), 1, REACHED)
    assert first_formed([reading_of(0.1)], "induction") is None


@pytest.fixture(scope="module")
def shipped() -> tuple[SnapshotRun, list[SnapshotReading]]:
    run = read_run(FOLDER / SHIPPED)
    return run, [read_snapshot(run.model(i)) for i in range(len(run.snapshots))]


def test_the_shipped_run_learns_to_look_back_one_token_and_later_to_copy(
    shipped: tuple[SnapshotRun, list[SnapshotReading]],
) -> None:
    """What the page says to notice."""
    _, readings = shipped
    previous, induction = first_formed(readings, "previous"), first_formed(readings, "induction")
    assert previous is not None
    assert induction is not None
    assert previous.at < induction.at
    assert (previous.head[0], induction.head[0]) == (0, 1)  # the layer before is needed
    assert readings[0].scores["induction"].max() < 0.05
    assert readings[-1].scores["induction"].max() > 0.6


def test_in_the_shipped_run_the_second_saying_falls_with_induction_and_the_first_does_not(
    shipped: tuple[SnapshotRun, list[SnapshotReading]],
) -> None:
    run, readings = shipped
    even = math.log(run.tokenizer.vocab_size)
    induction = first_formed(readings, "induction")
    assert induction is not None
    before = readings[induction.at - 2]
    assert before.first_loss - before.second_loss < 0.3
    assert readings[-1].first_loss > even
    assert readings[-1].second_loss < even / 2


def test_in_the_shipped_run_the_held_out_loss_falls_at_every_snapshot(
    shipped: tuple[SnapshotRun, list[SnapshotReading]],
) -> None:
    losses = [snapshot.validation_loss for snapshot in shipped[0].snapshots]
    assert all(later < earlier for earlier, later in pairwise(losses))
