"""What a model reads in training: seeded splits of a corpus and batches of it.

Running text is cut into windows anywhere. Items (names, one a line) are read one at a time: what stands before an item
is the boundary symbol and nothing else, so no model learns that "ava" follows "emma". A model that reads windows of
fixed length gets one target per window; any other gets one at every position.

Shapes: B batch, T positions (the context length), N tokens of a split. Inputs and targets are the same text, one token
apart; a target of −1 is none.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from explorer.text.corpora import Corpus
from explorer.text.tokenizers import Tokenizer

HELD_OUT = 0.1
SPLIT_SEED = 42
BOUNDARY = "\n"
NO_TARGET = -1


@dataclass(frozen=True)
class Splits:
    """A corpus cut in three: what is learned from, what settings are chosen by, what is looked at once.

    Running text has no test part: its last tenth is the validation part, as is customary for Tiny Shakespeare.
    boundary: the character between items, None for running text.
    """

    train: str
    validation: str
    test: str
    boundary: str | None = None


def split_text(text: str) -> Splits:
    """The first nine tenths to learn from, the last tenth held out."""
    cut = int(len(text) * (1 - HELD_OUT))
    return Splits(text[:cut], text[cut:], "")


def split_items(items: list[str], seed: int = SPLIT_SEED) -> Splits:
    """Shuffle with `seed`, then 80 / 10 / 10. Every item stands between newlines, the boundary symbol.

    With seed 42 this is the split of the makemore lectures.
    """
    items = list(items)
    random.Random(seed).shuffle(items)
    first, second = int(0.8 * len(items)), int(0.9 * len(items))
    train, validation, test = (join_items(part) for part in (items[:first], items[first:second], items[second:]))
    return Splits(train, validation, test, BOUNDARY)


def join_items(items: list[str]) -> str:
    """Items as one text in which each begins and ends at a newline.

    >>> join_items(["emma", "ava"])
    '\\nemma\\nava\\n'
    """
    return "\n" + "".join(f"{item}\n" for item in items) if items else ""


def split_corpus(corpus: Corpus, seed: int = SPLIT_SEED) -> Splits:
    """Items are shuffled and cut 80/10/10; running text is cut 90/10 in order."""
    return split_items(corpus.items, seed) if corpus.kind == "items" else split_text(corpus.text)


def start_of_text(tokenizer: Tokenizer) -> list[int]:
    """What a model continues when nothing is given: a newline, or the first symbol of a vocabulary without one."""
    return [0] if tokenizer.missing(BOUNDARY) else tokenizer.encode(BOUNDARY) or [0]


def boundary_token(splits: Splits, tokenizer: Tokenizer) -> int | None:
    """The token between the items of a split text; None for running text.

    Raises ValueError for a tokenizer that does not keep line breaks as tokens.
    """
    if splits.boundary is None:
        return None
    ids = tokenizer.encode(splits.boundary)
    if len(ids) != 1:
        raise ValueError(
            "Items stand on lines of their own, and this tokenizer does not keep line breaks; choose characters or bpe."
        )
    return ids[0]


def sample_batch(
    ids: Tensor, batch_size: int, context_length: int, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Windows at random places: inputs and targets, (B, T) each.

    `ids` is the whole split, (N,), with N above T; raises ValueError otherwise.
    """
    if len(ids) <= context_length:
        raise ValueError(
            f"A context of {context_length} needs a text of at least {context_length + 1} tokens, got {len(ids)}; "
            "shorten the context or bring more text."
        )
    starts = torch.randint(len(ids) - context_length, (batch_size,), generator=generator)
    windows = ids[starts[:, None] + torch.arange(context_length + 1)]  # (B, T + 1)
    return windows[:, :-1], windows[:, 1:]


