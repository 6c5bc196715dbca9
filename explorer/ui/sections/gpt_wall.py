"""The first part of GPT inside: the wall of maps with what each head does, one head's arcs, and what comes next."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from explorer.figures.sampling import next_token_chart
from explorer.inspection.attention import window_patterns
from explorer.inspection.head_behaviour import BEHAVIOURS, NAMED_FROM, name_of
from explorer.ui import frame, resources
from explorer.ui.components.matrix import Cell, Matrix, matrix
from explorer.ui.components.token_arcs import WHOLE_WEIGHTS, ArcSelection, token_arcs
from explorer.ui.state import KEPT, cell_in_address, hold_at_most, remember_cell, set_controls

if TYPE_CHECKING:
    from explorer.inspection.gpt_heads import HeadsReading
    from explorer.inspection.head_behaviour import InductionReading
    from explorer.models.checkpoints import Checkpoint
    from explorer.ui.pickers import Prompt

OPENED = Cell(0, 0, 0)  # the head that is open at first
PAINT_SECONDS = 0.06  # before the rest is sent: the browser paints the wall first, and then arcs and bars
WINDOW = 128  # tokens under the arcs at once
Scores = dict[str, np.ndarray]


def wall_side(n_heads: int) -> int:
    """Cells on a side of a map in the wall: what a screen can show of so many in a row."""
    return max(32, min(64, 512 // n_heads))


def read(loaded: Checkpoint, prompt: Prompt) -> HeadsReading:
    """Every head on the prompt."""
    return resources.heads(loaded.name, prompt.ids, wall_side(loaded.model.config.n_heads))


def show_heads(loaded: Checkpoint, prompt: Prompt) -> None:
    """The wall, one head's arcs, and the next-token bars with and without the heads switched off."""
    shown = frame.shown("gpt")
    reading, induction = read(loaded, prompt), resources.induction(loaded.name)
    L, H = reading.maps.shape[:2]
    st.markdown(
        f"**{L} layers × {H} heads on {len(prompt.ids)} tokens.** A row is a token that looks, a column what it looks at, "
        "darker is more (in the dark theme: brighter); each row sums to 1. Layers and heads are counted from 0. Click a "
        "map to open it below."
    )
    scores = scores_of(reading, induction)
    layer, head = open_head(L, H, scores)
    shown["head"], shown["scores"] = (reading, layer, head), scores
    _wall(reading, scores, prompt.labels, Cell(layer * H + head, 0, 0))
    time.sleep(PAINT_SECONDS)
    _what_the_words_mean(induction)
    st.subheader(f"Layer {layer}, head {head} opened", anchor=False)
    _measured(scores, layer, head)
    off = show_arcs(reading, prompt, layer, head).disabled
    st.button(
        "Take this head apart: its queries, keys, values and what it writes",
        key="gpt_take_apart",
        on_click=set_controls,
        args=({"gpt_part": "2 One head"},),
        icon=":material/search:",
    )
    _next(loaded, prompt, reading, off)


def scores_of(reading: HeadsReading, induction: InductionReading) -> Scores:
    """(L, H) by name: the prompt's own, but induction on random tokens said twice, where the model can be given them."""
    on_prompt = dict(reading.behaviours)
    return on_prompt | {
        "induction": induction.scores if induction.period else on_prompt["induction"],
        "induction here": on_prompt["induction"],
    }


def _named(scores: Scores, layer: int, head: int) -> dict[str, float]:
    return {name: float(scores[name][layer, head]) for name in BEHAVIOURS}


def _note(scores: Mapping[str, float]) -> str:
    """The behaviour with the highest score, with a dot where the head is named after it; nothing without scores."""
    known = {name: score for name, score in scores.items() if not math.isnan(score)}
    if not known:
        return ""
    best = max(known, key=lambda name: known[name])
    return f"{'● ' if name_of(known) else ''}{best} {_percent(known[best])}"


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _wall(reading: HeadsReading, scores: Scores, labels: tuple[str, ...], opened: Cell) -> None:
    """Every head's map in one layer × head grid."""
    L, H = reading.maps.shape[:2]
    block = reading.block
    names = labels if block == 1 else tuple(f"{labels[i]}…" for i in range(0, len(labels), block))
    matrix(
        [
            Matrix(
                reading.maps[layer, head],
                title=f"layer {layer} · head {head}",
                row_labels=names,
                column_labels=names,
                low=0.0,
                high=1.0,
                gamma=2.0,
                note=_note(_named(scores, layer, head)),
            )
            for layer in range(L)
            for head in range(H)
        ],
        key="gpt_wall",
        alt=f"{L * H} attention maps, {L} layers of {H} heads, on {len(labels)} tokens: rows look at columns",
        row_axis="looks",
        column_axis="at",
        per_row=H,
        selected=opened,
    )
    if block > 1:
        st.caption(
            f"{len(labels):,} tokens: each cell of the wall is the largest of {block} × {block}; part 2 zooms into a head."
        )
    remember_cell("head", opened, OPENED)


def _what_the_words_mean(induction: InductionReading) -> None:
    measured = (
        f"measured on {induction.sequences} lines of {induction.period} random tokens said twice, where nothing else helps"
        if induction.period
        else "measured on your prompt: this model's context is too short for anything said twice"
    )
    st.caption(
        "Under a map: where most of its attention goes, of five places with a name, as a mean over the rows from the third "
        "token on. *previous*: the token just before; *two back*: the one before that; *first*: the very first token, "
        "where a head rests that has found nothing; *self*: the token itself; *induction*: what followed the same token "
        f"when it came before, {measured}. ● marks a head with one job: at least {_percent(NAMED_FROM)}."
    )


