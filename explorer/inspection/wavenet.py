"""What happens in a WaveNet that reads one window: every node of its tree, what each can see, and what it costs.

Shapes: n context length, N nodes of a level, f how many nodes below each joins, C channels, V vocabulary.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from explorer.core.attention import softmax
from explorer.core.layers import BatchNorm1d, Linear
from explorer.inspection.arithmetic import CellArithmetic, number
from explorer.inspection.capture import Captured, capture
from explorer.models.mlp import MLPConfig
from explorer.models.wavenet import WaveNet, WaveNetConfig, fusions
from explorer.training.wavenet import tree_activations

STAGES = ("inputs", "sums", "normalised", "activations")


def shortened(text: str, most: int = 10) -> str:
    """The end of a long text, as headings show it.

    >>> shortened("↵↵↵↵↵↵↵↵emma"), shortened("emma")
    ('…↵↵↵↵↵emma', 'emma')
    """
    return text if len(text) <= most else "…" + text[1 - most :]


@dataclass(frozen=True, eq=False)
class LevelReading:
    """One level of the tree for one window; level 0 is the letters.

    joined: f, nodes of the level below in each node; 1 for the letters. sees: characters under each node.
    activations: (N, C). inputs (N, f · C below), sums (N, C) and normalised (N, C) are what they were made of: the
    joined vectors, times the weights, through BatchNorm; None for the letters.
    """

    joined: int
    sees: int
    activations: np.ndarray
    inputs: np.ndarray | None = None
    sums: np.ndarray | None = None
    normalised: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class TreeReading:
    """labels: the n characters of the window, as shown. levels: letters first, the root last. logits, probabilities:
    (V,) of the next character."""

    labels: tuple[str, ...]
    levels: tuple[LevelReading, ...]
    logits: np.ndarray
    probabilities: np.ndarray

    def text_under(self, level: int, node: int) -> str:
        """The characters that a node sees."""
        sees = self.levels[level].sees
        return "".join(self.labels[node * sees : (node + 1) * sees])


@torch.no_grad()
def read_tree(model: WaveNet, window: Sequence[int], labels: Sequence[str]) -> TreeReading:
    """One window (n,) of token ids through a model in evaluation mode; labels: one a token of the vocabulary.

    Raises ValueError where the window does not have the model's context length.
    """
    n = model.config.context_length
    if len(window) != n:
        raise ValueError(f"This net reads {n} characters, got {len(window)}.")
    with capture(model, ["embedding", "network.*"]) as seen:
        logits = model.score_windows(torch.tensor([list(window)]))[0]
    levels = [LevelReading(1, 1, _nodes(seen, "embedding"))]
    for i, joined in enumerate(fusions(n, model.config.fusion)):
        stages = {stage: _nodes(seen, f"network.{4 * i + k}") for k, stage in enumerate(STAGES)}
        levels.append(LevelReading(joined, levels[-1].sees * joined, **stages))
    shown = tuple(labels[i] for i in window)
    return TreeReading(shown, tuple(levels), logits.numpy(), softmax(logits).numpy())


def _nodes(seen: Captured, name: str) -> np.ndarray:
    """What a layer gave for the one window, (N, C); the root's lost dimension is put back."""
    output = seen[name][0].numpy()
    return output if output.ndim == 2 else output[None]


@torch.no_grad()
def influence(model: WaveNet, window: Sequence[int]) -> tuple[np.ndarray, ...]:
    """How far each character can move each node, measured: for every level of the tree an (N, n) array.

    Every character is replaced by every other of the vocabulary in turn; an entry is how far the node's channels move
    then, as the mean of |change| over the V − 1 trials and the channels. Zero is exactly zero: no path leads there.
    """
    V = model.config.vocab_size
    # As many copies as there are trials: rounding depends on the number of rows, and nothing else may differ.
    same = torch.tensor([list(window)]).repeat(V, 1)
    before, _ = tree_activations(model, same)
    moved = [np.zeros((level.shape[1], len(window))) for level in before]
    for place in range(len(window)):
        trials = same.clone()
        trials[:, place] = torch.arange(V)
        after, _ = tree_activations(model, trials)
        for level, (then, now) in enumerate(zip(before, after, strict=True)):
            moved[level][:, place] = ((now - then).abs().mean(dim=2).sum(dim=0) / max(1, V - 1)).numpy()
    return tuple(moved)


