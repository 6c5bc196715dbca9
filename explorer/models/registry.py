"""Every architecture the package has; ready-made shapes of them are in `models.presets`.

A new architecture is one module in `models/` and one entry here; see CONTRIBUTING.md.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any

import torch

from explorer.core.sampling import check_seed
from explorer.models.bigram import Bigram, BigramConfig
from explorer.models.decoder import Decoder, DecoderConfig
from explorer.models.gpt import GPT, GPTConfig
from explorer.models.language_model import LanguageModel
from explorer.models.mlp import MLP, MLPConfig
from explorer.models.modern import Modern, ModernConfig
from explorer.models.presets import PRESETS, Preset
from explorer.models.wavenet import WaveNet, WaveNetConfig

__all__ = [
    "ARCHITECTURES",
    "PRESETS",
    "Architecture",
    "Preset",
    "build_config",
    "build_model",
    "count_parameters",
    "shape_only",
]


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
    "mlp": Architecture("A window of letters through hidden layers.", MLPConfig, MLP),
    "wavenet": Architecture("A window of letters joined up a tree.", WaveNetConfig, WaveNet),
    "decoder": Architecture(
        "A Transformer decoder whose parts are switched on one at a time.", DecoderConfig, Decoder, has_attention=True
    ),
    "gpt": Architecture("A decoder-only Transformer in the shape of GPT-2.", GPTConfig, GPT, has_attention=True),
    "modern": Architecture("A decoder with what came after GPT-2.", ModernConfig, Modern, has_attention=True),
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


def count_parameters(architecture: str, config: Any) -> int:
    """How many numbers such a model would learn, tied ones once; nothing is allocated.

    Raises ValueError for a size that cannot even be counted.
    """
    return shape_only(architecture, config).parameter_count()


def shape_only(architecture: str, config: Any) -> LanguageModel:
    """The model without its numbers: every tensor has a shape and no storage (torch's "meta" device)."""
    try:
        with torch.device("meta"):
            return ARCHITECTURES[architecture].model_type(config)
    except RuntimeError as error:
        raise ValueError(f"This size is beyond any machine: {config}; choose smaller numbers.") from error
