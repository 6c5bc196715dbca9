"""Text on its way to the screen."""

from __future__ import annotations

import re


def literal(text: str) -> str:
    """The text as Markdown that shows it as typed: every mark that Markdown reads is escaped.

    >>> literal("*a*")
    '\\\\*a\\\\*'
    """
    return re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", text)


def signed(value: float) -> str:
    """Two decimals with a sign, and none for what rounds to zero: for the cell of a matrix.

    >>> signed(1.625), signed(-0.25), signed(-0.001)
    ('+1.62', '−0.25', '0.00')
    """
    said = f"{value:+.2f}".replace("-", "−")
    return "0.00" if said[1:] == "0.00" else said
