"""The first neurons page's parts on Hebb: pictures stored in a weight matrix, and Oja's cure for weights that grow."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import numpy as np
import streamlit as st

from explorer.figures.neurons import HEIGHT, length_chart, stream_chart
from explorer.inspection.neurons import (
    PICTURES,
    SIDE,
    HebbReading,
    angle_between,
    cell_name,
    left_part,
    open_weight,
    principal_component,
    read_hebb,
    read_picture,
)
from explorer.training.neurons import HEBB_LIMIT, StreamConfig, StreamProgress, follow_stream, stream_patterns
from explorer.ui import frame
from explorer.ui.arithmetic import show_arithmetic
from explorer.ui.components.matrix import Cell, Matrix, matrix
from explorer.ui.job_panel import JobView, training_panel
from explorer.ui.state import KEPT, cell_in_address, remember_cell, text_box

OWN = "own"
STORED_FIRST = ("T", "X", "O")


def show_storing(shown: dict[str, Any]) -> None:
    """Click pictures to store them; the weight matrix, left in shown["hebb"], one weight's arithmetic, and what half a
    picture recalls."""
    shown.pop("hebb", None)
    st.html(_picture_style())
    with st.container(horizontal=True, key="neurons_pictures"):
        stored = [name for name in PICTURES if _picture_box(name)]
    left, right = st.columns(2)
    with left:
        rate = st.slider("Rate η", 0.0, 1.0, 0.25, 0.05, key="neurons_hebb_rate", **KEPT)
    with right:
        own = st.toggle("Store a picture of your own", key="neurons_own", **KEPT)
    with frame.problems_in_place():
        pictures = {name: read_picture(PICTURES[name]) for name in stored}
        if own:
            text = text_box(
                "# is full, . is empty: 5 rows of 5", key="neurons_own_text", default=PICTURES["L"], height=150
            )
            pictures[OWN] = read_picture(text)
        if not pictures:
            st.info("Nothing is stored, so all weights are 0. Click a picture.")
            return
        reading = shown["hebb"] = read_hebb(pictures, rate)
        _show_weights(reading)


def _picture_box(name: str) -> bool:
    return st.checkbox(name, name in STORED_FIRST, key=f"neurons_store_{name}", **KEPT)


def _picture_style() -> str:
    """Puts each picture into the label of its checkbox, so that the picture itself can be clicked."""
    rules = []
    for name, text in PICTURES.items():
        squares = "".join(
            f"M{c},{r}h1v1h-1z" for r, row in enumerate(text.split()) for c, cell in enumerate(row) if cell == "#"
        )
        image = quote(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 5 5"><path d="{squares}"/></svg>')
        rules.append(f'.st-key-neurons_store_{name} label::after {{ --picture: url("data:image/svg+xml,{image}"); }}')
    return f"""<style>
[class*="st-key-neurons_store_"] label {{ cursor: pointer; align-items: center; padding: .4rem;
  border: 1px solid color-mix(in srgb, currentColor 25%, transparent); border-radius: .6rem; }}
