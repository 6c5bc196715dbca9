"""Additive attention: how well a decoder's state fits each place of a sentence (Bahdanau, Cho & Bengio, 2015).

    score_j   = v · tanh(W s + U h_j)      a small network compares the state s with the annotation h_j of place j
    weights   = softmax(scores)            shares of the places, which sum to 1
    context   = Σ_j weights_j h_j          the mixture of annotations that the decoder reads at this step

U h_j does not depend on s: it is worked out once for a sentence, and each step adds W s to it.

Shapes: B batch, S places of the source, T steps of the decoder, A width of the comparison, C width of an annotation.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from explorer.core.attention import softmax
from explorer.core.layers import Linear


def additive_scores(query: Tensor, keys: Tensor, v: Tensor) -> Tensor:
    """v · tanh(query + key) for every place: (B, A), (B, S, A) and (A,) to (B, S).

    >>> additive_scores(torch.zeros(1, 2), torch.zeros(1, 3, 2), torch.ones(2)).tolist()
    [[0.0, 0.0, 0.0]]
    """
    return torch.tanh(keys + query.unsqueeze(1)) @ v


class AdditiveAttention(nn.Module):
    """The comparison's three learned parts: `W` for the state, `U` for the annotations, the vector `v`."""

    def __init__(self, d_state: int, d_annotation: int, d_comparison: int):
        super().__init__()
        self.W = Linear(d_state, d_comparison)
        self.U = Linear(d_annotation, d_comparison, bias=False)
        self.v = nn.Parameter(torch.randn(d_comparison) / d_comparison**0.5)

    def keys(self, annotations: Tensor) -> Tensor:
        """U h_j of every place, once for all steps: (B, S, C) to (B, S, A)."""
        keys: Tensor = self.U(annotations)
        return keys

    def forward(self, state: Tensor, keys: Tensor, annotations: Tensor) -> tuple[Tensor, Tensor]:
        """The mixture for one step and its shares: state (B, H), keys (B, S, A), annotations (B, S, C) to
        context (B, C) and weights (B, S)."""
        weights = softmax(additive_scores(self.W(state), keys, self.v))
        return (weights.unsqueeze(1) @ annotations).squeeze(1), weights
