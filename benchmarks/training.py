"""Training speed with fused attention against attention computed stage by stage.

    python -m benchmarks.training            about a minute on two cores
    python -m benchmarks.training --smoke    a few seconds: does it still run?

Both trainers do whole updates (batch, forward, backward, clipping, AdamW) on the shape of the preset shakespeare-gpt: 6
layers, 6 heads, 192 channels, context 256. The explicit one has a listener at every attention pattern, which is what
makes the model compute and keep the patterns. Prints tokens per second of each and their ratio; only the ratio means
something on another machine.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Iterator

import torch

from benchmarks._timing import interleaved_medians
from explorer.inspection.capture import capture
from explorer.models.registry import PRESETS, build_config, build_model
from explorer.text.batches import split_text
from explorer.text.tokenizers import CharTokenizer
from explorer.training.config import TrainingConfig
from explorer.training.trainer import Progress, Trainer

PRESET = PRESETS["shakespeare-gpt"]
ALPHABET = "".join(chr(ord("0") + i) for i in range(65))  # as many symbols as Tiny Shakespeare has


def make_trainer(batch_size: int) -> Trainer:
    """A trainer of the preset's shape on random text, without held-out losses on the way."""
    text = "".join(random.Random(0).choices(ALPHABET, k=100_000))
    tokenizer = CharTokenizer(ALPHABET)
    config = build_config(PRESET.architecture, {"vocab_size": tokenizer.vocab_size, **PRESET.model})
    settings = TrainingConfig(steps=10**9, batch_size=batch_size, evaluate_every=0)
    return Trainer(build_model(PRESET.architecture, config), tokenizer, split_text(text), settings)


def advance(updates: Iterator[Progress], n: int) -> None:
    for _ in range(n):
        next(updates)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch-size", type=int, default=8, help="windows per update")
    parser.add_argument("--updates", type=int, default=3, help="updates per measurement")
    parser.add_argument("--repeats", type=int, default=7, help="measurements of each")
    parser.add_argument("--threads", type=int, help="of torch; 1 is far faster beside other busy processes")
    parser.add_argument("--smoke", action="store_true", help="one update of one window, once")
    options = parser.parse_args()
    if options.smoke:
        options.batch_size, options.updates, options.repeats = 1, 1, 1
    if options.threads:
        torch.set_num_threads(options.threads)

    fused, explicit = make_trainer(options.batch_size), make_trainer(options.batch_size)
    fused_updates, explicit_updates = iter(fused), iter(explicit)
    with capture(explicit.model, ["blocks.*.attention.pattern"]):
        seconds = interleaved_medians(
            lambda: advance(fused_updates, options.updates),
            lambda: advance(explicit_updates, options.updates),
            options.repeats,
        )
    tokens = options.updates * options.batch_size * fused.model.config.context_length
    print(f"fused attention     {tokens / seconds[0]:10,.0f} tokens/s")
    print(f"explicit attention  {tokens / seconds[1]:10,.0f} tokens/s")
    print(f"ratio               {seconds[1] / seconds[0]:10.2f}")


if __name__ == "__main__":
    main()