def _measured(scores: Scores, layer: int, head: int) -> None:
    """All five scores of the head that is open."""
    parts = [
        f"{name} {_percent(float(scores[name][layer, head]))}"
        for name in BEHAVIOURS
        if name != "induction" and not math.isnan(float(scores[name][layer, head]))
    ]
    if not parts:
        st.markdown("With fewer than three tokens there is nothing to measure yet: type on.")
        return
    here, known = (float(scores[name][layer, head]) for name in ("induction here", "induction"))
    told = (
        "induction cannot be measured, as no token comes again" if math.isnan(here) else f"induction {_percent(here)}"
    )
    twice = "" if math.isnan(known) else f" On random tokens said twice: induction {_percent(known)}."
    called = name_of(_named(scores, layer, head))
    verdict = f"So it is called **{called}**." if called else "No place gets enough for a name."
    st.markdown(f"Its attention on your prompt: {', '.join(parts)}; {told}.{twice} {verdict}")


def open_head(L: int, H: int, scores: Scores | None = None) -> tuple[int, int]:
    """The head that is open: the one chosen last, on the wall or at the arcs, else the one that the address names.

    Each of the two is passed what was chosen at the other, so what they return cannot say which choice is newer. An
    experiment may ask for the head with the highest score of some behaviour.
    """
    opened: Cell = st.session_state.get("_gpt_head", cell_in_address("head", OPENED))
    wall, arcs = news("gpt_wall", "cell"), news("gpt_arcs", "chosen")
    if wall is not None:
        opened = Cell(int(wall["matrix"]), 0, 0)
    if arcs is not None:
        opened = Cell(int(arcs["layer"]) * H + int(arcs["head"]), 0, 0)
    wanted = st.session_state.pop("_gpt_find", None)
    if wanted is not None and scores is not None and not np.isnan(scores[wanted]).all():
        opened = Cell(int(np.nanargmax(scores[wanted])), 0, 0)
    opened = opened if 0 <= opened.matrix < L * H else OPENED
    st.session_state["_gpt_head"] = opened
    return opened.matrix // H, opened.matrix % H


def news(key: str, part: str) -> Mapping[str, Any] | None:
    """What was chosen in a component since the last run, or None."""
    state = st.session_state.get(key)
    chosen = state.get(part) if isinstance(state, Mapping) else None
    before, now = st.session_state.get(f"_{key}_seen"), repr(chosen)
    st.session_state[f"_{key}_seen"] = now
    return chosen if isinstance(chosen, Mapping) and now != before else None


def show_arcs(reading: HeadsReading, prompt: Prompt, layer: int, head: int) -> ArcSelection:
    """One head's arcs over the tokens, or over a window of a long prompt; the heads off outlive a change of part."""
    T = len(prompt.ids)
    start = _window(T)
    stop = min(T, start + WINDOW)
    L, H = reading.maps.shape[:2]
    whole = L * H * (stop - start) ** 2 <= WHOLE_WEIGHTS
    of = slice(None) if whole else layer
    chosen = token_arcs(
        prompt.labels[start:stop],
        window_patterns(reading.queries[of], reading.keys[of], start, stop),
        key="gpt_arcs",
        alt=f"Arcs from a token to the tokens that layer {layer}, head {head} looks at",
        layer=layer,
        head=head,
        token=stop - start - 1,
        layers=None if whole else L,
        first=start,
        disabled=st.session_state.get("_gpt_off", frozenset()),
    )
    st.session_state["_gpt_off"] = chosen.disabled
    return chosen


def _window(T: int) -> int:
    """The first token under the arcs; a long prompt gets a slider, at first over its last tokens."""
    if T <= WINDOW:
        return 0
    hold_at_most("gpt_window", T - WINDOW)
    start = st.slider(
        f"Tokens under the arcs: {WINDOW} of {T:,}, from token",
        0,
        T - WINDOW,
        T - WINDOW,
        key="gpt_window",
        help="What a token looks at before the window counts among “the others”.",
        **KEPT,
    )
    return int(start)


def _next(loaded: Checkpoint, prompt: Prompt, reading: HeadsReading, off: frozenset[tuple[int, int]]) -> None:
    """The likeliest next tokens after the whole prompt, and what they become with some heads silent."""
    st.subheader("What comes next", anchor=False)
    likely, labels = reading.probabilities, loaded.tokenizer.labels
    if not off:
        st.markdown("Switch a head off above, and see here what it was good for on this prompt.")
        chart = next_token_chart(likely, labels)
    else:
        whole, without = (resources.next_token(loaded.name, prompt.ids, silent) for silent in (frozenset(), off))
        heads = ", ".join(f"{layer}.{head}" for layer, head in sorted(off)[:6]) + (", …" if len(off) > 6 else "")
        every = len(off) == reading.maps.shape[0] * reading.maps.shape[1]
        which = "all of the heads" if every else f"{len(off)} of the heads (layer.head {heads})"
        told = f"Without {which}, which now write nothing"
        if whole.loss is None or without.loss is None:
            st.markdown(f"{told}: striped bars.")
        else:
            st.markdown(
                f"{told}: striped bars. Loss on your prompt: {whole.loss:.3f} → **{without.loss:.3f}** nats a token "
                f"({without.loss - whole.loss:+.3f})."
            )
        chart = next_token_chart(likely, labels, changed=without.probabilities)
    best = int(likely.argmax())
    st.echarts_chart(
        chart,
        height=420 if not off else 620,
        key="gpt_next",
        alt=f"The likeliest next tokens with their probabilities; first “{labels[best]}”",
    )
