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


def warmup_linear(step: int, *, steps: int, warmup: int, cooldown: float, peak: float, final: float) -> float:
    """Up along a line during `warmup`, level, then down along a line over the last share `cooldown` of the steps.

    The last update, step `steps` − 1, is one line's step above `final`; `final` itself would be reached at `steps`.

    >>> [warmup_linear(i, steps=4, warmup=0, cooldown=0.5, peak=1.0, final=0.0) for i in range(4)]
    [1.0, 1.0, 1.0, 0.5]
    """
    if step < warmup:
        return peak * (step + 1) / warmup
    remaining = (steps - step) / max(1.0, cooldown * steps)
    return final + (peak - final) * min(1.0, remaining)


def learning_rate_at(step: int, config: TrainingConfig) -> float:
    """The learning rate of update `step`, counted from 0, by the config's schedule.

    "cosine" is `warmup_cosine`; "linear" is `warmup_linear`; "constant" stays at the peak; "step" falls to a tenth after
    half of the steps, as the makemore lectures do by hand.

    >>> [learning_rate_at(i, TrainingConfig(steps=4, learning_rate=0.1, schedule="step")) for i in range(4)]
    [0.1, 0.1, 0.01, 0.01]
    """
    if config.schedule == "constant":
        return config.learning_rate
    if config.schedule == "step":
        return config.learning_rate if step < config.steps / 2 else config.learning_rate / 10
    warmup, final = min(config.warmup, config.steps - 1), min(config.final_learning_rate, config.learning_rate)
    if config.schedule == "linear":
        return warmup_linear(
            step, steps=config.steps, warmup=warmup, cooldown=config.cooldown, peak=config.learning_rate, final=final
        )
    return warmup_cosine(step, steps=config.steps, warmup=warmup, peak=config.learning_rate, final=final)
