"""The pieces of a typed expression, each with its place, and the error that points at one."""

from __future__ import annotations

import re
from dataclasses import dataclass

_LOOKALIKES = str.maketrans({"−": "-", "×": "*", "·": "*", "÷": "/"})
_TOKEN = re.compile(
    r"[ \t\r\f\v\u00a0]*(?:#[^\n]*)?"
    r"(?:(?P<number>(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)|(?P<name>[^\W\d]\w*)"
    r"|(?P<mark>\*\*=|\*\*|[-+*/]=|[-+*/=().])|(?P<end>\n|;|\Z)|(?P<unknown>.))"
)


class ExpressionError(ValueError):
    """One line that names the place: line and column from 1, and the text that is wrong there.

    text: the offending piece, "" at the end of the text.
    """

    def __init__(self, what: str, line: int, column: int, text: str) -> None:
        self.line, self.column, self.text = line, column, text
        super().__init__(f"Line {line}, column {column}: {what}")


@dataclass(frozen=True)
class Token:
    """kind: number, name, mark, end or unknown. text: as typed. line, column: from 1."""

    kind: str
    text: str
    line: int
    column: int

    @property
    def shown(self) -> str:
        """The text in quotes, cut if long; words where there is nothing to quote."""
        if self.kind == "end" and self.text != ";":
            return "the end of the line" if self.text else "the end"
        return f"“{self.text if len(self.text) <= 20 else self.text[:20] + '…'}”"

    def error(self, what: str) -> ExpressionError:
        return ExpressionError(what, self.line, self.column, self.text)


def tokens(text: str) -> list[Token]:
    """The pieces of the text, in order; the last one is an empty end."""
    found: list[Token] = []
    line, line_start, position = 1, 0, 0
    text = text.translate(_LOOKALIKES)
    while True:
        match = _TOKEN.match(text, position)
        if match is None or match.lastgroup is None:
            raise AssertionError("every text begins with a token: unknown matches any character")
        start = match.start(match.lastgroup)
        found.append(Token(match.lastgroup, match[match.lastgroup], line, start - line_start + 1))
        if match.lastgroup == "end" and not match["end"]:
            return found
        position = match.end()
        if match["end"] == "\n":
            line, line_start = line + 1, position
