"""Byte-pair encoding: learning 1,024 merges and encoding a whole text, against the `tokenizers` library (Rust).

    python -m benchmarks.bpe [--smoke] [--threads N]

Both learn from and encode Tiny Shakespeare (a shipped text where it is not here), turn by turn in one run. The library
gets `--threads` threads (1 unless told otherwise); ours has one. Our first encoding of a piece is remembered, so ours is
timed with a tokenizer that has encoded nothing yet. The targets are at most 5 times the library for learning and 3 times
for encoding.
"""

from __future__ import annotations

import argparse
import os
from typing import Any

from benchmarks._timing import interleaved_medians
from explorer.text.bpe import BPETokenizer
from explorer.text.corpora import is_local, load_corpus

MERGES = 1024


def theirs_learned(text: str) -> Any:
    """The library's byte-level tokenizer with as many merges, cut in the same way."""
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=256 + MERGES, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    tokenizer.train_from_iterator([text], trainer)
    return tokenizer


def main() -> None:
    options = argparse.ArgumentParser(description="Byte-pair encoding against the tokenizers library.")
    options.add_argument("--smoke", action="store_true", help="a short text, once")
    options.add_argument("--threads", type=int, default=1, help="threads the library may use")
    chosen = options.parse_args()
    os.environ |= {"RAYON_NUM_THREADS": str(chosen.threads), "TOKENIZERS_PARALLELISM": "true"}
    name = "shakespeare" if is_local("shakespeare") and not chosen.smoke else "tale"
    text, repeats = load_corpus(name).text, 1 if chosen.smoke else 7
    print(f"{name}: {len(text):,} characters, {MERGES:,} merges, the library with {chosen.threads} thread(s)")

    ours, theirs = interleaved_medians(
        lambda: BPETokenizer.train(text, 256 + MERGES), lambda: theirs_learned(text), repeats
    )
    print(f"learning: ours {ours:.2f} s, tokenizers {theirs:.2f} s, ratio {ours / theirs:.2f} (target at most 5)")

    merges, library = BPETokenizer.train(text, 256 + MERGES).merges, theirs_learned(text)
    ours, theirs = interleaved_medians(lambda: BPETokenizer(merges).encode(text), lambda: library.encode(text), repeats)
    print(f"encoding: ours {ours:.2f} s, tokenizers {theirs:.2f} s, ratio {ours / theirs:.2f} (target at most 3)")


if __name__ == "__main__":
    main()
