"""The charts of a run's snapshots: one place a snapshot, one cursor through all panels."""

from __future__ import annotations

import numpy as np
import pytest

from explorer.figures.learning import learning_losses_chart, learning_scores_chart

STEPS = [0, 10, 1000]
LOSSES = {"held-out": [4.0, 3.0, 2.0], "training": [4.1, 3.1, 1.9]}
COPYING = {"second time": [4.0, 4.0, 1.0], "first time": [4.0, 4.2, 4.3]}
SCORES = {
    "previous token": np.array([[[0.1, 0.2]], [[0.3, 0.2]], [[0.9, 0.2]]]),
    "induction": np.array([[[0.0, 0.1]], [[0.0, np.nan]], [[0.1, 0.8]]]),
}


def test_losses_stand_at_their_snapshots_in_two_panels_with_the_cursor_in_both() -> None:
    chart = learning_losses_chart(STEPS, LOSSES, COPYING, even=4.14, cursor=1)
    assert [axis["data"] for axis in chart["xAxis"]] == [["0", "10", "1,000"]] * 2
    lines = {s["name"]: s for s in chart["series"] if s["data"]}
    assert {name: line["data"] for name, line in lines.items()} == LOSSES | COPYING
    assert [lines[name]["yAxisIndex"] for name in (*LOSSES, *COPYING)] == [0, 0, 1, 1]
    cursors = [s for s in chart["series"] if s["name"] == "snapshot"]
    assert [(s["xAxisIndex"], s["markLine"]["data"]) for s in cursors] == [(0, [{"xAxis": 1}]), (1, [{"xAxis": 1}])]
    assert lines["second time"]["markLine"]["data"][0]["yAxis"] == 4.14


def test_a_head_that_reaches_a_behaviour_is_named_in_its_panel_only() -> None:
    chart = learning_scores_chart(STEPS, SCORES, cursor=2, named_from=0.4)
    named = [(s["name"], s["yAxisIndex"]) for s in chart["series"] if "endLabel" in s]
    assert named == [("head 0.0", 0), ("head 0.1", 1)]
    assert [s["data"] for s in chart["series"] if s["name"] == "head 0.1"] == [[0.2, 0.2, 0.2], [0.1, None, 0.8]]
    assert all(axis["max"] == 1 for axis in chart["yAxis"])


@pytest.mark.parametrize("cursor", [-1, 3])
def test_a_cursor_that_is_no_snapshot_is_refused(cursor: int) -> None:
    with pytest.raises(ValueError, match="one of 3 snapshots"):
        learning_losses_chart(STEPS, LOSSES, COPYING, even=4.14, cursor=cursor)


def test_other_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="each of 3 snapshots"):
        learning_losses_chart(STEPS, LOSSES | {"training": [1.0]}, COPYING, even=4.14, cursor=0)
    with pytest.raises(ValueError, match="snapshots × layers × heads"):
        learning_scores_chart(STEPS, SCORES | {"first": np.zeros((3, 2))}, cursor=0, named_from=0.4)
    with pytest.raises(ValueError, match="each of 3 snapshots"):
        learning_scores_chart(STEPS, {"first": np.zeros((2, 1, 2))}, cursor=0, named_from=0.4)
