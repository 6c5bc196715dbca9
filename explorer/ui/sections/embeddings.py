"""The parts of the page Embeddings & positions that are about tokens: the input, neighbours, the map."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import streamlit as st

from explorer.figures.embeddings import neighbour_chart, token_map
from explorer.inspection.embedding_table import (
    MEASURES,
    MOST_DRAWN,
    Projection,
    group_kinds,
    highest_perplexity,
    mapped_tokens,
    neighbour_map,
    neighbours,
    open_neighbour,
    principal_components,
)
from explorer.inspection.embeddings import InputReading, open_input, token_table
from explorer.ui import frame
from explorer.ui.arithmetic import show_arithmetic
from explorer.ui.components.matrix import Cell, Matrix, matrix
from explorer.ui.sections.embeddings_tokens import choose_token, token_names
from explorer.ui.state import KEPT, cell_in_address, hold_at_most, remember_cell
from explorer.ui.words import literal

if TYPE_CHECKING:
    from explorer.models.checkpoints import Checkpoint

Part = Literal["token", "position", "input"]
ORDERS = ("as stored", "most varied first")
WIDTHS = (8, 16, 24, 48, 96, 192)
ROWS = 24  # tokens shown at once
AXES = 10  # principal components offered


def show_input(reading: InputReading, labels: Sequence[str]) -> None:
    """Token embedding + positional embedding = input embedding as aligned matrices; a cell opens to its sum."""
    rows, channels = _window(reading)
    parts: list[Part] = ["token", "input"] if reading.position is None else ["token", "position", "input"]
    titles = {"token": "token embedding", "position": "+ positional embedding", "input": "= input embedding"}
    numbers = {part: np.asarray(getattr(reading, part))[np.ix_(rows, channels)] for part in parts}
    reach = max(float(np.abs(values).max()) for values in numbers.values())
    names: dict[str, Any] = {
        "row_labels": [labels[i] for i in rows],
        "column_labels": [str(c) for c in channels],
        "scale": "diverging",
        "low": -reach,
        "high": reach,
    }
    default = Cell(len(parts) - 1, 0, 0)
    cell = matrix(
        [Matrix(numbers[part], title=titles[part], **names) for part in parts],
        key="embeddings_input",
        alt=f"{' plus '.join(parts[:-1])} equals input: rows are the {len(rows)} tokens, columns {len(channels)} channels",
        row_axis="token",
        column_axis="channel",
        min_cell=9,
        max_cell=28,
        selected=cell_in_address("embeddings_cell", default),
    )
    cell = cell or default
    remember_cell("embeddings_cell", cell, default)
    opened = open_input(reading, parts[cell.matrix], rows[cell.row], channels[cell.column], labels)
    show_arithmetic(opened, key="embeddings_sum")
    gap = "no difference at all" if reading.gap == 0 else f"differences of at most {reading.gap:.1e}"
    st.caption(
        f"The input was captured where the model's first layer receives it: {gap} between it and the sum, over all "
        f"{reading.input.size:,} numbers, not only those shown."
    )


def _window(reading: InputReading) -> tuple[list[int], list[int]]:
    """The tokens and the channels on show: a wide model or a long prompt is seen part by part."""
    T, C = reading.input.shape
    columns = st.columns(3)
    with columns[0]:
        offered = [width for width in WIDTHS if width < C] + [C]
        if st.session_state.get("embeddings_width") not in (None, *offered):
            del st.session_state["embeddings_width"]
        width = st.select_slider(
            "Channels shown at once", offered, min(offered, key=lambda w: abs(w - 16)), key="embeddings_width", **KEPT
        )
    with columns[1]:
        order = st.segmented_control(
            "Order of channels", ORDERS, default=ORDERS[0], required=True, key="embeddings_order", **KEPT
        )
        ordered = np.argsort(-reading.input.var(axis=0), kind="stable") if order == ORDERS[1] else np.arange(C)
    with columns[2]:
        first = _start("First channel shown", C - width, "embeddings_channel")
        begin = _start("First token shown", T - ROWS, "embeddings_row")
    return list(range(begin, min(T, begin + ROWS))), [int(c) for c in ordered[first : first + width]]


def _start(label: str, highest: int, key: str) -> int:
    """Where a window begins; no control where all is seen at once."""
    if highest <= 0:
        return 0
    hold_at_most(key, highest)
    return int(st.slider(label, 0, highest, 0, key=key, **KEPT))


def has_vectors(loaded: Checkpoint) -> bool:
    """Whether the model embeds its tokens; where it does not, the reason stands in place."""
    with frame.problems_in_place():
        token_table(loaded.model)
        return True
    return False


@st.fragment
def show_table(loaded: Checkpoint, shown: dict[str, Any]) -> None:
    """One token's neighbours, and the whole table in a plane."""
    names, kinds = token_names(loaded)
    table = token_table(loaded.model)
    st.subheader("Neighbours of a token", anchor=False)
    st.markdown(
        f"The table of token embeddings has {table.shape[0]} rows of {table.shape[1]} numbers. Nobody said which tokens are "
        "alike: vectors drew near where that made the next token easier to predict."
    )
    left, right = st.columns(2)
    with left:
        token = choose_token(loaded, names)
    with right:
        measure = st.segmented_control(
            "Measure", list(MEASURES), default="cosine", required=True, key="embeddings_measure", **KEPT
        )
        st.caption(f"{measure.capitalize()}: {MEASURES[measure]}.")
    shown["table"] = (names, kinds, table, token, measure)
    if len(table) < 2:
        st.info("A vocabulary of one token has no neighbours.", icon=":material/info:")
        return
    found = neighbours(table, token, measure, 10)
    near = [int(i) for i in found.ids]
    st.echarts_chart(
        neighbour_chart(found.scores, [names[i] for i in near], [kinds[i] for i in near], measure=measure),
        height=90 + 28 * len(near),
        key="embeddings_neighbours",
        alt=f"The nearest tokens to the chosen one by {measure}, the nearest on top",
    )
    with st.expander(f"The arithmetic of the nearest: {literal(names[token])} and {literal(names[near[0]])}"):
        cell = open_neighbour(table, (token, near[0]), measure, names, float(found.scores[0]))
        show_arithmetic(cell, key="embeddings_nearest")
    with frame.problems_in_place():
        _show_map(table, names, kinds, token, shown)


