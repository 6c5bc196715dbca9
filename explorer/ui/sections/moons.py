"""The autograd page's second part: a small network on two moons, trained live, with PyTorch's gradients beside ours."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from explorer.figures.autograd import surface_chart
from explorer.figures.loss import loss_chart
from explorer.training.moons import (
    BOUNDS,
    LOSSES,
    MoonsConfig,
    MoonsProgress,
    MoonsSnapshot,
    parameter_names,
    train_moons,
)
from explorer.ui import frame
from explorer.ui.job_panel import JobView, training_panel
from explorer.ui.state import KEPT

_MOST_ROWS = 12


def show_moons() -> None:
    """The controls of a run, its drawing, and the comparison of gradients."""
    training_panel("moons", factory=train_moons, spec=_controls(), title="Two moons by scalar autograd", draw=_draw)


def _controls() -> MoonsConfig | None:
    loss = st.segmented_control("Loss", list(LOSSES), default="hinge", required=True, key="moons_loss", **KEPT)
    st.caption(f"{str(loss).capitalize()}: {LOSSES[loss]}. Here s is the score, y = ±1 the class.")
    columns = st.columns(3)
    with columns[0]:
        rate = st.number_input("Learning rate", 0.0, 100.0, 1.0, 0.1, key="moons_rate", **KEPT)
        hidden = st.slider("Neurons in each hidden layer", 1, 32, 16, key="moons_hidden", **KEPT)
    with columns[1]:
        steps = st.number_input("Steps", 1, 2000, 100, key="moons_steps", **KEPT)
        noise = st.slider("Noise of the points", 0.0, 0.4, 0.1, 0.05, key="moons_noise", **KEPT)
    with columns[2]:
        pace = st.select_slider("Pace, steps a second", [2, 5, 20, 100], 20, key="moons_pace", **KEPT)
        activation = st.segmented_control(
            "Activation", ["relu", "tanh"], default="relu", required=True, key="moons_activation", **KEPT
        )
    with frame.problems_in_place():
        return MoonsConfig(
            noise=float(noise),
            hidden=int(hidden),
            activation=activation,
            loss=loss,
            learning_rate=float(rate),
            steps=int(steps),
            pace=float(pace),
        )
    return None


def _draw(view: JobView[MoonsProgress]) -> None:
    """The decision surface as it moves, the loss, and the two gradients."""
    if view.latest is None:
        return
    latest, snapshot = view.latest, view.latest.snapshot
    right = round(latest.accuracy * len(snapshot.classes))
    st.markdown(
        f"Step {latest.step}: loss **{latest.loss:.4f}**, {right} of {len(snapshot.classes)} points on their side "
        f"(**{latest.accuracy:.0%}**)."
    )
    left, right_side = st.columns([3, 2], gap="medium")
    with left:
        st.echarts_chart(
            surface_chart(snapshot.scores, snapshot.points, snapshot.classes, BOUNDS),
            height=420,
            key="moons_surface",
            alt=f"The plane coloured by the network's score after {snapshot.step} steps, its boundary and the points",
        )
        st.caption("Grey line: score 0. Triangles and circles are the classes; deeper colour is a surer score.")
    with right_side:
        curve = [(progress.step, progress.loss) for progress in view.history]
        chart = loss_chart({"loss": curve}, {}, steps=latest.steps)
        if snapshot.config.loss != "cross-entropy":
            chart["yAxis"]["name"] = "loss"  # only the cross-entropy is in nats
        st.echarts_chart(chart, height=420, key="moons_curve", alt="Loss by step")
    _compare(snapshot)


def _compare(snapshot: MoonsSnapshot) -> None:
    """The gradients of Value and of PyTorch at the same weights: the parameters that differ most come first."""
    st.markdown(
        f"**The same network in PyTorch**, same weights, at step {snapshot.step}: loss {snapshot.torch_loss:.6f} against "
        f"ours {snapshot.loss:.6f}. Of {len(snapshot.ours)} gradients the two that differ most are "
        f"**{snapshot.largest_difference:.1e}** apart, rounding in the last digit."
    )
    rows = gradient_rows(snapshot)
    frame.shown("autograd").update(gradients=rows)
    st.dataframe(
        {
            "parameter": [row[0] for row in rows[:_MOST_ROWS]],
            "gradient, ours": [row[1] for row in rows[:_MOST_ROWS]],
            "by PyTorch": [row[2] for row in rows[:_MOST_ROWS]],
            "difference": [row[3] for row in rows[:_MOST_ROWS]],
        },
        hide_index=True,
        column_config={
            "gradient, ours": st.column_config.NumberColumn(format="%.9f"),
            "by PyTorch": st.column_config.NumberColumn(format="%.9f"),
            "difference": st.column_config.NumberColumn(format="%.1e"),
        },
    )
    st.caption(
        f"The {min(_MOST_ROWS, len(rows))} of {len(rows)} parameters that differ most; all are in the CSV below."
    )


def gradient_rows(snapshot: MoonsSnapshot) -> list[tuple[Any, ...]]:
    """(parameter, ours, PyTorch's, difference), the largest difference first."""
    apart = np.abs(snapshot.ours - snapshot.torchs)
    names = parameter_names(snapshot.config)
    ours, torchs = snapshot.ours.tolist(), snapshot.torchs.tolist()
    return [(names[i], ours[i], torchs[i], float(apart[i])) for i in np.argsort(-apart, kind="stable").tolist()]
