"""What heads do, measured: on maps built by hand, against the definitions worked out cell by cell, and on real models."""

from __future__ import annotations

import math
import threading

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from explorer.inspection.attention import trace_attention
from explorer.inspection.head_behaviour import (
    BEHAVIOURS,
    NAMED_FROM,
    induction_places,
    measure_behaviours,
    measure_induction,
    name_of,
    pattern_reader,
)
from explorer.models.decoder import Decoder, DecoderConfig
from explorer.models.gpt import GPT, GPTConfig
from tests.models.test_gpt import tiny_gpt

IDS = [3, 1, 4, 1, 5, 3, 1, 4]
T = len(IDS)


def looking_at(place: dict[int, int]) -> np.ndarray:
    """A map (T, T) in which row t puts all its attention on place[t], or on itself where none is given."""
    made = np.zeros((T, T), dtype=np.float32)
    for t in range(T):
        made[t, place.get(t, t)] = 1
    return made


HAND_BUILT = {
    "previous": looking_at({t: t - 1 for t in range(1, T)}),
    "two back": looking_at({t: t - 2 for t in range(2, T)}),
    "first": looking_at(dict.fromkeys(range(1, T), 0)),
    "self": looking_at({}),
    "induction": looking_at({3: 2, 5: 1, 6: 2, 7: 3}),  # 1 came at 1, 3 at 0, 1 at 1, 4 at 2
}


@pytest.mark.parametrize("name", BEHAVIOURS)
def test_a_head_that_does_one_thing_only_scores_one_there_and_is_named_after_it(name: str) -> None:
    scores = measure_behaviours(torch.from_numpy(HAND_BUILT[name])[None], IDS)
    assert scores[name][0] == pytest.approx(1)
    assert name_of({key: float(value[0]) for key, value in scores.items()}) == name


def test_a_head_that_looks_evenly_has_the_scores_of_chance_and_no_name() -> None:
    even = torch.tril(torch.ones(T, T)) / torch.arange(1, T + 1)[:, None]
    scores = measure_behaviours(even[None], IDS)
    chance = np.mean([1 / (t + 1) for t in range(2, T)])
    assert [scores[name][0] for name in ("previous", "first", "self")] == pytest.approx([chance] * 3)
    assert name_of({key: float(value[0]) for key, value in scores.items()}) is None


@settings(max_examples=30)
@given(st.lists(st.integers(0, 4), min_size=3, max_size=12), st.integers(0, 2**31))
def test_scores_are_those_of_the_definitions_worked_out_cell_by_cell(ids: list[int], seed: int) -> None:
    n = len(ids)
    maps = torch.from_numpy(np.tril(np.random.default_rng(seed).random((2, n, n)))).float()
    maps = maps / maps.sum(dim=-1, keepdim=True)
    scores = measure_behaviours(maps, ids)
    for head in range(2):
        A = maps[head].tolist()
        expected = {
            "previous": [A[t][t - 1] for t in range(2, n)],
            "two back": [A[t][t - 2] for t in range(3, n)],
            "first": [A[t][0] for t in range(2, n)],
            "self": [A[t][t] for t in range(2, n)],
            "induction": [
                sum(A[t][s + 1] for s in range(t - 1) if ids[s] == ids[t])
                for t in range(2, n)
                if ids[t] in ids[: t - 1]
            ],
        }
        for name, values in expected.items():
            said = scores[name][head]
            assert math.isnan(said) if not values else said == pytest.approx(np.mean(values), abs=1e-5)


@given(st.lists(st.integers(0, 3), min_size=1, max_size=10))
def test_the_places_of_induction_follow_an_earlier_same_token_and_lie_before_the_looking_one(ids: list[int]) -> None:
    places = induction_places(ids)
    for t, j in np.ndindex(*places.shape):
        assert places[t, j] == (1 <= j < t and ids[j - 1] == ids[t])


def test_a_score_just_at_the_threshold_names_and_one_below_does_not() -> None:
    assert name_of({"self": NAMED_FROM, "first": 0.1}) == "self"
    assert name_of({"self": NAMED_FROM - 0.001, "first": 0.1}) is None
    assert name_of({"self": math.nan}) is None


@pytest.mark.parametrize("n", [1, 2])
def test_fewer_than_three_tokens_have_nothing_to_measure(n: int) -> None:
    scores = measure_behaviours(torch.ones(3, n, n).tril(), [0] * n)
    assert all(np.isnan(scores[name]).all() for name in BEHAVIOURS)


def test_induction_is_the_mean_attention_to_what_followed_in_the_first_saying() -> None:
    model = tiny_gpt()
    reading = measure_induction(model, seed=4)
    random = np.random.default_rng(4)
    once = [random.choice(model.config.vocab_size, reading.period, replace=False).tolist() for _ in range(4)]
    p = reading.period
    assert p == min(32, model.config.vocab_size, model.config.context_length // 2)
    expected = np.mean(
        [[trace_attention(model, line * 2).patterns[:, :, t, t - p + 1] for t in range(p, 2 * p)] for line in once],
        axis=(0, 1),
    )
    np.testing.assert_allclose(reading.scores, expected, atol=1e-5)


def test_a_model_too_short_to_hear_anything_twice_has_no_induction_score() -> None:
    model = GPT(GPTConfig(vocab_size=5, context_length=3, n_layers=1, n_heads=2, d_model=8))
    reading = measure_induction(model)
    assert reading.period == 0
    assert np.isnan(reading.scores).all()


def test_a_model_without_attention_says_so() -> None:
    with pytest.raises(ValueError, match="no attention to read; choose a Transformer"):
        measure_induction(Decoder(DecoderConfig(vocab_size=13, n_layers=0)))


def test_another_visitors_pass_is_not_heard_and_no_hook_stays() -> None:
    model = tiny_gpt()
    ids = torch.tensor([[1, 2, 3]])
    with pattern_reader(model, lambda pattern: pattern.shape) as seen:
        other = threading.Thread(target=lambda: model(ids))
        other.start()
        other.join()
        assert seen == []
        model(ids)
    assert len(seen) == model.config.n_layers
    model(ids)
    assert len(seen) == model.config.n_layers
