"""Neuron, Layer and MLP on scalar Values: a network whose every weight is a node of the graph.

>>> model = MLP(2, [3, 1], seed=1)
>>> len(model.parameters()), isinstance(model([0.5, -1.0]), Value)
(13, True)
"""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, Literal

from explorer.core.autograd import Value, weighted_sum

Activation = Literal["relu", "tanh", "sigmoid", "linear"]
ACTIVATIONS: tuple[Activation, ...] = ("relu", "tanh", "sigmoid", "linear")


class Module(ABC):
    """What has parameters."""

    @abstractmethod
    def parameters(self) -> list[Value]:
        """Every weight and bias, in a fixed order."""

    def zero_grad(self) -> None:
        """Forget the gradients of the last backward, which would otherwise be added to."""
        for parameter in self.parameters():
            parameter.grad = 0.0


class Neuron(Module):
    """activation(w·x + b). Weights start uniform in (−1, 1), the bias at 0.

    Raises ValueError for an activation that is not of ACTIVATIONS.
    """

    def __init__(self, n_inputs: int, activation: Activation = "relu", *, rng: random.Random) -> None:
        if activation not in ACTIVATIONS:
            raise ValueError(f"Expected the activation to be one of {', '.join(ACTIVATIONS)}; got {activation!r}.")
        self.weights = [Value(rng.uniform(-1, 1)) for _ in range(n_inputs)]
        self.bias = Value(0.0)
        self.activation = activation

    def __call__(self, inputs: Sequence[Value | float]) -> Value:
        summed = weighted_sum(self.weights, inputs, self.bias)
        if self.activation == "relu":
            return summed.relu()
        if self.activation == "tanh":
            return summed.tanh()
        return summed.sigmoid() if self.activation == "sigmoid" else summed

    def parameters(self) -> list[Value]:
        """The weights, then the bias."""
        return [*self.weights, self.bias]

    def __repr__(self) -> str:
        return f"Neuron({len(self.weights)} inputs, {self.activation})"


class Layer(Module):
    """Neurons side by side on the same inputs."""

    def __init__(self, n_inputs: int, n_outputs: int, activation: Activation = "relu", *, rng: random.Random) -> None:
        self.neurons = [Neuron(n_inputs, activation, rng=rng) for _ in range(n_outputs)]

    def __call__(self, inputs: Sequence[Value | float]) -> list[Value]:
        return [neuron(inputs) for neuron in self.neurons]

    def parameters(self) -> list[Value]:
        """Neuron by neuron."""
        return [parameter for neuron in self.neurons for parameter in neuron.parameters()]

    def __repr__(self) -> str:
        return f"Layer({', '.join(map(repr, self.neurons))})"


class MLP(Module):
    """Layers one after another; the last one is linear.

    n_inputs: numbers it takes. sizes: neurons of each layer, at least one layer. activation: of all but the last.
    seed: of the first weights. Called with n_inputs numbers or Values it gives a Value, or a list of several.
    """

    def __init__(self, n_inputs: int, sizes: Sequence[int], activation: Activation = "relu", *, seed: int = 1) -> None:
        if n_inputs < 1 or not sizes or min(sizes) < 1:
            raise ValueError(f"Expected at least one input and one neuron a layer, got {n_inputs} and {list(sizes)}.")
        rng = random.Random(seed)
        widths = [n_inputs, *sizes]
        last = len(sizes) - 1
        self.layers = [
            Layer(widths[i], widths[i + 1], activation if i < last else "linear", rng=rng) for i in range(len(sizes))
        ]

    def __call__(self, inputs: Sequence[Value | float]) -> Any:
        outputs: Sequence[Value | float] = inputs
        for layer in self.layers[:-1]:
            outputs = layer(outputs)
        scores = self.layers[-1](outputs)
        return scores[0] if len(scores) == 1 else scores

    def parameters(self) -> list[Value]:
        """Layer by layer."""
        return [parameter for layer in self.layers for parameter in layer.parameters()]

    def __repr__(self) -> str:
        return f"MLP({', '.join(map(repr, self.layers))})"
