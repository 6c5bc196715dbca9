"""Small black-and-white pictures drawn as text, for networks that remember pictures."""

from __future__ import annotations

import numpy as np

SIDE = 10

_DRAWN = """
..######..  ####......  ..........  #........#  ....##....  ########..  ##......##  ####..####
.##....##.  ####......  .########.  .#......#.  ...####...  ########..  ##......##  ####..####
##......##  ####......  .########.  ..#....#..  ..######..  ....##....  ##......##  ....##....
##......##  ####......  .##....##.  ...#..#...  .########.  ....##....  ##......##  ....##....
##......##  ####......  .##....##.  ....##....  ##########  ....##....  ##########  ##########
##......##  ......####  .##....##.  ....##....  ....##....  ....##....  ##########  ##########
##......##  ......####  .##....##.  ...#..#...  ....##....  ....##....  ##......##  ....##....
##......##  ......####  .########.  ..#....#..  ....##....  ....##....  ##......##  ....##....
.##....##.  ......####  .########.  .#......#.  ....##....  ##..##....  ##......##  ####..####
..######..  ......####  ..........  #........#  ....##....  .####.....  ##......##  ####..####
"""
_NAMES = ("ring", "steps", "frame", "cross", "arrow", "letter J", "letter H", "grid")


def read_glyphs(drawn: str) -> list[np.ndarray]:
    """Pictures drawn side by side, two spaces apart, as arrays of +1 for # and −1 for a dot.

    >>> [glyph.tolist() for glyph in read_glyphs("#.  ..")]
    [[[1.0, -1.0]], [[-1.0, -1.0]]]
    """
    columns = zip(*(line.split() for line in drawn.strip().splitlines()), strict=True)
    return [np.array([[1.0 if mark == "#" else -1.0 for mark in row] for row in rows]) for rows in columns]


GLYPHS: dict[str, np.ndarray] = dict(zip(_NAMES, read_glyphs(_DRAWN), strict=True))
