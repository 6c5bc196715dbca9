"""The tokenizers page's first parts: the text that merges are learned from, and a text cut by every tokenizer."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import streamlit as st

from explorer.inspection.tokenizers import LONGEST_CUT, CutText, Reader, Token
from explorer.text.bpe_merges import to_bytes
from explorer.ui.components.coloured_tokens import TokenPanel, TokenPlace, coloured_tokens
from explorer.ui.components.matrix import Cell
from explorer.ui.sections.tokenizers_drawing import hexadecimal, in_quotes, panel_of, tree_html
from explorer.ui.state import KEPT, cell_in_address, hold_at_most, remember_cell

DEFAULT_TEXT = "The king’s tokenizer reads “naïve” and 東京 for 12345 crowns 👩‍🚀"
BYTE_PAIR = 2  # the panel of the merges learned here


def merge_slider(highest: int) -> int:
    """How many merges are made: a slider with a button to each side of it."""
    hold_at_most("tokenizers_merges", highest)
    slider, before, after = st.columns([5, 1.4, 1.2], vertical_alignment="bottom")
    with slider:
        n = st.slider("Merges made", 0, max(1, highest), min(256, highest), key="tokenizers_merges", **KEPT)
    with before:
        st.button("◀ Undo", disabled=n <= 0, on_click=_move, args=(-1, highest), key="tokenizers_undo", width="stretch")
    with after:
        st.button(
            "Merge ▶", disabled=n >= highest, on_click=_move, args=(1, highest), key="tokenizers_do", width="stretch"
        )
    return int(min(n, highest))


def _move(by: int, highest: int) -> None:
    now = int(st.session_state["tokenizers_merges"])
    st.session_state["tokenizers_merges"] = min(highest, max(0, now + by))


def cut_all(readers: Sequence[Reader], text: str) -> list[CutText | str]:
    """The beginning of the text cut by each reader, or the sentence that says why not."""
    cuts: list[CutText | str] = []
    for reader in readers:
        try:
            cuts.append(reader.cut(text[:LONGEST_CUT]))
        except ValueError as error:
            cuts.append(str(error))
    return cuts


def show_board(
    readers: Sequence[Reader], cuts: Sequence[CutText | str], text: str, notes: Sequence[TokenPanel]
) -> None:
    """The text under every tokenizer side by side; the chosen token opened below.

    cuts: what `cut_all` gave. notes: panels without tokens, for tokenizers that cannot be had.
    """
    short = text[:LONGEST_CUT]
    if len(short) < len(text):
        st.info(f"The text has {len(text):,} characters; the first {LONGEST_CUT:,} are cut here.")
    whitespace = st.toggle("Make white space visible", True, key="tokenizers_whitespace", **KEPT)
    n_bytes = len(to_bytes(short))
    st.markdown(f"{len(short):,} characters, {n_bytes:,} bytes in UTF-8.")
    panels = [
        TokenPanel(reader.name, cut, [])
        if isinstance(cut, str)
        else panel_of(reader.name, cut, reader.vocab_size, whitespace=whitespace)
        for reader, cut in zip(readers, cuts, strict=True)
    ]
    first = Cell(BYTE_PAIR, 0, 0)
    arrived = cell_in_address("tokenizers_place", first)
    known = arrived.matrix < len(panels)
    place = coloured_tokens(
        [*panels, *notes],
        key="tokenizers_board",
        alt=f"A text of {len(short):,} characters cut by {len(panels)} tokenizers, {_vocabulary(readers)}",
        selected=TokenPlace(arrived.matrix, arrived.row) if known else TokenPlace(BYTE_PAIR, 0),
    ) or TokenPlace(BYTE_PAIR, 0)
    remember_cell("tokenizers_place", Cell(place.panel, place.byte, 0), first)
    cut = cuts[place.panel] if place.panel < len(cuts) else ""
    token = cut.at(place.byte) if isinstance(cut, CutText) else None
    if token is not None:
        show_token(readers[place.panel], token)


def _vocabulary(readers: Sequence[Reader]) -> str:
    return f"byte-pair with {readers[BYTE_PAIR].vocab_size:,} tokens"


def show_token(reader: Reader, token: Token) -> None:
    """The chosen token: its id, its bytes, and the merges that made it. One element, since it follows the slider."""
    number = "has no id in this vocabulary" if token.id is None else f"has id {token.id:,}"
    size = f"{len(token.data)} byte{'s' * (len(token.data) != 1)}: {hexadecimal(token.data)}"
    said = f"<strong>{escape(reader.name)}:</strong> {escape(in_quotes(token))} {number}; it stands for {size}."
    if reader.tree is None or token.id is None:
        tree, told = "", "Only the tokens of byte-pair are made of merges that can be opened here."
    else:
        tree = tree_html(reader.tree(token.id))
        told = "Each box is a merge of the two parts in it; a dashed box is a byte, which was there from the beginning."
    st.html(f'<div>{said}{tree}<small style="opacity:.75">{told}</small></div>')
