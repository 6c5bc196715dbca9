"""The workbench's pictures: one run's losses and what moves with them, and several runs on one axis."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from explorer.figures.loss import loss_chart
from explorer.figures.theme import base_option, value_axis

SYMBOLS = ("circle", "triangle", "rect", "diamond", "pin", "arrow")
MOST_OVERLAID = len(SYMBOLS)


def run_chart(
    batches: Sequence[tuple[int, float]],
    held_out: Sequence[tuple[int, float]],
    old: Sequence[tuple[int, float]],
    levels: Mapping[str, float],
    *,
    steps: int,
) -> dict[str, Any]:
    """ECharts option: the losses of single batches, of the held-out part and, in fine-tuning, of the old text's held-out
    part; all (step, loss in nats). levels: named losses to compare with."""
    named = {"held out": held_out, "old text, held out": old} if old else {"held out": held_out}
    chart = loss_chart({**named, "single batches": batches}, levels, steps=steps)
    for series, symbol in zip(chart["series"][: len(named)], SYMBOLS, strict=False):
        series |= {"showSymbol": True, "symbol": symbol, "symbolSize": 7, "z": 4, "lineStyle": {"width": 3}}
    if old:
        chart["series"][1]["lineStyle"] = {"width": 3, "type": "dashed"}
    chart["series"][-1] |= {"lineStyle": {"width": 1, "opacity": 0.45}, "z": 1}
    return chart


def measure_chart(
    points: Sequence[tuple[int, float]], title: str, *, steps: int, logarithmic: bool = False
) -> dict[str, Any]:
    """ECharts option: one measure against the step, under its title. Values that a logarithmic axis has no place for
    are left out."""
    kept = [[step, float(f"{y:.5g}")] for step, y in points if math.isfinite(y) and (y > 0 or not logarithmic)]
    axis = value_axis(title, scale=True) | ({"type": "log"} if logarithmic else {"min": 0})
    return base_option() | {
        "tooltip": {"trigger": "axis", "axisPointer": {"type": "line"}},
        "grid": {"left": 60, "right": 24, "top": 40, "bottom": 44},
        "xAxis": {"type": "value", "min": 0, "max": steps, "name": "step", "nameLocation": "middle", "nameGap": 26},
        "yAxis": axis,
        "series": [{"type": "line", "name": title, "showSymbol": len(kept) < 3, "symbolSize": 4, "data": kept}],
    }


def overlay_chart(runs: Mapping[str, Sequence[tuple[int, float]]]) -> dict[str, Any]:
    """ECharts option: the held-out losses of up to six runs, (step, nats), on one axis; told apart by symbol as well.

    Raises ValueError for more runs than there are symbols.
    """
    if len(runs) > MOST_OVERLAID:
        raise ValueError(f"At most {MOST_OVERLAID} runs fit on one axis, got {len(runs)}; unpin some.")
    longest = max((step for points in runs.values() for step, _ in points), default=1)
    chart = loss_chart(runs, {}, steps=longest)
    for series, symbol in zip(chart["series"], SYMBOLS, strict=False):
        series |= {"showSymbol": True, "symbol": symbol, "symbolSize": 7}
        series.pop("markLine", None)
    chart["legend"] = chart["legend"] | {"type": "scroll", "right": 40}
    return chart
