"""Embeddings drawn: a map of tokens by kind, bars of neighbours, and similarity against distance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from explorer.figures.theme import MUTED, STRIPES, base_option, category_axis, value_axis

# Kinds of tokens, told apart by shape as well as by colour.
SHAPES = {
    "vowel": "circle",
    "consonant": "triangle",
    "capital": "rect",
    "digit": "pin",
    "punctuation": "diamond",
    "white space": "emptyCircle",
    "longer piece": "roundRect",
}
MANY = 120  # labels; beyond it those that would collide are left out
LINES = ("solid", "dashed", "dotted")


def token_map(
    places: np.ndarray, labels: Sequence[str], kinds: Sequence[str], *, axes: tuple[str, str], chosen: int | None = None
) -> dict[str, Any]:
    """ECharts option: a labelled point a token, a series for each kind that occurs, both axes to the same scale.

    Shapes: places (V, 2), V labels, V kinds of SHAPES. chosen: the token to ring. Raises ValueError for other shapes
    and for an unknown kind.
    """
    if places.shape != (len(labels), 2) or len(kinds) != len(labels):
        raise ValueError(
            f"Expected 2 numbers and a kind for each of {len(labels)} tokens, got {places.shape} and {len(kinds)}."
        )
    if not set(kinds) <= set(SHAPES):
        raise ValueError(f"Expected kinds among {', '.join(SHAPES)}, got {', '.join(sorted(set(kinds)))}.")
    series = []
    for kind, symbol in SHAPES.items():
        members = [i for i, one in enumerate(kinds) if one == kind]
        if members:
            series.append(_kind_series(kind, symbol, [_point(places[i], labels[i], i == chosen) for i in members]))
            series[-1]["labelLayout"] = {"hideOverlap": len(labels) > MANY, "moveOverlap": "shiftY"}
    limits = [_limits(places[:, axis]) for axis in (0, 1)]
    return base_option() | {
        "tooltip": {"trigger": "item", "formatter": "{b} ({a}): {c}"},
        "legend": {"top": 0, "left": 0, "right": 40},
        "grid": {"left": 44, "right": 16, "top": 84, "bottom": 44},
        "xAxis": value_axis(axes[0], min=limits[0][0], max=limits[0][1]) | {"nameLocation": "middle", "nameGap": 26},
        "yAxis": value_axis(axes[1], min=limits[1][0], max=limits[1][1]) | {"axisLine": {"onZero": False}},
        "series": series,
    }


def _kind_series(kind: str, symbol: str, points: list[dict[str, Any]]) -> dict[str, Any]:
    label = {"show": True, "formatter": "{b}", "position": "right", "distance": 3, "color": "inherit", "fontSize": 13}
    return {
        "type": "scatter",
        "name": kind,
        "symbol": symbol,
        "symbolSize": 8,
        "itemStyle": {"opacity": 1},
        "data": points,
        "label": label | {"fontWeight": "bold"},
    }


def _point(place: np.ndarray, label: str, chosen: bool) -> dict[str, Any]:
    point: dict[str, Any] = {"name": label, "value": [round(float(place[0]), 4), round(float(place[1]), 4)]}
    if chosen:
        point |= {"symbolSize": 18, "itemStyle": {"borderWidth": 3, "borderColor": MUTED}}
    return point


def _limits(values: np.ndarray) -> tuple[float, float]:
    """An axis's ends with a little air, rounded to two digits of its own size."""
    low, high = float(values.min()), float(values.max())
    air = max(0.08 * (high - low), 1e-3)
    step = 10.0 ** (np.floor(np.log10(high - low + 2 * air)) - 1)
    return round(float(np.floor((low - air) / step) * step), 6), round(float(np.ceil((high + air) / step) * step), 6)


