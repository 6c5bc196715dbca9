"""The charts of a GPT taken apart, read back as data."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from explorer.figures.gpt_analysis import (
    contribution_chart,
    cost_treemap,
    ranking_chart,
    stream_chart,
    top_tokens_chart,
)


def values(series: dict[str, Any]) -> list[float]:
    return [item["value"] for item in series["data"]]


def test_parts_are_ranked_and_sublayers_are_striped() -> None:
    chart = ranking_chart(["a", "b", "c"], np.array([0.1, 2.0, -0.3]), [False, True, False], unit="nats")
    assert chart["xAxis"]["data"] == ["b", "a", "c"]
    heads, sublayers = chart["series"]
    assert heads["data"] == ["-", 0.1, -0.3]
    assert sublayers["data"] == [2.0, "-", "-"]
    assert sublayers["itemStyle"]["decal"]
    assert not heads["itemStyle"]


def test_contributions_add_up_to_the_bar_called_sum() -> None:
    logits = np.array([0.5, -2.0, 0.25, 1.0])
    chart = contribution_chart(list("abcd"), logits, name="logits", top=2)
    assert chart["yAxis"]["data"] == ["d", "b", "2 others", "sum"]
    drawn = values(chart["series"][0])
    assert drawn == [1.0, -2.0, 0.75, -0.25]
    assert sum(drawn[:-1]) == pytest.approx(drawn[-1])
    assert chart["series"][0]["data"][1]["label"] == {"formatter": "−2.00", "position": "left"}


def test_the_token_that_really_follows_is_striped_and_all_others_are_one_bar() -> None:
    chart = top_tokens_chart(["x", "y"], np.array([0.5, 0.2]), actual=1, others=50_255)
    assert chart["yAxis"]["data"] == ["x", "y", "50,255 others"]
    assert values(chart["series"][0]) == pytest.approx([0.5, 0.2, 0.3])
    assert "decal" in chart["series"][0]["data"][1]["itemStyle"]
    assert "itemStyle" not in chart["series"][0]["data"][0]


def test_a_path_runs_from_the_start_to_the_depth_and_breaks_between_tokens() -> None:
    places = np.arange(12, dtype=float).reshape(3, 2, 2)  # three depths, two tokens
    chart = stream_chart(places, ["a", "b"], np.array([0.6, 0.3]), depth=1)
    path, tokens = chart["series"]
    assert path["data"] == [[0, 1], [4, 5], [None, None], [2, 3], [6, 7], [None, None]]
    assert [token["value"] for token in tokens["data"]] == [[4, 5], [6, 7]]
    assert "60% of the variance" in chart["xAxis"]["name"]


def test_the_axes_stay_where_they_are_when_the_depth_changes() -> None:
    places = np.random.default_rng(0).normal(size=(4, 3, 2))
    first, last = (stream_chart(places, list("abc"), np.array([0.6, 0.3]), depth=d) for d in (0, 3))
    assert first["xAxis"] == last["xAxis"]
    assert first["yAxis"] == last["yAxis"]
    assert first["xAxis"]["min"] < places[:, :, 0].min()


def test_a_treemap_holds_every_group_with_its_words_and_no_box_of_nothing() -> None:
    groups = [
        {"name": "tied", "value": 0, "text": "0"},
        {"name": "small", "value": 1, "text": "one"},
        {"name": "large", "value": 5, "text": "five", "children": [{"name": "leaf", "value": 5, "text": "five"}]},
    ]
    [series] = cost_treemap("numbers", groups)["series"]
    assert [box["name"] for box in series["data"]] == ["large", "small"]
    assert series["data"][0]["children"][0]["value"] == 5
    assert series["data"][0]["upperLabel"]["formatter"] == "large: five"
    assert series["nodeClick"] == "zoomToNode"


def test_other_shapes_are_refused_in_a_sentence() -> None:
    with pytest.raises(ValueError, match="each of 2 parts"):
        ranking_chart(["a", "b"], np.zeros(3), [True, False], unit="")
    with pytest.raises(ValueError, match="each of 2 parts"):
        contribution_chart(["a", "b"], np.zeros(3), name="")
    with pytest.raises(ValueError, match="each of 2 tokens"):
        top_tokens_chart(["a", "b"], np.zeros(3), actual=None, others=0)
    with pytest.raises(ValueError, match="places of 2 tokens"):
        stream_chart(np.zeros((3, 1, 2)), ["a", "b"], np.zeros(2), depth=0)
    with pytest.raises(ValueError, match="no depth 3"):
        stream_chart(np.zeros((3, 1, 2)), ["a"], np.zeros(2), depth=3)
    with pytest.raises(ValueError, match="got none"):
        cost_treemap("numbers", [{"name": "tied", "value": 0, "text": "0"}])
    with pytest.raises(ValueError, match="finite"):
        contribution_chart(["a"], np.array([np.nan]), name="")
