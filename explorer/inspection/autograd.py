"""A graph of Values opened up: its nodes and slopes, and how far a backward pass has come after each visit.

Legend: N nodes, each after its parents, the root last; E edges from an operand to the result that uses it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from explorer.core.autograd import Value, topological_order
from explorer.core.expressions import evaluate

_LONGEST_NAME = 14
_FUNCTIONS = ("relu", "tanh", "exp", "log", "sigmoid")


@dataclass(frozen=True, eq=False)
class GraphReading:
    """names: N, the label, else the calculation if it is short, else “node” and its number. operations: N, what made
    each ("a + b", "relu(e)"; "" for a number given). signs: N, the operation without its operands, with a plain number
    that took part ("+", "× 2"). data, grad: (N,), grad after the whole backward. sources, targets, slopes: (E,)
    operand, result and ∂result/∂operand. visits: node numbers in the order in which backward visits them, the root
    first; numbers given pass nothing on and are not visited.
    """

    names: tuple[str, ...]
    operations: tuple[str, ...]
    signs: tuple[str, ...]
    data: np.ndarray
    grad: np.ndarray
    sources: np.ndarray
    targets: np.ndarray
    slopes: np.ndarray
    visits: tuple[int, ...]

    @property
    def root(self) -> int:
        """The node that everything else is differentiated with respect to: the last."""
        return len(self.names) - 1

    @property
    def inputs(self) -> tuple[int, ...]:
        """The numbers that were given."""
        return tuple(i for i, operation in enumerate(self.operations) if not operation)


@dataclass(frozen=True, eq=False)
class BackwardState:
    """After `step` visits. current: the node visited last, None at the start. grad: (N,) as added up so far, the root's
    1 from the start. reached: (N,) whether anything has arrived. final: (N,) whether nothing more will.
    sent: (E,) whether the edge has been used; by_current: (E,) whether the last visit used it.
    """

    step: int
    current: int | None
    grad: np.ndarray
    reached: np.ndarray
    final: np.ndarray
    sent: np.ndarray
    by_current: np.ndarray


@dataclass(frozen=True)
class Contribution:
    """One edge's share of a gradient. result: the node that used this one. product: slope × upstream, the result's
    gradient."""

    result: int
    slope: float
    upstream: float
    product: float


def read_expression(text: str) -> GraphReading:
    """The graph of a typed expression, differentiated. Raises ExpressionError, one line with the place."""
    return read_graph(evaluate(text).result)


def read_graph(root: Value) -> GraphReading:
    """Run backward from `root` and read the graph. The grads of its leaves are set to 0 first.

    Raises ValueError where a gradient is too large for a float.
    """
    order = topological_order(root)
    for node in order:
        node.grad = 0.0
    root.backward()
    number = {node: i for i, node in enumerate(order)}
    names: list[str] = []
    operations: list[str] = []
    for node in order:
        operands = [_operand(parent, names[number[parent]]) for parent in node.parents]
        operation = _written(node, operands)
        short = operation if len(operation) <= _LONGEST_NAME else f"node {len(names) + 1}"
        operations.append(operation)
        names.append(node.label or short or f"{node.data:g}")
    edges = [
        (number[parent], i, slope)
        for i, n in enumerate(order)
        for parent, slope in zip(n.parents, n.slopes, strict=True)
    ]
    reading = GraphReading(
        tuple(names),
        tuple(operations),
        tuple(_sign(node) for node in order),
        np.array([node.data for node in order]),
        np.array([node.grad for node in order]),
        np.array([source for source, _, _ in edges], dtype=int),
        np.array([target for _, target, _ in edges], dtype=int),
        np.array([slope for _, _, slope in edges], dtype=float),
        tuple(number[node] for node in reversed(order) if node.parents),
    )
    if not np.isfinite(reading.grad).all():
        worst = names[int(np.flatnonzero(~np.isfinite(reading.grad))[0])]
        raise ValueError(f"The gradient of {worst} is too large for a float: use smaller numbers.")
    return reading


def _sign(node: Value) -> str:
    """What a box shows of the operation: the sign with its plain number where there was one."""
    if node.constant is None:
        return {"neg": "−", "-": "−", "*": "×", "/": "÷"}.get(node.op, node.op)
    c = f"{node.constant:g}"
    signs = {"+": f"+ {c}", "-": f"− {c}", "*": f"× {c}", "/": f"÷ {c}", "**": f"** {c}"}
    return signs.get(node.op) or {"c-": f"{c} −", "c/": f"{c} ÷", "c**": f"{c} **"}[node.op]


def _operand(node: Value, name: str) -> tuple[str, str]:
    """Its name as it is, and in brackets where it is a calculation with a sign."""
    whole = bool(node.label) or name.startswith("node ") or node.op in _FUNCTIONS
    return name, name if whole else f"({name})"


def _written(node: Value, operands: list[tuple[str, str]]) -> str:
    """The operation with its operands' names."""
    if not operands:
        return ""
    bare, named = [name for name, _ in operands], [name for _, name in operands]
    if node.op == "neg":
        return f"−{named[0]}"
    if node.constant is not None and node.op.startswith("c"):
        return f"{_sign(node)} {named[0]}"
    if node.constant is not None:
        return f"{named[0]} {_sign(node)}"
    if len(named) == 2:
        return f"{named[0]} {_sign(node)} {named[1]}"
    return f"{node.op}({', '.join(bare)})"


