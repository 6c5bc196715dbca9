"""What the tree buys and what its BatchNorm mistake costs: held-out losses of short trainings on makemore's names.

    python -m benchmarks.wavenet                     about half an hour on one busy core
    python -m benchmarks.wavenet --smoke             a few seconds: does it still run?

Every variant reads the same batches with the same settings; only the network differs. The loss is that of the whole
validation split after the last step. Needs the corpus "names" (EXPLORER_DATA, or downloaded once before).
"""

from __future__ import annotations

import argparse
import statistics
import time

import torch

from explorer.models.mlp import MLPConfig
from explorer.models.registry import build_model, count_parameters
from explorer.models.wavenet import WaveNetConfig
from explorer.text.batches import split_corpus
from explorer.text.corpora import load_corpus
from explorer.text.tokenizers import CharTokenizer
from explorer.training.config import TrainingConfig
from explorer.training.trainer import Trainer

V = 27
VARIANTS: dict[str, MLPConfig | WaveNetConfig] = {
    "flat, 3 letters": MLPConfig(V, context_length=3, d_embedding=10, d_hidden=200, batch_norm=True),
    "flat, 8 letters": MLPConfig(V, context_length=8, d_embedding=10, d_hidden=200, batch_norm=True),
    "tree with the mistake": WaveNetConfig(V, d_embedding=10, d_hidden=68, over_positions=False),
    "tree": WaveNetConfig(V, d_embedding=10, d_hidden=68),
    "large tree with the mistake": WaveNetConfig(V, over_positions=False),
    "large tree": WaveNetConfig(V),
    "flat, as large": MLPConfig(V, context_length=8, d_embedding=24, d_hidden=343, batch_norm=True),
}


def final_loss(config: MLPConfig | WaveNetConfig, steps: int, batch_size: int, seed: int) -> float:
    """The validation loss in nats after training one variant from `seed`."""
    splits = split_corpus(load_corpus("names"))
    tokenizer = CharTokenizer.from_text(splits.train)
    settings = TrainingConfig(
        steps=steps,
        batch_size=batch_size,
        learning_rate=3e-3,
        final_learning_rate=0.0,
        weight_decay=0.0,
        evaluate_every=0,
        sample_length=1,
        seed=seed,
    )
    model = build_model("mlp" if isinstance(config, MLPConfig) else "wavenet", config, seed=seed)
    progress = list(Trainer(model, tokenizer, splits, settings))[-1]
    assert progress.validation_loss is not None
    return progress.validation_loss


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=10_000)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3, 4, 5])
    parser.add_argument("--only", nargs="+", choices=list(VARIANTS), default=list(VARIANTS))
    parser.add_argument("--smoke", action="store_true", help="five steps of one seed")
    options = parser.parse_args()
    if options.smoke:
        options.steps, options.seeds = 5, [1]
    torch.set_num_threads(1)
    for name in options.only:
        config, started = VARIANTS[name], time.perf_counter()
        losses = [final_loss(config, options.steps, options.batch_size, seed) for seed in options.seeds]
        parameters = count_parameters("mlp" if isinstance(config, MLPConfig) else "wavenet", config)
        spread = statistics.stdev(losses) if len(losses) > 1 else 0.0
        print(
            f"{name:28} {parameters:7,} parameters  {statistics.mean(losses):.4f} ± {spread:.4f} nats  "
            f"{' '.join(f'{loss:.4f}' for loss in losses)}  {time.perf_counter() - started:.0f} s",
            flush=True,
        )


if __name__ == "__main__":
    main()
