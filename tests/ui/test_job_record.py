"""What a run leaves behind: a history that covers all of it in bounded room, and its pace."""

from __future__ import annotations

from itertools import pairwise

import pytest

from explorer.ui.job_record import Pace, ThinnedHistory
from tests.ui.scripts.countdown import Progress


def test_a_long_history_is_thinned_evenly_and_keeps_both_ends() -> None:
    record: ThinnedHistory[Progress] = ThinnedHistory(limit=50)
    for step in range(1, 10_001):
        record.append(Progress(step, 10_000, 0.0))
        entries = record.since(0)
        assert len(entries) <= 50
        assert (entries[0].step, entries[-1].step) == (1, step)
    gaps = {after.step - before.step for before, after in pairwise(record.since(0)[:-1])}
    assert len(gaps) == 1
    assert len(entries) > 25


def test_a_history_without_room_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 3 entries"):
        ThinnedHistory[Progress](limit=2)


def test_pace_counts_work_only_and_not_the_making_of_the_model() -> None:
    pace = Pace()
    pace.add(1, seconds=30.0)
    assert pace.steps_per_second is None
    for step in range(2, 102):
        pace.add(step, seconds=0.1)
    assert pace.steps_per_second == pytest.approx(10)