def neighbour_chart(scores: np.ndarray, labels: Sequence[str], kinds: Sequence[str], *, measure: str) -> dict[str, Any]:
    """ECharts option: one bar a neighbour, the nearest on top; its kind stands beside its label.

    Shapes: scores (k,), k labels, k kinds. Raises ValueError for other shapes.
    """
    if not scores.shape == (len(labels),) == (len(kinds),):
        raise ValueError(
            f"Expected a label and a kind for each score, got {scores.shape}, {len(labels)}, {len(kinds)}."
        )
    names = [f"{label}  {kind}" for label, kind in zip(labels, kinds, strict=True)]
    bars = [{"value": round(float(score), 4), "itemStyle": {"decal": STRIPES} if score < 0 else {}} for score in scores]
    return base_option() | {
        "grid": {"left": 8, "right": 56, "top": 12, "bottom": 44, "containLabel": True},
        "xAxis": value_axis(measure) | {"nameLocation": "middle", "nameGap": 26},
        "yAxis": category_axis(names) | {"inverse": True, "axisLabel": {"interval": 0}},
        "series": [
            {
                "type": "bar",
                "name": measure,
                "data": bars,
                "barCategoryGap": "25%",
                "label": {"show": True, "position": "right", "formatter": "{c}"},
            }
        ],
    }


def similarity_by_distance(
    curves: Mapping[str, tuple[np.ndarray, np.ndarray, np.ndarray]], *, measure: str
) -> dict[str, Any]:
    """ECharts option: for each scheme the mean similarity of all pairs at a distance, a line kind of its own.

    curves: name to (mean, smallest, largest), (T,) each; where the last two differ, they are drawn as thin lines.
    """
    series: list[dict[str, Any]] = []
    for number, (name, (mean, low, high)) in enumerate(curves.items()):
        line = {"type": "line", "showSymbol": False}
        kind = LINES[number % len(LINES)]
        series.append(line | {"name": name, "data": _pairs(mean), "lineStyle": {"width": 3, "type": kind}})
        if float((high - low).max()) > 1e-6:
            thin = {"lineStyle": {"width": 1, "opacity": 0.6, "color": MUTED}, "itemStyle": {"color": MUTED}}
            series += [
                line | thin | {"name": f"{name}, {word}", "data": _pairs(part)}
                for word, part in (("smallest", low), ("largest", high))
            ]
    return base_option() | {
        "tooltip": {"trigger": "axis", "axisPointer": {"type": "line"}},
        "legend": {"top": 0, "left": 0, "right": 40, "data": list(curves)},
        "grid": {"left": 48, "right": 20, "top": 64, "bottom": 44},
        "xAxis": value_axis("distance between two positions", min=0, max="dataMax")
        | {"nameLocation": "middle", "nameGap": 26},
        "yAxis": value_axis(measure, scale=True),
        "series": series,
    }


def _pairs(values: np.ndarray) -> list[list[float]]:
    return [[i, round(float(value), 5)] for i, value in enumerate(values)]


def rotary_chart(distances: np.ndarray, scores: np.ndarray, plain: float) -> dict[str, Any]:
    """ECharts option: the score of one query and one key against m − n, and their dot product without rotation.

    Shapes: distances and scores (2T − 1,). Raises ValueError where they differ.
    """
    if distances.shape != scores.shape:
        raise ValueError(f"Expected a score for each distance, got {scores.shape} for {distances.shape}.")
    level = {
        "symbol": "none",
        "silent": True,
        "lineStyle": {"type": "dashed", "color": MUTED},
        "label": {"position": "insideEndTop", "formatter": f"not turned: {plain:.3f}"},
        "data": [{"yAxis": plain}],
    }
    data = [[int(d), round(float(s), 5)] for d, s in zip(distances, scores, strict=True)]
    return base_option() | {
        "tooltip": {"trigger": "axis", "axisPointer": {"type": "line"}},
        "grid": {"left": 48, "right": 20, "top": 40, "bottom": 44},
        "xAxis": value_axis("distance m − n", min="dataMin", max="dataMax")
        | {"nameLocation": "middle", "nameGap": 26, "axisLine": {"onZero": False}},
        "yAxis": value_axis("score", scale=True) | {"axisLine": {"onZero": False}},
        "series": [{"type": "line", "name": "score", "showSymbol": False, "data": data, "markLine": level}],
    }
