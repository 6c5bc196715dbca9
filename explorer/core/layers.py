"""Layers written out: the building blocks every model of this package is made of.

Each is the textbook formula on tensors, small enough to read in one breath; the tests hold it equal to
its `torch.nn` namesake in forward and backward. Parameter shapes and names follow `torch.nn`, so that
weights move between the two without renaming.

Shapes: B batch, T positions, C channels, V vocabulary.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from explorer.core.kernels import GELUInPieces, Standardise, pays_here


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
        if self.bias is None:
            return x @ self.weight.T
        # The offset is added while the product is written: one walk through memory less than x @ W.T + b.
        return torch.addmm(self.bias, x.reshape(-1, x.shape[-1]), self.weight.T).view(*x.shape[:-1], len(self.weight))


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
        if pays_here(x):
            return torch.addcmul(self.bias, Standardise.apply(x, self.epsilon), self.weight)
        centred = x - x.mean(dim=-1, keepdim=True)
        variance = (centred * centred).mean(dim=-1, keepdim=True)
        return centred * torch.rsqrt(variance + self.epsilon) * self.weight + self.bias


class RMSNorm(nn.Module):
    """Each position's vector, scaled to a root mean square of 1, then by a learned scale; it is not shifted.

    y = x / √(mean(x²) + ε) · weight, the mean over the last dimension (Zhang & Sennrich, 2019).

    Shapes: (..., C) to (..., C).
    """

    def __init__(self, features: int, *, epsilon: float = 1e-5):
        super().__init__()
        self.epsilon = epsilon
        self.weight = nn.Parameter(torch.ones(features))

    def forward(self, x: Tensor) -> Tensor:
        return unit_rms(x, self.epsilon) * self.weight


def unit_rms(x: Tensor, epsilon: float = 1e-5) -> Tensor:
    """x / √(mean(x²) + ε) over the last dimension: (..., C) to (..., C), of length √C."""
    return x * torch.rsqrt((x * x).mean(dim=-1, keepdim=True) + epsilon)


class BatchNorm1d(nn.Module):
    """Each channel, shifted to mean 0 and scaled to variance 1 over the batch, then a learned scale and shift.

    y = (x − mean) / √(var + ε) · weight + bias, mean and var over all dimensions but the last (Ioffe & Szegedy, 2015).
    While training they are the batch's own, and the running statistics move towards them by `momentum` (towards the
    unbiased variance, as in torch); in evaluation the running statistics are used, so that a prediction depends on
    nothing else in its batch.

    Shapes: (B, C) or (B, T, C), channels last (torch's has them second). With `over_positions` off, the mean of a
    (B, T, C) input is taken over B alone and every position keeps statistics of its own, (T, C): the mistake that
    the makemore lecture finds in its WaveNet. Raises ValueError while training where there is a single value per
    channel, whose variance is nothing.

    >>> BatchNorm1d(3)(torch.randn(5, 3)).mean(dim=0).abs().max().item() < 1e-6
    True
    """

    running_mean: Tensor
    running_var: Tensor

    def __init__(self, features: int, *, epsilon: float = 1e-5, momentum: float = 0.1, over_positions: bool = True):
        super().__init__()
        self.epsilon, self.momentum, self.over_positions = epsilon, momentum, over_positions
        self.weight = nn.Parameter(torch.ones(features))
        self.bias = nn.Parameter(torch.zeros(features))
        self.register_buffer("running_mean", torch.zeros(features))
        self.register_buffer("running_var", torch.ones(features))

    def forward(self, x: Tensor) -> Tensor:
        mean, variance = self._batch_statistics(x) if self.training else (self.running_mean, self.running_var)
        return (x - mean) * torch.rsqrt(variance + self.epsilon) * self.weight + self.bias

    def _batch_statistics(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and variance of the batch, (C,) or (T, C); the running ones follow."""
        averaged = tuple(range(x.dim() - 1)) if self.over_positions else (0,)
        n = math.prod(x.shape[d] for d in averaged)
        if n < 2:
            raise ValueError(
                f"BatchNorm needs at least 2 values per channel while training, got an input of shape {tuple(x.shape)}; "
                "use a larger batch."
            )
        variance, mean = torch.var_mean(x, dim=averaged, correction=0)
        with torch.no_grad():
            self.running_mean = self.running_mean.lerp(mean, self.momentum)
            self.running_var = self.running_var.lerp(variance * n / (n - 1), self.momentum)
        return mean, variance


class Tanh(nn.Module):
    """Squashes to −1 … 1; flat, and so without gradient, far from zero."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.tanh(x)


class ReLU(nn.Module):
    """Negative numbers become zero, the rest pass (Nair & Hinton, 2010)."""

    def forward(self, x: Tensor) -> Tensor:
        return x.clamp(min=0)


class Flatten(nn.Module):
    """One vector from all that follows the first dimension: (B, …) to (B, N)."""

    def forward(self, x: Tensor) -> Tensor:
        return x.reshape(x.shape[0], -1)


class FlattenConsecutive(nn.Module):
    """Joins every `n` neighbours to one longer vector: (B, T, C) to (B, T / n, n C).

    Where a single vector is left, its dimension goes: (B, n C). Raises ValueError where T does not divide by `n`.

    >>> FlattenConsecutive(2)(torch.zeros(1, 8, 10)).shape
    torch.Size([1, 4, 20])
    """

    def __init__(self, n: int):
        super().__init__()
        if n < 1:
            raise ValueError(f"FlattenConsecutive joins at least 1 neighbour, got {n}.")
        self.n = n

    def forward(self, x: Tensor) -> Tensor:
        B, T, C = x.shape
        if T % self.n:
            raise ValueError(f"{T} positions cannot be joined {self.n} by {self.n}; choose a divisor of {T}.")
        joined = x.reshape(B, T // self.n, C * self.n)
        return joined.squeeze(1) if joined.shape[1] == 1 else joined


class Sequential(nn.Module):
    """Layers one after another; numbered "0", "1", … as in torch."""

    def __init__(self, *layers: nn.Module):
        super().__init__()
        for i, layer in enumerate(layers):
            self.add_module(str(i), layer)

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[nn.Module]:
        return self.children()

    def __getitem__(self, index: int) -> nn.Module:
        return list(self.children())[index]

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.children():
            x = layer(x)
        return x


class GELU(nn.Module):
    """The Gaussian error linear unit in its tanh form, the one GPT-2 uses (Hendrycks & Gimpel, 2016).

    x · Φ(x) with Φ, the normal distribution function, taken as ½ (1 + tanh u), u = √(2/π) (x + 0.044715 x³). Since
    ½ (1 + tanh u) is the logistic function of 2u, that is one sigmoid. Large inputs pass, negative ones fade
    out, and the slope has no corner.
    """

    def forward(self, x: Tensor) -> Tensor:
        if pays_here(x):
            return GELUInPieces.apply(x)
        return x * torch.sigmoid(math.sqrt(8 / math.pi) * x * (1 + 0.044715 * (x * x)))


class ExactGELU(nn.Module):
    """The Gaussian error linear unit as it is defined, x · Φ(x): nanoGPT's. The tanh form differs by 0.0005 at most."""

    def forward(self, x: Tensor) -> Tensor:
        return x * (0.5 * (1 + torch.erf(x / math.sqrt(2))))


class SquaredReLU(nn.Module):
    """Negative numbers become zero, the rest their square (So et al., 2021)."""

    def forward(self, x: Tensor) -> Tensor:
        return x.clamp(min=0).square()


class SiLU(nn.Module):
    """x · σ(x), a smooth ReLU: the gate of SwiGLU (Elfwing, Uchibe & Doya, 2018)."""

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.sigmoid(x)


class CausalConvolution(nn.Module):
    """Each channel by itself, mixed from the same channel at its position and the `width` − 1 before.

    y[t] = Σ_j weight[j] · x[t − j] for each channel, with zeros before the first position (So et al., 2021, apply it to
    queries, keys and values). It starts as the identity: weight[0] is 1 and the rest 0.

    Shapes: x (B, T, C) to (B, T, C); `before`, (B, width − 1, C), are the inputs that came before x, if any.
    """

    def __init__(self, channels: int, width: int):
        super().__init__()
        if width < 1:
            raise ValueError(f"A convolution is at least 1 position wide, got {width}.")
        self.weight = nn.Parameter(torch.zeros(width, channels))
        with torch.no_grad():
            self.weight[0] = 1.0

    def forward(self, x: Tensor, before: Tensor | None = None) -> Tensor:
        B, T, C = x.shape
        reach = len(self.weight) - 1
        longer = torch.cat([x.new_zeros(B, reach, C) if before is None else before, x], dim=1)  # (B, reach + T, C)
        y = x * self.weight[0]
        for j in range(1, reach + 1):
            y = y + longer[:, reach - j : reach - j + T] * self.weight[j]
        return y


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
        return x * kept.div_(1 - self.p)
