"""The pictures of the first neurons: what is drawn, told apart without colour, and pinned."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from explorer.figures.neurons import length_chart, mistakes_chart, plane_chart, stream_chart

CORNERS = np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]])
TARGETS = np.array([0, 1, 1, 0])


def plane(**changes: Any) -> dict[str, Any]:
    settings: dict[str, Any] = {"low": -0.5, "high": 1.5, "dots": CORNERS[:1], "lines": [], "wrong": TARGETS == 5}
    return plane_chart(CORNERS, TARGETS, **(settings | changes))


def series(chart: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {each["name"]: each for each in chart["series"]}


def test_points_of_the_two_targets_have_different_shapes() -> None:
    drawn = series(plane())
    assert drawn["target 1"]["symbol"] != drawn["target 0"]["symbol"]
    assert drawn["target 1"]["data"] == [[0, 1], [1, 0]]
    assert drawn["target 0"]["data"] == [[0, 0], [1, 1]]


def test_wrong_points_get_a_frame_with_a_cross_and_the_point_looked_at_a_ring() -> None:
    drawn = series(plane(wrong=np.array([False, True, False, False]), looked_at=2))
    assert drawn["wrong"]["data"] == [[0, 1]]
    assert drawn["wrong"]["label"]["formatter"] == "✗"
    assert drawn["looked at"]["data"] == [[1, 0]]


def test_lines_of_different_units_are_dashed_differently() -> None:
    ends = np.array([[0.0, 0], [1, 1]])
    drawn = plane(lines=[("y", ends), ("y", ends + 1), ("h", ends)])["series"][-3:]
    assert [each["lineStyle"]["type"] for each in drawn] == ["solid", "solid", "dashed"]


def test_the_plane_is_a_pinned_square() -> None:
    chart = plane()
    assert chart["grid"]["width"] == chart["grid"]["height"]
    assert [(chart[axis]["min"], chart[axis]["max"]) for axis in ("xAxis", "yAxis")] == [(-0.5, 1.5)] * 2


def test_a_plane_of_mismatched_shapes_is_refused() -> None:
    with pytest.raises(ValueError, match="N targets and N marks"):
        plane(wrong=np.array([True]))


def test_the_round_in_hand_is_striped_and_the_axes_are_pinned() -> None:
    chart = mistakes_chart([3, 1], rounds=5, points=4)
    bars = chart["series"][0]["data"]
    assert [bar["value"] for bar in bars] == [3, 1]
    assert ["itemStyle" in bar for bar in bars] == [False, True]
    assert (len(chart["xAxis"]["data"]), chart["yAxis"]["max"]) == (5, 4)


def test_lengths_are_drawn_on_a_logarithmic_axis_with_a_level_at_one() -> None:
    chart = length_chart([(1, 0.5), (2, 1e6)], [(1, 0.5), (2, 0.99)], steps=10)
    assert chart["yAxis"]["type"] == "log"
    assert series(chart)["Oja"]["markLine"]["data"] == [{"yAxis": 1}]
    assert series(chart)["Hebb"]["lineStyle"] != series(chart)["Oja"]["lineStyle"]


def test_a_very_long_hebb_arrow_keeps_its_direction() -> None:
    drawn = series(stream_chart(CORNERS, np.array([1.0, 0]), np.array([3e8, 4e8]), np.array([1.0, 0])))
    assert drawn["Hebb’s w"]["data"][1] == pytest.approx([600, 800])
    assert drawn["Oja’s w"]["data"][1] == [1, 0]
