"""The BatchNorm page's network: its controls, what it shows before training, and the same while it trains."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import streamlit as st

from explorer.figures.diagnostics import depth_chart, logarithmic_depth_chart, updates_chart
from explorer.figures.loss import loss_chart
from explorer.inspection.diagnostics import Diagnosis
from explorer.inspection.watching import (
    Lesson,
    WatchConfig,
    check_size,
    first_look,
    prepare,
    read_depth,
    watch_mlp,
)
from explorer.models.mlp import INITIALISATIONS, TANH_GAIN
from explorer.text.corpora import is_local
from explorer.training.config import OPTIMIZERS
from explorer.training.memory import in_words
from explorer.training.watching import WatchProgress
from explorer.ui import frame, resources
from explorer.ui.job import Job
from explorer.ui.job_panel import JobView, training_panel
from explorer.ui.own_runs import remember_job
from explorer.ui.pickers import corpus_picker
from explorer.ui.scrubber import scrubber
from explorer.ui.sections.diagnostics import layer_rows, parameter_names, show_diagnosis
from explorer.ui.state import KEPT

WatchJob = Job[WatchConfig, WatchProgress[Diagnosis]]

CONTEXT = 3
GAIN = round(TANH_GAIN, 4)
GAINS = (0.5, 1.0, GAIN, 3.0)
PACES = {"50 a second": 50.0, "200 a second": 200.0, "as fast as it goes": math.inf}
CORPUS = "bn_corpus"


@st.cache_resource(max_entries=6, show_spinner="Reading the corpus…")
def lesson(corpus: str) -> Lesson:
    """A corpus made ready for windows of three letters."""
    return prepare(resources.corpus(corpus), CONTEXT)


def pick_corpus() -> str | None:
    """The corpus, names first: makemore's where it is on this machine, else the given names that are shipped."""
    if "_bn_begun" not in st.session_state and CORPUS not in st.query_params and CORPUS not in st.session_state:
        st.session_state[CORPUS] = "names" if is_local("names") else "given-names"
    st.session_state["_bn_begun"] = True  # from now on the choice is the visitor's, over page changes too
    return corpus_picker(CORPUS)


def controls(corpus: str) -> WatchConfig | None:
    """Every setting of the network and its training; None with the reason in place where they cannot be."""
    columns = st.columns(3, gap="medium")
    with columns[0]:
        batch_norm = st.toggle("BatchNorm after every linear layer", True, key="bn_on", **KEPT)
        initialisation = st.selectbox("Initial weights", list(INITIALISATIONS), key="bn_init", **KEPT)
        gain = st.number_input(
            "Gain: times 1/√inputs",
            value=GAIN,
            step=0.1,
            format="%.4f",
            key="bn_gain",
            help=f"5/3 ≈ {GAIN} makes up for what tanh takes away. Used by “good” and “times ten”.",
            **KEPT,
        )
    with columns[1]:
        depth = st.slider("Hidden layers", 1, 8, 5, key="bn_depth", **KEPT)
        width = st.number_input("Width: neurons a layer", value=100, step=10, key="bn_width", **KEPT)
        batch = st.number_input("Batch: examples a step", value=32, step=16, key="bn_batch", **KEPT)
    with columns[2]:
        rate = st.number_input("Learning rate", value=0.1, step=0.05, format="%.4g", key="bn_rate", **KEPT)
        optimizer = st.segmented_control(
            "Optimizer", list(OPTIMIZERS), default="sgd", required=True, key="bn_optimizer", **KEPT
        )
        steps = st.number_input("Optimizer steps", 1, 20_000, 1000, step=100, key="bn_steps", **KEPT)
    pace = st.segmented_control(
        "Pace of the training below", list(PACES), default="200 a second", required=True, key="bn_pace", **KEPT
    )
    st.caption(f"“{initialisation}”: {INITIALISATIONS[initialisation]}")
    with frame.problems_in_place():
        config = WatchConfig(
            corpus=corpus,
            batch_norm=bool(batch_norm),
            gain=float(gain),
            n_hidden_layers=int(depth),
            d_hidden=int(width),
            initialisation=str(initialisation),
            learning_rate=float(rate),
            optimizer=str(optimizer),
            steps=int(steps),
            batch_size=int(batch),
            pace=PACES[str(pace)],
        )
        st.caption(f"A run takes about {in_words(check_size(lesson(corpus), config))} of memory.")
        return config
    return None


def show_first_look(config: WatchConfig, shown: dict[str, Any]) -> None:
    """The network before any training: first loss, diagnostics, and the signal through the depth."""
    text = lesson(config.corpus)
    with frame.problems_in_place():
        reading = first_look(text, config)
        shown["first"] = reading
        _first_loss(reading, text)
        show_diagnosis(reading, "bn_first")
        _show_depth(text, config)


