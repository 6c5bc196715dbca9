"""Typed expressions: what they mean, and one line with the place for everything else."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from explorer.core.autograd import Value
from explorer.core.expression_tokens import ExpressionError
from explorer.core.expressions import LONGEST, evaluate


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a = 2; a + 3*a", 8.0),
        ("a = 2; -a**2", -4.0),
        ("a = 2; a**3**2", 512.0),
        ("a = 2; a**-1", 0.5),
        ("a = 2; 8 / a / 2", 2.0),
        ("a = 2; 8 - a - 1", 5.0),
        ("a = 2; (1 + a) * a", 6.0),
        ("a = -1.5e0; relu(a) + a.relu()", 0.0),
        ("a = 0; tanh(a) + exp(a) + log(a + 1) + sigmoid(a)", 1.5),
        ("a = 2 # two\n\n b = a*a ;; b + 1  # five", 5.0),
        ("a = 1\na += 2\na *= 5\na -= 1\na /= 7\na **= 3\n2*a", 16.0),
        ("a = 2\nb = a × 3 − 1 ÷ a", 5.5),
        ("a = 3*4 - .5; a*1", 11.5),
        ("é = 3; é*é", 9.0),
    ],
)
def test_an_expression_has_the_value_that_arithmetic_gives_it(text: str, expected: float) -> None:
    assert evaluate(text).result.data == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    ("text", "line", "column", "said"),
    [
        ("__import__('os')", 1, 1, "“__import__” is not a function here"),
        ("a = 2\n(a*3", 2, 5, "expected “)” for the bracket at line 2, column 1, got the end"),
        ("a = 2; a*3)", 1, 11, "closes no bracket"),
        ("1/0", 1, 2, "1 / 0 divides by zero"),
        ("a = 2\na/(a - 2)", 2, 2, "2 / 0 divides by zero"),
        ("0**-1", 1, 2, "0 to the power -1 divides by zero"),
        ("log(-1)", 1, 1, "log needs a number above 0, got -1"),
        ("a = -1; 3 + a.log()", 1, 15, "log needs a number above 0"),
        ("1+" * 5000, 1, LONGEST + 1, "at most 1,000 characters, got 10,000"),
        ("a = 2; a*foo", 1, 10, "unknown name “foo”"),
        ("a = 1; " + "(" * 300, 1, 58, "more than 50 brackets"),
        ("-" * 300 + "1", 1, 51, "more than 50 brackets"),
        ("exp(1000)", 1, 1, "too large for a float"),
        ("a = 1e308; a*10", 1, 13, "the result of “*” is too large"),
        ("1e999", 1, 1, "too large for a float"),
        ("a = 9**9**9", 1, 6, "too large for a float"),
        ("(-8)**0.5", 1, 5, "use a whole exponent"),
        ("a = 0; a**0.5", 1, 9, "no finite slope"),
        ("a = 2; 3 a", 1, 10, "expected a sign such as + or * before “a”"),
        ("a = 2; a^2", 1, 9, "write ** for a power"),
        ("a = 2; a*'x'", 1, 10, "has no meaning here"),
        ("a == 2", 1, 4, "got “=”"),
        ("relu = 1", 1, 1, "is a function"),
        ("a = 2; relu a", 1, 13, "expected “(” after the function relu"),
        ("a = 2; a.sqrt()", 1, 10, "the functions are relu, tanh, exp, log, sigmoid"),
        ("x" * 30 + " = 1", 1, 1, "at most 20 characters"),
        ("", 1, 1, "nothing to work out"),
        ("a = 2", 1, 1, "just the number 2"),
        ("2 + 3", 1, 1, "just the number 5"),
    ],
)
def test_what_cannot_be_read_is_one_line_that_points_at_the_place(text: str, line: int, column: int, said: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        evaluate(text)
    message = str(caught.value)
    assert (caught.value.line, caught.value.column) == (line, column)
    assert message.startswith(f"Line {line}, column {column}: ")
    assert said in message
    assert "\n" not in message
    assert len(message) < 200


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="ab12.+-*/=()\n; eé_^'\x00relulogxp", max_size=60))
def test_any_text_gives_a_finite_graph_or_one_line(text: str) -> None:
    try:
        program = evaluate(text)
    except ExpressionError as error:
        assert "\n" not in str(error)  # noqa: PT017
    else:
        assert math.isfinite(program.result.data)
        assert program.result.parents


# Python's own arithmetic is the outside truth: each text is made beside its number.
Made = tuple[str, float]
LEAVES: list[Made] = [("a", 1.25), ("b", -0.75), ("2", 2.0), (".5", 0.5)]
PRECEDENCE_KEPT: dict[str, Callable[[Made, Made], Made]] = {
    "sum": lambda x, y: (f"({x[0]} + {y[0]})", x[1] + y[1]),
    "difference": lambda x, y: (f"({x[0]} - {y[0]})", x[1] - y[1]),
    "product": lambda x, y: (f"{x[0]} * {y[0]}", x[1] * y[1]),
    "negative": lambda x, _: (f"(-{x[0]})", -x[1]),
    "square": lambda x, _: (f"({x[0]})**2", x[1] * x[1]),
}


def _combined(inner: st.SearchStrategy[Made]) -> st.SearchStrategy[Made]:
    return st.builds(lambda kind, x, y: PRECEDENCE_KEPT[kind](x, y), st.sampled_from([*PRECEDENCE_KEPT]), inner, inner)


@settings(max_examples=150, deadline=None)
@given(st.recursive(st.sampled_from(LEAVES), _combined, max_leaves=8))
def test_plain_arithmetic_means_what_it_means_in_python(made: Made) -> None:
    text, expected = made
    result = evaluate(f"a = 1.25; b = -0.75\na + {text}").result.data
    assert result == pytest.approx(1.25 + expected, rel=1e-9, abs=1e-9)


def test_named_numbers_are_the_inputs_and_results_keep_their_names() -> None:
    program = evaluate("a = 2\nb = -a\nc = a*b\nc += 1")
    assert list(program.inputs) == ["a"]
    assert program.result.label == "c₂"
    assert program.result.parents[0].label == "c"


def test_numbers_without_a_name_are_no_nodes() -> None:
    result = evaluate("a = 3; 2*3*a + 1").result
    assert (result.op, result.constant) == ("+", 1.0)
    (product,) = result.parents
    assert (product.constant, [parent.label for parent in product.parents]) == (6.0, ["a"])


def test_a_second_name_for_the_same_value_is_the_same_node() -> None:
    program = evaluate("a = 2\nb = a\na*b")
    first, second = program.result.parents
    assert first is second
    assert isinstance(first, Value)
