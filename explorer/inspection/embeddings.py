"""The vectors a language model reads: looked up by token, added to those of their positions.

Every model here that has a table of vectors is read alike: a GPT or a decoder adds a vector for the position; an MLP or a
WaveNet lays the vectors of its window side by side, and has no table of positions.

Shapes: V vocabulary, C channels, T tokens of a prompt.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from explorer.core.attention import softmax
from explorer.inspection.arithmetic import CellArithmetic, number
from explorer.inspection.capture import capture
from explorer.inspection.partial_run import input_of, only_the_last
from explorer.models.language_model import LanguageModel


@dataclass(frozen=True)
class InputReading:
    """What the first layer of a model is given for a prompt.

    ids: T of them, a window filled up at the front for a model that reads windows. token: (T, C), rows of the table.
    position: (T, C), or None for a model without a table of positions. input: (T, C), captured where the first layer
    receives it. token_table: (V, C) and position_table: (context length, C) or None, the learned numbers.
    """

    ids: tuple[int, ...]
    token: np.ndarray
    position: np.ndarray | None
    input: np.ndarray
    token_table: np.ndarray
    position_table: np.ndarray | None

    @property
    def gap(self) -> float:
        """The largest |token + position − input|: 0, or the rounding of float32."""
        total = self.token if self.position is None else self.token + self.position
        return float(np.abs(total - self.input).max())

    def same_token(self) -> tuple[int, int, float, float] | None:
        """The first token that stands at two places (i, j), or None; with the largest difference of its input vectors
        in a channel, and what is left of it after taking away that of the two positions."""
        for j, one in enumerate(self.ids):
            if self.position is not None and (i := self.ids.index(one)) < j:
                apart = self.input[i] - self.input[j]
                rest = apart - (self.position[i] - self.position[j])
                return i, j, float(np.abs(apart).max()), float(np.abs(rest).max())
        return None


@dataclass(frozen=True)
class ShuffleReading:
    """A prompt, and the same with the tokens before the last one shuffled, read with positions and without.

    shuffled: its ids. first_layer: the largest difference in what the first attention gives at the last token, with
    positions and without. outputs: the total variation distance of the next token's probabilities, with and without;
    0 is no difference, 1 nothing in common.
    """

    shuffled: tuple[int, ...]
    first_layer: tuple[float, float]
    outputs: tuple[float, float]


def token_table(model: LanguageModel) -> np.ndarray:
    """The model's vectors, (V, C): its own numbers, to be read only.

    Raises ValueError for a model that has no table of them, as the bigram."""
    return _weights(_table(model))


def position_table(model: LanguageModel) -> np.ndarray | None:
    """The model's learned positions, (context length, C), or None where it has none."""
    table = getattr(model, "position_embedding", None)
    return None if table is None else _weights(table)


def _table(model: LanguageModel) -> nn.Module:
    for name in ("token_embedding", "embedding"):
        table = getattr(model, name, None)
        if isinstance(table, nn.Module):
            return table
    raise ValueError(
        "This model has no table of vectors: a bigram goes from a token straight to its row of scores. "
        "Choose a model that embeds its tokens."
    )


def _weights(table: Any) -> np.ndarray:
    weights: np.ndarray = table.weight.detach().float().numpy().view()
    weights.flags.writeable = False
    return weights


@torch.no_grad()
def read_input(model: LanguageModel, ids: Sequence[int]) -> InputReading:
    """Run the model on 1 to context-length tokens and read what its first layer receives.

    Raises ValueError for no tokens, for too many, and for a model without a table of vectors.
    """
    table, positions = _table(model), getattr(model, "position_embedding", None)
    n = model.config.context_length
    if not 1 <= len(ids) <= n:
        raise ValueError(f"This model reads 1 to {n} tokens, got {len(ids)}.")
    if model.reads_windows:
        ids = [*[int(model.config.pad_id)] * (n - len(ids)), *ids]
    names = [name for name, module in model.named_modules() if module is table or module is positions]
    with capture(model, names) as seen:
        received = input_of(_first_layer(model), lambda: _run(model, torch.tensor([list(ids)])))
    parts = [seen[name].reshape(-1, seen[name].shape[-1]).numpy() for name in names]
    return InputReading(
        tuple(ids),
        parts[0],
        parts[1] if positions is not None else None,
        received.reshape(len(ids), -1).numpy(),
        token_table(model),
        position_table(model),
    )


def _run(model: LanguageModel, ids: Tensor) -> Tensor:
    """Logits: a model of windows is given this one window only."""
    score = getattr(model, "score_windows", None)
    logits: Tensor = model(ids) if score is None else score(ids)
    return logits


