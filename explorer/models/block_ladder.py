"""From one attention head to a Transformer of three blocks, one part at a time, with measured losses.

The order and the sizes are those of the lecture that builds a GPT from nothing (Karpathy, 2023) where it still runs on
a laptop: 32 channels, 4 heads, 8 characters of Tiny Shakespeare. The losses are in `data/block_ladder.json`, written
by `python -m explorer.training.block_ladder`; they are read here without torch.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MEASURED = Path(__file__).parents[2] / "data" / "block_ladder.json"
CORPUS = "shakespeare"
TRAINING: dict[str, Any] = {
    "steps": 5000,
    "batch_size": 32,
    "learning_rate": 3e-3,
    "final_learning_rate": 0.0,
    "weight_decay": 0.0,
    "evaluate_every": 0,
}

_HEAD: dict[str, Any] = {
    "context_length": 8,
    "d_model": 32,
    "n_layers": 1,
    "n_heads": 1,
    "projection": False,
    "feed_forward": False,
    "residual": False,
    "norm": "none",
}
_HEADS = {**_HEAD, "n_heads": 4}
_FEED_FORWARD = {**_HEADS, "feed_forward": True}
_RESIDUAL = {**_FEED_FORWARD, "residual": True, "projection": True, "n_layers": 3}
_NORM = {**_RESIDUAL, "norm": "pre"}
_DROPOUT = {**_NORM, "dropout": 0.2}


@dataclass(frozen=True)
class BlockRung:
    """One rung. name: in the file of losses. title: of its bar. idea: what is new in it. options: of `DecoderConfig`, but
    the vocabulary's size. published: the validation loss the lecture shows on that rung, in nats, where it does."""

    name: str
    title: str
    idea: str
    options: dict[str, Any]
    published: float | None = None


RUNGS: tuple[BlockRung, ...] = (
    BlockRung("head", "One head", "each place fetches from the places before it", _HEAD, 2.4),
    BlockRung("heads", "Four heads", "four things fetched at once, a quarter as wide each", _HEADS, 2.28),
    BlockRung("feed-forward", "+ feed-forward", "each place works on what it fetched", _FEED_FORWARD, 2.24),
    BlockRung(
        "residual", "+ residual, three blocks", "each part adds to a stream: depth can be trained", _RESIDUAL, 2.08
    ),
    BlockRung("norm", "+ LayerNorm", "every part reads numbers of one size", _NORM, 2.06),
    BlockRung("dropout", "+ dropout 0.2", "a fifth of what each part adds is left out while training", _DROPOUT),
)


@dataclass(frozen=True)
class BlockRungReading:
    """A rung and what it reached. loss, train_loss: mean cross-entropy over the whole held-out part and the whole
    training part, nats a character, dropout off. parameters: learned numbers."""

    rung: BlockRung
    loss: float
    train_loss: float
    parameters: int


def read_block_ladder(path: Path = MEASURED) -> tuple[BlockRungReading, ...]:
    """The measured rungs, in order. Raises ValueError where the file is not there or lacks a rung."""
    try:
        losses = json.loads(path.read_text(encoding="utf-8"))["rungs"]
        return tuple(
            BlockRungReading(rung, *(losses[rung.name][part] for part in ("loss", "train_loss", "parameters")))
            for rung in RUNGS
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"The measured losses in {path.name} cannot be read ({error}); "
            "make them again with `python -m explorer.training.block_ladder`."
        ) from error
