"""Generation speed with cached keys and values against reading the whole text again for every token.

    python -m benchmarks.generation            about a minute on two cores
    python -m benchmarks.generation --smoke    a few seconds: does it still run?

Both continue a prompt of one token until the context of 256 is full, on the shape of the preset shakespeare-gpt: 6
layers, 6 heads, 192 channels. Both write the same tokens, which is checked first. Prints tokens per second of each and
their ratio, which should be 5 or more; past the context the cache saves nothing, by design.
"""

from __future__ import annotations

import argparse

import torch

from benchmarks._timing import interleaved_medians
from explorer.core.sampling import SamplingSettings
from explorer.models.generation import generate
from explorer.models.registry import PRESETS, build_config, build_model

PRESET = PRESETS["shakespeare-gpt"]
VOCAB_SIZE = 65
TARGET = 5.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=7, help="measurements of each")
    parser.add_argument("--threads", type=int, help="of torch; 1 is far faster beside other busy processes")
    parser.add_argument("--smoke", action="store_true", help="32 tokens, once")
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)

    config = build_config(PRESET.architecture, {"vocab_size": VOCAB_SIZE, **PRESET.model})
    model = build_model(PRESET.architecture, config).eval()
    length = 32 if options.smoke else config.context_length - 1

    def write(use_cache: bool) -> list[torch.Tensor]:
        tokens = generate(model, [0], length, SamplingSettings(), seed=1, use_cache=use_cache)
        return [generated.stages.logits for generated in tokens]

    torch.testing.assert_close(write(True), write(False), atol=1e-4, rtol=1e-4)
    cached, uncached = interleaved_medians(
        lambda: write(True), lambda: write(False), 1 if options.smoke else options.repeats
    )
    print(f"with the cache     {length / cached:10,.0f} tokens/s")
    print(f"without the cache  {length / uncached:10,.0f} tokens/s")
    print(f"ratio              {uncached / cached:10.2f}   (target for a full context: {TARGET:.0f} or more)")


if __name__ == "__main__":
    main()
