"""The WaveNet's charts: its convolutions as a lattice with one tree in it, the work of both ways, where size goes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from explorer.figures.theme import MUTED, base_option, category_axis, value_axis


def lattice_chart(
    labels: Sequence[str],
    places: np.ndarray,
    levels: np.ndarray,
    lines: np.ndarray,
    *,
    in_tree: np.ndarray,
    line_in_tree: np.ndarray,
    dilations: Sequence[int],
) -> dict[str, Any]:
    """ECharts option: P points over the characters they stand above, joined by E lines, one tree drawn strongly.

    Shapes: labels S; places, levels and in_tree (P,); lines (E, 2), indices of points; line_in_tree (E,). dilations:
    of each level above the letters. Points of the tree are large, its lines thick; the others are small and
    thin. Raises ValueError where the shapes do not fit.
    """
    P, E = len(places), len(lines)
    if levels.shape != (P,) or in_tree.shape != (P,) or lines.shape != (E, 2) or line_in_tree.shape != (E,):
        raise ValueError(
            f"Expected {P} levels and marks of points and {E} marks of lines, got {levels.shape}, {in_tree.shape}, "
            f"{lines.shape} and {line_in_tree.shape}."
        )
    names = ["letters", *(f"level {i}\n{d} apart" for i, d in enumerate(dilations, 1))]
    points = [
        {
            "name": f"{names[level].splitlines()[0]} over “{labels[place]}”, place {place + 1}",
            "value": [place, level],
            "symbol": "circle",
            "symbolSize": 13 if marked else 5,
            "itemStyle": {} if marked else {"color": MUTED},
        }
        for place, level, marked in zip(places.tolist(), levels.tolist(), in_tree.tolist(), strict=True)
    ]
    links = [
        {
            "source": start,
            "target": end,
            "lineStyle": {"width": 3, "opacity": 1, "color": "source"} if marked else {"color": MUTED},
        }
        for (start, end), marked in zip(lines.tolist(), line_in_tree.tolist(), strict=True)
    ]
    axis = category_axis(list(labels), "the text, its padding first")
    axis["axisLabel"] |= {"interval": 0, "hideOverlap": False, "fontWeight": "bold"}
    heights = category_axis(names)
    heights["axisLabel"] |= {"interval": 0, "hideOverlap": False, "lineHeight": 14}
    return base_option() | {
        "tooltip": {"trigger": "item", "formatter": "{b}"},
        "grid": {"left": 70, "right": 16, "top": 36, "bottom": 48},
        "xAxis": axis | {"boundaryGap": True},
        "yAxis": heights | {"axisLine": {"show": False}, "boundaryGap": False},
        "series": [
            {
                "type": "graph",
                "coordinateSystem": "cartesian2d",
                "data": points,
                "links": links,
                "lineStyle": {"width": 1, "opacity": 0.45},
                "emphasis": {"disabled": True},
            }
        ],
    }


def work_chart(names: Sequence[str], work: dict[str, Sequence[int]], title: str) -> dict[str, Any]:
    """ECharts option: for each layer a bar a way of computing it (or a kind of net), side by side.

    work: the name of each way to a number a layer. Raises ValueError where one has not a number for every name.
    """
    for way, numbers in work.items():
        if len(numbers) != len(names):
            raise ValueError(f"{way}: expected one number for each of {len(names)} layers, got {len(numbers)}.")
    series: list[dict[str, Any]] = [
        {"type": "bar", "name": way, "data": [int(number) for number in numbers], "barGap": "10%"}
        for way, numbers in work.items()
    ]
    for bars in series[1:]:
        bars["itemStyle"] = {"decal": {"symbol": "rect", "dashArrayX": [1, 0], "dashArrayY": [3, 4], "rotation": 0.8}}
    axis = category_axis(list(names))
    axis["axisLabel"] |= {"interval": 0, "hideOverlap": False}
    return base_option() | {
        "legend": {"top": 0, "left": 0},
        "grid": {"left": 64, "right": 16, "top": 64, "bottom": 32},
        "xAxis": axis,
        "yAxis": value_axis(title, min=0),
        "series": series,
    }
