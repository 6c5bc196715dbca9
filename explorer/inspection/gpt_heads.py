"""Every head of a Transformer on one prompt, reduced to what a screen can show while the model runs.

A map of 1,024 tokens has a million cells, and GPT-2 has 144 of them. So each layer's maps are measured and shrunk as they
pass by, and only queries, keys and values are kept whole: any part of any map is worked out again from them.

Shapes: L layers, H heads, T tokens, d head size, C channels, n cells on a side of a shrunk map, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from explorer.core.attention import softmax
from explorer.inspection.attention import HeadVectors
from explorer.inspection.head_behaviour import BEHAVIOURS, measure_behaviours, pattern_reader
from explorer.inspection.residual_stream import check_transformer, hooks, on_this_thread
from explorer.models.language_model import LanguageModel

VECTORS = ("queries", "keys", "values")


@dataclass(frozen=True)
class HeadsReading(HeadVectors):
    """One forward pass. maps: (L, H, n, n), each cell the largest of the block × block weights it stands for; with a
    block of 1 they are the patterns themselves. behaviours: (L, H) scores by name (see `head_behaviour`). final: (T, C), the
    stream that the final norm read. probabilities: (V,) of the token after the prompt."""

    maps: np.ndarray
    block: int
    behaviours: dict[str, np.ndarray]
    final: np.ndarray
    probabilities: np.ndarray


@torch.no_grad()
def read_heads(
    model: LanguageModel, ids: Sequence[int], side: int = 64, told: Callable[[float], object] | None = None
) -> HeadsReading:
    """Run the model once on 1 to context-length tokens; maps get at most `side` cells on a side.

    told: is given the share of layers read, after each; what it raises ends the reading, and no hook stays. Raises
    ValueError for a model without attention.
    """
    check_transformer(model)
    block = -(-len(ids) // side)

    def reduce(pattern: Tensor) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        shrunk = F.max_pool2d(pattern, block, ceil_mode=True)[0] if block > 1 else pattern[0]
        if told is not None:
            told((len(seen) + 1) / config.n_layers)
        return shrunk.numpy(), measure_behaviours(pattern[0], ids)

    config, T = model.config, len(ids)
    vectors = {name: np.empty((config.n_layers, config.n_heads, T, config.head_size), np.float32) for name in VECTORS}
    final: list[Tensor] = []
    with pattern_reader(model, reduce) as seen, hooks() as keep:
        for layer in range(config.n_layers):
            for name, whole in vectors.items():
                tap = model.get_submodule(f"blocks.{layer}.attention.{name}")
                keep(tap.register_forward_hook(on_this_thread(_filler(whole[layer]))))
        norm, unembedding = (model.get_submodule(name) for name in ("final_norm", "unembedding"))
        keep(norm.register_forward_pre_hook(on_this_thread(lambda _module, inputs: final.append(inputs[0]))))
        keep(unembedding.register_forward_pre_hook(on_this_thread(lambda _module, inputs: (inputs[0][:, -1:],))))
        logits = model(torch.tensor([list(ids)]))[0, -1]
    return HeadsReading(
        **vectors,
        maps=np.stack([maps for maps, _ in seen]),
        block=block,
        behaviours={name: np.stack([scores[name] for _, scores in seen]) for name in BEHAVIOURS},
        final=final[0][0].numpy(),
        probabilities=softmax(logits.double()).numpy(),
    )


def _filler(place: np.ndarray) -> Callable[..., None]:
    """A hook that copies what a tap gives, (1, H, T, d), into its place: what it was cut from need not be kept."""

    def fill(_module: Any, _inputs: Any, output: Tensor) -> None:
        place[...] = output[0].numpy()

    return fill
