"""The MLP page's first part: the letters moving while it trains, and the losses beside them, at one snapshot."""

from __future__ import annotations

import numpy as np
import streamlit as st

from explorer.figures.mlp import reach_of, scatter_chart, training_chart
from explorer.inspection.mlp import Gathering, gathering, neighbours, project
from explorer.training.mlp import MLPProgress, MLPSpec, train_mlp
from explorer.training.mlp_record import Evaluation, MLPRecord, Snapshot
from explorer.ui import frame
from explorer.ui.job_panel import JobView, training_panel
from explorer.ui.own_runs import OwnRun, remember_run
from explorer.ui.scrubber import scrubber
from explorer.ui.sections.mlp_settings import Alphabet, alphabet, fresh_model
from explorer.ui.visitors import visitor_id
from explorer.ui.words import literal

COMPONENTS = "two principal components"


def show_training(spec: MLPSpec | None) -> MLPRecord | None:
    """The panel with its moving figure; the record of the run it shows, if there is one."""
    job = training_panel("mlp", factory=train_mlp, spec=spec, title="MLP", draw=_draw)
    latest = job.view().latest if job is not None else None
    if job is not None and latest is not None:
        if job.visitor == visitor_id():
            _remember(job.id, latest.record)
        return latest.record
    if spec is not None:
        st.caption("Before the first step every letter lies where chance put it. Press Train and watch them move.")
        model = fresh_model(spec.corpus, spec.context_length, spec.d_embedding, spec.d_hidden, spec.seed)
        table = model.embedding.weight.detach().numpy()
        _scatter([Snapshot(0, table, ())], 0, alphabet(spec.corpus))
    return None


def _remember(job: str, record: MLPRecord) -> None:
    """Put a run that is over on the Overview's ladder, where its validation part is the one measured there."""
    spec, letters = record.spec, alphabet(record.spec.corpus)
    if record.final is None or record.stopped or letters.boundary is None or spec.parts != (80, 10, 10):
        return
    title = f"MLP, {spec.context_length} letters × {spec.d_embedding}, {spec.d_hidden} neurons"
    words = " ".join(record.snapshots[-1].words)
    remember_run(OwnRun(job, title, "pages/mlp.py", spec.corpus, record.final.validation, words))


def _draw(view: JobView[MLPProgress]) -> None:
    """The scatter and the curve, at one and the same snapshot."""
    if view.latest is None:
        return
    record = view.latest.record
    letters, snapshots = alphabet(record.spec.corpus), record.snapshots
    index = scrubber("mlp_snapshot", [snapshot.step for snapshot in snapshots], view.status == "running")
    if index < 0:
        return
    snapshot = snapshots[index]
    left, right = st.columns([3, 2], gap="medium")
    with left:
        _scatter(list(snapshots), index, letters)
    with right:
        _curve(view, record, snapshot)
    said = gathering(snapshot.table, letters.labels, letters.common, letters.boundary)
    if said is not None:
        st.markdown(_gathering_in_words(said, letters, snapshot.step))
    if snapshot.words:
        st.markdown(f"**Written at step {snapshot.step:,}**, always from the same random numbers:")
        st.code(
            "   ".join(word.replace("\n", "↵") or "(nothing)" for word in snapshot.words),
            language=None,
            wrap_lines=True,
        )
    _tell_end(record)
    shown = frame.shown("mlp")
    shown.update(table=snapshot.table, step=snapshot.step, labels=letters.labels, evaluations=record.evaluations)


def _scatter(snapshots: list[Snapshot], index: int, letters: Alphabet) -> None:
    """The letters of one snapshot, in a frame that holds all of them, and the neighbours of one."""
    common = list(letters.common)
    newest, table = snapshots[-1].table, snapshots[index].table
    d = table.shape[1]
    axes = _axes(d)
    plane = project(newest, axes)
    names = [letters.labels[token] for token in common]
    place = st.container()  # the picture stands above the box that says whose neighbours to tell
    picked = st.selectbox("Nearest neighbours of", [None, *names], format_func=lambda n: n or "—", key="mlp_letter")
    chosen = names.index(picked) if picked in names else None
    first, second = (axes[0] + 1, axes[1] + 1) if axes is not None else (1, 2)
    word = "component" if axes is None and d > 2 else "dimension"
    chart = scatter_chart(
        plane(table[common]),
        ["“.”" if name == "." else name for name in names],  # a point alone is lost beside its mark
        [letters.kind(token) for token in common],
        reach=reach_of([plane(snapshot.table[common]) for snapshot in snapshots]),
        axes=(f"{word} {first}", f"{word} {second}" if d > 1 else "(one dimension)"),
        chosen=chosen,
    )
    step = snapshots[index].step
    place.echarts_chart(
        chart,
        height=520,
        key="mlp_scatter",
        alt=f"The embedding of {len(names)} symbols in the plane, at step {step:,}",
    )
    if picked in names:
        near = neighbours(table, common[names.index(picked)], common)
        told = ", ".join(f"{literal(letters.labels[token])} ({distance:.2f})" for token, distance in near)
        st.caption(f"Nearest to “{literal(str(picked))}” in all {d} dimensions: {told}.")
    st.caption(_frame_in_words(d, axes, plane.kept, len(letters.labels) - len(common)))


