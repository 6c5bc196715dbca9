"""The block page's charts hold the numbers they are given, and refuse shapes that do not fit."""

from __future__ import annotations

import numpy as np
import pytest

from explorer.figures.block import (
    activation_chart,
    depth_chart,
    ladder_chart,
    share_chart,
    share_height,
    stacked_stream_chart,
)

PARTS, STAGES = ("token", "position", "attention 0"), ("start", "attention 0")
ALONG = np.array([[1.0, 2.0, 0.0], [0.5, 2.0, -1.0]])


def test_a_pile_adds_up_to_the_streams_length() -> None:
    option = stacked_stream_chart(PARTS, STAGES, ALONG, ALONG.sum(axis=1))
    *bars, line = option["series"]
    assert [bar["name"] for bar in bars] == list(PARTS)
    assert {bar["stack"] for bar in bars} == {"stream"}
    np.testing.assert_allclose(np.sum([bar["data"] for bar in bars], axis=0), line["data"])
    assert option["xAxis"]["data"] == ["start", "A0"]
    assert "decal" in bars[1]["itemStyle"]  # neighbours differ without colour too


def test_a_part_that_is_nothing_everywhere_has_no_bar() -> None:
    names = [s["name"] for s in stacked_stream_chart(PARTS, STAGES, ALONG * [1, 0, 1], np.ones(2))["series"]]
    assert names == ["token", "attention 0", "stream"]


def test_shares_are_in_percent_beside_the_lengths() -> None:
    lengths, shares = share_chart(PARTS, np.array([1.0, 2.0, 3.0]), np.array([0.5, 0.75, -0.25]))["series"]
    assert lengths["data"] == [1, 2, 3]
    assert shares["data"] == [50, 75, -25]
    assert share_height(20) > share_height(3)


def test_a_gradient_of_nothing_is_a_gap_on_a_logarithmic_axis_and_a_point_on_a_plain_one() -> None:
    values = {"yours": np.array([0.0, 0.5, np.nan])}
    assert [y for _, y in depth_chart(values, "y")["series"][0]["data"]] == [None, 0.5, None]
    assert [y for _, y in depth_chart(values, "y", logarithmic=False)["series"][0]["data"]] == [0, 0.5, None]
    assert depth_chart(values, "y")["xAxis"]["max"] == 2


def test_activation_curves_differ_in_their_dashes_and_mark_the_point() -> None:
    x = np.linspace(-1, 1, 5)
    series = activation_chart({"a": x, "b": x**2}, x, "value", at=0.5)["series"]
    assert [s["lineStyle"]["type"] for s in series] == ["solid", "dashed"]
    assert series[0]["markLine"]["data"] == [{"xAxis": 0.5}]


def test_the_ladders_axis_says_where_it_begins_and_holds_every_loss() -> None:
    option = ladder_chart(("a", "b"), np.array([2.4, 2.02]), np.array([2.3, 1.93]), (2.4, None))
    assert option["xAxis"]["min"] == 1.9
    assert "1.9" in option["xAxis"]["name"]
    assert option["series"][2]["data"] == [[2.4, 0]]


def test_shapes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="2 stages × 3 parts"):
        stacked_stream_chart(PARTS, STAGES, ALONG.T, np.ones(2))
    with pytest.raises(ValueError, match="3 lengths"):
        share_chart(PARTS, np.ones(2), np.ones(3))
    with pytest.raises(ValueError, match="one a point"):
        activation_chart({"a": np.ones(3)}, np.ones(4), "y", at=0)
    with pytest.raises(ValueError, match="Expected 1 losses"):
        ladder_chart(("a",), np.ones(2), np.ones(2), (None,))
