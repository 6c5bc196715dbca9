"""The encoder–decoders' charts carry the numbers they are given, and tell the models apart without colour."""

from __future__ import annotations

import json

import pytest

from explorer.figures.seq2seq import accuracy_chart, losses_chart


def test_accuracies_are_percent_at_their_lengths_and_the_trained_length_is_marked() -> None:
    chart = accuracy_chart((1, 5, 9), {"fixed": (1.0, 0.5, 0.005), "attention": (1.0, 1.0, 0.9)}, trained=5)
    fixed, attention = chart["series"]
    assert fixed["data"] == [[1, 100], [5, 50], [9, 0.5]]
    assert attention["data"][2] == [9, 90]
    assert fixed["markLine"]["data"] == [{"xAxis": 5}]
    assert (chart["yAxis"]["min"], chart["yAxis"]["max"], chart["xAxis"]["max"]) == (0, 100, 9)
    assert fixed["lineStyle"]["type"] != attention["lineStyle"]["type"]
    assert fixed["symbol"] != attention["symbol"]
    json.dumps(chart)


def test_a_share_too_few_is_refused() -> None:
    with pytest.raises(ValueError, match="fixed: expected a share for each of 3 lengths, got 2"):
        accuracy_chart((1, 2, 3), {"fixed": (1.0, 0.5)}, trained=1)


def test_both_losses_are_drawn_with_a_cursor_that_the_legend_leaves_out() -> None:
    chart = losses_chart({"fixed": [(1, 3.0)], "attention": [(1, 2.0)]}, {"even": 3.3}, steps=10, cursor=4)
    assert [s["data"] for s in chart["series"]] == [[[1, 3.0]], [[1, 2.0]], []]
    assert chart["series"][2]["markLine"]["data"] == [{"xAxis": 4}]
    assert chart["legend"]["data"] == ["fixed", "attention"]
    assert chart["series"][0]["lineStyle"]["type"] != chart["series"][1]["lineStyle"]["type"]
    json.dumps(chart)