def _first_loss(reading: Diagnosis, text: Lesson) -> None:
    V = text.vocab_size
    logits = reading.layers[-1].activations
    columns = st.columns(3)
    columns[0].metric("First loss, nats", f"{reading.loss:.3f}")
    columns[1].metric(f"Guessing evenly: ln {V}", f"{reading.uniform_loss:.3f}")
    columns[2].metric("Spread of the logits", f"{logits.std:.3f}", help="Their standard deviation.")
    above = reading.loss - reading.uniform_loss
    verdict = (
        "The network begins without opinions, as it should."
        if abs(above) < 0.1
        else f"That is {above:.2f} nats more: it begins **confidently wrong**, and its first steps only unlearn that."
        if above > 0
        else "By luck of the draw it is a little below."
    )
    st.markdown(
        f"Why ln {V}: a network that knows nothing should give all {V} letters the same probability 1/{V}, which costs "
        f"−ln(1/{V}) = {reading.uniform_loss:.3f} nats whatever comes. Logits that differ without having learned "
        f"anything only cost. {verdict}"
    )


def _show_depth(text: Lesson, config: WatchConfig) -> None:
    st.markdown(
        "**Through the depth, before training**: what becomes of the signal on its way up, and of the gradient on its way "
        f"down, for gains {', '.join(f'{g:.3g}' for g in GAINS)} and yours. "
        + (
            "With BatchNorm every gain but 0 gives nearly the same line: what enters each tanh is rescaled to spread 1."
            if config.batch_norm
            else "Without BatchNorm each layer multiplies the spread: it shrinks, holds, or saturates."
        )
    )
    if config.initialisation not in ("good", "times ten"):
        st.caption(f"The initialisation “{config.initialisation}” has no gain, so the lines are the same.")
    gains = tuple(dict.fromkeys((*GAINS, config.gain)))
    readings = read_depth(text, config, gains)
    left, middle, right = st.columns(3, gap="medium")
    named = {f"gain {x.gain:.3g}": x for x in readings}
    with left:
        chart = depth_chart({n: x.spreads for n, x in named.items()}, "std of tanh outputs", high=1.0)
        st.echarts_chart(chart, height=300, key="bn_depth_spread", alt=_depth_alt("Standard deviation", readings))
    with middle:
        chart = depth_chart({n: 100 * x.saturated for n, x in named.items()}, "% saturated", high=100.0)
        st.echarts_chart(
            chart, height=300, key="bn_depth_saturated", alt="Share of saturated neurons by layer and gain"
        )
    with right:
        chart = logarithmic_depth_chart({n: x.gradients for n, x in named.items()}, "std of gradient")
        st.echarts_chart(chart, height=300, key="bn_depth_gradient", alt="Spread of the gradient by layer and gain")


def _depth_alt(what: str, readings: Any) -> str:
    each = "; ".join(f"gain {x.gain:.3g}: " + ", ".join(f"{s:.2f}" for s in x.spreads) for x in readings)
    return f"{what} of each layer's outputs. {each}"


def show_training(config: WatchConfig | None, shown: dict[str, Any]) -> WatchJob | None:
    """The live run and its scrubber; the run, once there is one."""
    job = training_panel(
        "bn",
        factory=watch_mlp,
        spec=config,
        title="Deep MLP, watched",
        draw=lambda view: _draw(view, shown),
    )
    remember_job(job, _title, "pages/batchnorm.py")
    return job


def _title(spec: WatchConfig) -> str:
    norm = "with" if spec.batch_norm else "without"
    return f"MLP of {spec.n_hidden_layers} hidden layers {norm} BatchNorm, {spec.steps:,} steps"


