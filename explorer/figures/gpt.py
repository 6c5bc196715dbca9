"""The charts of the page GPT inside: a dot product channel by channel, and the tokens a head pushes.

Shapes: d head size, N tokens.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from explorer.figures.theme import MUTED, STRIPES, base_option, category_axis, value_axis


def channel_chart(products: np.ndarray) -> dict[str, Any]:
    """ECharts option: a bar a channel for q · k, and the sum as it grows, a line. products: (d,), else ValueError."""
    if products.ndim != 1 or not len(products):
        raise ValueError(f"Expected one product for each channel, got shape {products.shape}.")
    running = products.cumsum()
    return base_option() | {
        "legend": {"top": 0, "left": 0},
        "grid": {"left": 52, "right": 16, "top": 56, "bottom": 44},
        "xAxis": category_axis([str(c) for c in range(len(products))], "channel") | {"axisLine": {"onZero": False}},
        "yAxis": value_axis("product"),
        "series": [
            {"type": "bar", "name": "q × k of the channel", "data": [round(float(v), 5) for v in products]},
            {
                "type": "line",
                "name": "sum so far",
                "step": "end",
                "symbol": "none",
                "lineStyle": {"color": MUTED, "type": "dashed"},
                "itemStyle": {"color": MUTED},
                "data": [round(float(v), 5) for v in running],
            },
        ],
    }


def pushed_chart(names: Sequence[str], pushes: np.ndarray, *, unit: str = "added to the logit") -> dict[str, Any]:
    """ECharts option: a level bar a token, from the one raised most to the one lowered most; lowered ones are striped.

    pushes: (N,), one for each name, else ValueError.
    """
    if pushes.shape != (len(names),):
        raise ValueError(f"Expected one number for each of {len(names)} tokens, got {pushes.shape}.")
    bars: list[dict[str, Any]] = []
    for value in pushes.tolist():
        side = {"position": "right" if value >= 0 else "left", "formatter": f"{value:+.2f}"}
        bar: dict[str, Any] = {"value": round(value, 5), "label": side}
        bars.append(bar if value >= 0 else bar | {"itemStyle": {"decal": STRIPES}})
    reach = float(np.abs(pushes).max(initial=0.0)) * 1.25 or 1.0
    middle = {"nameLocation": "middle", "nameGap": 28, "nameTextStyle": {}}
    return base_option() | {
        "grid": {"left": 84, "right": 24, "top": 28, "bottom": 44},
        "xAxis": value_axis(unit, min=-reach, max=reach)
        | middle
        | {"axisLabel": {"showMinLabel": False, "showMaxLabel": False}},
        "yAxis": {
            "type": "category",
            "inverse": True,
            "data": list(names),
            "axisTick": {"show": False},
            "axisLine": {"show": False},
            "axisLabel": {"interval": 0},
        },
        "series": [{"type": "bar", "name": unit, "data": bars, "label": {"show": True}}],
    }


def pushed_height(tokens: int) -> int:
    """Pixels that `pushed_chart` needs for so many tokens."""
    return 84 + 22 * tokens
