"""What one head writes, and which next tokens that makes likelier: its OV circuit at work on a prompt.

A head mixes the values of the tokens it looks at, and its part of the projection turns that mix into a vector, which is
added to the residual stream (Elhage et al., 2021). Read directly by the final norm and the unembedding, that vector
raises the logits of some tokens and lowers others'. The norm divides by the length of the whole stream; that divisor is
held at what it was in this pass, so that the parts of the stream add up to the logits.

This is the direct path alone: later layers read what the head wrote as well.

Shapes: T tokens, C channels, d head size, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from explorer.core.layers import LayerNorm, RMSNorm
from explorer.inspection.attention import HeadStages
from explorer.inspection.residual_stream import has_stream, norm_place
from explorer.models.language_model import LanguageModel


@dataclass(frozen=True, eq=False)
class HeadWriting:
    """One head at one position. vector: (C,), what it adds to the stream. logits: (V,), what that adds to the logits
    of the token after that position, less their mean: a number added to every logit changes no probability.
    """

    vector: np.ndarray
    logits: np.ndarray

    def largest(self, n: int) -> list[int]:
        """The tokens it pushes most: n up, highest first, then n down, lowest last; each token once."""
        order = np.argsort(-self.logits, kind="stable").tolist()
        return order if len(order) <= 2 * n else order[:n] + order[-n:]


def frozen_norm(norm: nn.Module | None, x: Tensor) -> Callable[[Tensor], Tensor]:
    """What a norm that reads x (C,) does to a part of x, its divisor held at x's, without its offset.

    The parts of x add up to norm(x) less the offset. Raises ValueError for a norm that is not known here.
    """
    if norm is None or isinstance(norm, nn.Identity):
        return lambda part: part
    if isinstance(norm, RMSNorm):
        scale = torch.rsqrt(x.square().mean() + norm.epsilon) * norm.weight.detach()
        return lambda part: part * scale
    if isinstance(norm, LayerNorm):
        scale = torch.rsqrt(x.var(correction=0) + norm.epsilon) * norm.weight.detach()
        return lambda part: (part - part.mean()) * scale
    raise ValueError(f"The final norm is a {type(norm).__name__}; only LayerNorm and RMSNorm can be followed here.")


@torch.no_grad()
def read_writing(
    model: LanguageModel, stages: HeadStages, final: np.ndarray, layer: int, head: int, token: int
) -> HeadWriting:
    """What head `head` of layer `layer` writes at position `token` of a prompt.

    stages: that head's; final: (T, C), the stream that the final norm read in the same pass. Raises ValueError for a
    model in which what a head writes does not reach the logits unchanged.
    """
    _check_direct_path(model, layer)
    attention: Any = model.get_submodule(f"blocks.{layer}.attention")
    d = stages.mixed.shape[1]
    mixed, channels = torch.from_numpy(stages.mixed[token]), slice(head * d, (head + 1) * d)
    weight = getattr(attention.projection, "weight", None)
    if weight is None:  # without a projection the heads' mixes stand side by side
        vector = torch.zeros(final.shape[1])
        vector[channels] = mixed
    else:
        vector = weight[:, channels] @ mixed
    follow = frozen_norm(getattr(model, "final_norm", None), torch.from_numpy(final[token]))
    unembedding: Any = model.get_submodule("unembedding")
    logits = unembedding.weight @ follow(vector)
    return HeadWriting(vector.numpy(), (logits - logits.mean()).numpy())


def _check_direct_path(model: LanguageModel, layer: int) -> None:
    config = model.config
    if norm_place(model) == "post":
        raise ValueError(
            "This model normalises the stream after every sublayer, so what a head writes is rescaled on its way; "
            "there is no direct path to the logits to follow."
        )
    if not has_stream(model) and (layer < config.n_layers - 1 or getattr(config, "feed_forward", True)):
        raise ValueError(
            "This model has no residual path: the next sublayer replaces what a head wrote, so nothing of it goes to the "
            "logits directly."
        )


def channel_products(stages: HeadStages, query: int, key: int) -> np.ndarray:
    """q_c · k_c for every channel of one pair of tokens, (d,); their sum over √d is the pair's score."""
    return np.asarray(stages.queries[query].astype(float) * stages.keys[key].astype(float))


def shown_tokens(logits: np.ndarray, most: int) -> Sequence[int]:
    """All tokens where there are at most `most`, else the `most` with the highest logits, in the vocabulary's order."""
    if len(logits) <= most:
        return range(len(logits))
    return sorted(np.argsort(-logits, kind="stable")[:most].tolist())
