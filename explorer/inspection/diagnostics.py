"""Is a network healthy? What its layers put out, what gradients come back to them, and how far a step moves a weight.

One forward and one backward pass over one batch are read, of any model of the registry: layers are chosen by their
type, not by their name. The pictures are those of the makemore lectures (part 3); the questions go back to Glorot &
Bengio (2010).

Shapes: B batch, T positions, C channels, K bins, R rows of a map.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from explorer.core.layers import GELU, BatchNorm1d, LayerNorm, ReLU, Tanh
from explorer.core.probability import cross_entropy
from explorer.inspection.arithmetic import CellArithmetic
from explorer.models.gpt import CausalSelfAttention
from explorer.models.language_model import LanguageModel
from explorer.models.window_model import WindowModel

SATURATED = 0.97  # a tanh whose output lies beyond ± this is saturated
FLAT = 1 - SATURATED**2  # its slope there, 0.059: what any activation passes back where it is flat
ONE_HOT = 0.97  # a row of an attention pattern with a weight above this looks at one place
BINS = 41  # odd, so that 0 lies in the middle of a bin
MAP_ROWS, MAP_COLUMNS = 32, 128  # the most of a layer that a reading keeps whole

ACTIVATIONS: dict[type[nn.Module], str] = {Tanh: "tanh", ReLU: "relu", GELU: "gelu"}
KINDS: dict[type[nn.Module], str] = {**ACTIVATIONS, BatchNorm1d: "batchnorm", LayerNorm: "layernorm"}
ATTENTION, LOGITS = "attention", "logits"
_FIXED_RANGES = {"tanh": (-1.0, 1.0), ATTENTION: (0.0, 1.0)}


@dataclass(frozen=True)
class Histogram:
    """How numbers spread. edges: (K + 1,), rising. shares: (K,), of all numbers in each bin; the end bins take what lies
    beyond. mean, std: of the finite numbers, NaN where there is none. finite_share: 1 unless something overflowed."""

    edges: np.ndarray
    shares: np.ndarray
    mean: float
    std: float
    finite_share: float


@dataclass(frozen=True)
class LayerReading:
    """One layer. name: of the submodule; kind: a value of `KINDS`, "attention" or "logits".

    activations, gradients: of its outputs and of ∂loss/∂output. saturated_share: of an activation's outputs, those where
    it is flat (slope below `FLAT`; for tanh |output| > 0.97); of an attention pattern's rows but each first, those
    with one weight above `ONE_HOT`; None for other kinds. dead_units: channels flat for every example. inputs:
    (R, C) what came into an activation for the first examples, at most 32 × 128 of them, else None.
    """

    name: str
    kind: str
    activations: Histogram
    gradients: Histogram
    saturated_share: float | None = None
    dead_units: int | None = None
    inputs: np.ndarray | None = None

    @property
    def outputs(self) -> np.ndarray:
        """(R, C) outputs of the activation for the kept inputs. Raises ValueError for a layer that is none."""
        return _apply(self.kind, self._kept())[0]

    @property
    def slopes(self) -> np.ndarray:
        """(R, C) the activation's derivative there: the share of a gradient that it passes back."""
        return _apply(self.kind, self._kept())[1]

    @property
    def saturation(self) -> np.ndarray:
        """(R, C), true where the activation is flat: examples by neurons."""
        return np.abs(self.slopes) < FLAT

    def _kept(self) -> np.ndarray:
        if self.inputs is None:
            raise ValueError(f"{self.name} is no activation but {self.kind}: it has no slope to look at.")
        return self.inputs


@dataclass(frozen=True)
class ParameterReading:
    """One parameter. data_std, gradient_mean, gradient_std: over its numbers. A gradient:data ratio of 0.001 says that
    a step at learning rate 1 would change the weights by a thousandth of their spread."""

    name: str
    shape: tuple[int, ...]
    data_std: float
    gradient_mean: float
    gradient_std: float

    @property
    def ratio(self) -> float:
        """gradient_std ÷ data_std; NaN where all its numbers are equal."""
        return self.gradient_std / self.data_std if self.data_std > 0 else math.nan


