"""The workbench's charts hold the numbers they were given, and tell series apart by more than colour."""

from __future__ import annotations

import math

import pytest

from explorer.figures.workbench import MOST_OVERLAID, measure_chart, overlay_chart, run_chart


def test_a_run_has_its_held_out_losses_and_in_fine_tuning_the_old_texts_beside_them() -> None:
    alone = run_chart([(1, 3.0)], [(0, 4.0), (5, 3.0)], [], {"ln V": 4.1}, steps=10)
    assert [s["name"] for s in alone["series"]] == ["held out", "single batches"]
    both = run_chart([(1, 3.0)], [(0, 4.0)], [(0, 1.5), (5, 2.5)], {}, steps=10)
    new, old, _ = both["series"]
    assert old["data"] == [[0, 1.5], [5, 2.5]]
    assert new["symbol"] != old["symbol"]
    assert old["lineStyle"]["type"] == "dashed"
    assert both["xAxis"]["max"] == 10


def test_a_logarithmic_axis_leaves_out_what_it_has_no_place_for() -> None:
    points = [(1, 0.5), (2, 0.0), (3, math.nan), (4, 2.0)]
    logarithmic = measure_chart(points, "gradient norm", steps=4, logarithmic=True)
    assert logarithmic["series"][0]["data"] == [[1, 0.5], [4, 2.0]]
    assert logarithmic["yAxis"]["type"] == "log"
    assert measure_chart(points, "x", steps=4)["series"][0]["data"] == [[1, 0.5], [2, 0.0], [4, 2.0]]


def test_pinned_runs_share_one_axis_and_each_has_a_symbol_of_its_own() -> None:
    runs = {f"run {i}": [(0, 4.0), (100 * i, 3.0 - i / 10)] for i in range(1, MOST_OVERLAID + 1)}
    chart = overlay_chart(runs)
    assert len({s["symbol"] for s in chart["series"]}) == MOST_OVERLAID
    assert chart["xAxis"]["max"] == 100 * MOST_OVERLAID
    with pytest.raises(ValueError, match="At most 6 runs fit on one axis, got 7"):
        overlay_chart({**runs, "one more": []})
