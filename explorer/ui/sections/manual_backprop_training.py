"""The page Backprop by hand, at work: the MLP trained by hand-written gradients, autograd's twin beside it."""

from __future__ import annotations

import math
from functools import partial

import streamlit as st

from explorer.figures.manual_backprop import twin_losses_chart
from explorer.training.manual_backprop import ManualConfig, ManualProgress, train_by_hand
from explorer.ui import frame
from explorer.ui.job_panel import JobView, training_panel
from explorer.ui.sections.manual_backprop import windows
from explorer.ui.state import KEPT

_ROUNDING = 1e-9  # gradients of double precision that are further apart have been driven there step by step


def show_training(corpus: str) -> None:
    """The controls of a run and its drawing."""
    columns = st.columns(4)
    with columns[0]:
        steps = st.number_input("Steps", 1, 200_000, 2000, key="backprop_steps", **KEPT)
    with columns[1]:
        rate = st.number_input(
            "Learning rate",
            0.0,
            1000.0,
            0.1,
            key="backprop_rate",
            help="In the first half of the run; a tenth of it in the second.",
            **KEPT,
        )
    with columns[2]:
        batch = st.number_input("Examples a step", 2, 512, 32, key="backprop_batch", **KEPT)
    with columns[3]:
        width = st.number_input("Hidden units", 1, 512, 200, key="backprop_width", **KEPT)
    beside = st.toggle("Autograd's net beside it, for comparison", True, key="backprop_beside", **KEPT)
    spec = None
    with frame.problems_in_place():
        spec = ManualConfig(corpus, int(steps), float(rate), int(batch), int(width), bool(beside))
    held = windows(corpus)  # read once for all runs; the generator would read it anew
    uniform = math.log(held.tokenizer.vocab_size)
    training_panel(
        "backprop_run",
        factory=partial(train_by_hand, windows=held),
        spec=spec,
        title="MLP by hand-written gradients",
        draw=lambda view: _draw(view, uniform),
    )


def _draw(view: JobView[ManualProgress], uniform: float) -> None:
    latest = view.latest
    if latest is None:
        return
    by_hand = [(progress.step, progress.smooth_loss) for progress in view.history]
    twin = [(p.step, p.smooth_autograd_loss) for p in view.history if p.smooth_autograd_loss is not None]
    frame.shown("backprop").update(
        losses=[(p.step, p.loss, "" if p.autograd_loss is None else p.autograd_loss) for p in view.history]
    )
    st.echarts_chart(
        twin_losses_chart(by_hand, twin, uniform, steps=latest.steps),
        height=330,
        key="backprop_losses",
        alt="Loss by step of the net trained by hand and of its twin trained by autograd: one line upon the other",
    )
    said = [
        f"{latest.parameters:,} learned numbers. Step {latest.step:,}: loss of the batch **{latest.loss:.4f}** nats."
    ]
    if latest.loss_difference is not None and latest.gradient_difference is not None:
        why = "rounding" if latest.gradient_difference < _ROUNDING else "rounding, which this run has blown up"
        said.append(
            f"Since the beginning the two losses were never further apart than **{latest.loss_difference:.1e}**, the two "
            f"gradients never further than **{latest.gradient_difference:.1e}**: {why}."
        )
    if latest.train_loss is not None:
        said.append(
            f"Over the whole splits: training **{latest.train_loss:.4f}**, held out **{latest.validation_loss:.4f}** nats."
        )
    st.markdown(" ".join(said))
    st.caption(
        "Curves are averaged over about the last fifty steps; the wide pale line is ours, the thin dashed one autograd's."
    )
