"""An alignment's cells are what they are opened to be, and both models' answers are judged as a reader would."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch

from explorer.inspection.seq2seq import (
    breaking_length,
    cut_at_end,
    looked_where_it_should,
    open_score,
    open_share,
    scores,
    symbols,
    translate,
)
from explorer.models.seq2seq import Seq2Seq
from explorer.text.sequence_tasks import TASKS, encode
from explorer.training.seq2seq import (
    ATTENTION,
    FIXED,
    KINDS,
    Alignment,
    Evaluation,
    Seq2SeqSpec,
    align,
    fresh_models,
    train_seq2seq,
)


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """As in the app: with small matrices two threads on busy cores mostly wait for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def models() -> dict[str, Seq2Seq]:
    """Both models after a run that suffices for one and two letters."""
    spec = Seq2SeqSpec("reverse", length=2, d_hidden=24, steps=200, batch_size=32, learning_rate=0.02)
    return list(train_seq2seq(spec))[-1].newest.models


def drawn(text: str) -> Alignment:
    return align(fresh_models(Seq2SeqSpec(d_hidden=16))[ATTENTION], [*encode(text), 0], len(text) + 1)


def test_every_cell_opens_to_a_score_and_a_share_that_are_the_models() -> None:
    one = drawn("abca")
    total = np.zeros(len(one.weights))
    for i in range(len(one.weights)):
        for j in range(len(one.source)):
            score, share = open_score(one, i, j), open_share(one, i, j)
            assert score.shown == pytest.approx(scores(one)[i, j])
            assert score.difference < 1e-5
            assert share.shown == one.weights[i, j]
            assert share.difference < 1e-6
            assert score.rows[-1][-1] == score.recomputed
            total[i] += share.recomputed
    np.testing.assert_allclose(total, 1)


def test_the_rows_of_a_score_are_its_sum_channel_by_channel() -> None:
    one = drawn("xyz")
    cell = open_score(one, 1, 2)
    assert len(cell.rows) == 16
    for _, q, u, squashed, v, product, _ in cell.rows:
        assert squashed == pytest.approx(np.tanh(float(q) + float(u)))
        assert product == pytest.approx(float(v) * float(squashed))
    assert "place 3 “z” at step 2" in cell.heading


def test_both_models_are_right_on_what_they_learned_and_it_is_said_how_far_they_came(
    models: dict[str, Seq2Seq],
) -> None:
    told = translate(models, "reverse", "Ab")
    assert (told.typed, told.expected) == ("ab", "ba")
    for kind in KINDS:
        assert told.is_right(kind), told.attempts[kind]
        assert told.attempts[kind].places == 3
    assert told.alignment.weights.shape == (3, 3)
    assert symbols(told.alignment.written) == ["b", "a", "▪"]


def test_the_same_letters_are_wrong_for_another_task(models: dict[str, Seq2Seq]) -> None:
    told = translate(models, "sort", "ab")
    assert told.expected == "ab"
    assert not told.is_right(FIXED)
    assert told.attempts[FIXED].places < 3


def test_a_model_that_never_ends_is_stopped_and_not_right() -> None:
    untrained = fresh_models(Seq2SeqSpec(d_hidden=16))
    for model in untrained.values():
        model.requires_grad_(False)
        model.get_parameter("output.bias")[0] = -1000.0
    told = translate(untrained, "copy", "abcd")
    assert not any(told.attempts[kind].ended or told.is_right(kind) for kind in KINDS)
    assert len(told.alignment.written) == 10


@pytest.mark.parametrize("typed", ["", "12", "\U0001f600", "<script>", "a" * 41])
def test_what_cannot_be_read_is_refused(models: dict[str, Seq2Seq], typed: str) -> None:
    with pytest.raises(ValueError, match=r"typed|alphabet|At most"):
        translate(models, "copy", typed)


def test_steps_after_the_end_mark_are_cut_off() -> None:
    one = replace(drawn("abc"), written=np.array([5, 0, 3, 0]))
    cut = cut_at_end(one)
    assert (cut.weights.shape, cut.queries.shape, cut.keys.shape) == ((2, 4), (2, 16), (4, 16))
    whole = cut_at_end(replace(one, written=np.array([5, 4, 3, 2])))
    assert whole.weights.shape == (4, 4)


@pytest.mark.parametrize("task", TASKS)
def test_a_perfect_alignment_looks_where_it_should_and_an_even_one_by_chance(task: str) -> None:
    one = drawn("cabd")
    places = {"reverse": [3, 2, 1, 0, 4], "copy": [0, 1, 2, 3, 4], "sort": [1, 2, 0, 3, 4]}[task]
    perfect = replace(one, weights=np.eye(5)[places])
    assert looked_where_it_should(perfect, task) == 1
    assert looked_where_it_should(replace(one, weights=np.full((5, 5), 0.2)), task) == pytest.approx(0.2)


def test_the_places_beside_the_due_one_count_where_asked() -> None:
    beside = replace(drawn("cabd"), weights=np.eye(5)[[2, 3, 0, 1, 4]])
    assert looked_where_it_should(beside, "reverse") == 0
    assert looked_where_it_should(beside, "reverse", 1) == 1


def test_sorting_may_look_at_any_of_several_equal_letters() -> None:
    weights = np.array([[0.5, 0.5, 0.0], [0.9, 0.1, 0.0], [0.0, 0.0, 1.0]])
    assert looked_where_it_should(replace(drawn("bb"), weights=weights), "sort") == 1


def test_the_length_at_which_a_model_breaks_is_the_first_below_half() -> None:
    evaluation = Evaluation(9, (1, 5, 9), {FIXED: (1.0, 0.4, 0.0), ATTENTION: (1.0, 0.9, 0.5)}, 50)
    assert breaking_length(evaluation, FIXED) == 5
    assert breaking_length(evaluation, ATTENTION) is None
    assert evaluation.at(FIXED, 9) == 0
