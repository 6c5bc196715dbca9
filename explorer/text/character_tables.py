"""Which character each token of somebody else's character model stands for: nanoGPT's `meta.pkl`, or the same as JSON.

`meta.pkl` is a Python pickle, and unpickling can run any code. So nothing is unpickled here: `pickletools` takes the file
apart into its instructions, which runs none of them, and those few that build dicts of strings and whole numbers are
followed. Instructions that import, call or make objects are not among them, so a file that has one is refused.
"""

from __future__ import annotations

import json
import pickletools
from pathlib import Path
from typing import Any

from explorer.text.tokenizers import CharTokenizer

LARGEST_FILE = 20_000_000  # bytes; every character that Unicode has would take a few million
_STRINGS = ("SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8")
_NUMBERS = ("BININT", "BININT1", "BININT2", "LONG1")
_PUTS = ("BINPUT", "LONG_BINPUT")
_GETS = ("BINGET", "LONG_BINGET")


def read_characters(path: Path) -> CharTokenizer:
    """The table in a file of either form.

    As JSON it may be a string or a list of characters in the order of their numbers, an object from character to number,
    or nanoGPT's own `stoi`/`itos`. Raises ValueError for anything else.
    """
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise ValueError(f"it has more than {LARGEST_FILE / 1e6:.0f} MB")
        content = path.read_bytes()
        table = read_plain_pickle(content) if content[:1] == b"\x80" else json.loads(content)
        return CharTokenizer(_in_order(table))
    except OSError as error:
        raise ValueError(f"The character table {path} cannot be read ({error.strerror or error}).") from None
    except (ValueError, RecursionError) as error:
        raise ValueError(
            f"{path.name} is no character table ({str(error)[:160]}); expected nanoGPT's meta.pkl, or JSON that gives "
            'the characters in the order of their numbers, as "abc".'
        ) from None


def read_plain_pickle(content: bytes) -> Any:
    """What a pickle of dicts, strings and whole numbers holds; raises ValueError for any other.

    >>> import pickle
    >>> read_plain_pickle(pickle.dumps({"itos": {0: "a"}}))
    {'itos': {0: 'a'}}
    """
    stack: list[Any] = []
    marks: list[int] = []
    memo: dict[Any, Any] = {}
    try:
        for instruction, argument, _ in pickletools.genops(content):
            name = instruction.name
            if name == "STOP":
                return stack.pop()
            if name in (*_STRINGS, *_NUMBERS):
                stack.append(argument)
            elif name == "EMPTY_DICT":
                stack.append({})
            elif name == "MARK":
                marks.append(len(stack))
            elif name == "SETITEM" or name == "SETITEMS":
                begin = marks.pop() if name == "SETITEMS" else len(stack) - 2
                keys_and_values = stack[begin:]
                del stack[begin:]
                stack[-1].update(zip(keys_and_values[::2], keys_and_values[1::2], strict=True))
            elif name in _PUTS or name == "MEMOIZE":
                memo[len(memo) if name == "MEMOIZE" else argument] = stack[-1]
            elif name in _GETS:
                stack.append(memo[argument])
            elif name not in ("PROTO", "FRAME"):
                raise ValueError(f"a pickle that does more than hold a table: it has the instruction {name}")
    except (IndexError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"a broken pickle: {error}") from None
    raise ValueError("a pickle that is cut short")


def _in_order(table: Any) -> str:
    """The characters, each at the place of its number."""
    if isinstance(table, dict) and isinstance(table.get("stoi", table.get("itos")), dict):
        table = table.get("stoi", table.get("itos"))
    if isinstance(table, dict):
        pairs = [(c, i) if isinstance(c, str) and type(i) is int else (i, c) for c, i in table.items()]
        numbered = {int(i): c for c, i in pairs}
        if sorted(numbered) != list(range(len(pairs))):
            raise ValueError("its numbers do not run from 0 without gaps")
        table = [numbered[i] for i in range(len(numbered))]
    if not isinstance(table, str | list) or not all(isinstance(c, str) and len(c) == 1 for c in table):
        raise ValueError("an entry is not one character")
    return "".join(table)
