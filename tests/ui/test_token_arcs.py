"""The Python side of the token arcs: what it refuses, what it sends, what it returns."""

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from explorer.ui.components.token_arcs import WHOLE_WEIGHTS, token_arcs

SCRIPT = str(Path(__file__).parent / "scripts" / "token_arcs_page.py")
PASSED = {"layer": 0, "head": 0, "token": None}


def page(**state: Any) -> AppTest:
    at = AppTest.from_file(SCRIPT, default_timeout=20)
    for name, value in state.items():
        at.session_state[name] = value
    at.run()
    assert not at.exception
    return at


def sent(at: AppTest) -> dict[str, Any]:
    data = json.loads(at.get("bidi_component")[0].proto.json)
    assert isinstance(data, dict)
    return data


def returned(at: AppTest) -> str:
    return str(at.text[0].value)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"attention": np.ones((2, 2))}, "expected layers × heads × 2 × 2 for 2 tokens"),
        ({"attention": np.full((1, 1, 3, 3), 1 / 3)}, "for 2 tokens"),
        ({"attention": np.full((1, 1, 2, 2), -0.5)}, "weights from 0 to 1"),
        ({"attention": np.full((1, 1, 2, 2), np.nan)}, "weights from 0 to 1"),
        ({"layer": 1}, "layer: expected 0 to 0, got 1"),
        ({"head": -1}, "head: expected 0 to 0, got -1"),
        ({"token": 2}, "token: expected 0 to 1 or None, got 2"),
    ],
)
def test_what_cannot_be_drawn_is_refused_in_a_sentence(options: dict[str, Any], said: str) -> None:
    arguments: dict[str, Any] = {"tokens": ["a", "b"], "attention": np.full((1, 1, 2, 2), 0.5)} | options
    with pytest.raises(ValueError, match=said):
        token_arcs(**arguments, key="arcs", alt="a")


def test_weights_are_sent_as_bytes_with_a_signature_that_repeats() -> None:
    data, again = sent(page()), sent(page())
    weights = np.frombuffer(base64.b64decode(data["weights"]), np.uint8).reshape(2, 3, 4, 4)
    assert weights[0, 0, 0].tolist() == [255, 0, 0, 0]
    assert weights[1, 2, 3].tolist() == [64, 64, 64, 64]
    assert data["signature"] == again["signature"] != sent(page(tokens=5))["signature"]


def test_a_long_prompt_sends_only_the_layer_that_is_shown() -> None:
    at = page(tokens=256, layers=6, arcs={"chosen": {"layer": 4, "head": 1, "token": 9}})
    data = sent(at)
    assert WHOLE_WEIGHTS < 6 * 3 * 256 * 256
    assert data["onlyLayer"] == 4
    assert len(base64.b64decode(data["weights"])) == 3 * 256 * 256
    assert returned(at) == "4 1 9 []"


def test_the_choice_comes_back_with_the_heads_switched_off() -> None:
    chosen = {"layer": 1, "head": 2, "token": 3, "disabled": [[1, 2], [0, 0]], "of": PASSED}
    assert returned(page(arcs={"chosen": chosen})) == "1 2 3 [(0, 0), (1, 2)]"


def test_what_the_data_no_longer_has_falls_back_to_what_the_page_passes() -> None:
    chosen = {"layer": 7, "head": 9, "token": 40, "disabled": [[7, 0], [1, 1]], "of": PASSED}
    assert returned(page(arcs={"chosen": chosen})) == "0 0 None [(1, 1)]"


def test_a_layer_that_the_page_passes_anew_wins_and_leaves_the_rest() -> None:
    chosen = {"layer": 0, "head": 2, "token": 3, "disabled": [], "of": PASSED}
    assert returned(page(layer=1, arcs={"chosen": chosen})) == "1 2 3 []"
