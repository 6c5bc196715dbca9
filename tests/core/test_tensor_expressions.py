"""Typed tensor expressions: equal to NumPy where they mean something, one line with the place where they do not."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from explorer.core.expression_tokens import ExpressionError
from explorer.core.tensor_expressions import LONGEST, evaluate

RNG = np.random.default_rng(0)
A, B, ROW, IDS = (
    RNG.normal(size=(3, 4)),
    RNG.uniform(0.5, 2, (3, 4)),
    RNG.normal(size=(1, 4)),
    np.array([2.0, 0.0, 1.0]),
)
NAMES = {"a": A, "b": B, "row": ROW, "ids": IDS, "n": np.array(3.0), "V": np.array(4.0), "sum": np.array(7.0)}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a + b*row", A + B * ROW),
        ("-a**2", -(A**2)),
        ("b**-1.5", B**-1.5),
        ("2**3**2 * row", 512 * ROW),
        ("8 - b - 1", 7 - B),
        ("b / n / 2", B / 6),
        ("a.T @ b", A.T @ B),
        ("(a @ b.T) @ a", A @ B.T @ A),
        ("a.sum()", A.sum()),
        ("a.sum(0)", A.sum(0)),
        ("a.sum(axis=1, keepdim=True)", A.sum(1, keepdims=True)),
        ("a.sum(dim=1, keepdims=True)", A.sum(1, keepdims=True)),
        ("sum(a, 1, True)", A.sum(1, keepdims=True)),
        ("a.sum(1, keepdim=False)", A.sum(1)),
        ("a.mean(-1)", A.mean(-1)),
        ("mean(a)", A.mean()),
        ("a.reshape(2, -1)", A.reshape(2, 6)),
        ("a.reshape(n*4)", A.reshape(12)),
        ("a.T.view(a.shape)", A.T.reshape(3, 4)),
        ("exp(a) + b.log() - tanh(a)", np.exp(A) + np.log(B) - np.tanh(A)),
        ("one_hot(ids, V)", np.eye(4)[[2, 0, 1]]),
        ("one_hot(argmax(a), V)", np.eye(4)[A.argmax(-1)]),
        ("a.argmax(0)", A.argmax(0)),
        ("ones_like(a)*row - zeros_like(a)", np.broadcast_to(ROW, (3, 4))),
        ("da = a × 2 − b ÷ 2  # as printed", A * 2 - B / 2),
        ("sum", np.array(7.0)),
    ],
)
def test_an_expression_means_what_numpy_makes_of_it(text: str, expected: np.ndarray) -> None:
    value = evaluate(text, NAMES, asked="da").value
    assert value.shape == np.shape(expected)
    np.testing.assert_allclose(value, expected, rtol=1e-13)


@pytest.mark.parametrize(
    ("text", "column", "said"),
    [
        ("", 1, "nothing to work out"),
        ("   # only a remark", 19, "nothing to work out"),
        ("a +", 4, "expected a number, a name or “(”, got the end"),
        ("a b", 3, "expected a sign such as + or * before “b”"),
        ("a ?? b", 3, "“?” has no meaning here"),
        ("a^2", 2, "write ** for a power"),
        ("(a", 3, "expected “)” for the bracket at column 1"),
        ("a)", 2, "closes no bracket"),
        ("foo*a", 1, "unknown name “foo”"),
        ("<script>alert(1)</script>", 1, "“<” has no meaning here"),
        ("__import__('os').system('ls')", 1, "“__import__” is not a function here"),
        ("a.__class__", 3, "after a dot stands one of T, shape"),
        ("a.T.__init__()", 5, "after a dot stands one of"),
        ("a.sum.__globals__", 6, "expected “(” after the function sum"),
        ("exp", 4, "expected “(” after the function exp, got the end"),
        ("eval('1')", 1, "“eval” is not a function here"),
        ("a/0", 2, "“/” divides by zero"),
        ("a/(row - row)", 2, "“/” divides by zero in 4 of 4 cells"),
        ("10**10**10", 3, "too large for a float"),
        ("b**1e9", 2, "too large for a float"),
        ("a**0.5", 2, "not a number (NaN)"),
        ("log(a)", 1, "log needs numbers above 0"),
        ("exp(1000*b)", 1, "too large for a float"),
        ("1e999*a", 1, "“1e999” is too large"),
        ("a @ b", 3, "“@” needs as many columns on the left as rows on the right, and got (3, 4) and (3, 4)"),
        ("a @ ids", 3, "“@” multiplies two matrices"),
        ("a + ids", 3, "cannot pair the shapes (3, 4) and (3,)"),
        ("ids.T", 5, ".T turns a matrix over"),
        ("a.sum(2)", 3, "the shape (3, 4) has the axes 0 to 1"),
        ("n.sum(0)", 3, "a single number has no axes"),
        ("a.sum(0.5)", 3, "needs whole numbers"),
        ("a.sum(0, 1)", 3, "keepdim is True or False"),
        ("a.sum(0, True, 1)", 3, "an axis and keepdim, and nothing else"),
        ("a.sum(axis=0, axis=1)", 15, "each once"),
        ("a.sum(foo=0)", 7, "no argument is called “foo”"),
        ("a.reshape(5, 5)", 3, "the 12 numbers of shape (3, 4) do not fill (5, 5)"),
        ("a.reshape()", 3, "needs the sizes of the new shape"),
        ("a.exp(2)", 3, "takes one tensor and nothing else"),
        ("exp()", 1, "needs a tensor"),
        ("one_hot(ids, 2)", 1, "whole numbers from 0 to 1"),
        ("one_hot(ids, 1e8)", 1, "a width from 1 to 200,000"),
        ("a.shape", 1, "this is a shape"),
        ("a.shape + 1", 9, "a shape can only be given to reshape"),
        ("b = a", 1, "what is asked for is da"),
        ("da = ", 6, "nothing to work out"),
        ("a\na", 2, "a single expression"),
        ("dlater*a", 1, "come later"),
        ("(" * 300 + "a", 41, "more than 40 brackets"),
        ("-" * 300 + "a", 41, "more than 40 brackets"),
        ("a+" * 50_000, LONGEST + 1, "at most 600 characters, got 100,000"),
    ],
)
def test_what_cannot_be_worked_out_is_one_line_that_points_at_the_place(text: str, column: int, said: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        evaluate(text, NAMES, asked="da", withheld={"dlater": "dlater will come later."})
    assert said in str(caught.value)
    assert caught.value.column == column
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "one_hot(one_hot(one_hot(x, 1000), 1000), 1000)",
        "x.reshape(-1, 1) * x.reshape(1, -1)",
        "x.reshape(-1, 1) @ x.reshape(1, -1)",
        "x.reshape(-1, 1, 1, 1, 1) + x.reshape(1, -1, 1, 1, 1) + x.reshape(1, 1, -1, 1, 1)",
        "one_hot(x, 200) @ one_hot(x, 200).T",
    ],
)
def test_a_gigantic_result_is_refused_before_it_is_made(text: str) -> None:
    started = time.perf_counter()
    with pytest.raises(ExpressionError, match="would make"):
        evaluate(text, {"x": np.zeros(1000)})
    assert time.perf_counter() - started < 0.5


def test_the_costliest_expression_that_is_allowed_ends_soon() -> None:
    x = np.full((400, 400), 0.5)
    started = time.perf_counter()
    with pytest.raises(ExpressionError, match="multiplications"):
        evaluate("x @ x", {"x": x})
    evaluate("+".join(["exp(x)"] * 85), {"x": x})
    assert time.perf_counter() - started < 5


def test_operations_are_counted_number_by_number() -> None:
    for text, count in (
        ("a*b", 12),
        ("a + row", 12),
        ("a.sum(0)", 8),
        ("a @ b.T", 9 * 7),
        ("exp(a)/n", 24),
        ("-a.T", 12),
    ):
        assert evaluate(text, NAMES).operations == count, text


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="ab+-*/@.,()=T sumexp_0123456789\n;#<>'\"{}[]%é", max_size=60))
def test_whatever_is_typed_gives_finite_numbers_or_one_line(text: str) -> None:
    try:
        value = evaluate(text, NAMES).value
    except ExpressionError as error:
        assert str(error).startswith("Line ")  # noqa: PT017 (either outcome is right)
    else:
        assert np.isfinite(value).all()
