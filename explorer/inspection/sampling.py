"""The road from logits to the chosen token, as arrays to draw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from explorer.core.sampling import SamplingSettings, sampling_stages
from explorer.models.generation import GeneratedToken, item_start, next_logits
from explorer.models.language_model import LanguageModel


@dataclass(frozen=True)
class SamplingReading:
    """One step of generation over the full vocabulary, every array (V,).

    logits, scaled: the model's scores before and after ÷ temperature. after_top_k, after_top_p: NaN for what has
    been filtered out. probabilities: what was drawn from, summing to 1. unfiltered: softmax of the
    logits at temperature 1, what the model itself believed. token, pointer: the choice. surprise:
    −log₂ unfiltered[token], in bits.
    """

    logits: np.ndarray
    scaled: np.ndarray
    after_top_k: np.ndarray
    after_top_p: np.ndarray
    probabilities: np.ndarray
    unfiltered: np.ndarray
    token: int
    pointer: float

    @property
    def surprise(self) -> float:
        return float(-np.log2(max(float(self.unfiltered[self.token]), 1e-300)))

    @property
    def kept(self) -> int:
        """Tokens that could still be drawn."""
        return int((self.probabilities > 0).sum())


def read_token(generated: GeneratedToken) -> SamplingReading:
    """The arrays of one generated token."""
    stages = generated.stages
    logits = stages.logits.double().numpy()
    exponents = np.exp(logits - logits.max())
    return SamplingReading(
        logits=logits,
        scaled=stages.scaled.double().numpy(),
        after_top_k=_open_filtered(stages.after_top_k.double().numpy()),
        after_top_p=_open_filtered(stages.after_top_p.double().numpy()),
        probabilities=stages.probabilities.double().numpy(),
        unfiltered=exponents / exponents.sum(),
        token=generated.token,
        pointer=generated.pointer,
    )


def _open_filtered(scores: np.ndarray) -> np.ndarray:
    """−∞ as NaN, which charts leave open."""
    return np.where(np.isneginf(scores), np.nan, scores)


def read_step(
    model: LanguageModel,
    ids: Sequence[int],
    settings: SamplingSettings,
    *,
    token: int,
    pointer: float,
    context_length: int | None = None,
    boundary: int | None = None,
) -> SamplingReading:
    """Read again how `token` was chosen after `ids`: one forward pass instead of logits kept for every step.

    boundary: as it was when the token was generated.

    Raises ValueError for an empty text or a context length that the model does not have.
    """
    if not ids:
        raise ValueError("There is no text before this token to read.")
    logits = next_logits(model, list(ids), context_length, boundary)
    stages = sampling_stages(logits, settings)
    context = min(len(ids) - item_start(list(ids), boundary), model.config.context_length)
    return read_token(GeneratedToken(token, pointer, stages, context))
