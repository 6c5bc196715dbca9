"""Byte-pair encoding drawn: what merges buy, and what they cost."""

from __future__ import annotations

from typing import Any

import numpy as np

from explorer.figures.theme import MUTED, base_option, value_axis


def compression_chart(
    merges: np.ndarray, learned_from: np.ndarray, held_out: np.ndarray, table: np.ndarray
) -> dict[str, Any]:
    """ECharts option: bytes per token against the number of merges, above the size of the embedding table they cost.

    Shapes: all (n,), merges rising. learned_from and held_out are bytes per token of the two parts of the text; NaN is
    left out of the line. table is the number of learned numbers in the table of token vectors.
    Raises ValueError for other shapes.
    """
    shapes = {merges.shape, learned_from.shape, held_out.shape, table.shape}
    if len(shapes) != 1 or merges.ndim != 1 or len(merges) == 0:
        raise ValueError(f"Expected four rows of one length, at least 1, got shapes {sorted(shapes)}.")
    last = int(merges[-1])
    axis: dict[str, Any] = {"type": "value", "min": 0, "max": last, "axisLabel": {"hideOverlap": True}}
    named = {"name": "merges", "nameLocation": "middle", "nameGap": 28}
    return base_option() | {
        "tooltip": {"trigger": "axis", "axisPointer": {"type": "line"}},
        "axisPointer": {"link": [{"xAxisIndex": "all"}]},
        "legend": {"top": 0, "left": 0, "itemWidth": 32},
        "grid": [
            {"left": 62, "right": 24, "top": 72, "height": 150},
            {"left": 62, "right": 24, "top": 272, "height": 90},
        ],
        "xAxis": [axis | {"gridIndex": 0, "axisLabel": {"show": False}}, axis | {"gridIndex": 1} | named],
        "yAxis": [
            value_axis("bytes per token", min=0),
            value_axis("numbers in the token table", position=1, min=0),
        ],
        "series": [
            _line("held-out text", merges, held_out, 0, {"width": 2.5}),
            _line("the text learned from", merges, learned_from, 0, {"type": "dashed", "width": 2}),
            _line("token table", merges, table, 1, {"type": "dotted", "width": 2.5, "color": MUTED}),
        ],
    }


def _line(name: str, x: np.ndarray, y: np.ndarray, grid: int, style: dict[str, Any]) -> dict[str, Any]:
    known = ~np.isnan(y.astype(float))
    points = [[int(a), round(float(b), 4)] for a, b in zip(x[known], y[known], strict=True)]
    colour = {"itemStyle": {"color": style["color"]}} if "color" in style else {}
    return {
        "type": "line",
        "name": name,
        "xAxisIndex": grid,
        "yAxisIndex": grid,
        "showSymbol": True,
        "symbolSize": 5,
        "lineStyle": style,
        "data": points,
        **colour,
    }
