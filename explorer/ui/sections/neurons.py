"""The first neurons page's parts on threshold units: a circuit set by hand, and the perceptron that sets itself."""

from __future__ import annotations

import math
from typing import Any

import streamlit as st

from explorer.figures.neurons import HEIGHT, mistakes_chart, plane_chart
from explorer.inspection.neurons import GateReading, Separation, decision_dots, read_gate, separate, threshold_lines
from explorer.models.neurons import CORNERS, GATES, XOR_OF_THREE, Circuit, ThresholdUnit
from explorer.training.neurons import (
    CLOUDS,
    TASKS,
    PerceptronConfig,
    PerceptronProgress,
    learn_perceptron,
    task_points,
)
from explorer.ui import frame
from explorer.ui.job_panel import JobView, training_panel
from explorer.ui.state import KEPT

ONE, TWO, THREE = "one unit", "two units", "three units"
LOW, HIGH = -0.5, 1.5  # of the plane around the four corners
REACH = 3.0
RATES = [0.25, 0.5, 1.0, 2.0, 4.0]
_RATE_TIP = "From weights of 0 on, the rate only scales the weights: it changes no answer and saves no mistake."
STEP = 0.25  # a binary fraction: sums of weights are then exact, and a sum that equals θ fires


def show_circuit(shown: dict[str, Any]) -> None:
    """Weights and thresholds on sliders, the plane they divide, and every corner's arithmetic; left in shown["gate"]."""
    columns = st.columns(2)
    with columns[0]:
        gate = st.segmented_control("Gate", list(GATES), default="AND", required=True, key="neurons_gate", **KEPT)
    with columns[1]:
        size = st.segmented_control(
            "Circuit", [ONE, TWO, THREE], default=ONE, required=True, key="neurons_size", **KEPT
        )
    st.caption(f"{gate}: {GATES[gate].line}.")
    left, right = st.columns([2, 3], gap="large")
    with left:
        circuit = _circuit_controls(size)
    reading = shown["gate"] = read_gate(circuit, GATES[gate].targets)
    with right:
        _draw_circuit(circuit, reading, gate)
    _show_truth_table(circuit, reading)
    if gate == "XOR":
        with st.expander("Why no single unit can do it"):
            st.markdown(
                "One unit would need all four at once: 0 < θ at (0, 0), w₂ ≥ θ at (0, 1), w₁ ≥ θ at (1, 0) and "
                "w₁ + w₂ < θ at (1, 1). Add the two in the middle: w₁ + w₂ ≥ 2θ. As θ is above 0, 2θ is above θ, so the "
                "unit fires at (1, 1) too. Whatever the numbers, one corner stays wrong."
            )


_DEFAULTS = {"w1": 1.0, "w2": 1.0, "theta": 0.5, "v": -2.0, "u1": 1.0, "u2": 1.0, "theta_h": 0.5}


def _circuit_controls(size: str) -> Circuit:
    if size == THREE:
        st.markdown(
            "XOR as two layers, nothing to set. Unit **h₁** is OR: x₁ + x₂ ≥ 0.5. Unit **h₂** is NAND, “not both”: "
            "−x₁ − x₂ ≥ −1.5. The answer **y** is their AND: h₁ + h₂ ≥ 1.5. Two lines leave a strip, and y fires on it."
        )
        return XOR_OF_THREE
    values = _sliders({"w1": "w₁, weight of x₁", "w2": "w₂, weight of x₂", "theta": "θ, threshold"})
    if size == TWO:
        st.markdown("A second unit **h** reads x₁ and x₂, and the first one reads h as well, with weight v:")
        values |= _sliders(
            {"u1": "u₁, of h for x₁", "u2": "u₂, of h for x₂", "theta_h": "θ of h", "v": "v, weight of h"}
        )
    return _circuit(size == TWO, values)


def _circuit(with_second: bool, values: dict[str, float]) -> Circuit:
    w = (values["w1"], values["w2"])
    if not with_second:
        return Circuit((ThresholdUnit(w, values["theta"]),))
    second = ThresholdUnit((values["u1"], values["u2"]), values["theta_h"])
    return Circuit((second, ThresholdUnit((*w, values["v"]), values["theta"])))


