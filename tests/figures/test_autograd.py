"""The layout of a graph and the decision surface."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from explorer.figures.autograd import boundary_segments, graph_layout, surface_chart

# A chain 0 → 2 → 3 → 4 with a line from 1 to 2 and one from 0 straight to 4.
SOURCES, TARGETS = [0, 1, 2, 3, 0], [2, 2, 3, 4, 4]


def test_every_result_lies_right_of_its_operands_and_an_input_right_before_its_use() -> None:
    layout = graph_layout(5, SOURCES, TARGETS)
    assert layout.columns.tolist() == [0, 0, 1, 2, 3]
    late = graph_layout(4, [0, 1, 2], [1, 3, 3])
    assert late.columns.tolist() == [0, 1, 1, 2]


def test_no_two_boxes_overlap_and_long_lines_keep_clear_of_them() -> None:
    layout = graph_layout(5, SOURCES, TARGETS)
    for column in set(layout.columns.tolist()):
        rows = sorted(layout.rows[layout.columns == column].tolist())
        assert all(b - a >= 0.999 for a, b in pairwise(rows))
    long = layout.paths[4]
    assert [column for column, _ in long] == [0, 1, 2, 3]
    for column, row in long[1:-1]:
        boxes = layout.rows[layout.columns == column]
        assert np.abs(boxes - row).min() > 0.7


def test_an_edge_backward_is_refused() -> None:
    with pytest.raises(ValueError, match="lower to a higher number below 2"):
        graph_layout(2, [1], [0])


def test_the_boundary_runs_where_the_score_is_zero() -> None:
    x = -1 + (np.arange(20) + 0.5) * 0.1
    scores = np.tile(x - 0.3, (10, 1))  # zero on the line x = 0.3
    segments = boundary_segments(scores, (-1, 1, 0, 1))
    assert len(segments) == 9
    assert all(px == pytest.approx(0.3, abs=1e-3) for segment in segments for px, _ in segment)


def test_the_chart_holds_every_cell_and_every_point_in_its_class() -> None:
    scores = np.array([[-5.0, 0.5], [1.0, np.nan]])
    points, classes = np.array([[0.0, 0.1], [0.5, 0.6], [0.2, 0.2]]), np.array([-1, 1, 1])
    chart = surface_chart(scores, points, classes, (0, 1, 0, 1))
    heat, _, minus, plus = chart["series"]
    assert heat["data"] == [[0, 0, -1.0], [1, 0, 0.46], [0, 1, 0.76], [1, 1, 0.0]]
    assert minus["data"] == [[0.0, 0.1]]
    assert len(plus["data"]) == 2
    assert minus["symbol"] != plus["symbol"]


def test_points_without_a_class_each_are_refused() -> None:
    with pytest.raises(ValueError, match="one point"):
        surface_chart(np.zeros((2, 2)), np.zeros((3, 2)), np.ones(2), (0, 1, 0, 1))
