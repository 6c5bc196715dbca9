"""The Overview's loss ladder, drawn in plain HTML so that the first paint waits for no chart library."""

from __future__ import annotations

import itertools
import math
from html import escape

import streamlit as st

from explorer.models.ladders import RungReading, read_ladder
from explorer.ui.own_runs import OwnRun, own_runs
from explorer.ui.state import KEPT

CORPORA = {"names": "Names", "shakespeare": "Shakespeare"}
UNITS = {"nats": 1.0, "bits": math.log(2)}
HELD_OUT = {
    "names": "one name in ten of makemore's 32,033, which none of them has seen",
    "shakespeare": "the last tenth of Tiny Shakespeare, which none of them has seen",
}
SAMPLE_LENGTH = 90


def show_ladder() -> None:
    """One bar a stage on the same held-out text, with what it writes; nothing where no card is here."""
    st.subheader("What each idea buys", anchor=False)
    left, right = st.columns(2)
    corpus = left.segmented_control(
        "Held-out text", list(CORPORA), default="names", format_func=CORPORA.__getitem__, key="ladder_corpus", **KEPT
    )
    unit = right.segmented_control(
        "Unit, per character", list(UNITS), default="nats", key="ladder_unit", required=True, **KEPT
    )
    corpus, unit = corpus or "names", unit or "nats"
    readings = read_ladder(corpus)
    if not readings:
        st.info("The trained models of this ladder are not in checkpoints/.", icon=":material/info:")
        return
    st.markdown(
        f"How surprised each stage is by {HELD_OUT[corpus]}, in {unit} a character. Shorter is better. A **nat** measures "
        "surprise: seeing something of probability p surprises by −ln p; a **bit** is ln 2 nats. The small mark on a "
        "bar is the loss its lecture or repository reports. Below each bar is what the model writes, unedited."
    )
    longest = max(reading.loss for reading in readings)
    with st.container(key="ladder"):
        for reading in readings:
            _show_rung(reading, longest, unit)
        for run in own_runs(corpus):
            _show_own(run, longest, unit)
    st.caption(_notice(corpus, readings))


def _show_rung(reading: RungReading, longest: float, unit: str) -> None:
    rung = reading.rung
    size = f"{reading.parameters:,} weights" if reading.parameters is not None else "no training"
    st.page_link(rung.page, label=f"**{rung.title}**: {rung.idea}")
    st.html(_bar(reading.loss, longest, unit, size, rung.published) + _sample(reading.sample))


def _show_own(run: OwnRun, longest: float, unit: str) -> None:
    st.page_link(run.page, label=f"**Yours**: {run.title}")
    st.html(_bar(run.loss, longest, unit, "your run", None, is_own=True) + _sample(run.sample))


def _bar(loss: float, longest: float, unit: str, size: str, published: float | None, *, is_own: bool = False) -> str:
    """A bar with its number beside it in words, so that nothing hangs on the picture."""
    value, share = loss / UNITS[unit], min(1.0, loss / longest)
    reported = "" if published is None else f" · reported {published / UNITS[unit]:.3f}"
    mark = "" if published is None else f'<i style="{_MARK};left:{min(1.0, published / longest):.2%}"></i>'
    fill = f"{_FILL};{_STRIPES}" if is_own else _FILL
    return (
        f'<div style="{_ROW}"><div style="{_TRACK}" aria-hidden="true"><div style="{fill};width:{share:.2%}"></div>'
        f'{mark}</div><div style="{_WORDS}"><strong>{value:.3f}</strong> {unit}{reported} · {escape(size)}</div></div>'
    )


def _sample(text: str) -> str:
    """What the model writes, on one line, cut at a width; line breaks as the arrow that stands for them elsewhere."""
    line = text.strip("\n").replace("\n", " ↵ ")
    shown = line if len(line) <= SAMPLE_LENGTH else line[:SAMPLE_LENGTH] + "…"
    return f'<div style="{_SAMPLE}">{escape(shown)}</div>' if shown else ""


_ROW = "display:flex;flex-wrap:wrap;align-items:center;gap:.25rem 1rem;margin:-.5rem 0 0"
_TRACK = "position:relative;flex:1 1 16rem;height:.8rem;border-radius:.4rem"
_TRACK += ";background:var(--st-secondary-background-color,#8882)"
_WORDS = "flex:0 1 20rem;min-width:20rem"  # the same on every row, so that the bars can be compared
_FILL = "height:100%;border-radius:.4rem;background:var(--st-primary-color,#2a6fb0)"
_STRIPES = "background-image:repeating-linear-gradient(45deg,#fff6 0 4px,transparent 4px 8px)"
_MARK = "position:absolute;top:-.2rem;bottom:-.2rem;width:2px;background:var(--st-text-color,#333)"
_SAMPLE = "font-family:monospace;font-size:.8rem;opacity:.75;overflow-wrap:anywhere;margin:.1rem 0 .4rem"


def _notice(corpus: str, readings: list[RungReading]) -> str:
    """What the bars show, said from the bars themselves."""
    losses = {reading.rung.source: reading.loss for reading in readings}
    if corpus == "names" and {"names-mlp", "names-batchnorm", "names-wavenet"} <= set(losses):
        gap = losses["names-batchnorm"] - losses["names-mlp"]
        return (
            f"Notice: with three letters in view BatchNorm changes the end little ({gap:+.3f} nats here, with a good "
            "start and AdamW for both); what it buys is depth and a forgiving start, which its page shows. Seeing "
            f"more letters is what buys the next {losses['names-batchnorm'] - losses['names-wavenet']:.2f}."
        )
    steps = [(a.loss - b.loss, b.rung.title) for a, b in itertools.pairwise(readings)]
    largest, title = max(steps, default=(0.0, ""))
    return f"Notice: the largest single step, {largest:.2f} nats, is “{title}”." if steps else ""
