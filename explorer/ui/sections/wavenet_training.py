"""The WaveNet page's live training: its controls, its curve, the watched tree by snapshot, and what the net writes."""

from __future__ import annotations

import math
from typing import Any

import streamlit as st

from explorer.figures.loss import loss_chart
from explorer.models.wavenet import WaveNetConfig
from explorer.text.tokenizers import UnknownCharactersError
from explorer.training.watching import WatchProgress
from explorer.training.wavenet import (
    EVALUATED_TOKENS,
    MOST_STEPS,
    TreeSnapshot,
    WaveNetSpec,
    train_wavenet,
)
from explorer.ui import frame
from explorer.ui.components.fusion_tree import fusion_tree
from explorer.ui.job_panel import JobView, training_panel
from explorer.ui.own_runs import remember_job
from explorer.ui.scrubber import scrubber
from explorer.ui.sections.wavenet import letters
from explorer.ui.state import KEPT


def show_training(corpus: str, config: WaveNetConfig | None, text: str, seed: int, shown: dict[str, Any]) -> None:
    """A run of the page's shape on its corpus, watched for the typed text."""
    spec = _controls(corpus, config, text, seed)
    job = training_panel(
        "wavenet",
        factory=train_wavenet,
        spec=spec,
        title="WaveNet",
        draw=lambda view: _draw(view, shown),
    )
    remember_job(job, _title, "pages/wavenet.py")


def _title(spec: WaveNetSpec) -> str:
    return f"WaveNet, {spec.context_length} letters, {spec.d_hidden} channels, {spec.steps:,} steps"


def _controls(corpus: str, config: WaveNetConfig | None, text: str, seed: int) -> WaveNetSpec | None:
    columns = st.columns(3)
    with columns[0]:
        rate = st.number_input("Learning rate", value=0.003, step=0.001, format="%.4g", key="wavenet_rate", **KEPT)
    with columns[1]:
        steps = st.number_input("Steps", 1, MOST_STEPS, 3000, step=500, key="wavenet_steps", **KEPT)
    with columns[2]:
        batch = st.number_input("Batch: windows a step", value=64, step=32, key="wavenet_batch", **KEPT)
    if config is None:
        st.caption("The shape above cannot be trained; it says why.")
        return None
    with frame.problems_in_place():
        missing = letters(corpus).missing(text)
        if missing:
            raise UnknownCharactersError(missing, letters(corpus).vocab_size)
        spec = WaveNetSpec(
            corpus=corpus,
            watched=text[-config.context_length :],
            context_length=config.context_length,
            fusion=config.fusion,
            d_embedding=config.d_embedding,
            d_hidden=config.d_hidden,
            over_positions=config.over_positions,
            batch_size=int(batch),
            learning_rate=float(rate),
            steps=int(steps),
            seed=seed,
        )
        spec.model_config(config.vocab_size)
        return spec
    return None


def _draw(view: JobView[WatchProgress[TreeSnapshot]], shown: dict[str, Any]) -> None:
    latest = view.latest
    if latest is None:
        return
    spec = latest.snapshots[0].reading.spec
    st.session_state["_wavenet_run"] = (spec, latest.newest)
    V = letters(spec.corpus).vocab_size
    shown["training"] = [(p.step, p.loss) for p in view.history if math.isfinite(p.loss)]
    index = scrubber("wavenet_snapshot", [s.step for s in latest.snapshots], view.status == "running")
    snapshot = latest.snapshots[index]
    left, right = st.columns([3, 2], gap="medium")
    with left:
        held_out = [(s.step, s.reading.validation_loss) for s in latest.snapshots]
        levels = {f"no preference: ln {V}": math.log(V)}
        chart = loss_chart({"each batch": shown["training"], "held out": held_out}, levels, steps=latest.steps)
        st.echarts_chart(chart, height=320, key="wavenet_loss", alt="Loss of each batch and of held-out text by step")
        whole = (
            f" All of it, at the end: {latest.validation_loss:.4f} nats." if latest.validation_loss is not None else ""
        )
        st.caption(f"Held out: the first {EVALUATED_TOKENS:,} letters of the validation part, at each snapshot.{whole}")
    with right:
        st.markdown(
            f"**After {snapshot.step:,} steps**, held-out loss **{snapshot.reading.validation_loss:.4f}** nats. It writes:"
        )
        st.code(snapshot.reading.sample.strip("\n"), language=None, wrap_lines=True)
        st.caption("From the same random numbers at every snapshot, the last line cut short.")
    reading, text = snapshot.reading, "".join(snapshot.reading.labels)
    fusion_tree(
        reading.levels,
        reading.labels,
        key="wavenet_watched",
        alt=f"The tree over “{text}” after {snapshot.step} steps",
        answer=f"After {snapshot.step:,} steps, reading “{text}”.",
        opens=False,
    )
    st.caption("To open this net's numbers, or to type another text for it, choose the weights “trained below” above.")
