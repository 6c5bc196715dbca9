"""A gradient as a matrix with named rows and columns, and one of its cells opened: Σ local slope × upstream gradient."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from explorer.core.manual_backprop import EPSILON
from explorer.inspection.arithmetic import CellArithmetic
from explorer.inspection.manual_backprop import BackpropReading

_PER_EXAMPLE = ("maxes", "sums", "inv_sums")
_PER_UNIT = ("mu", "var", "inv_std", "gain", "bias", "b1")
_OVER_VOCABULARY = ("logits", "shifted", "counts", "probs", "logprobs")


@dataclass(frozen=True, eq=False)
class GradientMatrix:
    """values, gradients: (R, C), one tensor and its gradient as rows and columns. row_labels, column_labels: R and C
    names, () for numbers from 0. row_axis, column_axis: what they are."""

    values: np.ndarray
    gradients: np.ndarray
    row_labels: tuple[str, ...]
    column_labels: tuple[str, ...]
    row_axis: str
    column_axis: str


def as_matrix(reading: BackpropReading, name: str) -> GradientMatrix:
    """A tensor and its gradient, flattened to two dimensions where it has another number of them."""
    examples, letters = tuple(reading.examples), reading.characters
    T = reading.ids.shape[1]
    rows: tuple[str, ...] = examples
    columns: tuple[str, ...] = ()
    row_axis, column_axis = "example", "hidden unit"
    if name in _OVER_VOCABULARY:
        columns, column_axis = letters, "character"
    elif name in _PER_EXAMPLE:
        columns, column_axis = (name,), ""
    elif name in _PER_UNIT:
        rows, row_axis = (name,), ""
    elif name == "joined":
        column_axis = "number of the context"
    elif name == "W1":
        rows, row_axis = (), "number of the context"
    elif name == "W2":
        rows, row_axis, columns, column_axis = (), "hidden unit", letters, "character"
    elif name == "b2":
        rows, row_axis, columns, column_axis = ("b2",), "", letters, "character"
    elif name == "emb":
        rows = tuple(f"{example} {t + 1}" for example in examples for t in range(T))
        row_axis, column_axis = "example, place", "number of the embedding"
    elif name == "C":
        rows, row_axis, column_axis = letters, "character", "number of the embedding"
    elif name == "loss":
        rows, row_axis, columns, column_axis = ("loss",), "", ("loss",), ""
    value, gradient = reading.values[name], reading.gradients[name]
    width = value.shape[-1] if value.ndim else 1
    return GradientMatrix(value.reshape(-1, width), gradient.reshape(-1, width), rows, columns, row_axis, column_axis)


Shares = tuple[Sequence[str], Sequence[float] | np.ndarray, Sequence[float] | np.ndarray]


def open_gradient(reading: BackpropReading, name: str, row: int, column: int) -> CellArithmetic:
    """How one number of a gradient came about: every use of its tensor gives local slope × upstream gradient.

    row, column: in `as_matrix`. The sum is worked out from values and the gradients behind, not copied.
    """
    parts, slopes, upstream = _RULES[name](reading, row, column)
    slope, up = np.asarray(slopes, dtype=float), np.asarray(upstream, dtype=float)
    running = np.cumsum(slope * up)
    total = float(running[-1]) if len(running) else 0.0
    rows = [
        (part, *map(_short, numbers))
        for part, *numbers in zip(
            parts, slope.tolist(), up.tolist(), (slope * up).tolist(), running.tolist(), strict=True
        )
    ] or [("its character is nowhere in this batch", "", "", _short(0.0), _short(0.0))]
    matrix = as_matrix(reading, name)
    where = [
        str(labels[i]) if labels else str(i) for labels, i in ((matrix.row_labels, row), (matrix.column_labels, column))
    ]
    first = " + ".join(rf"({_latex(a)})({_latex(b)})" for a, b in zip(slope[:2].tolist(), up[:2].tolist(), strict=True))
    dots = r" + \dots" if len(slope) > 2 else ""
    return CellArithmetic(
        f"∂loss/∂{name}, {' and '.join(where)}: each use of it, local slope × upstream gradient",
        rf"\begin{{aligned}}&{first or '0'} \\ &{dots} = {_latex(total)}\end{{aligned}}",
        ("through", "local slope", "upstream", "product", "running sum"),
        tuple(rows),
        float(matrix.gradients[row, column]),
        total,
    )


def _short(value: float) -> str:
    return f"{value:.4g}".replace("-", "−")


def _latex(value: float) -> str:
    digits, _, exponent = f"{value:.4g}".partition("e")
    return rf"{digits} \cdot 10^{{{int(exponent)}}}" if exponent else digits


def _ones(like: np.ndarray) -> np.ndarray:
    return np.ones(len(like))


def _is_target(r: BackpropReading, i: int, j: int) -> float:
    return float(r.targets[i] == j)


def _places(r: BackpropReading, i: int, j: int) -> Shares:
    """Every place of the batch where character i stands."""
    T, d = r.ids.shape[1], r.values["C"].shape[1]
    found = np.flatnonzero(r.ids.ravel() == i)
    labels = [f"{r.examples[k // T]} {k % T + 1}" for k in found]
    return labels, np.ones(len(found)), r.gradients["emb"].reshape(-1, d)[found, j]


def _from_joined(r: BackpropReading, i: int, j: int) -> Shares:
    T, d = r.ids.shape[1], r.values["C"].shape[1]
    return ["joined"], [1.0], [r.gradients["joined"][i // T, (i % T) * d + j]]


def _units(r: BackpropReading) -> list[str]:
    return [f"unit {k}" for k in range(r.values["h"].shape[1])]


# Per tensor: the uses of its number [i, j], the local slope of each, and the gradient of what it was used in.
_RULES: dict[str, Callable[[BackpropReading, int, int], Shares]] = {
    "loss": lambda _r, _i, _j: (["itself"], [1.0], [1.0]),
    "logprobs": lambda r, i, j: (["loss"], [-_is_target(r, i, j) / r.n], [1.0]),
    "probs": lambda r, i, j: (["logprobs"], [1 / r.values["probs"][i, j]], [r.gradients["logprobs"][i, j]]),
    "inv_sums": lambda r, i, _j: (r.characters, r.values["counts"][i], r.gradients["probs"][i]),
    "sums": lambda r, i, _j: (["inv_sums"], [-(r.values["sums"][i, 0] ** -2)], [r.gradients["inv_sums"][i, 0]]),
    "counts": lambda r, i, j: (
        ["probs", "sums"],
        [r.values["inv_sums"][i, 0], 1.0],
        [r.gradients["probs"][i, j], r.gradients["sums"][i, 0]],
    ),
    "shifted": lambda r, i, j: (["counts"], [r.values["counts"][i, j]], [r.gradients["counts"][i, j]]),
    "maxes": lambda r, i, _j: (r.characters, -_ones(r.gradients["shifted"][i]), r.gradients["shifted"][i]),
    "logits": lambda r, i, j: (
        ["shifted", "maxes"],
        [1.0, float(r.values["logits"][i].argmax() == j)],
        [r.gradients["shifted"][i, j], r.gradients["maxes"][i, 0]],
    ),
    "h": lambda r, i, j: (r.characters, r.values["W2"][j], r.gradients["logits"][i]),
    "W2": lambda r, i, j: (r.examples, r.values["h"][:, i], r.gradients["logits"][:, j]),
    "b2": lambda r, _i, j: (r.examples, _ones(r.ids), r.gradients["logits"][:, j]),
    "scaled": lambda r, i, j: (["h"], [1 - r.values["h"][i, j] ** 2], [r.gradients["h"][i, j]]),
    "gain": lambda r, _i, j: (r.examples, r.values["normed"][:, j], r.gradients["scaled"][:, j]),
    "bias": lambda r, _i, j: (r.examples, _ones(r.ids), r.gradients["scaled"][:, j]),
    "normed": lambda r, i, j: (["scaled"], [r.values["gain"][0, j]], [r.gradients["scaled"][i, j]]),
    "inv_std": lambda r, _i, j: (r.examples, r.values["centred"][:, j], r.gradients["normed"][:, j]),
    "var": lambda r, _i, j: (
        ["inv_std"],
        [-0.5 * (r.values["var"][0, j] + EPSILON) ** -1.5],
        [r.gradients["inv_std"][0, j]],
    ),
    "squared": lambda r, _i, j: (["var"], [1 / (r.n - 1)], [r.gradients["var"][0, j]]),
    "centred": lambda r, i, j: (
        ["normed", "squared"],
        [r.values["inv_std"][0, j], 2 * r.values["centred"][i, j]],
        [r.gradients["normed"][i, j], r.gradients["squared"][i, j]],
    ),
    "mu": lambda r, _i, j: (r.examples, -_ones(r.ids), r.gradients["centred"][:, j]),
    "pre": lambda r, i, j: (
        ["centred", "mu"],
        [1.0, 1 / r.n],
        [r.gradients["centred"][i, j], r.gradients["mu"][0, j]],
    ),
    "joined": lambda r, i, j: (_units(r), r.values["W1"][j], r.gradients["pre"][i]),
    "W1": lambda r, i, j: (r.examples, r.values["joined"][:, i], r.gradients["pre"][:, j]),
    "b1": lambda r, _i, j: (r.examples, _ones(r.ids), r.gradients["pre"][:, j]),
    "emb": _from_joined,
    "C": _places,
}
