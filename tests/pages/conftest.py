"""What all page tests share: no downloads, no texts but the shipped ones, and a server that has begun."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from streamlit.runtime.pages_manager import PagesManager

from explorer.text import sources


@pytest.fixture(autouse=True)
def only_shipped_texts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(sources.DATA_VARIABLE, raising=False)
    monkeypatch.setattr(sources, "cache_folder", lambda: tmp_path / "cache")


@pytest.fixture(autouse=True)
def a_server_that_has_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    """AppTest takes every run for the first after a start, where Streamlit looks into the folder pages/ by itself; a
    page then begins twice and forgets the click in between. The first request of all is tested in Chromium."""
    begin = PagesManager.__init__

    def begun(self: PagesManager, *args: Any, **options: Any) -> None:
        begin(self, *args, **options)
        PagesManager.uses_pages_directory = False

    monkeypatch.setattr(PagesManager, "__init__", begun)
