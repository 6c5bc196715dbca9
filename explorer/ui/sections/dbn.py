"""The deep belief network's part of the energy models' page: layer by layer, then writing digits from the top."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from explorer.figures.energy import accuracy_chart, curves_chart
from explorer.inspection.energy import dream_digits
from explorer.training.dbn import DBNConfig, DBNProgress, train_dbn
from explorer.ui import frame
from explorer.ui.job_panel import JobView, training_panel
from explorer.ui.sections.rbm import show_strip
from explorer.ui.state import KEPT


def show_training(shown: dict[str, Any]) -> None:
    """The controls and the live run."""
    columns = st.columns(3)
    with columns[0]:
        depth = st.segmented_control(
            "Layers below the top", [1, 2, 3], default=1, required=True, key="dbn_depth", **KEPT
        )
        units = st.select_slider("Units in each", [64, 128, 256], 256, key="dbn_units", **KEPT)
    with columns[1]:
        top = st.select_slider("Units of the top", [128, 256], 256, key="dbn_top", **KEPT)
        epochs = st.slider("Epochs for each layer", 1, 100, 60, key="dbn_epochs", **KEPT)
    with columns[2]:
        pace = st.select_slider("Updates a second", [100, 500, 2000], 2000, key="dbn_pace", **KEPT)
        steps = st.select_slider("Rounds at the top before writing", [1, 10, 100, 500], 100, key="dbn_rounds", **KEPT)
    spec = None
    with frame.problems_in_place():
        spec = DBNConfig((int(units),) * int(depth), int(top), int(epochs), pace=float(pace))
    training_panel(
        "dbn",
        factory=train_dbn,
        spec=spec,
        title="Deep belief network",
        draw=lambda view: _draw(view, int(steps), shown),
        start_label="Train layer by layer",
    )


def _draw(view: JobView[DBNProgress], rounds: int, shown: dict[str, Any]) -> None:
    latest = view.latest
    if latest is None:
        return
    kind = "the top, which sees the labels too" if latest.layer == latest.layers else "features"
    st.markdown(f"Layer **{latest.layer}** of {latest.layers} learns: {kind}.")
    left, right = st.columns(2, gap="medium")
    with left:
        st.markdown("**Pseudo-likelihood of each layer on what it sees**")
        chart = curves_chart(_by_layer(view), x="update", y="nats a picture", end=latest.steps)
        st.echarts_chart(chart, height=260, key="dbn_likelihood", alt="Pseudo-likelihood of each layer while it learns")
    with right:
        _accuracies(latest)
    if latest.network is None:
        st.info("The network can write once its top machine learns.")
        return
    pictures = dream_digits(latest.network, rounds)
    shown["written"] = pictures
    show_strip(
        pictures, "dbn_written", "Written from the top: the labels 0 to 9 held fast", "One dreamed digit a label"
    )


def _by_layer(view: JobView[DBNProgress]) -> dict[str, list[tuple[float, float]]]:
    """Test pseudo-likelihood of each layer's snapshots, on one axis of all updates."""
    curves: dict[str, dict[float, float]] = {}
    for progress in view.history:
        done = progress.step - progress.layer_step
        name = "top" if progress.layer == progress.layers else f"layer {progress.layer}"
        curves.setdefault(name, {})[done + progress.snapshot.step] = progress.snapshot.test_likelihood
    return {name: sorted(points.items()) for name, points in curves.items()}


def _accuracies(latest: DBNProgress) -> None:
    names = ["raw pixels", *(f"layer {i}: {layer.units} features" for i, layer in enumerate(latest.finished, start=1))]
    values = [latest.raw_accuracy, *(layer.accuracy for layer in latest.finished)]
    st.markdown("**Test digits named rightly** by the same logistic regression")
    st.echarts_chart(
        accuracy_chart(names, values),
        height=110 + 50 * len(names),
        key="dbn_accuracy",
        alt="Accuracy by representation",
    )
    if latest.own_accuracy is not None:
        st.caption(
            f"The network's own guess, the label of lowest free energy beside the features: {latest.own_accuracy:.1%}."
        )


def written_rows(shown: dict[str, Any]) -> list[tuple[int, int, int, float]]:
    """Label, row, column and value, of the digits last written."""
    return [(*index, float(value)) for index, value in np.ndenumerate(shown["written"])] if "written" in shown else []
