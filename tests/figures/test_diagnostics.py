"""The diagnostics' charts hold the numbers they are given, and draw sanely what has no spread, no value or no end."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest

from explorer.figures.diagnostics import (
    LEAST_RATIO,
    LOWEST_UPDATE,
    arriving_chart,
    depth_chart,
    logarithmic_depth_chart,
    mates_chart,
    ratio_chart,
    ratio_height,
    spread_chart,
    updates_chart,
)


def plain(option: dict[str, Any]) -> dict[str, Any]:
    """The option as the browser gets it; NaN and infinity are no JSON."""
    again: dict[str, Any] = json.loads(json.dumps(option, allow_nan=False))
    return again


def test_spreads_are_drawn_at_the_middles_of_their_bins_in_percent() -> None:
    edges = np.array([-1.0, 0.0, 1.0])
    option = plain(spread_chart({"a": (edges, np.array([0.25, 0.75])), "b": (edges * 2, np.array([1.0, 0.0]))}, "x"))
    assert option["series"][0]["data"] == [[-0.5, 25], [0.5, 75]]
    assert (option["xAxis"]["min"], option["xAxis"]["max"]) == (-2, 2)
    assert option["series"][0]["lineStyle"]["type"] != option["series"][1]["lineStyle"]["type"]
    with pytest.raises(ValueError, match="2 bins have 3 edges"):
        spread_chart({"a": (edges[:2], np.array([0.5, 0.5]))}, "x")


def test_ratios_that_are_no_number_are_said_and_not_drawn() -> None:
    option = plain(ratio_chart(["w", "zero", "equal", "endless", "last"], np.array([0.01, 0.0, np.nan, 1e30, 0.1])))
    points = option["series"][0]["data"]
    assert points[0]["value"] == [0.01, 0]
    assert [p["symbol"] for p in points] == ["rect", "none", "none", "rect", "diamond"]
    assert points[1]["label"]["formatter"] == "no gradient"
    assert points[2]["label"]["formatter"] == "weights all equal"
    assert all(LEAST_RATIO <= p["value"][0] <= option["xAxis"]["max"] for p in points)
    assert ratio_height(26) > ratio_height(7)
    with pytest.raises(ValueError, match="one ratio for each of 1"):
        ratio_chart(["w"], np.array([0.1, 0.2]))


def test_updates_have_the_level_of_a_thousandth_and_the_step_looked_at() -> None:
    ratios = np.array([[-2.0, math.nan], [-2.5, -math.inf]])
    option = plain(updates_chart(["a", "b"], [1, 5], ratios, total=10, at=5))
    assert option["series"][0]["data"] == [[1, -2], [5, -2.5]]
    assert option["series"][1]["data"] == [[1, None], [5, LOWEST_UPDATE]]
    marks = option["series"][0]["markLine"]["data"]
    assert [m.get("yAxis") for m in marks] == [-3, None]
    assert marks[1]["xAxis"] == 5
    assert option["xAxis"]["max"] == 10
    with pytest.raises(ValueError, match="2 steps × 1 parameters"):
        updates_chart(["a"], [1, 5], ratios, total=10)


def test_a_run_without_updates_yet_can_be_drawn() -> None:
    option = plain(updates_chart(["a", "b"], [], np.zeros((0, 2)), total=10))
    assert [series["data"] for series in option["series"]] == [[], []]


def test_depth_counts_layers_from_one_and_a_logarithmic_axis_leaves_zeros_out() -> None:
    lines = {"gain 1": np.array([0.6, 0.3]), "gain 0": np.array([0.0, 0.0])}
    option = plain(depth_chart(lines, "std", high=1.0))
    assert option["series"][0]["data"] == [[1, 0.6], [2, 0.3]]
    assert option["yAxis"]["max"] == 1
    logarithmic = plain(logarithmic_depth_chart(lines, "std"))
    assert logarithmic["yAxis"]["type"] == "log"
    assert logarithmic["series"][1]["data"] == [[1, None], [2, None]]


def test_running_statistics_begin_before_the_first_batch() -> None:
    option = plain(arriving_chart(np.array([2.0, 4.0]), np.array([0.0, 0.2, 0.58]), 3.0, "mean"))
    line, dots = option["series"]
    assert line["data"][0] == [0, 0]
    assert dots["data"] == [[1, 2], [2, 4]]
    assert line["markLine"]["data"][0]["yAxis"] == 3
    with pytest.raises(ValueError, match="2 batches leave 3"):
        arriving_chart(np.array([2.0, 4.0]), np.array([0.0, 1.0]), 3.0, "mean")


def test_mates_lie_about_the_line_of_evaluation() -> None:
    line, dots = plain(mates_chart(np.array([0.1, -0.2, 0.3]), 0.05, "y"))["series"]
    assert line["data"] == [[1, 0.05], [3, 0.05]]
    assert [y for _, y in dots["data"]] == [0.1, -0.2, 0.3]
