"""The first neurons drawn: the x₁, x₂ plane with its points and lines, mistakes by round, Hebb's length against Oja's.

Shapes: N points of the plane, S steps.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from explorer.figures.theme import MUTED, STRIPES, base_option, category_axis, value_axis

SQUARE = 290  # pixels: planes are drawn as squares, so that angles are true, and fit a phone
HEIGHT = SQUARE + 120
# Longer arrows leave the frame anyway; the browser need not follow them to 10⁹.
FAR = 1e3


def plane_chart(
    points: np.ndarray,
    targets: np.ndarray,
    *,
    low: float,
    high: float,
    dots: np.ndarray,
    lines: Sequence[tuple[str, np.ndarray]],
    wrong: np.ndarray,
    looked_at: int | None = None,
    size: int = 20,
) -> dict[str, Any]:
    """ECharts option: points by target (1 a disc, 0 a diamond), dots where the unit fires, threshold lines.

    Shapes: points (N, 2), targets (N,) of 0 and 1, wrong (N,) yes or no: these get a frame and a cross. dots (M, 2).
    lines: (name, (2, 2) ends); every second name is dashed. looked_at: a point to ring. size: of a point, in pixels.
    The square low … high stays put whatever moves in it. Raises ValueError for other shapes.
    """
    if points.ndim != 2 or points.shape[1] != 2 or targets.shape != wrong.shape or len(points) != len(targets):
        raise ValueError(
            f"Expected points (N, 2) with N targets and N marks, got {points.shape}, {targets.shape}, {wrong.shape}."
        )
    ring = [] if looked_at is None else [looked_at]
    series = [
        _scatter("target 1", points[targets == 1], "circle", size),
        _scatter("target 0", points[targets == 0], "diamond", size + 4),
        _scatter("wrong", points[wrong.astype(bool)], "rect", size + 10)
        | {"itemStyle": _FRAME, "label": _CROSS | {"fontSize": max(12, size - 4)}, "z": 5},
        _scatter("unit fires", dots, "rect", 3)
        | {"itemStyle": {"color": MUTED, "opacity": 0.6}, "silent": True, "z": 1},
        *_lines(lines),
    ]
    if looked_at is not None:
        series.append(_scatter("looked at", points[ring], "circle", size + 16) | {"itemStyle": _RING, "z": 4})
    return _square(low, high) | {"series": series}


def stream_chart(patterns: np.ndarray, component: np.ndarray, hebb: np.ndarray, oja: np.ndarray) -> dict[str, Any]:
    """ECharts option: the patterns (N, 2), the line of their first principal component (2,), and the weights by each
    rule (2,) as arrows from 0. Hebb's arrow soon leaves the frame."""
    reach = 2 * float(np.ceil(np.abs(patterns).max() / 2))
    far = 2 * reach * component
    return _square(-reach, reach) | {
        "series": [
            _scatter("patterns", patterns, "circle", 4)
            | {"itemStyle": {"color": MUTED, "opacity": 0.7}, "silent": True},
            _segment("first principal component", np.stack([-far, far]), "dotted"),
            _segment("Hebb’s w", np.stack([np.zeros(2), _shortened(hebb)]), "dashed", arrow=True),
            _segment("Oja’s w", np.stack([np.zeros(2), _shortened(oja)]), "solid", arrow=True),
        ]
    }


def mistakes_chart(by_round: Sequence[int], *, rounds: int, points: int) -> dict[str, Any]:
    """ECharts option: one bar a round, its mistakes; the last, in hand or final, is striped. Axes are pinned to `rounds`
    and `points`, the most that a round can hold."""
    bars: list[dict[str, Any]] = [{"value": count} for count in by_round]
    if bars:
        bars[-1]["itemStyle"] = {"decal": STRIPES}
    return base_option() | {
        "grid": {"left": 44, "right": 16, "top": 44, "bottom": 48},
        "xAxis": category_axis([str(i + 1) for i in range(rounds)], "round through all points"),
        "yAxis": value_axis("mistakes", min=0, max=points, minInterval=1),
        "series": [{"type": "bar", "name": "mistakes", "data": bars, "barCategoryGap": "20%"}],
    }


def length_chart(hebb: Sequence[tuple[int, float]], oja: Sequence[tuple[int, float]], *, steps: int) -> dict[str, Any]:
    """ECharts option: the length of the weights by step under each rule, on a logarithmic axis, with a level at 1."""
    return base_option() | {
        "tooltip": {"trigger": "axis", "axisPointer": {"type": "line"}},
        "legend": {"top": 0, "left": 0},
        "grid": {"left": 56, "right": 24, "top": 64, "bottom": 48},
        "xAxis": {"type": "value", "min": 0, "max": steps, "name": "step", "nameLocation": "middle", "nameGap": 28},
        "yAxis": value_axis("length |w|", min=0.1, max=1e10) | {"type": "log"},
        "series": [
            _curve("Hebb", hebb, "dashed"),
            _curve("Oja", oja, "solid")
            | {
                "markLine": {
                    "symbol": "none",
                    "silent": True,
                    "lineStyle": {"type": "dotted", "color": MUTED},
                    "label": {"position": "insideEndTop", "formatter": "length 1"},
                    "data": [{"yAxis": 1}],
                }
            },
        ],
    }


_FRAME = {"color": "transparent", "borderWidth": 2, "borderColor": MUTED}
_CROSS = {"show": True, "formatter": "✗", "position": "right", "fontWeight": "bold"}
_RING = {"color": "transparent", "borderWidth": 2, "borderType": "dotted", "borderColor": MUTED}


def _square(low: float, high: float) -> dict[str, Any]:
    axis = {"type": "value", "min": low, "max": high, "interval": (high - low) / 4, "nameLocation": "middle"}
    return base_option() | {
        "tooltip": {"trigger": "item"},
        "legend": {"top": 0, "left": 0, "right": 32},
        "grid": {"left": 44, "top": 70, "width": SQUARE, "height": SQUARE, "outerBoundsMode": "none"},
        "xAxis": axis | {"name": "x₁", "nameGap": 26},
        "yAxis": axis | {"name": "x₂", "nameGap": 28},
    }


def _scatter(name: str, points: np.ndarray, symbol: str, size: int) -> dict[str, Any]:
    data = np.round(points, 4).tolist()
    return {"type": "scatter", "name": name, "data": data, "symbol": symbol, "symbolSize": size, "clip": True}


def _lines(lines: Sequence[tuple[str, np.ndarray]]) -> list[dict[str, Any]]:
    names = list(dict.fromkeys(name for name, _ in lines))
    return [_segment(name, ends, "dashed" if names.index(name) % 2 else "solid") for name, ends in lines]


def _segment(name: str, ends: np.ndarray, dash: str, *, arrow: bool = False) -> dict[str, Any]:
    return {
        "type": "line",
        "name": name,
        "data": np.round(ends, 4).tolist(),
        "symbol": "circle" if arrow else "none",
        "symbolSize": 9,
        "lineStyle": {"type": dash, "width": 3},
        "z": 3,
    }


def _shortened(weights: np.ndarray) -> np.ndarray:
    length = float(np.linalg.norm(weights))
    return weights * (FAR / length) if length > FAR else weights


def _curve(name: str, points: Sequence[tuple[int, float]], dash: str) -> dict[str, Any]:
    data = [[step, float(f"{length:.4g}")] for step, length in points]
    return {"type": "line", "name": name, "showSymbol": False, "lineStyle": {"type": dash, "width": 2}, "data": data}
