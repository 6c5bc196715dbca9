"""How much memory a training run will take, said before anything is allocated."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from explorer.models.registry import shape_only
from explorer.models.window_model import WindowModel

BYTES = 4  # of a number in float32
COPIES = 5  # of every parameter: itself, its gradient, the last good one and AdamW's two averages


def training_bytes(architecture: str, config: Any, batch_size: int) -> int:
    """About how many bytes a run takes: five copies of the parameters, and twice what every layer gives out.

    The layers' outputs are counted by passing shapes, without numbers, through the model once. Small temporaries are
    left out. Raises ValueError for sizes that cannot even be counted.
    """
    model = shape_only(architecture, config)
    outputs = 0

    def count(_module: nn.Module, _inputs: Any, output: Any) -> None:
        nonlocal outputs
        outputs += output.numel() if isinstance(output, Tensor) else 0

    hooks = [m.register_forward_hook(count) for m in model.modules() if not list(m.children())]
    try:
        ids = torch.zeros(batch_size, config.context_length, dtype=torch.long, device="meta")
        with torch.no_grad():
            model.eval()
            logits = model.score_windows(ids) if isinstance(model, WindowModel) else model(ids)
    except RuntimeError as error:
        raise ValueError(
            f"A batch of {batch_size} through {config} is beyond any machine; choose smaller numbers."
        ) from error
    finally:
        for hook in hooks:
            hook.remove()
    softmax_of_logits = 2 * logits.numel()
    return BYTES * (COPIES * model.parameter_count() + 2 * outputs + softmax_of_logits)


def check_fits(architecture: str, config: Any, batch_size: int, limit: int) -> int:
    """The bytes a run takes; raises ValueError where they exceed `limit`, naming both."""
    needed = training_bytes(architecture, config, batch_size)
    if needed > limit:
        raise ValueError(
            f"This run would take about {in_words(needed)} of memory; here a run may take {in_words(limit)}. "
            "Choose a smaller width, fewer layers or a smaller batch."
        )
    return needed


def in_words(count: int) -> str:
    """Bytes as people read them.

    >>> in_words(1_530_000), in_words(7_200_000_000_000)
    ('1.5 MB', '7.2 TB')
    """
    amount = float(count)
    for unit in ("bytes", "kB", "MB", "GB", "TB", "PB"):
        if amount < 1000:
            return f"{amount:.0f} bytes" if unit == "bytes" else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:,.0f} EB"
