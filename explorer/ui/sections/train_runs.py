"""The Train page's table of runs: every one kept, some pinned and overlaid, what differs between them, what they write."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from explorer.figures.workbench import MOST_OVERLAID, overlay_chart
from explorer.inspection.workbench import differences
from explorer.training.workbench_runs import list_saved
from explorer.training.workbench_spec import WorkbenchSpec, settings
from explorer.ui import frame
from explorer.ui.job_panel import board
from explorer.ui.sections.train_run import go_on
from explorer.ui.visitors import visitor_id
from explorer.ui.words import literal
from explorer.ui.workspace import MOST_RUNS, workspace

Facts = dict[str, Any]


def saved_runs() -> list[Facts]:
    """The facts of all this visitor's runs, numbered in the order in which they were begun."""
    return [{**facts, "number": i} for i, facts in enumerate(list_saved(workspace().runs), 1)]


def run_title(facts: Facts) -> str:
    """A run in a few words."""
    spec = facts["spec"]
    tuned = f", from {spec['parent'].rsplit('/', 1)[-1].removesuffix('.json')}" if spec["parent"] else ""
    return f"run {facts['number']}: {spec['architecture']} on {spec['text']['name']}{tuned}"


def show_runs(runs: list[Facts], live: str | None) -> None:
    """The table, and below it the runs that are pinned, side by side. live: the id of the run at work."""
    st.subheader("Your runs", anchor=False)
    if not runs:
        st.caption(
            f"Every run is kept here, for you alone, up to {MOST_RUNS}: to compare them, to go on with one, to save it."
        )
        return
    st.dataframe(pd.DataFrame([_row(facts, live) for facts in runs]), hide_index=True, key="train_table")
    titles = {facts["id"]: run_title(facts) for facts in runs}
    kept = [run for run in st.session_state.get("train_pins", []) if run in titles]
    if kept != st.session_state.get("train_pins", kept):
        st.session_state["train_pins"] = kept
    pins = st.multiselect(
        f"Pinned: drawn on one axis and compared (up to {MOST_OVERLAID})",
        list(titles),
        key="train_pins",
        format_func=lambda run: titles[run],
        max_selections=MOST_OVERLAID,
        persist_state="session",
    )
    pinned = [facts for facts in runs if facts["id"] in pins]
    with st.container(horizontal=True, key="train_run_buttons"):
        one = pinned[0] if len(pinned) == 1 else None
        may = one is not None and one["status"] not in ("done", "failed") and one["id"] != live
        st.button(
            "Go on with the pinned run",
            key="train_go_on_pinned",
            disabled=not may,
            on_click=go_on,
            args=(pins[0] if pins else "",),
            help="For a single pinned run that stopped before its last step.",
        )
        st.button(
            "Delete the pinned runs", key="train_delete_pinned", disabled=not pins, on_click=_delete, args=(pins,)
        )
    if refused := st.session_state.get("_train_refused"):
        st.warning(literal(refused))
    if pinned:
        _compare(pinned)


def _row(facts: Facts, live: str | None) -> Facts:
    spec, evaluations = facts["spec"], facts["evaluations"]
    return {
        "run": facts["number"],
        "model": spec["architecture"],
        "text": spec["text"]["name"],
        "numbers": facts["parameters"],
        "steps": f"{facts['step']:,} of {spec['training']['steps']:,}",
        "lowest held-out loss": facts["best"],
        "on the old text": evaluations[-1][2] if evaluations else None,
        "whole held-out part": facts["final"],
        "tokens/s": facts["tokens_per_second"],
        "minutes": round(facts["seconds"] / 60, 2),
        "seed": spec["seed"],
        "state": _state(facts, live),
    }


def _state(facts: Facts, live: str | None) -> str:
    if facts["id"] == live:
        return "at work (as last saved)"
    if facts["stopped"]:
        return "ended by its rule"
    known = {"done": "done", "failed": "failed", "stopped": "stopped: may go on"}
    return known.get(facts["status"], "broken off: may go on")


def _compare(pinned: list[Facts]) -> None:
    """One axis, a table of what differs, the texts side by side."""
    titles = [run_title(facts) for facts in pinned]
    st.echarts_chart(
        overlay_chart(
            {t: [(e[0], e[1]) for e in facts["evaluations"]] for t, facts in zip(titles, pinned, strict=True)}
        ),
        height=360,
        key="train_overlay",
        alt=f"The held-out losses by step of {len(pinned)} pinned runs on one axis: {'; '.join(titles)}",
    )
    kinds = {(f["spec"]["tokenizer"], f["spec"]["vocab_size"]) for f in pinned}
    if len(kinds) > 1 or len({f["spec"]["text"]["name"] for f in pinned}) > 1:
        st.caption(
            "Losses of different texts or different tokens are not on one scale: a longer token is harder to guess, and "
            "there are fewer of them."
        )
    compared = {
        title: {**settings(WorkbenchSpec.from_json(f["spec"])), **_results(f)}
        for title, f in zip(titles, pinned, strict=True)
    }
    rows = differences(compared)
    st.markdown("**What differs**" if len(pinned) > 1 else "**Pin another run to see what differs**")
    if len(pinned) > 1:
        table = pd.DataFrame(rows, index=titles).T.map(_cell)
        st.dataframe(table, key="train_differences")
        frame.shown("train")["differences"] = (titles, rows)
    st.markdown("**What they write**, each from its own random numbers:")
    for column, title, facts in zip(st.columns(min(3, len(pinned))), titles, pinned[:3], strict=False):
        with column:
            sample = facts["newest_sample"]
            st.caption(literal(title) + (f", step {sample[0]:,}" if sample else ""))
            st.code(sample[1] if sample else "(nothing yet)", language=None, wrap_lines=True)
    if len(pinned) > 3:
        st.caption("The texts of the first three are shown.")


def _results(facts: Facts) -> Facts:
    """What came out, beside what was set."""
    evaluations = facts["evaluations"]
    return {
        "→ numbers to learn": facts["parameters"],
        "→ steps made": facts["step"],
        "→ lowest held-out loss": facts["best"],
        "→ at step": facts["best_step"],
        "→ whole held-out part": facts["final"],
        "→ on the old text, last": evaluations[-1][2] if evaluations else None,
        "→ tokens per second": facts["tokens_per_second"],
        "→ minutes": round(facts["seconds"] / 60, 2),
    }


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:,.5g}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _delete(runs: list[str]) -> None:
    """Delete saved runs; one that is at work is stopped first."""
    mine = workspace()
    for run in runs:
        stop_run(run)
        mine.delete_run(run)
    st.session_state["train_pins"] = []
    if st.session_state.get("_train_run") in runs:
        st.session_state.pop("_train_run")
        st.query_params.pop("train_run", None)


def stop_run(run: str | None) -> None:
    """Stop this visitor's run on the page, if it is the one of that id (any, for None), and keep it from saving itself."""
    job = board().get(st.session_state.get("_train_job", ""), visitor_id())
    latest = job.view().latest if job is not None else None
    if job is None or (run is not None and (latest is None or latest.record.run != run)):
        return
    if latest is not None and hasattr(latest, "record"):
        latest.record.discarded = True
    job.stop()
    job.join(10)
