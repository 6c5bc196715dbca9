"""Ranking every head and sublayer of a checkpoint by ablation, against one whole pass for each.

    python -m benchmarks.ablation                       half a minute on two cores
    python -m benchmarks.ablation --smoke               a few seconds: does it still run?
    python -m benchmarks.ablation --checkpoint NAME     another model

The prompt is as long as the model can read, and a short one of 26 tokens. Both ways give the same costs, which is checked
first. Prints seconds of each and their ratio; a ranking of the shipped checkpoint should take less than 5 seconds.
"""

from __future__ import annotations

import argparse
import time

import torch

from benchmarks._timing import interleaved_medians
from explorer.inspection.ablation import parts_of, read_without
from explorer.inspection.ablation_ranking import RankingProgress, RankingSpec, rank_parts
from explorer.models.checkpoints import Checkpoint, load_checkpoint

TARGET = 5.0
SHORT = 26


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", default="shakespeare-gpt", help="the trained model")
    parser.add_argument("--repeats", type=int, default=3, help="measurements of each")
    parser.add_argument("--threads", type=int, default=1, help="of torch; the app uses 1")
    parser.add_argument("--smoke", action="store_true", help="the short prompt, once")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    loaded = load_checkpoint(options.checkpoint)
    lengths = [SHORT] if options.smoke else [SHORT, loaded.model.config.context_length]
    for length in lengths:
        _compare(loaded, length, 1 if options.smoke else options.repeats)


def _compare(loaded: Checkpoint, length: int, repeats: int) -> None:
    model = loaded.model
    ids = tuple(
        int(i) for i in torch.randint(model.config.vocab_size, (length,), generator=torch.Generator().manual_seed(0))
    )
    spec, parts = RankingSpec(loaded.name, ids, "zero", model), parts_of(model)

    def rank() -> RankingProgress:
        *_, last = rank_parts(spec)
        return last

    def one_by_one() -> list[float]:
        return [read_without(model, ids, [part]).loss or 0.0 for part in parts]

    last = rank()
    for (part, cost), loss in zip(last.costs, one_by_one(), strict=True):
        if abs(cost - (loss - last.loss)) > 1e-4:
            raise SystemExit(f"{part.label}: the ranking says {cost:.6f}, a whole pass says {loss - last.loss:.6f}")
    began = time.process_time()
    rank()
    busy = time.process_time() - began
    ranked, whole = interleaved_medians(rank, one_by_one, repeats)
    print(f"{loaded.name}: {len(parts)} parts on {length} tokens")
    print(f"  ranking, a layer at a time   {ranked:8.2f} s   (target for the shipped checkpoint: under {TARGET:.0f} s)")
    print(f"  … of which at work           {busy:8.2f} s   (the rest is waiting for other processes)")
    print(f"  a whole pass for each part   {whole:8.2f} s")
    print(f"  ratio                        {whole / ranked:8.2f}")


if __name__ == "__main__":
    main()
