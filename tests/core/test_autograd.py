"""Values: gradients against PyTorch, the micrograd example, depth, and what is refused."""

from __future__ import annotations

import gc
import math
import operator
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from explorer.core.autograd import Value, topological_order, total, weighted_sum
from explorer.core.autograd_nn import MLP

ROOT = Path(__file__).parents[2]
NUMBERS = st.floats(-3, 3).map(lambda x: round(x, 3))
UNARY: dict[str, tuple[Callable[[Value], Value], Callable[[Any], Any]]] = {
    "relu": (Value.relu, torch.relu),
    "tanh": (Value.tanh, torch.tanh),
    "sigmoid": (Value.sigmoid, torch.sigmoid),
    "log_sigmoid": (Value.log_sigmoid, torch.nn.functional.logsigmoid),
    "neg": (operator.neg, torch.neg),
    "exp of tanh": (lambda v: v.tanh().exp(), lambda t: t.tanh().exp()),
    "log of square": (lambda v: (v * v + 1).log(), lambda t: (t * t + 1).log()),
    "cube": (lambda v: v**3, lambda t: t**3),
    "number to the power": (lambda v: 2 ** v.tanh(), lambda t: 2 ** t.tanh()),
    "power of two values": (lambda v: (v * v + 1) ** v.tanh(), lambda t: (t * t + 1) ** t.tanh()),
    "number minus": (lambda v: 1.5 - v, lambda t: 1.5 - t),
    "number over": (lambda v: 2 / (v * v + 1), lambda t: 2 / (t * t + 1)),
}
BINARY: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": lambda a, b: a / (b * b + 1),
}
STEPS = st.lists(
    st.tuples(st.sampled_from([*UNARY, *BINARY]), st.integers(0, 30), st.integers(0, 30)), min_size=1, max_size=12
)


def micrograd_example(a: Any, b: Any) -> Any:
    c = a + b
    d = a * b + b**3
    c += c + 1
    c += 1 + c + (-a)
    d += d * 2 + (b + a).relu()
    d += 3 * d + (b - a).relu()
    e = c - d
    f = e**2
    g = f / 2.0
    g += 10.0 / f
    return g


def test_the_example_of_micrograds_readme_gives_its_numbers() -> None:
    a, b = Value(-4.0), Value(2.0)
    g = micrograd_example(a, b)
    g.backward()
    assert (round(g.data, 4), round(a.grad, 4), round(b.grad, 4)) == (24.7041, 138.8338, 645.5773)


@settings(max_examples=120, deadline=None)
@given(numbers=st.lists(NUMBERS, min_size=1, max_size=4), steps=STEPS)
def test_gradients_equal_torchs_on_random_expressions(numbers: list[float], steps: list[tuple[str, int, int]]) -> None:
    values: list[Value] = [Value(x) for x in numbers]
    tensors: list[Any] = [torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in numbers]
    leaves = list(tensors)
    for name, i, j in steps:
        i, j = i % len(values), j % len(values)
        if name in UNARY:
            ours, theirs = UNARY[name]
            values.append(ours(values[i]))
            tensors.append(theirs(tensors[i]))
        else:
            values.append(BINARY[name](values[i], values[j]))
            tensors.append(BINARY[name](tensors[i], tensors[j]))
        if not abs(values[-1].data) < 1e6:  # beyond it the two libraries' roundings part
            values.pop()
            tensors.pop()
    root = values[-1]
    root.backward()
    assert root.data == pytest.approx(tensors[-1].item(), rel=1e-9, abs=1e-12)
    gradients = torch.autograd.grad(tensors[-1], leaves, allow_unused=True)
    for value, gradient in zip(values, gradients, strict=False):
        expected = 0.0 if gradient is None else gradient.item()
        assert value.grad == pytest.approx(expected, rel=1e-7, abs=1e-9)


def test_every_slope_is_kept_beside_its_operand() -> None:
    a, b = Value(3.0), Value(-2.0)
    product = a * b
    assert product.parents == (a, b)
    assert product.slopes == (-2.0, 3.0)
    assert ((a / 2).slopes, (2 - a).slopes, (a**2).slopes) == ((0.5,), (-1.0,), (6.0,))


def test_a_value_used_twice_adds_both_shares() -> None:
    a = Value(3.0)
    (a * a + a).backward()
    assert a.grad == 7.0


def test_leaves_add_up_over_two_backwards_and_results_do_not() -> None:
    a = Value(3.0)
    square = a * a
    y = square * 2
    y.backward()
    y.backward()
    assert (a.grad, square.grad) == (24.0, 2.0)


def test_backward_from_a_result_works_again_after_backward_from_another() -> None:
    a = Value(2.0)
    b = a * 3
    (b * b).backward()
    a.grad = 0.0
    b.backward()
    assert (b.grad, a.grad) == (1.0, 3.0)


