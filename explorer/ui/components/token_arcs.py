"""`token_arcs`: where each token looks, drawn as arcs over the prompt.

Legend: L layers, H heads, T tokens.

Example, in a Streamlit script:

    chosen = token_arcs(list("ROMEO:"), patterns, key="arcs", alt="Attention of each head over the prompt")
    st.write(f"head {chosen.head} of layer {chosen.layer}")
"""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st

from explorer.ui.components.assets import read_assets

# Up to this many weights every layer is sent, one byte each, and changing the layer needs no answer from
# Python; above it only the layer shown is sent. 6 layers × 6 heads × 128² tokens just fit.
WHOLE_WEIGHTS = 600_000

_mount = st.components.v2.component(
    "explorer_token_arcs",
    html=read_assets("token_arcs.html"),
    css=read_assets("token_arcs.css"),
    js=read_assets("token_arcs_draw.js", "token_arcs.js"),
)


@dataclass(frozen=True)
class ArcSelection:
    """What the visitor chose: a layer, a head, a pinned token or None, and the heads switched off.

    `disabled` holds (layer, head) pairs.
    """

    layer: int
    head: int
    token: int | None
    disabled: frozenset[tuple[int, int]]


def token_arcs(
    tokens: Sequence[str],
    attention: np.ndarray,
    *,
    key: str,
    alt: str,
    layer: int = 0,
    head: int = 0,
    token: int | None = None,
    layers: int | None = None,
    first: int = 0,
    disabled: frozenset[tuple[int, int]] = frozenset(),
) -> ArcSelection:
    """Draw the attention of one head as arcs over `tokens`; return what the visitor chose.

    `attention` is (L, H, T, T): row q of a head says how much token q takes from each token, summing to 1. Of a large
    model one layer is enough: then `layers` is L, and `attention` the (H, T, T) of `layer`. Of a long prompt a window:
    then `first` is the number of its first token, and rows may sum to less. `disabled` are the heads off at first.
    `layer`, `head` and `token` (the pinned one) are what is shown first; when the page passes another value
    than it did before, the component follows it. Every choice reruns the script (or its fragment) once.

    Raises ValueError where the shapes disagree, weights lie outside 0..1, or a number names nothing.
    """
    weights = np.asarray(attention, dtype=np.float32)
    weights = weights if layers is None else weights[None]
    shape = (weights.shape[0] if layers is None else layers, *weights.shape[1:])
    _check(tokens, weights, shape, layer, head, token)
    passed = {"layer": int(layer), "head": int(head), "token": None if token is None else int(token)}
    now = _selection(st.session_state.get(key), passed, shape, disabled)
    whole = layers is None and weights.size <= WHOLE_WEIGHTS
    one = layer if layers is not None else now.layer
    sent = np.rint((weights if whole else weights[0 if layers is not None else one]) * 255).astype(np.uint8).tobytes()
    data = {
        "alt": alt,
        "tokens": [str(t) for t in tokens],
        "first": int(first),
        "layers": int(shape[0]),
        "heads": int(shape[1]),
        "onlyLayer": None if whole else int(one),
        "signature": hashlib.blake2b(sent, digest_size=8).hexdigest(),
        "weights": base64.b64encode(sent).decode("ascii"),
        "passed": passed,
        "current": {
            "layer": now.layer,
            "head": now.head,
            "token": now.token,
            "disabled": sorted(now.disabled),
        },
    }
    state = _mount(key=key, data=data, on_chosen_change=lambda: None)
    return _selection(state, passed, shape, disabled)


def _check(
    tokens: Sequence[str], weights: np.ndarray, shape: tuple[int, ...], layer: int, head: int, token: int | None
) -> None:
    n = len(tokens)
    if weights.ndim != 4 or weights.shape[2:] != (n, n) or weights.size == 0:
        raise ValueError(f"attention: expected layers × heads × {n} × {n} for {n} tokens, got {weights.shape}.")
    if not (np.isfinite(weights).all() and weights.min() >= 0 and weights.max() <= 1.001):
        raise ValueError("attention: expected weights from 0 to 1 (a softmax over each row), got others.")
    for name, value, size in (("layer", layer, shape[0]), ("head", head, shape[1])):
        if not 0 <= value < size:
            raise ValueError(f"{name}: expected 0 to {size - 1}, got {value}.")
    if token is not None and not 0 <= token < n:
        raise ValueError(f"token: expected 0 to {n - 1} or None, got {token}.")


def _selection(
    state: Any, passed: Mapping[str, int | None], shape: tuple[int, ...], off: frozenset[tuple[int, int]]
) -> ArcSelection:
    """The visitor's choice, part by part, unless the page has since passed another value for that part.

    The script sends under "of" what the page had passed when the visitor chose. A part that the data no
    longer has (fewer layers, a shorter prompt) falls back to what the page passes.
    """
    chosen = state.get("chosen") if isinstance(state, Mapping) else None
    chosen = chosen if isinstance(chosen, Mapping) else {}
    of = chosen.get("of", passed)

    def part(name: str, size: int) -> int | None:
        value = chosen.get(name, passed[name])
        known = isinstance(of, Mapping) and of.get(name) == passed[name]
        if known and value is None and name == "token":
            return None
        return int(value) if known and isinstance(value, int) and 0 <= value < size else passed[name]

    pairs = chosen.get("disabled", off)
    disabled = frozenset((int(a), int(b)) for a, b in pairs if 0 <= a < shape[0] and 0 <= b < shape[1])
    return ArcSelection(part("layer", shape[0]) or 0, part("head", shape[1]) or 0, part("token", shape[2]), disabled)
