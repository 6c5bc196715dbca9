"""The held-out loss: every token of a split predicted once, averaged."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from explorer.core.probability import cross_entropy, normalise_counts
from explorer.models.bigram import count_bigrams, count_loss
from explorer.models.language_model import LanguageModel
from explorer.text.batches import consecutive_windows

TOKENS_PER_BATCH = 8192  # bounds memory; the result does not depend on it beyond rounding


@torch.no_grad()
def evaluate(model: LanguageModel, ids: Tensor) -> float:
    """Mean cross-entropy in nats of tokens 1 … N−1 of `ids`, (N,), in windows of the model's context length.

    Raises ValueError where there is nothing to predict. The model is left in the mode it came in.
    """
    if len(ids) < 2:
        raise ValueError(f"A held-out text needs at least 2 tokens to predict one, got {len(ids)}.")
    context_length = model.config.context_length
    was_training = model.training
    model.eval()
    total = 0.0
    for inputs, targets in consecutive_windows(ids, max(1, TOKENS_PER_BATCH // context_length), context_length):
        total += cross_entropy(model(inputs), targets).item() * targets.numel()
    model.train(was_training)
    return total / (len(ids) - 1)


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