def _axes(d: int) -> tuple[int, int] | None:
    """The dimensions to look along, counted from 0; None for principal components, and where there are only two."""
    if d <= 2:
        return None
    pairs = {f"dimensions {i + 1} and {i + 2}": (i, i + 1) for i in range(0, min(d, 64) - 1, 2)}
    options = [COMPONENTS, *pairs]
    if st.session_state.get("mlp_axes") not in options:
        st.session_state.pop("mlp_axes", None)
    return pairs.get(str(st.selectbox("Look along", options, key="mlp_axes", persist_state="session")))


def _frame_in_words(d: int, axes: tuple[int, int] | None, kept: float, left_out: int) -> str:
    rare = f" {left_out} symbols rarer than one in a thousand are left out: they have hardly moved." if left_out else ""
    if d <= 2:
        return f"The plane is the embedding table itself: {d} number{'s' if d > 1 else ''} a letter.{rare}"
    how = "the two directions in which the newest table spreads most" if axes is None else "two of its columns"
    return f"The table has {d} dimensions; shown are {how}, with {kept:.0%} of its spread.{rare}"


def _gathering_in_words(said: Gathering, letters: Alphabet, step: int) -> str:
    vowels = " ".join(letters.labels[token] for token in said.vowels)
    others = len(said.vowels) - 1
    alone = (
        f" “{letters.labels[letters.boundary]}”, which begins and ends an item, is **{said.isolation:.1f} times** as far "
        "from its nearest neighbour as a letter typically is."
        if letters.boundary is not None and said.isolation is not None
        else ""
    )
    return (
        f"At step {step:,}: of the {others} nearest neighbours of each vowel ({literal(vowels)}), **{said.share:.0%}** are "
        f"vowels; in a random table {said.chance:.0%} would be.{alone}"
    )


def _curve(view: JobView[MLPProgress], record: MLPRecord, snapshot: Snapshot) -> None:
    def points(losses: tuple[Evaluation, ...], part: str) -> list[tuple[int, float]]:
        return [(one.step, getattr(one, part)) for one in losses]

    even = float(np.log(len(alphabet(record.spec.corpus).labels)))
    chart = training_chart(
        [(progress.step, progress.loss) for progress in view.history],
        points(record.evaluations, "train"),
        points(record.evaluations, "validation"),
        {"no preference: ln V": even},
        steps=record.spec.steps,
        cursor=snapshot.step,
    )
    st.echarts_chart(
        chart,
        height=520,
        key="mlp_curve",
        alt=f"Losses by step; the upright line is the snapshot of step {snapshot.step:,}",
    )
    if record.evaluations:
        last = record.evaluations[-1]
        st.caption(
            f"At step {last.step:,}: training part {last.train:.4f}, validation part {last.validation:.4f} nats, so the "
            f"gap is {_signed(last.validation - last.train)}. (Up to 8,192 examples of each; lowest validation loss "
            f"{record.best.validation:.4f} at step {record.best.step:,}.)"
        )


def _signed(value: float) -> str:
    return f"{value:+.4f}".replace("-", "−")


def _tell_end(record: MLPRecord) -> None:
    """What the run came to, once it is over."""
    if record.stopped:
        st.info(record.stopped + " The network below is that of its lowest loss.", icon=":material/front_hand:")
    if record.final is not None:
        test = f", test **{record.final.test:.4f}**" if record.final.test is not None else ""
        st.markdown(
            f"Every part read whole at the end: training **{record.final.train:.4f}**, validation "
            f"**{record.final.validation:.4f}**{test} nats a letter."
        )
