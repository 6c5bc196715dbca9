"""What the model costs as boxes: learned numbers, memory, arithmetic; with the same as a table."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import streamlit as st

from explorer.figures.gpt_analysis import cost_treemap
from explorer.ui import gpt_readings
from explorer.ui.state import KEPT

if TYPE_CHECKING:
    from explorer.inspection.model_costs import Cost
    from explorer.models.checkpoints import Checkpoint
    from explorer.ui.pickers import Prompt

KINDS = {"learned numbers": "parameters", "memory of one pass": "memory", "arithmetic of one pass": "operations"}


def show_costs(loaded: Checkpoint, prompt: Prompt) -> None:
    """Treemap and table. Raises ValueError for a model that is no Transformer."""
    T = len(prompt.ids)
    said = st.radio("What is counted", list(KINDS), key="gpt_cost", horizontal=True, **KEPT)
    kind = KINDS[said]
    cost = gpt_readings.cost(loaded.name, kind, T)
    st.markdown(_summary(loaded, kind, cost, T))
    in_words = _bytes_in_words if kind == "memory" else _count_in_words
    st.echarts_chart(
        cost_treemap(said, [_described(child, in_words) for child in cost.children]),
        height=460,
        key="gpt_costs",
        alt=f"Boxes for {said}: " + ", ".join(f"{child.name} {in_words(child.total)}" for child in cost.children[:4]),
    )
    st.caption(
        "A click on a box opens it; the path under the boxes leads back. What is too small to draw is in the table too."
    )
    rows = [row for child in cost.children for row in child.rows()]
    st.dataframe(
        {
            "part": [where for where, _, _ in rows],
            "shape": [shape for _, shape, _ in rows],
            {"memory": "bytes"}.get(kind, kind): [amount for _, _, amount in rows],
        },
        hide_index=True,
        height=260,
    )


def _described(cost: Cost, in_words: Callable[[int], str]) -> dict[str, Any]:
    """A cost as the treemap takes it; a leaf shows its shape too."""
    text = in_words(cost.total) if cost.children else f"{cost.detail}\n{in_words(cost.total)}"
    children = [_described(child, in_words) for child in cost.children]
    return {"name": cost.name, "value": cost.total, "text": text, "children": children}


def _summary(loaded: Checkpoint, kind: str, cost: Cost, T: int) -> str:
    tokens = f"{T:,} token" + ("" if T == 1 else "s")
    if kind == "parameters":
        tied = any("counted once" in detail for _, detail, _ in cost.rows())
        also = (
            " The unembedding is the token embedding once more (**tied weights**), so it is counted once."
            if tied
            else ""
        )
        return f"**{cost.total:,} learned numbers**, each of them set by training.{also}"
    parts = {child.name: child.total for child in cost.children}
    if kind == "memory":
        names = ", ".join(f"{name} {_bytes_in_words(total)}" for name, total in parts.items())
        return (
            f"**{_bytes_in_words(cost.total)}** for your {tokens}: {names}. *Activations* are the numbers that pass from "
            "part to part; training keeps all of them for the way back, reading a prompt frees each after its use. A "
            "*key-value cache* holds each token's keys and values, so that the next token need not work them out again."
        )
    per_number = cost.total / (T * loaded.model.parameter_count())
    return (
        f"**{_count_in_words(cost.total)} operations** (**FLOPs**: additions and multiplications) to read your {tokens} "
        f"once, {per_number:.2f} for each learned number and token; the rule of thumb is 2, one multiplication and one "
        "addition (Kaplan et al., 2020). Counted are the products of matrices; what works number by number is little "
        "beside them."
    )


def _count_in_words(count: int) -> str:
    """A count as people read it.

    >>> _count_in_words(12_480), _count_in_words(141_782_784)
    ('12,480', '141.8 million')
    """
    for size, word in ((10**12, "trillion"), (10**9, "billion"), (10**6, "million")):
        if count >= size:
            return f"{count / size:,.1f} {word}"
    return f"{count:,}"


def _bytes_in_words(count: int) -> str:
    from explorer.training.memory import in_words

    return in_words(count)
