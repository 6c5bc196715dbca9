"""The modern decoder against GPT-2's block where its options are set back, and against torch's own layers elsewhere."""

import dataclasses
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from explorer.models.gpt import GPT, GPTConfig
from explorer.models.language_model import LanguageModel
from explorer.models.modern import PLAIN, Modern, ModernConfig

SHAPE: dict[str, Any] = {"vocab_size": 13, "context_length": 12, "n_layers": 2, "n_heads": 2, "d_model": 16}


def stirred(model: LanguageModel, seed: int = 0) -> Any:
    """The model with every number moved, so that nothing is hidden by a start at zero or one."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for p in model.parameters():
            p.add_(0.2 * torch.randn(p.shape, generator=generator))
    return model.eval()


def some_ids(length: int = 12) -> Tensor:
    return torch.randint(13, (2, length), generator=torch.Generator().manual_seed(1))


def test_with_every_change_set_back_its_logits_are_the_gpts() -> None:
    modern = stirred(Modern(ModernConfig(**SHAPE, **PLAIN)))
    gpt = GPT(GPTConfig(**SHAPE)).eval()
    gpt.load_state_dict(modern.state_dict())
    torch.testing.assert_close(modern(some_ids()), gpt(some_ids()))


CHANGES: list[dict[str, Any]] = [
    {},
    {"norm": "layer"},
    {"positions": "learned"},
    {"query_key_norm": False},
    {"activation": "swiglu"},
    {"activation": "gelu"},
    {"convolution": 1},
    {"value_residual": False},
    {"bias": True},
    {"tie_weights": True},
    PLAIN,
]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: ",".join(change) or "all")
def test_a_cache_changes_no_logit(change: dict[str, Any]) -> None:
    model = stirred(Modern(ModernConfig(**SHAPE | change)))
    ids, cache = some_ids(), model.new_cache()
    pieces = [model(ids[:, :5], cache), *(model(ids[:, i : i + 1], cache) for i in range(5, 12))]
    torch.testing.assert_close(torch.cat(pieces, dim=1), model(ids), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: ",".join(change) or "all")
def test_no_position_sees_a_later_one(change: dict[str, Any]) -> None:
    model = stirred(Modern(ModernConfig(**SHAPE | change)))
    ids = some_ids()
    other = ids.clone()
    other[:, 7:] = (other[:, 7:] + 1) % 13
    before, after = model(ids), model(other)
    torch.testing.assert_close(before[:, :7], after[:, :7])
    assert not torch.allclose(before[:, 7:], after[:, 7:])


def test_one_modern_block_is_what_torchs_own_functions_compute() -> None:
    config = ModernConfig(**SHAPE | {"n_layers": 1, "convolution": 3, "value_residual": False})
    model = stirred(Modern(config))
    ids = some_ids()
    block, attention = model.blocks[0], model.blocks[0].attention
    x = F.embedding(ids, model.token_embedding.weight)
    B, T, C = x.shape

    joined = F.linear(F.rms_norm(x, (C,), block.attention_norm.weight, 1e-5), attention.query_key_value.weight)
    kernel = attention.convolution.weight.flip(0).T.unsqueeze(1)  # torch's kernel runs forward in time
    joined = F.conv1d(F.pad(joined.transpose(1, 2), (2, 0)), kernel, groups=3 * C).transpose(1, 2)
    q, k, v = (part.view(B, T, 2, 8).transpose(1, 2) for part in joined.chunk(3, dim=-1))
    q, k = F.rms_norm(q, (8,), eps=1e-5) * attention.sharpness, F.rms_norm(k, (8,), eps=1e-5)
    turns = torch.polar(torch.ones(T, 4), torch.arange(T)[:, None] * 10_000.0 ** (-torch.arange(0, 8, 2) / 8))
    q, k = (
        torch.view_as_real(torch.view_as_complex(part.reshape(B, 2, T, 4, 2)) * turns).flatten(-2) for part in (q, k)
    )
    mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).reshape(B, T, C)
    x = x + F.linear(mixed, attention.projection.weight)
    hidden = F.linear(F.rms_norm(x, (C,), block.feed_forward_norm.weight, 1e-5), block.feed_forward.expand.weight)
    x = x + F.linear(F.relu(hidden) ** 2, block.feed_forward.contract.weight)
    logits = F.linear(F.rms_norm(x, (C,), model.final_norm.weight, 1e-5), model.unembedding.weight)
    torch.testing.assert_close(model(ids), logits, rtol=1e-4, atol=1e-5)


def test_swiglu_has_about_as_many_parameters_as_one_wide_layer_and_is_a_gated_product() -> None:
    wide: dict[str, Any] = {**SHAPE, "d_model": 96, "n_heads": 4}
    plain, gated = (Modern(ModernConfig(**wide, activation=name)) for name in ("relu2", "swiglu"))
    assert gated.parameter_count() == pytest.approx(plain.parameter_count(), rel=0.01)
    layer = stirred(gated).blocks[0].feed_forward
    x = torch.randn(3, 96)
    expected = F.linear(F.silu(x @ layer.expand.weight.T) * (x @ layer.gate.weight.T), layer.contract.weight)
    torch.testing.assert_close(layer(x), expected)


def test_all_queries_and_keys_have_one_length_where_they_are_normalised() -> None:
    model: Any = Modern(ModernConfig(**SHAPE)).eval()
    lengths: list[Tensor] = []
    model.blocks[1].attention.queries.register_forward_hook(lambda _m, _i, output: lengths.append(output.norm(dim=-1)))
    model(some_ids())
    torch.testing.assert_close(lengths[0], torch.full_like(lengths[0], 8**0.5), rtol=1e-3, atol=0)


def test_a_silent_start_predicts_every_symbol_alike_and_its_blocks_add_nothing() -> None:
    logits = Modern(ModernConfig(**SHAPE)).eval()(some_ids())
    assert logits.abs().max().item() == 0


def test_attention_between_rotary_queries_and_keys_depends_on_their_distance_alone() -> None:
    config = ModernConfig(**SHAPE | {"n_layers": 1, "convolution": 1, "value_residual": False})
    model = stirred(Modern(config))
    scores: list[Tensor] = []
    hook = model.blocks[0].attention.scores.register_forward_hook(lambda _m, _i, output: scores.append(output[0]))
    model(torch.full((1, 12), 3))
    hook.remove()
    for distance in (0, 1, 5):
        diagonal = scores[0].diagonal(-distance, -2, -1)
        torch.testing.assert_close(diagonal, diagonal[:, :1].expand_as(diagonal), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("norm", "batch", "Expected norm to be one of layer, rms, got 'batch'."),
        ("positions", "none", "Expected positions to be one of learned, rotary"),
        ("activation", "relu", "Expected activation to be one of gelu, relu2, swiglu"),
        ("convolution", 0, "convolution must be a whole number of at least 1, got 0."),
        ("n_heads", 3, "does not divide"),
        ("dropout", 1.0, "dropout must be at least 0 and below 1"),
        ("d_model", 14, "a head of 7 channels is odd"),
    ],
)
def test_an_option_that_cannot_be_is_named(option: str, value: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said.replace(".", r"\.")):
        dataclasses.replace(ModernConfig(**SHAPE), **{option: value})
