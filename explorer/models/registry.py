"""Every architecture the package has, and ready-made shapes of them.

A new architecture is one module in `models/` and one entry here; see CONTRIBUTING.md.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any

import torch

from explorer.core.sampling import check_seed
from explorer.models.bigram import Bigram, BigramConfig
from explorer.models.gpt import GPT, GPTConfig
from explorer.models.language_model import LanguageModel


@dataclass(frozen=True)
class Architecture:
    """description: one line. config_type: a frozen dataclass with vocab_size and context_length. model_type: built
    from that config. has_attention: its patterns can be captured at `blocks.*.attention.pattern`."""

    description: str
    config_type: Any
    model_type: type[LanguageModel]
    has_attention: bool = False


ARCHITECTURES: dict[str, Architecture] = {
    "bigram": Architecture("The next token from the present one alone: a table.", BigramConfig, Bigram),
    "gpt": Architecture("A decoder-only Transformer in the shape of GPT-2.", GPTConfig, GPT, has_attention=True),
}


@dataclass(frozen=True)
class Preset:
    """A shape and the training settings that suit it: what `train --preset` starts from."""

    description: str
    architecture: str
    corpus: str
    model: dict[str, Any]
    training: dict[str, Any]


PRESETS: dict[str, Preset] = {
    "bigram": Preset(
        "A bigram table by gradient descent, in seconds.",
        "bigram",
        "drama",
        {},
        {"steps": 2000, "batch_size": 1024, "learning_rate": 0.05, "weight_decay": 0.0},
    ),
    "gpt-tiny": Preset(
        "A GPT of 0.2 M parameters: babble in a minute on a laptop.",
        "gpt",
        "drama",
        {"context_length": 64, "n_layers": 4, "n_heads": 4, "d_model": 64},
        {"steps": 1000, "batch_size": 16, "learning_rate": 3e-3},
    ),
    "shakespeare-gpt": Preset(
        "The shipped GPT: 2.7 M parameters, trained on Tiny Shakespeare.",
        "gpt",
        "shakespeare",
        {"context_length": 256, "n_layers": 6, "n_heads": 6, "d_model": 192, "dropout": 0.1},
        {"steps": 4000, "batch_size": 8, "learning_rate": 2e-3, "final_learning_rate": 1e-4, "warmup": 150},
    ),
}

_building = threading.Lock()


def build_config(architecture: str, options: dict[str, Any]) -> Any:
    """The architecture's config from plain options; raises ValueError for an unknown architecture or option."""
    if architecture not in ARCHITECTURES:
        raise ValueError(f"Expected an architecture among {', '.join(ARCHITECTURES)}, got {architecture!r}.")
    config_type = ARCHITECTURES[architecture].config_type
    unknown = sorted(set(options) - set(config_type.__dataclass_fields__))
    if unknown:
        raise ValueError(
            f"The architecture {architecture!r} has no option {', '.join(unknown)}; "
            f"it has {', '.join(config_type.__dataclass_fields__)}."
        )
    return config_type(**options)


def build_model(architecture: str, config: Any, *, seed: int = 0) -> LanguageModel:
    """A freshly initialised model whose weights depend on `seed` alone.

    Layers draw from torch's global generator, so it is lent to one model at a time and put back as it was:
    building a model changes nobody else's random numbers. Raises ValueError for a seed that torch does not take.
    """
    check_seed(seed)
    with _building, torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return ARCHITECTURES[architecture].model_type(config)
