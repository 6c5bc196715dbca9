"""`matrix`: one or many matrices on a canvas, with values on hover and a cell that can be chosen.

Legend: R rows, C columns of one matrix; a call may hold many, of different shapes.

Example, in a Streamlit script:

    cell = matrix(Matrix(counts, title="counts", row_labels=chars, column_labels=chars),
                  key="counts", alt="How often each letter follows each other letter")
    if cell is not None:
        st.write(f"{chars[cell.row]} then {chars[cell.column]}")
"""

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import streamlit as st

from explorer.ui.components.assets import read_assets

# Up to this many cells a call sends float32 and hover shows the exact value; above it, one byte a cell.
EXACT_CELLS = 32_768
# The byte that means "no value here"; the bytes below it are the positions on the colour ramp.
_MASKED = 255
_VALUE_FORMAT = re.compile(r"\.(\d{1,2})([fe%])")

_mount = st.components.v2.component(
    "explorer_matrix",
    html=read_assets("matrix.html"),
    css=read_assets("matrix.css"),
    js=read_assets("matrix_values.js", "matrix_layout.js", "matrix_draw.js", "matrix.js"),
)


@dataclass(frozen=True, eq=False)
class Matrix:
    """One matrix to draw, checked when it is made.

    `values` is (R, C), finite or NaN; NaN is "no value here": a quiet hatch, named by the call's
    `masked_label`. `row_labels` and `column_labels` name the rows and columns; `()` numbers them from 0.
    `note` is a short line under the matrix.
    `text` is (R, C) strings, written where the cells are large enough; one line break is allowed.
    `low` and `high` pin the colour ramp; None takes them from the data. A diverging ramp is symmetric
    around 0, whichever limit is the larger. `gamma` above 1 lifts small values, as attention needs:
    the position on the ramp is ((v - low) / (high - low)) ** (1 / gamma).

    Raises ValueError for any other shape, for infinite values, and for an empty range or gamma.

    >>> Matrix(np.eye(2), row_labels=["a"])
    Traceback (most recent call last):
    ValueError: row_labels: expected 2 labels for a (2, 2) matrix, got 1; give one a row, or ().
    """

    values: np.ndarray
    title: str = ""
    row_labels: Sequence[str] = ()
    column_labels: Sequence[str] = ()
    text: Sequence[Sequence[str]] | None = None
    scale: Literal["sequential", "diverging"] = "sequential"
    low: float | None = None
    high: float | None = None
    gamma: float = 1.0
    note: str = ""

    def __post_init__(self) -> None:
        values = np.asarray(self.values, dtype=np.float64)
        if values.ndim != 2 or 0 in values.shape:
            raise ValueError(f"values: expected rows × columns, at least 1 × 1, got shape {values.shape}.")
        if np.isinf(values).any():
            raise ValueError("values: expected finite numbers, got infinity; use NaN for a masked cell.")
        object.__setattr__(self, "values", values)
        self._check_labels("row_labels", self.row_labels, values.shape[0], "row")
        self._check_labels("column_labels", self.column_labels, values.shape[1], "column")
        if self.text is not None:
            widths = [len(row) for row in self.text]
            if widths != [values.shape[1]] * values.shape[0]:
                raise ValueError(f"text: expected a string a cell, shape {values.shape}, got rows of {widths}.")
        if self.scale not in ("sequential", "diverging"):
            raise ValueError(f"scale: expected 'sequential' or 'diverging', got {self.scale!r}.")
        if not (np.isfinite(self.gamma) and self.gamma > 0):
            raise ValueError(f"gamma: expected a number above 0, got {self.gamma}.")
        for name, limit in (("low", self.low), ("high", self.high)):
            if limit is not None and not np.isfinite(limit):
                raise ValueError(f"{name}: expected a finite number or None, got {limit}.")
        if self.low is not None and self.high is not None and self.low > self.high:
            raise ValueError(f"low, high: expected low <= high, got {self.low} > {self.high}.")

    def _check_labels(self, name: str, labels: Sequence[str], n: int, one: str) -> None:
        if len(labels) not in (0, n):
            raise ValueError(
                f"{name}: expected {n} labels for a {self.values.shape} matrix, got {len(labels)}; "
                f"give one a {one}, or ()."
            )

    def limits(self) -> tuple[float, float]:
        """The values at the two ends of the colour ramp, (low, high); (0, 1) where every cell is masked."""
        known = self.values[~np.isnan(self.values)]
        low = self.low if self.low is not None else float(known.min()) if known.size else 0.0
        high = self.high if self.high is not None else float(known.max()) if known.size else 1.0
        if self.scale == "diverging":
            reach = max(abs(low), abs(high))
            return -reach, reach
        return (low, high) if low <= high else (high, high) if self.high is not None else (low, low)

    def positions(self) -> np.ndarray:
        """Where each value lies on the colour ramp, (R, C) in 0..1, NaN where masked."""
        low, high = self.limits()
        if high <= low:
            return np.where(np.isnan(self.values), np.nan, 0.5 if self.scale == "diverging" else 0.0)
        if self.scale == "diverging":
            share = np.clip(self.values / high, -1, 1)
            return 0.5 + 0.5 * np.sign(share) * np.abs(share) ** (1 / self.gamma)
        return np.clip((self.values - low) / (high - low), 0, 1) ** (1 / self.gamma)


@dataclass(frozen=True)
class Cell:
    """One cell of a call: `matrix` counts the call's matrices, `row` and `column` its cells, all from 0."""

    matrix: int
    row: int
    column: int


