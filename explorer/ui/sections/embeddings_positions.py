"""The parts of the page Embeddings & positions that are about positions: order, three schemes, rotation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import streamlit as st

from explorer.figures.embeddings import rotary_chart, similarity_by_distance
from explorer.inspection.embeddings import InputReading, ShuffleReading, position_table, read_shuffled, token_table
from explorer.inspection.positions import (
    PositionScheme,
    RotaryReading,
    compare_positions,
    open_rotary,
    open_similarity,
    query_and_key,
    read_rotary,
)
from explorer.ui import frame, resources
from explorer.ui.arithmetic import show_arithmetic
from explorer.ui.components.matrix import Cell, Matrix, matrix
from explorer.ui.state import KEPT, cell_in_address, hold_at_most, remember_cell
from explorer.ui.words import literal

if TYPE_CHECKING:
    from explorer.models.checkpoints import Checkpoint
    from explorer.ui.pickers import Prompt

BASES = (10, 100, 1_000, 10_000, 100_000, 500_000)
MOST_POSITIONS = 128
AT_ONCE = 5_000_000_000  # learned numbers × tokens: about a second a pass
MAP_CELL = Cell(0, 5, 2)
ROTARY_CELL = Cell(0, 5, 2)
SIMILARITIES = ("cosine", "dot product")
SCHEMES = ("all three", "learned", "sinusoidal", "rotary")


def show_order(loaded: Checkpoint, prompt: Prompt, reading: InputReading, labels: Sequence[str]) -> None:
    """What positions are for: the same token twice, and the prompt shuffled with positions and without."""
    st.subheader("Without positions", anchor=False)
    if reading.position is None:
        st.markdown(
            "This model adds nothing for the position: it lays the vectors of its window side by side, and the place in "
            "that row is the position. Choose a Transformer to see what attention would do without positions."
        )
        return
    twice = reading.same_token()
    if twice is not None:
        i, j, apart, rest = twice
        left = "nothing" if rest == 0 else f"a rounding of {rest:.0e}"
        st.markdown(
            f"“{literal(labels[i])}” stands at positions {i} and {j}. Its two input vectors differ by up to {apart:.3f} "
            f"in a channel, and all of that is the difference of the two positions: taken away, {left} is left."
        )
    if not getattr(loaded.model.config, "n_layers", 0):
        st.markdown("This model has no attention: each token is read alone, with its position.")
        return
    with frame.problems_in_place():
        seed = st.number_input("Seed of the shuffle", 0, 10**6, 0, key="embeddings_shuffle", **KEPT)
        if not _may_run_at_once(loaded, prompt):
            return
        shuffled = _shuffled(loaded.name, str(loaded.card["weights"]["sha256"]), prompt.ids, int(seed))
        text = "".join(loaded.tokenizer.labels[i] for i in shuffled.shuffled)
        st.markdown(
            "Everything before the last token is shuffled: "
            f"“{literal(''.join(prompt.labels))}” becomes “{literal(text)}”. Does the last token notice?"
        )
        st.dataframe(
            {
                "": ["with positions", "positions set to zero"],
                "first attention, at the last token: largest change": [f"{v:.2g}" for v in shuffled.first_layer],
                "next token's probabilities: share that moved": [f"{v:.1%}" for v in shuffled.outputs],
            },
            hide_index=True,
        )
        st.caption(
            "Attention adds up what it finds and does not ask where: without positions its first layer gives the last token "
            "the same sum in any order, to rounding. A model of several layers may still notice a little, because the "
            "mask lets each earlier token see only those before it, and that differs by order."
        )


def _may_run_at_once(loaded: Checkpoint, prompt: Prompt) -> bool:
    """Four passes of a large model over a long prompt take many seconds: they wait to be asked for."""
    if loaded.model.parameter_count() * len(prompt.ids) <= AT_ONCE:
        return True
    st.caption("Reading this prompt shuffled takes four passes of a large model over it, which may be half a minute.")
    return bool(st.toggle("Shuffle it", key="embeddings_shuffle_now"))


@st.cache_data(max_entries=64, show_spinner="Reading the prompt in order and shuffled…")
def _shuffled(name: str, weights: str, ids: tuple[int, ...], seed: int) -> ShuffleReading:  # noqa: ARG001
    return read_shuffled(resources.checkpoint(name).model, ids, seed)


@st.fragment
def show_positions(loaded: Checkpoint, prompt: Prompt | None, shown: dict[str, Any]) -> None:
    """The maps of the schemes, then one real query and key turned to every pair of positions."""
    st.subheader("Three ways to say where", anchor=False)
    st.markdown(
        "**Learned** positions are a table like that of the tokens. **Sinusoidal** ones are waves of falling frequency, "
        "added too. **Rotary** ones add nothing: every pair of channels of a query or a key is turned by an angle that "
        "grows with its position. Each cell says how alike two positions are."
    )
    learned = position_table(loaded.model)
    if learned is None:
        st.caption("This model has no learned positions, so the other two are shown, with as many channels as it has.")
    longest = MOST_POSITIONS if learned is None else min(MOST_POSITIONS, len(learned))
    width = token_table(loaded.model).shape[1]
    with frame.problems_in_place():
        n, is_cosine, base = _choose(longest)
        schemes = compare_positions(learned, n, width + width % 2, is_cosine=is_cosine, base=base)
        picked = st.segmented_control(
            "Scheme", SCHEMES, default=SCHEMES[0], required=True, key="embeddings_scheme", **KEPT
        )
        schemes = tuple(one for one in schemes if picked in (SCHEMES[0], one.name))
        shown["positions"] = schemes
        if schemes:
            _show_maps(schemes, is_cosine, base)
        else:
            st.info("This model has learned no positions; choose another scheme or a Transformer.")
    _show_rotary(loaded, prompt, shown, base, n)


def _choose(longest: int) -> tuple[int, bool, float]:
    """How many positions, by cosine or not, and the base of the frequencies."""
    columns = st.columns(3)
    with columns[0]:
        n = longest
        if longest > 2:
            hold_at_most("embeddings_positions", longest)
            n = int(st.slider("Positions", 2, longest, min(48, longest), key="embeddings_positions", **KEPT))
    with columns[1]:
        picked = st.segmented_control(
            "Similarity", SIMILARITIES, default="cosine", required=True, key="embeddings_alike", **KEPT
        )
    with columns[2]:
        base = st.select_slider(
            "Base of the frequencies", BASES, 10_000, key="embeddings_base", format_func=lambda b: f"{b:,}", **KEPT
        )
    return n, picked == "cosine", float(base)


def _show_maps(schemes: Sequence[PositionScheme], is_cosine: bool, base: float) -> None:
    limits = {"low": -1.0, "high": 1.0} if is_cosine else {"low": None, "high": None}
    cell = matrix(
        [
            Matrix(scheme.similarity, title=scheme.name, scale="diverging", low=limits["low"], high=limits["high"])
            for scheme in schemes
        ],
        key="embeddings_maps",
        alt="Similarity of every position to every other: " + ", ".join(scheme.name for scheme in schemes),
        row_axis="position",
        column_axis="position",
        selected=cell_in_address("embeddings_map_cell", MAP_CELL),
        max_cell=18,
    )
    cell = cell or Cell(0, 0, 0)
    remember_cell("embeddings_map_cell", cell, MAP_CELL)
    show_arithmetic(
        open_similarity(schemes[cell.matrix], cell.row, cell.column, is_cosine=is_cosine, base=base),
        key="embeddings_map_sum",
    )
    measure = "cosine" if is_cosine else "dot product"
    st.echarts_chart(
        similarity_by_distance({scheme.name: scheme.by_distance() for scheme in schemes}, measure=measure),
        height=300,
        key="embeddings_by_distance",
        alt="Mean similarity of two positions against their distance, a line for each scheme",
    )
    spreads = "; ".join(f"{scheme.name} {scheme.spread:.2g}" for scheme in schemes)
    st.caption(
        f"At one and the same distance, similarity differs by up to: {spreads}. Where that is rounding (1e-10 or less), "
        "the distance alone decides; grey lines are the smallest and largest of the learned ones. For rotary, the vector "
        "of ones is turned, and by cosine its map is that of the sinusoids; a vector of a model gives each pair its own "
        "weight, as below."
    )


def _show_rotary(loaded: Checkpoint, prompt: Prompt | None, shown: dict[str, Any], base: float, n: int) -> None:
    st.subheader("A query and a key, turned", anchor=False)
    attends = getattr(loaded.model.config, "n_layers", 0) and hasattr(loaded.model.config, "n_heads")
    if prompt is None or not attends:
        st.info(
            "Choose a Transformer with attention, and type a prompt above: then a real query and key are turned here.",
            icon=":material/info:",
        )
        return
    st.markdown(
        "Take what one token of your prompt asks and another answers in one head, and put the two at any pair of positions "
        "by rotation. The model here was trained with learned positions: this is what rotary ones would do with its vectors."
    )
    with frame.problems_in_place():
        layer, head, row, column = _choose_pair(loaded, prompt)
        query, key = query_and_key(loaded.model, prompt.ids, layer, head, row, column)
        reading = shown["rotary"] = read_rotary(query, key, min(n, 32), base)
        _show_turned(reading)


def _choose_pair(loaded: Checkpoint, prompt: Prompt) -> tuple[int, int, int, int]:
    config = loaded.model.config
    T = len(prompt.ids)
    chosen = []
    for place, (word, size, first) in zip(
        st.columns(4),
        (
            ("Layer", config.n_layers, 0),
            ("Head", config.n_heads, 0),
            ("Query of", T, T - 1),
            ("Key of", T, max(0, T - 2)),
        ),
        strict=True,
    ):
        key = f"embeddings_{word.split()[0].lower()}"
        held = st.session_state.get(key)
        if held is not None and not (isinstance(held, int) and held < size):
            del st.session_state[key]
        with place:
            chosen.append(_pick(word, size, first, key, prompt.labels if " of" in word else None))
    return chosen[0], chosen[1], chosen[2], chosen[3]


def _pick(word: str, size: int, first: int, key: str, labels: Sequence[str] | None) -> int:
    """One of `size` numbers; tokens are shown with their labels."""
    return int(
        st.selectbox(
            word,
            range(size),
            first,
            key=key,
            format_func=lambda i: str(i) if labels is None or i >= len(labels) else f"{i}: {labels[i]}",
            **KEPT,
        )
    )


def _show_turned(reading: RotaryReading) -> None:
    cell = matrix(
        Matrix(reading.scores, title="the same query and key, put at two positions", scale="diverging"),
        key="embeddings_rotary",
        alt="Scores of one query at position m, a row, and one key at position n, a column: equal along diagonals",
        row_axis="query at m",
        column_axis="key at n",
        selected=cell_in_address("embeddings_rotary_cell", ROTARY_CELL),
        max_cell=16,
    )
    cell = cell or Cell(0, 0, 0)
    remember_cell("embeddings_rotary_cell", cell, ROTARY_CELL)
    show_arithmetic(open_rotary(reading, cell.row, cell.column), key="embeddings_rotary_sum")
    st.echarts_chart(
        rotary_chart(reading.distances, reading.by_distance, reading.plain),
        height=260,
        key="embeddings_rotary_line",
        alt="The score against the distance between query and key, worked out from the distance alone",
    )
    st.caption(
        literal(
            f"Along each diagonal, where m − n is the same, all scores are equal: they differ by at most "
            f"{reading.spread:.0e}, which is rounding. "
            f"At distance 0 the score is the plain dot product, {reading.plain:.3f}."
        )
    )
