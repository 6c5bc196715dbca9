"""Training panels whose drawing is a snapshot chosen by a scrubber, and a second page to leave for."""

import streamlit as st

from explorer.ui.job_panel import keep_alive, training_panel
from explorer.ui.jobs import JobView
from explorer.ui.scrubber import scrubber
from tests.ui.scripts.countdown import Progress, Spec, countdown


def draw(view: JobView[Progress]) -> None:
    """The loss at the chosen step, every tenth step being a snapshot."""
    snapshots = [entry for entry in view.history if entry.step % 10 == 0]
    index = scrubber("run_snapshot", [entry.step for entry in snapshots], view.status == "running")
    if index >= 0:
        st.markdown(f"snapshot of step {snapshots[index].step} loss {snapshots[index].loss:.6f}")


def train() -> None:
    """The page with the panel and a slider of its own."""
    st.title("Training")
    st.slider("Any number", 0, 100, 7, key="any_number")
    spec = Spec(steps=int(st.query_params.get("steps", "60")), seconds_per_step=0.01)
    training_panel("run", factory=countdown, spec=spec, title="A small run", draw=draw)


def read() -> None:
    """A page without a panel."""
    st.title("Reading")


keep_alive()
st.navigation(
    [
        st.Page(train, title="Training", url_path="training", default=True),
        st.Page(read, title="Reading", url_path="reading"),
    ]
).run()
