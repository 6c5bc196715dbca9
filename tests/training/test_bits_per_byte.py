"""Losses under different tokenizers are compared per byte."""

from __future__ import annotations

import math

import pytest
import torch

from explorer.models.bigram import Bigram, BigramConfig
from explorer.text.batches import Splits, split_items
from explorer.text.bpe import BPETokenizer
from explorer.text.corpora import load_corpus
from explorer.text.tokenizers import CharTokenizer, WordTokenizer, learn_tokenizer
from explorer.training.config import TrainingConfig
from explorer.training.evaluation import baseline_samples, bits_per_byte
from explorer.training.trainer import Trainer

TEXT = load_corpus("tale").text[:3000] + " é 日本"


def test_a_text_that_costs_eight_bits_a_byte_does_so_under_any_tokenizer() -> None:
    """Guessing bytes evenly costs 8 bits each; as a loss per token that is 8 bits times a token's mean bytes."""
    for tokenizer in (CharTokenizer.from_text(TEXT), BPETokenizer.train(TEXT, 300), BPETokenizer()):
        ids = tokenizer.encode(TEXT)
        n_bytes = len(TEXT.encode()) - len(tokenizer.decode(ids[:1]).encode())
        per_token = 8 * math.log(2) * n_bytes / (len(ids) - 1)
        assert bits_per_byte(per_token, tokenizer, TEXT) == pytest.approx(8)


def test_a_text_that_begins_within_a_character_is_counted_by_its_bytes() -> None:
    assert bits_per_byte(math.log(2), BPETokenizer(), "é") == pytest.approx(1)


def test_a_tokenizer_that_loses_text_has_no_bits_per_byte() -> None:
    assert bits_per_byte(2.0, WordTokenizer.from_text(TEXT), TEXT) is None
    assert bits_per_byte(2.0, CharTokenizer("a"), "a") is None


@pytest.mark.parametrize("kind", ["char", "word", "bpe"])
def test_the_trainer_takes_any_tokenizer(kind: str) -> None:
    splits = Splits(TEXT[:2500], TEXT[2500:], "")
    tokenizer = learn_tokenizer(kind, TEXT, splits.train, 290)
    config = TrainingConfig(steps=2, batch_size=4, sample_every=1, sample_length=5, evaluate_every=1)
    *_, last = Trainer(Bigram(BigramConfig(tokenizer.vocab_size)), tokenizer, splits, config)
    assert last.validation_loss is not None
    assert isinstance(last.sample, str)
    train_ids = torch.tensor(tokenizer.encode(splits.train))
    assert set(baseline_samples(train_ids, tokenizer, None, length=5)) == {"uniform", "unigram", "bigram"}


def test_learned_tokenizers_see_the_training_part_alone() -> None:
    assert "zebra" not in learn_tokenizer("word", "the cat zebra", "the cat").labels
    assert learn_tokenizer("word", TEXT, TEXT, 50).vocab_size == 50
    with pytest.raises(ValueError, match="kind among char, word, bpe, got 'letters'"):
        learn_tokenizer("letters", TEXT, TEXT)


def test_items_need_a_tokenizer_that_keeps_line_breaks() -> None:
    splits = split_items(["emma", "ava", "mia", "zoe", "ida", "eva", "amy", "ann", "joy", "kim"] * 4)
    tokenizer = WordTokenizer.from_text(splits.train)
    with pytest.raises(ValueError, match="does not keep line breaks; choose characters or bpe"):
        Trainer(Bigram(BigramConfig(tokenizer.vocab_size)), tokenizer, splits, TrainingConfig(steps=1))
