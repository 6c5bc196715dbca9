"""The MLP's pictures: letters in a plane, the losses with a cursor, and the learning-rate finder's sweep."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from explorer.figures.loss import loss_chart
from explorer.figures.theme import MUTED, base_option, value_axis

# Kinds of symbols, told apart by shape as well as by colour.
KINDS = {"vowel": "circle", "consonant": "triangle", "boundary": "diamond", "other": "rect"}


def scatter_chart(
    points: np.ndarray,
    labels: Sequence[str],
    kinds: Sequence[str],
    *,
    reach: tuple[float, float, float, float],
    axes: tuple[str, str],
    chosen: int | None = None,
) -> dict[str, Any]:
    """ECharts option: one labelled point a symbol, a series for each kind that occurs.

    Shapes: points (N, 2), N labels, N kinds of KINDS. reach: left, right, bottom and top of the picture, the same for
    all snapshots of a run, so that what moves are the letters. chosen: the point to ring. Raises ValueError for
    other shapes.
    """
    if points.shape != (len(labels), 2) or len(kinds) != len(labels):
        raise ValueError(
            f"Expected 2 numbers and a kind for each of {len(labels)} labels, got {points.shape} and {len(kinds)}."
        )
    series = []
    for kind, symbol in KINDS.items():
        members = [i for i, one in enumerate(kinds) if one == kind]
        if members:
            data = [_point(points[i], labels[i], i == chosen) for i in members]
            series.append(
                {
                    "type": "scatter",
                    "name": kind,
                    "symbol": symbol,
                    "symbolSize": 8,
                    "itemStyle": {"opacity": 1},
                    "data": data,
                    "label": {
                        "show": True,
                        "formatter": "{b}",
                        "position": "right",
                        "distance": 3,
                        "color": "inherit",
                        "fontSize": 14,
                        "fontWeight": "bold",
                    },
                    "labelLayout": {"moveOverlap": "shiftY"},
                }
            )
    left, right, bottom, top = reach
    return base_option() | {
        "tooltip": {"trigger": "item", "formatter": "{b}: ({c})"},
        "legend": {"top": 0, "left": 0},
        "grid": {"left": 32, "right": 16, "top": 52, "bottom": 40},
        "xAxis": value_axis(axes[0], min=left, max=right) | {"nameLocation": "middle", "nameGap": 26},
        "yAxis": value_axis(axes[1], min=bottom, max=top),
        "series": series,
    }


def _point(place: np.ndarray, label: str, chosen: bool) -> dict[str, Any]:
    point: dict[str, Any] = {"name": label, "value": [round(float(place[0]), 4), round(float(place[1]), 4)]}
    if chosen:
        point |= {"symbolSize": 18, "itemStyle": {"borderWidth": 3, "borderColor": MUTED}}
    return point


def reach_of(clouds: Sequence[np.ndarray]) -> tuple[float, float, float, float]:
    """Left, right, bottom and top that hold all points of all clouds, (N, 2) each, with a little air, rounded."""
    every = np.concatenate(list(clouds))
    low, high = every.min(axis=0), every.max(axis=0)
    air = np.maximum(0.08 * (high - low), 0.1)
    # Rounded to two digits of the picture's own size, whatever that is: a rate too high moves letters far.
    step = 10 ** np.floor(np.log10(np.maximum(high - low + 2 * air, 1e-6)) - 1)
    low, high = np.floor((low - air) / step) * step, np.ceil((high + air) / step) * step
    left, bottom, right, top = (round(float(value), 4) for value in (*low, *high))
    return left, right, bottom, top


def training_chart(
    batches: Sequence[tuple[int, float]],
    train: Sequence[tuple[int, float]],
    validation: Sequence[tuple[int, float]],
    levels: Mapping[str, float],
    *,
    steps: int,
    cursor: int | None = None,
) -> dict[str, Any]:
    """ECharts option: the losses of the validation part, the training part and single batches against the step.

    All are (step, loss in nats). cursor: the step of the snapshot on show, an upright line.
    """
    chart = loss_chart(
        {"validation part": validation, "training part": train, "single batches": batches}, levels, steps=steps
    )
    chart["series"][0] |= {"showSymbol": True, "symbol": "triangle", "symbolSize": 6, "z": 4}
    chart["series"][1] |= {
        "showSymbol": True,
        "symbol": "circle",
        "symbolSize": 5,
        "z": 4,
        "lineStyle": {"type": "dashed"},
    }
    chart["series"][2] |= {"lineStyle": {"width": 1, "opacity": 0.45}, "z": 1}
    if cursor is not None:
        chart["series"].append(
            {
                "type": "line",
                "name": "snapshot",
                "data": [],
                "markLine": {
                    "symbol": "none",
                    "silent": True,
                    "lineStyle": {"type": "solid", "width": 2, "color": MUTED},
                    "label": {"show": False},
                    "data": [{"xAxis": cursor}],
                },
            }
        )
    chart["legend"] = chart["legend"] | {"data": ["validation part", "training part", "single batches"]}
    return chart


def sweep_chart(
    rates: Sequence[float], losses: Sequence[float], smoothed: Sequence[float], suggested: float | None
) -> dict[str, Any]:
    """ECharts option: loss against the learning rate on a logarithmic axis, raw and smoothed, the suggestion marked.

    Raises ValueError where there is not one loss of each kind for each rate.
    """
    if not len(rates) == len(losses) == len(smoothed):
        raise ValueError(f"Expected a loss and a mean a rate, got {len(rates)}, {len(losses)} and {len(smoothed)}.")
    mean: dict[str, Any] = {
        "type": "line",
        "name": "running mean",
        "showSymbol": False,
        "data": [[float(f"{r:.4g}"), round(y, 5)] for r, y in zip(rates, smoothed, strict=True)],
        "lineStyle": {"width": 3},
        "z": 4,
    }
    if suggested is not None:
        mean["markLine"] = {
            "symbol": "none",
            "silent": True,
            "lineStyle": {"type": "dashed", "width": 2, "color": MUTED},
            "label": {"formatter": f"suggested {suggested:g}", "position": "insideEndTop", "rotate": 0},
            "data": [{"xAxis": suggested}],
        }
    single = {
        "type": "line",
        "name": "single batches",
        "showSymbol": False,
        "data": [[float(f"{r:.4g}"), round(y, 5)] for r, y in zip(rates, losses, strict=True)],
        "lineStyle": {"width": 1, "opacity": 0.45},
    }
    highest = 1.6 * max(smoothed[: max(1, len(smoothed) // 4)], default=1.0)
    return base_option() | {
        "tooltip": {"trigger": "axis", "axisPointer": {"type": "line"}},
        "legend": {"top": 0, "left": 0},
        "grid": {"left": 52, "right": 24, "top": 56, "bottom": 48},
        "xAxis": {"type": "log", "name": "learning rate", "nameLocation": "middle", "nameGap": 28, "min": "dataMin"},
        "yAxis": value_axis("loss (nats)", scale=True, max=round(highest, 1)),
        "series": [mean, single],
    }
