"""The charts of the Transformer block page: a stacked stream, depth, activations, and the ladder. All ECharts options.

Shapes: S stages, P parts, L blocks, N points, R rungs.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from explorer.figures.theme import MUTED, STRIPES, base_option, category_axis, value_axis

KINDS = ("solid", "dashed", "dotted")
MARKS = ("circle", "rect", "triangle", "diamond")


def stacked_stream_chart(
    parts: Sequence[str], stages: Sequence[str], along: np.ndarray, lengths: np.ndarray
) -> dict[str, Any]:
    """A pile a stage: what each part adds in the stream's own direction; together it is the stream's length, a line.

    along: (S, P); lengths: (S,). Parts that are 0 everywhere are left out. Every second part is striped, so that
    neighbours can be told without colour. Raises ValueError for other shapes.
    """
    if along.shape != (len(stages), len(parts)) or lengths.shape != (len(stages),):
        raise ValueError(
            f"Expected {len(stages)} stages × {len(parts)} parts, got shapes {along.shape} and {lengths.shape}."
        )
    series: list[dict[str, Any]] = []
    for i, part in enumerate(parts):
        if np.any(along[:, i] != 0):
            bar: dict[str, Any] = {"type": "bar", "name": part, "stack": "stream", "barCategoryGap": "12%"}
            bar["data"] = [_short(v) for v in along[:, i]]
            series.append(bar | ({"itemStyle": {"decal": STRIPES}} if i % 2 else {}))
    total = {"type": "line", "name": "stream", "symbol": "diamond", "symbolSize": 7, "z": 5}
    total |= {"lineStyle": {"color": MUTED, "type": "dashed"}, "itemStyle": {"color": MUTED}}
    series.append(total | {"data": [_short(v) for v in lengths]})
    return _plot(top=88) | {
        "legend": {"type": "scroll", "top": 28, "left": 0, "right": 8},
        "xAxis": category_axis([_brief(stage) for stage in stages], "after"),
        "yAxis": value_axis("length along the stream"),
        "series": series,
    }


def share_chart(parts: Sequence[str], lengths: np.ndarray, shares: np.ndarray) -> dict[str, Any]:
    """Two bars a part: its length, and its share of the stream's direction in %. (P,) each; else ValueError."""
    if lengths.shape != (len(parts),) or shares.shape != (len(parts),):
        raise ValueError(f"Expected {len(parts)} lengths and shares, got {lengths.shape} and {shares.shape}.")
    names = category_axis(list(parts)) | {"inverse": True, "axisLabel": {"interval": 0}}
    hidden = category_axis(list(parts), position=1) | {"inverse": True, "axisLabel": {"show": False}}
    label = {"show": True, "position": "right", "formatter": "{c}"}
    middle = {"nameLocation": "middle", "nameGap": 26}
    return base_option() | {
        "grid": [
            {"left": 8, "width": "40%", "top": 36, "bottom": 36, "containLabel": True},
            {"right": 32, "width": "42%", "top": 36, "bottom": 36, "containLabel": True},
        ],
        "xAxis": [value_axis("length", min=0) | middle, value_axis("share, %", position=1) | middle],
        "yAxis": [names, hidden | {"gridIndex": 1}],
        "series": [
            {"type": "bar", "name": "length", "data": [round(v, 2) for v in lengths.tolist()], "label": label},
            {
                "type": "bar",
                "name": "share, %",
                "xAxisIndex": 1,
                "yAxisIndex": 1,
                "itemStyle": {"decal": STRIPES},
                "data": [round(100 * v, 1) for v in shares.tolist()],
                "label": label,
            },
        ],
    }


def share_height(parts: int) -> int:
    """Pixels that `share_chart` needs for so many parts."""
    return 96 + 26 * parts


def depth_chart(lines: Mapping[str, np.ndarray], y: str, *, logarithmic: bool = True) -> dict[str, Any]:
    """One line a stack of blocks over the depth 0 … L; (L + 1,) each.

    logarithmic: a 0 is a gap; otherwise the axis ends at 1, as cosines do.
    """
    series = []
    for k, (name, values) in enumerate(lines.items()):
        points = [[i, _short(v) if v > 0 or not logarithmic else None] for i, v in enumerate(values.tolist())]
        series.append(_line(name, points, k) | {"showSymbol": True, "symbol": MARKS[k % 4], "symbolSize": 8})
    deepest = max((len(values) for values in lines.values()), default=2) - 1
    across = {"type": "value", "min": 0, "max": max(1, deepest), "minInterval": 1, "name": "after block"}
    vertical = value_axis(y, **({} if logarithmic else {"max": 1}))
    if logarithmic:
        vertical |= {"type": "log", "logBase": 10, "axisLabel": {"hideOverlap": True}}
    return _plot(top=88) | {
        "xAxis": across | {"nameLocation": "middle", "nameGap": 26},
        "yAxis": vertical,
        "series": series,
    }


