"""The WaveNet page on BatchNorm: averaged over windows and positions, or by mistake over windows alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from explorer.inspection.wavenet_statistics import LevelStatistics, draw_windows, read_statistics
from explorer.ui import resources
from explorer.ui.components.matrix import Matrix, matrix
from explorer.ui.sections.wavenet import SHIPPED, Net
from explorer.ui.state import KEPT

BATCHES, WINDOWS = 64, 32
MOST_CHANNELS = 128  # drawn


@st.cache_data(max_entries=8, show_spinner="Drawing batches…")
def _batches(corpus: str, _net: Net, context_length: int, letters: tuple[str, ...]) -> np.ndarray:  # noqa: ARG001
    windows = draw_windows(resources.corpus(corpus), _net.tokenizer, context_length, shape=(BATCHES, WINDOWS))
    return windows.numpy()


def mistake_switch(source: str) -> bool:
    """Whether BatchNorm averages over positions too. The page calls it before the net is built."""
    over = st.toggle(
        "BatchNorm averages over positions too, as it should",
        True,
        key="wavenet_over",
        help="Off is the mistake. It applies to fresh weights and to the next run.",
        **KEPT,
    )
    if source == SHIPPED:
        st.caption(
            "The shipped net was trained as it should be; the switch shows what its first batches would average."
        )
    return bool(over)


def show_statistics(net: Net, *, over_positions: bool, shown: dict[str, Any]) -> None:
    """The shapes, how many numbers each mean averages, how far the means stray, and the means themselves."""
    import torch

    batches = torch.from_numpy(_batches(net.corpus, net, net.config.context_length, net.tokenizer.labels))
    levels = read_statistics(net.model, batches, over_positions=over_positions)
    shown["statistics"] = [
        (level.level, over_positions, level.averaged, row, channel, mean, variance)
        for level in levels
        for row, (means, variances) in enumerate(zip(level.means.tolist(), level.variances.tolist(), strict=True))
        for channel, (mean, variance) in enumerate(zip(means, variances, strict=True))
    ]
    st.dataframe(
        {
            "BatchNorm of": [f"level {level.level}" for level in levels],
            "input (B, T, C)": [_shape(level.input_shape) for level in levels],
            "statistics": [_shape(level.shape) for level in levels],
            "numbers in each mean": [level.averaged for level in levels],
            "a mean strays by": [level.noise for level in levels],
            "averaged the other way": [level.other_noise for level in levels],
        },
        hide_index=True,
        column_config={
            name: st.column_config.NumberColumn(format="%.3f")
            for name in ("a mean strays by", "averaged the other way")
        },
    )
    _explain(levels[0], over_positions)
    numbers = [level.level for level in levels]
    level = st.segmented_control("Level", numbers, default=1, required=True, key="wavenet_bn_level", **KEPT)
    _draw(levels[min(int(level or 1), len(levels)) - 1])


def _shape(shape: tuple[int, ...]) -> str:
    return f"({', '.join(map(str, shape))})"


def _explain(first: LevelStatistics, over_positions: bool) -> None:
    B, N, _ = first.input_shape
    if N == 1:
        st.markdown(
            "This tree has a single node a level, so there are no positions to average over: both ways are the same. "
            "Choose a smaller fusion."
        )
        return
    counted = (
        f"{B} windows × {N} positions = **{B * N}** numbers" if over_positions else f"**{B}** numbers, one a window"
    )
    other = f"{B} windows alone" if over_positions else f"all {B * N}"
    st.markdown(
        f"In level 1 each mean averages {counted}. From one batch of {B} windows to the next it strays by "
        f"**{first.noise:.3f}** of its channel's spread (standard deviations, {BATCHES} batches); averaged over {other} "
        f"it would be **{first.other_noise:.3f}**. "
        + (
            "One set of statistics serves every position, as one set of weights does."
            if over_positions
            else "Every position keeps statistics of its own. Nothing fails, no shape is wrong, and the net learns; its "
            "statistics are noisier, and its loss ends a little higher (the table above). The mistake is easy to miss."
        )
    )


def _draw(level: LevelStatistics) -> None:
    rows = ["all positions"] if level.shape[1] == 1 else [f"position {i + 1}" for i in range(level.shape[1])]
    cut = f", the first {MOST_CHANNELS} channels" if level.shape[2] > MOST_CHANNELS else ""
    names: dict[str, Any] = {"row_labels": rows}
    matrix(
        [
            Matrix(
                level.means[:, :MOST_CHANNELS], title=f"means {_shape(level.shape)}{cut}", scale="diverging", **names
            ),
            Matrix(level.variances[:, :MOST_CHANNELS], title=f"variances {_shape(level.shape)}{cut}", low=0.0, **names),
        ],
        key="wavenet_statistics",
        alt=f"Means and variances of level {level.level} over one batch: {len(rows)} rows of {level.shape[2]} channels",
        row_axis="",
        column_axis="channel",
        per_row=1,
        min_cell=5,
        max_cell=16,
    )
