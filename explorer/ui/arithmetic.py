"""A cell's arithmetic under its matrix: the formula with the numbers filled in, the parts, and a check."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from explorer.ui.words import literal

if TYPE_CHECKING:
    from explorer.inspection.arithmetic import CellArithmetic

ROUNDING = 1e-5  # the models compute in float32, the check in float64


def show_arithmetic(cell: CellArithmetic, *, key: str) -> None:
    """Formula, table of parts and the difference between the shown and the recomputed value."""
    with st.container(border=True, key=key):
        st.markdown(f"**{literal(cell.heading)}**")
        st.latex(cell.formula)
        parts: dict[str, list[str]] = {
            name: [value if isinstance(value, str) else _shown(value) for value in column]
            for name, column in zip(cell.columns, zip(*cell.rows, strict=True), strict=True)
        }
        st.dataframe(parts, hide_index=True, height=min(38 + 35 * len(cell.rows), 320))
        verdict = "equal" if cell.difference <= ROUNDING * max(1.0, abs(cell.recomputed)) else "NOT equal"
        st.caption(
            f"In the figure: {cell.shown:.6g}. Worked out again from these parts: {cell.recomputed:.6g}. "
            f"Difference {cell.difference:.1e}: {verdict} to rounding."
        )


def _shown(value: float) -> str:
    """Counts as whole numbers, others with four decimals."""
    return f"{value:,.0f}" if value.is_integer() else f"{value:.4f}"
