"""The Train page's run: its controls, what moves while it learns, and going on where it was left."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import streamlit as st

from explorer.figures.workbench import measure_chart, run_chart
from explorer.inspection.workbench import read_attention
from explorer.training.workbench import Workbench, WorkbenchProgress
from explorer.training.workbench_record import Look, RunRecord
from explorer.training.workbench_runs import read_facts, run_path
from explorer.training.workbench_spec import WorkbenchSpec
from explorer.ui import frame
from explorer.ui.components.matrix import Matrix, matrix
from explorer.ui.job import Job
from explorer.ui.job_panel import JobView, board, training_panel
from explorer.ui.jobs import QueueFull
from explorer.ui.own_runs import OwnRun, remember_run
from explorer.ui.scrubber import scrubber
from explorer.ui.sections.train_size import estimated_seconds, paces, shape_of
from explorer.ui.visitors import visitor_id
from explorer.ui.words import literal
from explorer.ui.workspace import workspace

RUN = "train_run"  # in the address: the id a run is saved under
TrainJob = Job[WorkbenchSpec, WorkbenchProgress]


def show_run(spec: WorkbenchSpec | None) -> TrainJob | None:
    """The offer to go on with a saved run, the panel, and what it draws; the run, once there is one."""
    offer_to_go_on(_attached())
    job = training_panel("train", factory=_factory(), spec=spec, title="Workbench", draw=_draw)
    if job is not None and job.visitor == visitor_id():
        _remember(job)
    return job


def _factory() -> Workbench:
    """A maker of runs; new ones begin at step 0."""
    return Workbench(read_attention)


def _attached() -> TrainJob | None:
    """The run that the panel will show, if the server still has it."""
    named = st.query_params.get("train_job") or st.session_state.get("_train_job", "")
    job = board().get(named)
    return job if job is not None and job.panel == "train" else None


def record_of(job: TrainJob | None) -> RunRecord | None:
    """The record of a run of this visitor's own."""
    latest = job.view().latest if job is not None and job.visitor == visitor_id() else None
    return latest.record if latest is not None else None


def offer_to_go_on(job: TrainJob | None) -> None:
    """Where the run shown here, or named in the address, has ended early and is on disk: a button that goes on."""
    live = job is not None and job.alive and job.status in ("queued", "running", "paused")
    record = record_of(job)
    named = record.run if record is not None else st.query_params.get(RUN) or st.session_state.get("_train_run", "")
    if live or not named or (job is not None and record is None):
        return
    with frame.problems_in_place():
        facts = read_facts(run_path(workspace().runs, named))
        if facts is None:
            if record is None:
                st.info("The run named in this page's address is not among those kept for you; start a new one.")
            return
        if job is None:
            # The server has forgotten the job; the note of the panel would contradict the offer.
            st.query_params.pop("train_job", None)
            st.session_state.pop("_train_job", None)
        if facts["status"] == "done":
            if job is None:
                st.info(f"This run is over, at step {facts['step']:,}; it is in the table below.")
        elif facts["status"] != "failed":
            st.info(
                f"This run ({literal(_told(facts))}) was saved at step {facts['step']:,} of "
                f"{facts['spec']['training']['steps']:,}. It goes on with its own settings, exactly as if it had never "
                "stopped.",
                icon=":material/history:",
            )
            st.button(f"Go on from step {facts['step']:,}", key="train_go_on", on_click=go_on, args=(named,))


def _told(facts: dict[str, Any]) -> str:
    return f"{facts['spec']['architecture']} on {facts['spec']['text']['name']}"


def go_on(run: str) -> None:
    """For a button: start the saved run where it stopped."""
    mine = workspace()
    facts = read_facts(run_path(mine.runs, run))
    if facts is None:
        return
    try:
        spec = WorkbenchSpec.from_json(facts["spec"], str(mine.runs))
        job = board().start(
            Workbench(read_attention, run), spec, title="Workbench", visitor=visitor_id(), panel="train"
        )
    except (QueueFull, ValueError) as error:
        st.session_state["_train_refused"] = str(error)
        return
    st.session_state.pop("_train_refused", None)
    st.session_state["_train_job"] = st.query_params["train_job"] = job.id
    st.session_state["_train_asked"] = (job.id, None)
    job.await_first_progress(1.0)


def _draw(view: JobView[WorkbenchProgress]) -> None:
    if view.latest is None:
        return
    record = view.latest.record
    if record.stage:
        st.caption(record.stage)
        return
    _keep_in_address(record)
    if view.status == "paused" and record.saved != record.step and record.save_now is not None:
        record.save_now()
    _tell(record)
    show_curves(record)
    _learned_pace(view, record)
    _watch(view, record)


def _keep_in_address(record: RunRecord) -> None:
    """The run's id, by which it is found again after the server was restarted; only its visitor has the folder."""
    if record.spec.folder == str(workspace().runs):
        st.session_state["_train_run"] = record.run
        if st.query_params.get(RUN) != record.run:
            st.query_params[RUN] = record.run


