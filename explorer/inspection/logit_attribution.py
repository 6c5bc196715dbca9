"""Direct logit attribution: which part of the model pushed one token's logit up or down (Elhage et al., 2021).

The last stream is a sum of what embeddings, heads and feed-forward layers wrote. The unembedding is linear, and so is
the final norm once its scale is held at what it was in this pass; so the logit is a sum of one number a part. It counts
what a part wrote for the end directly, not what it did by changing what later parts read.

Shapes: T tokens, C channels, H heads, d head size, P parts, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from explorer.inspection.residual_stream import ForwardPass, has_stream, hooks, norm_place, on_this_thread, run
from explorer.models.language_model import LanguageModel

Kind = Literal["token", "position", "head", "attention bias", "feed_forward", "norm bias", "unembedding bias"]
FITS = 1e-3  # of the largest number: how well the frozen norm must reproduce the pass


@dataclass(frozen=True)
class Component:
    """One term of the sum. layer and head: −1 where it belongs to none. logit: what it adds."""

    kind: Kind
    layer: int
    head: int
    logit: float

    @property
    def label(self) -> str:
        """In words.

        >>> Component("head", 2, 5, 0.1).label, Component("feed_forward", 0, -1, 0.1).label
        ('head 2.5', 'feed-forward 0')
        """
        if self.kind == "head":
            return f"head {self.layer}.{self.head}"
        words = {"token": "token embedding", "position": "position embedding", "feed_forward": "feed-forward"}
        named = words.get(self.kind, self.kind)
        return f"{named} {self.layer}" if self.layer >= 0 else named


@dataclass(frozen=True, eq=False)
class Attribution:
    """components: every term. logit: the model's own, of the token, less that of what it is set against."""

    components: tuple[Component, ...]
    logit: float

    @property
    def total(self) -> float:
        return float(sum(component.logit for component in self.components))

    @property
    def difference(self) -> float:
        """|total − logit|: rounding."""
        return abs(self.total - self.logit)


@dataclass(frozen=True, eq=False)
class _Written:
    """What each part wrote at one position: (kind, layer, head, vector (C,) in float64)."""

    parts: list[tuple[Kind, int, int, Tensor]] = field(default_factory=list)


@torch.no_grad()
def attribute_logit(
    model: LanguageModel,
    ids: Sequence[int],
    token: int,
    *,
    against: int | Literal["nothing", "mean"] = "nothing",
    at: int = -1,
) -> Attribution:
    """The logit of `token` after position `at` of a prompt as a sum over parts.

    against: another token, whose logit is taken away; "mean", the mean logit of the whole vocabulary; or "nothing".
    Raises ValueError for a token or position that is not there, and for a model whose logits are no such sum.
    """
    _check(model, [token, against] if isinstance(against, int) else [token])
    seen, parts = _parts(model, ids, at)
    norm, unembedding = model.get_submodule("final_norm"), model.get_submodule("unembedding")
    direction, own = _direction(unembedding, seen.logits.double(), token, against)
    through = _frozen(norm, seen.final[0, seen.at])
    found = [Component(kind, layer, head, float(through(vector) @ direction)) for kind, layer, head, vector in parts]
    offset = getattr(norm, "bias", None)
    if offset is not None:
        found.append(Component("norm bias", -1, -1, float(offset.double() @ direction)))
    if getattr(unembedding, "bias", None) is not None:
        biases = unembedding.get_parameter("bias").double()
        found.append(Component("unembedding bias", -1, -1, float(_against(biases, token, against))))
    return Attribution(tuple(found), own)


def _check(model: LanguageModel, tokens: list[int]) -> None:
    V = int(model.config.vocab_size)
    for token in tokens:
        if not 0 <= token < V:
            raise ValueError(f"The vocabulary has {V} tokens, counted from 0; there is no token {token}.")
    if not has_stream(model):
        raise ValueError(
            "A logit is a sum over parts only where every part adds to the stream; this model has no residual paths, so "
            "each part replaces what was there."
        )
    if norm_place(model) == "post":
        raise ValueError(
            "This model normalises its stream after every part, so what a part wrote is scaled anew by all later norms; "
            "the page Transformer block shows its stream as a sum."
        )


