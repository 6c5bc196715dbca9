"""A network's health drawn: spreads of its layers, gradients against weights, updates over steps, depth, BatchNorm.

Lines are told apart by their dashes and by the name at their end as well as by colour. All are ECharts options.
Shapes: K bins, S steps, L layers, M trials.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from explorer.figures.theme import MUTED, base_option, category_axis, value_axis

DASHES = ("solid", "dashed", "dotted")
ROW = 22  # pixels of a mark with its name
LEAST_RATIO, MOST_RATIO = 1e-6, 1e12  # ends of the logarithmic axis of gradient:data
LOWEST_UPDATE = -8.0  # a smaller log₁₀ ratio is drawn here: −inf, no update, has no place on an axis


def spread_chart(histograms: Mapping[str, tuple[np.ndarray, np.ndarray]], x: str) -> dict[str, Any]:
    """One line a layer through the middles of its bins; edges (K + 1,) and shares of all values (K,) each.

    Raises ValueError where edges and shares do not fit.
    """
    series = []
    for i, (name, (edges, shares)) in enumerate(histograms.items()):
        if edges.shape != (len(shares) + 1,):
            raise ValueError(f"{name}: {len(shares)} bins have {len(shares) + 1} edges, got shape {edges.shape}.")
        middles = (edges[:-1] + edges[1:]) / 2
        data = [[_short(m), _short(100 * s)] for m, s in zip(middles, shares, strict=True)]
        series.append(_line(name, data, i))
    ends = [edges for edges, _ in histograms.values()]
    low, high = (min(e[0] for e in ends), max(e[-1] for e in ends)) if ends else (-1.0, 1.0)
    return _plot() | {
        "xAxis": _across(x, low, high) | {"axisLabel": {"hideOverlap": True}},
        "yAxis": value_axis("% of values", min=0, axisLine={"onZero": False}),
        "series": series,
    }


def ratio_chart(names: Sequence[str], ratios: np.ndarray) -> dict[str, Any]:
    """One mark a parameter on a logarithmic axis: std of its gradient ÷ std of its numbers; the last one, the output
    layer, a diamond. A ratio that is 0 or NaN has no mark and says so. Shapes: P names, (P,)."""
    if ratios.shape != (len(names),):
        raise ValueError(f"Expected one ratio for each of {len(names)} parameters, got {ratios.shape}.")
    points: list[dict[str, Any]] = []
    for i, ratio in enumerate(ratios.tolist()):
        known = math.isfinite(ratio) and ratio > 0
        said = f"{ratio:.1e}" if known else "no gradient" if ratio == 0 else "weights all equal"
        points.append(
            {
                "value": [min(max(ratio, LEAST_RATIO), MOST_RATIO) if known else LEAST_RATIO, i],
                "label": {"show": True, "position": "right", "formatter": said},
                "symbol": ("diamond" if i == len(names) - 1 else "rect") if known else "none",
            }
        )
    known_ratios = [r for r in ratios.tolist() if math.isfinite(r) and r > 0]
    top = 10.0 ** math.ceil(math.log10(min(max([*known_ratios, 1e-1]), MOST_RATIO)) + 1)
    return base_option() | {
        "tooltip": {"trigger": "item"},
        "grid": {"left": 8, "right": 24, "top": 32, "bottom": 8},
        "xAxis": {"type": "log", "min": LEAST_RATIO, "max": top, "name": "std of gradient ÷ std of weights"}
        | {"nameLocation": "middle", "nameGap": 26, "axisLabel": {"hideOverlap": True}},
        "yAxis": category_axis(list(names))
        | {"inverse": True, "axisLabel": {"interval": 0}, "splitLine": {"show": True}},
        "series": [{"type": "scatter", "name": "gradient : data", "data": points, "symbolSize": 13}],
    }


def ratio_height(count: int) -> int:
    """Pixels that `ratio_chart` needs for so many parameters."""
    return 96 + ROW * count


def updates_chart(
    names: Sequence[str], steps: Sequence[int], log_ratios: np.ndarray, *, total: int, at: int | None = None
) -> dict[str, Any]:
    """Lines of log₁₀(update : data) over steps, the −3 level, and the step that is looked at.

    log_ratios: (S, P) for P names; NaN is a gap, −inf is drawn at the bottom. Raises ValueError for other shapes.
    """
    if log_ratios.shape != (len(steps), len(names)):
        raise ValueError(f"Expected {len(steps)} steps × {len(names)} parameters, got {log_ratios.shape}.")
    series = [
        _line(
            name,
            [
                [step, None if math.isnan(r) else round(max(r, LOWEST_UPDATE), 3)]
                for step, r in zip(steps, column, strict=True)
            ],
            i,
        )
        for i, (name, column) in enumerate(zip(names, log_ratios.T.tolist(), strict=True))
    ]
    marks: list[dict[str, Any]] = [{"yAxis": -3, "name": "−3: a thousandth"}]
    marks += [] if at is None else [{"xAxis": at, "name": f"step {at:,}"}]
    if series:
        series[0]["markLine"] = _levels(marks)
    known = log_ratios[np.isfinite(log_ratios)]
    low = min(-5.0, math.floor(max(LOWEST_UPDATE, float(known.min())))) if known.size else -5.0
    high = max(0.0, math.ceil(float(known.max()))) if known.size else 0.0
    return _plot() | {
        "xAxis": _across("step", 0, total),
        "yAxis": value_axis("log₁₀ (std of update ÷ std of weights)", min=low, max=high, minInterval=1),
        "series": series,
    }


def depth_chart(lines: Mapping[str, np.ndarray], y: str, *, high: float | None = None) -> dict[str, Any]:
    """One line a setting over the hidden layers 1 … L; (L,) each. high: where the axis ends, if it is pinned."""
    longest = max((len(values) for values in lines.values()), default=1)
    series = [
        _line(name, [[i + 1, _short(v)] for i, v in enumerate(values)], k) | {"showSymbol": True, "symbolSize": 7}
        for k, (name, values) in enumerate(lines.items())
    ]
    across = _across("hidden layer", 1, max(2, longest)) | {"minInterval": 1}
    return _plot() | {"xAxis": across, "yAxis": value_axis(y, min=0, max=high), "series": series}


def logarithmic_depth_chart(lines: Mapping[str, np.ndarray], y: str) -> dict[str, Any]:
    """As `depth_chart` on a logarithmic axis; a value of 0 is a gap."""
    option = depth_chart(lines, y)
    for series in option["series"]:
        series["data"] = [[layer, value if value and value > 0 else None] for layer, value in series["data"]]
    option["yAxis"] = {"type": "log", "name": y, "nameTextStyle": {"align": "left"}, "axisLabel": {"hideOverlap": True}}
    return option


def arriving_chart(each: np.ndarray, running: np.ndarray, truth: float, name: str) -> dict[str, Any]:
    """A statistic of every batch as dots (S,), the running one as a line (S + 1,), and where it should arrive."""
    if running.shape != (len(each) + 1,):
        raise ValueError(f"{len(each)} batches leave {len(each) + 1} running values, got shape {running.shape}.")
    line = _line("running", [[i, _short(v)] for i, v in enumerate(running)], 0)
    line["markLine"] = _levels([{"yAxis": _short(truth), "name": f"of 4,096 windows: {truth:.3g}"}])
    dots = {"type": "scatter", "name": "of one batch", "symbolSize": 5, "symbol": "diamond"}
    dots["data"] = [[i + 1, _short(v)] for i, v in enumerate(each)]
    return _plot() | {
        "xAxis": _across("batches seen", 0, max(1, len(each))),
        "yAxis": value_axis(name, scale=True),
        "series": [line, dots],
    }


def mates_chart(training: np.ndarray, evaluation: float, y: str) -> dict[str, Any]:
    """What one unit gives for the same example in M batches (M,), and what it gives in evaluation."""
    dots: dict[str, Any] = {"type": "scatter", "name": "train mode", "symbolSize": 9, "symbol": "diamond"}
    dots["data"] = [[i + 1, _short(v)] for i, v in enumerate(training)]
    line = _line("eval mode", [[1, _short(evaluation)], [len(training), _short(evaluation)]], 0)
    return _plot() | {
        "xAxis": _across("batch: the same example, other mates", 1, max(2, len(training))) | {"minInterval": 1},
        "yAxis": value_axis(y, scale=True),
        "series": [line, dots],
    }


def _plot() -> dict[str, Any]:
    return base_option() | {
        "tooltip": {"trigger": "axis", "axisPointer": {"type": "line"}},
        "legend": {"top": 0, "left": 0, "right": 32, "itemWidth": 20, "itemGap": 8},
        "grid": {"left": 12, "right": 24, "top": 72, "bottom": 8},
    }


def _across(name: str, low: float, high: float) -> dict[str, Any]:
    return {"type": "value", "min": _short(low), "max": _short(high)} | {
        "name": name,
        "nameLocation": "middle",
        "nameGap": 28,
        "axisLine": {"onZero": False},
    }


def _line(name: str, data: list[Any], position: int) -> dict[str, Any]:
    return {
        "type": "line",
        "name": name,
        "showSymbol": False,
        "lineStyle": {"type": DASHES[position % 3], "width": 2},
        "data": data,
    }


def _levels(marks: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "symbol": "none",
        "silent": True,
        "lineStyle": {"type": "dashed", "color": MUTED},
        "label": {"position": "insideEndBottom", "formatter": "{b}"},
        "data": marks,
    }


def _short(value: float) -> float | None:
    """Five digits are enough for a pixel; what is not a number is a gap."""
    return float(f"{float(value):.5g}") if math.isfinite(value) else None
