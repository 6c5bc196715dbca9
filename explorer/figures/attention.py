"""The charts of the attention page: what growing heads do to softmax, and what masks cost. All are ECharts options."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from explorer.figures.theme import MUTED, base_option, value_axis

_KINDS = ("solid", "dashed", "dotted", [12, 4, 2, 4])
_MARKS = ("circle", "rect", "triangle", "diamond")


def head_size_chart(
    sizes: np.ndarray,
    curves: Mapping[str, np.ndarray],
    *,
    y: str,
    logarithmic: bool = False,
    chosen: int | None = None,
    limits: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Lines against the head size d on a logarithmic axis; shapes (N,) each.

    logarithmic: the other axis too. chosen: the head size in use, a dashed upright. limits: ECharts' `min`, `max` of the
    y axis. Raises ValueError for other shapes.
    """
    for name, values in curves.items():
        if values.shape != sizes.shape:
            raise ValueError(f"Expected {sizes.shape} values for {name!r}, one a head size, got {values.shape}.")
    points = {name: _points(sizes.tolist(), values.tolist()) for name, values in curves.items()}
    series = _lines(points, symbols=True)
    if chosen is not None:
        series[0]["markLine"] = _upright(chosen, f"d = {chosen}")
    vertical = value_axis(y, **(limits or {}))
    if logarithmic:
        vertical |= {"type": "log", "logBase": 10}
    return _log_option("head size d (channels)", int(sizes[0]), int(sizes[-1]), base=2) | {
        "yAxis": vertical,
        "series": series,
    }


def cost_chart(curves: Mapping[str, Sequence[tuple[int, int]]], *, tokens: int) -> dict[str, Any]:
    """Multiply-adds of a head against the number of tokens T, both axes logarithmic; `tokens` is the prompt's T.

    The prompt is marked where the axis has it.
    """
    points = {name: [[T, float(f"{cost / 1e6:.5g}")] for T, cost in curve] for name, curve in curves.items()}
    series = _lines(points, symbols=False)
    lengths = [T for curve in curves.values() for T, _ in curve]
    if min(lengths) <= tokens <= max(lengths):
        series[0]["markLine"] = _upright(tokens, f"your prompt: {tokens}")
    return _log_option("tokens T", min(lengths), max(lengths), base=4) | {
        "yAxis": value_axis("million multiply-adds a head") | {"type": "log", "logBase": 10, "splitNumber": 6},
        "series": series,
    }


def _points(xs: Sequence[float], ys: Sequence[float]) -> list[list[float]]:
    return [[x, float(f"{y:.5g}")] for x, y in zip(xs, ys, strict=True)]


def _lines(curves: Mapping[str, list[list[float]]], *, symbols: bool) -> list[dict[str, Any]]:
    """One line a curve, each with its own pattern, so that they can be told without colour."""
    return [
        {
            "type": "line",
            "name": name,
            "showSymbol": symbols,
            "symbol": _MARKS[i % len(_MARKS)],
            "symbolSize": 7,
            "lineStyle": {"type": _KINDS[i % len(_KINDS)]},
            "data": points,
        }
        for i, (name, points) in enumerate(curves.items())
    ]


def _upright(x: float, label: str) -> dict[str, Any]:
    return {
        "symbol": "none",
        "silent": True,
        "lineStyle": {"type": "dashed", "color": MUTED},
        "label": {"formatter": label, "position": "insideStartTop", "rotate": 0},
        "data": [{"xAxis": x}],
    }


def _log_option(x: str, low: int, high: int, *, base: int) -> dict[str, Any]:
    return base_option() | {
        "tooltip": {"trigger": "axis", "axisPointer": {"type": "line"}},
        "legend": {"top": 0, "left": 0},
        "grid": {"left": 24, "right": 24, "top": 64, "bottom": 24, "containLabel": True},
        "xAxis": {
            "type": "log",
            "logBase": base,
            "min": low,
            "max": high,
            "name": x,
            "nameLocation": "middle",
            "nameGap": 28,
        },
    }
