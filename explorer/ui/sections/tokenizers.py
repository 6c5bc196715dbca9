"""The tokenizers page's first parts: a text cut by every tokenizer, and the board whose slider makes merges."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from explorer.inspection.tokenizers import LONGEST_CUT, CutText, Reader
from explorer.text.bpe_merges import to_bytes
from explorer.training.bpe import Vocabularies
from explorer.ui.components.coloured_tokens import TokenPanel
from explorer.ui.components.merge_board import BoardSetting, merge_board
from explorer.ui.sections.tokenizers_drawing import MOST_DRAWN, panel_of, told
from explorer.ui.sections.tokenizers_merges import learned_merges, merge_steps, rival_shares, typed_text
from explorer.ui.sections.tokenizers_setting import BOARD, BYTE_PAIR
from explorer.ui.state import KEPT

DEFAULT_TEXT = "The king’s tokenizer reads “naïve” and 東京 for 12345 crowns 👩‍🚀"


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
    learned: Vocabularies,
    readers: Sequence[Reader],
    cuts: Sequence[CutText | str],
    notes: Sequence[TokenPanel],
    text: str,
    passed: BoardSetting,
    now: BoardSetting,
) -> None:
    """The text under every tokenizer side by side, the chosen token opened, and the next merge.

    readers, cuts: of all tokenizers, byte-pair at its place. notes: panels without tokens, for tokenizers that cannot be
    had. passed: what the page sets. now: what the visitor has made of it.
    """
    short = text[:LONGEST_CUT]
    if len(short) < len(text):
        st.info(f"The text has {len(text):,} characters; the first {LONGEST_CUT:,} are cut here.")
    whitespace = st.toggle("Make white space visible", True, key="tokenizers_whitespace", **KEPT)
    st.markdown(f"{len(short):,} characters, {len(to_bytes(short)):,} bytes in UTF-8.")
    panels: list[tuple[TokenPanel, list[str]] | None] = [
        None if i == BYTE_PAIR else _panel(reader, cut, whitespace)
        for i, (reader, cut) in enumerate(zip(readers, cuts, strict=True))
    ]
    rival = now.opened and rival_shares(learned, *now.opened)
    merge_board(
        learned_merges(learned, whitespace),
        typed_text(learned, short),
        merge_steps(learned, now.merges),
        [*panels, *((note, []) for note in notes)],
        passed,
        key=BOARD,
        alt=f"A text of {len(short):,} characters cut by {len(panels)} tokenizers",
        opened=(now.opened, rival) if now.opened and rival else None,
        most=MOST_DRAWN,
    )


def _panel(reader: Reader, cut: CutText | str, whitespace: bool) -> tuple[TokenPanel, list[str]]:
    if isinstance(cut, str):
        return TokenPanel(reader.name, cut, []), []
    panel = panel_of(reader.name, cut, reader.vocab_size, whitespace=whitespace)
    return panel, [told(token) for token in cut.tokens[:MOST_DRAWN]]
