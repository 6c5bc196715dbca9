"""The ladder from one head to three whole blocks, with the losses that were measured."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from explorer.figures.block import ladder_chart
from explorer.models.block_ladder import read_block_ladder


def show_ladder(shown: dict[str, Any]) -> None:
    """A bar a rung, and what was new in it."""
    readings = shown["ladder"] = read_block_ladder()
    st.markdown(
        "Tiny Shakespeare, one part at a time, as small as the lecture trains it on a laptop: 32 channels, 8 characters of "
        "context, 5,000 steps of 32 windows, seed 1. Lower is better."
    )
    losses, train = np.array([r.loss for r in readings]), np.array([r.train_loss for r in readings])
    titles = [r.rung.title for r in readings]
    st.echarts_chart(
        ladder_chart(titles, losses, train, [r.rung.published for r in readings]),
        height=400,
        key="block_ladder",
        alt="Held-out loss by rung: " + ", ".join(f"{t} {v:.3f}" for t, v in zip(titles, losses, strict=True)),
    )
    changes = [None, *np.diff(losses).tolist()]
    st.dataframe(
        {
            "rung": titles,
            "new in it": [r.rung.idea for r in readings],
            "held-out loss": [f"{v:.3f}" for v in losses],
            "change": ["" if c is None else f"{c:+.3f}" for c in changes],
            "training text": [f"{v:.3f}" for v in train],
            "learned numbers": [f"{r.parameters:,}" for r in readings],
        },
        hide_index=True,
    )
    norm, residual, dropout = (next(r for r in readings if r.rung.name == n) for n in ("norm", "residual", "dropout"))
    st.caption(
        "Losses are in nats a character, over the whole of each part; diamonds are what the lecture shows, at a lower "
        "learning rate. Depth with residual paths is the great step. LayerNorm's change here, "
        f"{norm.loss - residual.loss:+.3f}, is no more than another seed's: three blocks are shallow. Dropout keeps a "
        f"network from learning its text by heart; this one is far too small for that, so it only costs: "
        f"{dropout.loss - norm.loss:+.3f}."
    )


def ladder_rows(shown: dict[str, Any]) -> list[tuple[Any, ...]]:
    """One row a rung."""
    return [
        (r.rung.title, r.loss, r.train_loss, r.parameters, "" if r.rung.published is None else r.rung.published)
        for r in shown.get("ladder", ())
    ]
