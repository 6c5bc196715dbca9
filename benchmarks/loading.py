"""Loading a shipped checkpoint, against importing torch; both timed in one run.

    python -m benchmarks.loading [--smoke]

Prints the seconds `import torch` takes, the median of loading each shipped checkpoint after it (read, hash, check,
build, fill), and the ratio. The target is under 0.5 s a checkpoint.
"""

from __future__ import annotations

import argparse
import statistics
import time


def main() -> None:
    options = argparse.ArgumentParser(description="Loading checkpoints against importing torch.")
    options.add_argument("--smoke", action="store_true", help="load each once")
    repeats = 1 if options.parse_args().smoke else 9
    started = time.perf_counter()
    import torch  # noqa: F401

    importing = time.perf_counter() - started
    from explorer.models.checkpoints import list_checkpoints, load_checkpoint

    print(f"import torch: {importing:.2f} s")
    for name in list_checkpoints():
        seconds = []
        for _ in range(repeats):
            started = time.perf_counter()
            load_checkpoint(name)
            seconds.append(time.perf_counter() - started)
        median = statistics.median(seconds)
        print(
            f"{name}: median {median:.3f} s of {repeats} (target under 0.5), first {seconds[0]:.3f} s; "
            f"ratio to importing torch {median / importing:.2f}"
        )


if __name__ == "__main__":
    main()