def after(reading: GraphReading, step: int) -> BackwardState:
    """How far backward has come after `step` visits. Raises ValueError for a step that it does not have."""
    if not 0 <= step <= len(reading.visits):
        raise ValueError(f"Expected a step from 0 to {len(reading.visits)}, got {step}.")
    N = len(reading.names)
    visited = np.zeros(N, dtype=bool)
    visited[list(reading.visits[:step])] = True
    grad = np.zeros(N)
    grad[reading.root] = 1.0
    for node in reading.visits[:step]:
        for edge in np.flatnonzero(reading.targets == node):
            grad[reading.sources[edge]] += reading.slopes[edge] * grad[node]
    sent = visited[reading.targets]
    final = np.ones(N, dtype=bool)
    final[reading.sources[~sent]] = False
    reached = np.zeros(N, dtype=bool)
    reached[reading.sources[sent]] = True
    reached[reading.root] = True
    current = reading.visits[step - 1] if step else None
    by_current = reading.targets == current if step else np.zeros(len(sent), dtype=bool)
    return BackwardState(step, current, grad, reached, final, sent, by_current)


def contributions(reading: GraphReading, state: BackwardState, node: int) -> tuple[Contribution, ...]:
    """What has arrived at a node so far, in the order of arrival; the sum of the products is its gradient."""
    edges = [edge for edge in np.flatnonzero(reading.sources == node) if state.sent[edge]]
    edges.sort(key=lambda edge: reading.visits.index(int(reading.targets[edge])))
    return tuple(
        Contribution(
            int(reading.targets[edge]),
            float(reading.slopes[edge]),
            float(state.grad[reading.targets[edge]]),
            float(reading.slopes[edge] * state.grad[reading.targets[edge]]),
        )
        for edge in edges
    )


def torch_gradients(text: str) -> np.ndarray:
    """(N,) ∂root/∂node by PyTorch, which works the same expression out forward and backward by itself."""
    import torch

    root = evaluate(text).result
    calculate: dict[str, Callable[..., torch.Tensor]] = {
        "+": torch.add,
        "-": torch.sub,
        "*": torch.mul,
        "/": torch.div,
        "**": torch.pow,
        "neg": torch.neg,
        "relu": torch.relu,
        "tanh": torch.tanh,
        "exp": torch.exp,
        "log": torch.log,
        "sigmoid": torch.sigmoid,
    }
    order = topological_order(root)
    tensors: dict[Value, torch.Tensor] = {}
    with torch.enable_grad():
        for node in order:
            operands = [tensors[parent] for parent in node.parents]
            if node.constant is not None:
                operands.insert(0 if node.op.startswith("c") else 1, torch.tensor(node.constant, dtype=torch.float64))
            if operands:
                tensors[node] = calculate[node.op.removeprefix("c")](*operands)
            else:
                tensors[node] = torch.tensor(node.data, dtype=torch.float64, requires_grad=True)
        gradients = torch.autograd.grad(tensors[root], [tensors[node] for node in order])
    return np.array([gradient.item() for gradient in gradients])
