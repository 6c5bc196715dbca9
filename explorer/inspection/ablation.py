"""What a head is for, by taking it away: run the model with some heads silent and see what changes.

Zero ablation: a silent head writes nothing into the residual stream; all others work on (Michel, Levy & Neubig, 2019).

Shapes: T tokens, V vocabulary.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from explorer.core.attention import softmax
from explorer.core.probability import cross_entropy
from explorer.models.language_model import LanguageModel


@dataclass(frozen=True)
class NextReading:
    """What the model expects after a prompt. probabilities: (V,), temperature 1. loss: mean −log p of the prompt's
    own tokens, each given those before it, in nats; None for a prompt of one token, which has nothing to predict."""

    probabilities: np.ndarray
    loss: float | None


@contextmanager
def heads_off(model: LanguageModel, heads: Iterable[tuple[int, int]]) -> Iterator[None]:
    """Silence (layer, head) pairs for forward passes of this thread inside the `with` block.

    What a head has mixed from the values is replaced by zeros before the projection reads it. Other threads that run
    the same model are not touched. Raises ValueError for a pair that the model does not have.
    """
    config = model.config
    by_layer: dict[int, list[int]] = {}
    for layer, head in heads:
        if not (0 <= layer < config.n_layers and 0 <= head < config.n_heads):
            raise ValueError(
                f"There is no head {head} in layer {layer}: this model has {config.n_layers} layers of "
                f"{config.n_heads} heads, counted from 0."
            )
        by_layer.setdefault(layer, []).append(head)
    with ExitStack() as stack:
        for layer, silent in by_layer.items():
            projection = model.get_submodule(f"blocks.{layer}.attention.projection")
            stack.callback(_silence(projection, silent, config.head_size).remove)
        yield


def _silence(projection: nn.Module, heads: list[int], head_size: int) -> torch.utils.hooks.RemovableHandle:
    owner = threading.get_ident()
    channels = [c for head in heads for c in range(head * head_size, (head + 1) * head_size)]

    def zero(_module: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...] | None:
        if threading.get_ident() != owner:
            return None
        mixed = inputs[0].clone()  # (B, T, C)
        mixed[..., channels] = 0
        return (mixed,)

    return projection.register_forward_pre_hook(zero)


@torch.no_grad()
def read_next(model: LanguageModel, ids: Sequence[int], off: Iterable[tuple[int, int]] = ()) -> NextReading:
    """Next-token probabilities and loss of a prompt (1 to context-length tokens), with the heads `off` silent."""
    prompt = torch.tensor([list(ids)])
    with heads_off(model, off):
        logits = model(prompt)[0]  # (T, V)
    loss = cross_entropy(logits[:-1], prompt[0, 1:]).item() if len(ids) > 1 else None
    return NextReading(softmax(logits[-1].double()).numpy(), loss)
