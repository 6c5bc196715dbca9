"""Fine-tuning: a trained model goes on learning from another text, and what it forgets of the old one is measured."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch

from explorer.core.layers import Dropout
from explorer.models.checkpoints import Checkpoint
from explorer.models.language_model import LanguageModel
from explorer.models.vocabulary_growth import grow_tokenizer, grow_vocabulary
from explorer.text.batches import Splits, boundary_token, split_corpus
from explorer.text.corpora import CORPORA, is_local, load_corpus
from explorer.text.tokenizers import Tokenizer
from explorer.training.evaluation import evaluate

# What suits a model that knows a language already: a low rate, so that little is forgotten, and few steps.
SETTINGS: dict[str, Any] = {
    "steps": 500,
    "batch_size": 16,
    "learning_rate": 3e-4,
    "final_learning_rate": 3e-5,
    "warmup": 50,
    "evaluate_every": 100,
}


@dataclass(frozen=True)
class Beginning:
    """model: a copy of the checkpoint's, with rows for new symbols. added: how many. facts: what the new card says of
    where the weights came from."""

    model: LanguageModel
    tokenizer: Tokenizer
    architecture: str
    added: int
    facts: dict[str, Any]


def begin_from(checkpoint: Checkpoint, text: str, *, dropout: float | None = None) -> Beginning:
    """A checkpoint made ready to learn from `text`: characters it lacks are added to its vocabulary.

    dropout: while it learns, where it shall be another than before; raises ValueError for a model that has none.
    """
    tokenizer = grow_tokenizer(checkpoint.tokenizer, text)
    architecture = checkpoint.card["architecture"]
    model = grow_vocabulary(checkpoint.model, architecture, tokenizer.vocab_size)
    if dropout is not None:
        _set_dropout(model, dropout)
    added = tokenizer.vocab_size - checkpoint.tokenizer.vocab_size
    facts = {"name": checkpoint.name, "sha256": checkpoint.card["weights"]["sha256"], "added_symbols": added}
    return Beginning(model, tokenizer, architecture, added, facts)


def _set_dropout(model: LanguageModel, dropout: float) -> None:
    if not hasattr(model.config, "dropout"):
        raise ValueError(f"The model {type(model).__name__} has no dropout; leave it out.")
    model.config = replace(model.config, dropout=dropout)
    for module in model.modules():
        if isinstance(module, Dropout):
            module.p = dropout


def old_splits(card: dict[str, Any]) -> tuple[str, Splits] | None:
    """The text that a checkpoint was trained on, by name and split; None where it is not on this machine unchanged."""
    described = card.get("corpus", {})
    name = described.get("name")
    if name not in CORPORA or not is_local(name):
        return None
    corpus = load_corpus(name)
    return (name, split_corpus(corpus)) if corpus.sha256 == described.get("sha256") else None


def held_out_loss(model: LanguageModel, tokenizer: Tokenizer, splits: Splits) -> float:
    """Mean loss in nats a token over the whole held-out part."""
    return evaluate(model, torch.tensor(tokenizer.encode(splits.validation)), boundary_token(splits, tokenizer))
