"""Foreign names to ours. That the converted weights compute the same is in `test_gpt.py`."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from explorer.models.conversion import gpt2_to_gpt, nanogpt_to_gpt
from explorer.models.gpt import GPT, GPTConfig


def foreign(prefix: str = "") -> dict[str, Tensor]:
    """The state dict of a one-block GPT-2 with V = 5, T = 4, C = 6, without an unembedding of its own."""
    shapes = {
        "wte.weight": (5, 6),
        "wpe.weight": (4, 6),
        "h.0.ln_1.weight": (6,),
        "h.0.ln_1.bias": (6,),
        "h.0.attn.c_attn.weight": (6, 18),
        "h.0.attn.c_attn.bias": (18,),
        "h.0.attn.c_proj.weight": (6, 6),
        "h.0.attn.c_proj.bias": (6,),
        "h.0.ln_2.weight": (6,),
        "h.0.ln_2.bias": (6,),
        "h.0.mlp.c_fc.weight": (6, 24),
        "h.0.mlp.c_fc.bias": (24,),
        "h.0.mlp.c_proj.weight": (24, 6),
        "h.0.mlp.c_proj.bias": (6,),
        "ln_f.weight": (6,),
        "ln_f.bias": (6,),
    }
    return {prefix + name: torch.randn(shape) for name, shape in shapes.items()}


@pytest.mark.parametrize("prefix", ["", "transformer."])
def test_a_state_dict_with_or_without_the_prefix_fills_every_parameter(prefix: str) -> None:
    state = foreign(prefix)
    model = GPT(GPTConfig(vocab_size=5, context_length=4, n_layers=1, n_heads=2, d_model=6))
    model.load_state_dict(gpt2_to_gpt(state))
    expand = model.state_dict()["blocks.0.feed_forward.expand.weight"]
    assert torch.equal(expand, state[f"{prefix}h.0.mlp.c_fc.weight"].T)
    assert torch.equal(model.unembedding.weight, state[f"{prefix}wte.weight"])


def test_the_stored_masks_of_older_releases_are_left_out() -> None:
    masks = {"h.0.attn.bias": torch.ones(1, 1, 4, 4), "h.0.attn.masked_bias": torch.tensor(-1e4)}
    assert set(gpt2_to_gpt(foreign() | masks)) == set(gpt2_to_gpt(foreign()))


@pytest.mark.parametrize("name", ["model.layers.0.self_attn.q_proj.weight", "h.0.attn.c_other.weight", "h.x.ln_1.bias"])
def test_a_parameter_that_gpt2_does_not_have_is_named(name: str) -> None:
    with pytest.raises(ValueError, match=f"got '{name}'"):
        gpt2_to_gpt(foreign() | {name: torch.zeros(2)})


def test_a_state_dict_without_token_embedding_is_refused() -> None:
    with pytest.raises(ValueError, match=r"`wte\.weight`, got none"):
        gpt2_to_gpt({})


def as_linear(state: dict[str, Tensor], prefix: str, bias: bool) -> dict[str, Tensor]:
    """The same under nanoGPT's names: matrices as an nn.Linear has them."""
    kept = {name: tensor for name, tensor in state.items() if bias or not name.endswith(".bias")}
    return {prefix + n: t.T if ".c_" in n and n.endswith(".weight") else t for n, t in kept.items()}


@pytest.mark.parametrize("prefix", ["transformer.", "_orig_mod.transformer."])
def test_a_nanogpt_is_the_same_without_transposing(prefix: str) -> None:
    state = foreign()
    expected = gpt2_to_gpt(state)
    converted = nanogpt_to_gpt(as_linear(state, prefix, bias=True))
    assert set(converted) == set(expected)
    assert all(torch.equal(converted[name], expected[name]) for name in expected)


def test_a_nanogpt_without_biases_gets_zeros_and_only_there() -> None:
    state = foreign()
    converted = nanogpt_to_gpt(as_linear(state, "transformer.", bias=False))
    expected = gpt2_to_gpt(state)
    assert set(converted) == set(expected)
    for name, tensor in converted.items():
        assert torch.equal(tensor, torch.zeros_like(expected[name]) if name.endswith(".bias") else expected[name])
