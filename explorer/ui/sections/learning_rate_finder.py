"""The learning-rate finder: its sweep, the rate it suggests, and a button that takes the rate over."""

from __future__ import annotations

import streamlit as st

from explorer.figures.mlp import sweep_chart
from explorer.training.learning_rate_finder import FinderProgress, MLPFinderSpec, find_for_mlp, suggest_rate
from explorer.training.mlp import MLPSpec
from explorer.ui import frame
from explorer.ui.job_panel import JobView, training_panel
from explorer.ui.state import set_controls


def show_finder(run: MLPSpec | None) -> None:
    """A sweep on a fresh network of the run's settings."""
    st.subheader("Which learning rate? Try them all", anchor=False)
    st.markdown(
        "A fresh network of the settings above gets 300 batches, each at a rate 5.5 % higher than the one before. Rates "
        "too small change nothing; then the loss falls; then the steps overshoot and it runs away, and the sweep stops. "
        "It is quick, but it is a training run: it takes the place of one of yours that is still going."
    )
    training_panel(
        "mlp_finder",
        factory=find_for_mlp,
        spec=None if run is None else MLPFinderSpec(run),
        title="Learning-rate finder",
        draw=_draw,
        start_label="Sweep",
    )


def _draw(view: JobView[FinderProgress]) -> None:
    sweep = view.history
    suggested = suggest_rate(sweep) if not view.live else None
    chart = sweep_chart(
        [point.rate for point in sweep],
        [point.loss for point in sweep],
        [point.smoothed for point in sweep],
        suggested,
    )
    st.echarts_chart(chart, height=340, key="mlp_sweep", alt="Loss against the learning rate, on a logarithmic axis")
    frame.shown("mlp").update(sweep=sweep)
    if view.live:
        return
    if view.latest is not None and view.latest.stopped:
        st.caption(view.latest.stopped)
    if suggested is None:
        st.info("The loss never fell in this sweep, so it suggests no rate.")
        return
    st.markdown(f"The running mean was lowest at a rate of **{suggested:g}**: that is the suggestion.")
    if st.button(
        f"Train with {suggested:g}", key="mlp_take_rate", on_click=set_controls, args=({"mlp_rate": suggested},)
    ):
        st.rerun()  # of the whole page: the control stands outside this fragment
