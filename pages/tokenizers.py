"""Tokenizers: the pieces a model reads, by characters, words, and merges learned from a text."""

import streamlit as st

from explorer.inspection.tokenizers import CutText, Reader
from explorer.training.bpe import Vocabularies
from explorer.ui import frame
from explorer.ui.components.coloured_tokens import TokenPanel
from explorer.ui.components.merge_board import BoardSetting
from explorer.ui.sections.tokenizers import DEFAULT_TEXT, cut_all, show_board
from explorer.ui.sections.tokenizers_cost import show_compression, show_cost
from explorer.ui.sections.tokenizers_known import other_readers
from explorer.ui.sections.tokenizers_losses import show_losses_across_tokenizers
from explorer.ui.sections.tokenizers_setting import BYTE_PAIR, passed_to_board, setting_now
from explorer.ui.sections.tokenizers_sources import (
    byte_pair_reader,
    choose_vocabularies,
    compression_of,
    readers_at_full,
    readers_of,
)
from explorer.ui.sections.tokenizers_tables import tables
from explorer.ui.state import text_box

frame.header(
    "Tokenizers",
    "In which pieces does a model read a text, and what do they cost?",
    [
        r"\text{next merge} = \underset{(a,\,b)}{\operatorname{arg\,max}}\ \text{count}(a\,b)",
        r"\text{compression} = \frac{\text{bytes of the text}}{\text{tokens}}",
    ],
    "Before this, a symbol was a character: few symbols, and long sequences of them. A token is the piece that a model "
    "reads as one number, its id. Byte-pair encoding starts from the 256 bytes and merges, again and again, the pair of "
    "tokens that stands beside each other most often.",
)
frame.predict_first(
    "tokenizers",
    "The merges are learned from the English verse drama. How many tokens does the one emoji 👩‍🚀 cost then?",
    ["1", "2", "3", "11"],
    "11",
    "It is three characters joined, of 4, 3 and 4 bytes in UTF-8. No emoji stands in the drama, so none of its bytes was "
    "ever merged: a token each.",
)
shown = frame.shown("tokenizers")
text = text_box("Text to cut: type anything", key="tokenizers_text", default=DEFAULT_TEXT)


@st.fragment
def explore(
    learned: Vocabularies,
    others: list[Reader],
    cuts: list[CutText | str],
    notes: list[TokenPanel],
    passed: BoardSetting,
) -> None:
    """Everything that follows the merges. The board answers its slider by itself; this keeps what was set."""
    highest, panels = len(learned.byte_pair.merges), 1 + len(others)
    now = setting_now(passed, highest, panels)
    own = byte_pair_reader(learned, now.merges)
    readers = shown["readers"] = [*others[:BYTE_PAIR], own, *others[BYTE_PAIR:]]
    shown["cuts"] = [*cuts[:BYTE_PAIR], *cut_all([own], text), *cuts[BYTE_PAIR:]]
    shown["learned"] = learned
    show_board(learned, readers, shown["cuts"], notes, text, passed, now)


vocabularies = choose_vocabularies(text)
shown.clear()
others, notes = other_readers()
if not text:
    st.info("Type at least one character to see it cut.", icon=":material/edit:")
if vocabularies is not None and text:
    fixed = [*readers_of(vocabularies), *others]
    passed = passed_to_board(len(vocabularies.byte_pair.merges), 1 + len(fixed))
    explore(vocabularies, fixed, cut_all(fixed, text), notes, passed)
if vocabularies is not None:
    st.divider()
    st.subheader("What merges buy, and what they cost", anchor=False)
    show_compression(compression_of(vocabularies), shown)
    st.divider()
    st.subheader("The same sentence in other scripts; numbers, emoji, a program", anchor=False)
    st.markdown(
        "One sentence in fourteen languages (our own translations), then texts that are no sentence. Byte-pair has all "
        "its merges here, wherever the slider stands. A model reads a fixed number of tokens at once: at three tokens a "
        "character it sees a third as many characters."
    )
    show_cost([*readers_at_full(vocabularies), *others], shown)
st.divider()
show_losses_across_tokenizers()

frame.try_this(
    "tokenizers",
    [
        frame.Experiment(
            "Three merges of aaabdaaabac",
            "Byte-pair gives 258 100 258 97 99: “aaab” has become one token by three merges. Undo them one by one.",
            {"tokenizers_text": "aaabdaaabac", "tokenizers_source": "the text typed above", "tokenizers_merges": 3},
        ),
        frame.Experiment(
            "No merges at all",
            "Every byte is a token, and 1.00 bytes per token is the least there can be: “東” alone costs three.",
            {
                "tokenizers_text": DEFAULT_TEXT,
                "tokenizers_source": "a corpus",
                "corpus": "drama",
                "tokenizers_merges": 0,
            },
        ),
        frame.Experiment(
            "A word that was never seen",
            "The word tokenizer writes <unk>, from which the word cannot be had back; byte-pair spells it in pieces and "
            "loses nothing.",
            {
                "tokenizers_text": "The xylophonist cyberspaces merrily.",
                "tokenizers_source": "a corpus",
                "corpus": "drama",
                "tokenizers_merges": 1024,
            },
        ),
        frame.Experiment(
            "A space too many",
            "The space belongs to the token of the word that follows it: the same word at the start of the text, after "
            "a space and after two is not always the same ids.",
            {
                "tokenizers_text": "king king  king King KING",
                "tokenizers_source": "a corpus",
                "corpus": "drama",
                "tokenizers_merges": 1024,
            },
        ),
    ],
)
frame.code(
    "explorer.text.bpe_merges.train_steps",
    "explorer.text.bpe_merges.split_pieces",
    "explorer.text.bpe.BPETokenizer",
    "explorer.inspection.merges.tokens_after",
    "explorer.inspection.merges.shares_of_all",
)
frame.data_out("tokenizers", tables(shown))
