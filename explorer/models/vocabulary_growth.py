"""A trained model learns new symbols: rows for them are added to its tables, and the old rows stay as they are.

What is new begins as the mean of what is there (Hewitt, 2021): the score of a new symbol is then the mean of the old
scores, so that it takes little probability from any of them, whatever was read. Old symbols keep their ids and their
logits, to the last bit of a matrix product.

Legend: V old vocabulary size, W ≥ V new one.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from explorer.models.checkpoints import own_tensors
from explorer.models.language_model import LanguageModel
from explorer.models.registry import build_model
from explorer.text.tokenizers import CharTokenizer, Tokenizer


def grow_tokenizer(tokenizer: Tokenizer, text: str) -> Tokenizer:
    """The tokenizer with what the text has and it lacks, after the old symbols.

    Characters only: byte pairs can write anything already, and words that are not known stay `<unk>`.

    >>> grow_tokenizer(CharTokenizer("ab"), "cabbage").characters
    'abceg'
    """
    if not isinstance(tokenizer, CharTokenizer):
        return tokenizer
    return CharTokenizer(tokenizer.characters + "".join(sorted(tokenizer.missing(text))))


def grow_vocabulary(model: LanguageModel, architecture: str, vocab_size: int) -> LanguageModel:
    """A copy of the model for `vocab_size` symbols, in evaluation mode; tied tables stay tied.

    Raises ValueError for fewer symbols than it has.
    """
    old_size = model.config.vocab_size
    if vocab_size < old_size:
        raise ValueError(f"A vocabulary can only grow: expected at least {old_size} symbols, got {vocab_size}.")
    grown = build_model(architecture, replace(model.config, vocab_size=vocab_size))
    old = own_tensors(model)
    for name, tensor in own_tensors(grown).items():
        tensor.copy_(_grown(old[name], tuple(tensor.shape)))
    return grown.eval()


def _grown(tensor: Tensor, shape: tuple[int, ...]) -> Tensor:
    """The tensor with its short dimensions filled up to `shape` by the mean along them."""
    for dim, size in enumerate(shape):
        more = size - tensor.shape[dim]
        if more:
            mean = tensor.mean(dim=dim, keepdim=True)
            tensor = torch.cat([tensor, mean.repeat_interleave(more, dim=dim)], dim=dim)
    return tensor
