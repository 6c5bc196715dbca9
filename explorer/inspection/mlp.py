"""The MLP opened up: one context through table, hidden layer and logits; and where the letters lie in the table.

Legend: n context, d embedding width, H hidden neurons, V vocabulary.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from explorer.core.attention import softmax
from explorer.core.layers import Linear
from explorer.inspection.arithmetic import CellArithmetic, number, softmax_cell
from explorer.inspection.capture import capture
from explorer.models.mlp import MLP
from explorer.text.tokenizers import CharTokenizer

# y is a vowel in "mary" and a consonant in "maya": it is not counted. ə and ı are vowels of Azerbaijani and Turkish.
VOWELS = frozenset("aeiouəıæø")
LEAST_SHARE = 0.001  # a letter rarer than one in a thousand has hardly moved from where it began at random


@dataclass(frozen=True, eq=False)
class MLPReading:
    """One context through the network.

    labels: V, one a token. ids: (n,) read. vectors: (n, d), their rows of the table. joined: (n·d,). sums: (H,) before
    tanh. hidden: (H,). logits, probabilities: (V,). hidden_weight: (H, n·d), hidden_bias: (H,), output_weight: (V, H),
    output_bias: (V,).
    """

    labels: tuple[str, ...]
    ids: tuple[int, ...]
    vectors: np.ndarray
    joined: np.ndarray
    sums: np.ndarray
    hidden: np.ndarray
    logits: np.ndarray
    probabilities: np.ndarray
    hidden_weight: np.ndarray
    hidden_bias: np.ndarray
    output_weight: np.ndarray
    output_bias: np.ndarray

    @property
    def input_names(self) -> tuple[str, ...]:
        """What each of the n·d joined numbers is: place, letter, dimension."""
        d = self.vectors.shape[1]
        return tuple(
            f"{self.labels[token]} (letter {place}), dimension {k}"
            for place, token in enumerate(self.ids, 1)
            for k in range(1, d + 1)
        )


@torch.no_grad()
def read_context(model: MLP, labels: Sequence[str], ids: Sequence[int]) -> MLPReading:
    """The network's numbers for the window `ids`, n of them.

    Raises ValueError for a window of another length, and for a network with several hidden layers or BatchNorm, which
    this reading does not follow.
    """
    if model.config.n_hidden_layers != 1 or model.config.batch_norm:
        raise ValueError("This reading follows one hidden layer without BatchNorm; choose such a model.")
    if len(ids) != model.config.context_length:
        raise ValueError(f"This model reads {model.config.context_length} tokens at once, got {len(ids)}.")
    with capture(model, ["embedding", "network.*"]) as seen:
        logits = model.score_windows(torch.tensor([list(ids)]))[0]
    first, last = model.network[1], model.network[3]
    assert isinstance(first, Linear)
    assert isinstance(last, Linear)
    assert first.bias is not None
    assert last.bias is not None
    numbers = (
        seen["embedding"][0],
        *(seen[f"network.{i}"][0] for i in range(3)),
        logits,
        softmax(logits),
        first.weight,
        first.bias,
        last.weight,
        last.bias,
    )
    return MLPReading(tuple(labels), tuple(ids), *(tensor.detach().numpy().copy() for tensor in numbers))


def window_of(text: str, tokenizer: CharTokenizer, context_length: int, boundary: int | None) -> tuple[int, ...]:
    """The last `context_length` tokens of what was typed, filled up at the front with the boundary (or token 0).

    Raises UnknownCharactersError for a character the vocabulary lacks.
    """
    ids = tokenizer.encode(text)[-context_length:]
    pad = 0 if boundary is None else boundary
    return (*[pad] * (context_length - len(ids)), *ids)


def open_number(reading: MLPReading, place: int) -> CellArithmetic:
    """A joined number: nothing is computed, it is looked up in the table."""
    value, name = float(reading.joined[place]), reading.input_names[place]
    d = reading.vectors.shape[1]
    row, column = divmod(place, d)
    return CellArithmetic(
        f"Joined number {place + 1}: {name}",
        rf"x_{{{place + 1}}} = E_{{{reading.ids[row]},{column + 1}}} = {number(value)}",
        ("part", "value"),
        (("row of the table", float(reading.ids[row])), ("its column", float(column + 1)), ("number there", value)),
        float(reading.joined[place]),
        float(reading.vectors[row, column]),
    )


def open_hidden(reading: MLPReading, neuron: int) -> CellArithmetic:
    """A hidden neuron: its bias, plus every input times its weight, through tanh."""
    total, rows = _weighted_sum(
        reading.joined, reading.hidden_weight[neuron], float(reading.hidden_bias[neuron]), reading.input_names
    )
    value = float(np.tanh(total))
    return CellArithmetic(
        f"Hidden neuron {neuron}",
        rf"h = \tanh\Bigl(b + \sum_i w_i x_i\Bigr) = \tanh({number(total)}) = {number(value)}",
        ("input", "value x", "weight w", "w · x", "running sum"),
        rows,
        float(reading.hidden[neuron]),
        value,
    )


def open_logit(reading: MLPReading, token: int) -> CellArithmetic:
    """A logit: its bias, plus every hidden neuron times its weight."""
    names = tuple(f"neuron {i}" for i in range(len(reading.hidden)))
    total, rows = _weighted_sum(reading.hidden, reading.output_weight[token], float(reading.output_bias[token]), names)
    return CellArithmetic(
        f"Logit of “{reading.labels[token]}”",
        rf"z = b + \sum_{{i=1}}^{{{len(reading.hidden)}}} w_i h_i = {number(total)}",
        ("input", "value h", "weight w", "w · h", "running sum"),
        rows,
        float(reading.logits[token]),
        total,
    )


def open_probability(reading: MLPReading, token: int) -> CellArithmetic:
    """A probability: its logit through softmax."""
    return softmax_cell(
        reading.logits,
        token,
        reading.labels,
        shown=float(reading.probabilities[token]),
        heading=f"Probability that “{reading.labels[token]}” comes next",
    )


def _weighted_sum(
    values: np.ndarray, weights: np.ndarray, bias: float, names: Sequence[str]
) -> tuple[float, tuple[tuple[str | float, ...], ...]]:
    """Σ weight·value from the bias on, in float64; the parts as rows."""
    x, w = values.astype(float), weights.astype(float)
    running = bias + np.cumsum(x * w)
    columns = zip(names, x.tolist(), w.tolist(), (x * w).tolist(), running.tolist(), strict=True)
    return float(running[-1]), (("bias", "", bias, "", bias), *columns)


@dataclass(frozen=True)
class Gathering:
    """Where the vowels and the boundary lie among the letters of a table.

    letters: the tokens that were counted. vowels: those of them that are vowels. share: of the nearest neighbours of
    the vowels, as many for each as there are other vowels, those that are vowels; 1 is a group of their own. chance:
    what a random table would give on average. isolation: the boundary's distance to its nearest letter, in units of
    the median such distance of the others; None where there is no boundary.
    """

    letters: tuple[int, ...]
    vowels: tuple[int, ...]
    share: float
    chance: float
    isolation: float | None


def is_vowel(label: str) -> bool:
    """Whether a letter is a vowel, marks on it aside."""
    return len(label) == 1 and unicodedata.normalize("NFD", label.lower())[0] in VOWELS


def common_symbols(counts: np.ndarray) -> tuple[int, ...]:
    """The tokens that occur at least once in a thousand, (V,) counts."""
    return tuple(int(i) for i in np.flatnonzero(counts >= LEAST_SHARE * counts.sum()))


def gathering(table: np.ndarray, labels: Sequence[str], among: Sequence[int], boundary: int | None) -> Gathering | None:
    """How far the vowels of a table (V, d) keep together among those of the tokens `among` that are letters, or the
    boundary; None where there are fewer than two vowels, or nothing else."""
    kept = [i for i in among if i == boundary or labels[i].isalpha()]
    vowels = [i for i, token in enumerate(kept) if token != boundary and is_vowel(labels[token])]
    if len(vowels) < 2 or len(kept) <= len(vowels):
        return None
    apart = distances(table[kept])
    np.fill_diagonal(apart, np.inf)
    k = len(vowels) - 1
    nearest = np.argsort(apart, axis=1, kind="stable")[vowels, :k]
    isolation = None
    if boundary in kept:
        at = kept.index(boundary)
        closest = apart.min(axis=1)
        typical = float(np.median(np.delete(closest, at)))
        isolation = float(closest[at]) / typical if typical > 0 else None
    return Gathering(
        tuple(kept),
        tuple(kept[i] for i in vowels),
        float(np.isin(nearest, vowels).mean()),
        k / (len(kept) - 1),
        isolation,
    )


def neighbours(table: np.ndarray, token: int, among: Sequence[int], count: int = 5) -> tuple[tuple[int, float], ...]:
    """The `count` tokens of `among` whose rows of the table (V, d) are nearest to `token`'s: (token, distance)."""
    apart = np.linalg.norm(table - table[token], axis=1)
    others = sorted((float(apart[other]), other) for other in among if other != token)
    return tuple((other, distance) for distance, other in others[:count])


