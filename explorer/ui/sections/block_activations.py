"""GELU beside its relatives, with their slopes."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from explorer.figures.block import activation_chart
from explorer.inspection.block_activations import RELATIVES, read_activations
from explorer.ui.state import KEPT

REACH = 5.0
POINTS = np.linspace(-REACH, REACH, 401)


def show_activations(shown: dict[str, Any]) -> None:
    """Curves of the chosen ones, their slopes, and both at one point."""
    st.markdown(
        "Between its two matrices the feed-forward layer bends every number by itself; without the bend the two matrices "
        "would be one. The slope decides how much of a gradient comes back: where it is 0, nothing is learned."
    )
    names = st.pills(
        "Activations",
        list(RELATIVES),
        selection_mode="multi",
        default=["GELU", "ReLU", "tanh"],
        key="block_curves",
        **KEPT,
    )
    at = float(st.slider("x: the point that is read", -REACH, REACH, -0.75, 0.05, key="block_x", **KEPT))
    chosen = tuple(name for name in RELATIVES if name in (names or ()))
    if not chosen:
        st.info("Choose at least one activation.", icon=":material/info:")
        return
    readings = shown["activations"] = read_activations(chosen, POINTS)
    for column, (y, curves) in zip(
        st.columns(2, gap="medium"),
        (("value", {r.name: r.value for r in readings}), ("slope", {r.name: r.slope for r in readings})),
        strict=True,
    ):
        with column:
            st.echarts_chart(
                activation_chart(curves, POINTS, y, at=at),
                height=340,
                key=f"block_{y}",
                alt=f"The {y} of {', '.join(chosen)} from −5 to 5",
            )
    here = read_activations(chosen, np.array([at]))
    st.dataframe(
        {
            "activation": [r.name for r in here],
            f"value at {at:g}": [f"{r.value[0]:.4f}" for r in here],
            f"slope at {at:g}": [f"{r.slope[0]:.4f}" for r in here],
            "lowest value": [f"{r.value.min():.3f} at x = {r.x[r.value.argmin()]:.2f}" for r in readings],
            "largest slope": [f"{r.slope.max():.3f} at x = {r.x[r.slope.argmax()]:.2f}" for r in readings],
        },
        hide_index=True,
    )
    for name in chosen:
        st.latex(rf"\text{{{name}}}:\quad {RELATIVES[name].formula}")
        st.latex(rf"\text{{slope}}:\quad {RELATIVES[name].slope_formula}")


def activation_rows(shown: dict[str, Any]) -> list[tuple[Any, ...]]:
    """One row a curve and point."""
    return [
        (r.name, float(x), float(v), float(s))
        for r in shown.get("activations", ())
        for x, v, s in zip(r.x, r.value, r.slope, strict=True)
    ]
