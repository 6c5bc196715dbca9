"""Positions compared: how alike two places are in a learned, a sinusoidal and a rotary scheme, each cell opened.

Shapes: T positions, C channels, d head size.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from explorer.core.positions import (
    BASE,
    apply_rotary,
    pair_frequencies,
    rotary_pairs,
    rotary_score,
    sinusoidal_positions,
    sinusoidal_similarity,
)
from explorer.inspection.arithmetic import CellArithmetic, number
from explorer.inspection.embedding_table import Measure, open_neighbour, similarities
from explorer.inspection.partial_run import outputs_of
from explorer.models.language_model import LanguageModel


@dataclass(frozen=True)
class PositionScheme:
    """One way to tell positions apart.

    name: "learned", "sinusoidal" or "rotary". table: (T, C), the vectors that are added; for rotary, which adds nothing,
    the all-ones vector turned to each position. similarity: (T, T), the cosine or the dot product of any two of them.
    """

    name: str
    table: np.ndarray
    similarity: np.ndarray

    def by_distance(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Mean, smallest and largest similarity of the pairs at each distance 0 … T − 1, (T,) each."""
        diagonals = [np.diagonal(self.similarity, offset) for offset in range(len(self.similarity))]
        mean, low, high = (np.array([f(one) for one in diagonals]) for f in (np.mean, np.min, np.max))
        return mean, low, high

    @property
    def spread(self) -> float:
        """How much the similarity varies at most among pairs of the same distance: 0 where distance alone decides."""
        _, low, high = self.by_distance()
        return float((high - low).max())


def compare_positions(
    learned: np.ndarray | None, n: int, d: int, *, is_cosine: bool, base: float = BASE
) -> tuple[PositionScheme, ...]:
    """The schemes on their first n positions: the learned table (context length, C) if there is one, cut to n, then
    sinusoidal and rotary of d channels. Raises ValueError for fewer than 1 position or an odd d."""
    tables = {} if learned is None else {"learned": np.asarray(learned[:n], dtype=np.float64)}
    tables["sinusoidal"] = sinusoidal_positions(n, d, base).numpy()
    ones = torch.ones(n, d, dtype=torch.float64)
    tables["rotary"] = apply_rotary(ones, torch.arange(n), base).numpy()
    measure: Measure = "cosine" if is_cosine else "dot product"
    return tuple(PositionScheme(name, table, similarities(table, measure)) for name, table in tables.items())


def open_similarity(
    scheme: PositionScheme, row: int, column: int, *, is_cosine: bool, base: float = BASE
) -> CellArithmetic:
    """One cell of a map: learned channel by channel, the other two by the closed form, from the distance alone."""
    shown = float(scheme.similarity[row, column])
    if scheme.name == "learned":
        labels = [f"position {i}" for i in range(len(scheme.table))]
        return open_neighbour(scheme.table, (row, column), "cosine" if is_cosine else "dot product", labels, shown)
    d = scheme.table.shape[1]
    omega = pair_frequencies(d, base).numpy()
    # Each pair of the all-ones vector has length √2, each pair of the sinusoids 1: the same map but for the scale.
    scale = 1.0 if scheme.name == "sinusoidal" else 2.0
    cosines = np.cos((row - column) * omega)
    total = scale * float(sinusoidal_similarity(torch.tensor(row - column), d, base))
    value = total / (scale * d / 2) if is_cosine else total
    factor = rf"\tfrac{{1}}{{{d // 2}}} " if is_cosine else "2 " if scheme.name == "rotary" else ""
    rows = zip(omega.tolist(), cosines.tolist(), cosines.cumsum().tolist(), strict=True)
    return CellArithmetic(
        f"{scheme.name.capitalize()}: positions {row} and {column}, distance {row - column}",
        rf"{factor}\sum_{{i=1}}^{{{d // 2}}} \cos({row - column}\,\omega_i) = {number(value)}",
        ("pair", "ω, radians a position", "cos(distance · ω)", "running sum"),
        tuple((str(i), *values) for i, values in enumerate(rows)),
        shown,
        value,
    )


