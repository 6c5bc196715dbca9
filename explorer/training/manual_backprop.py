"""Training the MLP with gradients written by hand: no autograd anywhere in its update.

Beside it, on request, runs the same net from the same seed on the same batches with PyTorch's autograd, and each
update compares the two. Both compute in float64, so that what differs is rounding alone.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from explorer.core.manual_backprop import EPSILON, Tensors, forward, initial_parameters, parameter_gradients
from explorer.core.probability import cross_entropy
from explorer.text.batches import Contexts, split_items
from explorer.text.corpora import Corpus, load_corpus
from explorer.text.tokenizers import CharTokenizer
from explorer.training.trainer import DivergedError

CONTEXT_LENGTH, D_EMBEDDING = 3, 10
WINDOWS_AT_ONCE = 8192  # bounds the memory of an evaluation
MEMORY = 0.98  # of the smoothed losses: how much of the last update's stays at the next


@dataclass(frozen=True)
class ManualConfig:
    """corpus: a list of items, by name of the registry. steps: updates. learning_rate: in the first half; a tenth of it
    in the second. batch_size: n. d_hidden: H. beside_autograd: whether to run the same net by autograd too.
    seed: of parameters and batches. Raises ValueError naming the option that cannot be.
    """

    corpus: str
    steps: int = 2000
    learning_rate: float = 0.1
    batch_size: int = 32
    d_hidden: int = 200
    beside_autograd: bool = True
    seed: int = 2147483647

    def __post_init__(self) -> None:
        for name, least, most in (("steps", 1, 200_000), ("batch_size", 2, 512), ("d_hidden", 1, 512)):
            if not least <= getattr(self, name) <= most:
                raise ValueError(f"{name} must be from {least:,} to {most:,}, got {getattr(self, name):,}.")
        if not (math.isfinite(self.learning_rate) and self.learning_rate > 0):
            raise ValueError(f"learning_rate must be a positive number, got {self.learning_rate}.")


@dataclass(frozen=True)
class ManualProgress:
    """After one update. loss: of the batch before it, in nats, by the net trained by hand. autograd_loss: the same by
    its twin. smooth_loss, smooth_autograd_loss: both averaged over about the last fifty updates. loss_difference,
    gradient_difference: the largest so far between the two nets' losses, and between any two of their gradients.
    parameters: how many numbers are learned. train_loss, validation_loss: over the whole splits, after the last update.
    What does not apply is None.
    """

    step: int
    steps: int
    loss: float
    smooth_loss: float
    parameters: int
    autograd_loss: float | None = None
    smooth_autograd_loss: float | None = None
    loss_difference: float | None = None
    gradient_difference: float | None = None
    train_loss: float | None = None
    validation_loss: float | None = None


@dataclass(frozen=True)
class Windows:
    """The windows of a corpus of items. train, validation: to read. tokenizer: its characters, the boundary first."""

    train: Contexts
    validation: Contexts
    tokenizer: CharTokenizer


def item_windows(corpus: Corpus) -> Windows:
    """Windows of three characters with the next as target, split 80/10/10 as in the lectures.

    Raises ValueError for running text and for a corpus too small to split.
    """
    if corpus.kind != "items":
        raise ValueError(f"Expected a list of items, one a line, got the running text {corpus.name!r}.")
    splits = split_items(corpus.items)
    if not splits.train or not splits.validation:
        raise ValueError(f"Expected at least 10 items to split, got {len(corpus.items)}.")
    tokenizer = CharTokenizer.from_text(corpus.text)
    boundary = tokenizer.encode("\n")[0]
    train, validation = (
        Contexts(torch.tensor(tokenizer.encode(text)), CONTEXT_LENGTH, boundary)
        for text in (splits.train, splits.validation)
    )
    return Windows(train, validation, tokenizer)


def train_by_hand(config: ManualConfig, windows: Windows | None = None) -> Iterator[ManualProgress]:
    """Plain gradient descent by hand-written gradients; yields after each update.

    Raises DivergedError where the loss stops being finite.
    """
    windows = item_windows(load_corpus(config.corpus)) if windows is None else windows
    parameters, generator = initial_parameters(
        windows.tokenizer.vocab_size,
        context_length=CONTEXT_LENGTH,
        d_embedding=D_EMBEDDING,
        d_hidden=config.d_hidden,
        seed=config.seed,
    )
    twin = _Twin(parameters) if config.beside_autograd else None
    count = sum(value.numel() for value in parameters.values())
    smooth = _Smooth()
    for step in range(1, config.steps + 1):
        rate = config.learning_rate * (1 if step <= (config.steps + 1) // 2 else 0.1)
        inputs, targets = windows.train.sample(config.batch_size, generator)
        x = forward(parameters, inputs, targets)
        loss = x["loss"].item()
        if not math.isfinite(loss):
            raise DivergedError(
                f"The loss became {loss} at step {step}: the learning rate {config.learning_rate:g} is too high."
            )
        gradients = parameter_gradients(parameters, x, inputs, targets)
        if twin is not None:
            twin.update(inputs, targets, rate, loss, gradients)
        _descend(parameters, gradients, rate)
        by_hand = ManualProgress(step, config.steps, loss, smooth.add(loss), count)
        yield _completed(by_hand, twin, parameters, windows)


def _completed(progress: ManualProgress, twin: _Twin | None, parameters: Tensors, windows: Windows) -> ManualProgress:
    """The progress with what the twin and, after the last update, the whole splits have to say."""
    if twin is not None:
        progress = replace(
            progress,
            autograd_loss=twin.loss,
            smooth_autograd_loss=twin.smooth.mean,
            loss_difference=twin.loss_difference,
            gradient_difference=twin.gradient_difference,
        )
    if progress.step == progress.steps:
        train_loss, validation_loss = whole_losses(parameters, windows)
        progress = replace(progress, train_loss=train_loss, validation_loss=validation_loss)
    return progress


class _Smooth:
    """A running mean that forgets, unbiased from the first number on."""

    def __init__(self) -> None:
        self.total = self.weight = 0.0

    def add(self, value: float) -> float:
        self.total = MEMORY * self.total + (1 - MEMORY) * value
        self.weight = MEMORY * self.weight + 1 - MEMORY
        return self.mean

    @property
    def mean(self) -> float:
        return self.total / self.weight


class _Twin:
    """The same net from the same start, its gradients by PyTorch."""

    def __init__(self, parameters: Tensors) -> None:
        self.parameters = {name: value.clone() for name, value in parameters.items()}
        self.loss = self.loss_difference = self.gradient_difference = 0.0
        self.smooth = _Smooth()

    def update(self, inputs: Tensor, targets: Tensor, rate: float, loss: float, gradients: Tensors) -> None:
        """One update; loss and gradients are those by hand, to compare."""
        self.loss, own = _autograd(self.parameters, inputs, targets)
        self.smooth.add(self.loss)
        self.loss_difference = max(self.loss_difference, abs(self.loss - loss))
        apart = max((gradients[name] - own[name]).abs().max().item() for name in gradients)
        self.gradient_difference = max(self.gradient_difference, apart)
        _descend(self.parameters, own, rate)


def _descend(parameters: Tensors, gradients: Mapping[str, Tensor], rate: float) -> None:
    for name, value in parameters.items():
        value -= rate * gradients[name]


def _autograd(parameters: Mapping[str, Tensor], inputs: Tensor, targets: Tensor) -> tuple[float, Tensors]:
    """Loss and gradients by PyTorch: the same steps forward, its own way back."""
    leaves = {name: value.detach().requires_grad_() for name, value in parameters.items()}
    with torch.enable_grad():
        loss = forward(leaves, inputs, targets)["loss"]
        gradients = torch.autograd.grad(loss, list(leaves.values()))
    return loss.item(), dict(zip(leaves, gradients, strict=True))


def whole_losses(parameters: Mapping[str, Tensor], windows: Windows) -> tuple[float, float]:
    """Mean loss over the training and the validation split, in nats.

    BatchNorm's mean and variance are those of the whole training split, measured once now that the training is over.
    """
    total = squares = torch.zeros((), dtype=torch.float64)
    count = 0
    for inputs, _ in windows.train.all(WINDOWS_AT_ONCE):
        pre = _pre(parameters, inputs)
        total, squares, count = total + pre.sum(0), squares + (pre**2).sum(0), count + len(pre)
    mean = total / count
    variance = (squares - count * mean**2) / (count - 1)
    scale = parameters["gain"] * torch.rsqrt(variance + EPSILON)
    losses = []
    for part in (windows.train, windows.validation):
        summed, n = 0.0, 0
        for inputs, targets in part.all(WINDOWS_AT_ONCE):
            h = torch.tanh((_pre(parameters, inputs) - mean) * scale + parameters["bias"])
            summed += cross_entropy(h @ parameters["W2"] + parameters["b2"], targets).item() * len(targets)
            n += len(targets)
        losses.append(summed / n)
    return losses[0], losses[1]


def _pre(parameters: Mapping[str, Tensor], inputs: Tensor) -> Tensor:
    return parameters["C"][inputs].flatten(1) @ parameters["W1"] + parameters["b1"]