def _draw(view: JobView[WatchProgress[Diagnosis]], shown: dict[str, Any]) -> None:
    latest = view.latest
    if latest is None:
        return
    shown["run"] = latest
    snapshot = latest.snapshots[-1]
    if view.status == "running":
        # No slider meanwhile: one that code moves twice a second answers now and then with the value before.
        st.caption("The pictures follow the run. When it rests, a slider here goes through its snapshots.")
    else:
        snapshot = latest.snapshots[scrubber("bn_snapshot", [s.step for s in latest.snapshots], live=False)]
    stopped = math.isnan(latest.loss)
    if stopped:
        st.markdown(
            f"Loss at step {latest.step:,}: **NaN, or as good as**: the run has diverged. Every step overshot the valley "
            "and landed higher on the other slope, so the next was longer still. What is drawn is the last good state, of "
            f"step {latest.snapshots[-1].step:,}."
        )
    left, right = st.columns(2, gap="medium")
    with left:
        st.markdown("**Loss of each batch**")
        curve = [(p.step, p.loss) for p in view.history if math.isfinite(p.loss)]
        levels = {"guessing evenly": latest.snapshots[0].reading.uniform_loss}
        chart = loss_chart({"loss": curve}, levels, steps=latest.steps)
        st.echarts_chart(chart, height=320, key="bn_loss", alt="Loss of each batch by step, with the level of guessing")
    with right:
        st.markdown("**How far each step moves the weights**")
        ratios = np.array([u.log_ratios for u in latest.updates]).reshape(-1, len(latest.names))
        chart = updates_chart(
            parameter_names(latest.names),
            [u.step for u in latest.updates],
            ratios,
            total=latest.steps,
            at=snapshot.step,
        )
        st.echarts_chart(chart, height=320, key="bn_updates", alt=_updates_alt(latest))
    if latest.validation_loss is not None:
        st.markdown(f"Held-out loss at the end of the run: **{latest.validation_loss:.4f}** nats a letter.")
    st.markdown(
        f"**After {snapshot.step:,} steps**, the same {snapshot.reading.examples} examples at every look "
        f"(their loss now: {snapshot.reading.loss:.3f} nats):"
    )
    show_diagnosis(snapshot.reading, "bn_run")


def _updates_alt(latest: WatchProgress[Diagnosis]) -> str:
    if not latest.updates:
        return "No update has been measured yet"
    names = parameter_names(latest.names)
    last = latest.updates[-1]
    said = ", ".join(f"{n} {r:.2f}" for n, r in zip(names, last.log_ratios, strict=True))
    return f"Base-10 logarithm of update to data ratios at step {last.step}: {said}"


# (initial weights, BatchNorm, first losses, held-out losses) of seeds 1, 2 and 3: one hidden layer of 200 neurons, context
# 3, makemore's names, TrainingConfig(steps=50_000, batch_size=32, learning_rate=0.1, optimizer="sgd", schedule="step",
# weight_decay=0.0, clip=1e30), measured on 21 November 2026.
LONG_RUNS = (
    ("standard normal", False, (31.894, 27.654, 24.280), (2.2377, 2.2375, 2.2307)),
    ("times ten", False, (39.196, 35.489, 30.201), (2.3143, 2.3588, 2.3147)),
    ("good", False, (3.318, 3.323, 3.290), (2.1295, 2.1348, 2.1307)),
    ("good", True, (3.315, 3.318, 3.271), (2.1517, 2.1509, 2.1474)),
)


def show_long_runs() -> None:
    """What the start is worth in the end, with one hidden layer: our own measurement."""
    with st.expander("Does the start still matter after 50,000 steps? Measured by us"):
        st.dataframe(
            {
                "initial weights": [
                    name + (" + BatchNorm" if batch_norm else "") for name, batch_norm, _, _ in LONG_RUNS
                ],
                "first loss (mean of 3 seeds)": [sum(first) / len(first) for _, _, first, _ in LONG_RUNS],
                "held-out loss": [sum(last) / len(last) for _, _, _, last in LONG_RUNS],
                "lowest": [min(last) for _, _, _, last in LONG_RUNS],
                "highest": [max(last) for _, _, _, last in LONG_RUNS],
            },
            hide_index=True,
            column_config={
                name: st.column_config.NumberColumn(format="%.3f")
                for name in ("first loss (mean of 3 seeds)", "held-out loss", "lowest", "highest")
            },
        )
        st.caption(
            "makemore names, one hidden layer of 200 neurons, plain gradient descent on batches of 32, rate 0.1, then 0.01 "
            "after half of the 50,000 steps; losses in nats a letter. A bad start still costs one or two tenths of a nat. "
            "BatchNorm ended 0.02 above the good start alone: one hidden layer leaves it little to mend."
        )


def update_rows(shown: dict[str, Any]) -> list[tuple[int, str, float]]:
    """For a download: step, parameter and log₁₀ of update:data of the run on the screen."""
    if "run" not in shown:
        return []
    run: WatchProgress[Diagnosis] = shown["run"]
    names = parameter_names(run.names)
    return [(u.step, n, r) for u in run.updates for n, r in zip(names, u.log_ratios, strict=True)]


def run_rows(shown: dict[str, Any]) -> list[tuple[Any, ...]]:
    """For a download: a row a layer of every snapshot of the run on the screen."""
    if "run" not in shown:
        return []
    run: WatchProgress[Diagnosis] = shown["run"]
    return [(snapshot.step, *row) for snapshot in run.snapshots for row in layer_rows(snapshot.reading)]
