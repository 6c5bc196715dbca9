"""The hierarchical MLP in the shape of WaveNet (van den Oord et al., 2016; makemore, part 5).

Letters are not squeezed into one hidden layer at once: neighbours are joined first, then neighbours of neighbours, up
a tree whose root has seen the whole window. Sliding that tree along a text is a stack of dilated causal convolutions,
which compute every shared branch once; `dilated_logits` is that second way, with equal logits.

Shapes: B batch, T positions, n context length, C channels, V vocabulary.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from explorer.core.layers import BatchNorm1d, Embedding, FlattenConsecutive, Linear, Sequential, Tanh
from explorer.models.mlp import LAST_LAYER_SCALE, TANH_GAIN
from explorer.models.window_model import WindowModel


@dataclass(frozen=True)
class WaveNetConfig:
    """The shape of a WaveNet. Raises ValueError naming the option that cannot be.

    vocab_size: V. context_length: n, letters read; joined `fusion` at a time until one vector is left, the last time
    those that remain. d_embedding: numbers per letter. d_hidden: C, channels of every node. over_positions: whether
    BatchNorm averages over positions too, as it should; off is the lecture's mistake. pad_id: the token that stands
    before a text begins.
    """

    vocab_size: int
    context_length: int = 8
    d_embedding: int = 24
    d_hidden: int = 128
    fusion: int = 2
    over_positions: bool = True
    pad_id: int = 0

    def __post_init__(self) -> None:
        for name in ("vocab_size", "context_length", "d_embedding", "d_hidden", "fusion"):
            value = getattr(self, name)
            if not isinstance(value, int) or value < 1:
                raise ValueError(f"{name} must be a whole number of at least 1, got {value!r}.")
        fusions(self.context_length, self.fusion)
        if not 0 <= self.pad_id < self.vocab_size:
            raise ValueError(f"pad_id must be a token from 0 to {self.vocab_size - 1}, got {self.pad_id}.")


def fusions(context_length: int, fusion: int) -> tuple[int, ...]:
    """How many neighbours each level of the tree joins; their product is the context length.

    Raises ValueError where the window cannot be joined up.

    >>> fusions(8, 2), fusions(8, 4), fusions(8, 8)
    ((2, 2, 2), (4, 2), (8,))
    """
    if fusion < 2 or context_length < 2:
        raise ValueError(
            f"A tree needs a context of at least 2 and joins at least 2 at a time, got {context_length} and {fusion}."
        )
    levels, left = [], context_length
    while left > fusion:
        if left % fusion:
            raise ValueError(
                f"A context of {context_length} cannot be joined {fusion} at a time ({left} nodes are left over); "
                f"choose {fusion ** round(math.log(context_length, fusion))}, a power of {fusion}."
            )
        levels.append(fusion)
        left //= fusion
    return (*levels, left)


class WaveNet(WindowModel):
    """Windows (B, n) to logits (B, V), by a tree.

    >>> model = WaveNet(WaveNetConfig(vocab_size=27))
    >>> model.score_windows(torch.zeros(5, 8, dtype=torch.long)).shape, model.parameter_count()
    (torch.Size([5, 27]), 76579)
    """

    def __init__(self, config: WaveNetConfig):
        super().__init__()
        self.config = config
        self.embedding = Embedding(config.vocab_size, config.d_embedding)
        layers: list[nn.Module] = []
        width = config.d_embedding
        for joined in fusions(config.context_length, config.fusion):
            n_in = joined * width
            layers += [
                FlattenConsecutive(joined),
                Linear(n_in, config.d_hidden, bias=False, std=TANH_GAIN / math.sqrt(n_in)),
                BatchNorm1d(config.d_hidden, over_positions=config.over_positions),
                Tanh(),
            ]
            width = config.d_hidden
        layers.append(Linear(width, config.vocab_size, std=LAST_LAYER_SCALE / math.sqrt(width)))
        self.network = Sequential(*layers)

    def score_windows(self, windows: Tensor) -> Tensor:
        return self.network(self.embedding(windows))

    def forward(self, ids: Tensor) -> Tensor:
        """(B, T) ids to (B, T, V) logits; in evaluation by convolutions, which share the branches of the trees."""
        is_shared = not self.training and self.config.over_positions
        return dilated_logits(self, ids) if is_shared else super().forward(ids)


def dilated_logits(model: WaveNet, ids: Tensor) -> Tensor:
    """The same net as dilated causal convolutions: (B, T) ids to (B, T, V) logits, equal to scoring every window.

    A level that joins f neighbours becomes a convolution with f taps, as far apart as one node of the level below is
    wide. Each position is computed once per level, however many windows it belongs to. Raises ValueError for a
    training model, whose BatchNorm would see other batches, and for one whose statistics differ by position.
    """
    if model.training:
        raise ValueError("Convolution and tree agree in evaluation only: call model.eval() first.")
    if not model.config.over_positions:
        raise ValueError("With statistics of its own at every position the tree is no convolution.")
    n = model.config.context_length
    padding = torch.full((ids.shape[0], n - 1), model.config.pad_id, dtype=ids.dtype, device=ids.device)
    x = model.embedding(torch.cat([padding, ids], dim=1))  # (B, n − 1 + T, d)
    dilation = 1
    for layer in model.network:
        if isinstance(layer, FlattenConsecutive):
            x = joined_taps(x, layer.n, dilation)
            dilation *= layer.n
        else:
            x = layer(x)
    return x


def joined_taps(x: Tensor, taps: int, dilation: int) -> Tensor:
    """What a causal convolution multiplies: at every place the vectors `dilation` apart, oldest first, end to end.

    (B, S, C) to (B, S − (taps − 1) · dilation, taps · C).
    """
    length = x.shape[1] - (taps - 1) * dilation
    return torch.cat([x[:, i * dilation : i * dilation + length] for i in range(taps)], dim=-1)
