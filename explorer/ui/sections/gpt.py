"""The parts of the page GPT inside: the wall of maps, one head opened, its stages, what comes next."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import streamlit as st

from explorer.figures.sampling import next_token_chart
from explorer.inspection.attention import STAGES, AttentionTrace, HeadStages, head_stages, open_cell, shrink_maps
from explorer.ui import resources
from explorer.ui.arithmetic import show_arithmetic
from explorer.ui.components.matrix import Cell, Matrix, matrix
from explorer.ui.components.token_arcs import token_arcs
from explorer.ui.state import cell_in_address, remember_cell

if TYPE_CHECKING:
    from explorer.models.checkpoints import Checkpoint
    from explorer.ui.pickers import Prompt

WALL_SIDE = 64  # cells on a side of a map in the wall: what a screen can show of dozens at once
OPENED = Cell(0, 0, 0)  # the head that is open at first
STAGE_CELL = Cell(1, 0, 0)

TITLES = {
    "dot": "1 · Q Kᵀ",
    "scaled": "2 · ÷ √d",
    "masked": "3 · masked",
    "pattern": "4 · softmax",
    "mixed": "5 · × V",
}


def show_wall(trace: AttentionTrace, labels: tuple[str, ...]) -> tuple[int, int]:
    """Every head's map in one layer × head grid; returns the (layer, head) that is open."""
    L, H = trace.patterns.shape[:2]
    maps, block = shrink_maps(trace.patterns, WALL_SIDE)
    names = labels if block == 1 else tuple(f"{labels[i]}…" for i in range(0, len(labels), block))
    opened = _open_head(L, H)
    matrix(
        [
            Matrix(
                maps[layer, head],
                title=f"layer {layer} · head {head}",
                row_labels=names,
                column_labels=names,
                low=0.0,
                high=1.0,
                gamma=2.0,
            )
            for layer in range(L)
            for head in range(H)
        ],
        key="gpt_wall",
        alt=f"{L * H} attention maps, {L} layers of {H} heads: rows look at columns",
        row_axis="looks",
        column_axis="at",
        per_row=H,
        selected=opened,
    )
    if block > 1:
        st.caption(
            f"{len(labels)} tokens: each cell of the wall is the largest of {block} × {block}; a head opens whole."
        )
    remember_cell("head", opened, OPENED)
    return opened.matrix // H, opened.matrix % H


def _open_head(L: int, H: int) -> Cell:
    """The head that is open: the one chosen last, on the wall or at the arcs, else the one that the address names.

    Each of the two is passed what was chosen at the other, so what they return cannot say which choice is newer.
    """
    opened: Cell = st.session_state.get("_gpt_head", cell_in_address("head", OPENED))
    wall, arcs = _news("gpt_wall", "cell"), _news("gpt_arcs", "chosen")
    if wall is not None:
        opened = Cell(int(wall["matrix"]), 0, 0)
    if arcs is not None:
        opened = Cell(int(arcs["layer"]) * H + int(arcs["head"]), 0, 0)
    opened = opened if 0 <= opened.matrix < L * H else OPENED
    st.session_state["_gpt_head"] = opened
    return opened


def _news(key: str, part: str) -> Mapping[str, Any] | None:
    """What was chosen in a component since the last run, or None."""
    state = st.session_state.get(key)
    chosen = state.get(part) if isinstance(state, Mapping) else None
    before, now = st.session_state.get(f"_{key}_seen"), repr(chosen)
    st.session_state[f"_{key}_seen"] = now
    return chosen if isinstance(chosen, Mapping) and now != before else None


def show_head(trace: AttentionTrace, prompt: Prompt, layer: int, head: int) -> frozenset[tuple[int, int]]:
    """One head: arcs over the tokens, then its stages with any cell's arithmetic; returns the heads switched off."""
    st.subheader(f"Layer {layer}, head {head} opened", anchor=False)
    chosen = token_arcs(
        prompt.labels,
        trace.patterns,
        key="gpt_arcs",
        alt=f"Arcs from a token to the tokens that layer {layer}, head {head} looks at",
        layer=layer,
        head=head,
        token=len(prompt.labels) - 1,
    )
    stages = head_stages(trace, layer, head)
    st.markdown(
        f"How the map comes about, for these {len(prompt.labels)} tokens and {stages.queries.shape[1]} channels a head. "
        "Hover a row to follow one token through the stages; click a cell for its arithmetic."
    )
    cell = matrix(
        _stage_matrices(stages, prompt.labels),
        key="gpt_stages",
        alt="Five stages of one head: dot products, scaled, masked, softmax, and the mix of values",
        row_axis="query",
        column_axis="key (in 5: channel)",
        value_format=3,
        masked_label="masked: a token may not look ahead",
        per_row=3,
        min_cell=7,
        selected=cell_in_address("stage", STAGE_CELL),
    )
    cell = cell or STAGE_CELL
    remember_cell("stage", cell, STAGE_CELL)
    opened = open_cell(stages, STAGES[cell.matrix], cell.row, cell.column, prompt.labels)
    show_arithmetic(opened, key="gpt_cell")
    return chosen.disabled


def _stage_matrices(stages: HeadStages, labels: tuple[str, ...]) -> list[Matrix]:
    """Scores diverge around 0, probabilities grow from 0 to 1, values diverge."""
    scores: dict[str, Any] = {"row_labels": labels, "column_labels": labels}
    return [
        Matrix(stages.dot, title=TITLES["dot"], scale="diverging", **scores),
        Matrix(stages.scaled, title=TITLES["scaled"], scale="diverging", **scores),
        Matrix(stages.masked, title=TITLES["masked"], scale="diverging", **scores),
        Matrix(stages.pattern, title=TITLES["pattern"], low=0.0, high=1.0, gamma=2.0, **scores),
        Matrix(stages.mixed, title=TITLES["mixed"], scale="diverging", row_labels=labels),
    ]


def show_next(loaded: Checkpoint, prompt: Prompt, off: frozenset[tuple[int, int]]) -> None:
    """The likeliest next tokens after the whole prompt, and what they become with some heads silent."""
    st.subheader("What comes next", anchor=False)
    whole = resources.next_token(loaded.name, prompt.ids, frozenset())
    labels = loaded.tokenizer.labels
    if not off:
        st.markdown("Switch a head off above, and see here what it was good for on this prompt.")
        chart = next_token_chart(whole.probabilities, labels)
    else:
        without = resources.next_token(loaded.name, prompt.ids, off)
        heads = ", ".join(f"{layer}.{head}" for layer, head in sorted(off)[:6]) + (", …" if len(off) > 6 else "")
        told = f"Without {len(off)} of the heads (layer.head {heads}), which now write nothing"
        if whole.loss is None or without.loss is None:
            st.markdown(f"{told}: striped bars.")
        else:
            st.markdown(
                f"{told}: striped bars. Loss on your prompt: {whole.loss:.3f} → **{without.loss:.3f}** nats a token "
                f"({without.loss - whole.loss:+.3f})."
            )
        chart = next_token_chart(whole.probabilities, labels, changed=without.probabilities)
    st.echarts_chart(
        chart, height=420 if not off else 620, key="gpt_next", alt="The likeliest next tokens with their probabilities"
    )
