"""The graph of an expression laid out from left to right, and the decision surface of a network in the plane.

Legend: N nodes, E edges; R × C cells of the surface, P points.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from explorer.figures.theme import base_option, value_axis

_SWEEPS = 12
# How much room a line that passes a column takes there, in boxes.
_PASSING = 0.55
# In half-transparent colours of the palette, so that one ramp suits both themes; orange below 0, blue above.
_SURFACE = ["rgba(217,110,50,.75)", "rgba(217,110,50,.12)", "rgba(60,130,200,.12)", "rgba(60,130,200,.75)"]
_CLASSES = (("class −1", "triangle", "#c2581f"), ("class +1", "circle", "#2f7cc4"))


@dataclass(frozen=True, eq=False)
class GraphLayout:
    """columns, rows: (N,) where each node lies, columns whole and rows in boxes from the top. paths: E polylines of
    (column, row), from operand to result, led around the boxes between."""

    columns: np.ndarray
    rows: np.ndarray
    paths: tuple[tuple[tuple[float, float], ...], ...]


def graph_layout(n: int, sources: Sequence[int], targets: Sequence[int]) -> GraphLayout:
    """Columns by the longest way from an input, rows so that lines stay short and cross little.

    Nodes are numbered so that an edge leads to a higher number; raises ValueError where one does not.
    """
    edges = list(zip(map(int, sources), map(int, targets), strict=True))
    if any(not 0 <= source < target < n for source, target in edges):
        raise ValueError(f"Expected edges from a lower to a higher number below {n}, got {edges}.")
    column = _columns(n, edges)
    # A line over several columns takes a place in each: (source, column). Lines of one source share their places.
    places: dict[tuple[int, int], int] = {(i, column[i]): i for i in range(n)}
    links: set[tuple[int, int]] = set()
    chains = []
    for source, target in edges:
        chain = [source]
        for passing in range(column[source] + 1, column[target]):
            chain.append(places.setdefault((source, passing), len(places)))
        chain.append(target)
        chains.append(chain)
        links.update(pairwise(chain))
    at = {place: key[1] for key, place in places.items()}
    rows = _rows([at[place] for place in range(len(places))], links, n)
    paths = tuple(tuple((float(at[place]), float(rows[place])) for place in chain) for chain in chains)
    return GraphLayout(np.array(column), rows[:n], paths)


def _columns(n: int, edges: Sequence[tuple[int, int]]) -> list[int]:
    column = [0] * n
    for source, target in sorted(edges, key=lambda edge: edge[1]):
        column[target] = max(column[target], column[source] + 1)
    given = set(range(n)) - {target for _, target in edges}
    for node in given:  # an input stands right before its first use
        used = [column[target] for source, target in edges if source == node]
        column[node] = min(used, default=1) - 1
    return column


def _rows(column: list[int], links: set[tuple[int, int]], n: int) -> np.ndarray:
    """Sweep right and left: every place moves to the mean of those it is linked with, then all make room."""
    members = [[p for p, c in enumerate(column) if c == k] for k in range(max(column) + 1)]
    height = np.array([1.0 if place < n else _PASSING for place in range(len(column))])
    rows = np.zeros(len(column))
    for group in members:
        rows[group] = np.arange(len(group))
    before: list[list[int]] = [[] for _ in column]
    behind: list[list[int]] = [[] for _ in column]
    for source, target in sorted(links):
        before[target].append(source)
        behind[source].append(target)
    for sweep in range(_SWEEPS):
        near, order = (before, members) if sweep % 2 == 0 else (behind, members[::-1])
        for group in order:
            wish = {p: float(rows[near[p]].mean()) if near[p] else float(rows[p]) for p in group}
            _make_room(sorted(group, key=lambda p: (wish[p], p)), wish, height, rows)
    return rows - rows.min()


def _make_room(group: list[int], wish: dict[int, float], height: np.ndarray, rows: np.ndarray) -> None:
    """Place the group in its order, no two nearer than half their heights together, around where they wished."""
    placed: list[float] = []
    for i, place in enumerate(group):
        least = placed[-1] + (height[group[i - 1]] + height[place]) / 2 if placed else -np.inf
        placed.append(max(wish[place], least))
    drift = float(np.mean([wish[p] for p in group]) - np.mean(placed))
    rows[group] = np.array(placed) + drift


def surface_chart(
    scores: np.ndarray, points: np.ndarray, classes: np.ndarray, bounds: tuple[float, float, float, float]
) -> dict[str, Any]:
    """ECharts option: a score a cell, the line where it is 0, and the points, a triangle or a circle by class.

    Shapes: scores (R, C), the first row lowest; points (P, 2); classes (P,) of −1 and 1; bounds left, right, bottom,
    top. Colour shows tanh of the score, so that a few large ones do not wash out the rest.
    """
    if points.shape != (len(classes), 2):
        raise ValueError(f"Expected one point (x, y) for each of {len(classes)} classes, got {points.shape}.")
    left, right, bottom, top = bounds
    R, C = scores.shape
    squashed = np.tanh(np.nan_to_num(scores)).round(2)
    cells = [[c, r, float(squashed[r, c])] for r in range(R) for c in range(C)]
    marks = [
        {
            "type": "scatter",
            "name": name,
            "symbol": symbol,
            "symbolSize": 9,
            "xAxisIndex": 1,
            "yAxisIndex": 1,
            "itemStyle": {"color": colour, "borderColor": "#fff", "borderWidth": 1},
            "data": points[classes == sign].round(3).tolist(),
        }
        for (name, symbol, colour), sign in zip(_CLASSES, (-1, 1), strict=True)
    ]
    boundary = {
        "type": "lines",
        "coordinateSystem": "cartesian2d",
        "xAxisIndex": 1,
        "yAxisIndex": 1,
        "silent": True,
        "name": "score 0",
        "lineStyle": {"width": 2.5, "opacity": 1, "color": "#8b95a3"},
        "data": [{"coords": segment} for segment in boundary_segments(scores, bounds)],
    }
    hidden = {"type": "category", "show": False}
    return base_option() | {
        "tooltip": {"show": False},
        "legend": {"top": 0, "left": 0, "data": [mark["name"] for mark in marks]},
        "grid": {"left": 40, "right": 12, "top": 34, "bottom": 44},
        "visualMap": {
            "type": "continuous",
            "show": False,
            "min": -1,
            "max": 1,
            "seriesIndex": 0,
            "inRange": {"color": _SURFACE},
        },
        "xAxis": [
            hidden | {"data": list(range(C))},
            value_axis("x", min=left, max=right) | {"position": "bottom", "nameLocation": "middle", "nameGap": 26},
        ],
        "yAxis": [hidden | {"data": list(range(R))}, value_axis("y", min=bottom, max=top) | {"position": "left"}],
        "series": [{"type": "heatmap", "data": cells, "silent": True, "progressive": 0}, boundary, *marks],
    }


def boundary_segments(scores: np.ndarray, bounds: tuple[float, float, float, float]) -> list[list[list[float]]]:
    """Short lines along which the score is 0, each [[x, y], [x, y]], by marching squares between cell middles."""
    left, right, bottom, top = bounds
    R, C = scores.shape
    x = left + (np.arange(C) + 0.5) * (right - left) / C
    y = bottom + (np.arange(R) + 0.5) * (top - bottom) / R
    positive = scores > 0
    mixed = positive[:-1, :-1].astype(int) + positive[:-1, 1:] + positive[1:, :-1] + positive[1:, 1:]
    segments = []
    for r, c in np.argwhere((mixed > 0) & (mixed < 4)):
        around = [(r, c), (r, c + 1), (r + 1, c + 1), (r + 1, c)]
        crossings = []
        for (r0, c0), (r1, c1) in zip(around, around[1:] + around[:1], strict=True):
            a, b = scores[r0, c0], scores[r1, c1]
            if (a > 0) != (b > 0):
                t = a / (a - b)
                crossings.append(
                    [round(float(x[c0] + t * (x[c1] - x[c0])), 3), round(float(y[r0] + t * (y[r1] - y[r0])), 3)]
                )
        segments += [crossings[i : i + 2] for i in range(0, len(crossings), 2)]
    return segments
