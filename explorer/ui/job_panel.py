"""The controls of a training run: start, pause, step, stop, run again; its progress in words; its drawing.

    def draw(view: JobView[Progress]) -> None: ...
    job = training_panel("bigram", factory=train_bigram, spec=BigramSpec(...), title="Bigram", draw=draw)

The run's id is in the address, so a reload, a second tab or a shared link shows the same run. Only its owner
controls it. The spec's class must live in a module: a page script defines its classes anew at every rerun.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from html import escape
from typing import Any, Generic, cast

import streamlit as st

from explorer.ui.job import Job, S
from explorer.ui.job_record import LIVE, JobView, P
from explorer.ui.job_words import progress_in_words, status_in_words
from explorer.ui.jobs import JobBoard, QueueFull
from explorer.ui.visitors import keep_alive, presence, visitor_id
from explorer.ui.words import literal

__all__ = ["JobView", "board", "keep_alive", "training_panel", "visitor_id"]

_POLL_SECONDS = 0.5
_FIRST_LOOK_SECONDS = 0.3  # so that a restart draws its first step at once instead of blinking
_NO_LONGER_KEPT = "The run named in this page's address is no longer kept on the server."


@st.cache_resource(show_spinner=False)
def board() -> JobBoard:
    """The server's one board of training runs."""
    return JobBoard(present=presence().here, prepare=_use_one_torch_thread)


def _use_one_torch_thread() -> None:
    # Measured with four runs on two cores: 2000 steps a second in all with one thread each, 1210 with torch's
    # default. torch hands the number on to threads made later, so pages compute with one thread too.
    import torch

    torch.set_num_threads(1)


def training_panel(
    key: str,
    *,
    factory: Callable[[S], Iterator[P]],
    spec: S | None,
    title: str,
    draw: Callable[[JobView[P]], None],
    start_label: str = "Train",
) -> Job[S, P] | None:
    """Show the controls and the state of one training run; the run, once there is one.

    key: names the panel, its buttons ({key}_start, _pause, _step, _stop, _restart, _reseed) and the address
        parameter {key}_job. Unique in the app.
    factory: makes the generator of progress; called in the background, so it must not call Streamlit.
    spec: what a start would train now; None while the page's settings are not valid, which disables Start.
    title: names the run in the log.
    draw: called with every view that holds progress, twice a second while the run is live, and after its end.
    """
    panel = _Panel(key, factory, spec, title, start_label)
    job = panel.attached()
    polling = job is not None and job.status in LIVE

    @st.fragment(run_every=_POLL_SECONDS if polling else None)
    def live() -> None:
        job = panel.attached()
        view: JobView[P] | None = job.view() if job is not None else None
        if (view is not None and view.live) != polling:
            st.rerun()  # of the whole page: only that can start or stop the timer
        panel.buttons(job, view)
        panel.report(job, view)
        if view is not None and view.latest is not None:
            draw(view)

    live()
    return job


