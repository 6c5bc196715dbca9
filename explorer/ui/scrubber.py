"""A slider over the snapshots of a training run: the pictures follow the run, and can be gone through afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import streamlit as st


def scrubber(key: str, steps: Sequence[int], live: bool) -> int:
    """The index of the snapshot to draw; −1 while there is none.

    key: the slider's, unique in the app. steps: the step of each snapshot, rising. live: whether the run is at work
    (pass `view.status == "running"`, and a paused run can be gone through as well): the slider then rests, disabled, on
    the newest snapshot. Afterwards it stays where the visitor puts it, over reruns and page changes, until there
    are other snapshots; then it begins at the newest of those. Call it where its figure is redrawn, in the panel's
    `draw`. Raises ValueError for steps that do not rise.

        index = scrubber("mlp_snapshot", [snapshot.step for snapshot in snapshots], view.status == "running")
        if index >= 0:
            draw(snapshots[index])
    """
    known = tuple(int(step) for step in steps)
    if any(later <= earlier for earlier, later in pairwise(known)):
        raise ValueError(f"The steps of the snapshots must rise, each once; got {known[:8]}.")
    if len(known) < 2:
        at = f"The only snapshot so far is of step {known[0]:,}." if known else "There is no snapshot yet."
        st.caption(f"{at} With more of them a slider here goes through the run.")
        return len(known) - 1
    of, said = f"_{key}_of", f"{len(known)}"
    if live:
        # A slider of its own: the resting one is drawn anew afterwards, so that no late answer of the browser about
        # this one can move it.
        st.session_state.pop(of, None)
        st.session_state[f"{key}_live"] = known[-1]
        label = f"Snapshot: the newest, while the run goes on ({said} so far)"
        st.select_slider(label, known, key=f"{key}_live", format_func=_with_commas, disabled=True)
        return len(known) - 1
    if st.session_state.get(of) != known or st.session_state.get(key) not in known:
        # Only Python code that sets the value before the slider is drawn can move one that the visitor has moved.
        st.session_state[key] = known[-1]
    st.session_state[of] = known
    # Its identity is its key alone, so that new snapshots move its ends and not the slider.
    step = st.select_slider(
        f"Snapshot: the step to look at ({said} to choose from)",
        known,
        key=key,
        format_func=_with_commas,
        persist_state="session",
    )
    return known.index(int(step))


def _with_commas(step: int) -> str:
    return f"{step:,}"
