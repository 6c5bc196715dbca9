"""Small tasks from a sequence to a sequence whose answer is known exactly: reverse, copy and sort letters.

Letters are written a … z; on either side the end mark "▪" closes what was said. Examples are drawn anew for every
batch: 26 letters at 20 places make 26²⁰ sequences, so nothing can be learned by heart, and what is drawn for testing
from another seed was never seen.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from string import ascii_lowercase

import torch
from torch import Tensor

END = 0  # the id of the end mark
SYMBOLS = ("▪", *ascii_lowercase)
LONGEST = 40  # letters of a sequence
VOCAB_SIZE = len(SYMBOLS)

TASKS: Mapping[str, Callable[[Tensor], Tensor]] = {
    "reverse": lambda letters: letters.flip(-1),
    "copy": lambda letters: letters,
    "sort": lambda letters: letters.sort(dim=-1).values,
}


def check_task(task: str) -> None:
    """Raises ValueError for a task that is not among TASKS."""
    if task not in TASKS:
        raise ValueError(f"The task must be one of {', '.join(TASKS)}; got {task!r}.")


def check_length(length: int) -> None:
    """Raises ValueError for a length that no sequence here can have."""
    if not 1 <= length <= LONGEST:
        raise ValueError(f"The task's length must be from 1 to {LONGEST} letters, got {length:,}.")


def draw_batch(task: str, length: int, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Sources (count, length + 1) and targets (count, length + 1) of random letters; the end mark closes both.

    Raises ValueError for an unknown task or a length that cannot be.

    >>> source, target = draw_batch("reverse", 3, 2, torch.Generator().manual_seed(1))
    >>> spell(source[0].tolist()) == spell(target[0].tolist())[::-1]
    True
    """
    check_task(task)
    check_length(length)
    letters = torch.randint(1, VOCAB_SIZE, (count, length), generator=generator)
    return close(letters), close(TASKS[task](letters))


def close(letters: Tensor) -> Tensor:
    """The end mark after every sequence: (B, n) to (B, n + 1)."""
    return torch.cat([letters, letters.new_full((len(letters), 1), END)], dim=1)


def encode(text: str) -> list[int]:
    """Ids of typed letters, large or small, spaces around them left out; the end mark is not added.

    Raises ValueError where nothing was typed, for anything but the letters a … z, and beyond LONGEST.

    >>> encode(" Cab ")
    [3, 1, 2]
    """
    typed = text.strip()
    if not typed:
        raise ValueError("Nothing is typed: type between 1 and 40 letters a to z.")
    lower = [c.lower() if c.isascii() else c for c in typed]
    unknown = list(dict.fromkeys(c for c in lower if c not in ascii_lowercase))
    if unknown:
        names = ", ".join(f"“{c}”" for c in unknown[:5]) + (" and others" if len(unknown) > 5 else "")
        raise ValueError(f"The alphabet is the 26 letters a to z; it lacks {names}. Leave them out.")
    if len(lower) > LONGEST:
        raise ValueError(f"At most {LONGEST} letters are read, got {len(lower):,}. Type fewer.")
    return [SYMBOLS.index(c) for c in lower]


def spell(ids: Sequence[int]) -> str:
    """The letters up to the first end mark.

    >>> spell([3, 1, 2, 0, 5])
    'cab'
    """
    end = list(ids).index(END) if END in ids else len(ids)
    return "".join(SYMBOLS[i] for i in ids[:end])


def answer(task: str, text: str) -> str:
    """What the task makes of typed letters. Raises ValueError as `encode` and `check_task` do.

    >>> answer("sort", "cab")
    'abc'
    """
    check_task(task)
    return spell(TASKS[task](torch.tensor(encode(text))).tolist())
