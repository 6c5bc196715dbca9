"""A Transformer taken apart along its depth: what each part adds to one token's vector, and how gradients come back.

The vector that a token carries through the blocks is the *residual stream* (Elhage et al., 2021). It is a sum of what
the embeddings and every sublayer wrote. Post-norm rescales that sum on its way; with the scale held at what it was,
each term is rescaled alike, so that the terms still add up. Models read are those of `models.decoder`, `models.gpt` and
`models.modern`.

Shapes: T tokens, C channels, L blocks, P parts, S stages: the start and then each sublayer.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from explorer.core.layers import LayerNorm
from explorer.core.probability import cross_entropy
from explorer.inspection.arithmetic import CellArithmetic, number
from explorer.inspection.capture import Captured, capture
from explorer.models.language_model import LanguageModel

OFFSETS = "norm offsets"
SUBLAYERS = {"attention": "attention", "feed_forward": "feed-forward"}


@dataclass(frozen=True, eq=False)
class StreamReading:
    """One token's vector at every stage, and what it is made of.

    parts: P names, in the order in which they wrote. stages: S names. contributions: (S, P, C), what of each part is in
    the stream after each stage; 0 before the part has written, and after a sublayer without a residual path has replaced
    what was there. stream: (S, C) as the model had it; the contributions of a stage sum to it.
    """

    parts: tuple[str, ...]
    stages: tuple[str, ...]
    contributions: np.ndarray
    stream: np.ndarray

    @property
    def lengths(self) -> np.ndarray:
        """(S, P): the length of each contribution."""
        return np.asarray(np.linalg.norm(self.contributions, axis=2))

    @property
    def stream_lengths(self) -> np.ndarray:
        """(S,): the length of the stream."""
        return np.asarray(np.linalg.norm(self.stream, axis=1))

    @property
    def along(self) -> np.ndarray:
        """(S, P): how far each contribution reaches in the stream's own direction; a stage's sum is the stream's length."""
        lengths = self.stream_lengths[:, None]
        directions = np.divide(self.stream, lengths, out=np.zeros_like(self.stream), where=lengths > 0)
        return np.asarray(np.einsum("spc,sc->sp", self.contributions, directions))

    @property
    def shares(self) -> np.ndarray:
        """(S, P): `along` as a share of the stream's length; sums to 1, single ones may be negative or above 1."""
        lengths = self.stream_lengths[:, None]
        return np.divide(self.along, lengths, out=np.zeros_like(self.along), where=lengths > 0)

    @property
    def largest_difference(self) -> float:
        """Between the sum of the contributions and the model's stream: rounding."""
        return float(np.abs(self.contributions.sum(axis=1) - self.stream).max())


@torch.no_grad()
def read_stream(model: LanguageModel, ids: Sequence[int], token: int) -> StreamReading:
    """What the stream of token number `token` of `ids` is made of; dropout is off.

    Raises ValueError for a token that is not there, and for a model without a residual stream.
    """
    if not 0 <= token < len(ids):
        raise ValueError(f"The prompt has {len(ids)} tokens, counted from 0; there is no token {token}.")
    tables = {"token": "token_embedding"}
    if hasattr(model, "position_embedding"):  # rotary positions are not added: they turn queries and keys
        tables["position"] = "position_embedding"
    with capture(model, [*tables.values(), *_names_in_blocks(model)]) as seen:
        model(torch.tensor([list(ids)]))
    vectors = {name: _of_token(output, token) for name, output in seen.items()}
    terms = {part: vectors[table] for part, table in tables.items()}
    stages, stream = ["start"], [np.sum(list(terms.values()), axis=0)]
    history = [dict(terms)]
    residual, norm = _wiring(model)
    for i, block in enumerate(_blocks(model)):
        for name, said in SUBLAYERS.items():
            written = vectors.get(f"blocks.{i}.{name}")
            if written is None:
                continue
            before = stream[-1] + written if residual else written
            terms = {**(terms if residual else {}), f"{said} {i}": written}
            if norm == "post":
                terms = _normalised(terms, before, getattr(block, f"{name}_norm"))
            stages.append(f"{said} {i}")
            stream.append(vectors[f"blocks.{i}.{name}_norm"] if norm == "post" else before)
            history.append(dict(terms))
        stream[-1] = vectors[f"blocks.{i}"]  # the model's own, where it shows it
    written_by = (*tables, *stages[1:])
    parts = (*written_by, OFFSETS) if norm == "post" else written_by
    nothing = np.zeros_like(stream[0])
    contributions = np.array([[terms.get(part, nothing) for part in parts] for terms in history])
    return StreamReading(parts, tuple(stages), contributions, np.array(stream))


