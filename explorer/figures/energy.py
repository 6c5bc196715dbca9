"""The charts of the energy models: descent of an energy, capacity, two distributions side by side, curves of training.

All are ECharts options; pictures of units and filters go to the matrix component.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from explorer.figures.theme import MUTED, STRIPES, base_option, category_axis, value_axis


def energy_chart(updates: np.ndarray, energies: np.ndarray, total: int, chosen: int, *, jumps: bool) -> dict[str, Any]:
    """Energy against single-unit updates, the chosen state marked; shapes (K,), (K,).

    jumps: join the points by straight lines (all units at once); else a staircase (one at a time).
    """
    if updates.shape != energies.shape or not 0 <= chosen < len(updates):
        raise ValueError(f"Expected one energy an update, got {energies.shape} for {updates.shape}, chosen {chosen}.")
    points = [[int(u), round(float(e), 4)] for u, e in zip(updates, energies, strict=True)]
    line: dict[str, Any] = {
        "type": "line",
        "name": "energy",
        "showSymbol": jumps,
        "data": [*points, [max(total, points[-1][0]), points[-1][1]]],
        "markPoint": {
            "symbol": "circle",
            "symbolSize": 12,
            "label": {"formatter": "shown", "position": "top", "distance": 8},
            "data": [{"coord": points[chosen]}],
        },
    }
    if not jumps:
        line["step"] = "end"
    return _line_option("updates of single units", "energy E", max(1, total)) | {"series": [line]}


def overlap_chart(names: Sequence[str], overlaps: np.ndarray) -> dict[str, Any]:
    """One bar a stored pattern, −1 … 1: how much the shown state agrees with it. Shapes: P names, (P,)."""
    if overlaps.shape != (len(names),):
        raise ValueError(f"Expected one overlap for each of {len(names)} patterns, got {overlaps.shape}.")
    return base_option() | {
        "grid": {"left": 24, "right": 16, "top": 36, "bottom": 16},
        "xAxis": category_axis(list(names)) | {"axisLabel": {"interval": 0, "rotate": 30, "margin": 12}},
        "yAxis": value_axis("overlap", min=-1, max=1, interval=0.5),
        "series": [{"type": "bar", "name": "overlap", "data": [round(float(o), 3) for o in overlaps]}],
    }


def capacity_chart(curves: Mapping[str, tuple[np.ndarray, np.ndarray]], capacity: float, units: int) -> dict[str, Any]:
    """Lines of (load P/N, share 0 … 1) and the load at which theory has them fall."""
    series: list[dict[str, Any]] = [
        {
            "type": "line",
            "name": name,
            "symbol": ("circle", "rect", "triangle")[i % 3],
            "symbolSize": 7,
            "data": _pairs(*curve),
        }
        for i, (name, curve) in enumerate(curves.items())
    ]
    series[0]["markLine"] = {
        "symbol": "none",
        "silent": True,
        "lineStyle": {"type": "dashed", "color": MUTED},
        "label": {"formatter": f"{capacity:g} N", "position": "insideEndTop", "rotate": 0},
        "data": [{"xAxis": capacity}],
    }
    option = _line_option(f"patterns ÷ units, N = {units}", "", 0.26)
    option["yAxis"] = value_axis("", min=0, max=1, interval=0.25)
    return option | {"series": series}


def distribution_chart(labels: Sequence[str], exact: np.ndarray, other: np.ndarray, names: tuple[str, str]) -> Any:
    """Two bars a state, the second striped; shapes: S labels, (S,), (S,)."""
    if exact.shape != (len(labels),) or other.shape != exact.shape:
        raise ValueError(f"Expected a share for each of {len(labels)} states, got {exact.shape} and {other.shape}.")
    bars = [
        {"type": "bar", "name": name, "data": [round(float(p), 5) for p in shares], "itemStyle": style}
        for name, shares, style in ((names[0], exact, {}), (names[1], other, {"decal": STRIPES}))
    ]
    return base_option() | {
        "legend": {"top": 0, "left": 0},
        "grid": {"left": 24, "right": 16, "top": 56, "bottom": 24},
        "xAxis": category_axis(list(labels), "state")
        | {"nameGap": 68, "axisLabel": {"rotate": 90, "fontFamily": "monospace", "fontSize": 10, "interval": "auto"}},
        "yAxis": value_axis("probability", min=0),
        "series": bars,
    }


def histogram_chart(edges: np.ndarray, counts: Mapping[str, np.ndarray], name: str) -> dict[str, Any]:
    """Counts of several samples in the same bins, side by side; shapes (bins + 1,) and (bins,) each."""
    middles = [f"{(a + b) / 2:.0f}" for a, b in pairwise(edges)]
    bars = [
        {
            "type": "bar",
            "name": label,
            "data": [int(c) for c in counted],
            "itemStyle": {"decal": STRIPES} if i else {},
            "barGap": "0%",
        }
        for i, (label, counted) in enumerate(counts.items())
    ]
    return base_option() | {
        "legend": {"top": 0, "left": 0},
        "grid": {"left": 24, "right": 16, "top": 56, "bottom": 24},
        "xAxis": category_axis(middles, name),
        "yAxis": value_axis("pictures", min=0),
        "series": bars,
    }


def curves_chart(
    curves: Mapping[str, Sequence[tuple[float, float]]],
    *,
    x: str,
    y: str,
    end: float,
    logarithmic: bool = False,
    from_zero: bool = False,
    levels: Mapping[str, float] | None = None,
) -> dict[str, Any]:
    """Lines of (x, y) on an axis pinned to 0 … end, or 10 … end on a logarithmic one, and dashed levels."""
    option = _line_option(x, y, end)
    option["yAxis"] = value_axis(y, **({"min": 0} if from_zero else {"scale": True}))
    if logarithmic:
        option["xAxis"] = option["xAxis"] | {"type": "log", "min": 10}
    kinds = ("solid", "dashed", "dotted")
    series: list[dict[str, Any]] = [
        {
            "type": "line",
            "name": name,
            "showSymbol": False,
            "lineStyle": {"type": kinds[i % 3]},
            "data": [[round(float(a), 4), round(float(b), 5)] for a, b in points],
        }
        for i, (name, points) in enumerate(curves.items())
    ]
    if series and levels:
        series[0]["markLine"] = {
            "symbol": "none",
            "silent": True,
            "lineStyle": {"type": "dashed", "color": MUTED},
            "label": {"position": "insideEndTop", "formatter": "{b}"},
            "data": [{"yAxis": value, "name": name} for name, value in levels.items()],
        }
    return option | {"series": series}


def accuracy_chart(names: Sequence[str], accuracies: Sequence[float]) -> dict[str, Any]:
    """One bar a representation, with its share of test digits named rightly; the axis begins at 0.8."""
    bars = [
        {
            "value": round(accuracy, 4),
            "label": {"show": True, "position": "right", "formatter": f"{accuracy:.1%}"},
            "itemStyle": {"decal": STRIPES} if i == 0 else {},
        }
        for i, accuracy in enumerate(accuracies)
    ]
    return base_option() | {
        "grid": {"left": 24, "right": 60, "top": 24, "bottom": 24},
        "xAxis": value_axis("accuracy (axis from 0.8)", min=0.8, max=1.0) | {"nameLocation": "middle", "nameGap": 28},
        "yAxis": category_axis(list(names)) | {"inverse": True, "axisLabel": {"width": 140, "overflow": "break"}},
        "series": [{"type": "bar", "name": "accuracy", "data": bars, "barMaxWidth": 26}],
    }


def _pairs(xs: np.ndarray, ys: np.ndarray) -> list[list[float]]:
    return [[round(float(x), 4), round(float(y), 4)] for x, y in zip(xs, ys, strict=True)]


def _line_option(x: str, y: str, end: float) -> dict[str, Any]:
    return base_option() | {
        "tooltip": {"trigger": "axis", "axisPointer": {"type": "line"}},
        "legend": {"top": 0, "left": 0},
        "grid": {"left": 24, "right": 24, "top": 56, "bottom": 24},
        "xAxis": {"type": "value", "min": 0, "max": end, "name": x, "nameLocation": "middle", "nameGap": 28},
        "yAxis": value_axis(y, scale=True),
    }
