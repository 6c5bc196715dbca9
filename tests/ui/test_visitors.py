"""Who is here: tabs belong to visitors, and only connected tabs count."""

from __future__ import annotations

import pytest

from explorer.ui import visitors
from explorer.ui.visitors import Presence


def test_a_visitor_is_here_while_any_tab_of_theirs_is_connected(monkeypatch: pytest.MonkeyPatch) -> None:
    connected = {"tab-1", "tab-2", "tab-3"}
    monkeypatch.setattr(visitors, "_connected", lambda session: session in connected)
    presence = Presence()
    for tab, visitor in (("tab-1", "ana"), ("tab-2", "ana"), ("tab-3", "ben")):
        presence.note(visitor, tab)
    connected.remove("tab-1")
    assert presence.here("ana")
    connected.remove("tab-2")
    assert not presence.here("ana")
    assert presence.here("ben")
    connected.add("tab-2")  # a dropped connection that came back
    assert presence.here("ana")


def test_tabs_long_gone_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def never(session: str) -> bool:
        asked.append(session)
        return False

    monkeypatch.setattr(visitors, "_connected", never)
    presence = Presence()
    for number in range(2000):
        presence.note("ana", f"tab-{number}")
    asked.clear()
    assert not presence.here("ana")
    assert len(asked) <= 500
