"""The MLP's charts carry the numbers they are given, in a frame that stands still."""

from __future__ import annotations

import json

import numpy as np
import pytest

from explorer.figures.mlp import KINDS, reach_of, scatter_chart, sweep_chart, training_chart

POINTS = np.array([[0.0, 1.0], [2.0, -1.0], [5.0, 5.0]])
REACH = (-1.0, 6.0, -2.0, 6.0)


def test_each_kind_is_a_series_with_a_mark_of_its_own_and_every_point_is_there() -> None:
    chart = scatter_chart(
        POINTS, ["a", "b", "."], ["vowel", "consonant", "boundary"], reach=REACH, axes=("x", "y"), chosen=1
    )
    drawn = {p["name"]: p["value"] for series in chart["series"] for p in series["data"]}
    assert drawn == {"a": [0, 1], "b": [2, -1], ".": [5, 5]}
    assert len({series["symbol"] for series in chart["series"]}) == 3
    assert [p["name"] for s in chart["series"] for p in s["data"] if "symbolSize" in p] == ["b"]
    assert (chart["xAxis"]["min"], chart["xAxis"]["max"], chart["yAxis"]["min"], chart["yAxis"]["max"]) == REACH
    assert (chart["xAxis"]["name"], chart["yAxis"]["name"]) == ("x", "y")
    assert len(set(KINDS.values())) == len(KINDS)
    json.dumps(chart)


def test_other_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="Expected 2 numbers and a kind for each of 2 labels"):
        scatter_chart(POINTS, ["a", "b"], ["vowel", "vowel"], reach=REACH, axes=("x", "y"))
    with pytest.raises(ValueError, match="Expected a loss and a mean a rate"):
        sweep_chart([0.1, 0.2], [3.0], [3.0, 2.0], None)


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e4])
def test_the_frame_holds_every_point_of_every_cloud_with_air(scale: float) -> None:
    clouds = [POINTS * scale, -POINTS * scale]
    left, right, bottom, top = reach_of(clouds)
    every = np.concatenate(clouds)
    assert left < every[:, 0].min() <= every[:, 0].max() < right
    assert bottom < every[:, 1].min() <= every[:, 1].max() < top
    assert right - left < 1.5 * np.ptp(every[:, 0]) + 0.5


def test_points_that_all_lie_in_one_place_have_a_frame_too() -> None:
    left, right, bottom, top = reach_of([np.zeros((3, 2))])
    assert left < 0 < right
    assert bottom < 0 < top


def test_the_losses_of_both_parts_and_the_batches_are_drawn_with_the_cursor_at_the_snapshot() -> None:
    chart = training_chart(
        [(1, 3.0), (2, 2.9)], [(0, 3.3), (2, 2.8)], [(0, 3.4), (2, 3.0)], {"level": 3.3}, steps=10, cursor=2
    )
    by_name = {series["name"]: series for series in chart["series"]}
    assert by_name["validation part"]["data"] == [[0, 3.4], [2, 3.0]]
    assert by_name["training part"]["data"] == [[0, 3.3], [2, 2.8]]
    assert by_name["single batches"]["data"] == [[1, 3.0], [2, 2.9]]
    assert by_name["snapshot"]["markLine"]["data"] == [{"xAxis": 2}]
    assert chart["xAxis"]["max"] == 10
    assert "snapshot" not in chart["legend"]["data"]
    assert "snapshot" not in {s["name"] for s in training_chart([], [], [], {}, steps=1)["series"]}


def test_the_sweep_has_a_logarithmic_axis_and_marks_the_suggestion() -> None:
    chart = sweep_chart([1e-3, 1e-2, 1e-1], [3.0, 2.0, 9.0], [3.0, 2.5, 5.0], 0.01)
    mean, single = chart["series"]
    assert chart["xAxis"]["type"] == "log"
    assert mean["data"] == [[0.001, 3.0], [0.01, 2.5], [0.1, 5.0]]
    assert single["data"][2] == [0.1, 9.0]
    assert mean["markLine"]["data"] == [{"xAxis": 0.01}]
    assert "markLine" not in sweep_chart([0.1], [3.0], [3.0], None)["series"][0]
