"""The settings of one training run."""

from __future__ import annotations

import math
from dataclasses import dataclass

from explorer.core.sampling import check_seed

OPTIMIZERS = {
    "adamw": "AdamW: every weight at its own pace.",
    "sgd": "Plain gradient descent.",
    "muon": "Muon: every matrix turned as a whole; AdamW for the rest.",
}
SCHEDULES = {
    "cosine": "Up in the warm-up, then down along half a cosine.",
    "linear": "Up in the warm-up, level for a while, then down along a line.",
    "constant": "The same rate throughout.",
    "step": "A tenth of it after half of the steps.",
}


@dataclass(frozen=True)
class TrainingConfig:
    """How to train. Raises ValueError naming the option that cannot be.

    steps: updates. batch_size: windows (of the model's context length) per update. learning_rate: the peak;
    final_learning_rate: where the cosine ends. warmup: steps up to the peak. weight_decay: on matrices only.
    clip: the largest norm the gradient may have. evaluate_every, sample_every: steps between held-out losses and
    between samples (0: only at the end; the end always has both). seed: of weights, batches and dropout.
    optimizer: one of `OPTIMIZERS`. schedule: of the learning rate, one of `SCHEDULES`; warmup and final_learning_rate
    are the cosine's and the line's. matrix_learning_rate, momentum: Muon's, for matrices; learning_rate is then for the
    rest. cooldown: the share of the steps over which the line falls. average: where above 0, held-out losses, samples
    and the final weights are a running mean of the weights, which keeps this share of itself at every step
    (Polyak & Juditsky, 1992); 0.999 remembers about 1,000 steps.
    """

    steps: int = 2000
    batch_size: int = 12
    learning_rate: float = 1e-3
    final_learning_rate: float = 1e-4
    warmup: int = 100
    weight_decay: float = 0.1
    beta1: float = 0.9
    beta2: float = 0.99
    clip: float = 1.0
    evaluate_every: int = 250
    sample_every: int = 0
    sample_length: int = 120
    seed: int = 1
    optimizer: str = "adamw"
    schedule: str = "cosine"
    matrix_learning_rate: float = 0.02
    momentum: float = 0.95
    cooldown: float = 1.0
    average: float = 0.0

    def __post_init__(self) -> None:
        for name in ("steps", "batch_size"):
            if not isinstance(getattr(self, name), int) or getattr(self, name) < 1:
                raise ValueError(f"{name} must be a whole number of at least 1, got {getattr(self, name)}.")
        counts = ("warmup", "evaluate_every", "sample_every", "sample_length")
        for name in (*counts, "weight_decay", "final_learning_rate"):
            if not (math.isfinite(getattr(self, name)) and getattr(self, name) >= 0):
                raise ValueError(f"{name} must be 0 or more, got {getattr(self, name)}.")
        for name in ("learning_rate", "matrix_learning_rate", "clip"):
            if not (math.isfinite(getattr(self, name)) and getattr(self, name) > 0):
                raise ValueError(f"{name} must be a positive number, got {getattr(self, name)}.")
        for name in ("beta1", "beta2", "momentum", "average"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 0 and below 1, got {getattr(self, name)}.")
        if not 0 < self.cooldown <= 1:
            raise ValueError(f"cooldown must be above 0 and at most 1, got {self.cooldown}.")
        for name, known in (("optimizer", OPTIMIZERS), ("schedule", SCHEDULES)):
            if getattr(self, name) not in known:
                raise ValueError(f"Expected {name} to be one of {', '.join(known)}, got {getattr(self, name)!r}.")
        check_seed(self.seed)
