"""Every head and every sublayer switched off, one at a time: what each costs in loss on a prompt.

The parts of one layer are tried side by side, as a batch: up to that layer the stream is the same for all of them, so
only the layers from there on are run again. For L layers of H heads that is L (H + 2) half passes instead of whole ones.

Shapes: B parts tried side by side, T tokens, C channels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from explorer.inspection.ablation import Fill, Kind, Means, Part, channels_of, mean_outputs, parts_of
from explorer.inspection.residual_stream import ForwardPass, hooks, losses, on_this_thread, run
from explorer.models.language_model import LanguageModel

ROWS_AT_ONCE = 4096  # tokens over all parts of a batch; bounds what the widest layer takes (100 MB in GPT-2)


@dataclass(frozen=True)
class RankingSpec:
    """What to rank: a model, named for the record, on a prompt of at least two tokens. seed: unused, nothing is drawn."""

    name: str
    ids: tuple[int, ...]
    fill: Fill
    model: LanguageModel = field(repr=False, compare=False)
    seed: int = 0


@dataclass(frozen=True)
class RankingProgress:
    """step of steps: parts measured so far. loss: with everything on, nats a token. costs: how much each part measured
    so far adds to it when it is off, in the order of `parts_of`; negative where the prompt is predicted better without."""

    step: int
    steps: int
    loss: float
    costs: tuple[tuple[Part, float], ...]

    @property
    def ranked(self) -> list[tuple[Part, float]]:
        """The costliest first."""
        return sorted(self.costs, key=lambda cost: -cost[1])


def multiply_adds(model: LanguageModel, T: int) -> float:
    """About how many multiply-adds a ranking on T tokens takes: half a pass for each part, and its scoring."""
    embedding = int(model.config.vocab_size) * int(getattr(model.config, "d_model", 1))
    inner = sum(p.numel() for p in model.get_submodule("blocks").parameters())
    return len(parts_of(model)) * T * (0.5 * inner + embedding)


def rank_parts(spec: RankingSpec) -> Iterator[RankingProgress]:
    """Measure every part, a few at each `next()`; the last progress holds all. Raises ValueError for a single token.

    Gives what `read_without` gives for each part alone, which a test holds.
    """
    if len(spec.ids) < 2:
        raise ValueError("A loss needs a token to predict: type at least two tokens to rank the parts.")
    model, ids, parts = spec.model, spec.ids, parts_of(spec.model)
    with torch.no_grad():
        means = mean_outputs(model, ids) if spec.fill == "mean" else None
        seen = run(model, ids)
        whole = float(losses(model, seen.final, seen.ids))
    costs: list[tuple[Part, float]] = []
    size = max(1, ROWS_AT_ONCE // len(ids))
    for layer in range(len(seen.starts)):
        own = [part for part in parts if part.layer == layer]
        for i in range(0, len(own), size):
            chosen = own[i : i + size]
            with torch.no_grad():
                without = losses(model, _run_on(model, seen, layer, chosen, means), seen.ids)
            costs += [(part, loss - whole) for part, loss in zip(chosen, without.tolist(), strict=True)]
            yield RankingProgress(len(costs), len(parts), whole, tuple(costs))


def _run_on(model: LanguageModel, seen: ForwardPass, layer: int, parts: Sequence[Part], means: Means | None) -> Tensor:
    """The final streams (B, T, C) with one of `parts`, all of that layer, off in each; from that layer on."""
    blocks: Any = model.blocks
    x = seen.starts[layer].expand(len(parts), -1, -1)
    with _one_off_each(model, layer, parts, means):
        x = _again(blocks[layer], seen, layer, x)
    for later in range(layer + 1, len(blocks)):
        x = _again(blocks[later], seen, later, x)
    return x


def _again(block: nn.Module, seen: ForwardPass, layer: int, x: Tensor) -> Tensor:
    more, named = seen.arguments[layer]
    return torch.as_tensor(block(x, *more, **named))


@contextmanager
def _one_off_each(model: LanguageModel, layer: int, parts: Sequence[Part], means: Means | None) -> Iterator[None]:
    """In row b of a batch, part b is silent: hooks for forward passes of this thread inside the `with` block."""
    block = model.get_submodule(f"blocks.{layer}")

    def heads(_module: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor]:
        mixed = inputs[0].clone()  # (B, T, C)
        for b, part in enumerate(parts):
            if part.kind == "head":
                channels = channels_of([part.head], mixed.shape[-1] // model.config.n_heads)
                mixed[b, :, channels] = 0.0 if means is None else means[layer, "head"][channels]
        return (mixed,)

    def sublayer(kind: Kind) -> Callable[..., Tensor]:
        def replace(_module: nn.Module, _inputs: Any, output: Tensor) -> Tensor:
            output = output.clone()
            for b, part in enumerate(parts):
                if part.kind == kind:
                    output[b] = 0.0 if means is None else means[layer, kind]
            return output

        return replace

    with hooks() as keep:
        keep(block.get_submodule("attention.projection").register_forward_pre_hook(on_this_thread(heads)))
        for kind in {part.kind for part in parts} - {"head"}:
            keep(block.get_submodule(kind).register_forward_hook(on_this_thread(sublayer(kind))))
        yield
