"""Where the steps of the MLP stand in its graph, how one example pulls on its logits, and two losses that lie upon
each other.

Legend: V characters.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from explorer.figures.loss import loss_chart
from explorer.figures.theme import STRIPES, base_option, category_axis, value_axis

COLUMNS = 7
# Band, column and lane of every tensor. The middle lane is the way through; what is made aside stands above it, what
# is learned or given below.
PLACES: dict[str, tuple[int, int, int]] = {
    "ids": (0, 0, 0),
    "C": (0, 0, 2),
    "emb": (0, 0, 1),
    "joined": (0, 1, 1),
    "W1": (0, 1, 2),
    "b1": (0, 2, 2),
    "pre": (0, 2, 1),
    "mu": (0, 2, 0),
    "centred": (0, 3, 1),
    "squared": (0, 3, 0),
    "var": (0, 4, 0),
    "inv_std": (0, 5, 0),
    "normed": (0, 5, 1),
    "gain": (0, 5, 2),
    "bias": (0, 6, 2),
    "scaled": (0, 6, 1),
    "h": (1, 0, 1),
    "W2": (1, 0, 2),
    "b2": (1, 1, 2),
    "logits": (1, 1, 1),
    "maxes": (1, 1, 0),
    "shifted": (1, 2, 1),
    "counts": (1, 3, 1),
    "sums": (1, 3, 0),
    "inv_sums": (1, 4, 0),
    "probs": (1, 4, 1),
    "logprobs": (1, 5, 1),
    "targets": (1, 6, 2),
    "loss": (1, 6, 1),
}
EDGES: tuple[tuple[str, str], ...] = (
    ("ids", "emb"),
    ("C", "emb"),
    ("emb", "joined"),
    ("joined", "pre"),
    ("W1", "pre"),
    ("b1", "pre"),
    ("pre", "mu"),
    ("pre", "centred"),
    ("mu", "centred"),
    ("centred", "squared"),
    ("squared", "var"),
    ("var", "inv_std"),
    ("centred", "normed"),
    ("inv_std", "normed"),
    ("normed", "scaled"),
    ("gain", "scaled"),
    ("bias", "scaled"),
    ("scaled", "h"),
    ("h", "logits"),
    ("W2", "logits"),
    ("b2", "logits"),
    ("logits", "maxes"),
    ("logits", "shifted"),
    ("maxes", "shifted"),
    ("shifted", "counts"),
    ("counts", "sums"),
    ("sums", "inv_sums"),
    ("counts", "probs"),
    ("inv_sums", "probs"),
    ("probs", "logprobs"),
    ("logprobs", "loss"),
    ("targets", "loss"),
)


def pull_chart(probabilities: np.ndarray, target: int, labels: Sequence[str]) -> dict[str, Any]:
    """ECharts option: how descent pulls on the logits of one example, minus (p − one-hot), a bar a character.

    Down for every character by its probability, up for the target by what it lacks to 1 (striped). The bars sum to 0.
    Shapes: probabilities (V,). Raises ValueError where labels or target do not fit.
    """
    if probabilities.shape != (len(labels),) or not 0 <= target < len(labels):
        raise ValueError(f"Expected a probability for each of {len(labels)} labels, got {probabilities.shape}.")
    pull = -probabilities.copy()
    pull[target] += 1
    bars = [
        {"value": round(float(value), 5)}
        | ({"itemStyle": {"decal": STRIPES | {"color": "rgba(255,255,255,.6)"}}} if i == target else {})
        for i, value in enumerate(pull)
    ]
    return base_option() | {
        "grid": {"left": 52, "right": 12, "top": 36, "bottom": 44},
        "xAxis": category_axis(list(labels), "character (striped: the true one)") | {"axisLine": {"onZero": False}},
        "yAxis": value_axis("pull on the logit", min=-0.5 if pull.min() >= -0.5 else -1, max=1),
        "series": [{"type": "bar", "name": "pull", "data": bars, "barCategoryGap": "20%"}],
    }


def twin_losses_chart(
    by_hand: Sequence[tuple[int, float]], by_autograd: Sequence[tuple[int, float]], uniform: float, *, steps: int
) -> dict[str, Any]:
    """ECharts option: the loss of the net trained by hand, wide and pale, and upon it that of its twin, thin and dashed.

    by_hand, by_autograd: (step, loss in nats); the second may be empty. uniform: ln V, the level of no preference.
    """
    curves = {"gradients by hand": by_hand} | ({"autograd": by_autograd} if by_autograd else {})
    chart = loss_chart(curves, {"no preference: ln V": uniform}, steps=steps)
    chart["series"][0]["lineStyle"] = {"width": 6, "opacity": 0.45}
    for twin in chart["series"][1:]:
        twin["lineStyle"] = {"width": 1.6, "type": [6, 4]}
        twin["z"] = 3
    return chart