[class*="st-key-neurons_store_"] label:has(input:checked) {{ border: 2px solid currentColor; padding: calc(.4rem - 1px); }}
[class*="st-key-neurons_store_"] label::after {{ content: ""; width: 48px; height: 48px; margin-left: .6rem;
  background: currentColor; -webkit-mask: var(--picture) center / contain no-repeat;
  mask: var(--picture) center / contain no-repeat; }}
{" ".join(rules)}
</style>"""


def _show_weights(reading: HebbReading) -> None:
    labels = [cell_name(i) for i in range(SIDE * SIDE)]
    first = Cell(0, 0, 1)
    # Pinned, so that storing one more picture deepens the colours instead of rescaling them.
    reach = reading.rate * (len(PICTURES) + 1)
    left, right = st.columns([4, 3], gap="medium")
    with left:
        st.markdown("**The weights**: one between every two of the 25 cells, row and column from 1")
        cell = matrix(
            Matrix(reading.weights, row_labels=labels, column_labels=labels, scale="diverging", low=-reach, high=reach),
            key="neurons_weights",
            alt=f"Hebb's weights after storing {', '.join(reading.names)}: positive where two cells agree more often",
            row_axis="cell",
            column_axis="cell",
            value_format=2,
            min_cell=9,
            selected=cell_in_address("neurons_weight", first),
        )
        cell = cell or first
        remember_cell("neurons_weight", cell, first)
    with right:
        show_arithmetic(open_weight(reading, cell.row, cell.column), key="neurons_weight_cell")
    _show_recall(reading)


def _show_recall(reading: HebbReading) -> None:
    st.markdown(
        "**Half a picture recalls the rest.** The left three columns are given, the right two are unknown (0). Every cell "
        "then takes the sign of its weighted sum, once."
    )
    shown = []
    for name, pattern, recalled, wrong in zip(
        reading.names, reading.patterns, reading.recalled, reading.wrong_cells.tolist(), strict=True
    ):
        verdict = "recalled" if wrong == 0 else f"{wrong} wrong"
        cue = left_part(pattern)
        shown.append(Matrix(np.where(cue == 0, np.nan, cue), title=f"{name}: given", low=-1.0, high=1.0))
        shown.append(Matrix(recalled.reshape(SIDE, SIDE), title=verdict, low=-1.0, high=1.0))
    counts = ", ".join(
        f"{name} {wrong} of {SIDE * SIDE} cells wrong"
        for name, wrong in zip(reading.names, reading.wrong_cells.tolist(), strict=True)
    )
    matrix(
        shown,
        key="neurons_recall",
        alt=f"Half of each picture and what it recalls: {counts}",
        value_format=0,
        max_cell=14,
        masked_label="unknown",
    )


def show_stream() -> None:
    """Hebb's rule and Oja's on the same stream of patterns, live."""
    columns = st.columns(4)
    with columns[0]:
        rate = st.slider("Rate η", 0.0, 0.2, 0.02, 0.005, format="%.3f", key="neurons_stream_rate", **KEPT)
    with columns[1]:
        stretch = st.slider("Cloud’s length ÷ width", 1.0, 4.0, 3.0, 0.5, key="neurons_stretch", **KEPT)
    with columns[2]:
        angle = st.slider("Cloud’s angle, degrees", -90, 90, 30, 5, key="neurons_angle", **KEPT)
    with columns[3]:
        pace = st.select_slider("Pace, patterns a second", [5, 50, 500], 50, key="neurons_stream_pace", **KEPT)
    spec = None
    with frame.problems_in_place():
        spec = StreamConfig(rate, stretch=stretch, angle=float(angle), pace=float(pace))
    training_panel(
        "neurons_stream", factory=follow_stream, spec=spec, title="Hebb's rule beside Oja's", draw=_draw_stream
    )


def _draw_stream(view: JobView[StreamProgress]) -> None:
    latest = view.latest
    if latest is None:
        return
    patterns = stream_patterns(latest.config.stretch, latest.config.angle, latest.config.seed)
    component = principal_component(patterns)
    left, right = st.columns(2, gap="large")
    with left:
        chart = stream_chart(patterns, component.direction, latest.hebb, latest.oja)
        alt = "The patterns, their first principal component, and the weights by Hebb's rule and by Oja's"
        st.echarts_chart(chart, height=HEIGHT, key="neurons_stream_plane", alt=alt)
    with right:
        hebb = [(p.step, p.hebb_length) for p in view.history if not p.hebb_stopped]
        oja = [(p.step, p.oja_length) for p in view.history]
        chart = length_chart(hebb, oja, steps=latest.steps)
        alt = f"Length of the weights by step: Hebb {latest.hebb_length:.3g}, Oja {latest.oja_length:.3g}"
        st.echarts_chart(chart, height=300, key="neurons_lengths", alt=alt)
        limit = f" (past {HEBB_LIMIT:,.0f} it is no longer followed)" if latest.hebb_stopped else ""
        decimals = 2 if latest.hebb_length < 1000 else 0
        st.markdown(
            f"Length by Hebb’s rule **{latest.hebb_length:,.{decimals}f}**{limit}, by Oja’s **{latest.oja_length:.3f}**. "
            f"Oja’s weights lie **{angle_between(latest.oja, component.direction):.1f}°** off the first principal "
            f"component, along which {component.share:.0%} of the patterns’ variance lies."
        )


def weight_rows(shown: dict[str, Any]) -> list[tuple[str, str, float]]:
    """The weight matrix as rows of cell, cell, weight; none where nothing is stored."""
    if "hebb" not in shown:
        return []
    cells, weights = range(SIDE * SIDE), shown["hebb"].weights.tolist()
    return [(cell_name(i), cell_name(j), weights[i][j]) for i in cells for j in cells]
