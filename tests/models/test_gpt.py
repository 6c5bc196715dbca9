"""Our GPT against `transformers`' GPT-2, and its two ways to attend against each other."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import GPT2Config, GPT2LMHeadModel

from explorer.inspection.capture import capture
from explorer.models.conversion import gpt2_to_gpt
from explorer.models.gpt import GPT, GPTConfig

SHAPE: dict[str, Any] = {"vocab_size": 13, "context_length": 12, "n_layers": 3, "n_heads": 4, "d_model": 32}


def tiny_gpt(seed: int = 0, **options: Any) -> GPT:
    """A small GPT whose weights are large enough that a wrong sign or scale shows."""
    torch.manual_seed(seed)
    model = GPT(GPTConfig(**{**SHAPE, **options}))
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    return model.eval()


def random_gpt2(tie_weights: bool) -> GPT2LMHeadModel:
    torch.manual_seed(0)
    config = GPT2Config(
        vocab_size=13,
        n_positions=12,
        n_embd=32,
        n_layer=3,
        n_head=4,
        bos_token_id=0,
        eos_token_id=0,
        tie_word_embeddings=tie_weights,
    )
    model = GPT2LMHeadModel(config).eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    return model


@pytest.mark.parametrize("tie_weights", [True, False])
def test_with_the_weights_of_a_gpt2_it_gives_the_logits_of_transformers(tie_weights: bool) -> None:
    theirs = random_gpt2(tie_weights)
    ours = GPT(GPTConfig(**SHAPE, tie_weights=tie_weights)).eval()
    ours.load_state_dict(gpt2_to_gpt(theirs.state_dict()))
    ids = torch.randint(13, (3, 12))
    with torch.no_grad():
        torch.testing.assert_close(ours(ids), theirs(ids).logits, atol=1e-4, rtol=1e-4)
    assert ours.parameter_count() == sum(p.numel() for p in theirs.parameters())


def test_its_gradients_are_those_of_transformers() -> None:
    theirs = random_gpt2(tie_weights=True)
    ours = GPT(GPTConfig(**SHAPE))
    ours.load_state_dict(gpt2_to_gpt(theirs.state_dict()))
    ids = torch.randint(13, (2, 9))
    for logits in (ours(ids), theirs(ids).logits):
        (logits * logits.detach().sin()).mean().backward()
    gradients = gpt2_to_gpt({name: p.grad for name, p in theirs.named_parameters()})
    for name, parameter in ours.named_parameters():
        torch.testing.assert_close(parameter.grad, gradients[name], atol=1e-5, rtol=1e-3)


@pytest.mark.parametrize("T", [1, 2, 12])
def test_listening_to_the_pattern_changes_neither_logits_nor_gradients(T: int) -> None:
    model = tiny_gpt()
    ids = torch.randint(13, (2, T))

    def logits_and_gradients() -> tuple[torch.Tensor, list[torch.Tensor | None]]:
        model.zero_grad()
        logits = model(ids)
        (logits * logits.detach().sin()).mean().backward()
        return logits, [p.grad for p in model.parameters()]

    fused = logits_and_gradients()
    with capture(model, ["blocks.*.attention.pattern"]) as seen:
        explicit = logits_and_gradients()
    assert len(seen) == 3
    torch.testing.assert_close(fused, explicit, atol=1e-5, rtol=1e-4)


@given(st.integers(1, 11), st.integers(0, 2**31))
def test_a_later_token_never_changes_earlier_logits(position: int, seed: int) -> None:
    model = tiny_gpt()
    ids = torch.randint(13, (1, 12), generator=torch.Generator().manual_seed(seed))
    changed = ids.clone()
    changed[0, position] = (changed[0, position] + 1) % 13
    with torch.no_grad():
        before, after = model(ids)[0], model(changed)[0]
    torch.testing.assert_close(before[:position], after[:position], atol=1e-6, rtol=1e-6)
    assert not torch.allclose(before[position:], after[position:], atol=1e-3)


@given(st.lists(st.integers(1, 5), min_size=1, max_size=12).filter(lambda chunks: sum(chunks) <= 12))
def test_reading_in_chunks_with_a_cache_gives_the_logits_of_reading_at_once(chunks: list[int]) -> None:
    model = tiny_gpt()
    ids = torch.randint(13, (2, sum(chunks)))
    cache = model.new_cache()
    with torch.no_grad():
        parts = [model(part, cache) for part in ids.split(chunks, dim=1)]
        torch.testing.assert_close(torch.cat(parts, dim=1), model(ids), atol=1e-5, rtol=1e-5)
    assert cache.length == sum(chunks)


def test_more_tokens_than_positions_are_refused_with_and_without_a_cache() -> None:
    model = tiny_gpt()
    with pytest.raises(ValueError, match="reads at most 12 tokens at once, got 13"):
        model(torch.zeros(1, 13, dtype=torch.long))
    cache = model.new_cache()
    model(torch.zeros(1, 10, dtype=torch.long), cache)
    with pytest.raises(ValueError, match="reads at most 12 tokens at once, got 13"):
        model(torch.zeros(1, 3, dtype=torch.long), cache)


def test_an_untrained_model_prefers_nothing() -> None:
    torch.manual_seed(0)
    model = GPT(GPTConfig(**SHAPE))
    ids = torch.randint(13, (8, 12))
    loss = torch.nn.functional.cross_entropy(model(ids[:, :-1]).flatten(0, 1), ids[:, 1:].flatten())
    assert loss.item() == pytest.approx(math.log(13), abs=0.05)


def test_dropout_is_on_in_training_and_off_in_evaluation() -> None:
    model = tiny_gpt(dropout=0.5)
    ids = torch.zeros(1, 12, dtype=torch.long)
    assert torch.equal(model(ids), model(ids))
    model.train()
    assert not torch.equal(model(ids), model(ids))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        *(({name: 0}, f"{name} must be .* got 0") for name in SHAPE),
        *(({name: 2.5}, f"{name} must be .* got 2.5") for name in SHAPE),
        ({"d_model": 30}, "n_heads equal heads: 30 does not divide by 4"),
        ({"dropout": 1.0}, "dropout must be .* got 1.0"),
        ({"dropout": math.nan}, "dropout must be .* got nan"),
        ({"layer_norm_epsilon": 0.0}, "layer_norm_epsilon must be .* got 0.0"),
        ({"layer_norm_epsilon": math.nan}, "layer_norm_epsilon must be .* got nan"),
    ],
)
def test_a_shape_that_cannot_be_names_the_option(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        GPTConfig(**{**SHAPE, **options})