def _tell(record: RunRecord) -> None:
    """Where the losses stand, in a line; what was added, stopped, saved or could not be saved."""
    newest = record.evaluations[-1] if record.evaluations else None
    said = []
    if newest is not None:
        said.append(
            f"Held-out loss **{newest.held_out:.4f}** nats a token at step {newest.step:,} (the first "
            f"{record.held_out_tokens:,} held-out tokens); lowest {record.best:.4f} at step {record.best_step:,}."
        )
        if newest.old is not None and record.evaluations[0].old is not None:
            change = newest.old - record.evaluations[0].old
            said.append(
                f"On the old text **{newest.old:.4f}**, {abs(change):.4f} {'worse' if change > 0 else 'better'} than before."
            )
    if record.added_symbols:
        said.append(f"{record.added_symbols} new symbols were added to its vocabulary.")
    if record.final is not None:
        said.append(f"Whole held-out part, read at the end: **{record.final:.4f}** nats.")
    st.markdown(" ".join(said))
    if record.stopped:
        st.info(record.stopped, icon=":material/front_hand:")
    if record.save_problem:
        st.warning(literal(record.save_problem), icon=":material/save:")
    elif record.saved is not None:
        st.caption(f"Saved at step {record.saved:,}; should the server or this tab die, it goes on from there.")


def show_curves(record: RunRecord) -> None:
    """The losses, and under them learning rate, gradient norm and speed."""
    steps, points = record.spec.training.steps, list(record.points.entries)
    V = record.tokenizer.vocab_size if record.tokenizer is not None else 2
    held_out = [(e.step, e.held_out) for e in record.evaluations]
    old = [(e.step, e.old) for e in record.evaluations if e.old is not None]
    batches = [(p.step, p.loss) for p in points]
    st.echarts_chart(
        run_chart(batches, held_out, old, {"no preference: ln V": math.log(V)}, steps=steps),
        height=380,
        key="train_losses",
        alt=f"Losses by step; {_newest_in_words(held_out)}",
    )
    measures = (
        ("learning rate", [(p.step, p.learning_rate) for p in points], False),
        ("gradient norm", [(p.step, p.gradient_norm) for p in points], True),
        ("tokens per second", [(p.step, p.tokens_per_second) for p in points], False),
    )
    for column, (title, series, logarithmic) in zip(st.columns(3), measures, strict=True):
        with column:
            st.echarts_chart(
                measure_chart(series, title, steps=steps, logarithmic=logarithmic),
                height=210,
                key=f"train_{title.replace(' ', '_')}_chart",
                alt=f"The {title} at each step of the run so far",
            )
    frame.shown("train").update(points=points, evaluations=list(record.evaluations))


def _newest_in_words(held_out: list[tuple[int, float]]) -> str:
    return f"held out {held_out[-1][1]:.4f} nats at step {held_out[-1][0]:,}" if held_out else "none is known yet"


def _learned_pace(view: JobView[WorkbenchProgress], record: RunRecord) -> None:
    """What this run teaches of the machine's speed, for the next estimate."""
    if view.steps_per_second and record.step >= 20 and record.tokenizer is not None:
        V = record.tokenizer.vocab_size
        told = st.session_state.get("_train_pace_noted")
        mark = (record.run, record.step // 200)
        if told != mark:
            st.session_state["_train_pace_noted"] = mark
            seconds = 1 / view.steps_per_second
            paces().note(shape_of(record.spec, V), seconds, estimated_seconds(record.spec, V))


def _watch(view: JobView[WorkbenchProgress], record: RunRecord) -> None:
    """What the model writes and where a head looks, at the newest or a chosen snapshot."""
    looks = list(record.looks.entries)
    newest = record.newest_look
    if newest is not None and (not looks or newest.step > looks[-1].step):
        looks.append(newest)
    samples = list(record.samples.entries)
    steps = [one.step for one in (looks or samples)]
    index = scrubber("train_snapshot", steps, view.status == "running")
    if index < 0:
        return
    written = [one for one in samples if one.step <= steps[index]]
    sample = record.newest_sample if index == len(steps) - 1 or not written else written[-1]
    left, right = st.columns([1, 1], gap="medium") if looks else (st.container(), None)
    with left:
        if sample is not None:
            st.markdown(f"**Written at step {sample.step:,}**, always from the same random numbers:")
            st.code(sample.text or "(nothing)", language=None, wrap_lines=True)
    if right is not None:
        with right:
            _head(record, looks[index])


def _head(record: RunRecord, look: Look) -> None:
    """One head's map over the prompt."""
    L, H, T, _ = look.patterns.shape
    first, second = st.columns(2)
    layer = first.selectbox("Layer", range(1, L + 1), key="train_layer", persist_state="session")
    head = second.selectbox("Head", range(1, H + 1), key="train_head", persist_state="session")
    layer, head = min(int(layer or 1), L), min(int(head or 1), H)
    values = look.patterns[layer - 1, head - 1].astype(float) / 255
    values[~np.tri(T, dtype=bool)] = np.nan
    labels = list(record.prompt_labels[:T])
    matrix(
        Matrix(values, f"layer {layer}, head {head}, step {look.step:,}", labels, labels, low=0, high=1, gamma=2),
        key="train_head_map",
        alt=f"Where head {head} of layer {layer} looks from each token of the prompt, after {look.step:,} steps",
        row_axis="from",
        column_axis="looks at",
        max_cell=26,
        masked_label="not yet written",
        value_format=".1%",
    )


def _remember(job: TrainJob) -> None:
    """Put a run that is over on the Overview's ladder, where its whole held-out loss is the one measured there."""
    record = record_of(job)
    spec = job.spec
    if record is None or record.final is None or spec.text.path or spec.tokenizer != "char" or spec.parent:
        return
    if spec.share >= 100 and math.isfinite(record.final):
        title = f"{spec.architecture}, {record.parameters:,} numbers, {record.step:,} steps"
        text = record.newest_sample.text if record.newest_sample is not None else ""
        remember_run(OwnRun(job.id, title, "pages/train.py", spec.text.name, record.final, text))
