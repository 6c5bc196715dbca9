"""A grown vocabulary: old symbols keep ids, rows and logits; new ones begin as the mean."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from explorer.models.registry import ARCHITECTURES, build_config, build_model
from explorer.models.vocabulary_growth import grow_tokenizer, grow_vocabulary
from explorer.text.bpe import BPETokenizer
from explorer.text.tokenizers import CharTokenizer, WordTokenizer

SMALL: dict[str, dict[str, Any]] = {
    "bigram": {},
    "mlp": {"context_length": 3, "d_embedding": 4, "d_hidden": 8, "n_hidden_layers": 2, "batch_norm": True},
    "wavenet": {"context_length": 4, "d_embedding": 4, "d_hidden": 8},
    "decoder": {"context_length": 8, "n_layers": 1, "n_heads": 2, "d_model": 7 * 2},
    "gpt": {"context_length": 8, "n_layers": 2, "n_heads": 2, "d_model": 16},
    "modern": {"context_length": 8, "n_layers": 2, "n_heads": 2, "d_model": 16},
}


@pytest.mark.parametrize("architecture", list(ARCHITECTURES))
def test_before_any_training_the_logits_of_the_old_symbols_are_those_of_the_old_model(architecture: str) -> None:
    # 14 symbols, as wide as the decoder here: only the vocabulary may grow, not what happens to be as large.
    config = build_config(architecture, {"vocab_size": 14, **SMALL.get(architecture, {})})
    model = build_model(architecture, config, seed=5).eval()
    for p in model.parameters():  # an unembedding that begins at zero would prove nothing
        p.data += 0.1 * torch.randn(p.shape, generator=torch.Generator().manual_seed(1))
    ids = torch.randint(14, (3, min(8, config.context_length)), generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        before = model(ids)
        after = grow_vocabulary(model, architecture, 19)(ids)
    assert after.shape == (*ids.shape, 19)
    torch.testing.assert_close(after[..., :14], before, rtol=0, atol=2e-6)
    if architecture != "mlp":  # here BatchNorm comes after the last linear layer, and a mean of ratios is no ratio
        mean = before.mean(-1, keepdim=True).expand(*ids.shape, 5)
        torch.testing.assert_close(after[..., 14:], mean, rtol=0, atol=1e-5)


def test_the_old_rows_are_equal_bit_for_bit_and_tied_tables_stay_tied() -> None:
    model = build_model("gpt", build_config("gpt", {"vocab_size": 9, **SMALL["gpt"]}), seed=3)
    grown: Any = grow_vocabulary(model, "gpt", 12)
    assert torch.equal(grown.token_embedding.weight[:9], model.get_parameter("token_embedding.weight"))
    assert grown.unembedding.weight is grown.token_embedding.weight
    assert grown.parameter_count() == model.parameter_count() + 3 * 16


def test_the_model_that_is_grown_is_left_alone_and_none_can_shrink() -> None:
    model = build_model("gpt", build_config("gpt", {"vocab_size": 9, **SMALL["gpt"]}), seed=3)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    grown = grow_vocabulary(model, "gpt", 9)
    for p in grown.parameters():
        p.data.zero_()
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    with pytest.raises(ValueError, match="can only grow: expected at least 9 symbols, got 8"):
        grow_vocabulary(model, "gpt", 8)


def test_old_characters_keep_their_ids_and_new_ones_come_after_them() -> None:
    old = CharTokenizer.from_text("hello")
    grown = grow_tokenizer(old, "señor, hello")
    assert [grown.decode([i]) for i in range(grown.vocab_size)] == [*"ehlo", *sorted(" ,rsñ")]
    assert grown.encode("hole") == old.encode("hole")
    assert grow_tokenizer(grown, "hello") == grown


def test_byte_pairs_and_words_have_nothing_to_grow() -> None:
    for tokenizer in (BPETokenizer(), WordTokenizer.from_text("a cat")):
        assert grow_tokenizer(tokenizer, "año") is tokenizer
