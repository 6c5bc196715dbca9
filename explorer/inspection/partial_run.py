"""A part of a forward pass: the model runs until what was asked for has been heard, and nothing after it is computed.

Of a large model on a long prompt that saves seconds, and the logits of every position, which are most of the memory.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import torch
from torch import Tensor, nn

from explorer.inspection.capture import Captured, capture
from explorer.models.language_model import LanguageModel


class _EnoughError(Exception):
    """All that was asked for has been heard."""


@torch.no_grad()
def input_of(module: nn.Module, run: Callable[[], object]) -> Tensor:
    """What a part of a model is given while `run` runs that model, in this thread: visitors share one model."""
    received: list[Tensor] = []
    thread = threading.get_ident()

    def listen(_module: nn.Module, inputs: tuple[Any, ...]) -> None:
        if threading.get_ident() == thread:
            received.append(inputs[0].detach())
            raise _EnoughError

    handle = module.register_forward_pre_hook(listen)
    try:
        with suppress(_EnoughError):
            run()
    finally:
        handle.remove()
    return received[0]


@torch.no_grad()
def outputs_of(model: LanguageModel, ids: Sequence[int], names: Sequence[str]) -> Captured:
    """The outputs of submodules by name for one prompt, (1, …) each. Raises ValueError for a name that is not there."""
    thread = threading.get_ident()
    with capture(model, names) as seen:

        def stop(*_: Any) -> None:
            if threading.get_ident() == thread and set(names) <= set(seen):
                raise _EnoughError

        handles = [model.get_submodule(name).register_forward_hook(stop) for name in names]
        try:
            with suppress(_EnoughError):
                model(torch.tensor([list(ids)]))
        finally:
            for handle in handles:
                handle.remove()
    return seen


@contextmanager
def only_the_last(model: LanguageModel) -> Iterator[None]:
    """Inside the block, this thread's passes compute the logits of the last position alone: (B, 1, V).

    For a model whose last part is called `unembedding`; another computes them all.
    """
    last = getattr(model, "unembedding", None)
    thread = threading.get_ident()

    def cut(_module: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        return (inputs[0][:, -1:],) if threading.get_ident() == thread else inputs

    handle = last.register_forward_pre_hook(cut) if isinstance(last, nn.Module) else None
    try:
        yield
    finally:
        if handle is not None:
            handle.remove()
