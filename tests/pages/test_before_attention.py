"""The page "Before attention" draws what the run measured, opens every cell, and answers whatever is set or typed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from explorer.inspection.seq2seq import scores
from explorer.training.seq2seq import ATTENTION, KINDS, Seq2SeqProgress, Seq2SeqSpec, fresh_models, look
from explorer.ui.job import Job
from explorer.ui.job_panel import board
from tests.pages.driving import as_shown, chart, choose, go, matrices, open_page, press, problems, words

PAGE = "pages/before_attention.py"
QUICK: dict[str, Any] = {"before_length": 4, "before_hidden": 12, "before_steps": 20, "before_typed": "abc"}


@pytest.fixture(autouse=True)
def runs_end_with_the_test() -> Iterator[None]:
    yield
    assert board().shutdown(timeout=20)
    board.clear()


def trained(**controls: Any) -> tuple[AppTest, Job[Seq2SeqSpec, Seq2SeqProgress]]:
    """The page after a run with these settings, waited for."""
    at = press(open_page(PAGE, **(QUICK | controls)), "before_start")
    job = board().get(at.session_state["_before_job"])
    assert job is not None
    assert job.join(120)
    return go(at), job


def latest_of(job: Job[Seq2SeqSpec, Seq2SeqProgress]) -> Seq2SeqProgress:
    latest = job.view().latest
    assert latest is not None
    return latest


def assert_opened(at: AppTest) -> None:
    said = [str(c.value) for c in at.caption if "Worked out again" in str(c.value)]
    assert len(said) == 4  # a score and a share, of the example and of the visitor's letters
    assert all("equal to rounding" in one and "NOT" not in one for one in said)


def test_before_training_the_alignment_of_random_weights_is_drawn_and_opens() -> None:
    at = open_page(PAGE, **QUICK)
    assert "Nothing is trained yet" in words(at)
    spec = Seq2SeqSpec(length=4, d_hidden=12, steps=20)
    one = look(fresh_models(spec), spec, 0).alignment
    score, share = matrices(at, "before_alignment")
    np.testing.assert_allclose(score.values, scores(one), atol=1e-5)
    np.testing.assert_allclose(share.values, one.weights, atol=1e-5)
    assert_opened(at)
    assert "before any training" in words(at)


def test_what_is_drawn_is_the_snapshot_that_the_slider_stands_at() -> None:
    at, job = trained()
    latest = latest_of(job)
    for snapshot in (latest.snapshots[-1], latest.snapshots[5]):
        at.select_slider(key="before_snapshot").set_value(snapshot.step)
        go(at)
        np.testing.assert_allclose(matrices(at, "before_alignment")[1].values, snapshot.alignment.weights, atol=1e-5)
        evaluation = [e for e in latest.evaluations if e.step <= snapshot.step][-1]
        drawn = {s["name"]: s["data"] for s in chart(at, "before_accuracy")["series"]}
        for kind in KINDS:
            expected = [[n, 100 * s] for n, s in zip(evaluation.lengths, evaluation.shares[kind], strict=True)]
            np.testing.assert_allclose(drawn[kind], expected, atol=0.01)
        cursor = chart(at, "before_losses")["series"][-1]["markLine"]["data"]
        assert cursor == [{"xAxis": snapshot.step}]
        assert f"One sequence at step {snapshot.step:,}" in words(at)


def test_every_cell_of_both_matrices_opens() -> None:
    at, _ = trained()
    for cell in ((0, 0, 4), (1, 2, 2), (1, 4, 0)):
        choose(at, "before_alignment", *cell)
        assert_opened(at)
        said = as_shown(words(at))
        assert f"place {cell[2] + 1}" in said
        assert f"at step {cell[1] + 1}, which writes" in said


def test_the_visitors_letters_are_written_by_both_trained_models() -> None:
    at, job = trained(before_length=1, before_steps=250, before_rate=0.02, before_typed="q")
    table = next(d.value for d in at.dataframe if "whole" in d.value)
    assert table["written"].tolist() == ["q", "q", "q"]
    assert table["whole"].tolist()[1:] == ["✓ right", "✓ right"]
    evaluation = latest_of(job).evaluations[-1]
    assert [evaluation.at(kind, 1) for kind in KINDS] == [1.0, 1.0]  # as the experiment "one letter" says
    at.text_input(key="before_typed").set_value("ab")
    go(at)
    table = next(d.value for d in at.dataframe if "whole" in d.value)
    assert table["whole"].tolist()[1:] == ["✗ wrong", "✗ wrong"]
    assert "longer than anything these models trained on (1)" in words(at)


def test_a_run_keeps_its_own_task_when_the_page_asks_for_another() -> None:
    at, _ = trained()
    at.session_state["before_task"] = "sort"
    go(at)
    assert "Reverse" in words(at)
    assert "settings have changed since this run" in "".join(h.proto.body for h in at.get("html"))


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("", "Nothing is typed"),
        ("   ", "Nothing is typed"),
        ("hello world", "it lacks “ ”"),
        ("\U0001f600", "it lacks “\U0001f600”"),
        ("<script>alert(1)</script>", "it lacks “<”, “>”, “(”, “1”, “)” and others"),
        ("**x**", "it lacks “*”"),
        ("a" * 41, "At most 40 letters are read, got 41"),
        ("日本", "it lacks “日”, “本”"),
    ],
)
def test_typed_text_that_cannot_be_read_is_one_sentence_in_place(typed: str, said: str) -> None:
    at = open_page(PAGE, **(QUICK | {"before_typed": typed}))
    (problem,) = problems(at)
    assert said in problem
    assert {s.value for s in at.subheader} >= {"Try this", "The code"}


@pytest.mark.parametrize(
    ("controls", "said"),
    [
        ({"before_length": 0}, "from 1 to 40 letters, got 0"),
        ({"before_length": -7}, "got -7"),
        ({"before_length": 10**9}, "got 1,000,000,000"),
        ({"before_hidden": 0}, "d_hidden must be at least 1"),
        ({"before_hidden": 10**6}, "of memory while it trains; here 256.0 MB is the limit"),
        ({"before_hidden": 400}, "MB behind; here 8.0 MB is the limit"),
        ({"before_steps": 0}, "from 1 to 5,000, got 0"),
        ({"before_rate": 0.0}, "must be a positive number"),
    ],
)
def test_a_setting_that_cannot_be_is_one_sentence_and_disables_the_start(controls: dict[str, Any], said: str) -> None:
    at = open_page(PAGE, **(QUICK | controls))
    (problem,) = problems(at)
    assert said in problem
    assert at.button(key="before_start").disabled
    assert {s.value for s in at.subheader} >= {"Try this", "The code"}


def test_the_longest_sequence_and_the_shortest_are_drawn() -> None:
    for length in (1, 40):
        at = open_page(PAGE, **(QUICK | {"before_length": length, "before_typed": "a" * length}))
        assert not problems(at)
        assert matrices(at, "before_alignment")[1].values.shape == (length + 1, length + 1)


def test_the_numbers_told_are_those_of_the_settings() -> None:
    said = words(open_page(PAGE, before_hidden=64))
    spec = Seq2SeqSpec()
    assert "The fixed vector holds 128 numbers" in said
    assert f"{spec.config(ATTENTION).parameter_count():,}" in said