def _normalised(terms: dict[str, np.ndarray], total: np.ndarray, norm: LayerNorm) -> dict[str, np.ndarray]:
    """Each term as LayerNorm leaves it, its scale held at what the whole vector gives; what it adds is a term too."""
    scale = norm.weight.double().numpy() / np.sqrt(total.var() + norm.epsilon)
    after = {name: (term - term.mean()) * scale for name, term in terms.items()}
    after[OFFSETS] = after.get(OFFSETS, 0.0) + norm.bias.double().numpy()
    return after


def _of_token(output: Tensor, token: int) -> np.ndarray:
    return np.asarray(output.reshape(-1, output.shape[-1])[token].double().numpy())


def _blocks(model: LanguageModel) -> Sequence[Any]:
    blocks: Any = getattr(model, "blocks", None)
    if blocks is None:
        raise ValueError("This model has no blocks, and so no residual stream; choose a Transformer.")
    return list(blocks)


def _wiring(model: LanguageModel) -> tuple[bool, str]:
    """Whether sublayers add, and where the norm is; GPT-2's shape has no such switches."""
    return bool(getattr(model.config, "residual", True)), str(getattr(model.config, "norm", "pre"))


def _names_in_blocks(model: LanguageModel) -> list[str]:
    """The submodules whose outputs say what each sublayer wrote."""
    post = _wiring(model)[1] == "post"
    names = []
    for i, block in enumerate(_blocks(model)):
        there = [name for name in SUBLAYERS if getattr(block, name, None) is not None]
        names += [f"blocks.{i}", *(f"blocks.{i}.{name}" for name in there)]
        names += [f"blocks.{i}.{name}_norm" for name in there if post]
    return names


def open_channel(reading: StreamReading, stage: int, channel: int) -> CellArithmetic:
    """One channel of the stream after a stage, as the sum of what every part put there.

    Raises IndexError for a stage or channel that is not there.
    """
    values = reading.contributions[stage, :, channel]
    running = values.cumsum()
    rows = tuple((part, float(v), float(r)) for part, v, r in zip(reading.parts, values, running, strict=True))
    shown, again = float(reading.stream[stage, channel]), float(values.sum())
    terms = " ".join(f"{'-' if v < 0 else '+'} {abs(v):.3f}" for v in values[:3]).removeprefix("+ ")
    more = r" + \ldots" if len(values) > 3 else ""
    return CellArithmetic(
        f"Channel {channel} of the stream after {reading.stages[stage]}",
        rf"{terms}{more} = {number(again)}",
        ("part", "what it put there", "sum so far"),
        rows,
        shown,
        again,
    )


@dataclass(frozen=True, eq=False)
class DepthReading:
    """The stream over depth, index 0 before the first block, L after the last.

    activation: (L + 1,) length of a token's vector, the mean over tokens. gradient: (L + 1,) length of ∂loss/∂stream over
    all tokens and channels. likeness: (L + 1,) cosine between the vectors of two tokens, the mean over all pairs: at 1
    the tokens cannot be told apart; NaN for a single one. loss: mean cross-entropy of each next token, nats.
    """

    activation: np.ndarray
    gradient: np.ndarray
    likeness: np.ndarray
    loss: float

    @property
    def kept(self) -> float:
        """The gradient before the first block ÷ that after the last: well below 1 it has faded on its way back."""
        last = float(self.gradient[-1])
        return float(self.gradient[0]) / last if last > 0 else float("nan")


