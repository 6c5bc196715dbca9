"""What the tests of the Train page share: a small run, its visitors, a server of the test's own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from explorer.training.workbench_record import RunRecord
from explorer.ui.job import Job
from explorer.ui.job_panel import board
from tests.pages.driving import go, open_page, press

PAGE = "pages/train.py"
QUICK: dict[str, Any] = {
    "train_gpt_context_length": 8,
    "train_gpt_n_layers": 1,
    "train_gpt_n_heads": 2,
    "train_gpt_d_model": 16,
    "train_steps": 6,
    "train_batch_size": 2,
    "train_warmup": 1,
    "train_evaluate_every": 3,
    "train_sample_every": 3,
    "train_sample_length": 5,
    "train_share": 5.0,
    "train_prompt": "The ki",
}
STORY = "the cat sat on the mat and the rat sat on the cat. " * 20


def visitor(name: str) -> dict[str, Any]:
    """A visitor's cookie, as the session knows it."""
    return {"_visitor": name.ljust(22, "x")}


def trained(**controls: Any) -> AppTest:
    """The page after a run with these settings, waited for."""
    at = press(open_page(PAGE, **(QUICK | visitor("ana") | controls)), "train_start")
    return finished(at)


def finished(at: AppTest) -> AppTest:
    job = board().get(at.session_state["_train_job"])
    assert job is not None
    assert job.join(120)
    assert job.status == "done", job.error
    return go(go(at))


def record_of(job: Job[Any, Any]) -> RunRecord:
    latest = job.view().latest
    assert latest is not None
    record: RunRecord = latest.record
    return record


def kept(at: AppTest, name: str) -> AppTest:
    at.text_input(key="train_keep_name").set_value(name)
    return press(at, "train_keep")


def upload(at: AppTest, name: str, content: bytes) -> AppTest:
    at.file_uploader(key="train_file").upload(name, content, "text/plain")
    return go(at)


@contextmanager
def server_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """Workspaces in a folder of the test, and every run ended and forgotten afterwards."""
    monkeypatch.setenv("EXPLORER_WORKSPACES", str(tmp_path / "workspaces"))
    monkeypatch.setattr("explorer.training.workbench_texts.EVALUATED_TOKENS", 200)
    yield tmp_path / "workspaces"
    assert board().shutdown(timeout=20)
    board.clear()
