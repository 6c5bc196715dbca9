"""Tokens on their way to the screen: what stands in a token's box, and what is said of it."""

from __future__ import annotations

import unicodedata

from explorer.inspection.tokenizers import CutText, Token
from explorer.text.tokenizers import VISIBLE
from explorer.ui.components.coloured_tokens import DrawnToken, Kind, TokenPanel

MOST_DRAWN = 400  # tokens in one panel; the browser lays out some thousand boxes at once without a pause
_MOST_HEX = 16
_UNSEEN = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")


def shown_text(text: str, whitespace: bool) -> str:
    """The text as a token's box shows it: nothing in it is invisible but, unless asked, white space.

    >>> shown_text(" a\\n", True), shown_text("\\0", False), shown_text(chr(0x200D), False)
    ('␣a↵', '␀', 'U+200D')
    """
    if all(unicodedata.category(c) in _UNSEEN and c not in VISIBLE for c in text):
        return " ".join(_name(c) for c in text)
    marks = "".join(_mark(c, whitespace) for c in text)
    # A mark that sits on the letter before it has none here: the dotted circle stands for it.
    return f"◌{marks}" if unicodedata.combining(text[0]) else marks


def _mark(character: str, whitespace: bool) -> str:
    if character in VISIBLE:
        return VISIBLE[character] if whitespace else "" if character in "\n\r" else character
    # Joiners inside a longer token keep their work; control characters and lone surrogates have none to keep.
    return _name(character) if unicodedata.category(character) in ("Cc", "Cs") else character


def _name(character: str) -> str:
    code = ord(character)
    return chr(0x2400 + code) if code < 0x20 else f"U+{code:04X}"


def hexadecimal(data: bytes) -> str:
    """Bytes as pairs of digits, at most sixteen of them.

    >>> hexadecimal("é".encode())
    'C3 A9'
    """
    more = " …" if len(data) > _MOST_HEX else ""
    return data[:_MOST_HEX].hex(" ").upper() + more


def in_quotes(token: Token, most: int = 40) -> str:
    """How a sentence names a token: its symbol, its text with white space drawn, or its bytes."""
    if token.special:
        return token.special
    if token.text is None:
        return f"bytes {hexadecimal(token.data)}"
    shown = shown_text(token.text, True)
    return f"“{shown if len(shown) <= most else shown[:most] + '…'}”"


def spoken(token: Token, number: int) -> str:
    """A token in words: what it is, its place, its id, its bytes."""
    size = f"{len(token.data)} byte{'s' * (len(token.data) != 1)} {hexadecimal(token.data)}".strip()
    parts = [
        in_quotes(token),
        f"token {number}",
        "no id: not in this vocabulary" if token.id is None else f"id {token.id}",
    ]
    if token.special and token.text:
        parts.append(f"stands for {in_quotes(Token(None, token.data, 0))}")
    if token.text is None:
        size += " (a part of a character)"
    return ", ".join([*parts, size]) + "."


def told(token: Token) -> str:
    """What is said of a token that was chosen: its id, and the bytes it stands for."""
    number = "has no id in this vocabulary" if token.id is None else f"has id {token.id:,}"
    size = f"{len(token.data)} byte{'s' * (len(token.data) != 1)}: {hexadecimal(token.data)}"
    return f"{in_quotes(token)} {number}; it stands for {size}."


def drawn(token: Token, number: int, whitespace: bool) -> DrawnToken:
    """One token as the component takes it."""
    kind: Kind = "special" if token.special else "missing" if token.id is None else "plain"
    text = token.text
    if token.special:
        box = token.special
    elif text is None:
        box, kind = hexadecimal(token.data), "bytes"
    else:
        box = shown_text(text, whitespace)
    under = "–" if token.id is None else str(token.id)
    ends_line = text is not None and text.endswith("\n")
    return DrawnToken(box, under, spoken(token, number), token.start, token.end, kind, ends_line)


def panel_of(name: str, cut: CutText, vocab_size: int, *, whitespace: bool) -> TokenPanel:
    """A panel of a cut text: its counts, its first tokens, and what is not drawn or was lost."""
    tokens = [drawn(token, i, whitespace) for i, token in enumerate(cut.tokens[:MOST_DRAWN])]
    n = len(cut.tokens)
    counts = f"{n:,} token{'s' * (n != 1)} · {cut.bytes_per_token:.2f} bytes per token · vocabulary of {vocab_size:,}"
    notes = []
    if cut.lost:
        some = "1 character" if cut.lost == 1 else f"{cut.lost:,} characters"
        notes.append(f"{some} cannot be had back from the ids.")
    if n > MOST_DRAWN:
        notes.append(f"The first {MOST_DRAWN} tokens are drawn.")
    return TokenPanel(name, counts, tokens, " ".join(notes))


def shown_bytes(data: bytes) -> str:
    """Bytes as text with white space drawn, or in hexadecimal where they are no whole characters."""
    text = Token(None, data, 0).text
    return hexadecimal(data) if text is None else shown_text(text, True)
