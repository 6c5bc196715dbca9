"""`fusion_tree`: a tree of nodes over the characters it reads, the channels of each node as a small picture.

Legend: n characters, N nodes of a level, C channels, L levels above the letters.

Example, in a Streamlit script:

    chosen = fusion_tree([letters, pairs, fours, root], list("....emma"), key="tree", alt="A tree over “emma”")
    st.write(f"level {chosen.level}, node {chosen.node}, channel {chosen.channel}")
"""

from __future__ import annotations

import base64
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import streamlit as st

from explorer.inspection.wavenet import shortened
from explorer.ui.components.assets import read_assets

FLAT = 0.97  # beyond ± this tanh is nearly flat
_STEPS = 32767  # values are sent as two bytes, this many to the level's scale
_MOST_SAID = 4  # levels named in the sentence on a letter's influence

_mount = st.components.v2.component(
    "explorer_fusion_tree",
    html=read_assets("fusion_tree.html"),
    css=read_assets("fusion_tree.css"),
    js=read_assets("matrix_values.js", "fusion_tree_draw.js", "fusion_tree.js"),
)


@dataclass(frozen=True)
class TreeChoice:
    """One channel of one node: `level` counts from the letters, 0, to the root; `node` and `channel` from 0."""

    level: int
    node: int
    channel: int


def fusion_tree(
    levels: Sequence[np.ndarray],
    labels: Sequence[str],
    *,
    key: str,
    alt: str,
    moved: Sequence[np.ndarray] | None = None,
    answer: str = "",
    chosen: TreeChoice | None = None,
    opens: bool = True,
) -> TreeChoice:
    """Draw the tree and return the channel that the visitor chose, else `chosen` (by default the root's first).

    levels: (N, C) each, the letters (n, C) first, the root (1, C) last; each N divides the one before.
    labels: the n characters. moved: (N, n) for every level, how far each character can move each node; told in words.
    answer: a sentence above the tree. chosen: what is shown first; when the page passes another than it did before,
    the component follows. opens: whether a choice goes to Python, which reruns the script (or its fragment) once.
    A choice that the tree no longer has falls back to `chosen`.

    Raises ValueError where the shapes do not make a tree or values are not finite.
    """
    arrays = [np.asarray(level, dtype=np.float64) for level in levels]
    _check(arrays, labels, moved)
    shapes = [array.shape for array in arrays]
    passed = chosen if chosen is not None and _is_there(asdict(chosen), shapes) else TreeChoice(len(arrays) - 1, 0, 0)
    now = _choice(st.session_state.get(key), passed, shapes)
    data = {
        "alt": alt,
        "answer": answer,
        "labels": [str(label) for label in labels],
        "levels": [_level(k, arrays) for k in range(len(arrays))],
        **_words(arrays, labels, moved),
        "passed": asdict(passed),
        "current": asdict(now),
        "opens": opens,
    }
    return _choice(_mount(key=key, data=data, on_choice_change=lambda: None), passed, shapes)


def _check(arrays: Sequence[np.ndarray], labels: Sequence[str], moved: Sequence[np.ndarray] | None) -> None:
    if len(arrays) < 2 or any(array.ndim != 2 or 0 in array.shape for array in arrays):
        shapes = [array.shape for array in arrays]
        raise ValueError(f"levels: expected the letters and at least one level, nodes × channels each, got {shapes}.")
    nodes = [len(array) for array in arrays]
    if nodes[0] != len(labels) or nodes[-1] != 1 or any(a % b for a, b in itertools.pairwise(nodes)):
        raise ValueError(f"levels: expected {len(labels)} letters joined level by level to 1 root, got {nodes} nodes.")
    if not all(np.isfinite(array).all() for array in arrays):
        raise ValueError("levels: expected finite numbers, got others.")
    if moved is not None and [m.shape for m in moved] != [(count, len(labels)) for count in nodes]:
        raise ValueError(f"moved: expected nodes × {len(labels)} for every level, got {[m.shape for m in moved]}.")


