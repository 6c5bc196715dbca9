"""The Python side of the matrix component: what it refuses, what it sends, what it returns."""

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from explorer.ui.components.matrix import Cell, Matrix, matrix

SCRIPT = str(Path(__file__).parent / "scripts" / "matrix_page.py")


def page(**state: Any) -> AppTest:
    at = AppTest.from_file(SCRIPT)
    for name, value in state.items():
        at.session_state[name] = value
    at.run()
    assert not at.exception
    return at


def sent(at: AppTest) -> dict[str, Any]:
    data = json.loads(at.get("bidi_component")[0].proto.json)
    assert isinstance(data, dict)  # a NumPy scalar would make Streamlit send one long string
    return data


def returned(at: AppTest) -> str:
    return str(at.text[0].value)


@pytest.mark.parametrize(
    ("described", "said"),
    [
        ({"values": np.zeros(3)}, "values: expected rows × columns"),
        ({"values": np.zeros((0, 3))}, "at least 1 × 1"),
        ({"values": np.array([[np.inf]])}, "use NaN for a masked cell"),
        ({"values": np.eye(2), "row_labels": ["a"]}, "row_labels: expected 2 labels"),
        ({"values": np.eye(2), "column_labels": list("abc")}, "column_labels: expected 2 labels"),
        ({"values": np.eye(2), "text": [["a", "b"], ["c"]]}, "text: expected a string a cell"),
        ({"values": np.eye(2), "gamma": 0.0}, "gamma: expected a number above 0"),
        ({"values": np.eye(2), "low": 2.0, "high": 1.0}, "expected low <= high"),
        ({"values": np.eye(2), "high": float("nan")}, "high: expected a finite number"),
        ({"values": np.eye(2), "scale": "rainbow"}, "scale: expected 'sequential' or 'diverging'"),
    ],
)
def test_a_matrix_that_cannot_be_drawn_is_refused_in_a_sentence(described: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Matrix(**described)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"matrices": []}, "at least one Matrix"),
        ({"per_row": 0}, "per_row"),
        ({"value_format": "two"}, "value_format"),
        ({"min_cell": 50}, "min_cell <= max_cell"),
    ],
)
def test_a_call_that_cannot_be_met_is_refused_in_a_sentence(options: dict[str, Any], said: str) -> None:
    arguments: dict[str, Any] = {"matrices": Matrix(np.eye(2)), "key": "m", "alt": "a"} | options
    with pytest.raises(ValueError, match=said):
        matrix(**arguments)


def test_limits_come_from_the_known_values_and_diverging_is_symmetric_around_zero() -> None:
    values = np.array([[-1.0, 3.0], [np.nan, 0.0]])
    assert Matrix(values).limits() == (-1, 3)
    assert Matrix(values, scale="diverging").limits() == (-3, 3)
    assert Matrix(values, scale="diverging", low=-5).limits() == (-5, 5)
    assert Matrix(values, low=7).limits() == (7, 7)
    assert Matrix(np.full((1, 1), np.nan)).limits() == (0, 1)


def test_gamma_lifts_small_values_and_leaves_the_ends() -> None:
    values = np.array([[0.0, 0.25, 1.0]])
    np.testing.assert_allclose(Matrix(values, gamma=2).positions(), [[0, 0.5, 1]])
    diverging = Matrix(values - [[0, 0.5, 0]], scale="diverging", low=-1, high=1, gamma=2).positions()
    np.testing.assert_allclose(diverging, [[0.5, 0.25, 1]])


def test_a_constant_matrix_has_positions_without_dividing_by_zero() -> None:
    assert Matrix(np.ones((2, 2))).positions().tolist() == [[0, 0], [0, 0]]
    assert Matrix(np.zeros((1, 2)), scale="diverging").positions().tolist() == [[0.5, 0.5]]


def test_a_small_call_sends_exact_float32_and_keeps_masked_cells() -> None:
    data = sent(page())
    values = np.frombuffer(base64.b64decode(data["values"]), "<f4")
    assert data["exact"] is True
    np.testing.assert_array_equal(values[:6], np.array([0.1, 0.2, 0.3, 0.4, np.nan, 0.6], np.float32))


def test_a_large_call_sends_one_byte_a_cell_with_255_for_masked() -> None:
    data = sent(page(case="large"))
    values = np.frombuffer(base64.b64decode(data["values"]), np.uint8)
    assert data["exact"] is False
    assert values.size == 200 * 200
    assert (values[0], values[1], values[-1]) == (0, 255, 254)


def test_labels_shared_by_matrices_are_sent_once() -> None:
    data = sent(page())
    assert data["labels"] == [["a", "b"], ["x", "y", "z"]]
    assert [(m["rowLabels"], m["columnLabels"]) for m in data["matrices"]] == [(0, 1), (0, None)]


def test_the_choice_of_the_visitor_comes_back_as_a_cell() -> None:
    assert returned(page()) == "None"
    assert returned(page(m={"cell": {"matrix": 1, "row": 1, "column": 3}})) == repr(Cell(1, 1, 3))


@pytest.mark.parametrize("cell", [(2, 0, 0), (0, 2, 0), (0, 0, 3), (-1, 0, 0), ("0", 0, 0), (None, None, None)])
def test_a_cell_that_the_data_no_longer_has_comes_back_as_none(cell: tuple[Any, Any, Any]) -> None:
    state = dict(zip(("matrix", "row", "column"), cell, strict=True))
    assert returned(page(m={"cell": state})) == "None"


def test_the_newer_of_the_choice_and_the_selected_of_the_page_wins() -> None:
    choice = {"matrix": 0, "row": 1, "column": 1, "of": [0, 0, 2]}
    assert returned(page(selected=Cell(0, 0, 2), m={"cell": choice})) == repr(Cell(0, 1, 1))
    assert returned(page(selected=Cell(0, 0, 0), m={"cell": choice})) == repr(Cell(0, 0, 0))


def test_a_selected_cell_outside_the_data_counts_as_none() -> None:
    at = page(selected=Cell(5, 0, 0))
    assert returned(at) == "None"
    assert sent(at)["selected"] is None


def test_labels_that_look_like_markup_are_sent_as_plain_text() -> None:
    at = page(case="markup")
    assert sent(at)["labels"] == [["<script>alert(1)</script>"]]
    assert "alert(1)" not in at.get("bidi_component")[0].proto.html_content
