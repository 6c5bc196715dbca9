"""The parts of the page Generate: the controls, the streaming text, and the road from logits to one token."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING

import streamlit as st

from explorer.core.sampling import SamplingSettings
from explorer.figures.sampling import stages_chart, stages_height
from explorer.inspection.sampling import SamplingReading, read_step
from explorer.models.generation import GeneratedToken, generate
from explorer.ui.state import KEPT, hold_at_most
from explorer.ui.words import literal

if TYPE_CHECKING:
    from explorer.models.checkpoints import Checkpoint
    from explorer.ui.pickers import Prompt

TURN_SECONDS = 0.25  # of writing, before the page answers other controls
PAUSE_SECONDS = 0.25  # between two turns
LONGEST = 2000  # tokens in one go: bounds what one visitor asks of the server


@dataclass(frozen=True)
class Request:
    """Everything the text depends on: the same request gives the same text."""

    checkpoint: str
    ids: tuple[int, ...]
    settings: SamplingSettings
    context_length: int
    length: int
    seed: int


@dataclass
class Written:
    """What has been written so far for a request: token ids, and the pointer each was drawn with.

    source: where the next token comes from, once begun. seconds: spent on writing.
    """

    request: Request
    tokens: list[int] = field(default_factory=list)
    pointers: list[float] = field(default_factory=list)
    stopped: bool = False
    source: Iterator[GeneratedToken] | None = None
    seconds: float = 0.0

    @property
    def finished(self) -> bool:
        return self.stopped or len(self.tokens) >= self.request.length


def sampling_controls(checkpoint: Checkpoint, ids: tuple[int, ...]) -> Request:
    """The sliders as a request. Raises ValueError naming the setting that cannot be."""
    V, longest = checkpoint.tokenizer.vocab_size, checkpoint.model.config.context_length
    columns = st.columns(3)
    with columns[0]:
        temperature = st.slider(
            "Temperature", 0.0, 2.0, 0.8, 0.05, key="temperature", help=_TIPS["temperature"], **KEPT
        )
        length = st.number_input("Length, tokens to write", 1, LONGEST, 300, key="length", **KEPT)
    with columns[1]:
        top_k = st.number_input(f"Top-k, 0 to {V} (0 keeps all)", 0, None, 0, key="top_k", help=_TIPS["top_k"], **KEPT)
        label = "Context length, tokens to look back on"
        if longest > 1:
            hold_at_most("context", longest)
            context = st.slider(label, 1, longest, longest, key="context", help=_TIPS["context"], **KEPT)
        else:
            context = 1
            st.caption("Context length: 1, this model looks back on one token only.")
    with columns[2]:
        top_p = st.slider("Top-p", 0.0, 1.0, 1.0, 0.01, key="top_p", help=_TIPS["top_p"], **KEPT)
        seed = st.number_input("Seed", 0, 99_999, 1, key="sample_seed", help=_TIPS["seed"], **KEPT)
    settings = SamplingSettings(temperature, int(top_k) or None, top_p)
    settings.check_vocabulary(V)
    if settings.is_greedy:
        st.info(
            "Temperature 0 is greedy: always the likeliest token. Seed, top-k and top-p play no part.",
            icon=":material/my_location:",
        )
    return Request(checkpoint.name, ids, settings, int(context), int(length), int(seed))


_TIPS = {
    "temperature": "Divides the logits. Below 1 sharpens the choice, above 1 flattens it, 0 always takes the likeliest.",
    "top_k": "Keep only the k likeliest tokens at each step.",
    "top_p": "Then keep the smallest set of likeliest tokens whose probabilities add up to p.",
    "context": "How many of the last tokens the model may read when it writes the next.",
    "seed": "Fixes the random pointer: the same seed and settings write the same text.",
}


def write(checkpoint: Checkpoint, request: Request, prompt: Prompt) -> Written:
    """Write the text a turn at a time; kept for the session, so that looking at a step does not write it again.

    Streamlit lets a run of a fragment end before it answers another control. So each run writes for a moment only, and
    a timer runs the next: Stop and all other controls answer between two turns.
    """
    written = st.session_state.get("_written")
    if written is None or written.request != request:
        written = st.session_state["_written"] = Written(request)
    _write_on(checkpoint, written)
    writing, is_drawn = not written.finished, False

    @st.fragment(run_every=PAUSE_SECONDS if writing else None)
    def live() -> None:
        nonlocal is_drawn
        if is_drawn:  # called by the timer: the next turn
            _write_on(checkpoint, written)
        is_drawn = True
        if writing and written.finished:
            st.rerun()  # of the whole page: only that stops the timer
        _show_text(checkpoint, written, prompt)
        st.progress(len(written.tokens) / request.length)
        if writing:
            st.button("Stop", key="generate_stop", on_click=_stop, args=(written,))

    live()
    return written


def _stop(written: Written) -> None:
    written.stopped = True


def _write_on(checkpoint: Checkpoint, written: Written) -> None:
    """Write for one turn, or to the end if that is sooner. Raises ValueError for a request that cannot be."""
    request = written.request
    if written.source is None:
        written.source = generate(
            checkpoint.model,
            list(request.ids),
            request.length,
            request.settings,
            seed=request.seed,
            context_length=request.context_length,
            boundary=checkpoint.boundary,
        )
    began = time.monotonic()
    while not written.finished and time.monotonic() - began < TURN_SECONDS:
        token = next(written.source)
        written.tokens.append(token.token)
        written.pointers.append(token.pointer)
    written.seconds += time.monotonic() - began


def _progress_in_words(written: Written) -> str:
    done, length = len(written.tokens), written.request.length
    if written.finished:
        return f"{'Stopped' if written.stopped else 'Written'}: {done:,} tokens."
    return f"{done:,} of {length:,} tokens, {(length - done) * written.seconds / max(1, done):.0f} s left"


def _show_text(checkpoint: Checkpoint, written: Written, prompt: Prompt) -> None:
    """The prompt quiet, the continuation strong, how far it is; everything shown as typed."""
    text = checkpoint.tokenizer.decode(written.tokens)
    st.html(
        '<div style="white-space:pre-wrap;overflow-wrap:anywhere;font-family:var(--st-code-font,monospace);'
        "min-height:14rem;max-height:28rem;overflow-y:auto;padding:1rem;border-radius:.6rem;line-height:1.55;"
        'border:1px solid rgba(128,128,128,.35)" tabindex="0" role="region" aria-label="Prompt and generated text">'
        f'<span style="opacity:.65">{escape(prompt.text)}</span><strong style="font-weight:600">{escape(text)}</strong>'
        f'</div><p style="margin:.6rem 0 0">{_progress_in_words(written)}</p>'
    )


def show_step(checkpoint: Checkpoint, written: Written) -> SamplingReading | None:
    """One token of the text: every stage from its logits to its probability, over the full vocabulary."""
    st.subheader("How one of these tokens was chosen", anchor=False)
    if not written.tokens:
        st.caption("Nothing has been written yet.")
        return None
    labels, request = checkpoint.tokenizer.labels, written.request
    last = max(2, len(written.tokens) if written.finished else request.length)
    hold_at_most("step", last)
    number = st.slider("Token of the continuation", 1, last, 1, key="step", **KEPT)
    index = min(number, len(written.tokens)) - 1
    reading = read_step(
        checkpoint.model,
        [*request.ids, *written.tokens[:index]],
        request.settings,
        token=written.tokens[index],
        pointer=written.pointers[index],
        context_length=request.context_length,
        boundary=checkpoint.boundary,
    )
    greedy = "greedy, so the pointer plays no part" if request.settings.is_greedy else f"pointer {reading.pointer:.4f}"
    st.markdown(
        f"Token {index + 1} is “**{literal(labels[reading.token])}**”: {reading.kept} of {len(labels)} tokens could be "
        f"drawn ({greedy}). The model itself gave it {reading.unfiltered[reading.token]:.1%}, a surprise of "
        f"{reading.surprise:.2f} bits."
    )
    stages = [
        ("logits", reading.logits),
        ("÷ temperature", reading.scaled),
        ("after top-k", reading.after_top_k),
        ("after top-p", reading.after_top_p),
        ("probability", reading.probabilities),
    ]
    chart = stages_chart(stages, labels, chosen=reading.token)
    alt = "Five bar charts over the vocabulary, from logits to the probability that was drawn from"
    st.echarts_chart(chart, height=stages_height(len(stages)), key="generate_stages", alt=alt)
    return reading
