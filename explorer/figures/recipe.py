"""What each part of a recipe is worth: the loss with one idea taken back, against the whole."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from explorer.figures.theme import base_option, category_axis, value_axis


def changes_chart(titles: Sequence[str], differences: np.ndarray) -> dict[str, Any]:
    """A bar a change: how much the held-out loss rises, the mean over the seeds; a mark for each seed.

    differences: (N, S) in nats, N titles and S seeds, loss with the change minus loss of the whole recipe with the same
    seed. The costliest stands on top. Raises ValueError for other shapes.
    """
    if differences.ndim != 2 or differences.shape[0] != len(titles) or not differences.size:
        raise ValueError(f"Expected differences for each of {len(titles)} changes and a seed, got {differences.shape}.")
    order = np.argsort(-differences.mean(axis=1), kind="stable")
    means = differences.mean(axis=1)
    marks = [[round(float(v), 4), row] for row, i in enumerate(order) for v in differences[i]]
    return base_option() | {
        "legend": {"top": 0, "left": 0, "right": 32},
        "grid": {"left": 8, "right": 40, "top": 40, "bottom": 36, "containLabel": True},
        "xAxis": value_axis("")
        | {"name": "rise of the held-out loss, nats a character", "nameLocation": "middle", "nameGap": 28},
        "yAxis": category_axis([titles[i] for i in order]) | {"inverse": True, "axisLabel": {"interval": 0}},
        "series": [
            {
                "type": "bar",
                "name": "mean of the seeds",
                "barWidth": "55%",
                "data": [round(float(means[i]), 4) for i in order],
            },
            {"type": "scatter", "name": "one seed", "symbol": "diamond", "symbolSize": 9, "data": marks},
        ],
    }
