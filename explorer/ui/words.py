"""Text on its way to the screen."""

from __future__ import annotations

import re


def literal(text: str) -> str:
    """The text as Markdown that shows it as typed: every mark that Markdown reads is escaped.

    >>> literal("*a*")
    '\\\\*a\\\\*'
    """
    return re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", text)