def _show_map(table: np.ndarray, names: Sequence[str], kinds: Sequence[str], token: int, shown: dict[str, Any]) -> None:
    """The table in a plane, by principal components or t-SNE, and how well kinds keep together in both."""
    st.subheader("A map of tokens", anchor=False)
    method = st.segmented_control(
        "How it is flattened", ["PCA", "t-SNE"], default="PCA", required=True, key="embeddings_map", **KEPT
    )
    if method != "PCA" or len(table) > MOST_DRAWN:
        kept = mapped_tokens(table, token)
        if len(kept) < len(table):
            st.caption(f"“{literal(names[token])}” and the {len(kept) - 1} tokens nearest to it, of {len(table):,}.")
        token, table = int(np.searchsorted(kept, token)), table[kept]
        names, kinds = [names[i] for i in kept], [kinds[i] for i in kept]
    places, axes = _choose_components(table) if method == "PCA" else _choose_neighbour_map(table)
    shown["map"] = (names, kinds, places)
    st.echarts_chart(
        token_map(places, names, kinds, axes=axes, chosen=token),
        height=520,
        key="embeddings_scatter",
        alt=f"Map of {len(names)} tokens by {method}, marked by kind",
    )
    whole, flat = group_kinds(table, kinds), group_kinds(places, kinds, "distance")
    if not whole:
        return
    st.markdown(
        "**Do kinds keep together?** Measured in the whole table (by cosine) and in the picture above (by distance): a "
        "picture of two dimensions may show groups that are not there, or lose ones that are."
    )
    st.dataframe(
        {
            "kind": [group.kind for group in whole],
            "tokens": [group.tokens for group in whole],
            "nearest is of the same kind": [f"{group.agreement:.0%}" for group in whole],
            "by chance": [f"{group.chance:.0%}" for group in whole],
            "silhouette": [f"{group.silhouette:.2f}" for group in whole],
            "in the picture: same kind": [f"{group.agreement:.0%}" for group in flat],
            "its silhouette": [f"{group.silhouette:.2f}" for group in flat],
        },
        hide_index=True,
    )
    st.caption(
        "Silhouette: −1 to 1, above 0 where a token is on average nearer to its own kind than to all others. Kinds with a "
        "single token are left out."
    )


def _choose_components(table: np.ndarray) -> tuple[np.ndarray, tuple[str, str]]:
    found = _components(_digest(table), table)
    offered = list(range(1, min(AXES, found.places.shape[1]) + 1))
    columns = st.columns(2)
    chosen = []
    for column, word, key, first in zip(
        columns, ("Across", "Up"), ("embeddings_x", "embeddings_y"), (0, 1), strict=True
    ):
        if st.session_state.get(key) not in (None, *offered):
            del st.session_state[key]
        with column:
            index = min(first, len(offered) - 1)
            chosen.append(int(st.selectbox(f"{word}: principal component", offered, index, key=key, **KEPT)))
    shares = [float(found.variance[i - 1]) for i in chosen]
    both = sum(shares) if chosen[0] != chosen[1] else shares[0]
    st.caption(
        f"Principal component {chosen[0]} holds {shares[0]:.1%} of the variance, {chosen[1]} holds {shares[1]:.1%}: this "
        f"picture shows {both:.1%} of it, and what is left is out of sight."
    )
    axes = tuple(f"component {i} ({share:.1%})" for i, share in zip(chosen, shares, strict=True))
    return found.places[:, [i - 1 for i in chosen]], (axes[0], axes[1])


def _choose_neighbour_map(table: np.ndarray) -> tuple[np.ndarray, tuple[str, str]]:
    left, right = st.columns(2)
    highest = highest_perplexity(len(table))
    with left:
        perplexity = st.number_input(
            "Perplexity: about how many neighbours to keep",
            1,
            1000,
            min(10, highest),
            key="embeddings_perplexity",
            **KEPT,
        )
    with right:
        seed = st.number_input("Seed", 0, 2**32 - 1, 0, key="embeddings_seed", **KEPT)
    found = _neighbour_map(_digest(table), table, float(perplexity), int(seed))
    st.caption("Only who is near whom means something here: neither the axes nor the distances between groups do.")
    return found.places, ("", "")


def _digest(table: np.ndarray) -> str:
    return hashlib.blake2b(table.tobytes() + str(table.shape).encode(), digest_size=12).hexdigest()


@st.cache_data(max_entries=16, show_spinner="Turning the table to its widest axes…")
def _components(digest: str, _table: np.ndarray) -> Projection:  # noqa: ARG001 (what the cache goes by)
    return principal_components(_table)


@st.cache_data(max_entries=32, show_spinner="Finding places for all tokens (t-SNE)…")
def _neighbour_map(digest: str, _table: np.ndarray, perplexity: float, seed: int) -> Projection:  # noqa: ARG001
    return neighbour_map(_table, perplexity, seed)
