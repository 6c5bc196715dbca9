"""Several texts of one prompt beside each other: of several seeds, or of one seed at several temperatures."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace

import numpy as np
import streamlit as st

from explorer.inspection.branches import WrittenToken
from explorer.models.generation import Writer
from explorer.ui.components.surprise_text import TextPanel, surprise_text
from explorer.ui.sections.generation_manuscript import TURN_SECONDS, Manuscript, Request
from explorer.ui.sections.generation_text import PAUSE_SECONDS, coloured, count_of_tokens, line_in_words
from explorer.ui.state import KEPT

SEEDS, TEMPERATURES = "Seeds", "Temperatures"
FEWEST, MOST = 2, 6
_KEY = "_samples"


@dataclass
class Sample:
    """One of the texts: what it is called, where its tokens come from, and those it has."""

    name: str
    writer: Writer
    line: list[WrittenToken] = field(default_factory=list)


@dataclass
class Samples:
    """What was asked for, and the texts so far."""

    asked: tuple[object, ...]
    length: int
    all: list[Sample]
    stopped: bool = False
    seconds: float = 0.0

    @property
    def done(self) -> int:
        return sum(len(sample.line) for sample in self.all)

    @property
    def is_writing(self) -> bool:
        return not self.stopped and self.done < self.length * len(self.all)

    def write_on(self) -> None:
        """A token for each in turn, for one turn of the page."""
        began = time.monotonic()
        while self.is_writing and time.monotonic() - began < TURN_SECONDS:
            sample = min(self.all, key=lambda sample: len(sample.line))
            generated = sample.writer.draw()
            sample.line.append(WrittenToken.of(generated, sample.writer.settings, sample.writer.context_length))
        self.seconds += time.monotonic() - began

    def stop(self) -> None:
        self.stopped = True


def show_samples(manuscript: Manuscript) -> None:
    """The chooser, and the texts while they grow."""
    st.subheader("Several samples side by side", anchor=False)
    requests, length = _choose(manuscript)
    held: Samples | None = st.session_state.get(_KEY)
    asked = (manuscript.checkpoint.name, manuscript.ids, length, tuple(requests.values()))
    if held is not None and held.asked[:2] != asked[:2]:
        held = st.session_state[_KEY] = None
    with st.container(horizontal=True, key="generate_samples_doing"):
        if held is not None and held.is_writing:
            st.button("Stop", key="generate_samples_stop", on_click=held.stop, icon=":material/stop:")
        elif st.button("Write them", key="generate_samples_write", type="primary"):
            all_of_them = [Sample(name, _writer(manuscript, request)) for name, request in requests.items()]
            held = st.session_state[_KEY] = Samples(asked, length, all_of_them)
            st.rerun()
    if held is None:
        st.caption("Nothing is written yet: choose above, then write them.")
        return
    if held.asked != asked:
        st.caption("These were written with other settings than those above; write them again to compare.")
    _show(manuscript, held)


def _choose(manuscript: Manuscript) -> tuple[dict[str, Request], int]:
    """A request for each text by its name, and the length of all."""
    request = manuscript.request
    if request is None:
        raise ValueError("There is no text yet to make samples of.")
    columns = st.columns(3)
    with columns[0]:
        how = st.segmented_control(
            "They differ in their", [SEEDS, TEMPERATURES], default=SEEDS, required=True, key="samples_by", **KEPT
        )
        n = st.slider("How many", FEWEST, MOST, 3, key="samples_count", **KEPT)
    with columns[1]:
        length = st.number_input("Length of each, tokens", 1, 400, 120, key="samples_length", **KEPT)
    with columns[2]:
        if how == TEMPERATURES:
            low, high = st.slider("Temperatures, from and to", 0.0, 2.0, (0.4, 1.4), 0.1, key="samples_range", **KEPT)
            if low == high:
                raise ValueError(f"From {low} to {high} there is one temperature only; choose two that differ.")
            temperatures = [round(float(t), 2) for t in np.linspace(low, high, n)]
            named = {
                f"Temperature {t:g}": replace(request, settings=replace(request.settings, temperature=t))
                for t in temperatures
            }
            return named, int(length)
        st.caption(f"Seeds {request.seed} to {request.seed + n - 1}, everything else as set above.")
    return {f"Seed {request.seed + i}": replace(request, seed=request.seed + i) for i in range(n)}, int(length)


def _writer(manuscript: Manuscript, request: Request) -> Writer:
    return Writer(
        manuscript.checkpoint.model,
        manuscript.ids,
        request.settings,
        seed=request.seed,
        context_length=request.context_length,
        boundary=manuscript.checkpoint.boundary,
    )


def _show(manuscript: Manuscript, samples: Samples) -> None:
    """The texts; while they grow, a timer runs turn after turn."""
    was_writing, is_drawn = samples.is_writing, False

    def draw() -> None:
        nonlocal is_drawn
        if is_drawn or was_writing:
            samples.write_on()
        if is_drawn and was_writing and not samples.is_writing:
            st.rerun()  # of the whole page: only that stops the timer
        is_drawn = True
        _draw(manuscript, samples)

    if was_writing:
        st.fragment(draw, run_every=PAUSE_SECONDS)()
    else:
        draw()


def _draw(manuscript: Manuscript, samples: Samples) -> None:
    n_prompt = len(manuscript.ids)
    surprise_text(
        [
            TextPanel(
                coloured(manuscript, sample.line)[n_prompt:],
                title=sample.name,
                counts=line_in_words(sample.line),
            )
            for sample in samples.all
        ],
        key="generate_samples",
        region="Sample",
        alt="Texts of the same prompt beside each other, each token coloured by how much it surprised the model",
        hint="Hover, tap or focus a token to read its surprise.",
        height=11.0,
    )
    done, total = samples.done, samples.length * len(samples.all)
    left = (total - done) * samples.seconds / max(1, done)
    st.progress(done / total)
    words = "Stopped" if samples.stopped else f"about {left:.0f} s left" if samples.is_writing else "Written"
    st.html(f'<p role="status" style="margin:0;min-height:1.5em">{words}: {done:,} of {count_of_tokens(total)}.</p>')
