"""The charts of the energy models: what they hold, and the shapes they refuse."""

from __future__ import annotations

import numpy as np
import pytest

from explorer.figures.energy import (
    accuracy_chart,
    capacity_chart,
    curves_chart,
    distribution_chart,
    energy_chart,
    histogram_chart,
    overlap_chart,
)


def test_the_energy_line_goes_on_to_the_last_update_and_marks_the_shown_state() -> None:
    chart = energy_chart(np.array([0, 3]), np.array([-1.0, -2.0]), 10, 1, jumps=False)
    (line,) = chart["series"]
    assert line["data"] == [[0, -1.0], [3, -2.0], [10, -2.0]]
    assert line["markPoint"]["data"] == [{"coord": [3, -2.0]}]
    assert line["step"] == "end"


def test_the_capacity_chart_marks_the_load_where_theory_puts_the_collapse() -> None:
    curve = (np.array([0.1, 0.2]), np.array([1.0, 0.3]))
    chart = capacity_chart({"recalled": curve}, 0.138, 200)
    assert chart["series"][0]["markLine"]["data"] == [{"xAxis": 0.138}]
    assert chart["series"][0]["data"] == [[0.1, 1.0], [0.2, 0.3]]


def test_two_distributions_are_told_apart_by_stripes_too() -> None:
    first, second = distribution_chart(["0", "1"], np.array([0.4, 0.6]), np.array([0.5, 0.5]), ("a", "b"))["series"]
    assert first["data"] == [0.4, 0.6]
    assert "decal" in second["itemStyle"]
    assert "decal" not in first["itemStyle"]


def test_a_histogram_names_bins_by_their_middles() -> None:
    chart = histogram_chart(np.array([0.0, 10, 20]), {"x": np.array([1, 2])}, "F")
    assert chart["xAxis"]["data"] == ["5", "15"]
    assert chart["series"][0]["data"] == [1, 2]


def test_curves_may_have_a_logarithmic_axis_and_levels() -> None:
    chart = curves_chart({"d": [(10, 0.5), (20, 0.2)]}, x="n", y="d", end=20, logarithmic=True, levels={"goal": 0.1})
    assert chart["xAxis"]["type"] == "log"
    assert chart["series"][0]["markLine"]["data"] == [{"yAxis": 0.1, "name": "goal"}]


def test_accuracies_are_written_beside_their_bars() -> None:
    bars = accuracy_chart(["raw", "features"], [0.9, 0.95])["series"][0]["data"]
    assert [bar["label"]["formatter"] for bar in bars] == ["90.0%", "95.0%"]


def test_shapes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="one overlap for each of 2 patterns"):
        overlap_chart(["a", "b"], np.zeros(3))
    with pytest.raises(ValueError, match="share for each of 1 states"):
        distribution_chart(["0"], np.zeros(2), np.zeros(2), ("a", "b"))
    with pytest.raises(ValueError, match="one energy an update"):
        energy_chart(np.zeros(2), np.zeros(3), 1, 0, jumps=True)
