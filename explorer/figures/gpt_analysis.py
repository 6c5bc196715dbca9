"""The charts of a GPT taken apart: ranked costs, attributions, tokens travelling through depth, a treemap. ECharts options.

Shapes: P parts, K tokens, R depths, T tokens of the prompt.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from explorer.figures.theme import MUTED, STRIPES, base_option, category_axis, value_axis

ROW = 26  # pixels that a level bar needs
# Words on a coloured box: dark on nearly white, whatever the box's colour and the theme.
_INK = "#15181d"
_TAG = {
    "overflow": "truncate",
    "color": _INK,
    "backgroundColor": "rgba(255,255,255,0.8)",
    "padding": 3,
    "borderRadius": 3,
}


def ranking_chart(
    labels: Sequence[str], costs: np.ndarray, is_sublayer: Sequence[bool], *, unit: str
) -> dict[str, Any]:
    """An upright bar a part, the costliest first; whole sublayers are striped. (P,) each; else ValueError."""
    if costs.shape != (len(labels),) or len(is_sublayer) != len(labels):
        raise ValueError(f"Expected a cost and a kind for each of {len(labels)} parts, got {costs.shape}.")
    order = [int(i) for i in np.argsort(-costs, kind="stable")]
    kinds = (("single heads", False), ("whole sublayers", True))
    return base_option() | {
        "legend": {"top": 0, "left": 0, "right": 32},
        "grid": {"left": 12, "right": 16, "top": 64, "bottom": 8, "containLabel": True},
        "xAxis": category_axis([labels[i] for i in order]) | {"axisLabel": {"rotate": 90, "hideOverlap": True}},
        "yAxis": value_axis(unit),
        "series": [
            {
                "type": "bar",
                "name": name,
                "stack": "parts",
                "barCategoryGap": "15%",
                "itemStyle": {"decal": STRIPES} if sublayer else {},
                "data": [_digits(costs[i]) if is_sublayer[i] == sublayer else "-" for i in order],
            }
            for name, sublayer in kinds
        ],
    }


def contribution_chart(labels: Sequence[str], logits: np.ndarray, *, name: str, top: int = 12) -> dict[str, Any]:
    """Level bars of the `top` largest contributions either way, all others as one grey bar, and the sum. (P,)."""
    if logits.shape != (len(labels),):
        raise ValueError(f"Expected one number for each of {len(labels)} parts, got {logits.shape}.")
    order = [int(i) for i in np.argsort(-np.abs(logits), kind="stable")]
    shown, rest = sorted(order[:top], key=lambda i: -logits[i]), order[top:]
    names = [labels[i] for i in shown]
    values = [float(logits[i]) for i in shown]
    bars: list[dict[str, Any]] = [{"value": _digits(value)} for value in values]
    if rest:
        names.append(f"{len(rest)} others")
        bars.append({"value": _digits(logits[rest].sum()), "itemStyle": {"color": MUTED}})
    names.append("sum")
    bars.append({"value": _digits(logits.sum()), "itemStyle": {"decal": STRIPES}})
    for bar in bars:
        side = "left" if bar["value"] < 0 else "right"
        bar["label"] = {"formatter": f"{bar['value']:+.2f}".replace("-", "−"), "position": side}
    return _level(names, name) | {"series": [_level_series(name, bars)]}


def top_tokens_chart(
    labels: Sequence[str], probabilities: np.ndarray, *, actual: int | None, others: int
) -> dict[str, Any]:
    """Level bars of some likeliest tokens and of all `others` together. (K,) each; the `actual`-th is striped."""
    if probabilities.shape != (len(labels),):
        raise ValueError(f"Expected one probability for each of {len(labels)} tokens, got {probabilities.shape}.")
    names = list(labels)
    bars: list[dict[str, Any]] = [{"value": _digits(p)} for p in probabilities]
    if actual is not None:
        bars[actual]["itemStyle"] = {"decal": STRIPES}
    if others > 0:
        names.append(f"{others:,} others")
        bars.append({"value": _digits(max(0.0, 1 - probabilities.sum())), "itemStyle": {"color": MUTED}})
    for bar in bars:
        bar["label"] = {"formatter": f"{bar['value']:.1%}" if bar["value"] >= 0.001 else "<0.1%", "position": "right"}
    option = _level(names, "probability of coming next")
    option["xAxis"]["min"] = 0
    return option | {"series": [_level_series("probability", bars)]}


def level_height(bars: int) -> int:
    """Pixels that a chart of so many level bars needs."""
    return 76 + ROW * bars


def stream_chart(places: np.ndarray, labels: Sequence[str], shares: np.ndarray, *, depth: int) -> dict[str, Any]:
    """The tokens where they are at `depth`, each with its path from the start; the last token is ringed.

    places: (R, T, 2); T labels; shares: (2,) of the variance that each axis shows. The axes hold every depth, so that
    nothing jumps when the depth changes. Raises ValueError for other shapes and for a depth that is not there.
    """
    if places.ndim != 3 or places.shape[1:] != (len(labels), 2) or shares.shape != (2,):
        raise ValueError(f"Expected places of {len(labels)} tokens at every depth, got shape {places.shape}.")
    if not 0 <= depth < len(places):
        raise ValueError(f"There are {len(places)} depths, counted from 0; there is no depth {depth}.")
    paths: list[Any] = []
    for t in range(len(labels)):
        paths += [*([_digits(x), _digits(y)] for x, y in places[: depth + 1, t].tolist()), [None, None]]
    now: list[dict[str, Any]] = [
        {"name": label, "value": [_digits(x), _digits(y)]}
        for label, (x, y) in zip(labels, places[depth].tolist(), strict=True)
    ]
    now[-1] |= {"symbol": "diamond", "symbolSize": 16, "itemStyle": {"borderWidth": 2, "borderColor": MUTED}}
    axes: list[dict[str, Any]] = [_limits(places[:, :, axis]) for axis in (0, 1)]
    ends = {"axisLabel": {"hideOverlap": True, "showMinLabel": False, "showMaxLabel": False}}
    named = [f"component {i + 1}: {share:.0%} of the variance" for i, share in enumerate(shares.tolist())]
    label = {"show": True, "formatter": "{b}", "position": "right", "distance": 3, "color": "inherit", "fontSize": 13}
    return base_option() | {
        "tooltip": {"trigger": "item", "formatter": "{b}: {c}"},
        "grid": {"left": 12, "right": 24, "top": 44, "bottom": 28, "containLabel": True},
        "xAxis": value_axis(named[0], **axes[0])
        | ends
        | {
            "nameLocation": "middle",
            "nameGap": 26,
            "nameTextStyle": {"align": "center"},
            "axisLine": {"onZero": False},
        },
        "yAxis": value_axis(named[1], **axes[1]) | ends | {"axisLine": {"onZero": False}},
        "series": [
            {
                "type": "line",
                "name": "path",
                "silent": True,
                "symbol": "none",
                "data": paths,
                "lineStyle": {"color": MUTED, "width": 1, "opacity": 0.45},
                "tooltip": {"show": False},
            },
            {
                "type": "scatter",
                "name": "token",
                "symbolSize": 8,
                "data": now,
                "label": label | {"fontWeight": "bold"},
                "labelLayout": {"hideOverlap": True},
            },
        ],
    }


def cost_treemap(name: str, groups: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Boxes as large as what they cost, two levels at a time; a click opens a group, the path below leads back.

    groups: mappings of name, text (the amount in words), value, and children of the same kind, or none. A box of 0 has
    no area and is left out. Raises ValueError where nothing costs anything.
    """
    data = _boxes(groups)
    if not data:
        raise ValueError("Expected at least one part that costs something, got none.")
    return {
        "animation": False,
        "tooltip": {"formatter": "{b}", "confine": True},
        "series": [
            {
                "type": "treemap",
                "name": name,
                "data": data,
                "left": 0,
                "right": 0,
                "top": 0,
                "bottom": 36,
                "roam": False,
                "leafDepth": 2,
                "nodeClick": "zoomToNode",
                "drillDownIcon": "",
                "visibleMin": 500,
                "sort": False,
                "breadcrumb": {"bottom": 4, "left": 0},
                "label": {"show": True, "position": "insideTopLeft", "lineHeight": 16, **_TAG},
                "upperLabel": {"show": True, "height": 24, "overflow": "truncate", "color": _INK},
                "itemStyle": {"gapWidth": 2, "borderWidth": 2, "borderColor": MUTED},
                "levels": [{"itemStyle": {"gapWidth": 4, "borderWidth": 0}, "upperLabel": {"show": False}}],
            }
        ],
    }


