"""Folders to type commands in: an empty one, and one in which a model was trained."""

from __future__ import annotations

from pathlib import Path

import pytest

from explorer.models import cards
from tests.command_line.runner import SMALL, run_well


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder, whose `checkpoints` is the one that is listed."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("EXPLORER_DATA", raising=False)
    monkeypatch.setattr(cards, "FOLDER", tmp_path / "checkpoints")
    return tmp_path


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which `mine` was trained for a few steps on the tale."""
    folder = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(cards, "FOLDER", folder / "checkpoints")
        run_well("train", "--corpus", "tale", "--name", "mine", "--steps", 6, *SMALL)
    return folder


@pytest.fixture
def there(trained: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in the folder that has the checkpoint `mine`."""
    monkeypatch.chdir(trained)
    monkeypatch.setattr(cards, "FOLDER", trained / "checkpoints")
    return trained
