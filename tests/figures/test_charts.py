"""Charts hold the numbers they are given, in order, on titled axes, and refuse numbers that do not fit."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from explorer.figures.bigram import row_chart
from explorer.figures.loss import loss_chart
from explorer.figures.sampling import next_token_chart

LABELS = ["a", "b", "c", "d"]
P = np.array([0.1, 0.6, 0.05, 0.25])


def numbers(series: dict[str, Any]) -> list[Any]:
    return [item["value"] for item in series["data"]]


def titles(chart: dict[str, Any]) -> set[str]:
    axes = [axis for side in ("xAxis", "yAxis") for axis in np.atleast_1d(chart[side]).tolist()]
    return {axis.get("name", "") for axis in axes} - {""}


@pytest.mark.parametrize(
    "make",
    [
        lambda: row_chart(P[:3], LABELS),
        lambda: row_chart(P[None], LABELS),
        lambda: next_token_chart(P[:3], LABELS),
        lambda: next_token_chart(P, LABELS, changed=P[:3]),
    ],
)
def test_numbers_that_do_not_fit_the_labels_are_refused_with_both_sizes(make: Any) -> None:
    with pytest.raises(ValueError, match=r"each of 4 labels, got \(\d"):
        make()


@pytest.mark.parametrize(
    "chart",
    [
        row_chart(P, LABELS, chosen=1, pointer=0.3),
        next_token_chart(P, LABELS, changed=P[::-1]),
        loss_chart({"descent": [(1, 3.0)]}, {"counting": 2.5}, steps=10),
    ],
)
def test_a_chart_is_plain_json_without_animation_and_with_a_button_that_saves_it(chart: dict[str, Any]) -> None:
    assert json.loads(json.dumps(chart, allow_nan=False)) == chart
    assert chart["animation"] is False
    assert "saveAsImage" in chart["toolbox"]["feature"]


def test_a_row_has_its_probabilities_and_their_running_sum_under_each_other() -> None:
    chart = row_chart(P, LABELS, chosen=1, pointer=0.3)
    above, below = chart["series"]
    assert numbers(above) == P.tolist()
    assert below["data"] == pytest.approx(P.cumsum().tolist())
    assert titles(chart) == {"next token", "probability", "running sum"}
    assert (chart["yAxis"][1]["min"], chart["yAxis"][1]["max"]) == (0, 1)
    assert chart["yAxis"][0]["min"] == 0


def test_the_pointer_lies_on_the_step_of_the_token_it_chose() -> None:
    below = row_chart(P, LABELS, chosen=1, pointer=0.3)["series"][1]
    assert below["markLine"]["data"] == [{"yAxis": 0.3}]
    assert below["markPoint"]["data"] == [{"coord": [1, 0.3]}]
    assert below["data"][0] <= 0.3 < below["data"][1]


def test_without_a_pointer_there_is_no_mark_on_the_staircase() -> None:
    assert not {"markLine", "markPoint"} & set(row_chart(P, LABELS, chosen=1)["series"][1])


def test_only_the_chosen_bar_is_striped() -> None:
    striped = ["itemStyle" in bar for bar in row_chart(P, LABELS, chosen=2)["series"][0]["data"]]
    assert striped == [False, False, True, False]


def test_next_tokens_are_the_likeliest_and_one_bar_for_all_others() -> None:
    chart = next_token_chart(P, LABELS, top=2)
    assert chart["yAxis"]["data"] == ["b", "d", "2 others"]
    assert numbers(chart["series"][0]) == pytest.approx([0.6, 0.25, 0.15])
    assert [bar["label"]["formatter"] for bar in chart["series"][0]["data"]] == ["60.0%", "25.0%", "15.0%"]
    assert chart["xAxis"]["min"] == 0
    assert chart["xAxis"]["name"] == "probability of coming next"


def test_where_all_tokens_have_a_bar_there_are_no_others() -> None:
    chart = next_token_chart(P, LABELS)
    assert chart["yAxis"]["data"] == ["b", "d", "a", "c"]
    assert sum(numbers(chart["series"][0])) == pytest.approx(1)


def test_a_token_that_became_likely_is_among_the_bars_of_both_series() -> None:
    changed = np.array([0.05, 0.05, 0.85, 0.05])
    chart = next_token_chart(P, LABELS, changed=changed, top=2)
    assert chart["yAxis"]["data"] == ["c", "b", "2 others"]
    before, after = chart["series"]
    assert numbers(before) == pytest.approx([0.05, 0.6, 0.35])
    assert numbers(after) == pytest.approx([0.85, 0.05, 0.1])
    assert "decal" in after["itemStyle"]
    assert "decal" not in before["itemStyle"]
    assert chart["legend"]["show"]


def test_a_share_too_small_for_its_decimals_does_not_read_as_zero() -> None:
    tiny = np.array([0.9998, 0.0002, 0, 0])
    texts = [bar["label"]["formatter"] for bar in next_token_chart(tiny, LABELS)["series"][0]["data"]]
    assert texts[:2] == ["100.0%", "<0.1%"]


def test_the_loss_axis_is_pinned_to_all_steps_and_levels_are_named_with_their_numbers() -> None:
    chart = loss_chart({"gradient descent": [(1, 4.2), (2, 3.9)]}, {"counting reaches": 2.4540}, steps=300)
    assert (chart["xAxis"]["min"], chart["xAxis"]["max"]) == (0, 300)
    assert titles(chart) == {"step", "loss (nats)"}
    (line,) = chart["series"]
    assert line["data"] == [[1, 4.2], [2, 3.9]]
    assert line["markLine"]["data"] == [{"yAxis": 2.4540, "name": "counting reaches 2.4540"}]
    assert chart["yAxis"]["min"] <= 2.4540


def test_a_loss_chart_without_a_curve_yet_is_empty_and_keeps_its_axes() -> None:
    chart = loss_chart({}, {"counting": 2.0}, steps=5)
    assert chart["series"] == []
    assert chart["xAxis"]["max"] == 5
