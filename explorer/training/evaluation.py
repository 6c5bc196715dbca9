"""The held-out loss: every token of a split predicted once, averaged."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from explorer.core.probability import bits, normalise_counts
from explorer.core.sampling import SamplingSettings
from explorer.models.bigram import Bigram, count_bigrams, count_loss
from explorer.models.generation import generate
from explorer.models.language_model import LanguageModel
from explorer.text.batches import Batches, make_batches, start_of_text
from explorer.text.bpe_merges import to_bytes
from explorer.text.tokenizers import Tokenizer

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
    device = next(model.parameters()).device
    total, predicted = 0.0, 0
    for inputs, targets in batches.all(max(1, TOKENS_PER_BATCH // model.config.context_length)):
        count = int((targets >= 0).sum())
        total += model.loss(inputs.to(device), targets.to(device)).item() * count
        predicted += count
    model.train(was_training)
    return total / predicted


def bits_per_byte(loss: float, tokenizer: Tokenizer, text: str) -> float | None:
    """A mean loss in nats per token, over all tokens of `text` but the first, as bits per byte of UTF-8.

    Losses per token cannot be compared between tokenizers, since a longer token is harder to guess and there are fewer
    of them; what a byte of the same text costs can. None for a tokenizer that loses part of the text: it has less to
    predict. Rounded to 6 places.
    """
    ids = tokenizer.encode(text)
    if len(ids) < 2 or tokenizer.decode(ids) != text:
        return None
    token_bytes = getattr(tokenizer, "token_bytes", None)  # a byte-level token may be half a character
    first = to_bytes(tokenizer.decode(ids[:1])) if token_bytes is None else token_bytes(ids[0])
    return round(bits(loss) * (len(ids) - 1) / (len(to_bytes(text)) - len(first)), 6)


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


def baseline_samples(
    train_ids: Tensor, tokenizer: Tokenizer, boundary: int | None, *, length: int = 120, seed: int = 1
) -> dict[str, str]:
    """What the three models of `baselines` write, by name: `length` tokens each, from the start of a text."""
    V = tokenizer.vocab_size
    occurrences = torch.bincount(train_ids, minlength=V).expand(V, V)
    tables = {
        "uniform": torch.ones(V, V),
        "unigram": normalise_counts(occurrences, 1),
        "bigram": normalise_counts(count_bigrams(train_ids, V), 1),
    }
    texts = {}
    for name, table in tables.items():
        model = Bigram.from_counts(table)
        tokens = generate(model, start_of_text(tokenizer), length, SamplingSettings(), seed=seed, boundary=boundary)
        texts[name] = tokenizer.decode([generated.token for generated in tokens])
    return texts
