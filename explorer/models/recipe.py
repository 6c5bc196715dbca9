"""What each part of the better recipe is worth: every part taken back by itself, with measured losses.

The whole recipe is the preset "speedrun"; each `Change` undoes one of its ideas and leaves the rest. The losses are in
`data/recipe.json`, written by `python -m explorer.training.recipe`; they are read here without torch.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

MEASURED = Path(__file__).parents[2] / "data" / "recipe.json"
PRESET, PLAIN = "speedrun", "speedrun-plain"


@dataclass(frozen=True)
class Change:
    """One idea taken back. name: in the file of losses. title: of its bar. source: whose idea it was. model, training:
    options that differ from the preset's."""

    name: str
    title: str
    source: str
    model: dict[str, Any] = field(default_factory=dict)
    training: dict[str, Any] = field(default_factory=dict)


WHOLE = Change("whole", "the whole recipe", "")
CHANGES: tuple[Change, ...] = (
    Change(
        "adamw",
        "AdamW instead of Muon",
        "Jordan et al., 2024",
        training={"optimizer": "adamw", "learning_rate": 3e-3, "weight_decay": 0.1},
    ),
    Change("convolution", "no short convolution", "So et al., 2021", {"convolution": 1}),
    Change("positions", "learned instead of rotary positions", "Su et al., 2021", {"positions": "learned"}),
    Change("query_key_norm", "queries and keys of any length", "Henry et al., 2020", {"query_key_norm": False}),
    Change("value_residual", "no values from the first layer", "Zhou et al., 2024", {"value_residual": False}),
    Change("gelu", "GELU instead of squared ReLU", "So et al., 2021", {"activation": "gelu"}),
    Change("swiglu", "SwiGLU instead of squared ReLU", "Shazeer, 2020", {"activation": "swiglu"}),
    Change("norm", "LayerNorm instead of RMSNorm", "Zhang & Sennrich, 2019", {"norm": "layer"}),
    Change("silent_start", "sublayers that speak from the start", "Zhang, Dauphin & Ma, 2019", {"silent_start": False}),
    Change("bias", "linear layers with offsets", "Chowdhery et al., 2022", {"bias": True}),
    Change("tie_weights", "one table for reading and writing", "Press & Wolf, 2017", {"tie_weights": True}),
    Change("average", "with a mean of the last weights", "Polyak & Juditsky, 1992", training={"average": 0.98}),
    Change("batch", "twice the batch, half the updates", "", training={"batch_size": 12}),
)


@dataclass(frozen=True)
class ChangeReading:
    """A change and what it reached. losses: held-out, of the whole split, in nats, one a seed. seconds: of the updates,
    the mean over the seeds. parameters: learned numbers."""

    change: Change
    losses: tuple[float, ...]
    seconds: float
    parameters: int

    @property
    def loss(self) -> float:
        """The mean over the seeds."""
        return sum(self.losses) / len(self.losses)


@dataclass(frozen=True)
class RecipeReading:
    """The whole recipe and each change, all after the same number of tokens. seeds: of the runs, in order."""

    whole: ChangeReading
    changes: tuple[ChangeReading, ...]
    seeds: tuple[int, ...]
    tokens: int


def read_recipe(path: Path = MEASURED) -> RecipeReading:
    """What was measured. Raises ValueError where the file is not there or lacks a change."""
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        readings = [
            ChangeReading(
                change, tuple(found["losses"]), sum(found["seconds"]) / len(found["seconds"]), found["parameters"]
            )
            for change in (WHOLE, *CHANGES)
            for found in (record["runs"][change.name],)
        ]
        return RecipeReading(readings[0], tuple(readings[1:]), tuple(record["seeds"]), record["tokens"])
    except (OSError, ValueError, KeyError, TypeError, ZeroDivisionError) as error:
        raise ValueError(
            f"The measured recipe {path.name} cannot be read ({type(error).__name__}: {error}); "
            "`python -m explorer.training.recipe` writes it."
        ) from error
