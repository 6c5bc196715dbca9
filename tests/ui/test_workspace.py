"""A visitor's workspace: found by its key alone, bounded, and gone when its time is over."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from explorer.ui import workspace
from explorer.ui.workspace import KEPT_DAYS, MOST_TEXTS, Workspace, check_name, shown_name, sweep


@pytest.fixture
def root(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv(workspace.VARIABLE, str(tmp_path / "all"))
    return tmp_path / "all"


def at(key: str) -> Workspace:
    found = workspace._at(key.ljust(22, "x"))
    assert found is not None
    return found


def test_each_key_has_a_folder_of_its_own_whose_name_does_not_say_the_key(root: Path) -> None:
    ana, ben = at("ana"), at("ben")
    ana.keep_text("story.txt", "once upon a time", "text")
    assert [one.name for one in at("ana").texts()] == ["story.txt"]
    assert ben.texts() == []
    assert not ben.exists()
    assert not any(ana.key in str(path) for path in root.rglob("*"))


@pytest.mark.parametrize("key", ["", "..", "../../../../etc/passwd", "a" * 21, "a" * 23, "ä" * 22, "a/b" + "c" * 19])
def test_what_is_no_key_leads_nowhere(root: Path, key: str) -> None:
    assert workspace._at(key) is None


def test_the_same_text_is_kept_once_and_too_many_are_refused(root: Path) -> None:
    mine = at("ana")
    for _ in range(3):
        mine.keep_text("a.txt", "the same", "text")
    assert len(mine.texts()) == 1
    for i in range(MOST_TEXTS - 1):
        mine.keep_text(f"{i}.txt", f"text {i}", "items")
    with pytest.raises(ValueError, match="5 texts of yours are kept, which is the most; delete one below first"):
        mine.keep_text("more.txt", "one more", "text")
    mine.delete_text(mine.texts()[0].id)
    mine.keep_text("more.txt", "one more", "text")


def test_all_a_visitor_keeps_is_bounded_in_bytes(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("explorer.training.workbench_runs.MOST_FOLDER_BYTES", 1000)
    mine = at("ana")
    mine.keep_text("a.txt", "a" * 600, "text")
    with pytest.raises(ValueError, match="could not be kept: your 0 MB on this server are used up"):
        mine.keep_text("b.txt", "b" * 600, "text")
    assert len(mine.texts()) == 1


def test_a_server_keeps_so_many_workspaces_and_no_more(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workspace, "MOST_WORKSPACES", 2)
    for name in ("ana", "ben"):
        at(name).open()
    with pytest.raises(ValueError, match="all the workspaces it can"):
        at("cleo").open()
    at("ana").open()


def test_a_workspace_that_nobody_visits_is_deleted_and_a_visited_one_is_not(root: Path) -> None:
    old, new = at("ana"), at("ben")
    for mine in (old, new):
        mine.keep_text("a.txt", "once upon", "text")
    long_ago = time.time() - (KEPT_DAYS + 1) * 24 * 3600
    os.utime(old.folder / "visited", (long_ago, long_ago))
    sweep()
    assert not old.exists()
    assert new.exists()


def test_deleting_one_checkpoint_leaves_one_with_a_longer_name(root: Path) -> None:
    mine = at("ana")
    mine.checkpoints.mkdir(parents=True)
    for name in ("my", "my.2"):
        for suffix in (".json", ".safetensors"):
            (mine.checkpoints / f"{name}{suffix}").write_text("{}")
    mine.delete_checkpoint(str(mine.checkpoints / "my"))
    assert sorted(p.name for p in mine.checkpoints.iterdir()) == ["my.2.json", "my.2.safetensors"]
    mine.delete_checkpoint(str(mine.folder / ".." / "other" / "checkpoints" / "x"))
    assert [shown_name(name) for name in mine.checkpoint_names()] == ["my.2 (yours)"]


@given(st.text())
def test_a_name_that_is_let_through_stays_in_its_folder(name: str) -> None:
    try:
        kept = check_name(name)
    except ValueError:
        return
    folder = Path("/somewhere/checkpoints")
    assert Path(os.path.normpath(folder / kept)).parent == folder
    assert 0 < len(kept) <= 60
