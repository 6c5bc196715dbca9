"""One forward pass of a Transformer with its residual stream kept: the vector of every token at every depth.

A depth is the start and then what each sublayer leaves: 2L + 1 rows for L blocks with attention and feed-forward. The
vectors of all depths live in one space (Elhage et al., 2021, "A Mathematical Framework for Transformer Circuits"), so one
pair of axes, found by principal component analysis over all of them, can show how each token travels.

Shapes: B batch, T tokens, C channels, L blocks, R depths, V vocabulary.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from explorer.core.probability import log_softmax
from explorer.models.language_model import LanguageModel

LOGITS_AT_ONCE = 8_000_000  # numbers; a long text is scored in pieces, 32 MB of logits each


@dataclass(frozen=True, eq=False)
class ForwardPass:
    """What one pass over `ids` (1, T) went through.

    starts: the stream that each block received, (1, T, C). arguments: what else it received, to run it once more.
    middles: the stream between its two sublayers; None for a block that has only attention. final: the stream that the
    final norm received. logits: (V,), the model's own at position `at`.
    """

    ids: Tensor
    at: int
    starts: list[Tensor] = field(default_factory=list)
    arguments: list[tuple[tuple[Any, ...], dict[str, Any]]] = field(default_factory=list)
    middles: list[Tensor | None] = field(default_factory=list)
    final: Tensor = field(default_factory=lambda: torch.empty(0))
    logits: Tensor = field(default_factory=lambda: torch.empty(0))

    def depths(self) -> list[tuple[str, Tensor]]:
        """A name and the stream (T, C) of every depth, in order: start, attention 0, feed-forward 0, attention 1, …"""
        ends = [*self.starts[1:], self.final][: len(self.starts)]
        found = [("start", (self.starts or [self.final])[0][0])]
        for layer, (middle, end) in enumerate(zip(self.middles, ends, strict=True)):
            if middle is not None:
                found.append((f"attention {layer}", middle[0]))
            found.append((f"{'attention' if middle is None else 'feed-forward'} {layer}", end[0]))
        return found


def check_transformer(model: LanguageModel) -> None:
    """Raises ValueError for a model without blocks, a final norm and an unembedding."""
    if any(getattr(model, name, None) is None for name in ("blocks", "final_norm", "unembedding")):
        raise ValueError("This model has no blocks with a stream between them; choose a Transformer.")


def has_stream(model: LanguageModel) -> bool:
    """Whether sublayers add to the stream; without residual paths each replaces what was there."""
    return bool(getattr(model.config, "residual", True))


def norm_place(model: LanguageModel) -> str:
    """ "pre", "post" or "none": where a block has its norms. GPT-2 and what came after have them before."""
    given = getattr(model.config, "norm", "pre")
    return str(given) if given in ("post", "none") else "pre"


def on_this_thread(act: Callable[..., Any]) -> Callable[..., Any]:
    """A hook that acts for the thread that makes it: visitors share one model."""
    owner = threading.get_ident()

    def hook(*given: Any) -> Any:
        return act(*given) if threading.get_ident() == owner else None

    return hook


@contextmanager
def hooks() -> Iterator[Callable[[Any], None]]:
    """Collects hook handles and removes all of them when the block ends, whatever happens in it."""
    with ExitStack() as stack:

        def keep(handle: Any) -> None:
            stack.callback(handle.remove)

        yield keep


@torch.no_grad()
def run(model: LanguageModel, ids: Sequence[int], *, at: int = -1) -> ForwardPass:
    """Read 1 to context-length tokens once, in evaluation as loaded; only position `at` is scored, the last unless given.

    So a prompt of 1,024 tokens over 50,257 never makes all of its 51 million logits. Raises ValueError for a model that
    is no Transformer and for a position that the prompt does not have.
    """
    check_transformer(model)
    at = at % len(ids) if -len(ids) <= at < len(ids) else len(ids)
    if at == len(ids):
        raise ValueError(f"The prompt has {len(ids)} tokens; there is no position like that to read.")
    seen = ForwardPass(torch.tensor([list(ids)]), at)
    middles: dict[int, Tensor] = {}
    final: list[Tensor] = []

    def enter(_block: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        seen.starts.append(args[0])
        seen.arguments.append((args[1:], kwargs))

    def between(layer: int) -> Callable[..., None]:
        return lambda _module, inputs: middles.__setitem__(layer, inputs[0])

    blocks: Any = model.blocks
    place = "feed_forward_norm" if norm_place(model) == "pre" else "feed_forward"
    with hooks() as keep:
        for layer, block in enumerate(blocks):
            keep(block.register_forward_pre_hook(on_this_thread(enter), with_kwargs=True))
            if getattr(block, place, None) is not None:
                keep(getattr(block, place).register_forward_pre_hook(on_this_thread(between(layer))))
        norm, unembedding = (model.get_submodule(name) for name in ("final_norm", "unembedding"))
        keep(norm.register_forward_pre_hook(on_this_thread(lambda _module, inputs: final.append(inputs[0]))))
        one = on_this_thread(lambda _module, inputs: (inputs[0][:, seen.at : seen.at + 1],))
        keep(unembedding.register_forward_pre_hook(one))
        logits = model(seen.ids)[0, 0]
    seen.middles.extend(middles.get(layer) for layer in range(len(blocks)))
    return ForwardPass(seen.ids, seen.at, seen.starts, seen.arguments, seen.middles, final[0], logits)


@torch.no_grad()
def score(model: LanguageModel, stream: Tensor) -> Tensor:
    """What the model's own final norm and unembedding make of a stream: (…, C) to logits (…, V)."""
    return torch.as_tensor(model.get_submodule("unembedding")(model.get_submodule("final_norm")(stream)))


