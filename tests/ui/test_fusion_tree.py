"""The Python side of the fusion tree: what it refuses, what it sends, what it returns."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from explorer.ui.components.fusion_tree import fusion_tree

SCRIPT = str(Path(__file__).parent / "scripts" / "fusion_tree_page.py")
ROOT_FIRST = {"level": 2, "node": 0, "channel": 0}


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


def chosen(at: AppTest) -> str:
    return str(at.text[0].value)


LETTERS, ROOT = np.zeros((2, 3)), np.zeros((1, 4))


@pytest.mark.parametrize(
    ("levels", "labels", "moved", "said"),
    [
        ([LETTERS], "ab", None, "expected the letters and at least one level"),
        ([LETTERS, np.zeros(4)], "ab", None, "nodes × channels each"),
        ([LETTERS, ROOT], "abc", None, "expected 3 letters joined level by level to 1 root"),
        ([LETTERS, np.zeros((2, 4))], "ab", None, r"to 1 root, got \[2, 2\] nodes"),
        ([np.zeros((4, 3)), np.zeros((3, 3)), ROOT], "abcd", None, r"got \[4, 3, 1\] nodes"),
        ([LETTERS * np.nan, ROOT], "ab", None, "expected finite numbers"),
        ([LETTERS, ROOT], "ab", [np.zeros((2, 2)), np.zeros((2, 2))], "moved: expected nodes × 2 for every level"),
    ],
)
def test_what_is_no_tree_is_refused_in_a_sentence(
    levels: list[np.ndarray], labels: str, moved: list[np.ndarray] | None, said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        fusion_tree(levels, list(labels), key="tree", alt="a", moved=moved)


def test_values_arrive_within_a_thirty_thousandth_of_the_scale() -> None:
    data = sent(page())
    letters, _, root = data["levels"]
    assert (letters["nodes"], letters["channels"], root["nodes"]) == (4, 3, 1)
    assert letters["scale"] == 3.0  # the largest of the letters
    assert root["scale"] == 1.0
    values = np.frombuffer(base64.b64decode(letters["values"]), "<i2") / 32767 * letters["scale"]
    np.testing.assert_allclose(values, np.linspace(-3, 1, 12), atol=3 / 32767)


def test_shapes_stand_on_levels_and_edges_and_the_measured_sight_in_words() -> None:
    data = sent(page())
    assert [level["edge"] for level in data["levels"]] == ["", "2 × 3 → 3", "2 × 3 → 3"]
    assert data["levels"][1]["caption"] == "Level 1 (2, 3): each node sees 2 characters"
    assert data["titles"][1] == ["Level 1, node 1 of 2: sees “a<b>”", "Level 1, node 2 of 2: sees “\nd”"]
    assert "only “a<b>” moves it, the other 2 by exactly 0" in data["notes"][1][0]
    assert "all of them move it" in data["notes"][2][0]
    assert "0.50 in level 1, 0.50 in level 2; nodes that do not move at all: 1" in data["notes"][0][0]
    assert data["spoken"][1][0] == f"{data['titles'][1][0]}. {data['notes'][1][0]}"
    assert "easured" not in str(sent(page(measured=False))["notes"])


def test_a_choice_holds_until_the_page_passes_another_or_the_tree_has_it_no_more() -> None:
    at = page()
    assert chosen(at) == "2 0 0"
    at.session_state["tree"] = {"choice": {"level": 1, "node": 1, "channel": 2, "of": ROOT_FIRST}}
    at.run()
    assert chosen(at) == "1 1 2"
    assert sent(at)["current"] == {"level": 1, "node": 1, "channel": 2}
    at.session_state["passed"] = (0, 3, 1)
    at.run()
    assert chosen(at) == "0 3 1"
    fewer = page(letters=["a", "b"], tree={"choice": {"level": 2, "node": 0, "channel": 0, "of": {}}})
    assert chosen(fewer) == "1 0 0"


@pytest.mark.parametrize(
    "choice",
    [None, 5, {}, {"level": -1, "node": 0, "channel": 0}, {"level": 1, "node": 9, "channel": 0}, {"level": "1"}],
)
def test_a_choice_that_makes_no_sense_is_no_choice(choice: Any) -> None:
    assert chosen(page(tree={"choice": choice})) == "2 0 0"
