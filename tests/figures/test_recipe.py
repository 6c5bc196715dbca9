"""The chart of a recipe taken apart, as data."""

import numpy as np
import pytest

from explorer.figures.recipe import changes_chart


def test_the_costliest_change_is_on_top_and_every_seed_has_its_mark() -> None:
    chart = changes_chart(["small", "large"], np.array([[0.01, 0.03], [0.2, 0.1]]))
    bars, marks = chart["series"]
    assert chart["yAxis"]["data"] == ["large", "small"]
    assert bars["data"] == [0.15, 0.02]
    assert marks["data"] == [[0.2, 0], [0.1, 0], [0.01, 1], [0.03, 1]]


@pytest.mark.parametrize("shape", [(3, 2), (2,), (2, 0)])
def test_other_shapes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="each of 2 changes"):
        changes_chart(["a", "b"], np.zeros(shape))
