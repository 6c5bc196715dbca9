"""The compression chart holds the numbers it is given on titled axes, and refuses those that do not fit."""

from __future__ import annotations

import json

import numpy as np
import pytest

from explorer.figures.tokenizers import compression_chart

MERGES = np.array([0, 4, 8])
CURVE = np.array([1.0, 1.2, 1.3])


def test_the_chart_holds_both_curves_over_the_size_of_the_table() -> None:
    chart = compression_chart(MERGES, CURVE, CURVE - 0.1, (256 + MERGES) * 64)
    held_out, learned_from, table = chart["series"]
    assert held_out["data"] == [[0, 0.9], [4, 1.1], [8, 1.2]]
    assert learned_from["data"] == [[0, 1.0], [4, 1.2], [8, 1.3]]
    assert table["data"] == [[0, 16384], [4, 16640], [8, 16896]]
    assert [axis["name"] for axis in chart["yAxis"]] == ["bytes per token", "numbers in the token table"]
    assert chart["xAxis"][1]["name"] == "merges"
    assert [axis["max"] for axis in chart["xAxis"]] == [8, 8]
    assert json.loads(json.dumps(chart, allow_nan=False)) == chart


def test_lines_are_told_apart_without_colour() -> None:
    chart = compression_chart(MERGES, CURVE, CURVE, MERGES)
    assert len({series["lineStyle"].get("type", "solid") for series in chart["series"]}) == 3


def test_an_unknown_curve_has_no_points() -> None:
    chart = compression_chart(MERGES, CURVE, np.full(3, np.nan), MERGES)
    assert chart["series"][0]["data"] == []


@pytest.mark.parametrize(
    "rows",
    [
        (MERGES, CURVE, CURVE[:2], MERGES),
        (MERGES[:0], CURVE[:0], CURVE[:0], MERGES[:0]),
        (MERGES[None], CURVE[None], CURVE[None], MERGES[None]),
    ],
)
def test_rows_that_do_not_fit_are_refused(rows: tuple[np.ndarray, ...]) -> None:
    with pytest.raises(ValueError, match="four rows of one length"):
        compression_chart(*rows)