def read_depth(model: LanguageModel, ids: Sequence[int]) -> DepthReading:
    """One pass forward and back over a prompt, dropout off; the model is copied, so that its gradients stay as they are.

    Raises ValueError for a prompt of one token, after which nothing is known to come.
    """
    if len(ids) < 2:
        raise ValueError("A gradient needs a token to predict: type at least two characters.")
    own = copy.deepcopy(model).eval().requires_grad_()
    names = ["token_embedding", *(f"blocks.{i}" for i in range(len(_blocks(own))))]
    given = torch.tensor([list(ids)])
    with torch.enable_grad(), capture(own, names, gradients=True) as seen:
        loss = cross_entropy(own(given[:, :-1]), given[:, 1:])
        loss.backward()
    x = [_stream(own, seen, name)[0].double() for name in names]
    return DepthReading(
        np.array([float(v.norm(dim=-1).mean()) for v in x]),
        np.array([_length(seen.gradients.get(name)) for name in names]),
        np.array([_likeness(v) for v in x]),
        float(loss.detach()),
    )


@torch.no_grad()
def stream_of_tokens(model: LanguageModel, ids: Sequence[int], blocks: int) -> np.ndarray:
    """The vectors of all tokens after so many blocks, (T, C). Raises ValueError for more blocks than there are."""
    there = len(_blocks(model))
    if not 0 <= blocks <= there:
        raise ValueError(f"This model has {there} blocks; expected a number of them from 0 to {there}, got {blocks}.")
    name = f"blocks.{blocks - 1}" if blocks else "token_embedding"
    with capture(model, [name]) as seen:
        model(torch.tensor([list(ids)]))
    return np.asarray(_stream(model, seen, name)[0].numpy())


def _stream(model: Any, seen: Captured, name: str) -> Tensor:
    """(B, T, C): what a block gave, or the start, where the position is added to the token."""
    output = seen[name]
    if name != "token_embedding" or not hasattr(model, "position_embedding"):
        return output
    return output + model.position_embedding.weight[: output.shape[1]].detach()


def _length(gradient: Tensor | None) -> float:
    """A gradient that never arrived is 0."""
    return 0.0 if gradient is None else float(gradient.double().norm())


def _likeness(x: Tensor) -> float:
    """The mean cosine between different rows of (T, C)."""
    T = x.shape[0]
    if T < 2:
        return float("nan")
    directions = x / x.norm(dim=-1, keepdim=True).clamp(min=1e-30)
    return float(((directions @ directions.T).sum() - T) / (T * (T - 1)))


@dataclass(frozen=True, eq=False)
class FadingReading:
    """Stacks of growing depth, each with residual paths and without, (N,) each: `DepthReading.kept`, and the likeness of
    the tokens after the last block."""

    depths: tuple[int, ...]
    kept_with: np.ndarray
    kept_without: np.ndarray
    likeness_with: np.ndarray
    likeness_without: np.ndarray


def read_fading(
    build: Callable[[int, bool], LanguageModel], ids: Sequence[int], depths: tuple[int, ...]
) -> FadingReading:
    """`read_depth` of `build(depth, residual)` for every depth. Raises ValueError for a prompt of one token."""
    with_residual, without = ([read_depth(build(depth, on), ids) for depth in depths] for on in (True, False))
    return FadingReading(
        depths,
        *(np.array([reading.kept for reading in stacks]) for stacks in (with_residual, without)),
        *(np.array([reading.likeness[-1] for reading in stacks]) for stacks in (with_residual, without)),
    )
