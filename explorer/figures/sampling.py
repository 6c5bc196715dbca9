"""The likeliest next tokens as bars."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from explorer.figures.theme import MUTED, STRIPES, base_option


def next_token_chart(
    probabilities: np.ndarray, labels: Sequence[str], *, changed: np.ndarray | None = None, top: int = 12
) -> dict[str, Any]:
    """ECharts option: the `top` likeliest next tokens as level bars with their percentages, and all others as one.

    Shapes: probabilities (V,) summing to 1, V labels. `changed`, (V,), is drawn as a second, striped bar a token: the
    same prompt with something altered.
    """
    series = {"probability": probabilities} if changed is None else {"as trained": probabilities, "changed": changed}
    for name, values in series.items():
        if values.shape != (len(labels),):
            raise ValueError(f"{name}: expected one number for each of {len(labels)} labels, got {values.shape}.")
    order = np.argsort(-np.max(list(series.values()), axis=0), kind="stable")[:top]
    names = [labels[i] for i in order]
    others = len(labels) - len(names)
    if others > 0:
        names.append(f"{others} others")
    return base_option() | {
        "legend": {"top": 0, "left": 0, "show": changed is not None},
        "grid": {"left": 84, "right": 64, "top": 32, "bottom": 44},
        "xAxis": {
            "type": "value",
            "min": 0,
            "name": "probability of coming next",
            "nameLocation": "middle",
            "nameGap": 28,
            "splitNumber": 3,
        },
        "yAxis": {"type": "category", "inverse": True, "data": names, "axisTick": {"show": False}},
        "series": [
            _level_bars(name, values, order, others > 0, striped=name == "changed") for name, values in series.items()
        ],
    }


def _level_bars(name: str, values: np.ndarray, order: np.ndarray, with_rest: bool, *, striped: bool) -> dict[str, Any]:
    """One series of next-token bars: the tokens in `order`, then the rest as one grey bar."""
    data: list[dict[str, Any]] = [{"value": round(float(values[i]), 6)} for i in order]
    if with_rest:
        rest = max(0.0, 1 - float(values[order].sum()))
        data.append({"value": round(rest, 6), "itemStyle": {"color": MUTED}})
    return {
        "type": "bar",
        "name": name,
        "data": [item | {"label": {"formatter": _percent(item["value"])}} for item in data],
        "label": {"show": True, "position": "right"},
        "itemStyle": {"decal": STRIPES} if striped else {},
    }


def _percent(share: float) -> str:
    return f"{share:.1%}" if share >= 0.001 else "<0.1%"
