"""The MLP page: what it draws is the run's, every claim holds, and settings that cannot be are answered in words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from explorer.models import cards
from explorer.training.mlp import MLPProgress, MLPSpec
from explorer.training.mlp_record import MLPRecord
from explorer.ui.job import Job
from explorer.ui.job_panel import board
from explorer.ui.own_runs import _KEY
from tests.pages.driving import as_shown, chart, choose, go, matrices, open_page, press, problems, words

PAGE = "pages/mlp.py"
QUICK: dict[str, Any] = {"mlp_corpus": "given-names", "mlp_steps": 40, "mlp_hidden": 12, "mlp_batch": 16}


@pytest.fixture(autouse=True)
def runs_end_with_the_test() -> Iterator[None]:
    yield
    assert board().shutdown(timeout=10)
    board.clear()


def trained(panel: str = "mlp", **controls: Any) -> tuple[AppTest, Job[MLPSpec, MLPProgress]]:
    """The page after a run with these settings, waited for."""
    at = press(open_page(PAGE, **(QUICK | controls)), f"{panel}_start")
    return at, finished(at, panel)


def finished(at: AppTest, panel: str = "mlp") -> Job[MLPSpec, MLPProgress]:
    job = board().get(at.session_state[f"_{panel}_job"])
    assert job is not None
    assert job.join(120)
    go(at)
    return job


def record_of(job: Job[MLPSpec, MLPProgress]) -> MLPRecord:
    latest = job.view().latest
    assert latest is not None
    return latest.record


def points_drawn(at: AppTest) -> dict[str, list[float]]:
    return {p["name"]: p["value"] for series in chart(at, "mlp_scatter")["series"] for p in series["data"]}


def test_before_training_the_letters_lie_where_chance_put_them_and_the_network_is_drawn() -> None:
    at = open_page(PAGE, mlp_corpus="given-names")
    assert "where chance put it" in words(at)
    assert len(points_drawn(at)) > 30
    assert "Nothing is trained yet" in words(at)
    drawn = matrices(at, "mlp_numbers")
    assert [m.values.shape for m in drawn] == [(3, 2), (1, 6), (5, 20), (1, 85), (1, 85)]
    assert drawn[4].values.sum() == pytest.approx(1, abs=1e-5)


def test_the_size_told_is_the_lectures_for_its_setting() -> None:
    at = open_page(PAGE, mlp_corpus="given-names", mlp_embedding=10, mlp_hidden=200)
    V = 85
    assert f"{V * 10 + 30 * 200 + 200 + 200 * V + V:,} numbers to learn" in words(at)
    assert 27 * 10 + 30 * 200 + 200 + 200 * 27 + 27 == 11_897  # what the experiment says of 27 symbols


def test_the_scatter_the_curve_and_the_words_are_the_snapshots_and_move_together() -> None:
    at, job = trained()
    record = record_of(job)
    slider = at.select_slider(key="mlp_snapshot")
    assert not slider.disabled
    assert slider.options == [f"{s.step:,}" for s in record.snapshots]
    for snapshot in (record.snapshots[-1], record.snapshots[3]):
        at.select_slider(key="mlp_snapshot").set_value(snapshot.step)
        go(at)
        a = record.tokenizer.encode("a")[0]
        assert points_drawn(at)["a"] == pytest.approx(snapshot.table[a].tolist(), abs=1e-3)
        cursor = next(s for s in chart(at, "mlp_curve")["series"] if s["name"] == "snapshot")
        assert cursor["markLine"]["data"] == [{"xAxis": snapshot.step}]
        assert f"Written at step {snapshot.step:,}" in words(at)
        assert any(snapshot.words[0] in block.value for block in at.code)
    first = next(s for s in chart(at, "mlp_curve")["series"] if s["name"] == "validation part")
    assert first["data"] == [[e.step, round(e.validation, 5)] for e in record.evaluations]


def test_the_frame_of_the_scatter_is_the_same_at_every_snapshot() -> None:
    at, job = trained()
    frames = []
    for snapshot in record_of(job).snapshots[::20]:
        at.select_slider(key="mlp_snapshot").set_value(snapshot.step)
        option = chart(go(at), "mlp_scatter")
        frames.append((option["xAxis"]["min"], option["xAxis"]["max"], option["yAxis"]["min"], option["yAxis"]["max"]))
    assert len(set(frames)) == 1


def test_more_dimensions_are_shown_along_components_or_chosen_ones_and_it_says_which() -> None:
    at, job = trained(mlp_embedding=5)
    record = record_of(job)
    assert "The table has 5 dimensions; shown are the two directions in which the newest table spreads most" in words(
        at
    )
    at.selectbox(key="mlp_axes").set_value("dimensions 3 and 4")
    go(at)
    a = record.tokenizer.encode("a")[0]
    assert points_drawn(at)["a"] == pytest.approx(record.snapshots[-1].table[a][2:4].tolist(), abs=1e-3)
    assert "two of its columns" in words(at)


def test_a_letters_neighbours_are_named_with_their_distances() -> None:
    at, job = trained()
    at.selectbox(key="mlp_letter").set_value("e")
    said = as_shown(words(go(at)))
    table, tokenizer = record_of(job).snapshots[-1].table, record_of(job).tokenizer
    e = tokenizer.encode("e")[0]
    (nearest, distance), *_ = re.findall(r"(\S) \(([\d.]+)\)", said.split("Nearest to “e”")[1])
    token = 0 if nearest == "." else tokenizer.encode(nearest)[0]
    assert np.linalg.norm(table[e] - table[token]) == pytest.approx(float(distance), abs=0.006)


def test_a_finished_run_tells_its_three_losses_and_joins_the_ladder() -> None:
    at, job = trained()
    record = record_of(job)
    assert record.final is not None
    assert f"validation **{record.final.validation:.4f}**, test **{record.final.test:.4f}**" in words(at)
    (run,) = at.session_state[_KEY].values()
    assert (run.page, run.corpus, run.loss) == (PAGE, "given-names", record.final.validation)


@pytest.mark.parametrize("changed", [{"mlp_parts": "60 / 20 / 20"}, {"mlp_corpus": "tale"}])
def test_a_run_measured_on_another_held_out_part_does_not_join_the_ladder(changed: dict[str, str]) -> None:
    at, job = trained(**changed)
    assert record_of(job).final is not None
    assert _KEY not in at.session_state


def test_every_number_of_the_trained_network_opens(at_cells: tuple[AppTest, MLPRecord]) -> None:
    at, record = at_cells
    assert f"as it was at step {record.model_step:,}" in words(at)
    for cell in ((0, 1, 1), (1, 0, 3), (2, 0, 11), (3, 0, 5), (4, 0, 5)):
        choose(at, "mlp_numbers", *cell)
        assert any("equal to rounding" in str(c.value) and "NOT" not in str(c.value) for c in at.caption), cell


@pytest.fixture
def at_cells() -> tuple[AppTest, MLPRecord]:
    at, job = trained()
    return at, record_of(job)


@pytest.mark.parametrize("typed", ["<script>alert(1)</script>", "**x**", "日本"])
def test_a_character_the_text_lacks_is_answered_in_one_sentence(typed: str) -> None:
    at = open_page(PAGE, mlp_corpus="given-names", mlp_typed=typed)
    assert len(problems(at)) == 1
    assert "vocabulary of 85 symbols lacks" in problems(at)[0]


def test_an_empty_context_is_the_beginning_of_a_name() -> None:
    at = open_page(PAGE, mlp_corpus="given-names", mlp_typed="")
    assert matrices(at, "mlp_numbers")[0].row_labels == [".", ".", "."]


@pytest.mark.parametrize(
    ("controls", "said"),
    [
        ({"mlp_hidden": 0}, "d_hidden must be from 1"),
        ({"mlp_embedding": 0}, "d_embedding must be from 1"),
        ({"mlp_context": 0}, "context_length must be from 1"),
        ({"mlp_rate": 0.0}, "learning_rate must be a positive number"),
        ({"mlp_hidden": 10**9}, "of memory; here a run may take 256.0 MB"),
        ({"mlp_batch": 10**9}, "of memory; here a run may take 256.0 MB"),
        ({"mlp_context": 5000, "mlp_share": 0.3}, "A context of 5,000 needs a training text"),
    ],
)
def test_settings_that_cannot_be_are_answered_in_place_and_cannot_start(controls: dict[str, Any], said: str) -> None:
    at = open_page(PAGE, mlp_corpus="given-names", **controls)
    assert len(problems(at)) == 1
    assert said in problems(at)[0]
    assert at.button(key="mlp_start").disabled
    assert at.button(key="mlp_finder_start").disabled


def test_a_diverging_run_is_stopped_with_the_reason_and_the_best_network_stays() -> None:
    at = press(open_page(PAGE), "mlp_try_3")
    press(at, "mlp_start")
    job = finished(at)
    assert job.status == "failed"
    assert re.search(r"loss has risen to \d{3,}\.\d nats.*learning rate 100 is too high", problems(at)[0])
    assert f"as it was at step {record_of(job).model_step:,}" in words(at)
    assert not np.isnan(matrices(at, "mlp_numbers")[4].values).any()


def test_the_tiny_text_overfits_and_the_rule_stops_it_in_time() -> None:
    at = press(open_page(PAGE, mlp_corpus="given-names"), "mlp_try_2")
    press(at, "mlp_start")
    record = record_of(finished(at))
    assert "Stopped at step" in words(at)
    best, last = record.best, record.evaluations[-1]
    assert last.train < best.train
    assert last.validation > best.validation
    assert f"the gap is +{last.validation - last.train:.4f}" in words(at)
    assert record.model_step == best.step


def test_the_finder_suggests_a_rate_and_the_button_takes_it_over() -> None:
    at = press(open_page(PAGE, **QUICK), "mlp_finder_start")
    finished(at, "mlp_finder")
    suggested = float(re.findall(r"rate of \*\*([\d.e-]+)\*\*", words(at))[0])
    marked = chart(at, "mlp_sweep")["series"][0]["markLine"]["data"]
    assert marked == [{"xAxis": suggested}]
    press(at, "mlp_take_rate")
    assert at.number_input(key="mlp_rate").value == suggested


def test_the_prediction_and_the_gathering_hold_for_the_first_experiment() -> None:
    at = press(open_page(PAGE, mlp_corpus="given-names"), "mlp_try_0")
    at.number_input(key="mlp_steps").set_value(800)
    press(go(at), "mlp_start")
    finished(at)
    share, chance, apart = re.search(
        r"\*\*(\d+)%\*\* are vowels; in a random table (\d+)%.*\*\*([\d.]+) times\*\*", words(at)
    ).groups()  # type: ignore[union-attr]
    assert int(share) > 1.5 * int(chance)
    assert float(apart) > 2


def test_the_shipped_network_is_shown_with_the_losses_of_its_card() -> None:
    card = cards.read_card(cards.find_card("names-mlp"))
    at = open_page(PAGE, mlp_corpus="given-names", mlp_network="the shipped one")
    said = as_shown(words(at))
    assert f"names-mlp: {card['parameters']:,} learned numbers" in said
    assert f"validation {card['losses']['validation']:.4f}" in said
    assert not problems(at)


def test_a_run_is_still_there_after_a_visit_to_another_page() -> None:
    at, job = trained()
    at.select_slider(key="mlp_snapshot").set_value(record_of(job).snapshots[5].step)
    go(at)
    go(at.switch_page("pages/bigram.py"))
    go(at.switch_page(PAGE))
    assert f"Written at step {record_of(job).snapshots[5].step:,}" in words(at)
