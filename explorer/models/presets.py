"""Ready-made shapes and the training settings that suit them: what `train --preset` starts from.

Each shipped checkpoint was made by the preset of its name; its card has the whole command.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


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


# Muon for matrices, a rate that falls along a line to zero, the mean of the last weights: docs/LOG.md has what each buys.
_RECIPE: dict[str, Any] = {
    "optimizer": "muon",
    "schedule": "linear",
    "batch_size": 16,
    "warmup": 30,
    "learning_rate": 0.006,
    "matrix_learning_rate": 0.02,
    "final_learning_rate": 0.0,
    "weight_decay": 0.1,
    "average": 0.99,
}

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
        "The shipped GPT-2 shape: 2.7 M parameters, trained on Tiny Shakespeare by the better recipe.",
        "gpt",
        "shakespeare",
        {"context_length": 256, "n_layers": 6, "n_heads": 6, "d_model": 192, "dropout": 0.2, "weight_std": None},
        {**_RECIPE, "steps": 2000, "matrix_learning_rate": 0.015, "average": 0.995},
    ),
    "shakespeare-modern": Preset(
        "What came after GPT-2, at its best: 2.7 M parameters, trained on Tiny Shakespeare.",
        "modern",
        "shakespeare",
        {"context_length": 512, "n_layers": 6, "n_heads": 6, "d_model": 192, "dropout": 0.2},
        {**_RECIPE, "steps": 3000, "batch_size": 8, "warmup": 40, "matrix_learning_rate": 0.015, "average": 0.995},
    ),
    "sonetos-gpt": Preset(
        "A small GPT on Spanish Golden-Age sonnets.",
        "gpt",
        "sonetos",
        {"context_length": 256, "n_layers": 4, "n_heads": 4, "d_model": 128, "dropout": 0.1, "weight_std": None},
        {**_RECIPE, "steps": 1500},
    ),
    "oz-gpt": Preset(
        "A small GPT on Dorothy and the Wizard in Oz.",
        "gpt",
        "oz",
        {"context_length": 256, "n_layers": 4, "n_heads": 4, "d_model": 128, "dropout": 0.25, "weight_std": None},
        {**_RECIPE, "steps": 750},
    ),
    "poemas-gpt": Preset(
        "A small GPT on the shipped Spanish poems.",
        "gpt",
        "poemas",
        {"context_length": 256, "n_layers": 4, "n_heads": 4, "d_model": 96, "dropout": 0.3, "weight_std": None},
        {**_RECIPE, "steps": 500},
    ),
    "speedrun-plain": Preset(
        "The plain recipe that the speedrun is measured against: GPT-2's block, AdamW.",
        "gpt",
        "shakespeare",
        {"context_length": 64, "n_layers": 4, "n_heads": 4, "d_model": 128},
        {"steps": 2000, "batch_size": 12, "learning_rate": 1e-3},
    ),
    "speedrun": Preset(
        "As good as the plain recipe after an eighth of its tokens: see benchmarks/speedrun.py.",
        "modern",
        "shakespeare",
        {"context_length": 64, "n_layers": 4, "n_heads": 4, "d_model": 128},
        {
            **_RECIPE,
            "steps": 400,
            "batch_size": 6,
            "warmup": 20,
            "learning_rate": 0.01,
            "weight_decay": 0.0,
            "average": 0.0,
        },
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
