"""One token's vector as the sum of what every part wrote: piles over the stages, bars, and a matrix to open."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from explorer.figures.block import share_chart, share_height, stacked_stream_chart
from explorer.inspection.block import OFFSETS, StreamReading, open_channel, read_stream
from explorer.ui.arithmetic import show_arithmetic
from explorer.ui.components.matrix import Cell, Matrix, matrix
from explorer.ui.sections.block_setting import Setting, choose_blocks, choose_token
from explorer.ui.state import KEPT, cell_in_address, hold_at_most, remember_cell
from explorer.ui.words import literal

MOST_CHANNELS = 192  # in one picture: five pixels each where the page is a thousand wide


def show_stream(setting: Setting, shown: dict[str, Any]) -> None:
    """The stream of one token, stage by stage."""
    left, right = st.columns(2)
    with left:
        token = choose_token(setting.prompt)
    with right:
        blocks = choose_blocks(setting.depth)
    reading = shown["stream"] = read_stream(setting.model, setting.prompt.ids, token)
    stage = _stage_after(reading, blocks)
    label = literal(setting.prompt.labels[token])
    st.markdown(
        f"The vector of token {token} “{label}” begins as {_beginning(reading)}. "
        f"{_what_happens(setting)} Here it is {reading.stream_lengths[stage]:.2f} long after {reading.stages[stage]}; the "
        f"sum of its parts differs from the model's own vector by at most {reading.largest_difference:.0e}, which is "
        "rounding."
    )
    chart = stacked_stream_chart(reading.parts, reading.stages, reading.along, reading.stream_lengths)
    st.echarts_chart(
        chart,
        height=400,
        key="block_stream_chart",
        alt=f"Stacked bars: what each part adds to the stream of token {token} after each stage; together "
        f"{reading.stream_lengths[-1]:.2f} at the end",
    )
    st.caption(
        "A0 is the attention of block 0, F0 its feed-forward layer. Each piece is how far a part reaches in the stream's "
        "own direction; a piece below zero points against it. The pieces of a pile add up to the stream's length, the "
        "dashed line."
    )
    _shares(reading, stage)
    _channels(reading, stage)


def _beginning(reading: StreamReading) -> str:
    if "position" in reading.parts:
        return "the sum of two rows of tables, its character's and its place's"
    return "a row of a table, its character's; its place is not added but turns queries and keys (rotary positions)"


def _what_happens(setting: Setting) -> str:
    residual = bool(getattr(setting.model.config, "residual", True))
    if not residual:
        return "Without residual paths every part replaces what was there, so of the parts before nothing is left."
    if getattr(setting.model.config, "norm", "pre") == "post":
        return (
            "Every part adds to it, and the LayerNorm after each then scales the whole sum to one size, so what was "
            f"written early becomes smaller with every block. “{OFFSETS}” is what the norms themselves add."
        )
    return "Every part reads it and adds to it; nothing is erased."


def _stage_after(reading: StreamReading, blocks: int) -> int:
    """The last stage of so many blocks."""
    per_block = (len(reading.stages) - 1) // max(1, _blocks(reading))
    return blocks * per_block


def _blocks(reading: StreamReading) -> int:
    return sum(stage.startswith("attention") for stage in reading.stages)


def _shares(reading: StreamReading, stage: int) -> None:
    """How long each part is, and how much of the stream's direction it makes."""
    written = [i for i in range(len(reading.parts)) if reading.lengths[stage, i] > 0]
    parts = [reading.parts[i] for i in written]
    lengths, shares = reading.lengths[stage, written], reading.shares[stage, written]
    st.markdown(f"**After {literal(reading.stages[stage])}:** how long each part is, and its share of the direction")
    st.echarts_chart(
        share_chart(parts, lengths, shares),
        height=share_height(len(parts)),
        key="block_shares",
        alt=f"Length and share of each part; the largest share is {parts[int(shares.argmax())]}'s, {shares.max():.0%}",
    )


def _channels(reading: StreamReading, stage: int) -> None:
    """Parts by channels, the sum below them; a cell opens to the sum of its column."""
    written = [i for i in range(len(reading.parts)) if reading.lengths[stage, i] > 0]
    begin, end = _window(reading.stream.shape[1])
    values = np.vstack([reading.contributions[stage, written], reading.stream[stage]])[:, begin:end]
    labels = [*(reading.parts[i] for i in written), "= stream"]
    first = Cell(0, len(labels) - 1, 0)
    cell = matrix(
        Matrix(values, row_labels=labels, column_labels=[str(c) for c in range(begin, end)], scale="diverging"),
        key="block_channels",
        alt="What each part put into each channel of the stream, and their sum in the last row",
        row_axis="part",
        column_axis="channel",
        max_cell=22,
        selected=cell_in_address("block_channel", first),
    )
    cell = cell or first
    remember_cell("block_channel", cell, first)
    column = min(cell.column, end - begin - 1)  # an address may name a wider window
    show_arithmetic(open_channel(reading, stage, begin + column), key="block_channel_opened")


def _window(channels: int) -> tuple[int, int]:
    """Which channels are drawn: all of a narrow stream; of a wide one as many as can be told apart, from a chosen one."""
    if channels <= MOST_CHANNELS:
        return 0, channels
    last = channels - MOST_CHANNELS
    hold_at_most("block_channels_from", last)
    begin = st.slider(
        f"Channels on show: {MOST_CHANNELS} of {channels:,}, beginning with",
        0,
        last,
        0,
        key="block_channels_from",
        **KEPT,
    )
    return int(begin), int(begin) + MOST_CHANNELS


def stream_rows(shown: dict[str, Any]) -> list[tuple[Any, ...]]:
    """One row a stage and part: length, reach along the stream, share."""
    reading = shown.get("stream")
    if reading is None:
        return []
    return [
        (
            stage,
            part,
            float(reading.lengths[s, p]),
            float(reading.along[s, p]),
            float(reading.shares[s, p]),
        )
        for s, stage in enumerate(reading.stages)
        for p, part in enumerate(reading.parts)
    ]