def _sliders(labels: dict[str, str]) -> dict[str, float]:
    """Sliders two a row, their values by name."""
    names, values = list(labels), {}
    for pair in (names[:2], names[2:]):  # a row of columns each, so that a phone keeps the order
        for column, name in zip(st.columns(2), pair, strict=False):
            with column:
                values[name] = st.slider(
                    labels[name], -REACH, REACH, _DEFAULTS[name], STEP, key=f"neurons_{name}", **KEPT
                )
    return values


def _draw_circuit(circuit: Circuit, reading: GateReading, gate: str) -> None:
    last = len(circuit.units) - 1
    names = {last: "y: threshold"} | {k: f"{name}: threshold" for k, name in enumerate(_hidden_names(circuit))}
    # The answer's line first: the first name is drawn solid.
    lines = sorted(threshold_lines(circuit, LOW, HIGH), key=lambda line: -line.unit)
    chart = plane_chart(
        CORNERS,
        reading.targets,
        low=LOW,
        high=HIGH,
        dots=decision_dots(circuit, LOW, HIGH),
        lines=[(names[line.unit], line.ends) for line in lines],
        wrong=~reading.right,
    )
    right = int(reading.right.sum())
    alt = f"The plane of x₁ and x₂ with the four corners of {gate}, {right} of them right, and the threshold line"
    st.echarts_chart(chart, height=HEIGHT, key="neurons_plane", alt=alt)
    if right == 4:
        st.success(f"All four corners right: this is {gate}.", icon=":material/check:")
    else:
        st.info(f"{right} of 4 corners right. The framed ones with a ✗ are wrong.", icon=":material/search:")


def _hidden_names(circuit: Circuit) -> list[str]:
    return {1: [], 2: ["h"]}.get(len(circuit.units), ["h₁", "h₂"])


def _show_truth_table(circuit: Circuit, reading: GateReading) -> None:
    hidden = {name: reading.states[:, k].tolist() for k, name in enumerate(_hidden_names(circuit))}
    inputs = " + ".join(["w₁x₁", "w₂x₂", *(f"v{name}" for name in hidden)])
    st.table(
        {
            "x₁": CORNERS[:, 0].astype(int).tolist(),
            "x₂": CORNERS[:, 1].astype(int).tolist(),
            **hidden,
            f"{inputs} ≥ θ?": list(reading.arithmetic),
            "y": reading.answers.tolist(),
            "target": reading.targets.tolist(),
            "right?": ["✓" if right else "✗ wrong" for right in reading.right],
        },
        hide_index=True,
        alt="Each corner's arithmetic, answer and target",
    )


def corner_rows(shown: dict[str, Any]) -> list[tuple[int, int, str, int, int]]:
    """Corner, arithmetic, answer and target."""
    reading: GateReading = shown["gate"]
    corners = CORNERS.astype(int).tolist()
    each = zip(corners, reading.arithmetic, reading.answers.tolist(), reading.targets.tolist(), strict=True)
    return [(x1, x2, sums, answer, target) for (x1, x2), sums, answer, target in each]


def show_perceptron() -> None:
    """Rosenblatt's rule, live: point by point, on the gates and on two clouds."""
    task = st.segmented_control("Task", list(TASKS), default="AND", required=True, key="neurons_task", **KEPT)
    columns = st.columns(4)
    with columns[0]:
        distance = st.slider(
            "Distance between the clouds",
            0.0,
            8.0,
            5.0,
            0.5,
            key="neurons_distance",
            help="Between their middles; each cloud has a spread of 1 and 20 points.",
            disabled=task != CLOUDS,
            **KEPT,
        )
    with columns[1]:
        rate = st.select_slider("Rate η", RATES, 1.0, key="neurons_rate", help=_RATE_TIP, **KEPT)
    with columns[2]:
        rounds = st.slider("Rounds at most", 1, 60, 30, key="neurons_rounds", **KEPT)
    with columns[3]:
        pace = st.select_slider("Pace, points a second", [2, 10, 50, 500], 10, key="neurons_pace", **KEPT)
    spec = None
    with frame.problems_in_place():
        spec = PerceptronConfig(task, distance, rate, rounds, float(pace))
    job = training_panel(
        "neurons_perceptron",
        factory=learn_perceptron,
        spec=spec,
        title="Perceptron",
        draw=lambda view: _draw_perceptron(view, spec),
    )
    if job is None and spec is not None:
        _draw_points(spec, None)


