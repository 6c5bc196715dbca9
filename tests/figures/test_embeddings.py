"""Maps of tokens, bars of neighbours, and similarity by distance: what stands where, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from explorer.figures.embeddings import SHAPES, neighbour_chart, rotary_chart, similarity_by_distance, token_map
from explorer.inspection.embedding_table import KINDS

PLACES = np.array([[0.0, 1.0], [2.0, -1.0], [0.5, 0.5]])


def test_every_kind_has_a_shape_of_its_own() -> None:
    assert tuple(SHAPES) == KINDS
    assert len(set(SHAPES.values())) == len(SHAPES)


def test_a_map_has_a_series_a_kind_and_every_token_in_it_within_its_axes() -> None:
    option = token_map(PLACES, ["a", "B", "e"], ["vowel", "capital", "vowel"], axes=("x", "y"), chosen=1)
    assert [(s["name"], [p["name"] for p in s["data"]]) for s in option["series"]] == [
        ("vowel", ["a", "e"]),
        ("capital", ["B"]),
    ]
    assert "itemStyle" in option["series"][1]["data"][0]
    for axis, name in ((0, "xAxis"), (1, "yAxis")):
        assert option[name]["min"] < PLACES[:, axis].min() < PLACES[:, axis].max() < option[name]["max"]


def test_a_map_of_equal_points_still_has_axes() -> None:
    option = token_map(np.zeros((2, 2)), ["a", "b"], ["vowel", "consonant"], axes=("x", "y"))
    assert option["xAxis"]["min"] < 0 < option["xAxis"]["max"]


def test_many_labels_leave_out_those_that_collide() -> None:
    n = 200
    option = token_map(np.random.default_rng(0).normal(size=(n, 2)), ["t"] * n, ["vowel"] * n, axes=("x", "y"))
    assert option["series"][0]["labelLayout"]["hideOverlap"]


def test_neighbours_are_bars_with_their_kind_and_negative_ones_striped() -> None:
    option = neighbour_chart(np.array([0.5, -0.25]), ["Q", "u"], ["capital", "vowel"], measure="cosine")
    assert option["yAxis"]["data"] == ["Q  capital", "u  vowel"]
    assert option["yAxis"]["inverse"]
    assert [bar["value"] for bar in option["series"][0]["data"]] == [0.5, -0.25]
    assert [bool(bar["itemStyle"]) for bar in option["series"][0]["data"]] == [False, True]


def test_limits_are_drawn_only_where_pairs_of_a_distance_differ() -> None:
    mean = np.array([1.0, 0.5])
    option = similarity_by_distance(
        {"learned": (mean, mean - 0.1, mean + 0.1), "rotary": (mean, mean, mean)}, measure="m"
    )
    assert [s["name"] for s in option["series"]] == ["learned", "learned, smallest", "learned, largest", "rotary"]
    assert option["legend"]["data"] == ["learned", "rotary"]
    styles = [s["lineStyle"]["type"] for s in option["series"] if s["name"] in ("learned", "rotary")]
    assert len(set(styles)) == 2


def test_the_rotary_line_has_a_point_a_distance() -> None:
    option = rotary_chart(np.arange(-2, 3), np.arange(5) / 2, 1.0)
    assert option["series"][0]["data"] == [[-2, 0.0], [-1, 0.5], [0, 1.0], [1, 1.5], [2, 2.0]]


def test_numbers_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="2 numbers and a kind"):
        token_map(PLACES, ["a"], ["vowel"], axes=("x", "y"))
    with pytest.raises(ValueError, match="Expected kinds among"):
        token_map(PLACES, ["a", "b", "c"], ["vowel", "rune", "vowel"], axes=("x", "y"))
    with pytest.raises(ValueError, match="a label and a kind for each"):
        neighbour_chart(np.ones(2), ["a"], ["vowel"], measure="cosine")
    with pytest.raises(ValueError, match="a score for each distance"):
        rotary_chart(np.arange(3), np.ones(2), 0.0)
