"""The bigram page shows the counts of the corpus, and every claim it makes about them holds."""

from __future__ import annotations

import math
import re
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from streamlit.testing.v1 import AppTest

from explorer.core.sampling import draw
from explorer.inspection.bigram import BigramReading, read_bigrams
from explorer.models.bigram import count_bigrams
from explorer.text import corpora
from explorer.text.corpora import load_corpus
from explorer.training.bigram import DescentConfig, descend
from tests.pages.driving import bars, chart, choose, go, matrices, open_page, press, problems, words

PAGE = "pages/bigram.py"


@pytest.fixture(scope="module")
def drama() -> BigramReading:
    return read_bigrams(load_corpus("drama"))


def loss_shown(at: AppTest) -> float:
    return float(re.findall(r"Loss of this table: \*\*([\d.]+|inf)\*\*", words(at))[0])


def cell_caption(at: AppTest) -> str:
    return next(str(c.value) for c in at.caption if "In the figure:" in str(c.value))


@pytest.mark.parametrize("name", ["drama", "tale", "poemas"])
def test_the_matrix_drawn_is_the_count_of_every_pair_of_the_text(name: str) -> None:
    text = load_corpus(name).text
    characters = sorted(set(text))
    ids = torch.tensor([characters.index(c) for c in text])
    (drawn,) = matrices(open_page(PAGE, corpus=name), "bigram_counts")
    assert drawn.values.tolist() == count_bigrams(ids, len(characters)).tolist()
    assert drawn.row_labels == drawn.column_labels
    assert len(drawn.row_labels) == len(characters)


def test_names_are_counted_from_boundary_to_boundary_and_scored_so() -> None:
    at = open_page(PAGE, corpus="given-names")
    (drawn,) = matrices(at, "bigram_counts")
    boundary = drawn.row_labels.index(".")
    assert drawn.values[boundary].sum() == drawn.values[:, boundary].sum() == len(load_corpus("given-names").items)
    assert not problems(at)
    assert at.text_input(key="name").value == "emma"
    assert r"\infty" not in str(at.latex[-1].value)


def test_a_chosen_cell_opens_its_division_and_its_row(drama: BigramReading) -> None:
    row, column = drama.labels.index("q"), drama.labels.index("u")
    at = choose(open_page(PAGE), "bigram_counts", 0, row, column)
    count, total = drama.counts[row, column], drama.counts[row].sum()
    assert rf"\frac{{{count}}}{{{total}}}" in str(at.latex[1].value)
    assert f"In the figure: {count / total:.6g}." in cell_caption(at)
    assert ": equal to rounding" in cell_caption(at)
    above, below = chart(at, "bigram_row")["series"]
    assert bars(above) == pytest.approx(drama.counts[row] / total, abs=1e-6)
    assert below["data"][-1] == pytest.approx(1, abs=1e-5)


def test_every_click_in_a_row_is_followed(drama: BigramReading) -> None:
    at = open_page(PAGE)
    for row in (5, 9, 5, drama.commonest[0], 12):
        choose(at, "bigram_counts", 0, row, 3)
        assert f"row “{drama.labels[row]}”" in words(at).replace("\\", "")


def test_the_address_names_the_cell_and_rubbish_in_it_is_ignored(drama: BigramReading) -> None:
    at = open_page(PAGE, address={"cell": "0-3-4"})
    assert f"row “{drama.labels[3]}”, column “{drama.labels[4]}”" in words(at).replace("\\", "")
    first = words(open_page(PAGE))
    for rubbish in ("0-999-4", "x", "0-1", "-1-2-3", "<b>", "0-1-2-3", "٣-1-1"):
        assert words(open_page(PAGE, address={"cell": rubbish})) == first


@pytest.mark.parametrize(("name", "rubbish"), [("smoothing", "999"), ("corpus", "nothing"), ("walk_step", "x")])
def test_rubbish_in_the_address_leaves_the_control_as_it_was(name: str, rubbish: str) -> None:
    at = open_page(PAGE, address={name: rubbish})
    assert at.slider(key="smoothing").value == 0
    assert at.selectbox(key="corpus").value == "drama"
    assert at.slider(key="walk_step").value == 1


def test_the_right_prediction_is_true(drama: BigramReading) -> None:
    at = open_page(PAGE)
    at.radio(key="bigram_predict").set_value("h")
    said = str(go(at).success[0].value)
    row = drama.counts[drama.labels.index("t")]
    assert drama.labels[int(row.argmax())] == "h"
    claimed = [int(number.replace(",", "")) for number in re.findall(r"[\d,]{5,}", said)]
    assert claimed == [row.max(), row[drama.labels.index("␣")]]


def test_a_pair_never_seen_makes_the_loss_infinite_and_smoothing_makes_it_finite() -> None:
    at = press(open_page(PAGE), "bigram_try_0")
    assert at.text_input(key="word").value == "xqz"
    assert r"\infty" in str(at.latex[-1].value)
    assert "probability 0, so the loss is infinite" in words(at)
    at.slider(key="smoothing").set_value(0.5)
    go(at)
    assert r"\infty" not in str(at.latex[-1].value)
    assert r"\text{nats a pair}" in str(at.latex[-1].value)