def _draw_perceptron(view: JobView[PerceptronProgress], spec: PerceptronConfig | None) -> None:
    """The run; but once it is over and other points have been set, those points, waiting for a run of their own."""
    latest = view.latest
    if latest is None:
        return
    config = latest.config
    if spec is not None and not view.live and (spec.task, spec.distance) != (config.task, config.distance):
        _draw_points(spec, None)
        return
    left, right = st.columns(2, gap="large")
    with left:
        _draw_points(config, latest)
    with right:
        points, targets = task_points(config.task, config.distance, config.seed)
        chart = mistakes_chart(latest.by_round, rounds=config.rounds, points=len(points))
        alt = f"Mistakes in each round so far: {', '.join(map(str, latest.by_round))}"
        st.echarts_chart(chart, height=240, key="neurons_mistakes", alt=alt)
        _tell_run(latest, separate(points, targets))


def _tell_run(latest: PerceptronProgress, best: Separation) -> None:
    """The run in words: the last point, the mistakes against their bound, and how it ended."""
    w, b, rounds = latest.weights, latest.bias, latest.config.rounds
    st.markdown(
        f"Round {len(latest.by_round)}; the last point was answered **{'wrong ✗' if latest.mistaken else 'right ✓'}**. "
        f"Now w₁ = {w[0]:.3g}, w₂ = {w[1]:.3g}, θ = −b = {-b:.3g}."
    )
    if best.separable:
        st.markdown(
            f"**{latest.mistakes}** mistakes so far, of at most (R/γ)² = ({best.radius:.3g}/{best.margin:.3g})² = "
            f"**{math.floor(best.most_mistakes + 1e-6):,}**, whatever the order of the points (Novikoff, 1962). R is the "
            "length of the farthest point, γ the room that the best line leaves, both with a third input that is always 1."
        )
    else:
        st.markdown(
            f"**{latest.mistakes}** mistakes so far. No line parts these points, so no bound holds: every round has at "
            f"least one mistake, for ever. The run stops after {rounds} rounds."
        )
    if latest.converged:
        st.success("A whole round without a mistake: nothing will change any more.", icon=":material/check:")
    elif latest.step == latest.steps:
        st.warning(f"Stopped after {rounds} rounds, still making mistakes.", icon=":material/block:")


def _draw_points(config: PerceptronConfig, latest: PerceptronProgress | None) -> None:
    """The task's points; once a run is under way its line, its errors now, and the point it looked at."""
    points, targets = task_points(config.task, config.distance, config.seed)
    low, high = (-5.0, 11.0) if config.task == CLOUDS else (LOW, HIGH)
    lines, dots, wrong = [], points[:0], targets < 0
    if latest is not None:
        unit = ThresholdUnit((float(latest.weights[0]), float(latest.weights[1])), -latest.bias)
        circuit = Circuit((unit,))
        lines = [("threshold", line.ends) for line in threshold_lines(circuit, low, high)]
        dots, wrong = decision_dots(circuit, low, high), unit.fires(points) != targets
    chart = plane_chart(
        points,
        targets,
        low=low,
        high=high,
        dots=dots,
        lines=lines,
        wrong=wrong,
        looked_at=None if latest is None else latest.index,
        size=10 if config.task == CLOUDS else 20,
    )
    alt = f"The points of {config.task}, {int(wrong.sum())} of {len(points)} answered wrong by the line as it is now"
    st.echarts_chart(chart, height=HEIGHT, key="neurons_points", alt=alt)
