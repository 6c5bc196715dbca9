"""The visitor's own training runs, for the Overview's ladder: this session's, the best few of each corpus."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import streamlit as st

from explorer.ui.job import Job
from explorer.ui.visitors import visitor_id

KEPT_RUNS = 5  # per corpus, so that a session does not grow without end
_KEY = "_own_runs"


@dataclass(frozen=True)
class OwnRun:
    """job: the run's id. title: what was trained, in a few words. page: the file of its page. corpus: a name of the
    registry. loss: in nats per character, on the whole held-out part that the ladder's other bars are measured on.
    sample: what it writes, where the page shows that."""

    job: str
    title: str
    page: str
    corpus: str
    loss: float
    sample: str = ""


def remember_run(run: OwnRun) -> None:
    """Put a run on the ladder; a later loss of the same run replaces the earlier one."""
    runs: dict[str, OwnRun] = st.session_state.setdefault(_KEY, {})
    runs[run.job] = run
    rivals = sorted((r for r in runs.values() if r.corpus == run.corpus), key=lambda r: r.loss)
    for worse in rivals[KEPT_RUNS:]:
        del runs[worse.job]


def remember_job(job: Job[Any, Any] | None, title: Callable[[Any], str], page: str, sample: str = "") -> None:
    """Put a run that has ended on the ladder, if it is the visitor's own and its last progress has a `validation_loss`
    on the whole held-out part. title: from the run's spec, whose `corpus` names the ladder."""
    view = job.view() if job is not None and job.visitor == visitor_id() else None
    loss = getattr(view.latest, "validation_loss", None) if view is not None else None
    if job is not None and loss is not None and math.isfinite(loss):
        remember_run(OwnRun(job.id, title(job.spec), page, job.spec.corpus, loss, sample))


def own_runs(corpus: str) -> list[OwnRun]:
    """The visitor's runs on this corpus, best last."""
    runs: dict[str, OwnRun] = st.session_state.get(_KEY, {})
    return sorted((r for r in runs.values() if r.corpus == corpus), key=lambda r: -r.loss)
