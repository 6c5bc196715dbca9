"""The tokens travelling through depth: their vectors on two axes, from the start to any sublayer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from explorer.figures.gpt_analysis import stream_chart
from explorer.ui import gpt_readings
from explorer.ui.state import KEPT, hold_at_most
from explorer.ui.words import literal

if TYPE_CHECKING:
    from explorer.models.checkpoints import Checkpoint
    from explorer.ui.pickers import Prompt

SHOWN = 48  # tokens drawn; the axes are found from all of them


def show_stream(loaded: Checkpoint, prompt: Prompt) -> None:
    """The map with its depth slider. Raises ValueError where there is nothing to map."""
    st.markdown(
        "Every token carries a vector, the **residual stream**, from its embedding to the end; each sublayer reads it and "
        f"writes to it. A vector here has {loaded.model.config.d_model} numbers; the two axes are the directions along "
        "which the vectors of all tokens at all depths differ most (**principal components**). Move the depth and watch "
        "the tokens travel."
    )
    scaled = st.toggle("Directions only: scale every vector to length 1", True, key="gpt_unit", **KEPT)
    found = gpt_readings.stream_map(loaded.name, prompt.ids, bool(scaled))
    last = len(found.depths) - 1
    depth = last
    if last > 0:
        hold_at_most("gpt_depth", last)
        depth = int(st.slider("Depth: how many sublayers have written", 0, last, last, key="gpt_depth", **KEPT))
    first = max(0, len(prompt.ids) - SHOWN)
    where = "at the start, embeddings only" if depth == 0 else f"after {found.depths[depth]}"
    st.echarts_chart(
        stream_chart(found.places[:, first:], prompt.labels[first:], found.shares, depth=depth),
        height=460,
        key="gpt_stream",
        alt=f"{len(prompt.ids) - first} tokens on two axes {where}, with their paths from the start",
    )
    left_out = f" Drawn are the last {SHOWN} of {len(prompt.ids):,} tokens." if first else ""
    st.caption(
        f"The tokens {literal(where)}; a grey line is a token's way from its embedding, the diamond the last token. The two "
        f"axes together show {found.shares.sum():.0%} of all differences: two tokens that meet here may still be far apart "
        f"in the other directions.{left_out}"
    )
