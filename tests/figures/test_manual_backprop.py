"""The graph's places, the pull on the logits, and the two losses."""

from __future__ import annotations

import numpy as np
import pytest

from explorer.figures.manual_backprop import COLUMNS, EDGES, PLACES, pull_chart, twin_losses_chart


def test_every_tensor_has_a_place_of_its_own_inside_the_grid() -> None:
    assert len(set(PLACES.values())) == len(PLACES)
    assert all(band in (0, 1) and 0 <= column < COLUMNS and lane in (0, 1, 2) for band, column, lane in PLACES.values())


def test_every_line_leads_forward_and_all_but_the_loss_lead_on() -> None:
    assert {name for edge in EDGES for name in edge} == set(PLACES)
    assert {source for source, _ in EDGES} == set(PLACES) - {"loss"}
    assert all(PLACES[source][:2] <= PLACES[target][:2] for source, target in EDGES)


def test_no_straight_line_passes_through_a_box() -> None:
    taken = {(band, column, lane): name for name, (band, column, lane) in PLACES.items()}
    for source, target in EDGES:
        (band, x0, y0), (other, x1, y1) = PLACES[source], PLACES[target]
        if band == other and y0 == y1:
            assert not [taken[band, x, y0] for x in range(min(x0, x1) + 1, max(x0, x1)) if (band, x, y0) in taken]
        elif band == other and x0 == x1:
            assert abs(y0 - y1) == 1


def test_the_pulls_of_an_example_balance_and_the_target_is_striped() -> None:
    chart = pull_chart(np.array([0.2, 0.5, 0.3]), 1, ["a", "b", "c"])
    bars = chart["series"][0]["data"]
    assert [bar["value"] for bar in bars] == [-0.2, 0.5, -0.3]
    assert [("itemStyle" in bar) for bar in bars] == [False, True, False]
    assert chart["yAxis"]["min"] == -0.5
    assert pull_chart(np.array([0.9, 0.1]), 1, ["a", "b"])["yAxis"]["min"] == -1


@pytest.mark.parametrize(("n", "target"), [(2, 0), (3, 3), (3, -1)])
def test_labels_and_target_that_do_not_fit_are_refused(n: int, target: int) -> None:
    with pytest.raises(ValueError, match="Expected a probability"):
        pull_chart(np.full(3, 1 / 3), target, ["x"] * n)


def test_the_twins_line_is_dashed_upon_a_wide_one() -> None:
    chart = twin_losses_chart([(1, 3.0), (2, 2.5)], [(1, 3.0), (2, 2.5)], 3.3, steps=10)
    ours, theirs = chart["series"]
    assert ours["lineStyle"]["width"] > theirs["lineStyle"]["width"]
    assert "type" in theirs["lineStyle"]
    assert len(twin_losses_chart([(1, 3.0)], [], 3.3, steps=10)["series"]) == 1
