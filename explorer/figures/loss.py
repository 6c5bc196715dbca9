"""Loss against training steps, with levels to reach."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from explorer.figures.theme import MUTED, base_option, value_axis


def loss_chart(
    curves: Mapping[str, Sequence[tuple[int, float]]], levels: Mapping[str, float], *, steps: int
) -> dict[str, Any]:
    """ECharts option: one line a curve of (step, loss in nats), a dashed level for each named loss.

    The step axis is pinned to 0 … steps, so that the curve grows without the picture moving.
    """
    series: list[dict[str, Any]] = [
        {"type": "line", "name": name, "showSymbol": False, "data": [[s, round(loss, 5)] for s, loss in points]}
        for name, points in curves.items()
    ]
    if series:
        series[0]["markLine"] = {
            "symbol": "none",
            "silent": True,
            "lineStyle": {"type": "dashed", "color": MUTED},
            "label": {"position": "insideEndTop", "formatter": "{b}"},
            "data": [{"yAxis": value, "name": f"{name} {value:.4f}"} for name, value in levels.items()],
        }
    lowest = min([*levels.values(), *(loss for points in curves.values() for _, loss in points)], default=0.0)
    return base_option() | {
        "tooltip": {"trigger": "axis", "axisPointer": {"type": "line"}},
        "legend": {"top": 0, "left": 0},
        "grid": {"left": 52, "right": 24, "top": 56, "bottom": 48},
        "xAxis": {"type": "value", "min": 0, "max": steps, "name": "step", "nameLocation": "middle", "nameGap": 28},
        "yAxis": value_axis("loss (nats)", min=max(0.0, round(lowest - 0.1, 1)), scale=True),
        "series": series,
    }
