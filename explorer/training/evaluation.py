"""The held-out loss: every token of a split predicted once, averaged."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from explorer.core.probability import normalise_counts
from explorer.models.bigram import count_bigrams, count_loss
from explorer.models.language_model import LanguageModel
from explorer.text.batches import Batches, make_batches

TOKENS_PER_BATCH = 8192  # bounds memory; the result does not depend on it beyond rounding


def evaluate(model: LanguageModel, ids: Tensor, boundary: int | None = None) -> float:
    """Mean cross-entropy in nats of tokens 1 … N−1 of `ids`, (N,), in windows of the model's context length.

    Where the text is a list of items, `boundary` is the token between them and no window reaches into another item.
    Raises ValueError where there is nothing to predict. The model is left in the mode it came in.
    """
    if len(ids) < 2:
        raise ValueError(f"A held-out text needs at least 2 tokens to predict one, got {len(ids)}.")
    return mean_loss(
        model, make_batches(ids, model.config.context_length, boundary=boundary, windows=model.reads_windows)
    )


@torch.no_grad()
def mean_loss(model: LanguageModel, batches: Batches) -> float:
    """Mean cross-entropy in nats over all of a split."""
    was_training = model.training
    model.eval()
    total, predicted = 0.0, 0
    for inputs, targets in batches.all(max(1, TOKENS_PER_BATCH // model.config.context_length)):
        count = int((targets >= 0).sum())
        total += model.loss(inputs, targets).item() * count
        predicted += count
    model.train(was_training)
    return total / predicted


def baselines(train_ids: Tensor, validation_ids: Tensor, vocab_size: int) -> dict[str, float]:
    """What three models that anyone can work out by hand score on the same held-out text, in nats.

    uniform: no preference, ln V. unigram: how often each token occurs. bigram: how often each follows each. Both are
    counted on `train_ids` with 1 added to every count, so that nothing held out is impossible.
    """
    pairs = count_bigrams(validation_ids, vocab_size)
    occurrences = torch.bincount(train_ids, minlength=vocab_size)[None]
    return {
        "uniform": round(math.log(vocab_size), 4),
        "unigram": round(count_loss(pairs.sum(dim=0, keepdim=True), normalise_counts(occurrences, 1)), 4),
        "bigram": round(count_loss(pairs, normalise_counts(count_bigrams(train_ids, vocab_size), 1)), 4),
    }
