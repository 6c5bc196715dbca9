"""What BatchNorm does with a batch: the two modes, statistics on their way, and folding it away."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st
import torch
from torch import Tensor

from explorer.figures.diagnostics import arriving_chart, mates_chart
from explorer.inspection.batchnorm import batchnorm_names, read_fold, read_mates, read_running
from explorer.inspection.watching import Lesson, WatchConfig, build, restored, watched_batch, window_labels
from explorer.models.window_model import WindowModel
from explorer.ui import frame
from explorer.ui.sections.watching import WatchJob, lesson
from explorer.ui.state import KEPT, hold_at_most

FRESH, TRAINED = "as it starts, untrained", "as the run above left it"
TRIALS = 40
BATCHES = 80
SHOWN_LOGITS = 8


def show_batchnorm(config: WatchConfig, job: WatchJob | None, shown: dict[str, Any]) -> None:
    """One network with BatchNorm, untrained or trained, under both modes; its statistics; the network without it."""
    chosen = _network(config, job)
    if chosen is None:
        return
    model, text, settings = chosen
    layers = batchnorm_names(model)
    columns = st.columns(3, gap="medium")
    with columns[0]:
        hold_at_most("bn_layer", len(layers))
        layer = 1
        if len(layers) > 1:
            layer = st.slider("BatchNorm layer", 1, len(layers), 1, key="bn_layer", **KEPT)
        unit_count = int(model.get_parameter(f"{layers[layer - 1]}.weight").shape[0])
    with columns[1]:
        hold_at_most("bn_unit", unit_count - 1)
        unit = int(st.number_input("Neuron of it", 0, unit_count - 1, 0, key="bn_unit", **KEPT))
    with columns[2]:
        batch = int(st.select_slider("Examples in a batch", [2, 4, 8, 32, 128, 512], 32, key="bn_mates", **KEPT))
    with frame.problems_in_place():
        _show_mates(model, text, settings, layers[layer - 1], unit, batch)
        _show_running(model, text, settings, layers[layer - 1], unit, batch)
        _show_fold(model, text, settings, shown)


def _network(config: WatchConfig, job: WatchJob | None) -> tuple[WindowModel, Lesson, WatchConfig] | None:
    """The network to open, its corpus and settings; None with the reason in place."""
    source = st.segmented_control(
        "The network", [FRESH, TRAINED], default=FRESH, required=True, key="bn_source", **KEPT
    )
    settings, state = config, None
    if source == TRAINED:
        latest = job.view().latest if job is not None else None
        if job is None or latest is None:
            st.info("Nothing has been trained yet: press Train above. Until then, the untrained network is used.")
        else:
            settings, state = job.spec, latest.newest.state
            st.caption(f"The weights after {latest.newest.step:,} steps of that run, with the settings it began with.")
    if not settings.batch_norm:
        st.info("This network has no BatchNorm: switch it on above.")
        return None
    text = lesson(settings.corpus)
    with frame.problems_in_place():
        return (build(text, settings) if state is None else restored(text, settings, state)), text, settings
    return None


def _show_mates(model: WindowModel, text: Lesson, config: WatchConfig, layer: str, unit: int, batch: int) -> None:
    windows, targets = watched_batch(text, config)
    label = window_labels(text, windows[:1], targets[:1])[0]
    reading = read_mates(
        model, text.batches, windows[0], int(targets[0]), layer, unit, batch_size=batch, trials=TRIALS, seed=config.seed
    )
    st.markdown(
        f"**One example among other mates.** The window “{label}” was put into {TRIALS} batches of {batch}, each time with "
        f"other examples. In train mode the same neuron gave between {reading.training.min():.3f} and "
        f"{reading.training.max():.3f} (std **{reading.training.std():.3f}**), though nothing about the example changed: "
        "mean and variance are the batch’s. In eval mode the running statistics stand in and it gives "
        f"**{reading.evaluation:.3f}** every time, alone or in company."
    )
    left, right = st.columns(2, gap="medium")
    with left:
        chart = mates_chart(reading.training, reading.evaluation, "output of BatchNorm")
        alt = f"One neuron's output for the same example in {TRIALS} batches, and in eval mode"
        st.echarts_chart(chart, height=300, key="bn_mates_chart", alt=alt)
    with right:
        chart = mates_chart(reading.training_surprise, reading.evaluation_surprise, "−ln p of the right letter")
        alt = f"The example's loss in {TRIALS} batches in train mode, and in eval mode"
        st.echarts_chart(chart, height=300, key="bn_mates_loss", alt=alt)


def _show_running(model: WindowModel, text: Lesson, config: WatchConfig, layer: str, unit: int, batch: int) -> None:
    st.markdown(
        "**Running statistics arrive.** Weights at rest, statistics set back to mean 0 and variance 1, then "
        f"{BATCHES} batches of {batch}: after each, the running value moves by the momentum towards the batch’s."
    )
    momentum = st.select_slider(
        "Momentum: the share of the newest batch", [0.001, 0.01, 0.03, 0.1, 0.3, 1.0], 0.1, key="bn_momentum", **KEPT
    )
    reading = read_running(
        model, text.batches, layer, unit, momentum=float(momentum), batch_size=batch, steps=BATCHES, seed=config.seed
    )
    left, right = st.columns(2, gap="medium")
    with left:
        chart = arriving_chart(reading.batch_mean, reading.mean, reading.true_mean, "mean")
        st.echarts_chart(chart, height=300, key="bn_running_mean", alt="Mean of each batch and the running mean")
    with right:
        chart = arriving_chart(reading.batch_variance, reading.variance, reading.true_variance, "variance")
        st.echarts_chart(chart, height=300, key="bn_running_var", alt="Variance of each batch and the running variance")
    left_over = (1 - float(momentum)) ** BATCHES
    st.caption(
        f"What is left of the first guess after {BATCHES} batches: (1 − {momentum:g})^{BATCHES} = {left_over:.1e}. "
        "A small momentum arrives late and then rests; momentum 1 keeps the last batch alone."
    )


def _show_fold(model: WindowModel, text: Lesson, config: WatchConfig, shown: dict[str, Any]) -> None:
    windows, targets = text.batches.sample(256, torch.Generator().manual_seed(config.seed))
    reading = read_fold(model, windows)
    shown["fold"] = reading
    st.markdown(
        f"**Folded away.** In eval mode BatchNorm is a fixed scale and shift, so the linear layer before it can do both: "
        f"W′ = s W and b′ = s (b − mean) + shift, with s = scale ÷ √(variance + ε). {reading.layers} BatchNorms folded, "
        f"{reading.parameters:,} learned numbers became {reading.parameters_folded:,}. Over 256 windows the "
        f"largest difference of a logit is **{reading.largest_difference:.1e}**: rounding. Against train mode it is "
        f"**{reading.largest_in_training:.2g}**: that cannot be folded, since it depends on the batch."
    )
    _fold_table(reading.logits, reading.folded, text, windows, targets)


def _fold_table(logits: np.ndarray, folded: np.ndarray, text: Lesson, windows: Tensor, targets: Tensor) -> None:
    label = window_labels(text, windows[:1], targets[:1])[0]
    top = np.argsort(-logits[0], kind="stable")[:SHOWN_LOGITS].tolist()
    st.dataframe(
        {
            "next letter": [text.labels[i] for i in top],
            "logit with BatchNorm": logits[0, top].tolist(),
            "logit folded": folded[0, top].tolist(),
            "difference": (logits[0, top] - folded[0, top]).tolist(),
        },
        hide_index=True,
        column_config={
            "logit with BatchNorm": st.column_config.NumberColumn(format="%.7f"),
            "logit folded": st.column_config.NumberColumn(format="%.7f"),
            "difference": st.column_config.NumberColumn(format="%.1e"),
        },
    )
    st.caption(f"The {len(top)} largest logits for the window “{label}”.")
