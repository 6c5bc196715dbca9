"""A bigram table opened up, held against counting and multiplying by hand."""

from __future__ import annotations

import math
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from explorer.inspection.bigram import (
    BigramReading,
    open_probability,
    read_bigrams,
    smoothed,
    table_loss,
    walk,
    word_likelihood,
)
from explorer.text.corpora import Corpus
from explorer.text.tokenizers import UnknownCharactersError

TEXT = "abracadabra abba"


@pytest.fixture(scope="module")
def text() -> BigramReading:
    return read_bigrams(Corpus("magic", TEXT, "text", ""))


@pytest.fixture(scope="module")
def names() -> BigramReading:
    return read_bigrams(Corpus("names", "ada\nbob\n", "items", ""))


def test_counts_are_those_of_counting_by_hand(text: BigramReading) -> None:
    by_hand = Counter(pairwise(TEXT))
    labels = [label.replace("␣", " ") for label in text.labels]
    assert {(labels[i], labels[j]): int(text.counts[i, j]) for i, j in np.argwhere(text.counts)} == by_hand
    assert text.pairs == len(TEXT) - 1
    row, column = text.commonest
    assert by_hand[labels[row], labels[column]] == max(by_hand.values())


def test_the_loss_is_the_mean_surprise_of_the_pairs_of_the_text(text: BigramReading) -> None:
    by_hand, first = Counter(pairwise(TEXT)), Counter(TEXT[:-1])
    surprise = sum(-n * math.log(n / first[pair[0]]) for pair, n in by_hand.items())
    assert text.loss == pytest.approx(surprise / (len(TEXT) - 1))
    assert text.uniform_loss == pytest.approx(math.log(len(set(TEXT))))


def test_names_begin_and_end_at_a_point(names: BigramReading) -> None:
    assert names.is_items
    point = names.labels.index(".")
    assert names.counts[point].sum() == names.counts[:, point].sum() == 2


def test_a_point_inside_a_name_leaves_the_boundary_its_own_sign() -> None:
    reading = read_bigrams(Corpus("names", "j.r.\nbob\n", "items", ""))
    assert "↵" in reading.labels
    assert reading.labels.count(".") == 1


@given(smoothing=some.floats(0.001, 1000))
def test_smoothing_keeps_rows_summing_to_one_and_every_pair_possible(smoothing: float) -> None:
    reading = smoothed(read_bigrams(Corpus("magic", TEXT, "text", "")), smoothing)
    assert reading.probabilities.sum(axis=1) == pytest.approx(np.ones(len(reading.labels)))
    assert (reading.probabilities > 0).all()
    assert reading.loss < reading.uniform_loss + 1e-9
    assert table_loss(reading.counts, reading.probabilities) == pytest.approx(reading.loss, abs=1e-6)


@pytest.mark.parametrize("smoothing", [-1.0, math.nan, math.inf])
def test_smoothing_that_cannot_be_is_refused(text: BigramReading, smoothing: float) -> None:
    with pytest.raises(ValueError, match="moothing"):
        smoothed(text, smoothing)


def test_a_word_is_the_product_of_its_pairs(text: BigramReading) -> None:
    scored = word_likelihood(text, text.probabilities, "abra")
    after = Counter(pairwise(TEXT))
    first = Counter(TEXT[:-1])
    expected = math.prod(after[pair] / first[pair[0]] for pair in pairwise("abra"))
    assert scored.likelihood == pytest.approx(expected)
    assert scored.log_likelihood == pytest.approx(math.log(expected))
    assert scored.mean_loss == pytest.approx(-math.log(expected) / 3)
    assert [pair.first + pair.second for pair in scored.pairs] == ["ab", "br", "ra"]


def test_a_pair_never_seen_makes_likelihood_0_and_the_loss_infinite(text: BigramReading) -> None:
    scored = word_likelihood(text, text.probabilities, "cb")
    assert scored.likelihood == 0
    assert scored.mean_loss == math.inf


def test_a_name_of_one_letter_is_scored_from_boundary_to_boundary(names: BigramReading) -> None:
    scored = word_likelihood(names, names.probabilities, "a")
    assert [pair.first + pair.second for pair in scored.pairs] == [".a", "a."]
    assert scored.likelihood == pytest.approx(0.5 * 0.5)


@pytest.mark.parametrize("word", ["", "a"])
def test_a_text_without_a_pair_is_refused(text: BigramReading, word: str) -> None:
    with pytest.raises(ValueError, match="at least two characters"):
        word_likelihood(text, text.probabilities, word)


def test_an_empty_name_and_letters_unknown_are_refused(names: BigramReading) -> None:
    with pytest.raises(ValueError, match="at least one letter"):
        word_likelihood(names, names.probabilities, "")
    with pytest.raises(UnknownCharactersError, match="x"):
        word_likelihood(names, names.probabilities, "ax")


def test_a_walk_follows_the_table_and_repeats_with_its_seed(text: BigramReading) -> None:
    steps = walk(text.probabilities, 0, 50, seed=3, stop=None)
    assert steps == walk(text.probabilities, 0, 50, seed=3, stop=None) != walk(text.probabilities, 0, 50, 4, None)
    assert all(b.row == a.token for a, b in pairwise(steps))
    assert all(text.counts[step.row, step.token] > 0 for step in steps if text.counts[step.row].any())
    for step in steps:
        edges = np.concatenate([[0], text.probabilities[step.row].cumsum()])
        assert edges[step.token] <= step.pointer < edges[step.token + 1] + 1e-9


def test_a_walk_ends_where_a_name_does(names: BigramReading) -> None:
    point = names.labels.index(".")
    steps = walk(names.probabilities, point, 200, 1, stop=point)
    assert steps[-1].token == point
    assert all(step.token != point for step in steps[:-1])


@pytest.mark.parametrize("smoothing", [0.0, 2.5])
def test_every_probability_opens_to_a_division_that_gives_it(text: BigramReading, smoothing: float) -> None:
    reading = smoothed(text, smoothing)
    for row, column in np.ndindex(reading.counts.shape):
        opened = open_probability(reading, row, column)
        assert opened.difference < 1e-9
        assert opened.shown == pytest.approx(reading.probabilities[row, column])


def test_a_row_that_nothing_follows_is_uniform_and_says_so() -> None:
    reading = read_bigrams(Corpus("end", "aab", "text", ""))
    opened = open_probability(reading, 1, 0)
    assert opened.shown == opened.recomputed == 0.5
    assert "nothing follows" in opened.formula