def test_operands_come_before_results_and_none_comes_twice() -> None:
    a, b = Value(1.0), Value(2.0)
    c = a * b
    order = topological_order((c + a) * (c - b))
    assert len(order) == len(set(order)) == 6
    assert all(order.index(parent) < order.index(node) for node in order for parent in node.parents)


DEEP = """
import gc
from explorer.core.autograd import Value
x = Value(1.0)
y = x
for _ in range(100_000):
    y = y + 2**-10
y.backward()
assert x.grad == 1.0, x.grad
assert repr(y) == "Value(data=98.65625, grad=1.0)", repr(y)
del y
gc.collect()
z = x
for _ in range(100_000):
    z = z * 1.0
del z
gc.collect()
print("done")
"""


def test_a_hundred_thousand_operations_deep_neither_backward_nor_repr_nor_deletion_recurses() -> None:
    # In a process of its own: a stack that overflows while objects are deleted would take the tests with it.
    done = subprocess.run([sys.executable, "-c", DEEP], capture_output=True, text=True, timeout=60, cwd=ROOT)
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "done", "")


def test_a_graph_is_freed_without_the_cycle_collector() -> None:
    gc.collect()
    gc.disable()
    try:
        a = Value(2.0)
        y = (a * 3).tanh() ** 2
        y.backward()
        before = sum(type(o) is Value for o in gc.get_objects())
        del y
        after = sum(type(o) is Value for o in gc.get_objects())
    finally:
        gc.enable()
    assert before - after == 3


@pytest.mark.parametrize(
    ("calculate", "error", "said"),
    [
        (lambda: Value(1) / 0, ZeroDivisionError, "1 / 0 divides by zero"),
        (lambda: 1 / Value(0), ZeroDivisionError, "divides by zero"),
        (lambda: Value(1) / Value(0), ZeroDivisionError, "divides by zero"),
        (lambda: Value(0) ** -1, ZeroDivisionError, "0 to the power -1"),
        (lambda: Value(-8) ** 0.5, ValueError, "use a whole exponent"),
        (lambda: Value(-1).log(), ValueError, "above 0, got -1"),
        (lambda: Value(1000).exp(), OverflowError, "too large"),
        (lambda: Value(10) ** 400, OverflowError, "too large"),
        (lambda: Value("3"), TypeError, "real number"),  # type: ignore[arg-type]
        (lambda: Value(1) + "3", TypeError, "unsupported operand"),  # type: ignore[operator]
        (lambda: weighted_sum([Value(1)], [1.0, 2.0], Value(0)), ValueError, "1 weights, got 2"),
        (lambda: MLP(2, []), ValueError, "at least one"),
    ],
)
def test_what_cannot_be_worked_out_is_said_in_a_sentence(
    calculate: Callable[[], object], error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        calculate()


def test_the_sigmoid_and_its_log_stay_finite_far_out() -> None:
    assert Value(-1000).sigmoid().data == 0.0
    assert Value(-1000).log_sigmoid().data == -1000.0
    assert Value(1000).log_sigmoid().data == 0.0


def test_a_root_at_zero_has_an_infinite_slope_as_in_torch() -> None:
    x = torch.tensor(0.0, requires_grad=True)
    x.pow(0.5).backward()
    assert x.grad is not None
    assert (Value(0) ** 0.5).slopes == (x.grad.item(),) == (math.inf,)


def test_a_weighted_sum_has_the_gradients_of_its_products_and_sums() -> None:
    def built(fused: bool) -> list[float]:
        w, x, b = [Value(0.5), Value(-2.0)], [Value(3.0), Value(4.0)], Value(0.1)
        y = weighted_sum(w, x, b) if fused else w[0] * x[0] + w[1] * x[1] + b
        total([y.tanh(), y]).backward()
        return [v.grad for v in (*w, *x, b)]

    assert built(True) == pytest.approx(built(False), rel=1e-12)


def test_a_network_has_its_parameters_in_order_and_the_same_seed_gives_the_same() -> None:
    model, again, other = MLP(2, [16, 16, 1], seed=3), MLP(2, [16, 16, 1], seed=3), MLP(2, [16, 16, 1], seed=4)
    assert len(model.parameters()) == 337
    assert model([0.3, -0.2]).data == again([0.3, -0.2]).data != other([0.3, -0.2]).data
    assert len(MLP(2, [3, 2])([0.1, 0.2])) == 2


def test_zero_grad_forgets_every_gradient() -> None:
    model = MLP(2, [3, 1])
    model([1.0, 2.0]).backward()
    assert any(p.grad for p in model.parameters())
    model.zero_grad()
    assert not any(p.grad for p in model.parameters())
