"""From logits to probability: one bar chart a stage over the full vocabulary, and the likeliest tokens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from explorer.figures.theme import MUTED, STRIPES, base_option, category_axis, value_axis

PANEL, GAP, TOP = 84, 42, 40


def stages_chart(stages: Sequence[tuple[str, np.ndarray]], labels: Sequence[str], *, chosen: int) -> dict[str, Any]:
    """ECharts option: the stages under each other on one axis of tokens, most likely first.

    stages: (title, (V,) numbers) in order; NaN marks a token that a filter took out: it has no bar from there on.
    The order of tokens is that of the first stage. The chosen token's bar is striped in every panel.
    Raises ValueError where a stage does not have one number a label.
    """
    for title, values in stages:
        if values.shape != (len(labels),):
            raise ValueError(f"{title}: expected one number for each of {len(labels)} labels, got {values.shape}.")
    order = np.argsort(-stages[0][1], kind="stable")
    names = [labels[i] for i in order]
    last = len(stages) - 1
    return base_option() | {
        "axisPointer": {"link": [{"xAxisIndex": "all"}]},
        "grid": [
            {"left": 56, "right": 16, "top": TOP + i * (PANEL + GAP), "height": PANEL} for i in range(len(stages))
        ],
        "xAxis": [
            category_axis(names, "token, likeliest first" if i == last else "", show_labels=i == last, position=i)
            | {"axisLine": {"onZero": True}}
            for i in range(len(stages))
        ],
        "yAxis": [value_axis(title, position=i) for i, (title, _) in enumerate(stages)],
        "series": [
            {
                "type": "bar",
                "name": title,
                "xAxisIndex": i,
                "yAxisIndex": i,
                "barCategoryGap": "20%",
                "data": [_bar(float(values[token]), token == chosen) for token in order],
            }
            for i, (title, values) in enumerate(stages)
        ],
    }


def stages_height(n_stages: int) -> int:
    """Pixels that `stages_chart` needs."""
    return TOP + n_stages * (PANEL + GAP) + 20


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


def _bar(value: float, chosen: bool) -> dict[str, Any]:
    bar: dict[str, Any] = {"value": "-" if np.isnan(value) else round(value, 6)}
    if chosen:
        bar["itemStyle"] = {"decal": STRIPES}
    return bar
