"""Two pages: one trains, the other is for reading. The environment says how soon an unwatched run ends."""

import os
import time

import streamlit as st

from explorer.ui.job_panel import board, keep_alive, training_panel
from explorer.ui.jobs import JobView
from tests.ui.scripts.countdown import Progress, Spec, countdown

st.set_page_config(page_title="Jobs", page_icon="🔤")
board().idle_seconds = float(os.environ.get("JOBS_IDLE_SECONDS", "15"))


def draw(view: JobView[Progress]) -> None:
    """The curve and the newest numbers."""
    st.line_chart({"loss": [entry.loss for entry in view.history]}, height=200)
    if view.latest is not None:
        st.html(f'<p class="newest">{view.latest.step}: {view.latest.loss:.6f}</p>')


def train() -> None:
    """The page with the panel and a slider of its own."""
    st.title("Training")
    steps = st.slider("Steps", 10, 5000, 5000, key="steps")
    left, right = st.columns(2)
    number = left.slider("Any number", 0, 100, 7, key="any_number")
    right.markdown(f"Twice that is {2 * number}")
    training_panel(
        "run", factory=countdown, spec=Spec(steps=steps, seconds_per_step=0.01), title="A small run", draw=draw
    )
    st.markdown("The page goes on below.")


def read() -> None:
    """A page without a panel; its button keeps the tab's script busy for longer than a run waits."""
    st.title("Reading")
    if st.button("Think for long"):
        time.sleep(2.5 * board().idle_seconds)
        st.markdown("Thought about it.")


keep_alive()
st.navigation(
    [
        st.Page(train, title="Training", url_path="training", default=True),
        st.Page(read, title="Reading", url_path="reading"),
    ]
).run()
