"""How few tokens, and how little time, until Tiny Shakespeare is known as well as a plain recipe knows it at its end.

    EXPLORER_DATA=../shared/data python -m benchmarks.speedrun            about ten minutes on two cores
    EXPLORER_DATA=../shared/data python -m benchmarks.speedrun --smoke     a few seconds: does it still run?

Plain: the preset speedrun-plain, a GPT-2 block with tied weights, AdamW at 1e-3 down a cosine, 2,000 updates of 12
windows of 64 characters. Ours: the preset speedrun. Both have at most 0.85 M parameters and are timed in one run, a
seed of the one after the same seed of the other; the loss is that of the whole held-out tenth. Prints each run, then
the medians over the seeds: the share of the plain recipe's tokens and of its seconds after which ours has ended below
the plain one's final loss. Seconds are those of the updates (batch, forward, backward, optimizer), without held-out
losses.
"""

from __future__ import annotations

import argparse
import statistics
from dataclasses import dataclass, replace

import torch

from explorer.models.registry import PRESETS, build_config, build_model
from explorer.text.batches import split_corpus
from explorer.text.corpora import CorpusError, load_corpus
from explorer.text.tokenizers import learn_tokenizer
from explorer.training.config import TrainingConfig
from explorer.training.trainer import Trainer

PLAIN, OURS = "speedrun-plain", "speedrun"


@dataclass(frozen=True)
class Result:
    """One run at its end: whole-split held-out loss in nats, tokens predicted, seconds of updates."""

    loss: float
    tokens: int
    seconds: float
    parameters: int


def run(preset_name: str, seed: int, steps: int | None) -> Result:
    """Train the preset from the seed to its end, or for `steps` updates."""
    preset = PRESETS[preset_name]
    corpus = load_corpus(preset.corpus)
    splits = split_corpus(corpus)
    tokenizer = learn_tokenizer(preset.tokenizer, corpus.text, splits.train, preset.vocab_size)
    config = build_config(preset.architecture, {"vocab_size": tokenizer.vocab_size, **preset.model})
    training = TrainingConfig(**{**preset.training, "seed": seed, "evaluate_every": 0, "sample_length": 1})
    if steps is not None:
        training = replace(training, steps=steps)
    model = build_model(preset.architecture, config, seed=seed)
    trainer = Trainer(model, tokenizer, splits, training)
    last = None
    for progress in trainer:
        last = progress
    assert last is not None
    assert last.validation_loss is not None
    return Result(last.validation_loss, trainer.tokens, trainer.seconds, model.parameter_count())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--threads", type=int, default=1, help="of torch: one is fastest for models as small as these")
    parser.add_argument("--smoke", action="store_true", help="two updates of each, one seed")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    seeds, steps = ([1], 2) if options.smoke else (options.seeds, None)
    ratios: list[tuple[float, float, float, float]] = []
    print(f"{'recipe':>16} {'seed':>4} {'parameters':>10} {'tokens':>10} {'seconds':>8} {'held-out loss':>13}")
    for seed in seeds:
        pair = []
        for name in (PLAIN, OURS):
            try:
                result = run(name, seed, steps)
            except CorpusError as error:
                print(f"Skipped: {error}")
                return
            pair.append(result)
            print(
                f"{name:>16} {seed:>4} {result.parameters:>10,} {result.tokens:>10,} {result.seconds:>8.1f} "
                f"{result.loss:>13.4f}",
                flush=True,
            )
        plain, ours = pair
        ratios.append((ours.tokens / plain.tokens, ours.seconds / plain.seconds, plain.loss, ours.loss))
    tokens, seconds, plain_loss, our_loss = (statistics.median(column) for column in zip(*ratios, strict=True))
    print(f"median final loss     plain {plain_loss:.4f}, ours {our_loss:.4f}")
    print(f"tokens, ours / plain  {tokens:.3f}  (target 0.125)")
    print(f"seconds, ours / plain {seconds:.3f}  (target 0.25)")


if __name__ == "__main__":
    main()
