"""The WaveNet page on convolutions: the tree slid along a text, with every shared branch computed once."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from explorer.figures.wavenet import lattice_chart, work_chart
from explorer.inspection.wavenet_convolution import ConvolutionReading, compare_convolution, lattice, time_both
from explorer.inspection.wavenet_statistics import readable_text
from explorer.ui import frame, resources
from explorer.ui.pickers import Prompt
from explorer.ui.sections.wavenet import Net
from explorer.ui.state import KEPT, hold_at_most
from explorer.ui.words import literal

DRAWN = 20  # characters of the text
TIMED = 512  # characters of the corpus


def show_convolution(net: Net, prompt: Prompt, shown: dict[str, Any]) -> None:
    """The lattice with one tree in it, the two ways' logits, and their work."""
    _show_lattice(net, prompt)
    with frame.problems_in_place():
        reading = compare_convolution(net.model, prompt.ids)
        shown["work"] = [(w.name, w.tree_nodes, w.convolution_nodes, w.tree, w.convolution) for w in reading.work]
        tree, convolution = reading.totals
        T = len(prompt.ids)
        st.markdown(
            f"**Equal logits.** After each of the {T:,} characters both ways give {reading.tree_logits.shape[1]} logits; "
            f"of these {reading.tree_logits.size:,} the two that differ most are **{_difference(reading)}** apart, "
            f"where the largest is {reading.largest_logit:.2f}."
        )
        left, right = st.columns([3, 2], gap="medium")
        with left:
            chart = work_chart(
                [w.name for w in reading.work],
                {
                    "tree on every window": [w.tree for w in reading.work],
                    "convolutions": [w.convolution for w in reading.work],
                },
                "multiply-adds",
            )
            said = f"{tree:,} against {convolution:,} multiply-adds for {T} characters"
            st.echarts_chart(chart, height=280, key="wavenet_work", alt=f"Work by layer: {said}")
        with right:
            st.markdown(
                f"**Shared work.** For all {T:,} positions the tree takes **{tree:,}** multiply-adds window by window, the "
                f"convolutions **{convolution:,}**: {tree / convolution:.2f} times less, counted from what each layer "
                "gave out. Neighbouring windows share branches; the convolutions compute each once."
            )
            _show_time(net)


def _show_lattice(net: Net, prompt: Prompt) -> None:
    n, fusion = net.config.context_length, net.config.fusion
    text = prompt.labels[-DRAWN:]
    labels = (*[net.tokenizer.labels[net.config.pad_id]] * (n - 1), *text)
    hold_at_most("wavenet_end", len(text))
    place = (
        st.slider("The tree that ends at character", 1, len(text), len(text), key="wavenet_end", **KEPT)
        if len(text) > 1
        else 1
    )
    points = lattice(labels, n, fusion, n - 2 + int(place))
    chart = lattice_chart(
        labels,
        points.places,
        points.levels,
        np.stack([points.starts, points.ends], axis=1),
        in_tree=points.in_tree,
        line_in_tree=points.line_in_tree,
        dilations=points.dilations,
    )
    inside = int(points.in_tree.sum())
    st.echarts_chart(
        chart,
        height=110 + 62 * len(points.dilations),
        key="wavenet_lattice",
        alt=f"Lattice of {len(points.places)} vectors over {len(labels)} characters; the tree that ends at character "
        f"{place} is drawn strongly: {inside} of them",
    )
    dilations = ", ".join(map(str, points.dilations))
    cut = f" Drawn are the last {DRAWN} characters of the text." if len(prompt.labels) > DRAWN else ""
    st.caption(
        literal(
            f"Strong: the tree of the window that ends at “{text[int(place) - 1]}”, {inside} of "
            f"{len(points.places)} vectors. Every level is a convolution with {net.config.fusion} taps at most, "
            f"{dilations} places apart (its dilation).{cut}"
        )
    )


def _show_time(net: Net) -> None:
    """Measured anew for each net and text, and then kept."""
    kept = st.session_state.setdefault("_wavenet_times", {})
    key = (net.corpus, net.config)
    if key not in kept:
        corpus = resources.corpus(net.corpus)
        ids = net.tokenizer.encode(readable_text(corpus, net.tokenizer)[0][:TIMED])
        reading = compare_convolution(net.model, ids)
        kept.clear()
        kept[key] = (len(ids), time_both(net.model, ids), reading.totals)
    T, (tree, convolution), totals = kept[key]
    st.markdown(
        f"**Measured** on {T} characters of the corpus, on this machine, the fastest of 15 turns: {1000 * tree:.2f} ms "
        f"against {1000 * convolution:.2f} ms, a ratio of **{tree / convolution:.2f}**, where the multiply-adds have "
        f"one of {totals[0] / totals[1]:.2f}."
    )


def _difference(reading: ConvolutionReading) -> str:
    """In words where there is none: on one machine the two may add up in the same order."""
    return f"{reading.largest_difference:.1e}" if reading.largest_difference else "exactly 0"
