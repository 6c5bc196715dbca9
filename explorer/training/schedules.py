"""How the learning rate moves while training."""

from __future__ import annotations

import math


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
