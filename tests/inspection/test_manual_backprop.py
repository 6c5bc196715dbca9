"""The reading of one batch, the judge of answers, the exercise's questions, and the cells' arithmetic."""

from __future__ import annotations

import numpy as np
import pytest

from explorer.core.expression_tokens import ExpressionError
from explorer.core.tensor_expressions import evaluate
from explorer.inspection.manual_backprop import (
    BACKWARD_ORDER,
    BY_NAME,
    PARAMETER_STEPS,
    STEPS,
    BackpropReading,
    answer,
    compare,
    comparison_in_words,
    read_backprop,
    usable_names,
)
from explorer.inspection.manual_backprop_cells import as_matrix, open_gradient
from explorer.inspection.manual_backprop_questions import QUESTIONS, Question, closed_forms
from explorer.text.corpora import load_corpus
from explorer.training.manual_backprop import item_windows


@pytest.fixture(scope="module")
def readings() -> list[BackpropReading]:
    windows = item_windows(load_corpus("given-names"))
    return [read_backprop(windows, n, d_hidden, 2147483647) for n, d_hidden in ((32, 64), (3, 2), (30, 30))]


def test_every_tensor_has_a_step_a_place_in_the_order_and_a_gradient_that_is_autograds(
    readings: list[BackpropReading],
) -> None:
    assert {*BACKWARD_ORDER, "loss"} == set(BY_NAME) == set(readings[0].gradients)
    assert len(BACKWARD_ORDER) == len(STEPS) + len(PARAMETER_STEPS) - 1
    for reading in readings:
        for name in BY_NAME:
            assert reading.gradients[name].shape == reading.values[name].shape == reading.autograd[name].shape
            assert reading.difference(name) <= 1e-8


def test_every_step_is_made_as_it_says(readings: list[BackpropReading]) -> None:
    checked = 0
    for step in STEPS:
        if step.name in ("emb", "maxes", "loss"):
            continue  # told with brackets and max, which the answer's grammar does not have
        made = evaluate(step.made, usable_names(readings[0], ())).value
        np.testing.assert_allclose(made, readings[0].values[step.name], rtol=1e-12, atol=1e-14)
        checked += 1
    assert checked == 17


@pytest.mark.parametrize("question", QUESTIONS.values(), ids=QUESTIONS)
def test_the_answer_is_right_and_every_other_choice_is_wrong(
    question: Question, readings: list[BackpropReading]
) -> None:
    assert len(question.wrong) == 3
    assert sorted(question.choices) == sorted([question.solution, *(expression for expression, _ in question.wrong)])
    for reading in readings:
        right, _ = answer(question.solution, reading, question.asked, question.known)
        assert right.is_right, reading.n
        assert right.largest_difference is not None
        assert right.largest_difference <= 1e-8
        for expression, _ in question.wrong:
            try:
                judged, _ = answer(expression, reading, question.asked, question.known)
            except ExpressionError as error:
                assert "“@” needs as many columns" in str(error)  # noqa: PT017 (either outcome is right)
            else:
                assert not judged.is_right, (expression, reading.n)


def test_the_right_choice_is_not_always_in_the_same_place() -> None:
    places = {question.choices.index(question.solution) for question in QUESTIONS.values()}
    assert places == {0, 1, 2, 3}


def test_an_answer_may_use_what_is_known_and_the_lectures_names_but_nothing_further_back(
    readings: list[BackpropReading],
) -> None:
    question, reading = QUESTIONS["var"], readings[0]
    for text in (
        "dvar = -0.5*(bnvar + 1e-5)**-1.5 * dbnvar_inv",
        "dbnvar = -0.5 * (var + 1e-5)**-1.5 * (dnormed*centred).sum(0, True)",
    ):
        assert answer(text, reading, "var", question.known)[0].is_right
    with pytest.raises(ExpressionError, match="dsquared is not known yet"):
        answer("dsquared.sum(0)", reading, "var", question.known)
    with pytest.raises(ExpressionError, match="dbnvar is what is asked for"):
        answer("dbnvar", reading, "var", question.known)
    with pytest.raises(ExpressionError, match="dshifted is a step of the long way"):
        answer("dshifted", reading, "logits", QUESTIONS["logits_at_once"].known)


def test_the_judge_tells_exact_close_wrong_and_wrong_shapes_apart() -> None:
    truth = np.array([[0.3, -2.0]])
    assert compare(truth.copy(), truth).verdict == "exact"
    close = compare(np.array([[0.1 + 0.2, -2.0]]), truth)
    assert (close.verdict, close.is_right) == ("close", True)
    assert 0 < (close.largest_difference or 0) < 1e-15
    wrong = compare(np.array([[0.3, 2.0]]), truth)
    assert (wrong.verdict, wrong.is_right, wrong.largest_difference) == ("wrong", False, 4.0)
    assert compare(truth * (1 + 1e-6), truth).verdict == "wrong"
    assert compare(np.array([[np.nan, 0.0]]), truth).verdict == "wrong"
    assert "4.0e+00" in comparison_in_words(wrong)
    flat = compare(truth[0], truth)
    assert (flat.verdict, flat.same_numbers, flat.is_right) == ("wrong shape", True, False)
    assert comparison_in_words(flat) == (
        "Expected the shape (1, 2), the tensor's own; (2,) came. The numbers themselves are right."
    )
    assert not compare(np.zeros((2, 2)), truth).same_numbers


@pytest.mark.parametrize("name", BY_NAME)
def test_a_cells_parts_add_up_to_its_gradient(name: str, readings: list[BackpropReading]) -> None:
    for reading in readings:
        matrix = as_matrix(reading, name)
        R, C = matrix.values.shape
        assert len(matrix.row_labels) in (0, R)
        assert len(matrix.column_labels) in (0, C)
        for row, column in {(0, 0), (R - 1, C - 1), (R // 2, C // 3), (R // 3, C // 2)}:
            cell = open_gradient(reading, name, row, column)
            assert cell.difference <= 1e-14
            assert all(len(parts) == len(cell.columns) for parts in cell.rows)


def test_a_character_that_was_not_read_says_so(readings: list[BackpropReading]) -> None:
    reading = readings[1]
    absent = next(i for i in range(len(reading.characters)) if i not in reading.ids)
    cell = open_gradient(reading, "C", absent, 0)
    assert cell.shown == cell.recomputed == 0
    assert cell.rows[0][0] == "its character is nowhere in this batch"


def test_the_closed_forms_take_fewer_operations_and_give_the_same(readings: list[BackpropReading]) -> None:
    cross_entropy, batch_norm = closed_forms(readings[0])
    assert (cross_entropy.steps, batch_norm.steps) == (8, 7)
    for form in (cross_entropy, batch_norm):
        assert form.closed_operations < form.chain_operations
        assert form.largest_difference < 1e-15
    n, V = readings[0].values["logits"].shape
    assert cross_entropy.closed_operations == 2 * n * V  # a subtraction and a division each


def test_an_example_is_its_context_and_its_target(readings: list[BackpropReading]) -> None:
    reading = readings[0]
    assert len(reading.examples) == reading.n == 32
    assert all(len(example) == 5 and example[3] == "→" for example in reading.examples)
    assert reading.loss == pytest.approx(-np.log(reading.values["probs"][np.arange(32), reading.targets]).mean())