@dataclass(frozen=True)
class NodeArithmetic:
    """One number of the tree, opened. steps: the weighted sum, BatchNorm and tanh; for a letter, its row alone."""

    steps: tuple[CellArithmetic, ...]


def open_node(model: WaveNet, reading: TreeReading, level: int, node: int, channel: int) -> NodeArithmetic:
    """How channel `channel` of a node came about, from the level below. Raises IndexError for what is not there."""
    here = reading.levels[level]
    if not 0 <= channel < here.activations.shape[1]:
        raise IndexError(f"Level {level} has channels 0 to {here.activations.shape[1] - 1}, got {channel}.")
    text = shortened(reading.text_under(level, node))
    if here.inputs is None or here.sums is None or here.normalised is None:
        shown = float(here.activations[node, channel])
        return NodeArithmetic((_letter(shown, text, channel),))
    linear, norm = (model.network[4 * (level - 1) + k] for k in (1, 2))
    assert isinstance(linear, Linear)
    assert isinstance(norm, BatchNorm1d)
    where = f"level {level}, “{text}”, channel {channel}"
    children = [shortened(reading.text_under(level - 1, node * here.joined + i)) for i in range(here.joined)]
    total = float(here.sums[node, channel])
    normalised = float(here.normalised[node, channel])
    return NodeArithmetic(
        (
            _weighted_sum(
                here.inputs[node], linear.weight[channel].detach().numpy(), children, shown=total, heading=where
            ),
            _batch_norm(norm, node, channel, total, shown=normalised),
            _tanh(normalised, shown=float(here.activations[node, channel])),
        )
    )


def _letter(shown: float, text: str, channel: int) -> CellArithmetic:
    return CellArithmetic(
        f"The letter “{text}”: number {channel} of its row in the embedding table, looked up and not computed",
        rf"e_{{{channel}}} = {number(shown)}",
        ("part", "value"),
        ((f"row “{text}”, number {channel}", shown),),
        shown,
        shown,
    )


def _weighted_sum(
    inputs: np.ndarray, weights: np.ndarray, children: Sequence[str], *, shown: float, heading: str
) -> CellArithmetic:
    """Σ inputs · weights, both (f · C,): the children's vectors laid end to end."""
    x, w = inputs.astype(float), weights.astype(float)
    products, width = x * w, len(x) // len(children)
    columns = (x.tolist(), w.tolist(), products.tolist(), products.cumsum().tolist())
    rows = tuple(
        (f"{i // width + 1}. “{children[i // width]}”, {i % width}", *values)
        for i, values in enumerate(zip(*columns, strict=True))
    )
    return CellArithmetic(
        f"Weighted sum: {heading}",
        rf"x = ({number(float(x[0]))})({number(float(w[0]))}) + \dots = {number(float(products.sum()))}",
        ("child, channel", "input", "weight", "product", "running sum"),
        rows,
        shown,
        float(products.sum()),
    )


def _batch_norm(norm: BatchNorm1d, node: int, channel: int, x: float, *, shown: float) -> CellArithmetic:
    """Shift and scale by the running statistics, those of the node's own position where they differ."""
    mean, variance = (
        float((values[node] if values.dim() == 2 else values)[channel])
        for values in (norm.running_mean, norm.running_var)
    )
    scale, shift = norm.weight[channel].item(), norm.bias[channel].item()
    normal = (x - mean) / math.sqrt(variance + norm.epsilon)
    value = normal * scale + shift
    return CellArithmetic(
        "BatchNorm: shifted and scaled by what training remembers of this channel",
        rf"\begin{{aligned}} \hat x &= \frac{{{number(x)} - ({number(mean)})}}{{\sqrt{{{number(variance)} + \epsilon}}}} \\"
        rf" y &= {number(scale)}\,\hat x + ({number(shift)}) = {number(value)} \end{{aligned}}",
        ("part", "value"),
        (
            ("x: the weighted sum", x),
            ("running mean", mean),
            ("running variance", variance),
            ("ε, against division by 0", f"{norm.epsilon:g}"),
            ("x̂: mean 0, spread 1", normal),
            ("learned scale", scale),
            ("learned shift", shift),
        ),
        shown,
        value,
    )


