"""What a part is for, by taking it away: run the model with heads or whole sublayers silent and see what changes.

Zero ablation: a silent part writes nothing into the residual stream; all others work on (Michel, Levy & Neubig, 2019).
Mean ablation: it writes at every position what it wrote on average, so that only what depends on the place is taken away
(Wang et al., 2022). Here the average is over the prompt's own positions, in the undisturbed pass: it needs no second
text, so it is there for every model. Its price: a little of the later tokens reaches the earlier ones through it.

Shapes: T tokens, C channels, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from explorer.core.attention import softmax
from explorer.inspection.residual_stream import check_transformer, hooks, losses, on_this_thread, run
from explorer.models.language_model import LanguageModel

Kind = Literal["head", "attention", "feed_forward"]
Fill = Literal["zero", "mean"]
_LETTERS: dict[str, Kind] = {"a": "attention", "f": "feed_forward"}


@dataclass(frozen=True, order=True)
class Part:
    """What can be switched off: a head, or a whole sublayer with its offset (bias). head: −1 for a sublayer."""

    layer: int
    kind: Kind
    head: int = -1

    @property
    def code(self) -> str:
        """Short enough for an address.

        >>> Part(0, "head", 3).code, Part(2, "attention").code, Part(2, "feed_forward").code
        ('0.3', '2.a', '2.f')
        """
        return f"{self.layer}.{self.head if self.kind == 'head' else self.kind[0]}"

    @property
    def label(self) -> str:
        """In words.

        >>> Part(0, "head", 3).label, Part(2, "feed_forward").label
        ('head 0.3', 'feed-forward 2')
        """
        return f"head {self.code}" if self.kind == "head" else f"{self.kind.replace('_', '-')} {self.layer}"


@dataclass(frozen=True)
class NextReading:
    """What the model expects after a prompt. probabilities: (V,), temperature 1. loss: mean −log p of the prompt's
    own tokens, each given those before it, in nats; None for a prompt of one token, which has nothing to predict."""

    probabilities: np.ndarray
    loss: float | None


Means = Mapping[tuple[int, Kind], Tensor]


def parts_of(model: LanguageModel) -> list[Part]:
    """Everything that can be switched off, layer by layer: its heads, its attention, its feed-forward where it has one.

    Raises ValueError for a model that is no Transformer.
    """
    check_transformer(model)
    blocks: Any = model.blocks
    parts = []
    for layer, block in enumerate(blocks):
        parts += [Part(layer, "head", head) for head in range(model.config.n_heads)]
        parts.append(Part(layer, "attention"))
        parts += [Part(layer, "feed_forward")] if getattr(block, "feed_forward", None) is not None else []
    return parts


def parse_parts(codes: str, model: LanguageModel) -> frozenset[Part]:
    """The parts of the model that a list of codes names; what it does not have is left out: an address may be old.

    >>> from explorer.models.gpt import GPT, GPTConfig
    >>> model = GPT(GPTConfig(vocab_size=5, n_layers=1, n_heads=2, d_model=8))
    >>> sorted(part.code for part in parse_parts("0.1 0.f 7.7 x", model))
    ['0.1', '0.f']
    """
    named = set(codes.split())
    return frozenset(part for part in parts_of(model) if part.code in named)


@contextmanager
def heads_off(model: LanguageModel, heads: Iterable[tuple[int, int]]) -> Iterator[None]:
    """`parts_off` of (layer, head) pairs, by zero. Raises ValueError for a pair that the model does not have."""
    with parts_off(model, [Part(layer, "head", head) for layer, head in heads]):
        yield


@contextmanager
def parts_off(model: LanguageModel, parts: Iterable[Part], means: Means | None = None) -> Iterator[None]:
    """Silence parts for forward passes of this thread inside the `with` block.

    What a head has mixed from the values is replaced before the projection reads it; what a sublayer gives, offset and
    all, after it. By zeros, or by `means` (see `mean_outputs`). Other threads that run the same model are not touched.
    Raises ValueError for a part that the model does not have.
    """
    heads: dict[int, list[int]] = {}
    with hooks() as keep:
        for part in parts:
            _check(model, part)
            if part.kind == "head":
                heads.setdefault(part.layer, []).append(part.head)
            else:
                module = model.get_submodule(f"blocks.{part.layer}.{part.kind}")
                replaced = None if means is None else means[part.layer, part.kind]
                keep(module.register_forward_hook(on_this_thread(_replaced_output(replaced))))
        for layer, silent in heads.items():
            projection = model.get_submodule(f"blocks.{layer}.attention.projection")
            replaced = None if means is None else means[layer, "head"]
            keep(projection.register_forward_pre_hook(on_this_thread(_without_heads(silent, model, replaced))))
        yield


def _check(model: LanguageModel, part: Part) -> None:
    config = model.config
    there = 0 <= part.layer < config.n_layers
    if part.kind == "head" and not (there and 0 <= part.head < config.n_heads):
        raise ValueError(
            f"There is no head {part.head} in layer {part.layer}: this model has {config.n_layers} layers of "
            f"{config.n_heads} heads, counted from 0."
        )
    if (
        not there
        or getattr(model.get_submodule(f"blocks.{part.layer}"), part.kind.replace("head", "attention")) is None
    ):
        raise ValueError(f"There is no {part.label} in this model of {config.n_layers} layers, counted from 0.")


def _replaced_output(mean: Tensor | None) -> Callable[..., Tensor]:
    return lambda _module, _inputs, y: torch.zeros_like(y) if mean is None else mean.expand_as(y)


def _without_heads(heads: list[int], model: LanguageModel, mean: Tensor | None) -> Callable[..., tuple[Tensor]]:
    def replace(_module: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor]:
        mixed = inputs[0].clone()  # (B, T, C)
        channels = channels_of(heads, mixed.shape[-1] // model.config.n_heads)
        mixed[..., channels] = 0 if mean is None else mean[channels]
        return (mixed,)

    return replace


def channels_of(heads: Iterable[int], head_size: int) -> list[int]:
    """Where some heads' results stand among the joined ones.

    >>> channels_of([0, 2], 2)
    [0, 1, 4, 5]
    """
    return [c for head in heads for c in range(head * head_size, (head + 1) * head_size)]


@torch.no_grad()
def mean_outputs(model: LanguageModel, ids: Sequence[int]) -> Means:
    """What heads (joined, before the projection) and sublayers give on average over the prompt's positions, (C,) each."""
    found: dict[tuple[int, Kind], Tensor] = {}

    def keeper(layer: int, kind: Kind) -> Callable[..., None]:
        def hook(_module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
            found[layer, kind] = (inputs[0] if kind == "head" else output)[0].mean(dim=0)

        return on_this_thread(hook)

    with hooks() as keep:
        for part in {Part(part.layer, part.kind) for part in parts_of(model)}:
            name = "attention.projection" if part.kind == "head" else part.kind
            module = model.get_submodule(f"blocks.{part.layer}.{name}")
            keep(module.register_forward_hook(keeper(part.layer, part.kind)))
        run(model, ids)
    return found


def read_next(model: LanguageModel, ids: Sequence[int], off: Iterable[tuple[int, int]] = ()) -> NextReading:
    """Next-token probabilities and loss of a prompt (1 to context-length tokens), with the heads `off` silent."""
    return read_without(model, ids, [Part(layer, "head", head) for layer, head in off])


@torch.no_grad()
def read_without(model: LanguageModel, ids: Sequence[int], parts: Iterable[Part], fill: Fill = "zero") -> NextReading:
    """Next-token probabilities and loss of a prompt with `parts` switched off, by zero or by their mean over it.

    Raises ValueError for a part that the model does not have.
    """
    with parts_off(model, parts, mean_outputs(model, ids) if fill == "mean" else None):
        seen = run(model, ids)
    loss = float(losses(model, seen.final, seen.ids)) if len(ids) > 1 else None
    return NextReading(softmax(seen.logits.double()).numpy(), loss)