def consecutive_windows(ids: Tensor, batch_size: int, context_length: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Every token but the first as a target exactly once, in order: inputs and targets, (≤ B, ≤ T) each.

    Windows do not overlap, so a target's context grows from 1 to T tokens along its window. What is left over at the
    end comes as one shorter window.
    """
    whole = (len(ids) - 1) // context_length
    inputs = ids[: whole * context_length].view(whole, context_length)
    targets = ids[1 : whole * context_length + 1].view(whole, context_length)
    for start in range(0, whole, batch_size):
        yield inputs[start : start + batch_size], targets[start : start + batch_size]
    if (len(ids) - 1) % context_length:
        rest = ids[whole * context_length :]
        yield rest[None, :-1], rest[None, 1:]


class Batches(Protocol):
    """A split, cut as a model reads it."""

    def sample(self, batch_size: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """`batch_size` random pieces: inputs and targets."""

    def all(self, batch_size: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Every token but the first of the split as a target exactly once, `batch_size` pieces at a time."""


def make_batches(ids: Tensor, context_length: int, *, boundary: int | None = None, windows: bool = False) -> Batches:
    """Batches of a split, (N,) ids: of items where there is a `boundary` token, one target a window if `windows`."""
    if windows:
        return Contexts(ids, context_length, boundary)
    if boundary is not None:
        return Items(ids, context_length, boundary)
    return RunningText(ids, context_length)


@dataclass(frozen=True)
class RunningText:
    """Windows of a text, (B, T) inputs and targets."""

    ids: Tensor
    context_length: int

    def sample(self, batch_size: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        return sample_batch(self.ids, batch_size, self.context_length, generator)

    def all(self, batch_size: int) -> Iterator[tuple[Tensor, Tensor]]:
        return consecutive_windows(self.ids, batch_size, self.context_length)


class Contexts:
    """Windows with one target each: inputs (B, T), targets (B,).

    The window of a target is the T tokens before it; the boundary (token 0 in running text) stands where it would reach
    over the text's beginning or into another item.

    >>> windows, targets = next(Contexts(torch.tensor([0, 5, 0, 6]), 2, 0).all(3))
    >>> windows.tolist(), targets.tolist()
    ([[0, 0], [0, 5], [0, 0]], [5, 0, 6])
    """

    def __init__(self, ids: Tensor, context_length: int, boundary: int | None = None):
        self.pad = 0 if boundary is None else boundary
        padding = ids.new_full((context_length - 1,), self.pad)
        self.windows = torch.cat([padding, ids[:-1]]).unfold(0, context_length, 1)  # (N − 1, T), a view
        self.targets = ids[1:]
        places = torch.arange(len(self.targets))
        starts = torch.where(ids[:-1] == boundary, places, 0) if boundary is not None else torch.zeros_like(places)
        # How many tokens at the end of each window belong to the target's own item, its boundary among them.
        self.own = places - starts.cummax(0).values + 1
        self.age = torch.arange(context_length, 0, -1)  # of a window's tokens: T … 1, the latest is 1

    def _pick(self, places: Tensor) -> tuple[Tensor, Tensor]:
        is_own = self.age <= self.own[places, None]
        return torch.where(is_own, self.windows[places], self.pad), self.targets[places]

    def sample(self, batch_size: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        return self._pick(torch.randint(len(self.targets), (batch_size,), generator=generator))

    def all(self, batch_size: int) -> Iterator[tuple[Tensor, Tensor]]:
        for places in torch.arange(len(self.targets)).split(batch_size):
            yield self._pick(places)


class Items:
    """One item a row: inputs and targets (B, T), rows shorter than the longest filled up without targets.

    An item longer than the context is cut into pieces that are read each for itself.

    >>> inputs, targets = next(Items(torch.tensor([0, 5, 0, 6, 7, 0]), 4, 0).all(2))
    >>> inputs.tolist(), targets.tolist()
    ([[0, 5, 0], [0, 6, 7]], [[5, 0, -1], [6, 7, 0]])
    """

    def __init__(self, ids: Tensor, context_length: int, boundary: int):
        is_start = ids[:-1] == boundary
        is_start[:1] = True
        starts = is_start.nonzero().flatten().tolist()
        ends = [*starts[1:], len(ids) - 1]
        pieces = [
            (at, min(at + context_length, end))
            for start, end in zip(starts, ends, strict=True)
            for at in range(start, end, context_length)
        ]
        longest = max((end - start for start, end in pieces), default=0)
        self.inputs = ids.new_full((len(pieces), longest), boundary)  # (rows, T)
        self.targets = ids.new_full((len(pieces), longest), NO_TARGET)
        for row, (start, end) in enumerate(pieces):
            self.inputs[row, : end - start] = ids[start:end]
            self.targets[row, : end - start] = ids[start + 1 : end + 1]

    def sample(self, batch_size: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        rows = torch.randint(len(self.inputs), (batch_size,), generator=generator)
        longest = int((self.targets[rows] >= 0).sum(dim=1).max())  # what is shorter was filled up for nothing
        return self.inputs[rows, :longest], self.targets[rows, :longest]

    def all(self, batch_size: int) -> Iterator[tuple[Tensor, Tensor]]:
        yield from zip(self.inputs.split(batch_size), self.targets.split(batch_size), strict=True)