@dataclass(frozen=True)
class Diagnosis:
    """layers: in the order in which they were computed, the logits last. parameters: in the model's order. loss: mean
    cross-entropy of the batch, nats. uniform_loss: ln V. examples: how many predictions were averaged. labels: what the
    first rows of the maps read, where the caller said so."""

    layers: tuple[LayerReading, ...]
    parameters: tuple[ParameterReading, ...]
    loss: float
    uniform_loss: float
    examples: int
    labels: tuple[str, ...] = ()

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of layers there are, in order of first appearance."""
        return tuple(dict.fromkeys(layer.kind for layer in self.layers))

    def of_kind(self, kind: str) -> tuple[LayerReading, ...]:
        """The layers of one kind, in order."""
        return tuple(layer for layer in self.layers if layer.kind == kind)

    @property
    def activation_kind(self) -> str:
        """The kind to look at first: a nonlinearity if there is one, else the logits."""
        return next((kind for kind in self.kinds if kind in ACTIVATIONS.values()), LOGITS)

    @property
    def matrices(self) -> tuple[ParameterReading, ...]:
        """The parameters with two dimensions or more: weights and tables."""
        return tuple(parameter for parameter in self.parameters if len(parameter.shape) >= 2)


def diagnose(
    model: LanguageModel,
    inputs: Tensor,
    targets: Tensor,
    *,
    batch_statistics: bool = True,
    labels: tuple[str, ...] = (),
) -> Diagnosis:
    """Read one pass forward and back over a batch as `Batches.sample` gives it.

    The model is copied first: neither its gradients nor its running statistics change, and other threads may use it.
    BatchNorm uses the batch's statistics, as in training, unless `batch_statistics` is off; dropout is off. Raises
    ValueError where BatchNorm cannot work (a batch of one).

    >>> from explorer.models.mlp import MLP, MLPConfig
    >>> windows, targets = torch.randint(27, (32, 3)), torch.randint(27, (32,))
    >>> [layer.kind for layer in diagnose(MLP(MLPConfig(27)), windows, targets).layers]
    ['tanh', 'logits']
    """
    own = copy.deepcopy(model).eval().requires_grad_()
    for module in own.modules():
        if isinstance(module, BatchNorm1d):
            module.train(batch_statistics)
    with _listening(own) as heard, torch.enable_grad():
        logits = own.score_windows(inputs) if isinstance(own, WindowModel) else own(inputs)
        loss = cross_entropy(logits, targets)
        heard.append(_Heard(LOGITS, LOGITS, logits, logits))
        named = dict(own.named_parameters())
        wanted = [*(one.output for one in heard), *named.values()]
        gradients = torch.autograd.grad(loss, wanted, allow_unused=True)
    filled = [torch.zeros_like(x) if g is None else g for x, g in zip(wanted, gradients, strict=True)]
    return Diagnosis(
        _read_layers(heard, filled[: len(heard)]),
        tuple(_read_parameter(n, p, g) for (n, p), g in zip(named.items(), filled[len(heard) :], strict=True)),
        float(loss.detach()),
        math.log(logits.shape[-1]),
        int((targets >= 0).sum()),
        labels,
    )


@dataclass(frozen=True)
class _Heard:
    name: str
    kind: str
    input: Tensor
    output: Tensor


@contextmanager
def _listening(model: nn.Module) -> Iterator[list[_Heard]]:
    """What comes into and out of every layer of a known kind. `capture` hears outputs only, and the slope of GELU
    cannot be told from its output."""
    heard: list[_Heard] = []
    handles = []
    for name, module in model.named_modules():
        if type(module) in KINDS:
            handles.append(module.register_forward_hook(_ear(name, KINDS[type(module)], heard)))
        elif isinstance(module, CausalSelfAttention):
            handles.append(module.pattern.register_forward_hook(_ear(f"{name}.pattern", ATTENTION, heard)))
    try:
        yield heard
    finally:
        for handle in handles:
            handle.remove()


def _ear(name: str, kind: str, heard: list[_Heard]) -> Callable[[nn.Module, tuple[Tensor, ...], Tensor], None]:
    def listen(_module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        heard.append(_Heard(name, kind, inputs[0], output))

    return listen


def _read_layers(heard: list[_Heard], gradients: list[Tensor]) -> tuple[LayerReading, ...]:
    """Layers of one kind share the ends of their histograms, so that they can be laid over each other."""
    reach: dict[str, tuple[tuple[float, float], tuple[float, float]]] = {}
    for kind in {one.kind for one in heard}:
        mine = [(one.output.detach(), g) for one, g in zip(heard, gradients, strict=True) if one.kind == kind]
        outputs = _FIXED_RANGES.get(kind) or shared_range([output for output, _ in mine])
        reach[kind] = (outputs, shared_range([gradient for _, gradient in mine]))
    return tuple(_read_layer(one, g, *reach[one.kind]) for one, g in zip(heard, gradients, strict=True))


def _read_layer(
    heard: _Heard, gradient: Tensor, outputs: tuple[float, float], gradients: tuple[float, float]
) -> LayerReading:
    output = heard.output.detach()
    if heard.kind == ATTENTION:  # (B, H, T, T): what the mask forbids is no weight
        seen = torch.ones(output.shape[-2:], dtype=torch.bool).tril()
        spread, gradient = output[..., seen], gradient[..., seen]
    else:
        spread = output
    reading = (heard.name, heard.kind, histogram(spread, *outputs), histogram(gradient, *gradients))
    if heard.kind in ACTIVATIONS.values():
        flat_inputs = heard.input.detach().reshape(-1, output.shape[-1])  # (examples, C)
        is_flat = np.abs(_apply(heard.kind, flat_inputs.numpy())[1]) < FLAT
        kept = flat_inputs[:MAP_ROWS, :MAP_COLUMNS].numpy().copy()
        return LayerReading(*reading, float(is_flat.mean()), int(is_flat.all(axis=0).sum()), kept)
    if heard.kind == ATTENTION:
        largest = output[..., 1:, :].amax(dim=-1)  # the first row has one place to look at
        return LayerReading(*reading, float((largest > ONE_HOT).float().mean()) if largest.numel() else 0.0)
    return LayerReading(*reading)


def _read_parameter(name: str, parameter: Tensor, gradient: Tensor) -> ParameterReading:
    data = parameter.detach()
    data_std, gradient_std = (float(t.std(correction=0)) for t in (data, gradient))
    return ParameterReading(name, tuple(data.shape), data_std, float(gradient.mean()), gradient_std)


def _apply(kind: str, inputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """An activation's outputs and slopes, elementwise; the slopes by autograd, so that they are the layer's own."""
    layer = next(module for module, name in ACTIVATIONS.items() if name == kind)()
    with torch.enable_grad():
        x = torch.from_numpy(inputs).clone().requires_grad_()
        y = layer(x)
        (slope,) = torch.autograd.grad(y.sum(), x)
    return y.detach().numpy(), slope.numpy()


def open_neuron(layer: LayerReading, row: int, column: int, heading: str) -> CellArithmetic:
    """One neuron of the map with one example: its input, its output and its slope, the slope worked out by formula.

    Raises ValueError for a layer that is no activation.
    """
    x, y, slope = (float(values[row, column]) for values in (layer._kept(), layer.outputs, layer.slopes))
    if layer.kind == "tanh":
        again, formula = 1 - math.tanh(x) ** 2, rf"1 - \tanh^2({x:.4f}) = 1 - ({y:.4f})^2 = {slope:.4f}"
    elif layer.kind == "relu":
        again, formula = float(x > 0), rf"\text{{slope of ReLU at }} {x:.4f} = {slope:.0f}"
    else:
        rate, cubic = math.sqrt(8 / math.pi), 0.044715  # of GELU as x times a logistic function
        share = 1 / (1 + math.exp(-rate * x * (1 + cubic * x * x)))
        again = share + x * share * (1 - share) * rate * (1 + 3 * cubic * x * x)
        formula = rf"\text{{GELU}}'({x:.4f}) = {slope:.4f}"
    verdict = "flat" if abs(slope) < FLAT else "not flat"
    parts = (("input", x), ("output", y), ("slope: the share of a gradient that is passed back", slope))
    return CellArithmetic(f"{heading}: {verdict}", formula, ("part", "value"), parts, slope, again)


def shared_range(tensors: list[Tensor]) -> tuple[float, float]:
    """Ends for histograms of several tensors: four times the widest spread either side of 0, or the data's own ends
    where they are nearer. Something finite and wider than nothing, whatever the numbers."""
    reach = 0.0
    for tensor in tensors:
        known = tensor[tensor.isfinite()]
        if known.numel():
            largest = float(known.abs().max())
            reach = max(reach, min(largest, 4 * float(known.square().mean().sqrt())))
    return (-reach, reach) if 0 < reach < math.inf else (-1.0, 1.0)


def histogram(values: Tensor, low: float, high: float, bins: int = BINS) -> Histogram:
    """Shares of `values` in `bins` equal bins from `low` to `high`; raises ValueError for an empty range."""
    if not low < high:
        raise ValueError(f"A histogram needs low < high, got {low} and {high}.")
    flat = values.detach().float().flatten()
    known = flat[flat.isfinite()]
    edges = np.linspace(low, high, bins + 1)
    if not known.numel():
        return Histogram(edges, np.zeros(bins), math.nan, math.nan, 0.0)
    counts = torch.histc(known.clamp(low, high), bins, low, high)
    shares = (counts / flat.numel()).double().numpy()
    finite = known.numel() / flat.numel()
    return Histogram(edges, shares, float(known.mean()), float(known.std(correction=0)), finite)
