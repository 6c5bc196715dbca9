"""A short live training of the chosen blocks beside the whole ones."""

from __future__ import annotations

import math
from dataclasses import replace

import streamlit as st

from explorer.figures.loss import loss_chart
from explorer.training.block import BlockProgress, BlockSpec, train_blocks
from explorer.ui import frame
from explorer.ui.job_panel import JobView, training_panel
from explorer.ui.pickers import corpus_picker
from explorer.ui.sections.block_setting import ACTIVATIONS, NORMS
from explorer.ui.state import KEPT

SMOOTHED = 9  # points averaged: the loss of a small batch jumps about


def show_training(switches: BlockSpec | None) -> None:
    """The run's settings, its panel and its curves. switches: None where they cannot be."""
    st.markdown(
        "Train the blocks with your switches; beside them, on the same batches and from the same seed, a stack of whole "
        "blocks of the same sizes: LayerNorm before each part, residual paths, GELU, feed-forward, no dropout."
    )
    corpus = corpus_picker("block_corpus")
    columns = st.columns(3)
    with columns[0]:
        steps = st.number_input("Steps", value=500, step=100, key="block_steps", **KEPT)
    with columns[1]:
        rate = st.number_input("Learning rate", value=0.003, step=0.001, format="%.4f", key="block_rate", **KEPT)
    with columns[2]:
        batch = st.number_input("Batch: windows a step", value=16, step=8, key="block_batch", **KEPT)
    spec = None
    if switches is not None and corpus is not None:
        with frame.problems_in_place():
            spec = replace(switches, corpus=corpus, steps=int(steps), learning_rate=float(rate), batch_size=int(batch))
    if spec is not None:
        st.caption(_in_words(spec))
    training_panel("block_run", factory=train_blocks, spec=spec, title="Transformer blocks", draw=_draw)


def _in_words(spec: BlockSpec) -> str:
    if spec.is_whole:
        return "Your blocks are whole: one curve. Switch something off above to see what it costs."
    whole = spec.whole()
    changed = [
        said
        for is_changed, said in (
            (spec.norm != whole.norm, f"LayerNorm {NORMS[spec.norm]}"),
            (spec.residual != whole.residual, "no residual paths"),
            (spec.activation != whole.activation, f"{ACTIVATIONS[spec.activation]} in place of GELU"),
            (spec.feed_forward != whole.feed_forward, "no feed-forward layer"),
            (spec.dropout != whole.dropout, f"dropout {spec.dropout:g}"),
        )
        if is_changed
    ]
    return f"Yours differ from the whole ones in: {', '.join(changed)}."


def _draw(view: JobView[BlockProgress]) -> None:
    """Both curves, and at the end both held-out losses."""
    latest = view.latest
    if latest is None:
        return
    curves = {"your blocks": [(p.step, p.loss) for p in view.history if math.isfinite(p.loss)]}
    if latest.whole_loss is not None:
        curves["whole blocks"] = [(p.step, p.whole_loss) for p in view.history if p.whole_loss is not None]
    chart = loss_chart({name: _smooth(points) for name, points in curves.items()}, {}, steps=latest.steps)
    for series, kind in zip(chart["series"], ("solid", "dashed"), strict=False):
        series["lineStyle"] = {"type": kind, "width": 2}
    st.echarts_chart(chart, height=320, key="block_loss", alt="Loss by step of your blocks and of whole ones")
    st.caption(f"Each point is the mean of {SMOOTHED} neighbouring points of the record.")
    if latest.validation_loss is None:
        return
    said = f"Held-out loss of your blocks: **{latest.validation_loss:.3f}** nats a character"
    if latest.whole_validation_loss is not None:
        cost = latest.validation_loss - latest.whole_validation_loss
        said += f"; of whole ones: **{latest.whole_validation_loss:.3f}**. What the switches cost: **{cost:+.3f}**"
    st.markdown(f"{said}.")


def _smooth(points: list[tuple[int, float]]) -> list[tuple[int, float]]:
    """Means over up to `SMOOTHED` neighbours, fewer at the ends."""
    half = SMOOTHED // 2
    losses = [loss for _, loss in points]
    means = [losses[max(0, i - half) : i + half + 1] for i in range(len(losses))]
    return [(step, sum(near) / len(near)) for (step, _), near in zip(points, means, strict=True)]
