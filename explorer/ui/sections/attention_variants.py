"""Full attention and its sparse relatives side by side: masks, maps, reach after several layers, and cost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from explorer.figures.attention import cost_chart
from explorer.inspection.attention_variants import MOST_LAYERS, Variant, cost_curves, open_variant, read_variants
from explorer.ui.arithmetic import show_arithmetic
from explorer.ui.components.matrix import Cell, Matrix, matrix
from explorer.ui.sections.attention_setting import Setting
from explorer.ui.state import KEPT, cell_in_address, remember_cell

LENGTHS = tuple(2**i for i in range(4, 15))  # tokens: 16 … 16,384, a long document

RULES = {
    "full": "every earlier token",
    "local": "the last w tokens",
    "strided": "the last w, and every w-th before",
    "fixed": "its own block of w, and the last token of every earlier block",
}


def show_variants(setting: Setting, shown: dict[str, Any]) -> None:
    """The head under four masks."""
    st.markdown(
        "Full attention compares every token with every earlier one: twice the text, four times the work. A window looks at "
        "the last w only. The two patterns of Child et al. (2019) add a few far tokens, so that two layers reach "
        "everything. Whatever head is shown, it was not trained under these masks: they are laid over it."
    )
    left, right = st.columns(2)
    with left:
        window = int(st.number_input("Window w (stride, block)", value=4, step=1, key="attention_window", **KEPT))
    with right:
        layers = int(st.slider("Layers stacked L", 1, MOST_LAYERS, 2, key="attention_layers", **KEPT))
    labels = setting.prompt.labels
    T = len(labels)
    variants = shown["variants"] = read_variants(setting.layer, setting.head, window=window, layers=layers)
    if window > T:
        st.warning(
            f"A window of {window:,} is longer than the {T} tokens that there are, so it cuts nothing off: all four masks "
            f"are the full one. Choose {T} or less.",
            icon=":material/info:",
        )
    first = Cell(4, T - 1, 0)
    cell = matrix(
        _panels(variants, labels, layers),
        key="attention_variants",
        alt="Four masks, full, local, strided and fixed; below them the head's maps, then after how many layers a token is "
        "reached",
        row_axis="query",
        column_axis="key",
        per_row=len(variants),
        min_cell=3,
        masked_label="not allowed; in the last row: not reached",
        link="attention_variants",
        selected=cell_in_address("attention_variant_cell", first),
    )
    cell = cell or first
    remember_cell("attention_variant_cell", cell, first)
    _table(variants, T)
    st.caption(
        "Attention kept: the share of what this head looks at, with the full map, that falls on pairs the mask allows; "
        f"the average of all rows. Seen by the last token: what can have come to it through {layers} layers."
    )
    opened = open_variant(variants, cell.matrix, cell.row, cell.column, window, labels)
    show_arithmetic(opened, key="attention_variant_opened")
    _cost(setting, window, T)


def _panels(variants: Sequence[Variant], labels: tuple[str, ...], layers: int) -> list[Matrix]:
    names: dict[str, Any] = {"row_labels": labels, "column_labels": labels}
    masks = [
        Matrix(v.steps.allowed.astype(float), title=f"{v.kind}: mask", low=0.0, high=1.0, **names) for v in variants
    ]
    maps = [
        Matrix(v.steps.pattern + (0.0 * v.steps.masked), title=f"{v.kind}: map", low=0.0, high=1.0, gamma=2.0, **names)
        for v in variants
    ]
    reach = [Matrix(v.reach, title=f"{v.kind}: layers", low=0.0, high=float(layers), **names) for v in variants]
    return [*masks, *maps, *reach]


def _table(variants: Sequence[Variant], T: int) -> None:
    full = variants[0]
    st.dataframe(
        {
            "mask": [v.kind for v in variants],
            "pairs compared": [v.comparisons for v in variants],
            "multiply-adds": [v.cost for v in variants],
            "of full": [f"{v.cost / full.cost:.0%}" for v in variants],
            "attention kept": [f"{v.kept:.1%}" for v in variants],
            "seen by the last token": [f"{v.seen} of {T}" for v in variants],
            "a token looks at": [RULES[v.kind] for v in variants],
        },
        hide_index=True,
    )


def _cost(setting: Setting, window: int, T: int) -> None:
    st.subheader("Cost against length", anchor=False)
    d = setting.layer.head_size
    curves = cost_curves(window, d, LENGTHS)
    ends = {name: curve[-1][1] for name, curve in curves.items()}
    st.markdown(
        f"Multiply-adds of one head of {d} channels in Q Kᵀ and pattern × V, on the allowed pairs only. "
        f"At {LENGTHS[-1]:,} tokens: "
        + ", ".join(f"{name} {value:,}" for name, value in ends.items())
        + ". On these axes a power of T is a straight line: slope 2 for full, 1 for a window, 1.5 for a stride that grows "
        "as √T; a stride that stays as it is ends at slope 2 as well."
    )
    chart = cost_chart(curves, tokens=T)
    alt = f"Multiply-adds against the number of tokens, both axes logarithmic; at {LENGTHS[-1]:,} tokens " + ", ".join(
        f"{name} {value:.2g}" for name, value in ends.items()
    )
    st.echarts_chart(chart, height=380, key="attention_cost", alt=alt)


def cost_rows(shown: dict[str, Any]) -> list[tuple[Any, ...]]:
    """One row a mask."""
    return [(v.kind, v.comparisons, v.cost, v.kept, v.seen) for v in shown.get("variants", ())]
