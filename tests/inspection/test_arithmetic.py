"""A cell opened to its arithmetic: the parts add up to the number shown."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some
from hypothesis.extra import numpy as arrays

from explorer.inspection.arithmetic import CellArithmetic, division, dot_product, number, softmax_cell

VECTORS = arrays.arrays(np.float32, 6, elements=some.floats(-10, 10, width=32))


@given(left=VECTORS, right=VECTORS)
def test_a_dot_product_lists_every_product_and_its_running_sum(left: np.ndarray, right: np.ndarray) -> None:
    shown = float(left.astype(float) @ right.astype(float))
    opened = dot_product(left, right, shown=shown, heading="h", names=("query", "key"), symbol="s")
    assert opened.difference < 1e-9
    assert opened.columns == ("channel", "query", "key", "product", "running sum")
    running = 0.0
    for i, (channel, a, b, product, so_far) in enumerate(opened.rows):
        running += float(a) * float(b)
        assert channel == str(i)
        assert product == pytest.approx(float(a) * float(b))
        assert so_far == pytest.approx(running)


def test_a_long_sum_is_shortened_in_the_formula_and_ends_in_its_value() -> None:
    three = np.array([1.0, 2.0, 3.0])
    opened = dot_product(three, three, shown=14.0, heading="h", names=("a", "b"), symbol="s")
    assert r"(1.0000 \cdot 1.0000) + (2.0000 \cdot 2.0000) + \dots = 14.0000" in opened.formula
    two = dot_product(three[:2], three[:2], shown=5.0, heading="h", names=("a", "b"), symbol="s")
    assert r"\dots" not in two.formula


def test_a_division_shows_whole_numbers_whole() -> None:
    opened = division(5310, 21239, shown=5310 / 21239, heading="h", names=("top", "bottom"), symbol="p")
    assert opened.formula == r"p = \frac{5310}{21239} = 0.2500"
    assert opened.rows == (("top", 5310), ("bottom", 21239), ("quotient", 5310 / 21239))
    assert r"\frac{0.5000}{2}" in division(0.5, 2, shown=0.25, heading="h", names=("a", "b"), symbol="p").formula


@given(scores=VECTORS, column=some.integers(0, 5))
def test_a_softmax_cell_is_numpys_softmax(scores: np.ndarray, column: int) -> None:
    exponents = np.exp(scores.astype(float) - scores.max())
    opened = softmax_cell(scores, column, list("abcdef"), shown=0.0, heading="h")
    assert opened.recomputed == pytest.approx(exponents[column] / exponents.sum())
    assert opened.rows[-1][-1] == pytest.approx(exponents.sum())


def test_masked_scores_take_no_part_in_a_softmax_and_get_nothing() -> None:
    row = np.array([0.0, math.log(3), -math.inf])
    opened = softmax_cell(row, 1, list("abc"), shown=0.75, heading="h")
    assert opened.recomputed == pytest.approx(0.75)
    assert [part[0] for part in opened.rows] == ["0 a", "1 b"]
    masked = softmax_cell(row, 2, list("abc"), shown=0.0, heading="h")
    assert masked.recomputed == masked.difference == 0
    assert r"-\infty" in masked.formula


def test_the_difference_of_two_equal_infinities_is_nothing() -> None:
    assert CellArithmetic("h", "f", (), (), -math.inf, -math.inf).difference == 0
    assert CellArithmetic("h", "f", (), (), 1.0, 1.5).difference == 0.5


def test_numbers_in_formulas_have_four_decimals_and_infinity_a_sign() -> None:
    assert [number(v) for v in (1 / 3, -2, math.inf, -math.inf)] == ["0.3333", "-2.0000", r"\infty", r"-\infty"]