def _first_layer(model: LanguageModel) -> nn.Module:
    """What reads the embeddings: the first block, or what stands in its place in a model without blocks."""
    for name in ("blocks", "network"):
        layers = getattr(model, name, None)
        if layers is not None and len(layers):
            first: nn.Module = layers[0]
            return first
    final: nn.Module = model.get_submodule("final_norm")
    return final


def open_input(
    reading: InputReading, part: Literal["token", "position", "input"], row: int, channel: int, labels: Sequence[str]
) -> CellArithmetic:
    """One number of the three matrices: looked up in a table, or the sum of the two. labels: one for each of T tokens.

    Raises ValueError for a part that the model does not have.
    """
    token = float(reading.token_table[reading.ids[row], channel])
    place = 0.0 if reading.position_table is None else float(reading.position_table[row, channel])
    where = f"position {row} “{labels[row]}”, channel {channel}"
    looked_up = {
        "token": ("Token embedding", rf"E_{{{reading.ids[row]},\,{channel}}}", token, ("token", reading.ids[row])),
        "position": ("Positional embedding", rf"P_{{{row},\,{channel}}}", place, ("position", row)),
    }
    if part in looked_up:
        shown = getattr(reading, part)
        if shown is None:
            raise ValueError("This model has no table of positions.")
        name, symbol, value, (axis, index) = looked_up[part]
        return CellArithmetic(
            f"{name}: {where}",
            rf"{symbol} = {number(value)}",
            ("part", "value"),
            ((f"row of the table: {axis}", float(index)), ("its column", float(channel)), ("number there", value)),
            float(shown[row, channel]),
            value,
        )
    shown_sum = float(reading.input[row, channel])
    parts: list[tuple[str | float, ...]] = [(f"token “{labels[row]}”", token)]
    formula = number(token)
    if reading.position_table is not None:
        parts.append((f"position {row}", place))
        formula += rf" + {number(place)}" if place >= 0 else rf" + ({number(place)})"
    parts.append(("input", token + place))
    return CellArithmetic(
        f"Input embedding: {where}",
        rf"x = {formula} = {number(token + place)}" if reading.position_table is not None else rf"x = {formula}",
        ("part", "value"),
        tuple(parts),
        shown_sum,
        token + place,
    )


@torch.no_grad()
def read_shuffled(model: LanguageModel, ids: Sequence[int], seed: int) -> ShuffleReading:
    """Shuffle all tokens but the last and see whether the last one notices, with positions and without.

    Raises ValueError for a model without positions or attention, and for a prompt with fewer than two different
    tokens before its last one: shuffling would change nothing.
    """
    positions = getattr(model, "position_embedding", None)
    attentions = [name for name, _ in model.named_modules() if name == "blocks.0.attention"]
    if positions is None or not attentions:
        raise ValueError("This model has no attention or no table of positions; choose a Transformer for this one.")
    if len(set(ids[:-1])) < 2:
        raise ValueError("Shuffling needs at least two different tokens before the last one; type a little more.")
    generator = torch.Generator().manual_seed(seed)
    shuffled = list(ids)
    while shuffled == list(ids):
        shuffled = [ids[i] for i in torch.randperm(len(ids) - 1, generator=generator).tolist()] + [ids[-1]]
    first_layer, outputs = [], []
    for is_on in (True, False):
        (before, p), (after, q) = (_read_last(model, positions, one, is_on) for one in (list(ids), shuffled))
        first_layer.append(float((before - after).abs().max()))
        outputs.append(0.5 * float((p - q).abs().sum()))
    return ShuffleReading(tuple(shuffled), (first_layer[0], first_layer[1]), (outputs[0], outputs[1]))


def _read_last(model: LanguageModel, positions: nn.Module, ids: list[int], is_on: bool) -> tuple[Tensor, Tensor]:
    """What the first attention gives at the last token, (C,), and the probabilities of the next one, (V,)."""
    thread = threading.get_ident()

    def silence(_module: nn.Module, _inputs: Any, output: Tensor) -> Tensor | None:
        return None if is_on or threading.get_ident() != thread else torch.zeros_like(output)

    handle = positions.register_forward_hook(silence)
    try:
        with capture(model, ["blocks.0.attention"]) as seen, only_the_last(model):
            logits = model(torch.tensor([ids]))[0, -1]
    finally:
        handle.remove()
    return seen["blocks.0.attention"][0, -1], softmax(logits.double())
