"""From logits to a token, against the logits processors of `transformers` and against counted frequencies."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from torch import Tensor
from transformers import TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper

from explorer.core.sampling import (
    SamplingSettings,
    check_seed,
    draw,
    keep_top_k,
    keep_top_p,
    sampling_stages,
)

NO_IDS = torch.zeros(1, 1, dtype=torch.long)  # what the warpers take and do not look at
# Distinct logits: at a tie ours keeps exactly k tokens and theirs keeps all that tie.
vocabularies = st.lists(st.integers(-4000, 4000), min_size=1, max_size=20, unique=True).map(
    lambda thousandths: torch.tensor(thousandths) / 1000
)


@given(vocabularies, st.data())
def test_top_k_keeps_what_transformers_keeps(logits: Tensor, data: st.DataObject) -> None:
    k = data.draw(st.integers(1, len(logits)))
    expected = TopKLogitsWarper(k)(NO_IDS, logits[None])[0]
    assert torch.equal(keep_top_k(logits, k), expected)


@given(vocabularies, st.floats(0.01, 0.99))
def test_top_p_keeps_what_transformers_keeps(logits: Tensor, p: float) -> None:
    reached = logits.double().softmax(-1).sort(descending=True).values.cumsum(-1)
    assume((reached - p).abs().min() > 1e-5)  # at the very edge rounding decides
    expected = TopPLogitsWarper(p)(NO_IDS, logits[None])[0]
    assert torch.equal(keep_top_p(logits, p), expected)


@given(vocabularies, st.floats(0.01, 100))
def test_temperature_divides_as_transformers_does(logits: Tensor, temperature: float) -> None:
    stages = sampling_stages(logits, SamplingSettings(temperature))
    assert torch.equal(stages.scaled, TemperatureLogitsWarper(temperature)(NO_IDS, logits))
    assert torch.equal(stages.logits, logits)
    torch.testing.assert_close(stages.probabilities, stages.scaled.softmax(-1))


@given(vocabularies, st.floats(0.1, 5), st.data())
def test_all_three_together_equal_the_chain_of_transformers(
    logits: Tensor, temperature: float, data: st.DataObject
) -> None:
    k, p = data.draw(st.integers(1, len(logits))), data.draw(st.floats(0.05, 0.95))
    stages = sampling_stages(logits, SamplingSettings(temperature, k, p))
    reached = stages.after_top_k.double().softmax(-1).sort(descending=True).values.cumsum(-1)
    assume((reached - p).abs().min() > 1e-5)
    # Dividing can make two close logits equal, and then theirs keeps both.
    assume(stages.scaled.unique().numel() == logits.numel())
    expected = logits[None]
    for warper in (TemperatureLogitsWarper(temperature), TopKLogitsWarper(k), TopPLogitsWarper(p)):
        expected = warper(NO_IDS, expected)
    assert torch.equal(stages.after_top_p, expected[0])
    torch.testing.assert_close(stages.probabilities, expected[0].softmax(-1))


@pytest.mark.parametrize("k", [1, 2, 3, 4])
def test_a_tie_at_the_edge_of_top_k_goes_to_the_smaller_ids(k: int) -> None:
    kept = keep_top_k(torch.zeros(4), k).isfinite()
    assert kept.tolist() == [i < k for i in range(4)]


def test_top_p_keeps_the_smallest_set_that_reaches_p() -> None:
    logits = torch.tensor([0.5, 0.25, 0.125, 0.125]).log()
    kept = {p: keep_top_p(logits, p).isfinite().sum().item() for p in (0.01, 0.49, 0.51, 0.74, 0.76, 0.9, 1.0)}
    assert kept == {0.01: 1, 0.49: 1, 0.51: 2, 0.74: 2, 0.76: 3, 0.9: 4, 1.0: 4}


def test_filters_work_on_every_row_of_a_batch() -> None:
    logits = torch.randn(3, 2, 7, generator=torch.Generator().manual_seed(0))
    for keep in (lambda x: keep_top_k(x, 3), lambda x: keep_top_p(x, 0.6)):
        rows = [keep(row) for row in logits.view(-1, 7)]
        assert torch.equal(keep(logits), torch.stack(rows).view(3, 2, 7))


@given(vocabularies)
def test_greedy_gives_the_likeliest_token_all_the_probability(logits: Tensor) -> None:
    stages = sampling_stages(logits, SamplingSettings(temperature=0))
    assert stages.probabilities.tolist() == [float(i == int(logits.argmax())) for i in range(len(logits))]
    assert torch.equal(stages.scaled, logits)


def test_greedy_takes_the_first_of_equally_likely_tokens() -> None:
    assert sampling_stages(torch.zeros(3), SamplingSettings(0)).probabilities.tolist() == [1.0, 0.0, 0.0]


@pytest.mark.parametrize("temperature", [1e-30, 1e-6, 1e6, 1e30])
def test_the_coldest_and_the_hottest_temperature_still_give_probabilities(temperature: float) -> None:
    logits = torch.tensor([-30.0, 0.0, 30.0, -math.inf])
    probabilities = sampling_stages(logits, SamplingSettings(temperature)).probabilities
    expected = [0.0, 0.0, 1.0, 0.0] if temperature < 1 else [1 / 3, 1 / 3, 1 / 3, 0.0]
    assert probabilities.tolist() == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("bad", [-1, -1e-9, math.nan, math.inf, -math.inf, 1e-31, 1e31])
def test_a_temperature_that_cannot_be_is_named(bad: float) -> None:
    with pytest.raises(ValueError, match=f"Temperature must be 0 .* got {bad}".replace("+", r"\+")):
        SamplingSettings(temperature=bad)


@pytest.mark.parametrize("bad", [0, -1, 2.5, math.nan, math.inf])
def test_a_top_k_that_cannot_be_is_named(bad: float) -> None:
    with pytest.raises(ValueError, match=f"Top-k must be a whole number of tokens, at least 1, got {bad}"):
        SamplingSettings(top_k=bad)  # type: ignore[arg-type]


@pytest.mark.parametrize("bad", [0, -0.5, 1.0001, math.nan, math.inf])
def test_a_top_p_that_cannot_be_is_named(bad: float) -> None:
    with pytest.raises(ValueError, match=f"Top-p must be above 0 and at most 1, got {bad}"):
        SamplingSettings(top_p=bad)


def test_a_top_k_above_the_vocabulary_is_named_with_its_size() -> None:
    with pytest.raises(ValueError, match="Top-k asks for 6 tokens but the vocabulary has 5; choose 1 to 5"):
        sampling_stages(torch.zeros(5), SamplingSettings(top_k=6))
    assert sampling_stages(torch.zeros(5), SamplingSettings(top_k=5)).after_top_k.isfinite().all()


def test_tokens_are_drawn_as_often_as_their_probabilities_say() -> None:
    probabilities = torch.tensor([0.4, 0.0, 0.3, 0.2, 0.06, 0.04])
    generator = torch.Generator().manual_seed(0)
    n = 20_000
    counts = torch.bincount(torch.tensor([draw(probabilities, generator)[0] for _ in range(n)]), minlength=6)
    assert counts[1] == 0
    expected = n * probabilities[probabilities > 0]
    chi_square = ((counts[probabilities > 0] - expected) ** 2 / expected).sum().item()
    assert chi_square < 18.5  # 99.9 % of fair draws with 4 degrees of freedom stay below


@pytest.mark.parametrize("pointer", [0.0, 0.25, 0.5, 1 - 2**-53])
def test_a_token_of_probability_zero_is_never_drawn_even_at_the_edges(
    pointer: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch, "rand", lambda *_, **__: torch.tensor(pointer, dtype=torch.float64))
    probabilities = torch.tensor([0.0, 0.25, 0.0, 0.25, 0.5, 0.0])
    token, said = draw(probabilities, torch.Generator())
    assert said == pointer
    assert token == {0.0: 1, 0.25: 3, 0.5: 4, 1 - 2**-53: 4}[pointer]


@given(st.integers(0, 2**31), st.integers(2, 300))
def test_probabilities_that_round_to_less_than_one_still_give_a_token(seed: int, V: int) -> None:
    probabilities = torch.rand(V, generator=torch.Generator().manual_seed(seed)).softmax(-1) * 0.999
    token, pointer = draw(probabilities, torch.Generator().manual_seed(seed))
    assert 0 <= token < V
    assert 0 <= pointer < 1


def test_the_same_seed_draws_the_same_tokens() -> None:
    probabilities = torch.full((50,), 0.02)
    first, again, other = (
        [draw(probabilities, generator)[0] for _ in range(20)]
        for generator in (torch.Generator().manual_seed(seed) for seed in (3, 3, 4))
    )
    assert first == again
    assert first != other


@pytest.mark.parametrize("seed", [-(2**63) - 1, 2**64])
def test_a_seed_beyond_64_bits_is_named(seed: int) -> None:
    with pytest.raises(ValueError, match=f"got {seed}"):
        check_seed(seed)


@pytest.mark.parametrize("seed", [-(2**63), 2**64 - 1])
def test_every_seed_that_is_allowed_is_one_that_torch_takes(seed: int) -> None:
    check_seed(seed)
    assert torch.Generator().manual_seed(seed).initial_seed() in (seed, seed + 2**64)
