"""What the tokenizers page shows, as tables to take away. Each is made from `shown` when its button is pressed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from explorer.inspection.tokenizers import CutText

Table = tuple[Sequence[str], Callable[[], Sequence[Sequence[Any]]]]


def tables(shown: dict[str, Any]) -> dict[str, Table]:
    """File names to columns and rows, for `frame.data_out`."""
    return {
        "tokens": (("tokenizer", "position", "id", "token", "bytes", "first byte"), lambda: _tokens(shown)),
        "merges": (("merge", "left", "right", "new id", "bytes", "count"), lambda: _merges(shown)),
        "compression": (
            ("merges", "bytes per token, learned from", "bytes per token, held out"),
            lambda: _compression(shown),
        ),
        "cost": (("text", "tokenizer", "tokens", "characters", "characters lost"), lambda: _cost(shown)),
    }


def _tokens(shown: dict[str, Any]) -> list[tuple[Any, ...]]:
    rows = []
    for reader, cut in zip(shown.get("readers", ()), shown.get("cuts", ()), strict=False):
        if isinstance(cut, CutText):
            for i, token in enumerate(cut.tokens):
                text = token.special or token.data.decode("utf-8", "backslashreplace")
                rows.append(
                    (reader.name, i, "" if token.id is None else token.id, text, token.data.hex(" "), token.start)
                )
    return rows


def _merges(shown: dict[str, Any]) -> list[tuple[Any, ...]]:
    learned = shown.get("learned")
    if learned is None:
        return []
    tokenizer = learned.byte_pair
    return [
        (m.rank + 1, m.left, m.right, m.new, tokenizer.token_bytes(m.new).hex(" "), m.count) for m in tokenizer.merges
    ]


def _compression(shown: dict[str, Any]) -> list[tuple[Any, ...]]:
    reading = shown.get("compression")
    if reading is None:
        return []
    return list(zip(reading.merges.tolist(), reading.learned_from.tolist(), reading.held_out.tolist(), strict=True))


def _cost(shown: dict[str, Any]) -> list[tuple[Any, ...]]:
    reading = shown.get("cost")
    if reading is None:
        return []
    return [
        (sample.name, reader, reading.tokens[s, k], int(reading.characters[s]), int(reading.lost[s, k]))
        for s, sample in enumerate(reading.samples)
        for k, reader in enumerate(reading.readers)
    ]