def distances(points: np.ndarray) -> np.ndarray:
    """Euclidean distances between all pairs: (N, d) to (N, N)."""
    return np.linalg.norm(points[:, None] - points[None], axis=-1)


@dataclass(frozen=True, eq=False)
class Projection:
    """A plane to look at a table in. directions: (2, d). centre: (d,). kept: the share of the table's variance that
    lies in the plane, 1 where it is the table itself."""

    directions: np.ndarray
    centre: np.ndarray
    kept: float

    def __call__(self, table: np.ndarray) -> np.ndarray:
        """(V, d) to (V, 2)."""
        return (table - self.centre) @ self.directions.T


def project(table: np.ndarray, axes: tuple[int, int] | None = None) -> Projection:
    """The plane of two chosen dimensions of the table (V, d), counted from 0, or its two principal components.

    With two dimensions or fewer it is the table itself. A component points to where its largest number is
    positive, so that the picture is not mirrored from one call to the next. Raises ValueError for axes it lacks.
    """
    d = table.shape[1]
    spread = table - table.mean(axis=0)
    total = float((spread**2).sum())
    if axes is None and d > 2:
        directions = np.linalg.svd(spread, full_matrices=False)[2][:2]
        directions = directions * np.sign(directions[np.arange(2), np.abs(directions).argmax(axis=1)])[:, None]
        centre = table.mean(axis=0)
    else:
        first, second = axes if axes is not None and d > 1 else (0, min(1, d - 1))
        if not (0 <= first < d and 0 <= second < d):
            raise ValueError(f"The axes must be dimensions from 1 to {d}, got {first + 1} and {second + 1}.")
        directions = np.zeros((2, d))
        directions[0, first] = 1.0
        if d > 1:
            directions[1, second] = 1.0
        centre = np.zeros(d)
    kept = float(((spread @ directions.T) ** 2).sum()) / total if total > 0 else 1.0
    return Projection(directions, centre, min(1.0, kept))
