"""Weights of other GPT-2s under the names of this package.

Source of the foreign names: `transformers`' GPT2LMHeadModel, which keeps those of OpenAI's release (Radford et al.,
2019). Its four matrices per block sit in a `Conv1D`, y = x W + b, and so are the transpose of a Linear's. nanoGPT
(karpathy/nanoGPT, model.py) has the same names on Linears.

Shapes: C channels, V vocabulary, T positions.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from torch import Tensor

_IN_BLOCK = {
    "ln_1": "attention_norm",
    "attn.c_attn": "attention.query_key_value",
    "attn.c_proj": "attention.projection",
    "ln_2": "feed_forward_norm",
    "mlp.c_fc": "feed_forward.expand",
    "mlp.c_proj": "feed_forward.contract",
}
_OUTSIDE = {
    "wte.weight": "token_embedding.weight",
    "wpe.weight": "position_embedding.weight",
    "ln_f.weight": "final_norm.weight",
    "ln_f.bias": "final_norm.bias",
    "lm_head.weight": "unembedding.weight",
}
_BLOCK_NAME = re.compile(r"h\.(\d+)\.(.+)\.(weight|bias)")
_MASK_NAME = re.compile(r"h\.\d+\.attn\.(masked_)?bias")  # older releases store the causal mask


def gpt2_to_gpt(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The state dict of a Hugging Face GPT-2 as one that `GPT.load_state_dict` takes.

    Names may begin with `transformer.` or not. Where there is no `lm_head.weight` the unembedding is the token
    embedding (tied). Tensors are not copied: transposed ones are views. Raises ValueError naming what is not part of a
    GPT-2, or that there is no token embedding.

    >>> import torch
    >>> converted = gpt2_to_gpt({"wte.weight": torch.zeros(5, 2), "h.0.mlp.c_fc.weight": torch.zeros(2, 8)})
    >>> {name: tuple(tensor.shape) for name, tensor in converted.items()}["blocks.0.feed_forward.expand.weight"]
    (8, 2)
    """
    return _renamed(state, has_conv1d=True)


def nanogpt_to_gpt(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The state dict of a nanoGPT as one that `GPT.load_state_dict` takes.

    Names may begin with `_orig_mod.`, which torch.compile leaves behind. A model trained without biases gets biases of
    zero, which change no logit. Raises ValueError as `gpt2_to_gpt` does.

    >>> import torch
    >>> converted = nanogpt_to_gpt({"transformer.wte.weight": torch.zeros(5, 2), "transformer.ln_f.weight": torch.ones(2)})
    >>> converted["final_norm.bias"]
    tensor([0., 0.])
    """
    converted = _renamed({name.removeprefix("_orig_mod."): t for name, t in state.items()}, has_conv1d=False)
    for name, weight in list(converted.items()):
        bias = name.removesuffix("weight") + "bias"
        if name.startswith(("blocks.", "final_norm.")) and name.endswith("weight") and bias not in converted:
            converted[bias] = weight.new_zeros(weight.shape[0])
    return converted


def _renamed(state: Mapping[str, Tensor], *, has_conv1d: bool) -> dict[str, Tensor]:
    converted: dict[str, Tensor] = {}
    for name, tensor in state.items():
        bare = name.removeprefix("transformer.")
        if not _MASK_NAME.fullmatch(bare):
            ours = _our_name(bare)
            converted[ours] = tensor.mT if has_conv1d and _is_transposed(bare) else tensor
    if "token_embedding.weight" not in converted:
        raise ValueError("Expected a GPT-2 state dict with the token embedding `wte.weight`, got none.")
    converted.setdefault("unembedding.weight", converted["token_embedding.weight"])
    return converted


def _our_name(name: str) -> str:
    """The parameter's name in our GPT; raises ValueError for a name that GPT-2 does not have."""
    in_block = _BLOCK_NAME.fullmatch(name)
    if in_block and in_block[2] in _IN_BLOCK:
        return f"blocks.{in_block[1]}.{_IN_BLOCK[in_block[2]]}.{in_block[3]}"
    if name in _OUTSIDE:
        return _OUTSIDE[name]
    raise ValueError(f"Expected the parameters of a GPT-2, got {name!r}; only that architecture can be converted.")


def _is_transposed(name: str) -> bool:
    return name.endswith(".weight") and ".c_" in name
