"""The road from logits to the chosen token, as arrays to draw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from explorer.core.sampling import SamplingSettings, SamplingStages, sampling_stages
from explorer.models.generation import GeneratedToken, check_context_length, item_start, next_logits
from explorer.models.language_model import LanguageModel

WHOLE_VOCABULARY = 300  # tokens; up to this many, every one is shown
MOST_SHOWN = 60  # of a larger vocabulary, and the rest as one


@dataclass(frozen=True)
class SamplingReading:
    """One step of generation over the full vocabulary, every array (V,).

    logits, scaled: the model's scores before and after ÷ temperature. after_top_k, after_top_p: NaN for what has
    been filtered out. probabilities: what was drawn from, summing to 1. unfiltered: softmax of the
    logits at temperature 1, what the model itself believed. token, pointer: the choice, None while there is none.
    surprise: −log₂ unfiltered[token], in bits.
    """

    logits: np.ndarray
    scaled: np.ndarray
    after_top_k: np.ndarray
    after_top_p: np.ndarray
    probabilities: np.ndarray
    unfiltered: np.ndarray
    token: int | None
    pointer: float | None

    @property
    def surprise(self) -> float:
        """Raises ValueError where no token has been taken yet."""
        if self.token is None:
            raise ValueError("No token has been taken here yet, so there is no surprise.")
        return float(-np.log2(max(float(self.unfiltered[self.token]), 1e-300)))

    @property
    def kept(self) -> int:
        """Tokens that could still be drawn."""
        return int((self.probabilities > 0).sum())


def read_token(generated: GeneratedToken) -> SamplingReading:
    """The arrays of one generated token."""
    return read_stages(generated.stages, token=generated.token, pointer=generated.pointer)


def read_stages(stages: SamplingStages, *, token: int | None = None, pointer: float | None = None) -> SamplingReading:
    """The arrays of a step, before or after a token is taken there."""
    logits = stages.logits.double().numpy()
    exponents = np.exp(logits - logits.max())
    return SamplingReading(
        logits=logits,
        scaled=stages.scaled.double().numpy(),
        after_top_k=_open_filtered(stages.after_top_k.double().numpy()),
        after_top_p=_open_filtered(stages.after_top_p.double().numpy()),
        probabilities=stages.probabilities.double().numpy(),
        unfiltered=exponents / exponents.sum(),
        token=token,
        pointer=pointer,
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


STAGES = ("logits", "scaled", "after_top_k", "after_top_p", "probabilities")


@dataclass(frozen=True)
class ShownStages:
    """The stages of some tokens, the likeliest first, and of all others as one.

    ids: (N,) the tokens shown. values: (5, N), a row a stage of `STAGES`. n_others: tokens that are not shown. others:
    (5,) their stages as of one token: scores joined by log-sum-exp, which the softmax turns into the sum of their
    probabilities, and that sum; NaN where none is left, or none is hidden.
    """

    ids: np.ndarray
    values: np.ndarray
    n_others: int
    others: np.ndarray


def show_stages(reading: SamplingReading, *, whole: int = WHOLE_VOCABULARY, most: int = MOST_SHOWN) -> ShownStages:
    """All tokens of a vocabulary of at most `whole`, else the `most` of the largest logits and the one taken."""
    rows = np.stack([getattr(reading, stage) for stage in STAGES])  # (5, V)
    V = rows.shape[1]
    order = np.argsort(-reading.logits, kind="stable")
    ids = order if whole >= V else order[:most]
    if reading.token is not None and reading.token not in ids:
        ids = np.append(ids, reading.token)
    hidden = rows[:, np.setdiff1d(order, ids)]
    others = [*(_joined(scores) for scores in hidden[:4]), hidden[4].sum() if hidden.shape[1] else np.nan]
    return ShownStages(ids, rows[:, ids], V - len(ids), np.array(others))


def _joined(scores: np.ndarray) -> float:
    """ln Σ exp of the scores that are still in play."""
    scores = scores[~np.isnan(scores)]
    if not len(scores):
        return float("nan")
    return float(scores.max() + np.log(np.exp(scores - scores.max()).sum()))


@dataclass(frozen=True)
class PromptReading:
    """How surprised a model is by a prompt.

    start: the first token that is read; those before lie out of sight. surprises: (T,) −log₂ p of each token given
    those read before it, bits; NaN where there is no such number, as for the first one read.
    """

    start: int
    surprises: np.ndarray


@torch.no_grad()
def read_prompt(
    model: LanguageModel, ids: Sequence[int], context_length: int | None = None, boundary: int | None = None
) -> PromptReading:
    """One forward pass over what the model sees of the prompt when it writes the first token.

    Raises ValueError for a context length that the model does not have.
    """
    start = max(item_start(list(ids), boundary), len(ids) - check_context_length(model, context_length))
    surprises = np.full(len(ids), np.nan)
    if len(ids) - start > 1:
        window = torch.tensor([list(ids[start:])])
        logits = model(window[:, :-1])[0].double()  # (T, V)
        taken = logits.gather(1, window[0, 1:, None])[:, 0]
        surprises[start + 1 :] = ((logits.logsumexp(dim=1) - taken) / np.log(2)).numpy()
    return PromptReading(start, surprises)
