"""One row of a bigram table: the bars of its probabilities, and the cumulative line a random pointer falls on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from explorer.figures.theme import STRIPES, base_option, category_axis, value_axis


def row_chart(
    probabilities: np.ndarray, labels: Sequence[str], *, chosen: int | None = None, pointer: float | None = None
) -> dict[str, Any]:
    """ECharts option: bars above, the running sum as a staircase below, on one shared axis of tokens.

    Shapes: probabilities (V,) summing to 1, V labels. The pointer in [0, 1) is a level line on the staircase; it
    meets the step of the token `chosen`, which is striped. Raises ValueError for other shapes.
    """
    if probabilities.shape != (len(labels),):
        raise ValueError(f"Expected one probability for each of {len(labels)} labels, got {probabilities.shape}.")
    bars = [_bar(float(p), i == chosen) for i, p in enumerate(probabilities)]
    cumulative = [round(float(c), 6) for c in probabilities.cumsum()]
    staircase: dict[str, Any] = {
        "type": "line",
        "name": "cumulative probability",
        "xAxisIndex": 1,
        "yAxisIndex": 1,
        "step": "middle",
        "showSymbol": False,
        "areaStyle": {"opacity": 0.12},
        "data": cumulative,
    }
    if pointer is not None and chosen is not None:
        staircase["markLine"] = {
            "symbol": "none",
            "silent": True,
            "label": {"formatter": f"pointer {pointer:.3f}", "position": "insideStartTop"},
            "lineStyle": {"type": "dashed", "width": 2},
            "data": [{"yAxis": pointer}],
        }
        staircase["markPoint"] = {
            "symbol": "circle",
            "symbolSize": 12,
            "label": {"formatter": labels[chosen], "position": "top", "fontWeight": "bold"},
            "data": [{"coord": [chosen, pointer]}],
        }
    names = list(labels)
    return base_option() | {
        "grid": [
            {"left": 52, "right": 24, "top": 36, "height": 130},
            {"left": 52, "right": 24, "top": 214, "height": 130},
        ],
        "axisPointer": {"link": [{"xAxisIndex": "all"}]},
        "xAxis": [
            category_axis(names, show_labels=False),
            category_axis(names, "next token", position=1),
        ],
        "yAxis": [value_axis("probability", min=0), value_axis("running sum", position=1, min=0, max=1, interval=0.25)],
        "series": [{"type": "bar", "name": "probability", "data": bars, "barCategoryGap": "20%"}, staircase],
    }


def _bar(value: float, chosen: bool) -> dict[str, Any]:
    bar: dict[str, Any] = {"value": round(value, 6)}
    if chosen:
        bar["itemStyle"] = {"decal": STRIPES}
    return bar
