"""The training of both encoder–decoders: settings, losses, the alignment as it forms, accuracy against length."""

from __future__ import annotations

import math
from typing import Any

import streamlit as st

from explorer.figures.seq2seq import accuracy_chart, losses_chart
from explorer.inspection.seq2seq import breaking_length, looked_where_it_should, symbols
from explorer.models.seq2seq import Seq2Seq
from explorer.text.sequence_tasks import TASKS, VOCAB_SIZE, answer, spell
from explorer.training.memory import in_words
from explorer.training.seq2seq import (
    ATTENTION,
    FIXED,
    KINDS,
    Evaluation,
    Seq2SeqProgress,
    Seq2SeqSpec,
    Snapshot,
    fresh_models,
    kept_bytes,
    look,
    train_seq2seq,
    training_bytes,
)
from explorer.ui import frame
from explorer.ui.job import Job
from explorer.ui.job_panel import JobView, training_panel
from explorer.ui.scrubber import scrubber
from explorer.ui.sections.seq2seq_alignment import show_alignment
from explorer.ui.sections.seq2seq_own import show_own_sequence
from explorer.ui.state import KEPT

_OWN_SECONDS = 2.0


def show_seq2seq(shown: dict[str, Any]) -> None:
    """The whole of the page's figures; what they show is left in `shown`."""
    st.subheader("Train both, side by side", anchor=False)
    spec = None
    with frame.problems_in_place():
        spec = choose_spec()
    if spec is not None:
        st.caption(size_in_words(spec))
    # A download must never mix two runs: what is shown now is written anew below.
    shown.clear()
    job = training_panel(
        "before",
        factory=train_seq2seq,
        spec=spec,
        title="Encoder–decoders",
        draw=lambda view: _draw(view, shown),
    )
    if job is None and spec is not None:
        st.caption("Nothing is trained yet: this is where fresh random weights look. Press Train and watch it change.")
        _show_snapshot(_first_look(spec), spec, shown, opened=True)
    _follow_own_sequence(job, spec)


def _follow_own_sequence(job: Job[Seq2SeqSpec, Seq2SeqProgress] | None, spec: Seq2SeqSpec | None) -> None:
    """The visitor's letters through the newest weights, again and again while they are trained."""
    live = job is not None and job.view().live

    @st.fragment(run_every=_OWN_SECONDS if live else None)
    def own() -> None:
        latest = job.view().latest if job is not None else None
        if latest is not None:
            show_own_sequence(latest.newest.models, latest.spec, latest.newest.step, opened=not live)
        elif spec is not None:
            show_own_sequence(_fresh(spec), spec, 0)

    own()


def choose_spec() -> Seq2SeqSpec:
    """The controls. Raises ValueError naming the setting that cannot be."""
    task = st.segmented_control("Task", list(TASKS), default="reverse", required=True, key="before_task", **KEPT)
    columns = st.columns(4)
    with columns[0]:
        length = st.number_input("Longest: letters", value=20, step=1, key="before_length", **KEPT)
    with columns[1]:
        hidden = st.number_input("Hidden units", value=64, step=16, key="before_hidden", **KEPT)
    with columns[2]:
        steps = st.number_input("Steps", value=1000, step=100, key="before_steps", **KEPT)
    with columns[3]:
        rate = st.number_input("Learning rate", value=0.005, step=0.001, format="%.4f", key="before_rate", **KEPT)
    return Seq2SeqSpec(str(task), int(length), int(hidden), int(steps), float(rate))


def size_in_words(spec: Seq2SeqSpec) -> str:
    """What the settings come to."""
    fixed, attention = (spec.config(kind).parameter_count() for kind in KINDS)
    numbers = 2 * spec.d_hidden
    return (
        f"Both models read the same {spec.steps:,} batches of {spec.batch_size} sequences, 1 to {spec.length} letters "
        f"long. The fixed vector holds {numbers:,} numbers, whatever the length; attention keeps {numbers:,} for every "
        f"letter. Learned numbers: {fixed:,} and {attention:,}. Memory: about {in_words(training_bytes(spec))} while it "
        f"trains, {in_words(kept_bytes(spec))} afterwards."
    )


@st.cache_resource(max_entries=8, show_spinner=False)
def _fresh(spec: Seq2SeqSpec) -> dict[str, Seq2Seq]:
    """Both models before any training; shared, read them only."""
    return fresh_models(spec)


