"""Two half moons told apart by an MLP of scalar Values, by plain gradient descent on the whole set.

After the demo of Karpathy's micrograd. Beside it stands the same network in PyTorch: same weights, same loss, its own
backward; the two gradients are compared as training goes.

Legend: N points, P parameters, R × C cells of the decision surface.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from explorer.core.autograd import Value, total
from explorer.core.autograd_nn import MLP
from explorer.training.trainer import DivergedError

SNAPSHOTS = 60
# The part of the plane that is drawn, wide enough for the largest noise but a few points, and its cells.
BOUNDS = (-1.75, 2.75, -1.25, 1.75)
ROWS, COLUMNS = 40, 60

Loss = Literal["hinge", "squared error", "cross-entropy"]
LOSSES: dict[Loss, str] = {
    "hinge": "mean of max(0, 1 − y·s): no loss once a point is right by a margin of 1",
    "squared error": "mean of (s − y)²: SSE divided by the number of points; being too right costs as well",
    "cross-entropy": "mean of −ln sigmoid(y·s), in nats: never quite 0",
}


@dataclass(frozen=True)
class MoonsConfig:
    """points: N, half in each moon. noise: standard deviation added to both coordinates. hidden: neurons in each of the
    two hidden layers. activation: of those. loss: a name of LOSSES, on the score s and the class y = ±1.
    learning_rate: at the first step; it falls evenly to a tenth. weight_penalty: times the sum of squared parameters.
    steps: updates. pace: updates a second at most. seed: of points and weights.
    Raises ValueError naming the option that cannot be.
    """

    points: int = 100
    noise: float = 0.1
    hidden: int = 16
    activation: Literal["relu", "tanh"] = "relu"
    loss: Loss = "hinge"
    learning_rate: float = 1.0
    weight_penalty: float = 1e-4
    steps: int = 100
    pace: float = 20.0
    seed: int = 1

    def __post_init__(self) -> None:
        for name, least, most in (("points", 4, 300), ("hidden", 1, 32), ("steps", 1, 2000)):
            if not least <= getattr(self, name) <= most:
                raise ValueError(f"{name} must be from {least} to {most}, got {getattr(self, name)}.")
        if self.loss not in LOSSES:
            raise ValueError(f"Expected the loss to be one of {', '.join(LOSSES)}; got {self.loss!r}.")
        for name in ("learning_rate", "pace"):
            if not (math.isfinite(getattr(self, name)) and getattr(self, name) > 0):
                raise ValueError(f"{name} must be a positive number, got {getattr(self, name)}.")
        for name in ("noise", "weight_penalty"):
            if not (math.isfinite(getattr(self, name)) and getattr(self, name) >= 0):
                raise ValueError(f"{name} must be 0 or more, got {getattr(self, name)}.")


@dataclass(frozen=True, eq=False)
class MoonsSnapshot:
    """The network before one update. scores: (R, C) over BOUNDS, the first row lowest. ours, torchs: (P,) the gradient
    by Value and by PyTorch at the same weights. weights: (P,). loss, torch_loss: by each. points: (N, 2) and
    classes: (N,), ±1, of the run that config describes."""

    step: int
    config: MoonsConfig
    points: np.ndarray
    classes: np.ndarray
    scores: np.ndarray
    weights: np.ndarray
    ours: np.ndarray
    torchs: np.ndarray
    loss: float
    torch_loss: float

    @property
    def largest_difference(self) -> float:
        """Between the two gradients, over all parameters."""
        return float(np.abs(self.ours - self.torchs).max())


@dataclass(frozen=True, eq=False)
class MoonsProgress:
    """loss: of all points and the penalty, accuracy: share of points on their side; both before the update.
    snapshot: the latest, taken at some 60 evenly spaced steps and the last."""

    step: int
    steps: int
    loss: float
    accuracy: float
    snapshot: MoonsSnapshot


def moons(config: MoonsConfig) -> tuple[np.ndarray, np.ndarray]:
    """Points (N, 2) and their classes (N,), −1 or 1."""
    from sklearn.datasets import make_moons

    points, classes = make_moons(n_samples=config.points, noise=config.noise, random_state=config.seed)
    return points, classes * 2 - 1


def build(config: MoonsConfig) -> MLP:
    """The network: 2 inputs, two hidden layers, one linear score."""
    return MLP(2, [config.hidden, config.hidden, 1], config.activation, seed=config.seed)


def train_moons(config: MoonsConfig) -> Iterator[MoonsProgress]:
    """Yield after each update. Raises DivergedError where the loss stops being finite."""
    points, classes = moons(config)
    rows, labels = points.tolist(), classes.tolist()
    model = build(config)
    parameters = model.parameters()
    every = max(1, config.steps // SNAPSHOTS)
    snapshot: MoonsSnapshot | None = None
    for step in range(1, config.steps + 1):
        started = time.monotonic()
        scores = [model(row) for row in rows]
        loss = loss_of(scores, labels, parameters, config)
        model.zero_grad()
        loss.backward()
        if not math.isfinite(loss.data):
            raise DivergedError(
                f"The loss became {loss.data} at step {step}: the learning rate {config.learning_rate:g} is too high."
            )
        if snapshot is None or step % every == 0 or step == config.steps:
            snapshot = take_snapshot(step, model, loss.data, points, classes, config)
        accuracy = sum((score.data > 0) == (label > 0) for score, label in zip(scores, labels, strict=True)) / len(rows)
        rate = config.learning_rate * (1 - 0.9 * (step - 1) / config.steps)
        for parameter in parameters:
            parameter.data -= rate * parameter.grad
        yield MoonsProgress(step, config.steps, loss.data, accuracy, snapshot)
        time.sleep(max(0.0, 1 / config.pace - (time.monotonic() - started)))


def loss_of(scores: list[Value], labels: list[int], parameters: list[Value], config: MoonsConfig) -> Value:
    """The chosen loss of scores (N,) against labels ±1 (N,), plus the penalty on the parameters (P,)."""
    pairs = list(zip(scores, labels, strict=True))
    if config.loss == "hinge":
        each = [(1 - score * label).relu() for score, label in pairs]
    elif config.loss == "squared error":
        apart = [score - label for score, label in pairs]
        each = [difference * difference for difference in apart]
    else:
        each = [-(score * label).log_sigmoid() for score, label in pairs]
    loss = total(each) / len(pairs)
    if config.weight_penalty:
        loss = loss + total([p * p for p in parameters]) * config.weight_penalty
    return loss


def torch_gradient(
    model: MLP, points: np.ndarray, classes: np.ndarray, config: MoonsConfig
) -> tuple[float, np.ndarray]:
    """The loss and its gradient (P,) by PyTorch in double precision, at the weights that the model has now."""
    tensors = [
        (torch.tensor(weights, requires_grad=True), torch.tensor(biases, requires_grad=True))
        for weights, biases in layers_of(model)
    ]
    hidden = torch.from_numpy(points)
    with torch.enable_grad():
        for weight, bias in tensors[:-1]:
            hidden = torch.nn.functional.linear(hidden, weight, bias)
            hidden = hidden.relu() if config.activation == "relu" else hidden.tanh()
        scores = torch.nn.functional.linear(hidden, *tensors[-1])[:, 0]
        loss = _torch_loss(scores, torch.from_numpy(classes), config)
        penalty = sum((tensor.pow(2).sum() for pair in tensors for tensor in pair), torch.zeros(()))
        loss = loss + config.weight_penalty * penalty
    loss.backward()
    # Neuron by neuron: its weights, then its bias, the order of `parameters()`.
    gradients = [torch.cat([weight.grad, bias.grad[:, None]], 1).flatten() for weight, bias in tensors]  # type: ignore
    return loss.item(), torch.cat(gradients).numpy()


def _torch_loss(scores: Tensor, classes: Tensor, config: MoonsConfig) -> Tensor:
    if config.loss == "hinge":
        return (1 - classes * scores).relu().mean()
    if config.loss == "squared error":
        return (scores - classes).pow(2).mean()
    return torch.nn.functional.softplus(-classes * scores).mean()


def layers_of(model: MLP) -> list[tuple[np.ndarray, np.ndarray]]:
    """Weights (outputs, inputs) and biases (outputs,) of each layer, as arrays."""
    return [
        (
            np.array([[weight.data for weight in neuron.weights] for neuron in layer.neurons]),
            np.array([neuron.bias.data for neuron in layer.neurons]),
        )
        for layer in model.layers
    ]


def surface(model: MLP, config: MoonsConfig) -> np.ndarray:
    """Scores (R, C) of the network over BOUNDS, at the middle of each cell; the first row is the lowest."""
    left, right, bottom, top = BOUNDS
    x = left + (np.arange(COLUMNS) + 0.5) * (right - left) / COLUMNS
    y = bottom + (np.arange(ROWS) + 0.5) * (top - bottom) / ROWS
    hidden = np.stack(np.meshgrid(x, y), axis=-1)  # (R, C, 2)
    layers = layers_of(model)
    for weight, bias in layers[:-1]:
        hidden = hidden @ weight.T + bias
        hidden = np.maximum(hidden, 0) if config.activation == "relu" else np.tanh(hidden)
    weight, bias = layers[-1]
    return (hidden @ weight.T + bias)[..., 0]


def take_snapshot(
    step: int, model: MLP, loss: float, points: np.ndarray, classes: np.ndarray, config: MoonsConfig
) -> MoonsSnapshot:
    """The network as it stands after a backward, with PyTorch's gradient at the same place."""
    parameters = model.parameters()
    torch_loss, torchs = torch_gradient(model, points, classes, config)
    return MoonsSnapshot(
        step,
        config,
        points,
        classes,
        surface(model, config),
        np.array([parameter.data for parameter in parameters]),
        np.array([parameter.grad for parameter in parameters]),
        torchs,
        loss,
        torch_loss,
    )


def parameter_names(config: MoonsConfig) -> tuple[str, ...]:
    """What each of the P parameters is, in the order of the gradients."""
    return tuple(
        f"layer {i}, neuron {j}, " + (f"weight {k}" if k <= len(neuron.weights) else "bias")
        for i, layer in enumerate(build(config).layers, 1)
        for j, neuron in enumerate(layer.neurons, 1)
        for k in range(1, len(neuron.weights) + 2)
    )