def _parts(
    model: LanguageModel, ids: Sequence[int], at: int
) -> tuple[ForwardPass, list[tuple[Kind, int, int, Tensor]]]:
    """The pass, and what each part wrote at position `at`."""
    at = at % len(ids) if -len(ids) <= at < len(ids) else at  # a position that is not there: `run` says so
    found: dict[str, Tensor] = {}

    def keep_row(name: str, *, given: bool = False) -> Callable[..., None]:
        def hook(_module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
            rows = (inputs[0] if given else output).double()
            found[name] = rows.reshape(-1, rows.shape[-1])[at]

        return on_this_thread(hook)

    blocks: Any = model.get_submodule("blocks")
    with hooks() as keep:
        for name in ("token_embedding", "position_embedding"):
            if getattr(model, name, None) is not None:
                keep(model.get_submodule(name).register_forward_hook(keep_row(name)))
        for i, block in enumerate(blocks):
            keep(block.attention.projection.register_forward_hook(keep_row(f"mixed {i}", given=True)))
            if getattr(block, "feed_forward", None) is not None:
                keep(block.feed_forward.register_forward_hook(keep_row(f"feed_forward {i}")))
        seen = run(model, ids, at=at)
    parts: list[tuple[Kind, int, int, Tensor]] = [("token", -1, -1, found["token_embedding"])]
    if "position_embedding" in found:
        parts.append(("position", -1, -1, found["position_embedding"]))
    for i, block in enumerate(blocks):
        parts += _written_by_heads(block.attention.projection, found[f"mixed {i}"], model.config.n_heads, i)
        if f"feed_forward {i}" in found:
            parts.append(("feed_forward", i, -1, found[f"feed_forward {i}"]))
    return seen, parts


def _written_by_heads(
    projection: nn.Module, mixed: Tensor, n_heads: int, layer: int
) -> list[tuple[Kind, int, int, Tensor]]:
    """Each head's slice of the joined results (C,) through its own columns of the projection, and the projection's bias."""
    weight = getattr(projection, "weight", None)
    weight = torch.eye(len(mixed), dtype=torch.float64) if weight is None else weight.double()
    d = len(mixed) // n_heads
    parts: list[tuple[Kind, int, int, Tensor]] = [
        ("head", layer, head, weight[:, head * d : (head + 1) * d] @ mixed[head * d : (head + 1) * d])
        for head in range(n_heads)
    ]
    bias = getattr(projection, "bias", None)
    return parts if bias is None else [*parts, ("attention bias", layer, -1, bias.double())]


def _frozen(norm: nn.Module, x: Tensor) -> Callable[[Tensor], Tensor]:
    """The norm without its bias as a linear map of (C,) vectors, its scale held at what it is for x.

    The scale is read off the norm's own output, with the mean taken away (LayerNorm) or not (RMSNorm, none), whichever
    reproduces it. Raises ValueError where neither does.
    """
    bias, weight = getattr(norm, "bias", None), getattr(norm, "weight", None)
    y = norm(x).double() - (0 if bias is None else bias.double())
    gain = torch.ones_like(y) if weight is None else weight.double()
    x = x.double()
    fits: list[tuple[float, bool, float]] = []
    for centred in (False, True):
        u = (x - x.mean() if centred else x) * gain
        scale = float(y @ u / (u @ u).clamp(min=1e-300))
        fits.append((float((scale * u - y).abs().max()), centred, scale))
    miss, centred, scale = min(fits)
    if miss > FITS * max(1e-6, float(y.abs().max())):
        raise ValueError(
            "The final norm of this model is not a scaling, so its logits cannot be shared out over its parts."
        )
    return lambda v: (v - v.mean() if centred else v) * gain * scale


def _direction(
    unembedding: nn.Module, logits: Tensor, token: int, against: int | Literal["nothing", "mean"]
) -> tuple[Tensor, float]:
    """The unembedding's row (C,) for the token, less that of what it is set against; and the same of the logits."""
    weight = torch.as_tensor(unembedding.get_parameter("weight"))
    row = weight[token].double()
    if against == "mean":
        row = row - weight.mean(dim=0, dtype=torch.float64)
    elif against != "nothing":
        row = row - weight[against].double()
    return row, float(_against(logits, token, against))


def _against(values: Tensor, token: int, against: int | Literal["nothing", "mean"]) -> Tensor:
    """One of (V,) numbers, less another, the mean of all, or nothing."""
    if against == "nothing":
        return values[token]
    return values[token] - (values.mean() if against == "mean" else values[against])


def likeliest(logits: np.ndarray, count: int) -> list[int]:
    """The `count` tokens with the largest of (V,) logits, the largest first.

    >>> likeliest(np.array([0.1, 3.0, 2.0]), 2)
    [1, 2]
    """
    return [int(i) for i in np.argsort(-logits, kind="stable")[:count]]
