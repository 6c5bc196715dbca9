"""The Boltzmann part of the energy models' page: a chain beside its exact distribution, and learning by two phases."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from explorer.figures.energy import curves_chart, distribution_chart
from explorer.inspection.energy import GibbsReading, read_gibbs
from explorer.models.boltzmann import LARGEST_EXACT
from explorer.training.boltzmann import DATA, DESCRIPTIONS, BoltzmannConfig, BoltzmannProgress, learn_distribution
from explorer.ui import frame
from explorer.ui.components.matrix import Matrix, matrix
from explorer.ui.job_panel import JobView, training_panel
from explorer.ui.state import KEPT

if TYPE_CHECKING:
    from explorer.training.boltzmann import BoltzmannSnapshot

SHOWN = 40  # states in a chart: the likeliest


@st.cache_resource(max_entries=64, show_spinner=False)
def _gibbs(n_units: int, strength: float, temperature: float, sweeps: int, seed: int) -> GibbsReading:
    return read_gibbs(n_units, strength, temperature, sweeps, seed)


@st.fragment
def show_chain(shown: dict[str, Any]) -> None:
    """A random machine: its exact distribution, and how often one chain visited each state."""
    columns = st.columns(3)
    with columns[0]:
        units = st.slider("Units", 2, LARGEST_EXACT, 5, key="boltzmann_units", **KEPT)
        strength = st.slider("Strength of the weights", 0.5, 4.0, 2.0, 0.5, key="boltzmann_strength", **KEPT)
    with columns[1]:
        temperature = st.number_input("Temperature T", 0.0, 100.0, 1.0, 0.1, key="boltzmann_temperature", **KEPT)
        sweeps = st.select_slider(
            "Sweeps of the chain", [20, 100, 500, 2000, 5000], 500, key="boltzmann_sweeps", **KEPT
        )
    with columns[2]:
        seed = st.number_input("Seed of weights and chain", 0, 99_999, 1, key="boltzmann_seed", **KEPT)
    with frame.problems_in_place():
        reading = _gibbs(int(units), float(strength), float(temperature), int(sweeps), int(seed))
        shown["chain"] = reading
        _draw_chain(reading)


def _draw_chain(reading: GibbsReading) -> None:
    chosen = reading.order[:SHOWN]
    labels = [f"{state:0{reading.n_units}b}" for state in chosen.tolist()]
    distance = float(reading.distances[-1])
    shown = "all" if len(chosen) == len(reading.exact) else f"the {SHOWN} likeliest"
    st.markdown(
        f"{len(reading.exact):,} states, {shown} of them drawn, the likeliest first; they hold "
        f"{reading.exact[chosen].sum():.1%} of the probability. Total variation distance between the chain's "
        f"{reading.counts[-1]:,} sweeps and the truth: **{distance:.3f}** (0 the same, 1 nothing in common)."
    )
    left, right = st.columns([3, 2], gap="medium")
    with left:
        chart = distribution_chart(labels, reading.exact[chosen], reading.sampled[chosen], ("exact", "Gibbs chain"))
        alt = f"Exact and sampled probability of {shown} states; distance {distance:.3f}"
        st.echarts_chart(chart, height=340, key="boltzmann_states", alt=alt)
    with right:
        points = list(zip(reading.counts.tolist(), reading.distances.tolist(), strict=True))
        falling = curves_chart(
            {"distance": points},
            x="sweeps so far",
            y="total variation distance",
            end=float(max(20, reading.counts[-1])),
            logarithmic=True,
            from_zero=True,
        )
        st.echarts_chart(falling, height=340, key="boltzmann_distance", alt="Distance against the length of the chain")


def show_learning() -> None:
    """Two phases and their difference, live, with the exact divergence."""
    columns = st.columns(4)
    with columns[0]:
        data = st.selectbox("Data", list(DATA), key="boltzmann_data", **KEPT)
        st.caption(f"{DESCRIPTIONS[data]}.")
    most = LARGEST_EXACT - DATA[data]().shape[1]
    with columns[1]:
        hidden = st.number_input("Hidden units", 0, LARGEST_EXACT, 2, key="boltzmann_hidden", **KEPT)
        st.caption(f"At most {most} for this data.")
    with columns[2]:
        rate = st.number_input("Learning rate", 0.0, 100.0, 1.0, 0.1, key="boltzmann_rate", **KEPT)
        updates = st.number_input("Updates", 1, 5000, 1000, key="boltzmann_updates", **KEPT)
    with columns[3]:
        phase = st.segmented_control(
            "Free phase", ["exact", "Gibbs"], default="exact", required=True, key="boltzmann_phase", **KEPT
        )
        pace = st.select_slider("Updates a second", [5, 20, 100, 500], 100, key="boltzmann_pace", **KEPT)
    spec = None
    with frame.problems_in_place():
        spec = BoltzmannConfig(data, int(hidden), int(updates), float(rate), phase, float(pace))
    training_panel("boltzmann", factory=learn_distribution, spec=spec, title="Boltzmann machine", draw=_draw_learning)


def _draw_learning(view: JobView[BoltzmannProgress]) -> None:
    latest = view.latest
    if latest is None:
        return
    curve = [(float(progress.step), progress.divergence) for progress in view.history]
    left, right = st.columns(2, gap="medium")
    with left:
        chart = curves_chart(
            {"divergence": curve}, x="update", y="KL divergence (nats)", end=latest.steps, from_zero=True
        )
        alt = f"Divergence from the data, now {latest.divergence:.4f} nats"
        st.echarts_chart(chart, height=280, key="boltzmann_divergence", alt=alt)
        st.caption(f"Divergence now **{latest.divergence:.4f}** nats, summed exactly over all states.")
    with right:
        _draw_visible(latest.snapshot)
    _draw_phases(latest.snapshot)


def _draw_visible(snapshot: BoltzmannSnapshot) -> None:
    order = np.argsort(-(snapshot.data + snapshot.visible), kind="stable")[: SHOWN // 2]
    width = int(snapshot.data.size).bit_length() - 1
    labels = [f"{state:0{width}b}" for state in order.tolist()]
    chart = distribution_chart(labels, snapshot.data[order], snapshot.visible[order], ("data", "machine alone"))
    alt = "What the visible units should do and what they do when left alone"
    st.echarts_chart(chart, height=300, key="boltzmann_visible", alt=alt)


def _draw_phases(snapshot: BoltzmannSnapshot) -> None:
    st.markdown("**The two phases**: how often two units are on together, and the difference that moves the weights")
    n_visible = int(snapshot.data.size).bit_length() - 1
    names = [f"v{i}" if i < n_visible else f"h{i - n_visible}" for i in range(snapshot.machine.n_units)]
    matrix(
        [
            Matrix(
                snapshot.with_data, title="data holds the visible", row_labels=names, column_labels=names, low=0, high=1
            ),
            Matrix(snapshot.free, title="running free", row_labels=names, column_labels=names, low=0, high=1),
            Matrix(
                snapshot.with_data - snapshot.free,
                title="difference",
                row_labels=names,
                column_labels=names,
                scale="diverging",
                high=0.5,
            ),
        ],
        key="boltzmann_phases",
        alt="Co-activity of every pair of units in the two phases, and the difference",
        row_axis="unit",
        column_axis="unit",
        max_cell=26,
        link="boltzmann",
    )


def chain_rows(shown: dict[str, Any]) -> list[tuple[str, float, float, float]]:
    """State, energy, exact and sampled probability, of the chain that is shown."""
    if "chain" not in shown:
        return []
    reading = shown["chain"]
    columns = (reading.energies.tolist(), reading.exact.tolist(), reading.sampled.tolist())
    return [(f"{i:0{reading.n_units}b}", *values) for i, values in enumerate(zip(*columns, strict=True))]