def _box(group: Mapping[str, Any]) -> dict[str, Any]:
    said = {"formatter": f"{group['name']}\n{group['text']}"}
    head = {"formatter": f"{group['name']}: {group['text']}"}
    box: dict[str, Any] = {"name": group["name"], "value": group["value"], "label": said, "upperLabel": head}
    box["tooltip"] = {"formatter": f"{group['name']}: {group['text']}"}
    children = _boxes(group.get("children", ()))
    return box | ({"children": children} if children else {})


def _boxes(groups: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The largest first; of equals, the first first."""
    return [_box(group) for group in sorted(groups, key=lambda group: -group["value"]) if group["value"] > 0]


def _level(names: list[str], unit: str) -> dict[str, Any]:
    """What all level bars share: names down the side, one axis of numbers below."""
    across = {"name": unit, "nameLocation": "middle", "nameGap": 28, "nameTextStyle": {"align": "center"}}
    return base_option() | {
        "grid": {"left": 8, "right": 56, "top": 32, "bottom": 28, "containLabel": True},
        "xAxis": value_axis("") | across,
        "yAxis": category_axis(names) | {"inverse": True, "axisLabel": {"interval": 0}, "axisLine": {"show": False}},
    }


def _level_series(name: str, bars: list[dict[str, Any]]) -> dict[str, Any]:
    return {"type": "bar", "name": name, "data": bars, "barCategoryGap": "25%", "label": {"show": True}}


def _limits(values: np.ndarray) -> dict[str, float]:
    """An axis's ends with a little air."""
    low, high = float(values.min()), float(values.max())
    air = max(0.06 * (high - low), 1e-6)
    return {"min": _digits(low - air), "max": _digits(high + air)}


def _digits(value: float) -> float:
    """Five digits are enough for a pixel."""
    if not math.isfinite(value):
        raise ValueError(f"Expected finite numbers to draw, got {value}.")
    return float(f"{float(value):.5g}")
