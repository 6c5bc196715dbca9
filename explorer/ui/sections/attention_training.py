"""A head trained on the attention page: its settings, its loss, and its map on the visitor's prompt as it forms."""

from __future__ import annotations

import math

import streamlit as st

from explorer.figures.loss import loss_chart
from explorer.inspection.attention_layer import layer_of
from explorer.inspection.attention_steps import take_steps
from explorer.training.attention import HeadSpec, TrainedHead, train_head
from explorer.training.watching import Snapshot, WatchProgress
from explorer.ui import frame, resources
from explorer.ui.components.matrix import Matrix, matrix
from explorer.ui.job_panel import JobView, training_panel
from explorer.ui.own_runs import remember_job
from explorer.ui.pickers import corpus_picker
from explorer.ui.scrubber import scrubber
from explorer.ui.state import KEPT

_TRAINED = "_attention_trained"  # the newest snapshot of the run last shown in this tab


def trained_head() -> TrainedHead | None:
    """The run last shown here with its newest weights, or None."""
    kept = st.session_state.get(_TRAINED)
    return kept if isinstance(kept, TrainedHead) else None


def show_training(prompt: str) -> None:
    """The settings and the run. prompt: what the map is drawn for while it forms."""
    st.markdown(
        "The smallest model with attention: embeddings, one layer of heads, an unembedding. What follows further down "
        "looks through its last weights."
    )
    corpus = corpus_picker("attention_corpus")
    if corpus is None:
        return
    spec = None
    with frame.problems_in_place():
        spec = _settings(corpus)
    job = training_panel(
        "attention_run",
        factory=train_head,
        spec=spec,
        title="One attention layer",
        draw=lambda view: _draw(view, prompt),
    )
    remember_job(job, _title, "pages/attention.py")


def _title(spec: HeadSpec) -> str:
    heads = "1 attention head" if spec.n_heads == 1 else f"{spec.n_heads} attention heads"
    return f"{heads}, {spec.context_length} characters, {spec.steps:,} steps"


def _settings(corpus: str) -> HeadSpec:
    """Raises ValueError naming the setting that cannot be."""
    columns = st.columns(5)
    with columns[0]:
        context = st.number_input("Context: tokens", value=32, step=8, key="attention_context", **KEPT)
    with columns[1]:
        width = st.number_input("Width C", value=32, step=8, key="attention_run_width", **KEPT)
    with columns[2]:
        heads = st.number_input("Heads H", value=1, step=1, key="attention_run_heads", **KEPT)
    with columns[3]:
        steps = st.number_input("Steps", value=3000, step=500, key="attention_run_steps", **KEPT)
    with columns[4]:
        rate = st.number_input(
            "Learning rate", value=0.003, step=0.001, format="%.4f", key="attention_run_rate", **KEPT
        )
    return HeadSpec(corpus, int(context), int(width), int(heads), int(steps), float(rate))


def _draw(view: JobView[WatchProgress[TrainedHead]], prompt: str) -> None:
    """The loss, and the first head's map at any snapshot."""
    latest = view.latest
    if latest is None:
        return
    st.session_state[_TRAINED] = latest.snapshots[-1].reading
    left, right = st.columns([3, 2], gap="medium")
    with left:
        _draw_loss(view, latest)
    with right:
        index = scrubber("attention_snapshot", [s.step for s in latest.snapshots], view.status == "running")
        _draw_map(latest.snapshots[index], prompt)


def _draw_loss(view: JobView[WatchProgress[TrainedHead]], latest: WatchProgress[TrainedHead]) -> None:
    run = latest.snapshots[0].reading
    even, counted = math.log(run.tokenizer.vocab_size), resources.bigrams(run.spec.corpus).loss
    levels = {"no preference: ln V": even, "a bigram table, counted": counted}
    curve = [(p.step, p.loss) for p in view.history if math.isfinite(p.loss)]
    chart = loss_chart({"batch": curve}, levels, steps=latest.steps)
    st.echarts_chart(chart, height=300, key="attention_loss", alt="Loss by step, with the loss of a bigram table")
    if latest.validation_loss is not None:
        st.markdown(
            f"Held-out loss: **{latest.validation_loss:.3f}** nats a character. No preference: {even:.3f}; a bigram table, "
            f"on the very text that it was counted on: {counted:.3f}."
        )


def _draw_map(snapshot: Snapshot[TrainedHead], prompt: str) -> None:
    """The map of head 0 on those characters of the prompt that the corpus has."""
    run = snapshot.reading
    text = "".join(c for c in prompt if not run.tokenizer.missing(c))[-run.spec.context_length :]
    ids = run.tokenizer.encode(text)
    if run.boundary is not None:
        ids = [run.boundary, *ids][-run.spec.context_length :]
    if not ids:
        st.caption("No character of the prompt is in this corpus, so there is no map of it.")
        return
    steps = take_steps(layer_of(run.model(), ids, 0))
    labels = tuple(run.tokenizer.labels[i] for i in ids)
    matrix(
        Matrix(steps.pattern, row_labels=labels, column_labels=labels, low=0.0, high=1.0, gamma=2.0),
        key="attention_forming",
        alt=f"The first head's map on your prompt after {snapshot.step:,} steps of training",
        row_axis="looks",
        column_axis="at",
        max_cell=14,
    )
    st.caption(f"Head 0 after {snapshot.step:,} steps: largest weight in a row {steps.largest_weight:.2f} on average.")
