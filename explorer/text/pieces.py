"""The text of each token where it stands: tokens one by one, that still read as the text when put end to end."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from explorer.text.tokenizers import Tokenizer


@dataclass(frozen=True)
class TextPiece:
    """What one token adds to a text. whole: False for a token of bytes that are no whole characters: its `text` is then
    the character that its bytes complete, or, where they complete none, the bytes in hexadecimal."""

    text: str
    whole: bool = True


def cut_into_pieces(tokenizer: Tokenizer, ids: Sequence[int]) -> list[TextPiece]:
    """A piece for each id, in order.

    >>> from explorer.text.bpe import BPETokenizer
    >>> [piece.text for piece in cut_into_pieces(BPETokenizer(), list("a€".encode()))]
    ['a', '\\\\xe2', '\\\\x82', '€']
    """
    token_bytes = getattr(tokenizer, "token_bytes", None)
    if token_bytes is not None:
        return _pieces_of_bytes(token_bytes, ids)
    return [TextPiece(_added(tokenizer, ids[max(0, i - 1) : i], token)) for i, token in enumerate(ids)]


def _pieces_of_bytes(token_bytes: Callable[[int], bytes], ids: Sequence[int]) -> list[TextPiece]:
    """Bytes wait until a character is complete; the token that completes it shows it."""
    pieces = []
    decoder = codecs.getincrementaldecoder("utf-8")()
    for token in ids:
        data = token_bytes(token)
        waiting = len(decoder.getstate()[0])
        try:
            text = decoder.decode(data)
        except UnicodeDecodeError:  # what waited was never completed, or these bytes are none of UTF-8
            decoder.reset()
            text = data.decode("utf-8", "ignore")
            waiting = int(text.encode() != data)
            text = "" if waiting else text
        is_whole = not waiting and not decoder.getstate()[0]
        pieces.append(TextPiece(text if text or not data else "".join(f"\\x{b:02x}" for b in data), is_whole))
    return pieces


def _added(tokenizer: Tokenizer, before: Sequence[int], token: int) -> str:
    """What a token adds after the one before it: a word brings its space."""
    context = tokenizer.decode(list(before))
    text = tokenizer.decode([*before, token])
    return text[len(context) :] if text.startswith(context) else tokenizer.decode([token])
