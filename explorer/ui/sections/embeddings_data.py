"""What the page Embeddings & positions gives away: the numbers of its figures as tables."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

Table = tuple[Sequence[str], Callable[[], Sequence[Sequence[Any]]]]


def tables(shown: dict[str, Any]) -> dict[str, Table]:
    """The page's downloads, for `frame.data_out`; the rows come from what the figures showed last."""
    return {
        "input_embedding": (
            ("position", "token", "channel", "token embedding", "positional embedding", "input"),
            lambda: _input_rows(shown),
        ),
        "token_map": (("token", "kind", "across", "up"), lambda: _map_rows(shown)),
        "position_similarity": (("scheme", "position", "other position", "similarity"), lambda: _position_rows(shown)),
    }


def _input_rows(shown: dict[str, Any]) -> list[tuple[int, str, int, float, float, float]]:
    """A row a number; a model without a table of positions adds 0."""
    if "input" not in shown:
        return []
    reading, labels = shown["input"]
    place = reading.position if reading.position is not None else 0 * reading.token
    T, C = reading.input.shape
    return [
        (t, labels[t], c, float(reading.token[t, c]), float(place[t, c]), float(reading.input[t, c]))
        for t in range(T)
        for c in range(C)
    ]


def _map_rows(shown: dict[str, Any]) -> list[tuple[str, str, float, float]]:
    names, kinds, places = shown.get("map", ((), (), ()))
    return [(name, kind, float(x), float(y)) for name, kind, (x, y) in zip(names, kinds, places, strict=True)]


def _position_rows(shown: dict[str, Any]) -> list[tuple[str, int, int, float]]:
    return [
        (scheme.name, i, j, value)
        for scheme in shown.get("positions", ())
        for i, row in enumerate(scheme.similarity.tolist())
        for j, value in enumerate(row)
    ]
