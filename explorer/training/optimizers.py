"""What turns gradients into updates: AdamW (Loshchilov & Hutter, 2019), or plain gradient descent."""

from __future__ import annotations

import torch
from torch import nn

from explorer.training.config import TrainingConfig


def make_adamw(model: nn.Module, config: TrainingConfig) -> torch.optim.AdamW:
    """AdamW that pulls matrices towards zero and leaves vectors (biases, norms) alone.

    A bias or a norm's scale has no neighbour to be redundant with, so shrinking it only costs accuracy.
    """
    parameters = [p for p in model.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in parameters if p.dim() >= 2], "weight_decay": config.weight_decay},
        {"params": [p for p in parameters if p.dim() < 2], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(
        [group for group in groups if group["params"]],
        lr=config.learning_rate,
        betas=(config.beta1, config.beta2),
        fused=True,
    )


def make_optimizer(model: nn.Module, config: TrainingConfig) -> torch.optim.Optimizer:
    """The optimizer that `config.optimizer` names: "adamw", or "sgd", which follows the gradient and nothing else."""
    if config.optimizer == "sgd":
        parameters = [p for p in model.parameters() if p.requires_grad]
        return torch.optim.SGD(parameters, lr=config.learning_rate, weight_decay=config.weight_decay)
    return make_adamw(model, config)
