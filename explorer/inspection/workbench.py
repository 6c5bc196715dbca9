"""What a run of the workbench is watched with, and how several are compared."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from explorer.inspection.capture import capture
from explorer.models.language_model import LanguageModel

MOST_NUMBERS = 60_000  # of one reading: its prompt is cut to that


@torch.no_grad()
def read_attention(model: LanguageModel, ids: Sequence[int]) -> np.ndarray | None:
    """Every head's attention to a prompt, (L, H, T, T) as bytes of which 255 is 1; None where nothing attends.

    T is the prompt's length, or as much of its beginning as keeps the reading small.
    """
    blocks = getattr(model, "blocks", ())
    heads = getattr(model.config, "n_heads", 0)
    if not len(blocks) or not heads or not ids:
        return None
    longest = max(2, math.isqrt(MOST_NUMBERS // (len(blocks) * heads)))
    with capture(model, ["blocks.*.attention.pattern"]) as seen:
        model(torch.tensor([list(ids)[:longest]]))
    patterns = torch.stack([pattern[0] for pattern in seen.values()]).numpy()
    return np.rint(255 * np.nan_to_num(patterns)).astype(np.uint8)  # of weights that broke, nothing


def differences(runs: Mapping[str, Mapping[str, Any]]) -> dict[str, list[Any]]:
    """The settings in which runs differ: by setting, one value a run; "–" for a run that does not have it.

    >>> differences({"a": {"rate": 0.1, "seed": 1}, "b": {"rate": 0.2, "seed": 1, "heads": 2}})
    {'rate': [0.1, 0.2], 'heads': ['–', 2]}
    """
    names = list(dict.fromkeys(name for run in runs.values() for name in run))
    table = {name: [run.get(name, "–") for run in runs.values()] for name in names}
    return {name: values for name, values in table.items() if any(value != values[0] for value in values)}