def _level(k: int, arrays: Sequence[np.ndarray]) -> dict[str, Any]:
    array = arrays[k]
    N, C = array.shape
    scale = max(1.0, float(np.abs(array).max())) if k == 0 else 1.0
    packed = np.rint(np.clip(array / scale, -1, 1) * _STEPS).astype("<i2")
    caption, edge = f"Letters ({N}, {C}): each its row of the embedding table", ""
    if k:
        joined, width = len(arrays[k - 1]) // N, arrays[k - 1].shape[1]
        sees = len(arrays[0]) // N
        caption = f"Level {k} ({N}, {C}): each node sees {sees} characters"
        edge = f"{joined} × {width} → {C}"
    return {
        "nodes": int(N),
        "channels": int(C),
        "scale": scale,
        "values": base64.b64encode(packed.tobytes()).decode("ascii"),
        "caption": caption,
        "edge": edge,
    }


def _words(
    arrays: Sequence[np.ndarray], labels: Sequence[str], moved: Sequence[np.ndarray] | None
) -> dict[str, list[list[str]]]:
    """For every node its title, a note, and what a screen reader says of it."""
    titles: list[list[str]] = []
    notes: list[list[str]] = []
    for k, array in enumerate(arrays):
        sees = len(labels) // len(array)
        under = ["".join(labels[i * sees : (i + 1) * sees]) for i in range(len(array))]
        titles.append([_title(k, i, len(array), under[i]) for i in range(len(array))])
        notes.append([f"{_facts(k, array[i])} {_measured(k, i, labels, moved)}".strip() for i in range(len(array))])
    spoken = [[f"{t}. {n}" for t, n in zip(*pair, strict=True)] for pair in zip(titles, notes, strict=True)]
    return {"titles": titles, "notes": notes, "spoken": spoken}


def _title(level: int, node: int, nodes: int, under: str) -> str:
    if level == 0:
        return f"Letter {node + 1} of {nodes}: “{under}”"
    place = "the root" if nodes == 1 else f"node {node + 1} of {nodes}"
    return f"Level {level}, {place}: sees “{shortened(under)}”"


def _facts(level: int, values: np.ndarray) -> str:
    low, high = (f"{value:.2f}".replace("-", "−") for value in (values.min(), values.max()))
    said = f"{len(values)} channels from {low} to {high}"
    if level == 0:
        return f"{said}."
    flat = int((np.abs(values) > FLAT).sum())
    return f"{said}; {flat} beyond ±{FLAT}, where tanh is nearly flat."


def _measured(level: int, node: int, labels: Sequence[str], moved: Sequence[np.ndarray] | None) -> str:
    """What changing a letter moved, and what it did not."""
    if moved is None:
        return ""
    if level:
        seen = "".join(label for label, m in zip(labels, moved[level][node], strict=True) if m > 0)
        others = int((moved[level][node] == 0).sum())
        if not others:
            return "Measured by changing each letter in turn: all of them move it."
        only = f"only “{shortened(seen)}” moves it, the other {others} by exactly 0"
        return f"Measured by changing each letter in turn: {only}."
    steps = [f"{float(m[:, node].max()):.2f} in level {k}" for k, m in enumerate(moved) if k][:_MOST_SAID]
    still = sum(int((m[:, node] == 0).sum()) for m in moved[1:])
    return f"Another letter here moves a channel, on average, by {', '.join(steps)}; nodes that do not move at all: {still}."


def _is_there(choice: Mapping[str, Any], shapes: Sequence[tuple[int, ...]]) -> bool:
    level, node, channel = (choice.get(name) for name in ("level", "node", "channel"))
    if not all(isinstance(part, int) and part >= 0 for part in (level, node, channel)):
        return False
    assert isinstance(level, int)
    return level < len(shapes) and node < shapes[level][0] and channel < shapes[level][1]  # type: ignore[operator]


def _choice(state: Any, passed: TreeChoice, shapes: Sequence[tuple[int, ...]]) -> TreeChoice:
    """The visitor's choice, unless the page has since passed another one or the tree has no such channel."""
    choice = state.get("choice") if isinstance(state, Mapping) else None
    if not isinstance(choice, Mapping) or choice.get("of", asdict(passed)) != asdict(passed):
        return passed
    return TreeChoice(choice["level"], choice["node"], choice["channel"]) if _is_there(choice, shapes) else passed
