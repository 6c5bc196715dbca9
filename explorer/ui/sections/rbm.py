"""The RBM part of the energy models' page: digits learned live, seen through filters, reconstructions and fantasies."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, get_args

import numpy as np
import streamlit as st

from explorer.figures.energy import curves_chart, histogram_chart
from explorer.inspection.energy import RBMReading, read_rbm, shared_bins
from explorer.training.rbm import Algorithm, RBMConfig, RBMProgress, train_on_digits
from explorer.ui import frame
from explorer.ui.components.matrix import Matrix, matrix
from explorer.ui.job_panel import JobView, training_panel
from explorer.ui.state import KEPT


def show_training(shown: dict[str, Any]) -> None:
    """The controls and the live run."""
    columns = st.columns(4)
    with columns[0]:
        hidden = st.select_slider("Hidden units", [16, 36, 64, 144, 256], 64, key="rbm_hidden", **KEPT)
        epochs = st.slider("Epochs", 1, 100, 30, key="rbm_epochs", **KEPT)
    with columns[1]:
        algorithm = st.segmented_control(
            "Contrastive divergence",
            get_args(Algorithm),
            format_func={"CD": "CD-k", "PCD": "persistent"}.__getitem__,
            default="CD",
            required=True,
            key="rbm_algorithm",
            **KEPT,
        )
        k = st.number_input("Gibbs steps k", 0, 50, 1, key="rbm_k", **KEPT)
    with columns[2]:
        rate = st.number_input("Learning rate", 0.0, 10.0, 0.1, 0.05, key="rbm_rate", **KEPT)
        momentum = st.slider("Momentum", 0.0, 0.9, 0.5, 0.1, key="rbm_momentum", **KEPT)
    with columns[3]:
        pace = st.select_slider("Updates a second", [20, 100, 500, 2000], 500, key="rbm_pace", **KEPT)
    spec = None
    with frame.problems_in_place():
        spec = RBMConfig(int(hidden), algorithm, int(k), int(epochs), float(rate), float(momentum), pace=float(pace))
    training_panel(
        "rbm", factory=train_on_digits, spec=spec, title="RBM on digits", draw=lambda view: _draw(view, shown)
    )


def _draw(view: JobView[RBMProgress], shown: dict[str, Any]) -> None:
    latest = view.latest
    if latest is None:
        return
    snapshot = latest.snapshot
    reading = read_rbm(snapshot.machine)
    shown["filters"] = reading.filters
    st.caption(f"Pictures and measures below: after update {snapshot.step:,}, epoch {latest.epoch:.1f}.")
    show_strip(reading.pictures, "rbm_pictures", "Test digits, never trained on", "Twelve test digits")
    show_strip(
        reading.reconstructions, "rbm_reconstructions", "What comes back from the hidden units", "The same digits"
    )
    show_strip(
        reading.fantasies, "rbm_fantasies", "Fantasies: 200 Gibbs steps from noise", "Pictures the model dreamed"
    )
    left, right = st.columns(2, gap="medium")
    with left:
        st.markdown("**Filters**: the weights from each hidden unit to the pixels")
        show_filters(reading)
    with right:
        _curves(view)
        _free_energies(reading)


def show_strip(pictures: Iterable[np.ndarray], key: str, title: str, alt: str) -> None:
    """Some 8 × 8 pictures in a row, 0 … 1 a pixel."""
    st.markdown(f"**{title}**")
    matrix(
        [Matrix(picture, low=0.0, high=1.0) for picture in pictures],
        key=key,
        alt=alt,
        max_cell=7,
        value_format=2,
    )


def show_filters(reading: RBMReading) -> None:
    """The wall of weights, on one shared diverging ramp."""
    reach = float(abs(reading.filters).max()) or 1.0
    matrix(
        [Matrix(one, scale="diverging", low=-reach, high=reach) for one in reading.filters],
        key="rbm_filters",
        alt=f"{len(reading.filters)} filters of 8 by 8 weights",
        max_cell=6,
        value_format=2,
    )


def _curves(view: JobView[RBMProgress]) -> None:
    taken = {progress.snapshot.step: progress.snapshot for progress in view.history}
    curves = {
        "training digits": [(float(step), taken[step].train_likelihood) for step in sorted(taken)],
        "test digits": [(float(step), taken[step].test_likelihood) for step in sorted(taken)],
    }
    st.markdown("**Pseudo-likelihood**: how well each pixel is told from the other 63")
    chart = curves_chart(curves, x="update", y="nats a picture", end=view.latest.steps if view.latest else 1)
    st.echarts_chart(chart, height=250, key="rbm_likelihood", alt="Pseudo-likelihood of training and test digits")


def _free_energies(reading: RBMReading) -> None:
    edges, (test, noise) = shared_bins([reading.test_energy, reading.noise_energy])
    st.markdown("**Free energy** of test digits, and of pictures with each pixel from another digit: lower is likelier")
    chart = histogram_chart(edges, {"test digits": test, "mixed": noise}, "free energy F (nats)")
    st.echarts_chart(chart, height=250, key="rbm_free_energy", alt="Histogram of free energies: digits against noise")
    lower = float((reading.test_energy[:, None] < reading.noise_energy[None, :]).mean())
    st.caption(f"A digit has the lower free energy in {lower:.1%} of all pairs of a digit and a mixed picture.")


def filter_rows(shown: dict[str, Any]) -> list[tuple[int, int, int, float]]:
    """Hidden unit, row, column and weight, of the run that is shown."""
    return [(*index, float(value)) for index, value in np.ndenumerate(shown["filters"])] if "filters" in shown else []
