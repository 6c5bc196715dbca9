"""How fast a run will be, said before it starts: its arithmetic counted, or a few of its updates timed.

The count is of multiplications and additions in matrix products, by torch's own counter, over a model without numbers;
backward costs about twice forward (Kaplan et al., 2020). How many a second a machine makes is learned from the runs it
has made.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from explorer.models.registry import build_model, shape_only
from explorer.models.window_model import WindowModel
from explorer.training.config import TrainingConfig
from explorer.training.optimizers import make_optimizer

BACKWARD = 3  # forward and backward together, in forward passes
TRIAL_UPDATES = 3


@dataclass(frozen=True)
class Machine:
    """flops: a second, in products large enough to fill it. overhead: seconds that every layer of an update takes
    however small it is. The defaults are of the two cores this was written on."""

    flops: float = 2.5e10
    overhead: float = 2.0e-4


def update_flops(architecture: str, config: Any, batch_size: int) -> int:
    """Floating-point operations of one update: forward and backward over a batch of full windows."""
    model = shape_only(architecture, config)
    ids = torch.zeros(batch_size, config.context_length, dtype=torch.long, device="meta")
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model.eval()
        _ = model.score_windows(ids) if isinstance(model, WindowModel) else model(ids)
    return BACKWARD * int(counter.get_total_flops())


def layers_of(architecture: str, config: Any) -> int:
    """Modules that have no parts: what an update has to call, one after the other."""
    return sum(not list(module.children()) for module in shape_only(architecture, config).modules())


def estimate_seconds(architecture: str, config: Any, batch_size: int, machine: Machine = Machine()) -> float:
    """Seconds an update will take, by count: a rough figure, which the first runs on a machine correct."""
    work = update_flops(architecture, config, batch_size) / machine.flops
    return work + machine.overhead * layers_of(architecture, config)


def measure_seconds(architecture: str, config: Any, training: TrainingConfig) -> float:
    """Seconds an update takes, by making a few on random tokens; the first, which warms up, is left out."""
    model = build_model(architecture, config)
    optimizer = make_optimizer(model, training)
    generator = torch.Generator().manual_seed(0)
    shape = (training.batch_size, config.context_length)
    began = time.perf_counter()
    with torch.enable_grad():
        for i in range(TRIAL_UPDATES + 1):
            ids = torch.randint(config.vocab_size, shape, generator=generator)
            targets = ids[:, -1] if isinstance(model, WindowModel) else ids
            loss = model.loss(ids, targets)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            if i == 0:
                first = time.perf_counter() - began
                began = time.perf_counter()
                if first > 4:  # seconds: one update says enough
                    return first
    return (time.perf_counter() - began) / TRIAL_UPDATES
