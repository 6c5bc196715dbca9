"""Where a run computes, and how: the device, the precision of its products, and whether torch compiles the model.

float32 on the CPU, uncompiled, is the plain case: bit for bit the same again on the same machine, and after resuming.
"bfloat16" computes matrix products with 8 bits of precision (weights, sums and the optimizer stay in float32), which
pays where the hardware has such units: CUDA GPUs since Ampere, CPUs with AMX. Compiling fuses the many small operations
between the products; it costs from ten seconds to a minute at the start and, on the CPU, needs a C++ compiler.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass

import torch

DEVICES = ("auto", "cpu", "cuda", "mps")
PRECISIONS = ("auto", "float32", "bfloat16")


@dataclass(frozen=True)
class Hardware:
    """device: a torch device. precision: "float32" or "bfloat16", of the products. compiled: by torch.compile."""

    device: str = "cpu"
    precision: str = "float32"
    compiled: bool = False

    @property
    def uses_bfloat16(self) -> bool:
        return self.precision == "bfloat16"


def choose_hardware(device: str = "auto", precision: str = "auto", compiled: bool | None = None) -> Hardware:
    """What is asked for, and where it is left open ("auto", None) what helps here.

    A CUDA GPU is taken before an Apple one (MPS), and either before the CPU. On CUDA the products are in bfloat16 where
    the GPU has it, and the model is compiled; elsewhere float32 and uncompiled. Raises ValueError for a device that is
    not here, an unknown precision, or compiling on a CPU without a C++ compiler.
    """
    if device not in DEVICES:
        raise ValueError(f"Expected a device among {', '.join(DEVICES)}, got {device!r}.")
    if precision not in PRECISIONS:
        raise ValueError(f"Expected a precision among {', '.join(PRECISIONS)}, got {precision!r}.")
    here = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if device == "auto":
        device = next(name for name in ("cuda", "mps", "cpu") if here[name])
    if not here[device]:
        there = ", ".join(name for name, is_here in here.items() if is_here)
        raise ValueError(f"This machine has no device {device!r} that torch can use; it has {there}.")
    if precision == "auto":
        precision = "bfloat16" if device == "cuda" and torch.cuda.is_bf16_supported() else "float32"
    if compiled is None:
        compiled = device == "cuda"
    if compiled and device == "cpu" and not any(map(shutil.which, ("g++", "clang++", "c++"))):
        raise ValueError(
            "Compiling on the CPU needs a C++ compiler (g++ or clang++), and none was found; leave it out."
        )
    return Hardware(device, precision, compiled)
