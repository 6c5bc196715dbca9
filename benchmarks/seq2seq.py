"""What attention buys a recurrent encoder–decoder: whole held-out sequences right, by length, with and without.

    python -m benchmarks.seq2seq                     reversing up to 20 letters, about a minute on one core
    python -m benchmarks.seq2seq --task sort --seeds 1 2 3
    python -m benchmarks.seq2seq --smoke             a few seconds: does it still run?

Both models read the same batches with the same settings, side by side, as the page "Before attention" trains them. The
figure to reach: at 20 letters, attention at least 95 %, the fixed vector below 50 %, in under two minutes. CPU time is
that of this process, in one thread; wall time depends on what else the machine does.
"""

from __future__ import annotations

import argparse
import time

import torch

from explorer.inspection.seq2seq import looked_where_it_should
from explorer.text.sequence_tasks import TASKS
from explorer.training.seq2seq import ATTENTION, FIXED, KINDS, Seq2SeqProgress, Seq2SeqSpec, train_seq2seq


def run(spec: Seq2SeqSpec) -> Seq2SeqProgress:
    """The last progress of one run, with its accuracies and times printed."""
    cpu, wall = time.process_time(), time.perf_counter()
    latest = list(train_seq2seq(spec))[-1]
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    sizes = ", ".join(f"{kind} {spec.config(kind).parameter_count():,}" for kind in KINDS)
    print(f"{spec.task}, up to {spec.length} letters, {spec.d_hidden} units, {spec.steps} steps, seed {spec.seed}")
    print(f"  learned numbers: {sizes}; {cpu:.1f} s of CPU, {wall:.1f} s of wall time")
    last = latest.evaluations[-1]
    print("  length      " + " ".join(f"{length:6}" for length in last.lengths))
    for kind in KINDS:
        print(f"  {kind:12}" + " ".join(f"{share:6.1%}" for share in last.shares[kind]))
    path = [(e.step, e.at(FIXED, spec.length), e.at(ATTENTION, spec.length)) for e in latest.evaluations]
    print("  at the longest, by step: " + ", ".join(f"{step}: {a:.0%} / {b:.0%}" for step, a, b in path))
    where = [(s.step, looked_where_it_should(s.alignment, spec.task)) for s in latest.snapshots[:: len(path) // 2 or 1]]
    print("  attention on the due place: " + ", ".join(f"{step}: {share:.0%}" for step, share in where), flush=True)
    return latest


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--task", choices=list(TASKS), default="reverse")
    parser.add_argument("--length", type=int, default=Seq2SeqSpec.length)
    parser.add_argument("--hidden", type=int, default=Seq2SeqSpec.d_hidden)
    parser.add_argument("--steps", type=int, default=Seq2SeqSpec.steps)
    parser.add_argument("--rate", type=float, default=Seq2SeqSpec.learning_rate)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1])
    parser.add_argument("--smoke", action="store_true", help="five steps on three letters")
    options = parser.parse_args()
    if options.smoke:
        options.steps, options.length, options.hidden = 5, 3, 8
    torch.set_num_threads(1)
    for seed in options.seeds:
        run(Seq2SeqSpec(options.task, options.length, options.hidden, options.steps, options.rate, seed=seed))


if __name__ == "__main__":
    main()