def activation_chart(curves: Mapping[str, np.ndarray], x: np.ndarray, y: str, *, at: float) -> dict[str, Any]:
    """One curve a name over x; (N,) each. at: the point that is read, an upright. Raises ValueError for other shapes."""
    series = []
    for k, (name, values) in enumerate(curves.items()):
        if values.shape != x.shape:
            raise ValueError(f"Expected {x.shape} values for {name!r}, one a point, got {values.shape}.")
        series.append(_line(name, [[_short(a), _short(b)] for a, b in zip(x, values, strict=True)], k))
    if series:
        series[0]["markLine"] = {
            "symbol": "none",
            "silent": True,
            "lineStyle": {"type": "dashed", "color": MUTED},
            "label": {"formatter": f"x = {at:g}", "position": "insideEndTop", "rotate": 0},
            "data": [{"xAxis": at}],
        }
    across = {"type": "value", "min": _short(x[0]), "max": _short(x[-1]), "name": "x", "axisLine": {"onZero": False}}
    return _plot(top=88) | {
        "xAxis": across | {"nameLocation": "middle", "nameGap": 26},
        "yAxis": value_axis(y, axisLine={"onZero": False}),
        "series": series,
    }


def ladder_chart(
    titles: Sequence[str], losses: np.ndarray, train_losses: np.ndarray, published: Sequence[float | None]
) -> dict[str, Any]:
    """A rung a row: the held-out loss as a bar, the training loss and the lecture's number as marks. (R,) each.

    The axis begins a little below the lowest, so that steps of a hundredth can be seen; it says so. Raises ValueError for
    other shapes.
    """
    if losses.shape != (len(titles),) or train_losses.shape != losses.shape or len(published) != len(titles):
        raise ValueError(f"Expected {len(titles)} losses, got {losses.shape}, {train_losses.shape}, {len(published)}.")
    known = [[value, i] for i, value in enumerate(published) if value is not None]
    low = math.floor(10 * (float(min(losses.min(), train_losses.min())) - 0.02)) / 10
    return base_option() | {
        "legend": {"top": 0, "left": 0, "right": 32},
        "grid": {"left": 8, "right": 56, "top": 56, "bottom": 32, "containLabel": True},
        "xAxis": value_axis("", min=low)
        | {"name": f"nats a character; the axis begins at {low:g}", "nameLocation": "middle", "nameGap": 28},
        "yAxis": category_axis(list(titles)) | {"inverse": True, "axisLabel": {"interval": 0}},
        "series": [
            {
                "type": "bar",
                "name": "held out, measured here",
                "barWidth": "50%",
                "data": [round(v, 4) for v in losses.tolist()],
                "label": {"show": True, "position": "insideLeft", "formatter": "{c}"},
            },
            {
                "type": "scatter",
                "name": "training text",
                "symbol": "triangle",
                "symbolSize": 10,
                "data": [[round(v, 4), i] for i, v in enumerate(train_losses.tolist())],
            },
            {"type": "scatter", "name": "in the lecture", "symbol": "diamond", "symbolSize": 12, "data": known},
        ],
    }


def _plot(*, top: int) -> dict[str, Any]:
    return base_option() | {
        "tooltip": {"trigger": "axis", "axisPointer": {"type": "line"}},
        "legend": {"top": 0, "left": 0, "right": 32},
        "grid": {"left": 12, "right": 24, "top": top, "bottom": 28, "containLabel": True},
    }


def _line(name: str, points: list[Any], position: int) -> dict[str, Any]:
    kind = KINDS[position % len(KINDS)]
    return {"type": "line", "name": name, "showSymbol": False, "lineStyle": {"type": kind, "width": 2}, "data": points}


def _brief(stage: str) -> str:
    """A stage's name short enough to stand beside its neighbours: “attention 3” is “A3”."""
    kind, _, block = stage.partition(" ")
    return {"attention": f"A{block}", "feed-forward": f"F{block}"}.get(kind, stage)


def _short(value: float) -> float | None:
    """Five digits are enough for a pixel; what is not a number is a gap."""
    return float(f"{float(value):.5g}") if math.isfinite(value) else None
