"""The attention page's charts hold the numbers they were given, on named axes, and tell lines apart without colour."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from explorer.figures.attention import cost_chart, head_size_chart

SIZES = np.array([1, 4, 16])
CURVES = {"÷ √d": np.array([1.0, 1.1, 0.9]), "not divided": np.array([1.0, 4.0, 16.0])}


def marked(chart: dict[str, Any]) -> list[float]:
    return [item["xAxis"] for series in chart["series"] for item in series.get("markLine", {"data": []})["data"]]


def test_a_chart_by_head_size_has_a_point_a_size_on_named_axes() -> None:
    chart = head_size_chart(SIZES, CURVES, y="variance", chosen=4, logarithmic=True)
    assert [s["name"] for s in chart["series"]] == list(CURVES)
    assert chart["series"][1]["data"] == [[1, 1.0], [4, 4.0], [16, 16.0]]
    assert chart["xAxis"]["name"] == "head size d (channels)"
    assert (chart["xAxis"]["min"], chart["xAxis"]["max"], chart["xAxis"]["type"]) == (1, 16, "log")
    assert (chart["yAxis"]["name"], chart["yAxis"]["type"]) == ("variance", "log")
    assert marked(chart) == [4]


def test_limits_are_passed_on_and_no_size_need_be_marked() -> None:
    chart = head_size_chart(SIZES, CURVES, y="largest weight", limits={"min": 0, "max": 1})
    assert (chart["yAxis"]["min"], chart["yAxis"]["max"], chart["yAxis"]["type"]) == (0, 1, "value")
    assert marked(chart) == []


def test_a_curve_of_another_length_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"Expected \(3,\) values for 'odd', one a head size, got \(2,\)"):
        head_size_chart(SIZES, {"odd": np.ones(2)}, y="y")


def test_costs_are_drawn_in_millions_and_the_prompt_is_marked_where_the_axis_has_it() -> None:
    curves = {"full": [(16, 4352), (64, 66_560)], "local": [(16, 3200), (64, 15_488)]}
    chart = cost_chart(curves, tokens=22)
    assert chart["series"][0]["data"] == [[16, 0.004352], [64, 0.06656]]
    assert chart["xAxis"]["name"] == "tokens T"
    assert chart["yAxis"]["name"] == "million multiply-adds a head"
    assert marked(chart) == [22]
    assert marked(cost_chart(curves, tokens=3)) == []


def test_four_lines_differ_in_their_pattern_and_in_their_marks() -> None:
    curves = {name: [(16, 1), (64, 2)] for name in "abcd"}
    series = cost_chart(curves, tokens=16)["series"]
    assert len({str(s["lineStyle"]["type"]) for s in series}) == len({s["symbol"] for s in series}) == 4