def test_smoothing_far_too_much_raises_the_loss_of_the_table(drama: BigramReading) -> None:
    at = open_page(PAGE)
    before = loss_shown(at)
    assert before == pytest.approx(drama.loss, abs=1e-4)
    press(at, "bigram_try_1")
    assert at.slider(key="smoothing").value == 20
    assert loss_shown(at) > before + 0.01
    rare = chart(choose(at, "bigram_counts", 0, int(drama.counts.sum(axis=1).argmin()), 0), "bigram_row")
    assert bars(rare["series"][0]).max() < 0.05


@pytest.mark.parametrize("key", ["bigram_try_2", "bigram_try_3"])
def test_the_experiments_with_descent_do_what_they_say(key: str, drama: BigramReading) -> None:
    at = press(open_page(PAGE), key)
    rate, steps, penalty = (float(at.number_input(key=name).value or 0) for name in ("rate", "steps", "penalty"))
    assert at.selectbox(key="corpus").value == "drama"
    config = DescentConfig("drama", int(steps), rate, penalty, pace=1e6)
    losses = [progress.loss for progress in descend(torch.from_numpy(drama.counts), config)]
    if key == "bigram_try_2":
        assert config.learning_rate == 5000
        assert max(losses[1:]) > losses[0]
        assert sum(b > a for a, b in pairwise(losses)) > 10
    else:
        assert config.weight_penalty == 0
        assert drama.loss < min(losses) == losses[-1] < drama.loss + 0.1


def test_the_walk_drawn_is_the_one_that_its_seed_gives(drama: BigramReading) -> None:
    at = open_page(PAGE, seed=7, walk_step=3)
    generator, row, written = torch.Generator().manual_seed(7), drama.labels.index("↵"), []
    for _ in range(60):
        row, _ = draw(torch.from_numpy(drama.probabilities[row]), generator)
        written.append(drama.labels[row])
    assert at.code[0].value == "".join(written)
    line = chart(at, "bigram_walk")["series"][1]
    third = drama.labels.index(written[2])
    assert line["markPoint"]["data"][0]["coord"][0] == third
    pointer = line["markLine"]["data"][0]["yAxis"]
    assert line["data"][third] - 1e-6 <= 1
    assert (line["data"][third - 1] if third else 0) <= pointer <= line["data"][third] + 1e-6


def test_a_walk_shorter_than_the_chosen_step_shows_its_last_step() -> None:
    at = open_page(PAGE, walk_step=60)
    at.selectbox(key="corpus").set_value("given-names")
    go(at)
    assert re.search(r"Step \d+: after", words(at))


def test_a_word_is_scored_pair_by_pair(drama: BigramReading) -> None:
    at = open_page(PAGE, word="that")
    ids = [drama.labels.index(c) for c in "that"]
    expected = [drama.probabilities[i, j] for i, j in pairwise(ids)]
    scored = at.dataframe[-1].value
    assert scored["pair"].tolist() == ["th", "ha", "at"]
    assert scored["probability p"].tolist() == pytest.approx(expected)
    assert f"{-np.log(expected).mean():.4f}" in str(at.latex[-1].value)


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("", "Type at least two characters"),
        ("e", "Type at least two characters"),
        ("ü€", "2 characters that this vocabulary"),
        ("<script>alert(1)</script>", "<"),
        ("**x** [a](b) # h", "*, [, ], (, ), #"),
    ],
)
def test_a_word_that_cannot_be_scored_is_answered_in_one_sentence_and_kept(word: str, said: str) -> None:
    at = open_page(PAGE, word=word)
    assert len(problems(at)) == 1
    assert said in problems(at)[0]
    assert at.text_input(key="word").value == word
    assert matrices(at, "bigram_counts")


def test_a_learning_rate_of_0_is_refused_in_place_and_training_cannot_start() -> None:
    at = open_page(PAGE, rate=0.0)
    assert problems(at) == ["learning_rate must be a positive number, got 0.0."]
    assert at.button(key="bigram_start").disabled


def test_the_learned_table_is_used_only_once_it_has_been_learned(drama: BigramReading) -> None:
    learned = np.full(drama.counts.shape, 1 / len(drama.labels))
    at = open_page(PAGE, table="learned by gradient descent", word="that")
    assert "Nothing has been learned on this corpus yet" in words(at)
    at.session_state["_bigram_learned"] = ("drama", learned)
    go(at)
    assert f"{math.log(len(drama.labels)):.4f}" in str(at.latex[-1].value)


def test_a_text_that_is_not_here_is_offered_and_a_failed_download_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def no_network(name: str) -> Any:
        raise corpora.CorpusError(f"{name} had to be downloaded, but it could not be reached; check the network.")

    at = open_page(PAGE, corpus="oz")
    assert "This text is not on this machine yet" in words(at)
    assert not at.get("bidi_component")
    assert len(at.subheader) >= 3
    monkeypatch.setattr(corpora, "load_corpus", no_network)
    press(at, "corpus_download")
    assert problems(at) == ["oz had to be downloaded, but it could not be reached; check the network."]
    assert at.button(key="corpus_download")
