"""The encoder–decoders' charts: the losses of both, and whole sequences right against their length."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from explorer.figures.loss import loss_chart
from explorer.figures.theme import MUTED, base_option, value_axis

# One line is told from the other by its dashes and its marks as well as by its colour.
_STYLES = (("circle", "dashed"), ("triangle", "solid"))


def losses_chart(
    curves: Mapping[str, Sequence[tuple[int, float]]], levels: Mapping[str, float], *, steps: int, cursor: int
) -> dict[str, Any]:
    """ECharts option: the loss of each model in nats against the step; cursor: the step on show, an upright line."""
    chart = loss_chart(curves, levels, steps=steps)
    for series, (_, dashes) in zip(chart["series"], _STYLES, strict=False):
        series["lineStyle"] = {"type": dashes, "width": 2}
    chart["series"].append({"type": "line", "name": "snapshot", "data": [], "markLine": _upright(cursor)})
    chart["legend"] = chart["legend"] | {"data": list(curves)}
    return chart


def accuracy_chart(lengths: Sequence[int], shares: Mapping[str, Sequence[float]], *, trained: int) -> dict[str, Any]:
    """ECharts option: the share of whole sequences right, in percent, against their length, a line a model.

    trained: the longest length trained on, an upright line. Raises ValueError where there is not one share a length.
    """
    for name, values in shares.items():
        if len(values) != len(lengths):
            raise ValueError(f"{name}: expected a share for each of {len(lengths)} lengths, got {len(values)}.")
    series: list[dict[str, Any]] = [
        {
            "type": "line",
            "name": name,
            "symbol": symbol,
            "symbolSize": 8,
            "lineStyle": {"type": dashes, "width": 2},
            "data": [[n, round(100 * share, 2)] for n, share in zip(lengths, values, strict=True)],
        }
        for (name, values), (symbol, dashes) in zip(shares.items(), _STYLES, strict=False)
    ]
    if series:
        series[0]["markLine"] = _upright(trained, "longest trained on")
    return base_option() | {
        "tooltip": {"trigger": "axis", "axisPointer": {"type": "line"}},
        "legend": {"top": 0, "left": 0},
        "grid": {"left": 48, "right": 24, "top": 62, "bottom": 48},
        "xAxis": value_axis("letters", min=0, max=max(lengths)) | {"nameLocation": "middle", "nameGap": 28},
        "yAxis": value_axis("whole sequences right (%)", min=0, max=100, interval=25),
        "series": series,
    }


def _upright(at: int, label: str = "") -> dict[str, Any]:
    return {
        "symbol": "none",
        "silent": True,
        "lineStyle": {"type": "solid", "width": 2, "color": MUTED},
        "label": {"show": bool(label), "formatter": label, "position": "insideStartBottom"},
        "data": [{"xAxis": at}],
    }
