"""Listen to a model while it runs: activations, attention patterns and gradients by hooks on named submodules.

Models know nothing of this; a name is the dotted path that `model.named_modules()` gives, and `*` stands for any
part of it: `blocks.*.attention.pattern` is every layer's attention pattern.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from fnmatch import fnmatchcase
from typing import Any

from torch import Tensor, nn


class Captured(dict[str, Tensor]):
    """Outputs by submodule name, in the order in which they were computed, each as the model made it.

    `gradients` holds ∂loss/∂output under the same names, after a backward pass, where they were asked for.
    """

    def __init__(self) -> None:
        super().__init__()
        self.gradients: dict[str, Tensor] = {}


@contextmanager
def capture(model: nn.Module, names: Sequence[str], *, gradients: bool = False) -> Iterator[Captured]:
    """Record what the named submodules put out during forward passes inside the `with` block.

    A later forward pass replaces an earlier one's values. Only passes of the calling thread are heard. Hooks are gone
    when the block ends, whatever happens in it. Raises ValueError for a name that matches nothing, saying what there is.

    >>> import torch
    >>> from explorer.models.gpt import GPT, GPTConfig
    >>> model = GPT(GPTConfig(vocab_size=5, context_length=4, n_layers=1, n_heads=2, d_model=8))
    >>> with capture(model, ["blocks.*.attention.pattern"]) as seen:
    ...     _ = model(torch.tensor([[0, 1, 2]]))
    >>> seen["blocks.0.attention.pattern"].shape
    torch.Size([1, 2, 3, 3])
    """
    modules = dict(model.named_modules())
    chosen: dict[str, nn.Module] = {}
    for pattern in names:
        found = {name: module for name, module in modules.items() if fnmatchcase(name, pattern)}
        if not found:
            raise ValueError(f"No part of the model is named {pattern!r}; there are {', '.join(list(modules)[1:8])}, …")
        chosen |= found
    captured = Captured()
    handles = [module.register_forward_hook(_Recorder(name, captured, gradients)) for name, module in chosen.items()]
    try:
        yield captured
    finally:
        for handle in handles:
            handle.remove()


class _Recorder:
    """A forward hook that keeps the output and, if asked, the gradient that later arrives at it.

    It hears only the thread that made it: visitors share one model, and each reads his own forward pass.
    """

    def __init__(self, name: str, captured: Captured, gradients: bool):
        self.name, self.captured, self.gradients = name, captured, gradients
        self.thread = threading.get_ident()

    def __call__(self, _module: nn.Module, _inputs: Any, output: Tensor) -> None:
        if threading.get_ident() != self.thread:
            return
        self.captured[self.name] = output.detach()
        if self.gradients and output.requires_grad:
            output.register_hook(self._keep_gradient)

    def _keep_gradient(self, gradient: Tensor) -> None:
        self.captured.gradients[self.name] = gradient.detach()
