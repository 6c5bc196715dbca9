"""A run seen through its snapshots: losses and head scores, side by side with one cursor.

Snapshots lie evenly on a logarithmic scale of steps, so the axis is theirs: one place a snapshot, labelled by its step. That
also gives step 0 a place, which a logarithm has not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from explorer.figures.theme import MUTED, base_option, category_axis, value_axis

LINES = ("solid", "dashed", "dotted")  # the dash of a layer's heads, in order
_GAP, _FOOT = 40, 48  # pixels between panels, and under the last
_LOSSES_HEAD, _LOSSES_PANEL = 74, 110  # the legend may need two rows
_SCORES_HEAD, _SCORES_PANEL = 30, 92
LOSSES_HEIGHT = _LOSSES_HEAD + 2 * _LOSSES_PANEL + _GAP + _FOOT
SCORES_HEIGHT = _SCORES_HEAD + 3 * _SCORES_PANEL + 2 * _GAP + _FOOT


def learning_losses_chart(
    steps: Sequence[int],
    losses: Mapping[str, Sequence[float]],
    copying: Mapping[str, Sequence[float]],
    *,
    even: float,
    cursor: int,
) -> dict[str, Any]:
    """ECharts option: above, the losses on the run's own text; below, those on random tokens said twice.

    losses, copying: S numbers by name, nats a token. even: ln V, a dashed level in the lower panel. cursor: the number
    of the snapshot on show. Raises ValueError for other lengths, or a cursor that is no snapshot.
    """
    _check(steps, cursor, [*losses.values(), *copying.values()])
    panels = [("own text: loss (nats)", losses), ("random tokens: loss (nats)", copying)]
    series = []
    for panel, (_, lines) in enumerate(panels):
        for i, (name, values) in enumerate(lines.items()):
            series.append(_line(name, values, panel) | {"lineStyle": {"type": LINES[i % len(LINES)], "width": 2}})
    level = {"yAxis": round(even, 4), "name": f"no preference {even:.2f}"}
    series[len(losses)]["markLine"] = {
        "symbol": "none",
        "silent": True,
        "lineStyle": {"type": "dashed", "color": MUTED},
        "label": {"position": "insideStartBottom", "formatter": "{b}"},
        "data": [level],
    }
    titles = [title for title, _ in panels]
    option = _panels(steps, titles, series, cursor, (_LOSSES_HEAD, _LOSSES_PANEL), {"min": 0})
    names = [*losses, *copying]
    return option | {"legend": {"top": 0, "left": 0, "right": 36, "itemWidth": 18, "itemGap": 8, "data": names}}


def learning_scores_chart(
    steps: Sequence[int], scores: Mapping[str, np.ndarray], *, cursor: int, named_from: float
) -> dict[str, Any]:
    """ECharts option: a panel a behaviour, a line a head, from 0 to 1.

    scores: (S, L, H) by the behaviour's title. Heads that reach `named_from` in a panel are coloured there and named at the
    line's end as layer.head; the others are thin and grey. Raises ValueError for other shapes.
    """
    shapes = {values.shape for values in scores.values()}
    if len(shapes) != 1 or len(next(iter(shapes))) != 3:
        raise ValueError(f"Expected scores of one shape, snapshots × layers × heads, got {sorted(shapes)}.")
    _check(steps, cursor, list(scores.values()))
    series = []
    for panel, values in enumerate(scores.values()):
        for layer in range(values.shape[1]):
            for head in range(values.shape[2]):
                series.append(_head_line(values[:, layer, head], layer, head, panel, named_from))
    limits = {"min": 0, "max": 1, "interval": 0.5}
    return _panels(
        steps, [f"{title} (share)" for title in scores], series, cursor, (_SCORES_HEAD, _SCORES_PANEL), limits
    )


def _head_line(values: np.ndarray, layer: int, head: int, panel: int, named_from: float) -> dict[str, Any]:
    name = f"{layer}.{head}"
    line = _line(f"head {name}", values.tolist(), panel) | {"showSymbol": len(values) == 1}
    if np.nanmax(values, initial=0.0) < named_from:
        return line | {"lineStyle": {"width": 1, "color": MUTED, "opacity": 0.6}, "itemStyle": {"color": MUTED}}
    return line | {
        "z": 4,
        "lineStyle": {"width": 2.5, "type": LINES[layer % len(LINES)]},
        "endLabel": {"show": True, "formatter": name, "color": "inherit", "fontWeight": "bold"},
        "labelLayout": {"moveOverlap": "shiftY"},
    }


def _line(name: str, values: Sequence[float], panel: int) -> dict[str, Any]:
    return {
        "type": "line",
        "name": name,
        "xAxisIndex": panel,
        "yAxisIndex": panel,
        "symbolSize": 5,
        "data": [None if np.isnan(value) else round(float(value), 4) for value in values],
    }


def _panels(
    steps: Sequence[int],
    titles: Sequence[str],
    series: list[dict[str, Any]],
    cursor: int,
    heights: tuple[int, int],
    limits: dict[str, Any],
) -> dict[str, Any]:
    """Panels above each other, an upright line through all of them at the cursor. heights: above the first, and of each."""
    head, panel = heights
    n = len(titles)
    labels = [f"{step:,}" for step in steps]
    grids = [{"left": 40, "right": 40, "top": head + i * (panel + _GAP), "height": panel} for i in range(n)]
    marks = [
        {
            "type": "line",
            "name": "snapshot",
            "xAxisIndex": panel,
            "yAxisIndex": panel,
            "data": [],
            "silent": True,
            "markLine": {
                "symbol": "none",
                "silent": True,
                "lineStyle": {"type": "solid", "width": 2, "color": MUTED},
                "label": {"show": False},
                "data": [{"xAxis": cursor}],
            },
        }
        for panel in range(n)
    ]
    return base_option() | {
        "tooltip": {"trigger": "axis", "axisPointer": {"type": "line"}, "order": "valueDesc"},
        "axisPointer": {"link": [{"xAxisIndex": "all"}]},
        "grid": grids,
        "xAxis": [_step_axis(labels, i, is_last=i == n - 1) for i in range(n)],
        "yAxis": [value_axis(title, position=i, **limits) for i, title in enumerate(titles)],
        "series": series + marks,
    }


def _step_axis(labels: list[str], panel: int, *, is_last: bool) -> dict[str, Any]:
    axis = category_axis(labels, "step" if is_last else "", show_labels=is_last, position=panel)
    return axis | {"axisLabel": axis["axisLabel"] | {"showMinLabel": is_last, "showMaxLabel": is_last}}


def _check(steps: Sequence[int], cursor: int, lines: Sequence[Any]) -> None:
    if any(len(line) != len(steps) for line in lines):
        raise ValueError(f"Expected a value for each of {len(steps)} snapshots, got {[len(line) for line in lines]}.")
    if not 0 <= cursor < len(steps):
        raise ValueError(f"The cursor must be one of {len(steps)} snapshots, counted from 0; got {cursor}.")
