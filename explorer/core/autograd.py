"""Scalars that remember how they were made, so that one pass backward gives every derivative.

After Andrej Karpathy's micrograd (the idea and the interface; the code is ours). A result keeps its operands and, for
each of them, the local slope ∂result/∂operand, a plain number worked out together with the result. Backward is then
one line a graph edge, operand.grad += slope × result.grad: no closure is kept, and a page can show every slope.

    >>> a, b = Value(-4.0), Value(2.0)
    >>> y = (a * b + b**3).relu() + a / 2
    >>> y.backward()
    >>> y, a.grad, b.grad
    (Value(data=-2.0, grad=1.0), 0.5, 0.0)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from numbers import Real
from operator import mul
from typing import Any

_ONE, _ONES = (1.0,), (1.0, 1.0)
_MINUS, _DIFFERENCE = (-1.0,), (1.0, -1.0)


class Value:
    """A number in a graph of computations: + - * / ** with Values or plain numbers on either side, and functions.

    data: the number. grad: ∂(the root of the last backward)/∂this, 0 before. label: a name to show, "" for none.
    op: what made it: "" for a number given, "+", "-", "*", "/", "**", "neg", a function's name; "c-", "c/" and "c**"
    where a plain number stood on the left. constant: that plain number, on either side; None where there was none.
    parents: the operands that are Values, twice where used twice. slopes: ∂this/∂parent, one for each.

    Values are told apart by identity: two of equal data are two nodes. Raises TypeError for what is no real number.
    """

    __slots__ = ("constant", "data", "grad", "label", "op", "parents", "slopes")

    data: float
    grad: float
    label: str
    op: str
    constant: float | None
    parents: tuple[Value, ...]
    slopes: tuple[float, ...]

    def __init__(self, data: float, label: str = "") -> None:
        if not isinstance(data, Real):
            raise TypeError(f"A Value holds a real number; got {type(data).__name__} {data!r}.")
        self.data = float(data)
        self.grad = 0.0
        self.label = label
        self.op = ""
        self.constant = None
        self.parents = ()
        self.slopes = ()

    def __add__(self, other: Value | float) -> Value:
        if isinstance(other, Value):
            return _node(self.data + other.data, (self, other), _ONES, "+")
        return _node(self.data + other, (self,), _ONE, "+", other) if isinstance(other, Real) else NotImplemented

    __radd__ = __add__

    def __sub__(self, other: Value | float) -> Value:
        if isinstance(other, Value):
            return _node(self.data - other.data, (self, other), _DIFFERENCE, "-")
        return _node(self.data - other, (self,), _ONE, "-", other) if isinstance(other, Real) else NotImplemented

    def __rsub__(self, other: float) -> Value:
        return _node(other - self.data, (self,), _MINUS, "c-", other) if isinstance(other, Real) else NotImplemented

    def __mul__(self, other: Value | float) -> Value:
        if isinstance(other, Value):
            return _node(self.data * other.data, (self, other), (other.data, self.data), "*")
        return _node(self.data * other, (self,), (other,), "*", other) if isinstance(other, Real) else NotImplemented

    __rmul__ = __mul__

    def __truediv__(self, other: Value | float) -> Value:
        if isinstance(other, Value):
            quotient = _divide(self.data, other.data)
            return _node(quotient, (self, other), (_divide(1.0, other.data), -quotient / other.data), "/")
        if not isinstance(other, Real):
            return NotImplemented
        return _node(_divide(self.data, other), (self,), (_divide(1.0, other),), "/", other)

    def __rtruediv__(self, other: float) -> Value:
        if not isinstance(other, Real):
            return NotImplemented
        quotient = _divide(other, self.data)
        return _node(quotient, (self,), (-quotient / self.data,), "c/", other)

    def __pow__(self, other: Value | float) -> Value:
        if isinstance(other, Value):
            result = _power(self.data, other.data)
            slopes = (_slope_in_base(self.data, other.data), _slope_in_exponent(self.data, other.data, result))
            return _node(result, (self, other), slopes, "**")
        if not isinstance(other, Real):
            return NotImplemented
        return _node(_power(self.data, other), (self,), (_slope_in_base(self.data, other),), "**", other)

    def __rpow__(self, other: float) -> Value:
        if not isinstance(other, Real):
            return NotImplemented
        result = _power(other, self.data)
        return _node(result, (self,), (_slope_in_exponent(other, self.data, result),), "c**", other)

    def __neg__(self) -> Value:
        return _node(-self.data, (self,), _MINUS, "neg")

    def relu(self) -> Value:
        """max(0, x); at 0 the slope is taken as 0, as PyTorch does."""
        return _node(self.data, (self,), _ONE, "relu") if self.data > 0 else _node(0.0, (self,), (0.0,), "relu")

    def tanh(self) -> Value:
        """The hyperbolic tangent, slope 1 − tanh²."""
        t = math.tanh(self.data)
        return _node(t, (self,), (1.0 - t * t,), "tanh")

    def exp(self) -> Value:
        """eˣ, its own slope. Raises OverflowError above about 709."""
        try:
            e = math.exp(self.data)
        except OverflowError:
            raise OverflowError(f"exp({self.data:g}) is too large for a float.") from None
        return _node(e, (self,), (e,), "exp")

    def log(self) -> Value:
        """The natural logarithm, slope 1/x. Raises ValueError for 0 or less."""
        if self.data <= 0:
            raise ValueError(f"log needs a number above 0, got {self.data:g}.")
        return _node(math.log(self.data), (self,), (1.0 / self.data,), "log")

    def sigmoid(self) -> Value:
        """1 / (1 + e⁻ˣ), slope s·(1 − s)."""
        s = _sigmoid(self.data)
        return _node(s, (self,), (s * (1.0 - s),), "sigmoid")

    def log_sigmoid(self) -> Value:
        """log(sigmoid(x)) without the overflow of doing it in two steps; its slope is sigmoid(−x)."""
        data = min(self.data, 0.0) - math.log1p(math.exp(-abs(self.data)))
        return _node(data, (self,), (_sigmoid(-self.data),), "log_sigmoid")

    def backward(self) -> None:
        """Set grad of every Value this one was made from to ∂self/∂it.

        Values that were given (leaves) add to the grad they had, as in PyTorch, until it is set to 0; results start
        anew, so a second backward through the same graph counts nothing twice.
        """
        order = topological_order(self)
        for node in order:
            if node.parents:
                node.grad = 0.0
        self.grad = self.grad + 1.0
        for node in reversed(order):
            flowing = node.grad
            for parent, slope in zip(node.parents, node.slopes, strict=True):
                parent.grad += slope * flowing

    def __repr__(self) -> str:
        return f"Value(data={self.data}, grad={self.grad})"


def topological_order(root: Value) -> list[Value]:
    """Everything that `root` was made from, each after its parents, `root` last. No recursion, so any depth."""
    order: list[Value] = []
    seen: set[Value] = set()
    waiting: list[Value | None] = [root]
    while waiting:
        node = waiting.pop()
        if node is None:  # all parents of the one below are in the order now
            ready = waiting.pop()
            if ready is not None:
                order.append(ready)
        elif node not in seen:
            seen.add(node)
            if node.parents:
                waiting += (node, None)
                waiting += node.parents[::-1]  # so that the first operand comes first
            else:
                order.append(node)
    return order


def total(values: Sequence[Value]) -> Value:
    """The sum of many Values as one node, where Python's `sum` would make a chain of them."""
    return _node(sum(value.data for value in values), tuple(values), (1.0,) * len(values), "sum")


