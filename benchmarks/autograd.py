"""Moons MLP 2-16-16-1 by scalar autograd: ours against a plain one that keeps a closure for every node.

    python -m benchmarks.autograd                5 steps of each, three times, taking turns: a minute or two
    python -m benchmarks.autograd --steps 100    the whole training of each: the plain one takes minutes a turn
    python -m benchmarks.autograd --smoke        1 step of each, once

Both train the same points from the same weights on the same hinge loss; the losses are checked to agree. Target: at
least 1.5 times the speed, and every point right after 100 steps of ours. A third line tells how much
is owed to a neuron's sum being one node: the plain network on our Value, one node a product.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Sequence
from typing import Any

from benchmarks._timing import interleaved_medians
from explorer.core.autograd import Value
from explorer.training.moons import MoonsConfig, build, loss_of, moons

CONFIG = MoonsConfig(weight_penalty=0.0)


class ClosureValue:
    """The straightforward way: an object a product and a sum, each with a function that sends its gradient back."""

    def __init__(self, data: float, parents: tuple[ClosureValue, ...] = ()) -> None:
        self.data = data
        self.grad = 0.0
        self.parents = set(parents)
        self.send: Callable[[], None] = lambda: None

    def __add__(self, other: ClosureValue | float) -> ClosureValue:
        right = other if isinstance(other, ClosureValue) else ClosureValue(other)
        out = ClosureValue(self.data + right.data, (self, right))

        def send() -> None:
            self.grad += out.grad
            right.grad += out.grad

        out.send = send
        return out

    def __mul__(self, other: ClosureValue | float) -> ClosureValue:
        right = other if isinstance(other, ClosureValue) else ClosureValue(other)
        out = ClosureValue(self.data * right.data, (self, right))

        def send() -> None:
            self.grad += right.data * out.grad
            right.grad += self.data * out.grad

        out.send = send
        return out

    def relu(self) -> ClosureValue:
        out = ClosureValue(max(0.0, self.data), (self,))

        def send() -> None:
            self.grad += (out.data > 0) * out.grad

        out.send = send
        return out

    def backward(self) -> None:
        order: list[ClosureValue] = []
        seen: set[ClosureValue] = set()

        def visit(node: ClosureValue) -> None:
            if node not in seen:
                seen.add(node)
                for parent in node.parents:
                    visit(parent)
                order.append(node)

        visit(self)
        self.grad = 1.0
        for node in reversed(order):
            node.send()

    __radd__ = __add__
    __rmul__ = __mul__


def plain_training(kind: Callable[[float], Any], steps: int) -> list[float]:
    """Train with one node a product and a sum, on `kind`; the losses. Weights and points as `our_training`."""
    points, labels = _data()
    layers = [
        [([kind(w.data) for w in neuron.weights], kind(neuron.bias.data)) for neuron in layer.neurons]
        for layer in build(CONFIG).layers
    ]
    parameters = [p for layer in layers for weights, bias in layer for p in (*weights, bias)]
    losses = []
    for step in range(steps):
        loss = kind(0.0)
        for point, label in zip(points, labels, strict=True):
            values: Sequence[Any] = point
            for i, layer in enumerate(layers):
                sums = [sum((w * x for w, x in zip(ws, values, strict=True)), bias) for ws, bias in layer]
                values = sums if i == len(layers) - 1 else [s.relu() for s in sums]
            loss = loss + (values[0] * -label + 1.0).relu()
        loss = loss * (1 / len(points))
        _update(loss, parameters, step)
        losses.append(loss.data)
    return losses


def our_training(steps: int) -> tuple[list[float], float]:
    """Train the package's MLP; the losses, and the share of points right at the end."""
    points, labels = _data()
    model = build(CONFIG)
    parameters = model.parameters()
    losses = []
    for step in range(steps):
        loss = loss_of([model(point) for point in points], labels, parameters, CONFIG)
        _update(loss, parameters, step)
        losses.append(loss.data)
    right = sum((model(point).data > 0) == (label > 0) for point, label in zip(points, labels, strict=True))
    return losses, right / len(points)


def _data() -> tuple[list[list[float]], list[int]]:
    points, classes = moons(CONFIG)
    return points.tolist(), classes.tolist()


def _update(loss: Any, parameters: Sequence[Any], step: int) -> None:
    for parameter in parameters:
        parameter.grad = 0.0
    loss.backward()
    rate = CONFIG.learning_rate * (1 - 0.9 * step / CONFIG.steps)
    for parameter in parameters:
        parameter.data -= rate * parameter.grad


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=5, help="training steps in a measurement")
    parser.add_argument("--repeats", type=int, default=3, help="measurements of each")
    parser.add_argument("--smoke", action="store_true", help="1 step of each, once")
    options = parser.parse_args()
    steps, repeats = (1, 1) if options.smoke else (options.steps, options.repeats)

    losses, _ = our_training(steps)
    plain = plain_training(ClosureValue, steps)
    if not all(math.isclose(a, b, rel_tol=1e-6, abs_tol=1e-9) for a, b in zip(losses, plain, strict=True)):
        raise SystemExit("The two trainings differ, so their times say nothing.")
    ours, closures = interleaved_medians(
        lambda: our_training(steps), lambda: plain_training(ClosureValue, steps), repeats
    )
    slopes, again = interleaved_medians(
        lambda: plain_training(Value, 1), lambda: plain_training(ClosureValue, 1), repeats
    )
    print(f"a closure a node          {closures / steps * 1000:8.1f} ms a step")
    print(f"ours                      {ours / steps * 1000:8.1f} ms a step, {closures / ours:.2f} times the speed")
    print(f"ours, a node a product    {slopes * 1000:8.1f} ms a step, {again / slopes:.2f} times the speed")
    if not options.smoke:
        losses, accuracy = our_training(CONFIG.steps)
        print(f"points right after {CONFIG.steps} steps of ours: {accuracy:.0%}, loss {losses[-1]:.6f}")


if __name__ == "__main__":
    main()
