"""The part "While it learns" of the page GPT inside: a run's snapshots, gone through with one slider."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from explorer.figures.learning import (
    LOSSES_HEIGHT,
    SCORES_HEIGHT,
    learning_losses_chart,
    learning_scores_chart,
)
from explorer.inspection.learning import (
    REACHED,
    SnapshotReading,
    even_loss,
    first_formed,
    read_maps,
    read_snapshot,
)
from explorer.training.learning import SHIPPED
from explorer.training.snapshots import FOLDER, SnapshotRun, list_runs, read_run
from explorer.ui import frame
from explorer.ui.components.matrix import Matrix, matrix
from explorer.ui.pickers import prompt_box
from explorer.ui.scrubber import scrubber
from explorer.ui.sections.gpt_learning_run import show_own_run
from explorer.ui.state import KEPT
from explorer.ui.words import literal

if TYPE_CHECKING:
    from explorer.ui.pickers import Prompt

DISK, HERE = "a run that was kept", "train one now"
DEFAULT = "the queen and the crown; the queen and the crown"
LONGEST_PROMPT = 64  # tokens: what a wall of maps shows cell by cell, and what is cheap to read at every step
SAMPLE_HEIGHT = 260  # pixels: always the same, so that nothing jumps while the slider moves
TITLES = {"previous": "previous token", "induction": "induction", "first": "first token"}
COLUMNS = (
    "step",
    "training loss",
    "held-out loss",
    "random tokens, first time",
    "random tokens, second time",
    "layer",
    "head",
    *TITLES.values(),
)


def show_learning(shown: dict[str, Any]) -> None:
    """A run to choose or to train, the prompt, and everything at one snapshot. shown: gets "learning" for the download."""
    st.markdown(
        "No head is born knowing where to look. Here is a small GPT as it was at some steps of its training. Move the "
        "slider: the maps are of your prompt, read by the model of that step; the text is what it wrote then."
    )
    source = st.segmented_control(
        "Run: one training, from random numbers on",
        (DISK, HERE),
        default=DISK,
        required=True,
        key="gpt_learning_source",
        **KEPT,
    )
    if source == HERE:
        shown.pop("learning", None)
        show_own_run(
            lambda run, live, prompt: _show(run, prompt, "gpt_learning_own", live, shown), DEFAULT, LONGEST_PROMPT
        )
    else:
        _explore(shown)


@st.fragment
def _explore(shown: dict[str, Any]) -> None:
    """A kept run, from its name to the last figure: the slider draws nothing else anew."""
    shown.pop("learning", None)
    names = list_runs()
    if not names:
        frame.problem(f"There are no snapshots in {FOLDER.name}/; `python -m explorer.training.learning` makes some.")
        return
    names = sorted(names, key=lambda name: name != SHIPPED)
    name = st.selectbox("Kept runs", names, key="gpt_learning_run", **KEPT)
    with frame.problems_in_place():
        run = _stored(name, (FOLDER / name / "run.json").stat().st_mtime_ns)
        st.caption(_text_in_words(run))
        limit = min(LONGEST_PROMPT, int(run.config["context_length"]))
        prompt = prompt_box(run.tokenizer, limit=limit, default=DEFAULT, key="learning_prompt", boundary=run.boundary)
        if prompt is not None:
            _show(run, prompt, "gpt_learning", False, shown)


@st.cache_resource(max_entries=4, show_spinner=False)
def _stored(name: str, changed: int) -> SnapshotRun:  # noqa: ARG001 (part of what the cache goes by)
    return read_run(FOLDER / name)


@st.cache_resource(max_entries=512, show_spinner=False)
def _reading(sha256: str, _run: SnapshotRun, _i: int) -> SnapshotReading:  # noqa: ARG001
    return read_snapshot(_run.model(_i))


@st.cache_resource(max_entries=64, show_spinner=False)
def _maps(sha256: str, ids: tuple[int, ...], _run: SnapshotRun, _i: int) -> np.ndarray:  # noqa: ARG001
    return read_maps(_run.model(_i), ids)


def _text_in_words(run: SnapshotRun) -> str:
    """What it learned from: honest about a text that was made to repeat itself."""
    corpus = run.facts.get("corpus", {}).get("name", "a text")
    said = f"{run.facts.get('parameters', 0):,} learned numbers, {len(run.snapshots)} snapshots. Text: {corpus}"
    repeats = run.facts.get("repeats")
    if not repeats:
        return literal(f"{said}.")
    return literal(
        f"{said}, cut into passages of {repeats['shortest']} to {repeats['longest']} characters. So that there is "
        f"something to copy, {repeats['twice']:.0%} of them come twice, and {repeats['noise']:.0%} are replaced by "
        "characters drawn at random, twice as well. Plain text seldom repeats itself within 64 characters: trained on it, "
        "the same model has grown no induction head by step 1,500."
    )


def _readings(run: SnapshotRun) -> list[SnapshotReading]:
    """Every snapshot read, with a bar where that takes a while."""
    began, place, readings = time.monotonic(), st.empty(), []
    for i, snapshot in enumerate(run.snapshots):
        readings.append(_reading(snapshot.sha256, run, i))
        if time.monotonic() - began > 0.5:
            place.progress((i + 1) / len(run.snapshots), text=f"Reading snapshot {i + 1} of {len(run.snapshots)}")
    place.empty()
    return readings


def _show(run: SnapshotRun, prompt: Prompt, key: str, live: bool, shown: dict[str, Any]) -> None:
    """The slider and all that moves with it. Raises ValueError for a model without attention or a damaged file."""
    readings = _readings(run)
    at = scrubber(f"{key}_snapshot", [snapshot.step for snapshot in run.snapshots], live)
    if at < 0:
        return
    shown["learning"] = (run, readings)
    snapshot, reading = run.snapshots[at], readings[at]
    st.markdown(_moment(snapshot.step, snapshot.validation_loss, reading))
    left, right = st.columns([5, 4], gap="medium")
    with left:
        _show_maps(run, at, prompt, key)
        st.markdown(f"**Written at step {snapshot.step:,}**, always from the same random numbers:")
        st.code(snapshot.sample or "(nothing)", language=None, wrap_lines=True, height=SAMPLE_HEIGHT)
    with right:
        _show_charts(run, readings, at, key)
    st.markdown(story(run, readings))


def _moment(step: int, loss: float, reading: SnapshotReading) -> str:
    """The numbers of the snapshot on show, in one line that keeps its place."""
    best = []
    for name, title in (("previous", "previous-token"), ("induction", "induction")):
        scores = np.nan_to_num(reading.scores[name])
        layer, head = np.unravel_index(int(scores.argmax()), scores.shape)
        best.append(f"strongest {title} head {layer}.{head} with {scores[layer, head]:.2f}")
    return (
        f"**Step {step:,}**: held-out loss **{loss:.2f}** nats. Random tokens said twice: {reading.first_loss:.2f} the "
        f"first time, **{reading.second_loss:.2f}** the second. {best[0].capitalize()}, {best[1]}."
    )


def _show_maps(run: SnapshotRun, at: int, prompt: Prompt, key: str) -> None:
    snapshot = run.snapshots[at]
    maps = _maps(snapshot.sha256, prompt.ids, run, at)
    L, H = maps.shape[:2]
    matrix(
        [
            Matrix(
                maps[layer, head],
                title=f"head {layer}.{head}",
                row_labels=prompt.labels,
                column_labels=prompt.labels,
                low=0.0,
                high=1.0,
                gamma=2.0,
            )
            for layer in range(L)
            for head in range(H)
        ],
        key=f"{key}_maps",
        alt=f"{L * H} attention maps of your prompt after {snapshot.step:,} steps of training: rows look at columns",
        row_axis="looks",
        column_axis="at",
        per_row=H,
    )


def _show_charts(run: SnapshotRun, readings: Sequence[SnapshotReading], at: int, key: str) -> None:
    """Losses and scores, the upright line at the snapshot."""
    steps = [snapshot.step for snapshot in run.snapshots]
    step = f"the upright line is step {steps[at]:,}"
    st.echarts_chart(
        learning_losses_chart(
            steps,
            {
                "held-out": [s.validation_loss for s in run.snapshots],
                "training": [s.train_loss for s in run.snapshots],
            },
            {
                "second time": [r.second_loss for r in readings],
                "first time": [r.first_loss for r in readings],
            },
            even=even_loss(run.tokenizer.vocab_size),
            cursor=at,
        ),
        height=LOSSES_HEIGHT,
        key=f"{key}_losses",
        alt=f"Losses by step, on its own text and on random tokens said twice; {step}",
    )
    st.echarts_chart(
        learning_scores_chart(
            steps,
            {title: np.stack([r.scores[name] for r in readings]) for name, title in TITLES.items()},
            cursor=at,
            named_from=REACHED,
        ),
        height=SCORES_HEIGHT,
        key=f"{key}_scores",
        alt=f"Three behaviours of every head by step, from 0 to 1; {step}",
    )


def story(run: SnapshotRun, readings: Sequence[SnapshotReading]) -> str:
    """What formed when, read from the run's own scores."""
    said = []
    for name, title, what in (
        ("previous", "previous-token head", "looks at the token just before"),
        ("induction", "induction head", "looks at what followed the same token earlier"),
    ):
        formed = first_formed(readings, name)
        if formed is None:
            best = max(float(np.nan_to_num(r.scores[name]).max()) for r in readings)
            said.append(f"No {title} so far: the highest score is {best:.2f}.")
        else:
            step = run.snapshots[formed.at].step
            said.append(
                f"By step **{step:,}** head **{formed.head[0]}.{formed.head[1]}** is {_article(title)}: it {what}, with "
                f"{formed.score:.0%} of its attention."
            )
    period = readings[-1].period
    return (
        " ".join(said) + f" A score is the share of a head's attention that goes to the named place, averaged over "
        f"{period} random tokens said twice; {REACHED:.0%} or more earns the name (Olsson et al., 2022; Elhage et al., "
        "2021). The scale of steps is logarithmic: what is learned first is learned fast."
    )


def _article(noun: str) -> str:
    return f"an {noun}" if noun[0] in "aeiou" else f"a {noun}"


def learning_rows(shown: dict[str, Any]) -> list[tuple[Any, ...]]:
    """One row a snapshot and head: `COLUMNS`."""
    run, readings = shown.get("learning", (None, ()))
    rows = []
    for snapshot, reading in zip(run.snapshots if run is not None else (), readings, strict=True):
        losses = (snapshot.train_loss, snapshot.validation_loss, reading.first_loss, reading.second_loss)
        for layer, head in np.ndindex(*reading.scores["previous"].shape):
            rows.append(
                (snapshot.step, *losses, layer, head, *(float(reading.scores[name][layer, head]) for name in TITLES))
            )
    return rows
