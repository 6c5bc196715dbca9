"""A model with room for its numbers and none in it yet: for weights that are read from a file right after."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from explorer.models.language_model import LanguageModel
from explorer.models.registry import build_model, shape_only


def unfilled_model(architecture: str, config: Any) -> LanguageModel:
    """The model, every parameter and stored buffer allocated and arbitrary; tied ones stay one.

    Drawing 124 million random numbers to throw them away takes seconds. A model that holds more than its state dict
    (tables it works out when it is made) is built as usual. Raises RuntimeError, MemoryError or ValueError for a size
    that does not fit.
    """
    model = shape_only(architecture, config)
    if _holds_more(model):
        return build_model(architecture, config)
    made: dict[int, nn.Parameter] = {}
    for module in model.modules():
        for name, parameter in list(module.named_parameters(recurse=False)):
            if id(parameter) not in made:
                made[id(parameter)] = nn.Parameter(torch.empty_like(parameter, device="cpu"), parameter.requires_grad)
            setattr(module, name, made[id(parameter)])
        for name, buffer in list(module.named_buffers(recurse=False)):
            setattr(module, name, torch.empty_like(buffer, device="cpu"))
    return model


def _holds_more(model: LanguageModel) -> bool:
    """Whether there are tensors that no state dict would bring back."""
    stored = set(model.state_dict())
    plain = (value for module in model.modules() for value in vars(module).values())
    return any(name not in stored for name, _ in model.named_buffers()) or any(isinstance(v, Tensor) for v in plain)
