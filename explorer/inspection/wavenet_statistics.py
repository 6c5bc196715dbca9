"""What BatchNorm averages in a tree: over windows and positions, as it should, or over windows alone, by mistake.

The makemore lecture (part 5) finds the mistake in its own code: a BatchNorm written for (B, C) inputs averages
dimension 0, and given (B, N, C) it goes on without a word, keeping statistics for every position of the tree.

Shapes: K batches of B windows of n characters; N nodes of a level, C channels.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from explorer.core.layers import BatchNorm1d
from explorer.inspection.capture import capture
from explorer.models.language_model import LanguageModel
from explorer.models.wavenet import WaveNet
from explorer.text.batches import BOUNDARY, join_items, make_batches
from explorer.text.corpora import Corpus
from explorer.text.tokenizers import Tokenizer


@dataclass(frozen=True, eq=False)
class LevelStatistics:
    """What one BatchNorm of the tree computes while training.

    level: from 1. input_shape: (B, N, C). shape: of its means, (1, 1, C), or (1, N, C) with the mistake. averaged: how
    many numbers each mean is the mean of, B · N or B. means, variances: of the first batch, (rows, C), a row for
    every position that has statistics of its own. noise: how far such a mean strays from one batch to the next: its
    standard deviation over the K batches as a share of its channel's own, averaged over rows and channels.
    other_noise: the same, had the same numbers been averaged the other way.
    """

    level: int
    input_shape: tuple[int, int, int]
    shape: tuple[int, int, int]
    averaged: int
    means: np.ndarray
    variances: np.ndarray
    noise: float
    other_noise: float


def readable_text(corpus: Corpus, tokenizer: Tokenizer) -> tuple[str, str | None]:
    """What a net can read of a corpus, and the character between its items (None for running text).

    All of it where the vocabulary suffices; else its items, or its words, made of known characters alone. Raises
    ValueError where there are fewer than two of those.
    """
    if corpus.kind == "text" and not tokenizer.missing(corpus.text):
        return corpus.text, None
    pieces = corpus.items if corpus.kind == "items" else corpus.text.split()
    known = [piece for piece in pieces if not tokenizer.missing(piece)]
    if len(known) < 2 or tokenizer.missing(BOUNDARY):
        raise ValueError(f"Of the corpus {corpus.name} this net can read {len(known)} words; choose another corpus.")
    return join_items(known), BOUNDARY


def draw_windows(corpus: Corpus, tokenizer: Tokenizer, context_length: int, *, shape: tuple[int, int]) -> Tensor:
    """K batches of B windows, (K, B, n) for shape (K, B), of what can be read of a corpus; the same every time."""
    text, between = readable_text(corpus, tokenizer)
    boundary = None if between is None else tokenizer.encode(between)[0]
    batches = make_batches(torch.tensor(tokenizer.encode(text)), context_length, boundary=boundary, windows=True)
    K, B = shape
    windows, _ = batches.sample(K * B, torch.Generator().manual_seed(0))
    return windows.view(K, B, context_length)


@torch.no_grad()
def read_statistics(model: WaveNet, batches: Tensor, *, over_positions: bool) -> tuple[LevelStatistics, ...]:
    """Every BatchNorm of the tree while it trains on `batches` (K, B, n), K at least 2, with or without the mistake.

    The model itself is not touched: a copy of it is read, so its running statistics stay as they are.
    """
    watched = _in_training(model, over_positions)
    sums = _sums(watched, batches)
    return tuple(_level_statistics(level, x, over_positions) for level, x in enumerate(sums, 1))


def _in_training(model: LanguageModel, over_positions: bool) -> LanguageModel:
    """A copy in training mode, its statistics begun anew so that their shape is the variant's own."""
    watched = copy.deepcopy(model).train()
    for module in watched.modules():
        if isinstance(module, BatchNorm1d):
            module.over_positions = over_positions
            module.running_mean = torch.zeros_like(module.weight)
            module.running_var = torch.ones_like(module.weight)
    return watched


def _sums(model: LanguageModel, batches: Tensor) -> list[Tensor]:
    """What arrives at every BatchNorm, (K, B, N, C) each."""
    names = [
        f"network.{i - 1}"
        for i, layer in enumerate(model.get_submodule("network").children())
        if isinstance(layer, BatchNorm1d)
    ]
    seen: list[list[Tensor]] = [[] for _ in names]
    for windows in batches:
        with capture(model, names) as outputs:
            model.loss(windows, windows[:, -1])
        for kept, name in zip(seen, names, strict=True):
            x = outputs[name]
            kept.append(x if x.dim() == 3 else x[:, None])
    return [torch.stack(kept) for kept in seen]


def _level_statistics(level: int, x: Tensor, over_positions: bool) -> LevelStatistics:
    """From what arrived, (K, B, N, C)."""
    _, B, N, C = x.shape
    means, spread = _means(x, over_positions), x.flatten(0, 2).std(dim=0).clamp(min=1e-12)
    rows = means.shape[1]
    variances = x[0].var(dim=(0, 1) if over_positions else 0, correction=0).view(rows, C)
    return LevelStatistics(
        level=level,
        input_shape=(B, N, C),
        shape=(1, rows, C),
        averaged=B * N // rows,
        means=means[0].numpy(),
        variances=variances.numpy(),
        noise=float((means.std(dim=0) / spread).mean()),
        other_noise=float((_means(x, not over_positions).std(dim=0) / spread).mean()),
    )


def _means(x: Tensor, over_positions: bool) -> Tensor:
    """Of every batch, (K, rows, C)."""
    return x.mean(dim=(1, 2))[:, None] if over_positions else x.mean(dim=1)