def _tanh(x: float, *, shown: float) -> CellArithmetic:
    return CellArithmetic(
        "tanh: squashed to −1 … 1",
        rf"\tanh({number(x)}) = {number(math.tanh(x))}",
        ("part", "value"),
        (("y: after BatchNorm", x), ("tanh y", math.tanh(x)), ("slope there, 1 − tanh²", 1 - math.tanh(x) ** 2)),
        shown,
        math.tanh(x),
    )


@dataclass(frozen=True)
class LevelCost:
    """name: of the layer. nodes: N. sees: characters under a node. inputs, outputs: numbers into and out of a node.
    parameters: learned numbers, BatchNorm's two a channel included; the same for every node of the level.
    multiply_adds: of weights, for one window."""

    name: str
    nodes: int
    sees: int
    inputs: int
    outputs: int
    parameters: int
    multiply_adds: int


def tree_costs(config: WaveNetConfig) -> tuple[LevelCost, ...]:
    """Layer by layer from the shape alone; nothing is built."""
    V, n, d, C = config.vocab_size, config.context_length, config.d_embedding, config.d_hidden
    costs = [LevelCost("letters (table)", n, 1, 1, d, V * d, 0)]
    width, nodes = d, n
    for level, joined in enumerate(fusions(n, config.fusion), 1):
        width, nodes = width * joined, nodes // joined
        costs.append(LevelCost(f"level {level}", nodes, n // nodes, width, C, width * C + 2 * C, nodes * width * C))
        width = C
    return (*costs, LevelCost("scores of the next letter", 1, n, C, V, C * V + V, C * V))


def flat_twin(config: WaveNetConfig) -> MLPConfig:
    """The flat MLP with BatchNorm, one hidden layer on the same letters, whose size comes nearest to the tree's."""
    V, n, d = config.vocab_size, config.context_length, config.d_embedding
    wanted = sum(cost.parameters for cost in tree_costs(config))
    # V d for the letters, then a neuron has n d weights, BatchNorm's two and V to the scores, which have V offsets.
    neurons = (wanted - V * d - V) / (n * d + 2 + V)
    return MLPConfig(V, n, d, max(1, round(neurons)), batch_norm=True, pad_id=config.pad_id)


def flat_costs(config: MLPConfig) -> tuple[LevelCost, ...]:
    """The same table for an MLP with one hidden layer and BatchNorm. Raises ValueError for another."""
    if config.n_hidden_layers != 1 or not config.batch_norm:
        raise ValueError("Only an MLP with one hidden layer and BatchNorm is compared with the tree.")
    V, n, d, h = config.vocab_size, config.context_length, config.d_embedding, config.d_hidden
    return (
        LevelCost("letters (table)", n, 1, 1, d, V * d, 0),
        LevelCost("hidden layer", 1, n, n * d, h, n * d * h + 2 * h, n * d * h),
        LevelCost("scores of the next letter", 1, n, h, V, h * V + V, h * V),
    )


def possible_contexts(context_length: int, fusion: int, most: int) -> tuple[int, ...]:
    """What to offer instead of a context that cannot be joined up: the nearest below and above that can, up to `most`.

    >>> possible_contexts(12, 2, 64), possible_contexts(3, 4, 64), possible_contexts(100, 2, 64)
    ((8, 16), (2, 4), (64,))
    """
    fitting = [n for n in range(2, most + 1) if _joins_up(n, fusion)]
    below = [n for n in fitting if n < context_length]
    above = [n for n in fitting if n > context_length]
    return (*below[-1:], *above[:1])


def _joins_up(context_length: int, fusion: int) -> bool:
    try:
        fusions(context_length, fusion)
    except ValueError:
        return False
    return True