def matrix(
    matrices: Matrix | Sequence[Matrix],
    *,
    key: str,
    alt: str,
    row_axis: str = "",
    column_axis: str = "",
    per_row: int | None = None,
    selected: Cell | None = None,
    value_format: str | int = ".3f",
    link: str | None = None,
    max_cell: int = 44,
    min_cell: int = 0,
    masked_label: str = "masked",
    toggles: bool = False,
) -> Cell | None:
    """Draw `matrices` in a wrapping grid and return the cell that is chosen, or None.

    A click, a tap, Enter or Space chooses a cell and reruns the script (or its fragment) once; the choice
    lasts until another one, or until the page passes another `selected` than it did at the choice, which
    the component then follows. A cell that the data no longer has comes back as `selected`, or None.

    `alt` says in a sentence what the picture shows. `row_axis` and `column_axis` name what rows and
    columns are. `per_row` fixes how many matrices stand in a row (a layer × head wall: the number of
    heads). `value_format` is the number of decimals, or ".2f", ".1%" or ".2e". Calls with the same `link`
    outline the same row and cell when either is hovered. `max_cell` and `min_cell` bound a cell's side in
    CSS pixels; what does not fit scrolls sideways inside the component. `toggles` makes the cells switches: every click
    reruns, on the chosen cell too, and the component's state counts them under "turn".

    Raises ValueError where a description above is not met.
    """
    shown = [matrices] if isinstance(matrices, Matrix) else list(matrices)
    if not shown:
        raise ValueError("matrices: expected at least one Matrix, got an empty list.")
    if per_row is not None and per_row < 1:
        raise ValueError(f"per_row: expected at least 1 matrix in a row, or None, got {per_row}.")
    if not 0 <= min_cell <= max_cell or max_cell < 1:
        raise ValueError(f"min_cell, max_cell: expected 0 <= min_cell <= max_cell pixels, got {min_cell}, {max_cell}.")
    selected = selected if _exists(selected, shown) else None
    result = _chosen(st.session_state.get(key), selected, shown)
    data = _values_payload(shown) | {
        "alt": alt,
        "name": key,
        "rowAxis": row_axis,
        "columnAxis": column_axis,
        "perRow": per_row,
        "selected": _as_list(selected),
        "current": _as_list(result),
        "format": _format_parts(value_format),
        "link": link,
        "maxCell": max_cell,
        "minCell": min_cell,
        "maskedLabel": masked_label,
        "toggles": toggles,
    }
    return _chosen(_mount(key=key, data=data, on_cell_change=lambda: None), selected, shown)


def _values_payload(shown: Sequence[Matrix]) -> dict[str, Any]:
    """The matrices as plain JSON: one base64 block of values, each distinct list of labels once."""
    exact = sum(m.values.size for m in shown) <= EXACT_CELLS
    labels: dict[tuple[str, ...], int] = {}

    def number(names: Sequence[str]) -> int | None:
        return labels.setdefault(tuple(map(str, names)), len(labels)) if len(names) else None

    described = []
    for m in shown:
        low, high = m.limits()
        described.append(
            {
                "rows": int(m.values.shape[0]),
                "columns": int(m.values.shape[1]),
                "title": str(m.title),
                "note": str(m.note),
                "rowLabels": number(m.row_labels),
                "columnLabels": number(m.column_labels),
                "text": None if m.text is None else [str(t) for row in m.text for t in row],
                "diverging": m.scale == "diverging",
                "low": float(low),
                "high": float(high),
                "gamma": float(m.gamma),
            }
        )
    block = b"".join(m.values.astype("<f4").tobytes() if exact else _bytes(m) for m in shown)
    return {
        "matrices": described,
        "labels": [list(names) for names in labels],
        "exact": exact,
        "values": base64.b64encode(block).decode("ascii"),
    }


def _bytes(m: Matrix) -> bytes:
    """One byte a cell: 0..254 along the ramp, 255 for a masked cell."""
    positions = np.rint(m.positions() * (_MASKED - 1))
    return np.where(np.isnan(positions), _MASKED, positions).astype(np.uint8).tobytes()


def _format_parts(value_format: str | int) -> list[str | int]:
    """`".3f"` or `3` as [3, "f"], the form the script reads."""
    found = _VALUE_FORMAT.fullmatch(f".{value_format}f" if isinstance(value_format, int) else value_format)
    if found is None:
        raise ValueError(f"value_format: expected decimals or one of '.3f', '.1%', '.2e', got {value_format!r}.")
    return [int(found[1]), found[2]]


def _as_list(cell: Cell | None) -> list[int] | None:
    return None if cell is None else [int(cell.matrix), int(cell.row), int(cell.column)]


def _exists(cell: Cell | None, shown: Sequence[Matrix]) -> bool:
    if cell is None or not 0 <= cell.matrix < len(shown):
        return False
    rows, columns = shown[cell.matrix].values.shape
    return 0 <= cell.row < rows and 0 <= cell.column < columns


def _chosen(state: Any, selected: Cell | None, shown: Sequence[Matrix]) -> Cell | None:
    """The visitor's choice, unless the page has since passed another `selected`.

    The script records under "of" which `selected` the page showed when the visitor chose; so no memory is
    needed here to see which of the two is newer. A state without "of" (set by a test) counts as newer.
    """
    choice = state.get("cell") if isinstance(state, Mapping) else None
    if not isinstance(choice, Mapping) or choice.get("of", _as_list(selected)) != _as_list(selected):
        return selected
    numbers = [choice.get(name) for name in ("matrix", "row", "column")]
    if not all(isinstance(n, int) for n in numbers):
        return selected
    cell = Cell(*(int(n) for n in numbers if n is not None))
    return cell if _exists(cell, shown) else selected
