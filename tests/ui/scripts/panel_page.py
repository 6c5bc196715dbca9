"""A page with one training panel, a slider and a text box."""

import os

import streamlit as st

from explorer.ui.job_panel import board, keep_alive, training_panel
from explorer.ui.jobs import JobView
from tests.ui.scripts.countdown import Progress, Spec, countdown

st.set_page_config(page_title="Panel", page_icon="🔤")
board().idle_seconds = float(os.environ.get("JOBS_IDLE_SECONDS", "15"))
keep_alive()

st.title("A small run")
steps = st.slider("Steps", 10, 5000, 2000, key="steps")
fails_at = st.number_input("Fails at step", value=None, min_value=1, key="fails_at")
left, right = st.columns(2)
doubled = left.slider("Any number", 0, 100, 7, key="any_number")
right.markdown(f"Twice that is {2 * doubled}")


def draw(view: JobView[Progress]) -> None:
    """The curve and the newest loss."""
    st.line_chart({"loss": [entry.loss for entry in view.history]}, height=200)
    if view.latest is not None:
        st.markdown(f"step {view.latest.step} loss {view.latest.loss:.6f} of {len(view.history)} entries")


training_panel(
    "run",
    factory=countdown,
    spec=Spec(steps=steps, seconds_per_step=0.01, fails_at=None if fails_at is None else int(fails_at)),
    title="A small run",
    draw=draw,
)
st.markdown("The page goes on below.")
