"""The part "While it learns" of GPT inside, on a page of its own: one slider moves maps, sample, losses and scores."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from explorer.inspection.attention import trace_attention
from explorer.inspection.learning import read_snapshot
from explorer.training.learning import SHIPPED
from explorer.training.snapshots import FOLDER, SnapshotRun, read_run
from explorer.ui.job_panel import board
from explorer.ui.sections import gpt_learning
from explorer.ui.sections.gpt_learning import COLUMNS, DEFAULT, HERE, learning_rows
from tests.pages.driving import chart, go, matrices, press, problems, words

SLIDER = "gpt_learning_snapshot"


def script() -> None:
    from explorer.ui import frame
    from explorer.ui.sections.gpt_learning import show_learning

    show_learning(frame.shown("gpt"))


def visit(**controls: Any) -> AppTest:
    at = AppTest.from_function(script, default_timeout=120)
    for name, value in controls.items():
        at.session_state[name] = value
    return go(at)


def scrub(at: AppTest, step: int) -> AppTest:
    at.select_slider(key=SLIDER).set_value(step)
    return go(at)


@pytest.fixture(scope="module")
def run() -> SnapshotRun:
    return read_run(FOLDER / SHIPPED)


def cursors(at: AppTest, key: str) -> list[int]:
    return [s["markLine"]["data"][0]["xAxis"] for s in chart(at, key)["series"] if s["name"] == "snapshot"]


def test_one_slider_moves_maps_sample_cursor_and_numbers_to_the_same_snapshot(run: SnapshotRun) -> None:
    at = visit()
    for i in (0, 11, len(run.snapshots) - 1):
        scrub(at, run.snapshots[i].step)
        model, snapshot = run.model(i), run.snapshots[i]
        patterns = trace_attention(model, run.tokenizer.encode(DEFAULT)).patterns
        drawn = np.array([one.values for one in matrices(at, "gpt_learning_maps")]).reshape(patterns.shape)
        np.testing.assert_allclose(drawn, patterns, atol=1e-3)
        assert cursors(at, "gpt_learning_losses") == [i, i]
        assert cursors(at, "gpt_learning_scores") == [i, i, i]
        assert at.code[0].value == snapshot.sample.strip("\n")
        assert f"**Step {snapshot.step:,}**: held-out loss **{snapshot.validation_loss:.2f}**" in words(at)
        assert f"**{read_snapshot(model).second_loss:.2f}** the second" in words(at)


def test_the_lines_are_the_snapshots_own_losses_and_scores(run: SnapshotRun) -> None:
    at = visit()
    lines = {s["name"]: s["data"] for s in chart(at, "gpt_learning_losses")["series"]}
    assert lines["held-out"] == pytest.approx([s.validation_loss for s in run.snapshots], abs=1e-4)
    readings = [read_snapshot(run.model(i)) for i in range(len(run.snapshots))]
    assert lines["second time"] == pytest.approx([r.second_loss for r in readings], abs=1e-3)
    induction = [s for s in chart(at, "gpt_learning_scores")["series"] if s["yAxisIndex"] == 1 and s["data"]]
    for layer in range(2):
        for head in range(4):
            (line,) = [s["data"] for s in induction if s["name"] == f"head {layer}.{head}"]
            assert line == pytest.approx([r.scores["induction"][layer, head] for r in readings], abs=1e-3)


def test_it_says_when_the_heads_formed_and_what_the_text_was() -> None:
    said = words(visit())
    assert "By step **357** head **0.0** is a previous-token head" in said
    assert "By step **1,501** head **1.3** is an induction head" in said
    assert "60\\% of them come twice" in said


def test_the_download_has_a_row_for_each_snapshot_and_head(run: SnapshotRun) -> None:
    at = visit()
    rows = learning_rows(at.session_state["_gpt_shown"])
    assert len(rows) == len(run.snapshots) * 8
    assert {len(row) for row in rows} == {len(COLUMNS)}
    assert rows[-1][:3] == (2000, run.snapshots[-1].train_loss, run.snapshots[-1].validation_loss)
    assert learning_rows({}) == []


def test_a_character_it_never_saw_is_named_in_place_and_the_text_stays() -> None:
    at = visit(learning_prompt="the crown €")
    assert "€" in problems(at)[0]
    assert at.text_area(key="learning_prompt").value == "the crown €"
    assert learning_rows(at.session_state["_gpt_shown"]) == []
    press(at, "learning_prompt_drop")
    assert not problems(at)
    assert len(matrices(at, "gpt_learning_maps")) == 8


def test_a_long_prompt_is_cut_to_what_the_model_reads_and_says_so() -> None:
    at = visit(learning_prompt="the crown " * 20)
    assert matrices(at, "gpt_learning_maps")[0].values.shape == (64, 64)
    assert "200 tokens; 64 are read at once" in words(at)


def test_another_kept_run_can_be_chosen_and_a_damaged_one_gives_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in (SHIPPED, "mine"):
        shutil.copytree(FOLDER / SHIPPED, tmp_path / name)
    (tmp_path / "mine" / "step-00002000.safetensors").unlink()
    monkeypatch.setattr(gpt_learning, "FOLDER", tmp_path)
    monkeypatch.setattr(gpt_learning, "list_runs", lambda: [SHIPPED, "mine"])
    gpt_learning._reading.clear()
    at = visit(gpt_learning_run="mine")
    assert "step-00002000.safetensors of mine cannot be read" in problems(at)[0]
    at.selectbox(key="gpt_learning_run").set_value(SHIPPED)
    assert not problems(go(at))


def test_without_any_run_it_says_how_to_make_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpt_learning, "list_runs", list)
    assert "python -m explorer.training.learning" in problems(visit())[0]


def test_a_run_of_ones_own_is_drawn_with_its_snapshots() -> None:
    at = visit(gpt_learning_source=HERE, gpt_learning_steps=3, gpt_learning_corpus="tale")
    press(at, "gpt_learning_start")
    job = board().get(at.session_state["_gpt_learning_job"])
    assert job is not None
    deadline = time.monotonic() + 60
    while job.view().live:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    go(at)
    latest = job.view().latest
    assert latest is not None
    run, i = latest.run, len(latest.run.snapshots) - 1
    patterns = trace_attention(run.model(i), run.tokenizer.encode(DEFAULT)).patterns
    drawn = np.array([one.values for one in matrices(at, "gpt_learning_own_maps")]).reshape(patterns.shape)
    np.testing.assert_allclose(drawn, patterns, atol=1e-3)
    assert cursors(at, "gpt_learning_own_losses") == [i, i]
    assert "No induction head so far" in words(at)


def test_shares_above_the_whole_disable_the_start() -> None:
    at = visit(gpt_learning_source=HERE, gpt_learning_twice=0.8, gpt_learning_noise=0.5)
    assert "at most 1 together" in problems(at)[0]
    assert at.button(key="gpt_learning_start").disabled
