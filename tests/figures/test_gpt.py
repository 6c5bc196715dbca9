"""The charts of GPT inside: the numbers they hold, and what they refuse."""

from __future__ import annotations

import numpy as np
import pytest

from explorer.figures.gpt import channel_chart, pushed_chart, pushed_height


def test_a_dot_product_is_drawn_channel_by_channel_with_its_sum_so_far() -> None:
    bars, line = channel_chart(np.array([2.0, -0.5, 1.0]))["series"]
    assert bars["data"] == [2.0, -0.5, 1.0]
    assert line["data"] == [2.0, 1.5, 2.5]


def test_raised_tokens_come_as_given_and_lowered_ones_are_striped() -> None:
    option = pushed_chart(["a", "␣", "b"], np.array([1.5, 0.0, -2.0]))
    (series,) = option["series"]
    assert option["yAxis"]["data"] == ["a", "␣", "b"]
    assert [bar["value"] for bar in series["data"]] == [1.5, 0.0, -2.0]
    assert ["decal" in bar.get("itemStyle", {}) for bar in series["data"]] == [False, False, True]
    assert [bar["label"]["formatter"] for bar in series["data"]] == ["+1.50", "+0.00", "-2.00"]
    assert option["xAxis"]["min"] == -option["xAxis"]["max"] < -2.0
    assert pushed_height(16) > pushed_height(3)


def test_pushes_of_nothing_at_all_still_have_an_axis() -> None:
    assert pushed_chart(["a"], np.zeros(1))["xAxis"]["max"] > 0


def test_other_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match=r"one product for each channel, got shape \(2, 2\)"):
        channel_chart(np.ones((2, 2)))
    with pytest.raises(ValueError, match="Expected one number for each of 2 tokens"):
        pushed_chart(["a", "b"], np.ones(3))
