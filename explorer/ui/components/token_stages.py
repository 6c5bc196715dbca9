"""`token_stages`: what happens to every token's score on its way to a probability, one column of bars a token.

Shapes: S stages, N tokens shown. Example, in a Streamlit script:

    rows = [StageRow("logits", np.array([2.0, 1.0])), StageRow("probability", np.array([0.73, 0.27]), is_share=True)]
    token_stages(rows, ids=[4, 7], labels=["e", "h"], key="stages", alt="The next token, from logits to probability")
    token = chosen_token("stages")  # at the beginning of the next run
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import streamlit as st

from explorer.ui.components.assets import read_assets
from explorer.ui.components.events import take_event

_mount = st.components.v2.component(
    "explorer_token_stages",
    html=read_assets("token_stages.html"),
    css=read_assets("token_stages.css"),
    js=read_assets("token_stages.js"),
)


@dataclass(frozen=True)
class StageRow:
    """One stage: its title, (N,) numbers, NaN for a token that has been taken out, and the number of all tokens that are
    not shown, taken together. is_share: whether the numbers are probabilities, drawn from 0."""

    title: str
    values: np.ndarray
    others: float = float("nan")
    is_share: bool = False


def token_stages(
    rows: Sequence[StageRow],
    *,
    ids: Sequence[int],
    labels: Sequence[str],
    key: str,
    alt: str,
    n_others: int = 0,
    taken: int | None = None,
    verb: str = "Append",
    hint: str = "",
) -> None:
    """Draw the stages under each other, the tokens in the order given, `n_others` more as one grey column at the end.

    A click on a column, Enter on it, or a button of one of the first tokens reruns the script or its fragment;
    `chosen_token` then tells which. ids, labels: (N,) of the tokens. taken: the id that was taken here, marked. verb:
    what a click does with a token. alt: a sentence on what is shown. hint: what stands below until a column is read.

    Raises ValueError where a stage does not have one number a token, or `taken` is not shown.
    """
    for row in rows:
        if row.values.shape != (len(ids),) or len(labels) != len(ids):
            raise ValueError(
                f"{row.title}: expected one number and label for each of {len(ids)} tokens, got {row.values.shape}."
            )
    if taken is not None and taken not in ids:
        raise ValueError(f"taken: expected one of the tokens shown, got {taken}.")
    data = {
        "alt": alt,
        "hint": hint,
        "verb": verb,
        "ids": [int(i) for i in ids],
        "labels": list(labels),
        "nOthers": int(n_others),
        "taken": None if taken is None else int(taken),
        "rows": [
            {
                "title": row.title,
                "values": [_number(value) for value in row.values],
                "others": _number(row.others),
                "isShare": row.is_share,
            }
            for row in rows
        ],
    }
    _mount(key=key, data=data, on_event_change=lambda: None)


def chosen_token(key: str) -> int | None:
    """The id of the token that has been chosen since this was last asked."""
    event = take_event(key)
    token = event.get("token") if event is not None else None
    return token if isinstance(token, int) and token >= 0 else None


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(f"{value:.6g}")