@st.cache_resource(max_entries=8, show_spinner=False)
def _first_look(spec: Seq2SeqSpec) -> Snapshot:
    return look(_fresh(spec), spec, 0)


def _draw(view: JobView[Seq2SeqProgress], shown: dict[str, Any]) -> None:
    """The losses, the example with its alignment, and the accuracies, all at one and the same snapshot."""
    latest = view.latest
    if latest is None:
        return
    snapshots, running = latest.snapshots, view.status == "running"
    index = scrubber("before_snapshot", [snapshot.step for snapshot in snapshots], running)
    snapshot = snapshots[index]
    left, right = st.columns(2, gap="medium")
    with left:
        _draw_losses(view, latest, snapshot.step)
    with right:
        evaluation = [e for e in latest.evaluations if e.step <= snapshot.step][-1]
        _draw_accuracy(evaluation, latest.spec, shown)
    _show_snapshot(snapshot, latest.spec, shown, opened=not running)
    shown.update(history=view.history)


def _draw_losses(view: JobView[Seq2SeqProgress], latest: Seq2SeqProgress, cursor: int) -> None:
    curves = {kind: [(progress.step, progress.losses[kind]) for progress in view.history] for kind in KINDS}
    chart = losses_chart(curves, {"no preference: ln 27": math.log(VOCAB_SIZE)}, steps=latest.steps, cursor=cursor)
    alt = f"Loss of both models by step; the upright line is the snapshot of step {cursor:,}"
    st.echarts_chart(chart, height=330, key="before_losses", alt=alt)
    st.caption(
        f"Single batches, in nats a symbol: a batch of short sequences has a low loss, one of long ones a high one. The "
        f"newest batch held sequences of {latest.length} letters. Their lengths grow during the first half of the run."
    )


def _draw_accuracy(evaluation: Evaluation, spec: Seq2SeqSpec, shown: dict[str, Any]) -> None:
    shown["evaluation"] = evaluation
    chart = accuracy_chart(evaluation.lengths, evaluation.shares, trained=spec.length)
    alt = f"Whole sequences right against their length, both models, at step {evaluation.step:,}"
    st.echarts_chart(chart, height=330, key="before_accuracy", alt=alt)
    fixed, attention = (evaluation.at(kind, spec.length) for kind in KINDS)
    breaks = breaking_length(evaluation, FIXED)
    after = f" The fixed vector falls below half from {breaks} letters on." if breaks else ""
    st.caption(
        f"At step {evaluation.step:,}, {evaluation.tested} sequences of each length that neither model trained on. At "
        f"{spec.length} letters: fixed vector **{fixed:.1%}**, attention **{attention:.1%}**.{after} One wrong letter makes "
        "a sequence wrong."
    )


def _show_snapshot(snapshot: Snapshot, spec: Seq2SeqSpec, shown: dict[str, Any], *, opened: bool) -> None:
    """One sequence that neither model trained on: what both wrote at this step, and where attention looked."""
    alignment = snapshot.alignment
    source = spell(alignment.source.tolist())
    st.markdown(f"**One sequence at step {snapshot.step:,}**, always the same, which neither model trains on:")
    st.code(
        "\n".join(
            f"{name:<13} {text}"
            for name, text in (
                ("read", source),
                ("right answer", answer(spec.task, source)),
                (FIXED, "".join(symbols(snapshot.fixed))),
                (ATTENTION, "".join(symbols(alignment.written))),
            )
        ),
        language=None,
    )
    place = {"reverse": "the mirrored place", "copy": "the same place", "sort": "a place that holds the letter due"}
    beside = (
        f", {looked_where_it_should(alignment, spec.task, 1):.0%} on it and the places beside it, whose annotations have "
        "read the letter too"
        if spec.task != "sort"
        else ""
    )
    st.caption(
        f"Of the attention {looked_where_it_should(alignment, spec.task):.0%} lies on {place[spec.task]}{beside}; "
        f"spread evenly, each place would get {1 / (spec.length + 1):.0%}. ▪ is the end mark."
    )
    show_alignment(alignment, key="before_alignment", parameter="before_cell", opened=opened)
    shown.update(alignment=alignment, step=snapshot.step)