@dataclass(frozen=True)
class _Panel(Generic[S, P]):
    """What a page asked for, and how it looks; the run itself lives on the board."""

    key: str
    factory: Callable[[S], Iterator[P]]
    spec: S | None
    title: str
    start_label: str

    @property
    def _parameter(self) -> str:
        return f"{self.key}_job"

    def _state(self, name: str) -> str:
        return f"_{self.key}_{name}"

    def attached(self) -> Job[S, P] | None:
        """The run that the address names, else the one last shown here in this tab: the address forgets its
        parameters when the page changes."""
        named = st.query_params.get(self._parameter) or st.session_state.get(self._state("job"), "")
        job = board().get(named)
        if job is None or job.panel != self.key:
            return None
        self._remember(job)
        return job

    def _remember(self, job: Job[S, P]) -> None:
        st.session_state[self._state("job")] = job.id
        if st.query_params.get(self._parameter) != job.id:
            st.query_params[self._parameter] = job.id

    def buttons(self, job: Job[S, P] | None, view: JobView[P] | None) -> None:
        """Six buttons that keep their places; one that would do nothing now is disabled."""
        own = job is not None and view is not None and view.live and job.visitor == visitor_id()
        paused = view is not None and view.status == "paused"
        begun = view is not None and (view.latest is not None or view.status != "queued")
        fresh = job.spec.seed + 1 if job is not None else 1
        rest, rest_help = ("Resume", "Go on from here.") if paused else ("Pause", "Rest here; nothing is lost.")
        step_help = "While paused: one training step, which is one change of the weights."
        restart_help = "The same run from its beginning with the same random numbers: the same curve again."
        reseed_help = f"The same settings from other random numbers (seed {fresh})."
        with st.container(horizontal=True, key=f"{self.key}_buttons"):
            self._button(
                "start",
                self.start_label,
                not own and self.spec is not None,
                "Start a new run with the settings of this page.",
                self._start,
                primary=True,
            )
            self._button("pause", rest, own and begun, rest_help, self._control(job, rest.lower()))
            self._button("step", "Step", own and paused, step_help, self._control(job, "step"))
            self._button("stop", "Stop", own, "End the run; what it has shown stays.", self._control(job, "stop"))
            self._button("restart", "Restart, same seed", begun, restart_help, lambda: self._restart(job, None))
            self._button("reseed", "Restart, new seed", begun, reseed_help, lambda: self._restart(job, fresh))

    def _button(
        self, name: str, label: str, enabled: bool, tip: str, act: Callable[[], None], primary: bool = False
    ) -> None:
        st.button(
            label,
            key=f"{self.key}_{name}",
            type="primary" if primary else "secondary",
            # Pause and Resume share a button: a width of its own keeps its neighbours where they are.
            width=100 if name == "pause" else "content",
            disabled=not enabled,
            on_click=act,
            help=tip,
        )

    def _control(self, job: Job[S, P] | None, action: str) -> Callable[[], None]:
        def act() -> None:
            st.session_state.pop(self._state("refused"), None)
            if job is not None:
                getattr(job, action)()

        return act

    def _start(self) -> None:
        spec = self.spec
        if spec is not None:
            who = visitor_id()
            self._launch(lambda: board().start(self.factory, spec, title=self.title, visitor=who, panel=self.key))

    def _restart(self, job: Job[S, P] | None, seed: int | None) -> None:
        if job is not None:
            self._launch(lambda: board().restart(job, seed, visitor_id()))

    def _launch(self, begin: Callable[[], Job[S, P]]) -> None:
        st.session_state.pop(self._state("refused"), None)
        try:
            job = begin()
        except QueueFull as full:
            st.session_state[self._state("refused")] = str(full)
            return
        st.session_state[self._state("asked")] = (job.id, self.spec)
        job.await_first_progress(_FIRST_LOOK_SECONDS)
        self._remember(job)

    def report(self, job: Job[S, P] | None, view: JobView[P] | None) -> None:
        """The bar, then state and remarks as spoken sentences: the same lines whatever the state."""
        latest = view.latest if view is not None else None
        done = latest.step / latest.steps if latest is not None and latest.steps > 0 else 0.0
        st.progress(min(1.0, max(0.0, done)), text=progress_in_words(view))
        said = [status_in_words(view, job.spec.seed if job is not None else 0, self.start_label)]
        said += self._remarks(job, view)
        # role=status is read aloud when it changes; the bar, which counts, would never be silent.
        st.html(f'<p role="status" style="margin:0;min-height:3.2em">{escape(" ".join(said))}</p>')
        if refused := st.session_state.get(self._state("refused")):
            st.warning(refused)
        if view is not None and view.status == "failed":
            st.error(literal(view.error or ""))

    def _remarks(self, job: Job[S, P] | None, view: JobView[P] | None) -> list[str]:
        if job is None or view is None:
            return [_NO_LONGER_KEPT] if st.query_params.get(self._parameter) else []
        remarks = []
        if job.visitor != visitor_id():
            remarks.append(f"You are watching someone else's run. {self.start_label} starts one of your own.")
        if self._settings_changed(job):
            remarks.append(
                "The page's settings have changed; this run keeps the ones it began with."
                if view.live
                else f"The page's settings have changed since this run; {self.start_label} uses the new ones."
            )
        return remarks

    def _settings_changed(self, job: Job[S, P]) -> bool:
        if self.spec is None:
            return False  # the page says itself what is wrong with its settings
        job_id, asked = st.session_state.get(self._state("asked"), ("", None))
        if job_id == job.id and asked is not None:
            return bool(self.spec != asked)
        # Attached by the address: the seed that the page showed then is not known, so it does not count.
        return bool(replace(cast(Any, self.spec), seed=job.spec.seed) != job.spec)
