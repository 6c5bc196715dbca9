"""The WaveNet page on sight and size: what each node can see, measured, and where the learned numbers are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st

from explorer.inspection.wavenet import LevelCost, TreeReading, flat_costs, flat_twin, tree_costs
from explorer.models.cards import CheckpointError, find_card, read_card
from explorer.models.wavenet import WaveNetConfig, fusions
from explorer.ui.components.matrix import Matrix, matrix
from explorer.ui.sections.wavenet import CHECKPOINT

COMMAND = "python -m benchmarks.wavenet"


@dataclass(frozen=True)
class Measured:
    """One net of `benchmarks/wavenet.py`. lecture: the validation loss that makemore, part 5, reports for the like of it
    (200,000 steps of 32 windows), or None. mean, spread: of ours over seeds 1 to 5, in nats: names, 10,000 steps of 64
    windows, AdamW from 0.003 down a cosine, the whole validation split."""

    net: str
    parameters: int
    lecture: float | None
    mean: float
    spread: float


MEASURED: tuple[Measured, ...] = (
    Measured("flat, 3 letters", 12_097, 2.105, 2.1626, 0.0028),
    Measured("flat, 8 letters", 22_097, 2.027, 2.1042, 0.0024),
    Measured("tree of 8, with the mistake", 22_397, 2.029, 2.0969, 0.0026),
    Measured("tree of 8", 22_397, 2.022, 2.0882, 0.0027),
    Measured("large tree of 8, with the mistake", 76_579, None, 2.0448, 0.0019),
    Measured("large tree of 8", 76_579, 1.993, 2.0354, 0.0014),
    Measured("flat, 8 letters, as large", 76_478, None, 2.0604, 0.0021),
)


def show_influence(reading: TreeReading, moved: Sequence[np.ndarray]) -> None:
    """How far each character can move each node, nodes from the root down."""
    sees = [level.sees for level in reading.levels[1:]]
    st.markdown(
        "Every letter of the window is replaced by every other in turn; a cell says how far the node's channels move then, "
        "on average. Hatched is **exactly 0**: no path leads from that letter to that node. A node of "
        + ", ".join(f"level {k} sees **{count}**" for k, count in enumerate(sees, 1))
        + ": each level multiplies the receptive field by what it joins."
    )
    values = np.concatenate(list(reversed(moved[1:])))
    rows = [f"level {k}, node {i + 1}" for k in range(len(moved) - 1, 0, -1) for i in range(len(moved[k]))]
    small = values.size <= 160
    matrix(
        Matrix(
            np.where(values == 0, np.nan, values),
            row_labels=rows,
            column_labels=reading.labels,
            text=[["" if v == 0 else f"{v:.2f}" for v in row] for row in values.tolist()] if small else None,
            low=0.0,
        ),
        key="wavenet_influence",
        alt=f"Mean change of each of {len(rows)} nodes when each of {len(reading.labels)} characters is replaced",
        row_axis="node",
        column_axis="replaced letter",
        value_format=3,
        min_cell=12,
        masked_label="exactly 0",
    )


def show_costs(config: WaveNetConfig, shown: dict[str, Any]) -> None:
    """The tree layer by layer beside the flat MLP of nearly the same size."""
    tree, twin = tree_costs(config), flat_twin(config)
    flat = flat_costs(twin)
    shown["costs"] = [("tree", *_row(cost)) for cost in tree] + [("flat", *_row(cost)) for cost in flat]
    sizes = [sum(cost.parameters for cost in costs) for costs in (tree, flat)]
    levels = len(fusions(config.context_length, config.fusion))
    st.markdown(f"**The tree: {sizes[0]:,} learned numbers**, mixed in {levels} step{'s' if levels > 1 else ''}")
    st.dataframe(_table(tree), hide_index=True, column_config=_COUNTS)
    st.markdown(f"**Flat, {twin.d_hidden} neurons: {sizes[1]:,} learned numbers**, mixed at once")
    st.dataframe(_table(flat), hide_index=True, column_config=_COUNTS)
    first, mixed = tree[1], flat[1]
    st.markdown(
        f"The same budget, spent otherwise. Flat, one layer looks at all {config.context_length} letters at once: "
        f"{mixed.multiply_adds:,} weights between letters and neurons. In the tree the first mixing looks at "
        f"{first.sees} letters with {first.multiply_adds // first.nodes:,} weights, **shared by all {first.nodes} "
        f"node{'s' if first.nodes > 1 else ''}** of its level; what lies further apart meets higher up."
    )


_COUNTS = {name: st.column_config.NumberColumn(format="localized") for name in ("learned numbers", "multiply-adds")}


def _row(cost: LevelCost) -> tuple[Any, ...]:
    return (cost.name, cost.nodes, cost.sees, cost.inputs, cost.outputs, cost.parameters, cost.multiply_adds)


def _table(costs: Sequence[LevelCost]) -> dict[str, list[Any]]:
    return {
        "layer": [cost.name for cost in costs],
        "nodes": [cost.nodes for cost in costs],
        "each sees": [cost.sees for cost in costs],
        "in → out": [f"{cost.inputs:,} → {cost.outputs:,}" for cost in costs],
        "learned numbers": [cost.parameters for cost in costs],
        "multiply-adds": [cost.multiply_adds for cost in costs],
    }


def show_measured() -> None:
    """What each change brought: the lecture's losses and ours, of short trainings."""
    st.markdown(
        "**What it brings**, measured beforehand on makemore's names. At the same size the tree is ahead of the flat net, "
        "and the mistake (the section below) costs about 0.01. Ours are short runs, so their losses are higher than the "
        "lecture's."
    )
    st.dataframe(
        {
            "net": [row.net for row in MEASURED],
            "learned numbers": [row.parameters for row in MEASURED],
            "ours, nats (mean of 5 seeds)": [row.mean for row in MEASURED],
            "± over the seeds": [row.spread for row in MEASURED],
            "the lecture's, nats": [row.lecture for row in MEASURED],
        },
        hide_index=True,
        column_config={
            "learned numbers": st.column_config.NumberColumn(format="localized"),
            "ours, nats (mean of 5 seeds)": st.column_config.NumberColumn(format="%.4f"),
            "± over the seeds": st.column_config.NumberColumn(format="%.4f"),
            "the lecture's, nats": st.column_config.NumberColumn(format="%.3f"),
        },
    )
    st.caption(
        f"Held-out loss of the whole validation split. Ours: `{COMMAND}`, 10,000 steps of 64 windows, AdamW, seeds 1 to 5. "
        f"The lecture's: makemore, part 5, 200,000 steps of 32 windows.{_shipped()}"
    )


def _shipped() -> str:
    """The shipped checkpoint's loss, by its card; nothing where there is none."""
    try:
        card = read_card(find_card(CHECKPOINT))
        settings = card["training"]
        loss = float(card["losses"]["validation"])
    except (CheckpointError, KeyError):
        return ""
    return (
        f" The shipped {CHECKPOINT}, a large tree too, was trained longer ({card['steps']:,} steps of "
        f"{settings['batch_size']} windows) and reaches {loss:.4f}."
    )
