"""BatchNorm opened up: what a batch does to one example, how the running statistics arrive, and how it folds away.

In evaluation BatchNorm is a fixed scale and shift, so the linear layer before it can take both over (`fold_batchnorm`)
and the network gives the same logits without it. The idea and the equations are Ioffe & Szegedy's (2015).

Shapes: B batch, n context, C channels, M batches, S steps.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from explorer.core.layers import BatchNorm1d, Linear, Sequential
from explorer.core.probability import log_softmax
from explorer.inspection.capture import capture
from explorer.models.window_model import WindowModel
from explorer.text.batches import Batches


@torch.no_grad()
def fold_batchnorm(linear: Linear, batchnorm: BatchNorm1d) -> Linear:
    """One linear layer that does what the two do one after the other in evaluation.

    With s = weight ÷ √(running_var + ε), its matrix is W with row i times sᵢ, its offset s (b − running_mean) + bias.
    Raises ValueError where the two do not belong together, and for statistics that differ by position.

    >>> linear, norm = Linear(3, 2), BatchNorm1d(2).eval()
    >>> x = torch.randn(5, 3)
    >>> torch.allclose(fold_batchnorm(linear, norm)(x), norm(linear(x)), atol=1e-6)
    True
    """
    outputs = linear.weight.shape[0]
    if batchnorm.running_mean.dim() != 1:
        raise ValueError(
            f"These running statistics differ by position, shape {tuple(batchnorm.running_mean.shape)}: one linear "
            "layer cannot stand for them."
        )
    if batchnorm.weight.shape[0] != outputs:
        raise ValueError(
            f"The linear layer gives {outputs} channels and BatchNorm takes {batchnorm.weight.shape[0]}; fold it into "
            "the layer right before it."
        )
    scale = batchnorm.weight * torch.rsqrt(batchnorm.running_var + batchnorm.epsilon)
    offset = -batchnorm.running_mean if linear.bias is None else linear.bias - batchnorm.running_mean
    folded = copy.deepcopy(linear)
    folded.weight = nn.Parameter(linear.weight * scale[:, None])
    folded.bias = nn.Parameter(offset * scale + batchnorm.bias)
    return folded


def fold_model(model: WindowModel) -> WindowModel:
    """A copy in evaluation in which every BatchNorm after a linear layer is folded into it."""
    folded = copy.deepcopy(model).eval()
    for name, module in list(folded.named_modules()):
        if isinstance(module, Sequential):
            folded.set_submodule(name, Sequential(*_fold_layers(list(module))).eval())
    return folded


def _fold_layers(layers: list[nn.Module]) -> list[nn.Module]:
    folded: list[nn.Module] = []
    for layer in layers:
        if isinstance(layer, BatchNorm1d) and folded and isinstance(folded[-1], Linear):
            folded[-1] = fold_batchnorm(folded[-1], layer)
        else:
            folded.append(layer)
    return folded


def batchnorm_names(model: nn.Module) -> tuple[str, ...]:
    """The names of a model's BatchNorm layers, in order."""
    return tuple(name for name, module in model.named_modules() if isinstance(module, BatchNorm1d))


@dataclass(frozen=True)
class FoldReading:
    """The same windows through a network and its folded copy.

    logits, folded: (B, V) in evaluation. in_training: (B, V) of the unfolded network with the batch's own statistics.
    layers: BatchNorms folded. parameters, parameters_folded: learned numbers before and after.
    """

    logits: np.ndarray
    folded: np.ndarray
    in_training: np.ndarray
    layers: int
    parameters: int
    parameters_folded: int

    @property
    def largest_difference(self) -> float:
        """Between the folded logits and the unfolded ones in evaluation: rounding."""
        return float(np.abs(self.logits - self.folded).max())

    @property
    def largest_in_training(self) -> float:
        """Between the folded logits and those with batch statistics: what folding cannot keep."""
        return float(np.abs(self.in_training - self.folded).max())


@torch.no_grad()
def read_fold(model: WindowModel, windows: Tensor) -> FoldReading:
    """Fold a network and compare, on windows (B, n) with B of at least 2. The model is left as it is."""
    unfolded, folded = copy.deepcopy(model).eval(), fold_model(model)
    logits, same = unfolded.score_windows(windows), folded.score_windows(windows)
    in_training = _in_training(unfolded).score_windows(windows)
    return FoldReading(
        logits.numpy(),
        same.numpy(),
        in_training.numpy(),
        len(batchnorm_names(model)),
        model.parameter_count(),
        folded.parameter_count(),
    )


