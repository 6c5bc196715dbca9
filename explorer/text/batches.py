"""What a model reads in training: seeded splits of a corpus and batches of windows.

Shapes: B batch, T positions (the context length). Inputs and targets are the same text, one token apart.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from explorer.text.corpora import Corpus

HELD_OUT = 0.1
SPLIT_SEED = 42


@dataclass(frozen=True)
class Splits:
    """A corpus cut in three: what is learned from, what settings are chosen by, what is looked at once.

    Running text has no test part: its last tenth is the validation part, as is customary for Tiny Shakespeare.
    """

    train: str
    validation: str
    test: str


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
    return Splits(*(join_items(part) for part in (items[:first], items[first:second], items[second:])))


def join_items(items: list[str]) -> str:
    """Items as one text in which each begins and ends at a newline.

    >>> join_items(["emma", "ava"])
    '\\nemma\\nava\\n'
    """
    return "\n" + "".join(f"{item}\n" for item in items) if items else ""


def split_corpus(corpus: Corpus, seed: int = SPLIT_SEED) -> Splits:
    """Items are shuffled and cut 80/10/10; running text is cut 90/10 in order."""
    return split_items(corpus.items, seed) if corpus.kind == "items" else split_text(corpus.text)


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
