"""A tiny training run for tests: it yields as fast or as slowly as its spec says, and can fail on purpose."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Spec:
    steps: int = 1_000_000
    seconds_per_step: float = 0.001
    fails_at: int | None = None
    seed: int = 0


@dataclass(frozen=True)
class Progress:
    step: int
    steps: int
    loss: float


def countdown(spec: Spec) -> Iterator[Progress]:
    """Losses that fall towards zero, with noise from the spec's seed."""
    generator = random.Random(spec.seed)
    for step in range(1, spec.steps + 1):
        if step == spec.fails_at:
            raise ValueError("The loss is no longer a number: use a *smaller* learning rate <here>.")
        time.sleep(spec.seconds_per_step)
        yield Progress(step, spec.steps, 1 / step + generator.random() / 10)


class Gated:
    """A factory whose every step waits to be let through, so that a test decides what is in hand when."""

    def __init__(self) -> None:
        self.asked = threading.Semaphore(0)  # released when the run asks for a step
        self.gate = threading.Semaphore(0)  # released by the test to let one step finish
        self.threads: list[int] = []
        self.closed_in: int | None = None

    def __call__(self, spec: Spec) -> Iterator[Progress]:
        try:
            for step in range(1, spec.steps + 1):
                self.threads.append(threading.get_ident())
                self.asked.release()
                if not self.gate.acquire(timeout=10):
                    raise TimeoutError("The test never let this step finish.")
                yield Progress(step, spec.steps, 1 / step)
        finally:
            self.closed_in = threading.get_ident()
