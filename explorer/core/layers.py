"""Layers written out: the building blocks every model of this package is made of.

Each is the textbook formula on tensors, small enough to read in one breath; the tests hold it equal to
its `torch.nn` namesake in forward and backward. Parameter shapes and names follow `torch.nn`, so that
weights move between the two without renaming.

Shapes: B batch, T positions, C channels, V vocabulary.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn


class Linear(nn.Module):
    """A learned matrix, and a learned offset: y = x Wᵀ + b.

    Shapes: x (..., in_features) to (..., out_features); `weight` (out_features, in_features).
    Weights start normal with standard deviation `std`, biases at zero; 1/√in keeps the variance of the
    input (LeCun et al., 1998).

    >>> Linear(3, 2)(torch.zeros(5, 3)).shape
    torch.Size([5, 2])
    """

    def __init__(self, in_features: int, out_features: int, *, bias: bool = True, std: float | None = None):
        super().__init__()
        std = 1 / math.sqrt(in_features) if std is None else std
        self.weight = nn.Parameter(torch.randn(out_features, in_features) * std)
        self.bias = nn.Parameter(torch.zeros(out_features)) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        y = x @ self.weight.T
        return y if self.bias is None else y + self.bias


class Embedding(nn.Module):
    """A table with one learned row per token; looking up is picking rows.

    Shapes: ids (...) of integers below `num_embeddings` to (..., embedding_dim).
    """

    def __init__(self, num_embeddings: int, embedding_dim: int, *, std: float = 1.0):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(num_embeddings, embedding_dim) * std)

    def forward(self, ids: Tensor) -> Tensor:
        return self.weight[ids]


class LayerNorm(nn.Module):
    """Each position's vector, shifted to mean 0 and scaled to variance 1, then a learned scale and shift.

    y = (x − mean) / √(var + ε) · weight + bias, mean and var over the last dimension (Ba, Kiros & Hinton, 2016).

    Shapes: (..., C) to (..., C).
    """

    def __init__(self, features: int, *, epsilon: float = 1e-5):
        super().__init__()
        self.epsilon = epsilon
        self.weight = nn.Parameter(torch.ones(features))
        self.bias = nn.Parameter(torch.zeros(features))

    def forward(self, x: Tensor) -> Tensor:
        centred = x - x.mean(dim=-1, keepdim=True)
        variance = (centred * centred).mean(dim=-1, keepdim=True)
        return centred * torch.rsqrt(variance + self.epsilon) * self.weight + self.bias


class GELU(nn.Module):
    """The Gaussian error linear unit in its tanh form, the one GPT-2 uses (Hendrycks & Gimpel, 2016).

    x · Φ(x) with Φ, the normal distribution function, taken as ½ (1 + tanh u), u = √(2/π) (x + 0.044715 x³). Since
    ½ (1 + tanh u) is the logistic function of 2u, that is one sigmoid. Large inputs pass, negative ones fade
    out, and the slope has no corner.
    """

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.sigmoid(math.sqrt(8 / math.pi) * x * (1 + 0.044715 * (x * x)))


class Dropout(nn.Module):
    """While training, each number is zeroed with probability `p` and the rest scaled by 1 / (1 − p).

    The expected value stays what it was, so evaluation needs no change (Srivastava et al., 2014). The mask is
    drawn from `generator`, which the trainer sets: a run depends on its own seed and on nothing else that
    happens in the process.
    """

    def __init__(self, p: float):
        super().__init__()
        if not 0 <= p < 1:
            raise ValueError(f"Dropout needs a probability of at least 0 and below 1, got {p}.")
        self.p = p
        self.generator: torch.Generator | None = None

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.p == 0:
            return x
        kept = torch.empty_like(x).bernoulli_(1 - self.p, generator=self.generator)
        return x * kept / (1 - self.p)