@torch.no_grad()
def losses(model: LanguageModel, stream: Tensor, ids: Tensor) -> Tensor:
    """Mean −log p of each text's own next tokens, nats: the final stream (B, T, C) of ids (1, T) or (B, T) to (B,).

    Scored in pieces of bounded size. NaN for a single token, which has no next.
    """
    B, T = stream.shape[:2]
    if T < 2:
        return torch.full((B,), float("nan"))
    targets = ids[:, 1:].expand(B, -1).reshape(-1)
    rows = stream[:, :-1].reshape(B * (T - 1), -1)
    size = max(1, LOGITS_AT_ONCE // int(model.config.vocab_size))
    found = [
        log_softmax(score(model, rows[i : i + size])).gather(-1, targets[i : i + size, None])[:, 0]
        for i in range(0, len(rows), size)
    ]
    return -torch.cat(found).view(B, T - 1).double().mean(dim=1)


@dataclass(frozen=True, eq=False)
class StreamMap:
    """The streams of all depths on two axes.

    depths: R names. places: (R, T, 2). shares: (2,) of the variance over all depths and tokens that each axis shows.
    """

    depths: tuple[str, ...]
    places: np.ndarray
    shares: np.ndarray


def map_stream(model: LanguageModel, ids: Sequence[int], *, unit_length: bool = False) -> StreamMap:
    """Principal components (scikit-learn's PCA) of the streams of all depths and tokens together.

    unit_length: every vector is scaled to length 1 first, so that only directions count: norms read no more than that,
    and vectors grow longer with depth. Raises ValueError where there are fewer than two vectors, or no differences.
    """
    from sklearn.decomposition import PCA

    found = run(model, ids).depths()
    vectors = torch.stack([stream for _, stream in found]).double().numpy()  # (R, T, C)
    if unit_length:
        vectors = vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-30)
    R, T, C = vectors.shape
    flat = vectors.reshape(R * T, C)
    if len(flat) < 2 or C < 2 or not np.ptp(flat, axis=0).any():
        raise ValueError("A map needs at least two different vectors of two channels: type more tokens.")
    fitted = PCA(n_components=2, svd_solver="covariance_eigh").fit(flat)
    places = fitted.transform(flat).reshape(R, T, 2)
    return StreamMap(tuple(name for name, _ in found), places, np.asarray(fitted.explained_variance_ratio_))
