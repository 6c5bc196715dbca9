"""Training speed of our GPT against that of `transformers` in the same shape and the same loop.

    python -m benchmarks.training_speed            a minute or two
    python -m benchmarks.training_speed --smoke    a few seconds: does it still run?

Both models have the shape of the preset shakespeare-gpt and its dropout (on embeddings and on what sublayers add;
none on the attention pattern, which a fused kernel never stores; transformers uses its fused kernel too). The loop is
one and the same function: a batch of random windows, forward, loss, backward, clipping, fused AdamW; the two take
turns. Both start from the same weights and see the same first loss without dropout, which is checked. Prints tokens
per second of each and their ratio; only the ratio means something on another machine. A second pair shows what
bfloat16 and torch.compile buy ours, where there is a C++ compiler and `--compiled` asks for it.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from transformers import GPT2Config, GPT2LMHeadModel

from benchmarks._timing import interleaved_medians
from explorer.models.conversion import gpt2_to_gpt
from explorer.models.registry import PRESETS, build_config, build_model

PRESET = PRESETS["shakespeare-gpt"]
V = 65


def theirs() -> GPT2LMHeadModel:
    shape = PRESET.model
    dropout = shape.get("dropout", 0.0)
    torch.manual_seed(0)
    return GPT2LMHeadModel(
        GPT2Config(
            vocab_size=V,
            n_positions=shape["context_length"],
            n_embd=shape["d_model"],
            n_layer=shape["n_layers"],
            n_head=shape["n_heads"],
            resid_pdrop=dropout,
            embd_pdrop=dropout,
            attn_pdrop=0.0,
            bos_token_id=0,
            eos_token_id=0,
        )
    ).train()


def ours(twin: GPT2LMHeadModel) -> nn.Module:
    model = build_model("gpt", build_config("gpt", {"vocab_size": V, **PRESET.model}))
    model.load_state_dict(gpt2_to_gpt(twin.state_dict()), strict=False)
    return model.train()


def training_loop(
    model: nn.Module, loss_of: Callable[[Tensor, Tensor], Tensor], batch_size: int, precision: torch.dtype
) -> Callable[[], None]:
    """One update a call."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, fused=True)
    generator = torch.Generator().manual_seed(0)
    T = PRESET.model["context_length"]

    def update() -> None:
        ids = torch.randint(V, (batch_size, T + 1), generator=generator)
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == torch.bfloat16):
            loss = loss_of(ids[:, :-1], ids[:, 1:])
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()

    return update


def loss_with_logits(model: Any) -> Callable[[Tensor, Tensor], Tensor]:
    """transformers' own loss function on its own logits; its labels would be shifted once more, so they are passed here."""
    return lambda inputs, targets: torch.nn.functional.cross_entropy(
        model(inputs).logits.flatten(0, 1), targets.flatten()
    )


def check_equal(mine: Any, twin: GPT2LMHeadModel) -> None:
    """The same weights must give the same loss, or the comparison is of different models."""
    ids = torch.randint(V, (2, 33), generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        a = mine.eval().loss(ids[:, :-1], ids[:, 1:])
        b = loss_with_logits(twin.eval())(ids[:, :-1], ids[:, 1:])
    torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-4)
    mine.train()
    twin.train()


def compare(name: str, first: Callable[[], None], second: Callable[[], None], tokens: int, repeats: int) -> None:
    seconds = interleaved_medians(first, second, repeats)
    print(
        f"{name}: {tokens / seconds[0]:,.0f} against {tokens / seconds[1]:,.0f} tokens/s, "
        f"ratio {seconds[1] / seconds[0]:.2f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch-size", type=int, default=16, help="windows per update")
    parser.add_argument("--repeats", type=int, default=9, help="updates of each that are timed")
    parser.add_argument("--threads", type=int, help="of torch; 1 is far steadier beside other busy processes")
    parser.add_argument("--compiled", action="store_true", help="also ours in bfloat16, compiled")
    parser.add_argument("--smoke", action="store_true", help="one update of one window, once")
    options = parser.parse_args()
    if options.smoke:
        options.batch_size, options.repeats = 1, 1
    if options.threads:
        torch.set_num_threads(options.threads)
    twin = theirs()
    mine: Any = ours(twin)
    check_equal(mine, twin)
    B, tokens = options.batch_size, options.batch_size * PRESET.model["context_length"]
    plain = training_loop(mine, mine.loss, B, torch.float32)
    compare(
        "ours against transformers (target 1.2)",
        plain,
        training_loop(twin, loss_with_logits(twin), B, torch.float32),
        tokens,
        options.repeats,
    )
    if options.compiled:
        fast: Any = ours(twin)
        fused = training_loop(fast, torch.compile(fast.loss), B, torch.bfloat16)
        compare("ours in bfloat16 and compiled against plain", fused, plain, tokens, options.repeats)


if __name__ == "__main__":
    main()
