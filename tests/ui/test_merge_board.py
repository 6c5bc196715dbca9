"""`merge_board` refuses what does not fit together, and tells the visitor's setting from the page's."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
import streamlit as st
from hypothesis import given
from hypothesis import strategies as some

from explorer.ui.components.coloured_tokens import TokenPanel
from explorer.ui.components.merge_board import (
    BoardSetting,
    LearnedMerges,
    MergeStep,
    MergeSteps,
    Shares,
    TypedText,
    merge_board,
    setting_of,
)

LEARNED = LearnedMerges([(97, 97, 2)], [*map(chr, range(256)), "aa"], [200])
TYPED = TypedText([256, 98], 3, [3, 2], [256, 98])
STEPS = MergeSteps(0, [MergeStep([], Shares(1, 2, [(0, 2, 1)]), 0)], ["aa"], [[256, 98]])
PASSED = BoardSetting(1, turn=4)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"learned": replace(LEARNED, labels=["a"])}, "257 tokens, got 1"),
        ({"learned": replace(LEARNED, boxes=["a"])}, "boxes"),
        ({"typed": replace(TYPED, counts=[3])}, "from 0 to 1, got 1"),
        ({"steps": replace(STEPS, excerpts=[])}, "below 0"),
        ({"panels": [(TokenPanel("Words", "", []), [])]}, "None once"),
        ({"passed": BoardSetting(2)}, "0 to 1, got 2"),
    ],
)
def test_what_does_not_fit_together_is_refused(change: dict[str, Any], says: str) -> None:
    fitting = {"learned": LEARNED, "typed": TYPED, "steps": STEPS, "panels": [None], "passed": PASSED}
    with pytest.raises(ValueError, match=says):
        merge_board(**{**fitting, **change}, key="board", alt="a text")


def test_the_steps_that_are_sent_hold_rivals_shares_and_the_number_of_the_excerpt() -> None:
    sent = json.loads(STEPS.as_json)
    assert sent["list"] == [[[], {"pieces": 1, "total": 2, "largest": [[0, 2, 1]]}, 0]]
    assert sent["excerpts"] == [[256, 98]]


def heard(monkeypatch: pytest.MonkeyPatch, event: Any) -> BoardSetting:
    monkeypatch.setattr(st, "session_state", {"board": {"event": event}})
    return setting_of("board", PASSED, 10, 3)


def test_a_move_made_after_the_page_passed_its_setting_counts_and_an_older_one_does_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    event = {"merges": 7, "panel": 2, "byte": 5, "on": 1, "opened": [7, 2], "turn": 5}
    assert heard(monkeypatch, event) == BoardSetting(7, 2, 5, True, (7, 2), 5)
    assert heard(monkeypatch, {**event, "turn": 4}) is PASSED
    assert heard(monkeypatch, {**event, "merges": 99, "panel": 3}) == BoardSetting(10, 0, 0, True, (7, 2), 5)


@given(event=some.recursive(some.none() | some.integers() | some.text(), some.lists, max_leaves=4))
def test_no_event_however_odd_raises(event: Any) -> None:
    with pytest.MonkeyPatch.context() as patch:
        assert heard(patch, event) is PASSED
        for name in ("merges", "panel", "byte", "on", "opened"):
            odd = heard(patch, {"turn": 9, name: event})
            assert 0 <= odd.merges <= 10
            assert 0 <= odd.panel < 3
