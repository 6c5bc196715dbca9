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
from explorer.models.decoder import Decoder, DecoderConfig
from explorer.models.gpt import GPT, GPTConfig
from explorer.models.language_model import LanguageModel
from explorer.models.mlp import MLP, MLPConfig
from explorer.models.modern import Modern, ModernConfig
from explorer.models.wavenet import WaveNet, WaveNetConfig


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


@dataclass(frozen=True)
class Preset:
    """A shape and the training settings that suit it: what `train --preset` starts from. tokenizer: its kind;
    vocab_size: of a learned one."""

    description: str
    architecture: str
    corpus: str
    model: dict[str, Any]
    training: dict[str, Any]
    tokenizer: str = "char"
    vocab_size: int | None = None


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
    "drama-gpt": Preset(
        "A small GPT on the shipped verse drama, by characters.",
        "gpt",
        "drama",
        {"context_length": 128, "n_layers": 4, "n_heads": 4, "d_model": 96, "dropout": 0.2},
        {"steps": 2500, "batch_size": 16, "learning_rate": 3e-3, "weight_decay": 0.3},
    ),
    "drama-bpe-gpt": Preset(
        "The same on sub-words: 256 merges, a window of about as much text.",
        "gpt",
        "drama",
        {"context_length": 64, "n_layers": 4, "n_heads": 4, "d_model": 96, "dropout": 0.2},
        {"steps": 2500, "batch_size": 16, "learning_rate": 3e-3, "weight_decay": 0.3},
        tokenizer="bpe",
        vocab_size=512,
    ),
    "shakespeare-gpt": Preset(
        "The shipped GPT: 2.7 M parameters, trained on Tiny Shakespeare.",
        "gpt",
        "shakespeare",
        {"context_length": 256, "n_layers": 6, "n_heads": 6, "d_model": 192, "dropout": 0.1},
        {"steps": 4000, "batch_size": 8, "learning_rate": 2e-3, "final_learning_rate": 1e-4, "warmup": 150},
    ),
}


def _ladder(description: str, corpus: str, architecture: str, model: dict[str, Any], **training: Any) -> Preset:
    """A rung of one of the two ladders on the Overview: trained without weight decay unless it says otherwise."""
    return Preset(
        description, architecture, corpus, model, {"weight_decay": 0.0, "final_learning_rate": 0.0, **training}
    )


_LECTURE_HEAD: dict[str, Any] = {
    "context_length": 8,
    "d_model": 32,
    "projection": False,
    "feed_forward": False,
    "residual": False,
}
_LECTURE_HEAD |= {"norm": "none"}

PRESETS |= {
    "names-bigram": _ladder(
        "Names: the bigram table.", "names", "bigram", {}, steps=1500, batch_size=2048, learning_rate=0.1
    ),
    "names-mlp": _ladder(
        "Names: three letters through 200 neurons (Bengio et al., 2003).",
        "names",
        "mlp",
        {"context_length": 3, "d_embedding": 10, "d_hidden": 200},
        steps=30_000,
        batch_size=256,
        learning_rate=5e-3,
    ),
    "names-batchnorm": _ladder(
        "Names: the MLP with BatchNorm.",
        "names",
        "mlp",
        {"context_length": 3, "d_embedding": 10, "d_hidden": 200, "batch_norm": True},
        steps=30_000,
        batch_size=256,
        learning_rate=5e-3,
    ),
    "names-wavenet": _ladder(
        "Names: eight letters joined up a tree.",
        "names",
        "wavenet",
        {"context_length": 8, "d_embedding": 24, "d_hidden": 128},
        steps=20_000,
        batch_size=256,
        learning_rate=3e-3,
        weight_decay=0.05,
    ),
    "names-transformer": _ladder(
        "Names: a small Transformer that reads the whole name.",
        "names",
        "gpt",
        {"context_length": 16, "n_layers": 4, "n_heads": 4, "d_model": 64, "dropout": 0.2, "weight_std": None},
        steps=24_000,
        batch_size=64,
        learning_rate=3e-3,
        weight_decay=0.1,
    ),
    "shakespeare-bigram": _ladder(
        "Shakespeare: no attention, the present character and its place alone.",
        "shakespeare",
        "decoder",
        {"context_length": 8, "n_layers": 0, "d_model": 32, "n_heads": 1, "norm": "none"},
        steps=5000,
        batch_size=32,
        learning_rate=3e-3,
    ),
    "shakespeare-head": _ladder(
        "Shakespeare: one attention head.",
        "shakespeare",
        "decoder",
        {**_LECTURE_HEAD, "n_heads": 1},
        steps=5000,
        batch_size=32,
        learning_rate=3e-3,
    ),
    "shakespeare-heads": _ladder(
        "Shakespeare: four heads of a quarter the width.",
        "shakespeare",
        "decoder",
        {**_LECTURE_HEAD, "n_heads": 4},
        steps=5000,
        batch_size=32,
        learning_rate=3e-3,
    ),
    "shakespeare-block": _ladder(
        "Shakespeare: a whole block: heads, feed-forward, residual paths, LayerNorm.",
        "shakespeare",
        "decoder",
        {"context_length": 32, "n_layers": 1, "n_heads": 4, "d_model": 64},
        steps=5000,
        batch_size=32,
        learning_rate=3e-3,
    ),
    "shakespeare-decoder": _ladder(
        "Shakespeare: three such blocks, twice as wide.",
        "shakespeare",
        "decoder",
        {"context_length": 64, "n_layers": 3, "n_heads": 4, "d_model": 128, "dropout": 0.1},
        steps=5000,
        batch_size=32,
        learning_rate=2e-3,
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
