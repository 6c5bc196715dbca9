"""Heads and whole sublayers switched off by clicking them: what it costs, and which part costs most."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from explorer.figures.gpt_analysis import ranking_chart
from explorer.figures.sampling import next_token_chart
from explorer.ui import gpt_readings
from explorer.ui.components.matrix import Matrix, matrix
from explorer.ui.job_panel import JobView, training_panel
from explorer.ui.state import KEPT
from explorer.ui.words import signed

if TYPE_CHECKING:
    from explorer.inspection.ablation import Fill, Part
    from explorer.inspection.ablation_ranking import RankingProgress, RankingSpec
    from explorer.models.checkpoints import Checkpoint
    from explorer.ui.pickers import Prompt

OFF = "gpt_off"  # what is off, as codes, in the session; the address has the same under "off"
FILLS: dict[str, Fill] = {"nothing (zero)": "zero", "its average over your prompt": "mean"}
AT_ONCE = 15e9  # multiply-adds: below it a ranking is worked out unasked, in about 2 s on one slow core
BARS = 8
SHOWN = 8  # names of parts that are off, before “and others”


def show_ablation(loaded: Checkpoint, prompt: Prompt) -> None:
    """Switches for every part, the next tokens with and without, and all parts ranked by what they cost."""
    from explorer.inspection.ablation import parse_parts, parts_of

    parts = parts_of(loaded.model)
    if not parts:
        st.info("This model has no blocks: there is no head to switch off.", icon=":material/toggle_off:")
        return
    st.markdown(
        "What is a part for? Take it away and see what gets worse (**ablation**). Click a cell to switch it off or on: a "
        "head, the whole **attention** of a layer, or its **feed-forward** network. A cell says by how much the loss on "
        "your prompt rises when that part alone is off: 0 costs nothing, below 0 the prompt is predicted better without."
    )
    chosen = st.radio("A part that is off writes", list(FILLS), key="gpt_fill", horizontal=True, **KEPT)
    fill = FILLS[chosen]
    _explain(fill, len(prompt.ids))
    left, right = st.columns([6, 5], gap="medium")
    with st.container():
        ranking = _ranking(loaded, prompt, fill)
    with left:
        codes = _switches(parts, ranking)
        _presets(parts, codes)
    with right:
        _show_changed(loaded, prompt, parse_parts(" ".join(codes), loaded.model), fill)


def _explain(fill: Fill, T: int) -> None:
    if fill == "zero":
        st.caption("Zero: a part that is off adds nothing to the stream (Michel, Levy & Neubig, 2019).")
        return
    said = (
        "Average: at every position the part writes what it wrote on average over your prompt, so only what depends on the "
        "place is lost (Wang et al., 2022, average over a reference text). The prompt's own average needs no second text; "
        "in return a little of the later tokens reaches the earlier ones through it."
    )
    one = " Your prompt is one token: the average is what was there, so nothing changes."
    st.caption(said + (one if T == 1 else ""))


def _switches(parts: Sequence[Part], ranking: RankingProgress | None) -> frozenset[str]:
    """The grid of layers × (heads, attention, feed-forward); returns the codes of what is off."""
    layers = sorted({part.layer for part in parts})
    columns = [part for part in parts if part.layer == layers[0]]
    at = {(part.layer, part.kind, part.head): part for part in parts}
    rows = [[at[layer, column.kind, column.head] for column in columns] for layer in layers]
    codes = _toggled(_off_now(), rows)
    costs = dict(ranking.costs) if ranking is not None else None
    off = np.array([[float(part.code in codes) for part in row] for row in rows])
    values = off if costs is None else np.array([[costs[part] for part in row] for row in rows])
    matrix(
        Matrix(
            values,
            title="1: off" if costs is None else "Δ loss, nats a token",
            row_labels=[str(layer) for layer in layers],
            column_labels=[_column(part) for part in columns],
            text=[[_cell_text(part, part.code in codes, costs) for part in row] for row in rows],
            scale="sequential" if costs is None else "diverging",
            low=0.0 if costs is None else None,
            high=1.0 if costs is None else None,
            gamma=1.0 if costs is None else 2.0,
        ),
        key="gpt_switches",
        alt=f"Switches: {len(layers)} layers of {len(columns)} parts; {int(off.sum())} are off",
        row_axis="layer",
        column_axis="head, or whole sublayer",
        min_cell=36,
        max_cell=52,
        toggles=True,
    )
    return codes


def _column(part: Part) -> str:
    return str(part.head) if part.kind == "head" else part.kind.replace("_", "-")


def _cell_text(part: Part, is_off: bool, costs: Mapping[Part, float] | None) -> str:
    """ "off" above the number; a number alone for what is on."""
    if costs is None:
        return "off" if is_off else "on"
    number = signed(costs[part])
    return f"off\n{number}" if is_off else number


def _off_now() -> frozenset[str]:
    """What is off: from the address on arrival, after that from the session."""
    arrived = st.query_params.get("off")
    if arrived is not None and arrived != st.session_state.get("_gpt_off_in_address"):
        st.session_state[OFF] = arrived
    return frozenset(str(st.session_state.get(OFF, "")).split())


def _toggled(codes: frozenset[str], rows: Sequence[Sequence[Part]]) -> frozenset[str]:
    """With the cell that was clicked since the last run, if any, turned over."""
    state = st.session_state.get("gpt_switches")
    cell = state.get("cell") if isinstance(state, Mapping) else None
    before, now = st.session_state.get("_gpt_switches_seen"), repr(cell)
    st.session_state["_gpt_switches_seen"] = now
    if isinstance(cell, Mapping) and now != before and cell["row"] < len(rows) and cell["column"] < len(rows[0]):
        codes = codes ^ {rows[cell["row"]][cell["column"]].code}
    _remember(codes)
    return codes


def _remember(codes: frozenset[str]) -> None:
    written = " ".join(sorted(codes))
    st.session_state[OFF] = st.session_state["_gpt_off_in_address"] = written
    if written and st.query_params.get("off") != written:
        st.query_params["off"] = written
    elif not written and "off" in st.query_params:
        del st.query_params["off"]


def _presets(parts: Sequence[Part], codes: frozenset[str]) -> None:
    kinds = {"All heads off": "head", "All attention off": "attention", "All feed-forward off": "feed_forward"}
    with st.container(horizontal=True, key="gpt_ablation_presets"):
        for i, (label, kind) in enumerate(kinds.items()):
            wanted = frozenset(part.code for part in parts if part.kind == kind)
            if wanted:
                st.button(label, key=f"gpt_off_{i}", on_click=_switch_off, args=(wanted,), disabled=wanted <= codes)
        st.button("Everything on", key="gpt_off_none", on_click=_switch_on, disabled=not codes)


def _switch_off(wanted: frozenset[str]) -> None:
    _remember(frozenset(str(st.session_state.get(OFF, "")).split()) | wanted)


def _switch_on() -> None:
    _remember(frozenset())


def _show_changed(loaded: Checkpoint, prompt: Prompt, off: frozenset[Part], fill: Fill) -> None:
    """Loss and next tokens, plain and with the parts off striped."""
    whole = gpt_readings.without(loaded.name, prompt.ids, frozenset(), "zero")
    labels = loaded.tokenizer.labels
    if not off:
        st.markdown("Everything is on. The next tokens as the model says them:")
        chart, height = next_token_chart(whole.probabilities, labels, top=BARS), 360
    else:
        less = gpt_readings.without(loaded.name, prompt.ids, off, fill)
        names = ", ".join(part.label for part in sorted(off)[:SHOWN])
        names += f" and {len(off) - SHOWN} others" if len(off) > SHOWN else ""
        loss = "One token has nothing to predict, so there is no loss to compare."
        if whole.loss is not None and less.loss is not None:
            loss = (
                f"Loss on your prompt: {whole.loss:.3f} → **{less.loss:.3f}** nats a token "
                f"({less.loss - whole.loss:+.3f})."
            )
        st.markdown(f"Off: {names}. {loss} The next tokens, plain as trained, striped with these off:")
        chart, height = next_token_chart(whole.probabilities, labels, changed=less.probabilities, top=BARS), 480
    st.echarts_chart(chart, height=height, key="gpt_ablated", alt=_bars_alt(off))
    if off:
        st.caption(
            "A sublayer that is off takes its offset (bias) along; a head that is off leaves the layer's. What several "
            "parts cost together need not be the sum of their cells: parts stand in for each other."
        )


def _bars_alt(off: frozenset[Part]) -> str:
    return "The likeliest next tokens" + (f", with everything on and with {len(off)} parts off" if off else "")


def _ranking(loaded: Checkpoint, prompt: Prompt, fill: Fill) -> RankingProgress | None:
    """All parts by what they cost: at once where that is quick, else as a run that can be stopped."""
    from explorer.inspection.ablation_ranking import RankingSpec, multiply_adds, rank_parts

    st.markdown("**All parts, ranked by what they cost**")
    if len(prompt.ids) < 2:
        st.caption("A loss needs a token to predict: type at least two tokens to rank the parts.")
        return None
    place = gpt_readings.ranking_place(loaded.name, prompt.ids, fill)
    spec = RankingSpec(loaded.name, prompt.ids, fill, loaded.model)
    if not place and multiply_adds(loaded.model, len(prompt.ids)) <= AT_ONCE:
        bar = st.progress(0.0, "Switching each part off in turn…")
        last = None
        for last in rank_parts(spec):
            bar.progress(last.step / last.steps, f"Switching each part off in turn: {last.step} of {last.steps}")
        bar.empty()
        if last is not None:
            place.append(last)
    elif not place:
        _rank_in_background(spec, place)
        return place[0] if place else None  # the run's panel has drawn it
    if place:
        _draw_ranking(place[0])
    return place[0] if place else None


def _rank_in_background(spec: RankingSpec, place: list[RankingProgress]) -> None:
    from explorer.inspection.ablation_ranking import rank_parts

    def draw(view: JobView[RankingProgress]) -> None:
        if view.latest is not None:
            _draw_ranking(view.latest)

    st.caption("For a model and a prompt of this size that takes a while: start it, and stop it when you like.")
    job = training_panel(
        "gpt_ranking",
        factory=rank_parts,
        spec=spec,
        title="Ranking by ablation",
        draw=draw,
        start_label="Rank all parts",
    )
    if job is not None and job.spec == spec:
        latest = job.view().latest
        if latest is not None and latest.step == latest.steps:
            place.append(latest)


def _draw_ranking(ranking: RankingProgress) -> None:
    ranked = ranking.ranked
    chart = ranking_chart(
        [part.label for part, _ in ranked],
        np.array([cost for _, cost in ranked]),
        [part.kind != "head" for part, _ in ranked],
        unit="Δ loss, nats a token",
    )
    first = f"the costliest is {ranked[0][0].label}, {ranked[0][1]:+.3f} nats"
    st.echarts_chart(chart, height=340, key="gpt_ranked", alt=f"All {len(ranked)} parts by what they cost; {first}")
    st.caption(f"Each bar: that part alone off. With everything on the loss is {ranking.loss:.3f} nats a token.")
    with st.expander("The ranking as a table"):
        st.dataframe(
            {"part": [part.label for part, _ in ranked], "Δ loss": [round(cost, 4) for _, cost in ranked]}, height=280
        )
