"""A graph opened up: names, slopes, the order of visits, and what has arrived after each."""

from __future__ import annotations

import numpy as np
import pytest

from explorer.inspection.autograd import after, contributions, read_expression, torch_gradients
from explorer.ui.sections.autograd import DEAD, LECTURE, NEURON, README, REUSED

EXAMPLES = (DEAD, LECTURE, NEURON, README, REUSED)


@pytest.mark.parametrize("text", EXAMPLES)
def test_the_last_visit_leaves_backwards_gradients_and_torchs(text: str) -> None:
    reading = read_expression(text)
    end = after(reading, len(reading.visits))
    assert end.final.all()
    assert end.reached.all()
    np.testing.assert_allclose(end.grad, reading.grad, rtol=1e-12)
    np.testing.assert_allclose(torch_gradients(text), reading.grad, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("text", EXAMPLES)
def test_a_value_is_visited_when_its_gradient_is_final_and_never_before(text: str) -> None:
    reading = read_expression(text)
    assert sorted(reading.visits) == sorted(set(range(len(reading.names))) - set(reading.inputs))
    for step, node in enumerate(reading.visits):
        before = after(reading, step)
        assert before.final[node]
        assert before.grad[node] == pytest.approx(reading.grad[node], rel=1e-12)


@pytest.mark.parametrize("text", EXAMPLES)
def test_the_shares_that_arrived_sum_to_the_gradient_so_far(text: str) -> None:
    reading = read_expression(text)
    for step in range(len(reading.visits) + 1):
        state = after(reading, step)
        for node in range(reading.root):
            shares = contributions(reading, state, node)
            assert sum(share.product for share in shares) == pytest.approx(state.grad[node], rel=1e-12, abs=1e-12)
            assert bool(shares) == state.reached[node]


def test_the_readme_of_micrograd_ends_at_its_numbers() -> None:
    reading = read_expression(README)
    found = dict(zip(reading.names, reading.grad.round(4).tolist(), strict=True))
    assert (round(float(reading.data[-1]), 4), found["a"], found["b"]) == (24.7041, 138.8338, 645.5773)
    assert len(reading.visits) == 25


def test_before_the_first_visit_only_the_end_has_a_gradient() -> None:
    reading = read_expression(LECTURE)
    start = after(reading, 0)
    assert start.current is None
    assert start.reached.tolist() == [False] * reading.root + [True]
    assert start.grad.tolist() == [0.0] * reading.root + [1.0]


def test_a_reused_number_waits_for_all_its_shares() -> None:
    reading = read_expression(REUSED)
    halfway = after(reading, 1)
    a = reading.names.index("a")
    assert (halfway.grad[a], halfway.reached[a], halfway.final[a]) == (6.0, True, False)
    shares = contributions(reading, after(reading, 2), a)
    assert [(share.slope, share.upstream) for share in shares] == [(6.0, 1.0), (1.0, 3.0), (1.0, 3.0)]


def test_slopes_are_those_of_the_operation() -> None:
    reading = read_expression("a = 3; b = 2; y = a*b")
    slopes = {reading.names[s]: slope for s, slope in zip(reading.sources, reading.slopes.tolist(), strict=True)}
    assert slopes == {"a": 2.0, "b": 3.0}


def test_a_result_without_a_name_is_called_by_its_calculation_while_that_is_short() -> None:
    assert read_expression("a = 2; b = 3; y = (a + b)**2 / 3").operations[2:] == (
        "a + b",
        "(a + b) ** 2",
        "((a + b) ** 2) ÷ 3",
    )
    assert read_expression("a = 2; tanh(2 - a) * relu(a*a*a*a)").names[-2:] == ("relu(node 6)", "node 8")


def test_a_gradient_beyond_every_float_is_said_in_a_sentence() -> None:
    with pytest.raises(ValueError, match="The gradient of a is too large for a float"):
        read_expression("a = 1e-150; b = 1/a; c = b*1e155; d = c * 1e3")


@pytest.mark.parametrize("step", [-1, 4])
def test_a_step_that_does_not_exist_is_refused(step: int) -> None:
    with pytest.raises(ValueError, match="from 0 to 3"):
        after(read_expression(LECTURE), step)
