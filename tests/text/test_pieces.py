"""Each token's own text: put end to end it is the text, also where characters are cut in two."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from explorer.text.bpe import BPETokenizer
from explorer.text.pieces import cut_into_pieces
from explorer.text.tokenizers import CharTokenizer, WordTokenizer

BYTES = BPETokenizer()
MERGED = BPETokenizer.train("the theatre of the sea, ¿qué? ¡sí! 😀😀", 280)


@given(st.text(max_size=20))
def test_the_pieces_of_whole_characters_and_of_completed_ones_are_the_text(text: str) -> None:
    whole = "".join(c for c in text if c.isprintable() and not "\ud800" <= c <= "\udfff")
    for tokenizer in (BYTES, MERGED):
        pieces = cut_into_pieces(tokenizer, tokenizer.encode(whole))
        shown = "".join(p.text for p in pieces if p.whole or not p.text.startswith("\\x"))
        assert shown == whole


def test_half_a_character_is_shown_as_its_bytes_and_the_token_that_completes_it_shows_it() -> None:
    pieces = cut_into_pieces(BYTES, list("é!".encode()))
    assert [(p.text, p.whole) for p in pieces] == [("\\xc3", False), ("é", False), ("!", True)]


def test_bytes_that_never_become_a_character_do_not_swallow_what_follows() -> None:
    pieces = cut_into_pieces(BYTES, [0xE2, 0x82, ord("a"), 0xFF, ord("b")])
    assert [(p.text, p.whole) for p in pieces] == [
        ("\\xe2", False),
        ("\\x82", False),
        ("a", True),
        ("\\xff", False),
        ("b", True),
    ]


def test_a_word_brings_the_space_before_it_and_a_comma_none() -> None:
    tokenizer = WordTokenizer.from_text("the cat, the dog")
    ids = tokenizer.encode("the cat, the dog")
    assert [p.text for p in cut_into_pieces(tokenizer, ids)] == ["the", " cat", ",", " the", " dog"]
    assert "".join(p.text for p in cut_into_pieces(tokenizer, ids)) == tokenizer.decode(ids)


def test_characters_are_themselves() -> None:
    assert [p.text for p in cut_into_pieces(CharTokenizer("\nab"), [1, 0, 2])] == ["a", "\n", "b"]
