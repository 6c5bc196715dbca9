"""The Hopfield part of the energy models' page: a picture to draw on, its recall step by step, capacity measured."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, get_args

import numpy as np
import streamlit as st

from explorer.figures.energy import capacity_chart, energy_chart, overlap_chart
from explorer.inspection.energy import HopfieldReading, RecallConfig, open_field, pixels_in, read_recall, toggled
from explorer.models.hopfield import CAPACITY, Rule
from explorer.text.glyphs import GLYPHS, SIDE
from explorer.training.hopfield import CapacityConfig, CapacityProgress, collapse, measure_capacity
from explorer.ui import frame
from explorer.ui.arithmetic import show_arithmetic
from explorer.ui.components.matrix import Cell, Matrix, matrix
from explorer.ui.job_panel import JobView, training_panel
from explorer.ui.state import KEPT, rerun_here

ONE, ALL = "one at a time", "all at once"
FLIPPED = "hopfield_flipped"  # pixels the visitor flipped, in the address
ENDINGS = {
    "settled": "Settled: a further round changes nothing.",
    "cycle": "A cycle of two: from here on the picture swings between the last two states for ever.",
    "unfinished": "Still moving after 100 rounds.",
}


@st.fragment
def show_recall(shown: dict[str, Any]) -> None:
    """The controls, the picture to draw on, and what the network makes of it; `shown` keeps it for the download."""
    with frame.problems_in_place():
        config = _controls()
        reading = read_recall(config)
        shown["recall"] = reading
        _stored(reading)
        st.divider()
        left, right = st.columns([3, 2], gap="large")
        with left:
            step = _step_slider(reading)
            unit = _draw_grid(config, reading, step)
            _say(reading, step)
        with right:
            _charts(reading, step, synchronous=config.synchronous)
        with st.expander("What one pixel hears: its weights and its sum"):
            _show_field(reading, step, unit)


def _controls() -> RecallConfig:
    columns = st.columns(3)
    with columns[0]:
        stored = st.slider("Pictures stored", 1, len(GLYPHS), 3, key="hopfield_stored", **KEPT)
        rule = st.segmented_control(
            "Stored by", get_args(Rule), default="hebbian", required=True, key="hopfield_rule", **KEPT
        )
    with columns[1]:
        shown = st.selectbox("Begin at the picture", list(GLYPHS), key="hopfield_shown", **KEPT)
        noise = st.slider("Noise: share of its pixels flipped", 0.0, 1.0, 0.2, 0.05, key="hopfield_noise", **KEPT)
    with columns[2]:
        mode = st.segmented_control(
            "Update the pixels", [ONE, ALL], default=ONE, required=True, key="hopfield_mode", **KEPT
        )
        seed = st.number_input("Seed of noise and order", 0, 99_999, 1, key="hopfield_seed", **KEPT)
    flipped = pixels_in(st.query_params.get(FLIPPED, ""))
    return RecallConfig(int(stored), shown, rule, float(noise), mode == ALL, int(seed), flipped)


def _stored(reading: HopfieldReading) -> None:
    lost = [name for name, stable in zip(reading.names, reading.stable, strict=True) if not stable]
    st.markdown("**The pictures stored.** " + (f"Lost even without noise: **{', '.join(lost)}**." if lost else ""))
    matrix(
        [_picture(pattern, name) for name, pattern in zip(reading.names, reading.patterns, strict=True)],
        key="hopfield_patterns",
        alt=f"The {len(reading.names)} stored pictures: {', '.join(reading.names)}",
        max_cell=9,
        value_format=0,
    )


def _picture(state: np.ndarray, title: str) -> Matrix:
    return Matrix(state.reshape(SIDE, SIDE), title=title, low=-1, high=1)


def _step_slider(reading: HopfieldReading) -> int:
    last = len(reading.recall.states) - 1
    if last == 0:
        st.caption("Nothing changes: the picture is a low point of the energy already.")
        return 0
    # A key of its own for every length: a slider cannot keep a place that a new recall no longer has.
    return int(st.slider(f"Step of the recall, of {last}", 0, last, last, key=f"hopfield_step_{last}"))


def _draw_grid(config: RecallConfig, reading: HopfieldReading, step: int) -> int:
    """The first picture and the one at this step; a click on the first flips a pixel. Returns the pixel last clicked."""
    marked: Cell | None = st.session_state.get("_hopfield_marked")
    chosen = matrix(
        [_picture(reading.cue, "first: click to flip"), _picture(reading.recall.states[step], f"after step {step}")],
        key="hopfield_grid",
        alt="Left, the picture that recall begins with: a click flips a pixel. Right, the picture at the chosen step",
        row_axis="row",
        column_axis="column",
        per_row=2,
        max_cell=26,
        value_format=0,
        selected=marked,
        link="hopfield",
    )
    if chosen is not None and chosen.matrix == 0:
        # The mark moves to the second picture, or away: so the same pixel of the first can be clicked again at once.
        mark = Cell(1, chosen.row, chosen.column)
        st.session_state["_hopfield_marked"] = None if mark == marked else mark
        st.session_state["_hopfield_unit"] = unit = chosen.row * SIDE + chosen.column
        _remember(toggled(config, unit))
        rerun_here()
    if config.flipped:
        st.button("Undo my clicks", key="hopfield_undo", on_click=_remember, args=(replace(config, flipped=()),))
    if chosen is not None:
        return chosen.row * SIDE + chosen.column
    return int(st.session_state.get("_hopfield_unit", 0))


def _remember(config: RecallConfig) -> None:
    if config.flipped:
        st.query_params[FLIPPED] = "-".join(map(str, config.flipped))
    elif FLIPPED in st.query_params:
        del st.query_params[FLIPPED]


def _say(reading: HopfieldReading, step: int) -> None:
    best = int(np.abs(reading.overlaps[step]).argmax())
    overlap, name = float(reading.overlaps[step, best]), reading.names[best]
    negative = " with black and white exchanged" if overlap < 0 else ""
    likeness = f"It agrees most with **{name}**{negative}: overlap {overlap:.2f}."
    energy = f"{reading.recall.energies[step]:.2f}".replace("-", "−")
    ending = ENDINGS[reading.recall.outcome] if step == len(reading.recall.states) - 1 else ""
    st.markdown(f"Energy **{energy}**. {likeness} {ending}")


def _charts(reading: HopfieldReading, step: int, *, synchronous: bool) -> None:
    recall = reading.recall
    st.markdown("**Energy as the pixels are updated**")
    chart = energy_chart(recall.updates, recall.energies, recall.total, step, jumps=synchronous)
    alt = f"Energy from {recall.energies[0]:.2f} to {recall.energies[-1]:.2f} over {recall.total} updates"
    st.echarts_chart(chart, height=230, key="hopfield_energy", alt=alt)
    st.markdown("**Overlap with each stored picture**: 1 the same, −1 its negative")
    overlaps = overlap_chart(reading.names, reading.overlaps[step])
    st.echarts_chart(overlaps, height=230, key="hopfield_overlaps", alt="Overlap of the shown state with each picture")


def _show_field(reading: HopfieldReading, step: int, unit: int) -> None:
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown("Its weights to all pixels. Blue: they were mostly alike in the stored pictures; orange: unlike.")
        matrix(
            Matrix(reading.weights[unit].reshape(SIDE, SIDE), scale="diverging"),
            key="hopfield_weights",
            alt=f"Weights between pixel {unit // SIDE}, {unit % SIDE} and every pixel",
            max_cell=26,
        )
        st.caption("A sum above 0 makes the pixel +1, below 0 makes it −1. Click another pixel above to change it.")
    with right:
        show_arithmetic(open_field(reading, reading.recall.states[step], unit), key="hopfield_field")


def show_capacity(shown: dict[str, Any]) -> None:
    """Recall of random patterns against how many are stored, measured while one watches."""
    columns = st.columns(4)
    with columns[0]:
        units = st.select_slider("Units N", [100, 200, 400], 200, key="hopfield_units", **KEPT)
    with columns[1]:
        trials = st.slider("Networks for each number of patterns", 1, 20, 4, key="hopfield_trials", **KEPT)
    with columns[2]:
        noise = st.slider("Noise in the first state", 0.0, 0.4, 0.0, 0.05, key="hopfield_cue_noise", **KEPT)
    with columns[3]:
        rule = st.segmented_control(
            "Stored by", get_args(Rule), default="hebbian", required=True, key="hopfield_capacity_rule", **KEPT
        )
    spec = None
    with frame.problems_in_place():
        spec = CapacityConfig(int(units), rule, float(noise), int(trials))
    training_panel(
        "hopfield",
        factory=measure_capacity,
        spec=spec,
        title="Hopfield capacity",
        draw=lambda view: _draw_capacity(view, shown),
        start_label="Measure",
    )


def _draw_capacity(view: JobView[CapacityProgress], shown: dict[str, Any]) -> None:
    latest = view.latest
    if latest is None:
        return
    shown["capacity"] = latest
    curves = {
        "mean overlap in the end": (latest.loads, latest.overlap),
        "share recalled (overlap ≥ 0.9)": (latest.loads, latest.recalled),
    }
    chart = capacity_chart(curves, CAPACITY, latest.units)
    alt = f"Share of patterns recalled against load; theory puts the collapse at {CAPACITY} N"
    st.echarts_chart(chart, height=320, key="hopfield_capacity", alt=alt)
    place = collapse(latest.loads, latest.recalled)
    found = f"at **{place:.3f} N**" if place is not None else "nowhere in what was measured so far"
    st.markdown(
        f"More than one pattern in ten is lost {found}. For Hebb's rule and endless N, theory has recall "
        f"collapse at {CAPACITY} N; below it larger networks recall better, above it worse, so the fall grows steeper."
    )


def recall_rows(shown: dict[str, Any]) -> list[tuple[int, int, float]]:
    """Step, updates so far and energy of the recall that is shown."""
    if "recall" not in shown:
        return []
    recall = shown["recall"].recall
    return [(i, int(u), float(e)) for i, (u, e) in enumerate(zip(recall.updates, recall.energies, strict=True))]


def capacity_rows(shown: dict[str, Any]) -> list[tuple[float, ...]]:
    """Load, mean overlap and share recalled, of the capacity last measured."""
    if "capacity" not in shown:
        return []
    latest = shown["capacity"]
    return list(zip(latest.loads.tolist(), latest.overlap.tolist(), latest.recalled.tolist(), strict=True))
