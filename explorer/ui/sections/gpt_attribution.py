"""Direct logit attribution: which parts pushed one token up or down, and the sum of them all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from explorer.figures.gpt_analysis import contribution_chart, level_height
from explorer.ui import gpt_readings
from explorer.ui.components.matrix import Matrix, matrix
from explorer.ui.state import KEPT, hold_at_most
from explorer.ui.words import literal, signed

if TYPE_CHECKING:
    from explorer.inspection.logit_attribution import Attribution, Component
    from explorer.models.checkpoints import Checkpoint
    from explorer.ui.pickers import Prompt

OFFERED = 12  # likely tokens in the lists; any other can be typed
LIKELIEST, FOLLOWS = "the likeliest token", "the token that really follows"
MEAN, NOTHING, SECOND = "the average of all tokens", "nothing: the logit itself", "the second likeliest token"
BARS = 12


def show_attribution(loaded: Checkpoint, prompt: Prompt) -> None:
    """One logit as a sum over parts. Raises ValueError for a model whose logits are no such sum."""
    st.markdown(
        "The score (**logit**) of a next token is a sum: what the embeddings, every head and every feed-forward network "
        "wrote into the last vector, each read by that token's row of the unembedding. So each part has its share in it "
        "(**direct logit attribution**, Elhage et al., 2021). The final norm's scale is held at what it was in this pass; "
        "what a part did by changing what later parts read is not counted here."
    )
    at = _position(prompt)
    logits = gpt_readings.next_logits(loaded.name, prompt.ids, at)
    token, against = _tokens(loaded, prompt, at, logits)
    found = gpt_readings.attribution(loaded.name, prompt.ids, token, against, at)
    labels = loaded.tokenizer.labels
    name, set_against = literal(labels[token]), _against_in_words(against, labels)
    st.markdown(
        f"“{name}” after token {at} “{literal(prompt.labels[at])}”{literal(set_against)}: the parts add up to "
        f"**{found.total:+.4f}**, the model says {found.logit:+.4f}; the difference is {found.difference:.0e}, rounding."
    )
    left, right = st.columns([6, 5], gap="medium")
    with left:
        _grid(found)
    with right:
        _bars(found, f"logits for “{labels[token]}”" + ("" if against == "nothing" else set_against))
    st.caption(
        "Only differences of logits matter to a probability: a number that every token gets changes nothing. So the "
        "average of all tokens, or a rival, is taken away first. The bias of an attention layer belongs to no head."
    )


def _bars(found: Attribution, unit: str) -> None:
    """The largest shares either way, and the sum."""
    chart = contribution_chart(
        [part.label for part in found.components], _values(found.components), name=unit, top=BARS
    )
    largest = max(found.components, key=lambda part: abs(part.logit))
    st.echarts_chart(
        chart,
        height=level_height(min(BARS, len(found.components)) + 2),
        key="gpt_attributed",
        alt=f"The largest contributions; first {largest.label} with {largest.logit:+.2f}",
    )


def _position(prompt: Prompt) -> int:
    """Which token of the prompt is read: the last unless chosen otherwise."""
    T = len(prompt.ids)
    if T == 1:
        return 0
    hold_at_most("gpt_back", T - 1)
    back = st.slider("How many tokens before the end of your prompt", 0, T - 1, 0, key="gpt_back", **KEPT)
    return T - 1 - int(back)


def _tokens(loaded: Checkpoint, prompt: Prompt, at: int, logits: Any) -> tuple[int, Any]:
    """The token and what it is set against. Raises ValueError for typed text that is not one token."""
    from explorer.inspection.logit_attribution import likeliest

    best = likeliest(logits, OFFERED)
    names = list(dict.fromkeys(loaded.tokenizer.labels[token] for token in best))
    known: dict[str, Any] = {LIKELIEST: best[0], SECOND: best[min(1, len(best) - 1)], MEAN: "mean", NOTHING: "nothing"}
    follows = [FOLLOWS] if at + 1 < len(prompt.ids) else []
    known |= {FOLLOWS: prompt.ids[at + 1]} if follows else {}
    left, right = st.columns(2)
    with left:
        wanted = st.selectbox(
            "Next token (or type another)",
            [LIKELIEST, *follows, *names],
            key="gpt_token",
            accept_new_options=True,
            **KEPT,
        )
    with right:
        rival = st.selectbox(
            "Set against (or type a token)",
            [MEAN, SECOND, NOTHING, *names],
            key="gpt_against",
            accept_new_options=True,
            **KEPT,
        )
    chosen = [known[said] if said in known else _one_token(loaded, str(said)) for said in (wanted, rival)]
    return int(chosen[0]), chosen[1]


def _one_token(loaded: Checkpoint, said: str) -> int:
    """A token by its label, or by text that is exactly one token."""
    if said in loaded.tokenizer.labels:
        return list(loaded.tokenizer.labels).index(said)
    if said == FOLLOWS:
        raise ValueError("Your prompt ends here, so no next token is known; choose another token.")
    ids = [] if loaded.tokenizer.missing(said) else loaded.tokenizer.encode(said)
    if len(ids) != 1:
        raise ValueError(
            f"Expected one token of this model, got “{said}”, which is {len(ids) or 'none'}; type another."
        )
    return int(ids[0])


def _against_in_words(against: Any, labels: Any) -> str:
    if against == "nothing":
        return ""
    return ", against the average of all tokens" if against == "mean" else f", against “{labels[against]}”"


def _grid(found: Attribution) -> None:
    """Layers × parts, and beside them what belongs to no layer."""
    inner = [part for part in found.components if part.layer >= 0]
    outer = [part for part in found.components if part.layer < 0]
    reach = max(abs(part.logit) for part in found.components)
    matrices = [_matrix(inner, reach)] if inner else []
    matrices.append(
        Matrix(
            _values(outer)[None],
            title="outside the layers",
            row_labels=[""],
            column_labels=[part.kind.replace("unembedding", "output") for part in outer],
            text=[[signed(part.logit) for part in outer]],
            scale="diverging",
            low=-reach,
            high=reach,
            gamma=2.0,
        )
    )
    matrix(
        matrices,
        key="gpt_attribution",
        alt=f"What each of {len(found.components)} parts adds to the logit",
        row_axis="layer",
        column_axis="part",
        value_format=4,
        per_row=1,
        min_cell=36,
        max_cell=52,
    )


def _matrix(parts: list[Component], reach: float) -> Matrix:
    layers = sorted({part.layer for part in parts})
    columns = [(part.kind, part.head) for part in parts if part.layer == layers[0]]
    at = {(part.layer, part.kind, part.head): part.logit for part in parts}
    values = np.array([[at[layer, kind, head] for kind, head in columns] for layer in layers])
    return Matrix(
        values,
        title="layers × parts",
        row_labels=[str(layer) for layer in layers],
        column_labels=[str(head) if kind == "head" else kind.replace("_", "-") for kind, head in columns],
        text=[[signed(value) for value in row] for row in values.tolist()],
        scale="diverging",
        low=-reach,
        high=reach,
        gamma=2.0,
    )


def _values(parts: Any) -> np.ndarray:
    return np.array([part.logit for part in parts])