@dataclass(frozen=True)
class RotaryReading:
    """One query and one key of a model, put to every pair of positions by rotation.

    query, key: (d,). scores: (T, T), the query turned to position m (row) times the key turned to position n (column).
    plain: q · k, without rotation. distances: 1 − T … T − 1, and by_distance: the closed form at each, (2T − 1,).
    """

    query: np.ndarray
    key: np.ndarray
    scores: np.ndarray
    plain: float
    distances: np.ndarray
    by_distance: np.ndarray
    base: float

    @property
    def spread(self) -> float:
        """The largest difference between two scores at the same distance m − n: rounding only."""
        T = len(self.scores)
        return max(float(np.ptp(np.diagonal(self.scores, offset))) for offset in range(1 - T, T))


def query_and_key(
    model: LanguageModel, ids: Sequence[int], layer: int, head: int, row: int, column: int
) -> tuple[np.ndarray, np.ndarray]:
    """What token `row` of a prompt asks and token `column` answers in one head, (d,) each.

    Raises ValueError for a model without attention, and for a layer, head or token that is not there.
    """
    if not any(name == "blocks.0.attention.queries" for name, _ in model.named_modules()):
        raise ValueError("This model has no attention, so no queries and keys; choose a Transformer for this one.")
    L, H, T = model.config.n_layers, model.config.n_heads, len(ids)
    for name, value, size in (("layer", layer, L), ("head", head, H), ("query", row, T), ("key", column, T)):
        if not 0 <= value < size:
            raise ValueError(f"{name}: expected 0 to {size - 1}, got {value}.")
    names = [f"blocks.{layer}.attention.{part}" for part in ("queries", "keys")]
    queries, keys = outputs_of(model, ids, names).values()
    return queries[0, head, row].numpy(), keys[0, head, column].numpy()


def read_rotary(query: np.ndarray, key: np.ndarray, n: int, base: float = BASE) -> RotaryReading:
    """Put one query and one key, (d,) each, to every pair of n positions.

    Raises ValueError for an odd d, fewer than 1 position or another base than a finite number above 0.
    """
    if n < 1:
        raise ValueError(f"A map of positions needs at least 1 of them, got {n}.")
    q, k = (torch.from_numpy(np.asarray(one, dtype=np.float64)) for one in (query, key))
    places = torch.arange(n)
    scores = apply_rotary(q.expand(n, -1), places, base) @ apply_rotary(k.expand(n, -1), places, base).T
    distances = torch.arange(1 - n, n)
    return RotaryReading(
        q.numpy(),
        k.numpy(),
        scores.numpy(),
        float(q @ k),
        distances.numpy(),
        rotary_score(q, k, distances, base).numpy(),
        base,
    )


def open_rotary(reading: RotaryReading, row: int, column: int) -> CellArithmetic:
    """One score by the closed form: no position in it, their distance only."""
    distance = row - column
    q, k = torch.from_numpy(reading.query), torch.from_numpy(reading.key)
    dots, crosses = (part.numpy() for part in rotary_pairs(q, k))
    angles = distance * pair_frequencies(len(q), reading.base).numpy()
    terms = dots * np.cos(angles) - crosses * np.sin(angles)
    columns = (angles, dots, crosses, terms, terms.cumsum())
    rows = zip(*(column.tolist() for column in columns), strict=True)
    return CellArithmetic(
        f"Query at position {row}, key at position {column}: distance {distance}",
        rf"\sum_i a_i \cos({distance}\,\omega_i) - b_i \sin({distance}\,\omega_i) = {number(float(terms.sum()))}",
        ("pair", "angle", "a = q · k", "b = q × k", "term", "running sum"),
        tuple((str(i), *values) for i, values in enumerate(rows)),
        float(reading.scores[row, column]),
        float(terms.sum()),
    )