@dataclass(frozen=True)
class MatesReading:
    """One window in M batches, each time among other windows.

    training: (M,) what BatchNorm gives for one unit with the batch's statistics; evaluation: with the running ones, the
    same every time. training_surprise: (M,) −ln p of the token that follows, nats; evaluation_surprise: likewise.
    """

    training: np.ndarray
    evaluation: float
    training_surprise: np.ndarray
    evaluation_surprise: float


@torch.no_grad()
def read_mates(
    model: WindowModel,
    batches: Batches,
    window: Tensor,
    target: int,
    layer: str,
    unit: int,
    *,
    batch_size: int,
    trials: int,
    seed: int,
) -> MatesReading:
    """Put a window (n,) into `trials` batches and read one unit of the BatchNorm called `layer` each time.

    The model is left as it is. Raises ValueError for a batch of one, which has no statistics.
    """
    generator = torch.Generator().manual_seed(seed)
    training, evaluation = _in_training(copy.deepcopy(model)), copy.deepcopy(model).eval()
    values, surprises = [], []
    for _ in range(trials):
        mates, _targets = batches.sample(max(0, batch_size - 1), generator)
        value, surprise = _read_first(training, torch.cat([window[None], mates]), target, layer, unit)
        values.append(value)
        surprises.append(surprise)
    alone, surprise = _read_first(evaluation, window[None], target, layer, unit)
    return MatesReading(np.array(values), alone, np.array(surprises), surprise)


def _read_first(model: WindowModel, windows: Tensor, target: int, layer: str, unit: int) -> tuple[float, float]:
    with capture(model, [layer]) as seen:
        logits = model.score_windows(windows)
    value = seen[layer].reshape(windows.shape[0], -1, seen[layer].shape[-1])[0, -1, unit]
    return float(value), float(-log_softmax(logits[0])[target])


@dataclass(frozen=True)
class RunningReading:
    """One unit's statistics over S batches. batch_mean, batch_variance: (S,) of each batch. mean, variance: (S + 1,) the
    running ones, from 0 and 1. true_mean, true_variance: over one large batch, where they should arrive."""

    batch_mean: np.ndarray
    batch_variance: np.ndarray
    mean: np.ndarray
    variance: np.ndarray
    true_mean: float
    true_variance: float


@torch.no_grad()
def read_running(
    model: WindowModel,
    batches: Batches,
    layer: str,
    unit: int,
    *,
    momentum: float,
    batch_size: int,
    steps: int,
    seed: int,
) -> RunningReading:
    """Feed batches to a network whose weights rest, its running statistics set back to 0 and 1 first.

    The model is left as it is. Raises ValueError for a momentum outside 0 … 1 and for a batch of one.
    """
    if not 0 <= momentum <= 1:
        raise ValueError(f"momentum is the share of each new batch: it must lie between 0 and 1, got {momentum}.")
    own = _in_training(copy.deepcopy(model))
    norm = own.get_submodule(layer)
    if not isinstance(norm, BatchNorm1d):
        raise ValueError(f"{layer} is no BatchNorm layer; there are {', '.join(batchnorm_names(model))}.")
    true_mean, true_variance = _fed(own, norm, batches.sample(4096, torch.Generator().manual_seed(seed + 1))[0])
    norm.momentum = momentum
    norm.running_mean, norm.running_var = torch.zeros_like(norm.running_mean), torch.ones_like(norm.running_var)
    running, each = [(0.0, 1.0)], []
    generator = torch.Generator().manual_seed(seed)
    for _ in range(steps):
        means, variances = _fed(own, norm, batches.sample(batch_size, generator)[0])
        each.append((float(means[unit]), float(variances[unit])))
        running.append((float(norm.running_mean[..., unit].mean()), float(norm.running_var[..., unit].mean())))
    batch, kept = np.array(each).reshape(-1, 2), np.array(running)
    return RunningReading(
        batch[:, 0], batch[:, 1], kept[:, 0], kept[:, 1], float(true_mean[unit]), float(true_variance[unit])
    )


def _fed(model: WindowModel, norm: BatchNorm1d, windows: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and unbiased variance, (C,) each, of what comes into a BatchNorm with these windows."""
    seen: list[Tensor] = []
    handle = norm.register_forward_pre_hook(lambda _module, inputs: seen.append(inputs[0]))
    try:
        model.score_windows(windows)
    finally:
        handle.remove()
    flat = seen[0].reshape(-1, seen[0].shape[-1])
    return flat.mean(dim=0), flat.var(dim=0)


def _in_training(model: WindowModel) -> WindowModel:
    """The model with BatchNorm on the batch's statistics and nothing else in training."""
    model.eval()
    for module in model.modules():
        if isinstance(module, BatchNorm1d):
            module.train()
    return model