def weighted_sum(weights: Sequence[Value], inputs: Sequence[Value | float], bias: Value) -> Value:
    """w₁x₁ + … + wₙxₙ + b as one node: what a neuron adds up before its activation.

    Inputs are all Values or all plain numbers, which need no gradient. Raises ValueError for other lengths.
    """
    if len(weights) != len(inputs):
        raise ValueError(f"Expected one input for each of {len(weights)} weights, got {len(inputs)}.")
    w = [weight.data for weight in weights]
    parents: tuple[Value, ...]
    if inputs and isinstance(inputs[0], Value):
        nodes: Any = inputs
        x = [node.data for node in nodes]
        parents, slopes = (*weights, *nodes, bias), (*x, *w, 1.0)
    else:
        numbers: Any = inputs
        x, parents, slopes = numbers, (*weights, bias), (*numbers, 1.0)
    return _node(sum(map(mul, w, x), bias.data), parents, slopes, "w·x+b")


def _node(
    data: float,
    parents: tuple[Value, ...],
    slopes: tuple[float, ...],
    op: str,
    constant: float | None = None,
    new: Callable[[type[Value]], Value] = Value.__new__,
) -> Value:
    """A result. Past `__init__`, since a training step makes thousands and what comes here is a number already."""
    node = new(Value)
    node.data = data
    node.grad = 0.0
    node.label = ""
    node.op = op
    node.constant = constant
    node.parents = parents
    node.slopes = slopes
    return node


def _sigmoid(x: float) -> float:
    if x >= 0:
        return 1.0 / (1.0 + math.exp(-x))
    e = math.exp(x)  # of a negative number: no overflow
    return e / (1.0 + e)


def _divide(a: float, b: float) -> float:
    if b == 0:
        raise ZeroDivisionError(f"{a:g} / 0 divides by zero.")
    return a / b


def _power(base: float, exponent: float) -> float:
    if base == 0 and exponent < 0:
        raise ZeroDivisionError(f"0 to the power {exponent:g} divides by zero.")
    if base < 0 and exponent % 1 != 0:
        raise ValueError(f"{base:g} to the power {exponent:g} is not a real number: use a whole exponent.")
    try:
        return float(base**exponent)
    except OverflowError:
        raise OverflowError(f"{base:g} to the power {exponent:g} is too large for a float.") from None


def _slope_in_base(base: float, exponent: float) -> float:
    """n·xⁿ⁻¹, infinite where the curve is vertical (a root at 0) or the number too large."""
    if exponent == 0:
        return 0.0
    if base == 0 and exponent < 1:
        return math.inf
    try:
        return float(exponent * base ** (exponent - 1))
    except OverflowError:
        return math.inf


def _slope_in_exponent(base: float, exponent: float, result: float) -> float:
    """xⁿ·ln x; nan for a negative base, whose powers are real at whole exponents only."""
    if base == 0:
        return 0.0 if exponent > 0 else -math.inf
    return result * math.log(base) if base > 0 else math.nan
