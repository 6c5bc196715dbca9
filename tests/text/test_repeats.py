"""A text made to repeat itself: nothing is lost, nothing but noise is added, and the shares are kept."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from explorer.text.repeats import Repeats, repeat_passages

TEXT = "".join(chr(ord("a") + i % 26) for i in range(5000))


@given(st.text(max_size=200), st.integers(0, 1000))
def test_without_repeats_the_text_stays_as_it_was(text: str, seed: int) -> None:
    assert repeat_passages(text, "#", Repeats(0.0, 0.0), seed=seed) == text


@given(st.integers(0, 50))
def test_with_every_passage_twice_the_text_is_twice_as_long_and_the_same_number_of_each_symbol_doubled(
    seed: int,
) -> None:
    repeated = repeat_passages(TEXT, "#", Repeats(1.0, 0.0), seed=seed)
    assert sorted(repeated) == sorted(TEXT * 2)


def test_passages_of_one_length_stand_beside_their_copies() -> None:
    assert repeat_passages("abcdefg", "#", Repeats(1.0, 0.0, 3, 3)) == "abcabcdefdefgg"


def test_noise_replaces_a_share_of_the_passages_by_symbols_said_twice() -> None:
    noisy = repeat_passages(TEXT, "#", Repeats(0.0, 0.25, 10, 10), seed=4)
    runs = [len(run) for run in re.findall("#+", noisy)]
    assert all(run % 20 == 0 for run in runs)
    assert 0.2 < sum(runs) / 20 / (len(TEXT) / 10) < 0.3
    assert len(noisy) - sum(runs) == len(TEXT) - sum(runs) / 2


def test_the_seed_alone_decides() -> None:
    first, again, other = (repeat_passages(TEXT, "xyz", Repeats(), seed=seed) for seed in (1, 1, 2))
    assert first == again
    assert first != other


@pytest.mark.parametrize("wrong", [{"twice": -0.1}, {"twice": 0.6, "noise": 0.5}, {"twice": float("nan")}])
def test_shares_that_cannot_be_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="shares of passages must be 0 or more"):
        Repeats(**wrong)


def test_lengths_that_cannot_be_are_refused() -> None:
    with pytest.raises(ValueError, match="shortest ≤ longest"):
        Repeats(0.5, 0.0, 8, 4)
