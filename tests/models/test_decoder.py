"""The decoder with switches: each part does what it says, and the whole equals torch's own layers."""

from __future__ import annotations

import itertools
import math
from typing import Any

import pytest
import torch
from torch import nn

from explorer.core.probability import cross_entropy
from explorer.models.decoder import ACTIVATIONS, NORMS, Decoder, DecoderConfig
from explorer.models.registry import build_model


def tiny(**options: object) -> Any:
    torch.manual_seed(0)
    config = DecoderConfig(11, **{"context_length": 6, "n_heads": 2, "d_model": 8, "n_layers": 2} | options)  # type: ignore[arg-type]
    return Decoder(config).double().eval()


IDS = torch.tensor([[1, 4, 4, 9, 0, 2]])


def test_without_blocks_only_the_token_and_its_place_count() -> None:
    model = tiny(n_layers=0, norm="none")
    by_hand = (model.token_embedding.weight[IDS] + model.position_embedding.weight) @ model.unembedding.weight.T
    torch.testing.assert_close(model(IDS), by_hand + model.unembedding.bias)


@pytest.mark.parametrize(("norm", "activation"), list(itertools.product(("pre", "post"), ("relu", "gelu"))))
def test_a_whole_block_equals_torchs_encoder_layer_with_a_causal_mask(norm: str, activation: str) -> None:
    model = tiny(n_layers=1, norm=norm, activation=activation)
    block: Any = model.blocks[0]
    gelu = nn.GELU(approximate="tanh")
    theirs = nn.TransformerEncoderLayer(
        8, 2, 32, 0.0, activation=gelu if activation == "gelu" else "relu", batch_first=True, norm_first=norm == "pre"
    ).double()
    pairs: dict[str, Any] = {
        "self_attn.in_proj": block.attention.query_key_value,
        "self_attn.out_proj.": block.attention.projection,
        "linear1.": block.feed_forward.expand,
        "linear2.": block.feed_forward.contract,
        "norm1.": block.attention_norm,
        "norm2.": block.feed_forward_norm,
    }
    state: dict[str, torch.Tensor] = {}
    for name, layer in pairs.items():
        join = "_" if name.endswith("proj") else ""
        state |= {f"{name}{join}weight": layer.weight.data, f"{name}{join}bias": layer.bias.data}
    theirs.load_state_dict(state)
    x = torch.randn(2, 6, 8, dtype=torch.float64)
    mask = torch.full((6, 6), -math.inf, dtype=torch.float64).triu(1)
    torch.testing.assert_close(block(x), theirs(x, src_mask=mask))


@pytest.mark.parametrize("residual", [True, False])
@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_no_switch_lets_a_position_see_the_future(residual: bool, norm: str, activation: str) -> None:
    model = tiny(residual=residual, norm=norm, activation=activation)
    changed = IDS.clone()
    changed[0, 4] = 7
    before, after = model(IDS), model(changed)
    torch.testing.assert_close(before[:, :4], after[:, :4])
    assert not torch.allclose(before[:, 4:], after[:, 4:])


def test_parts_that_are_off_have_no_parameters() -> None:
    def names(**options: object) -> set[str]:
        return {name.split(".")[2] for name, _ in tiny(n_layers=1, **options).blocks.named_parameters(prefix="blocks")}

    assert names() == {"attention_norm", "attention", "feed_forward_norm", "feed_forward"}
    assert names(norm="none") == {"attention", "feed_forward"}
    assert names(feed_forward=False) == {"attention_norm", "attention"}
    bare = tiny(n_layers=1, projection=False, feed_forward=False, norm="none")
    assert [n for n, _ in bare.blocks[0].named_parameters()] == [
        "attention.query_key_value.weight",
        "attention.query_key_value.bias",
    ]


def test_dropout_acts_while_training_alone() -> None:
    model = tiny(dropout=0.5)
    torch.testing.assert_close(model(IDS), model(IDS))
    model.train()
    assert not torch.allclose(model(IDS), model(IDS))


def test_it_starts_without_opinions() -> None:
    model = build_model("decoder", DecoderConfig(65, n_layers=3, d_model=128, context_length=64))
    ids = torch.randint(65, (4, 64), generator=torch.Generator().manual_seed(0))
    assert cross_entropy(model(ids), ids).item() == pytest.approx(math.log(65), abs=0.15)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"n_heads": 3}, "64 does not divide by 3"),
        ({"n_layers": -1}, "n_layers must be a whole number of at least 0, got -1"),
        ({"d_model": 0}, "d_model must be a whole number of at least 1, got 0"),
        ({"activation": "swish"}, "activation among relu, gelu, tanh, got 'swish'"),
        ({"norm": "batch"}, "norm among none, pre, post, got 'batch'"),
        ({"dropout": 1.0}, "dropout must be at least 0 and below 1"),
    ],
)
def test_a_decoder_that_cannot_be_is_refused_by_name(options: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        DecoderConfig(65, **options)  # type: ignore[arg-type]


def test_a_text_longer_than_the_context_is_refused() -> None:
    with pytest.raises(ValueError, match="at most 6 tokens at once, got 7"):
        tiny()(torch.zeros(1, 7, dtype=torch.long))
