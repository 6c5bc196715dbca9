"""How the learning rate moves while training."""

from __future__ import annotations

import math

from explorer.training.config import TrainingConfig


def warmup_cosine(step: int, *, steps: int, warmup: int, peak: float, final: float) -> float:
    """Straight up from 0 to `peak` in `warmup` steps, then half a cosine down to `final` at the last of `steps`.

    `step` counts from 0. Warm-up keeps the first updates small while AdamW's averages are still guesses; the
    cosine is from Loshchilov & Hutter (2017).

    >>> [round(warmup_cosine(i, steps=5, warmup=2, peak=1.0, final=0.1), 3) for i in range(5)]
    [0.5, 1.0, 1.0, 0.55, 0.1]
    """
    if step < warmup:
        return peak * (step + 1) / warmup
    progress = (step - warmup) / max(1, steps - 1 - warmup)
    return final + 0.5 * (peak - final) * (1 + math.cos(math.pi * min(1.0, progress)))


def learning_rate_at(step: int, config: TrainingConfig) -> float:
    """The learning rate of update `step`, counted from 0, by the config's schedule.

    "cosine" is `warmup_cosine`; "constant" stays at the peak; "step" falls to a tenth after half of the steps, as the
    makemore lectures do by hand.

    >>> [learning_rate_at(i, TrainingConfig(steps=4, learning_rate=0.1, schedule="step")) for i in range(4)]
    [0.1, 0.1, 0.01, 0.01]
    """
    if config.schedule == "constant":
        return config.learning_rate
    if config.schedule == "step":
        return config.learning_rate if step < config.steps / 2 else config.learning_rate / 10
    return warmup_cosine(
        step,
        steps=config.steps,
        warmup=min(config.warmup, config.steps - 1),
        peak=config.learning_rate,
        final=min(config.final_learning_rate, config.learning_rate),
    )
