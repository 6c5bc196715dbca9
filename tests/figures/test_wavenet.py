"""The lattice and the bars hold the numbers they are given and refuse numbers that do not fit."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from explorer.figures.wavenet import lattice_chart, work_chart

PLACES, LEVELS = np.array([0, 1, 1]), np.array([0, 0, 1])
LINES = np.array([[0, 2], [1, 2]])
PART: dict[str, Any] = {
    "in_tree": np.array([False, True, True]),
    "line_in_tree": np.array([False, True]),
    "dilations": (1,),
}


def test_the_lattice_stands_over_its_letters_and_its_tree_is_larger_and_thicker() -> None:
    chart = lattice_chart(["a", "<b>"], PLACES, LEVELS, LINES, **PART)
    assert json.loads(json.dumps(chart, allow_nan=False)) == chart
    series = chart["series"][0]
    assert [point["value"] for point in series["data"]] == [[0, 0], [1, 0], [1, 1]]
    assert [(link["source"], link["target"]) for link in series["links"]] == [(0, 2), (1, 2)]
    sizes = [point["symbolSize"] for point in series["data"]]
    assert sizes[0] < sizes[1] == sizes[2]
    assert series["links"][1]["lineStyle"]["width"] > series["lineStyle"]["width"]
    assert chart["xAxis"]["data"] == ["a", "<b>"]
    assert chart["yAxis"]["data"] == ["letters", "level 1\n1 apart"]
    assert len({point["name"] for point in series["data"]}) == 3


@pytest.mark.parametrize("wrong", [{"in_tree": np.array([True])}, {"line_in_tree": np.array([True])}])
def test_marks_that_do_not_fit_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="Expected 3 levels and marks of points and 2 marks of lines"):
        lattice_chart(["a", "b"], PLACES, LEVELS, LINES, **(PART | wrong))


def test_bars_of_the_second_way_are_striped_and_every_layer_has_one_of_each() -> None:
    chart = work_chart(["level 1", "scores"], {"tree": [8, 2], "convolution": [4, 2]}, "multiply-adds")
    assert [series["data"] for series in chart["series"]] == [[8, 2], [4, 2]]
    assert "itemStyle" not in chart["series"][0]
    assert chart["series"][1]["itemStyle"]["decal"]
    assert chart["yAxis"]["name"] == "multiply-adds"
    with pytest.raises(ValueError, match="tree: expected one number for each of 2 layers, got 1"):
        work_chart(["level 1", "scores"], {"tree": [8]}, "multiply-adds")
