"""A matrix cell opened to its arithmetic: the numbers it was made of, the sum as it runs, the formula filled in.

Every reading here carries two values: `shown`, the number read from the model, and `recomputed`, the same worked out
again from the parts listed. The page prints both, so that a visitor can check us.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class CellArithmetic:
    """How one cell came about.

    heading: which cell, in words. formula: LaTeX with the numbers filled in. columns, rows: a table of the parts, one
    row a part, the last column a running sum where there is one. shown: the cell's value in the figure.
    recomputed: the value worked out from the parts, in float64.
    """

    heading: str
    formula: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str | float, ...], ...]
    shown: float
    recomputed: float

    @property
    def difference(self) -> float:
        """|shown − recomputed|; 0 where both are the same infinity."""
        return 0.0 if self.shown == self.recomputed else abs(self.shown - self.recomputed)


def number(value: float) -> str:
    """A number as a formula shows it: four decimals, minus infinity as a symbol.

    >>> number(-1.5), number(-math.inf)
    ('-1.5000', '-\\\\infty')
    """
    if math.isinf(value):
        return r"-\infty" if value < 0 else r"\infty"
    return f"{value:.4f}"


def dot_product(
    left: np.ndarray, right: np.ndarray, *, shown: float, heading: str, names: tuple[str, str], symbol: str
) -> CellArithmetic:
    """Σ left·right term by term; both (d,)."""
    left, right = left.astype(float), right.astype(float)
    products = left * right
    running = products.cumsum()
    rows = tuple(
        (str(i), *values)
        for i, values in enumerate(zip(left.tolist(), right.tolist(), products.tolist(), running.tolist(), strict=True))
    )
    first = " + ".join(rf"({number(a)} \cdot {number(b)})" for a, b in zip(left[:2], right[:2], strict=True))
    dots = r" + \dots" if len(left) > 2 else ""
    return CellArithmetic(
        heading,
        rf"{symbol} = \sum_{{c=1}}^{{{len(left)}}} = {first}{dots} = {number(float(running[-1]))}",
        ("channel", *names, "product", "running sum"),
        rows,
        shown,
        float(running[-1]),
    )


def division(
    top: float, bottom: float, *, shown: float, heading: str, names: tuple[str, str], symbol: str
) -> CellArithmetic:
    """top ÷ bottom."""
    value = top / bottom
    return CellArithmetic(
        heading,
        rf"{symbol} = \frac{{{_plain(top)}}}{{{_plain(bottom)}}} = {number(value)}",
        ("part", "value"),
        ((names[0], top), (names[1], bottom), ("quotient", value)),
        shown,
        value,
    )


def softmax_cell(row: np.ndarray, column: int, labels: Sequence[str], *, shown: float, heading: str) -> CellArithmetic:
    """exp(x − largest) of the cell over the sum of it along the row; −∞ entries are masked and left out."""
    open_cells = [i for i, value in enumerate(row) if np.isfinite(value)]
    largest = max(float(row[i]) for i in open_cells)
    exponents = {i: math.exp(float(row[i]) - largest) for i in open_cells}
    total = sum(exponents.values())
    running, rows = 0.0, []
    for i in open_cells:
        running += exponents[i]
        rows.append((f"{i} {labels[i]}", float(row[i]), exponents[i], running))
    top = exponents.get(column, 0.0)
    value = float(row[column])
    return CellArithmetic(
        heading,
        rf"\frac{{e^{{{number(value)} {-largest:+.4f}}}}}{{\sum_j e^{{s_j {-largest:+.4f}}}}} = "
        rf"\frac{{{number(top)}}}{{{number(total)}}} = {number(top / total)}",
        ("key", "score", "exp(score − largest)", "running sum"),
        tuple(rows),
        shown,
        top / total,
    )


def _plain(value: float) -> str:
    """Whole numbers without decimals, others with four."""
    return f"{value:.0f}" if float(value).is_integer() else number(value)
