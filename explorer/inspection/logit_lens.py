"""The logit lens: what the model would say if it stopped at any depth (nostalgebraist, 2020).

The stream after each sublayer goes through the model's own final norm and unembedding, as if the rest of the model
were not there. The last row is the model's real output. Early rows were never trained to be read so: they show what
of the answer already lies where the end will look for it.

Shapes: R depths, N positions shown, K tokens kept a cell, C channels, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from explorer.core.attention import softmax
from explorer.inspection.residual_stream import LOGITS_AT_ONCE, has_stream, run, score
from explorer.models.language_model import LanguageModel


@dataclass(frozen=True, eq=False)
class LensReading:
    """The lens over positions `first` … first + N − 1 of a prompt.

    depths: R names, the start first. tokens: (R, N, K) ids, the likeliest first. probabilities: (R, N, K).
    next_ids: (N,) the token that really follows, −1 after the last. next_ranks: (R, N) its place among all V, 1 for
    the likeliest, 0 where nothing follows. next_probabilities: (R, N), NaN where nothing follows.
    """

    depths: tuple[str, ...]
    first: int
    tokens: np.ndarray
    probabilities: np.ndarray
    next_ids: np.ndarray
    next_ranks: np.ndarray
    next_probabilities: np.ndarray


@torch.no_grad()
def read_lens(model: LanguageModel, ids: Sequence[int], *, first: int, count: int, top: int = 10) -> LensReading:
    """Read `count` positions of a prompt at every depth, keeping the `top` likeliest tokens of each.

    Raises ValueError for positions that the prompt does not have, and for a model without residual paths, whose
    vectors before the end are not of the kind that its unembedding reads.
    """
    if not has_stream(model):
        raise ValueError(
            "The logit lens reads a stream that every part adds to; this model has no residual paths, so each part "
            "replaces what was there and only the last one writes for the unembedding."
        )
    if first < 0 or count < 1 or first + count > len(ids):
        raise ValueError(f"The prompt has {len(ids)} tokens; there are no {count} positions from {first} on.")
    depths = run(model, ids).depths()
    following = torch.tensor([*ids[1:], -1][first : first + count])
    top = min(top, int(model.config.vocab_size))
    rows = torch.cat([stream[first : first + count] for _, stream in depths])  # (R · N, C)
    next_ids = following.repeat(len(depths))
    size = max(1, LOGITS_AT_ONCE // int(model.config.vocab_size))
    tokens, probabilities, ranks, chances = [], [], [], []
    for i in range(0, len(rows), size):
        p = softmax(score(model, rows[i : i + size]))  # (n, V)
        best = p.topk(top)
        own = p.gather(-1, next_ids[i : i + size].clamp(min=0)[:, None])
        tokens.append(best.indices)
        probabilities.append(best.values)
        chances.append(own[:, 0])
        ranks.append((p > own).sum(dim=-1) + 1)
    shape = (len(depths), count)
    known = following >= 0
    return LensReading(
        tuple(name for name, _ in depths),
        first,
        torch.cat(tokens).view(*shape, top).numpy(),
        torch.cat(probabilities).view(*shape, top).numpy(),
        following.numpy(),
        torch.where(known, torch.cat(ranks).view(shape), 0).numpy(),
        torch.where(known, torch.cat(chances).view(shape), float("nan")).numpy(),
    )
