"""Every page has the parts that every page should have, and each of them works."""

from __future__ import annotations

import ast
import csv
import inspect
import io
import json
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from explorer.models import cards
from tests.pages.driving import ROOT, go, open_page, pages_of_the_app, press, words

STAGES = [page for page in pages_of_the_app() if page != "pages/overview.py"]


def frame_calls(page: str, name: str) -> list[ast.Call]:
    tree = ast.parse((ROOT / page).read_text(encoding="utf-8"))
    return [n for n in ast.walk(tree) if isinstance(n, ast.Call) and ast.unparse(n.func) == f"frame.{name}"]


def prediction(page: str) -> tuple[str, str]:
    """The key of a page's first prediction and its right answer."""
    call = frame_calls(page, "predict_first")[0]
    key, _, _, answer = (ast.literal_eval(argument) for argument in call.args[:4])
    return key, answer


def resolve(dotted: str) -> Any:
    module, _, attribute = dotted.rpartition(".")
    return getattr(import_module(module), attribute)


@pytest.mark.parametrize("page", STAGES)
def test_a_page_has_its_question_formula_figure_experiments_code_and_downloads(page: str) -> None:
    at = open_page(page)
    assert len(at.title) == 1
    assert at.latex
    assert at.get("bidi_component") or at.get("echarts_chart")
    assert {"Try this", "The code", "Take it with you"} <= {subheader.value for subheader in at.subheader}
    assert at.get("download_button")
    assert not at.error


@pytest.mark.parametrize("page", STAGES)
def test_every_figure_is_described_for_those_who_cannot_see_it(page: str) -> None:
    at = open_page(page)
    assert all(len(figure.proto.alt) > 20 for figure in at.get("echarts_chart"))


@pytest.mark.parametrize("page", STAGES)
def test_the_code_shown_is_the_source_of_what_it_names(page: str) -> None:
    names = [ast.literal_eval(argument) for call in frame_calls(page, "code") for argument in call.args]
    assert names
    shown = {block.value for block in open_page(page).code}
    for name in names:
        assert name.startswith("explorer.")
        assert inspect.getsource(resolve(name)).strip() in {source.strip() for source in shown}, name


@pytest.mark.parametrize("page", STAGES)
def test_a_prediction_reveals_the_answer_whether_right_or_wrong(page: str) -> None:
    key, answer = prediction(page)
    at = open_page(page)
    radio = at.radio(key=f"{key}_predict")
    assert radio.value is None
    assert answer in radio.options
    radio.set_value(answer)
    go(at)
    assert at.success[0].value.startswith(f"Right: {answer}.")
    radio = at.radio(key=f"{key}_predict")
    radio.set_value(next(option for option in radio.options if option != answer))
    go(at)
    assert not at.success
    assert any(f"it is {answer}." in warning.value for warning in at.warning)


@pytest.mark.parametrize("page", STAGES)
def test_every_experiment_sets_its_controls_and_says_what_to_notice(page: str) -> None:
    at = open_page(page)
    experiments = sorted(str(b.key) for b in at.button if "_try_" in str(b.key))
    assert len(experiments) >= 2
    for key in experiments:
        assert "**Notice:**" in words(press(at, key))


@pytest.fixture
def downloads(monkeypatch: pytest.MonkeyPatch) -> dict[str, Callable[[], bytes]]:
    """What each download button would give, by file name."""
    offered: dict[str, Callable[[], bytes]] = {}

    def record(label: str, data: Callable[[], bytes], file_name: str, **_: Any) -> bool:
        offered[file_name] = data
        return False

    monkeypatch.setattr(st, "download_button", record)
    return offered


@pytest.mark.parametrize("page", STAGES)
def test_a_download_made_outside_the_session_holds_the_numbers_on_the_screen(
    page: str, downloads: dict[str, Callable[[], bytes]]
) -> None:
    open_page(page)
    tables = [list(csv.reader(io.StringIO(make().decode()))) for make in downloads.values()]
    # A table of what has not been trained yet may hold its heading only.
    assert any(len(table) > 1 for table in tables)
    assert all(len(row) == len(table[0]) for table in tables for row in table)


def test_the_bigram_download_follows_the_smoothing(downloads: dict[str, Callable[[], bytes]]) -> None:
    open_page("pages/bigram.py", corpus="tale", smoothing=5.0)
    _, *rows = csv.reader(io.StringIO(downloads["bigrams.csv"]().decode()))
    first = [(float(count), float(p)) for this, _, count, p in rows if this == rows[0][0]]
    total = sum(count + 5 for count, _ in first)
    assert all(p == pytest.approx((count + 5) / total) for count, p in first)


def test_the_overview_leads_to_pages_that_exist_and_shows_the_losses_of_the_card() -> None:
    at = open_page("pages/overview.py")
    assert len(at.title) == 1
    assert len(at.get("page_link")) >= 3
    labels = [link.proto.label for link in at.get("page_link")]
    card = json.loads((cards.FOLDER / "names-mlp.json").read_text())
    assert any("Guessing evenly" in label for label in labels)
    assert any(f"<strong>{card['losses']['validation']:.3f}</strong> nats" in bar.proto.body for bar in at.get("html"))


def test_the_overview_waits_for_neither_torch_nor_plotly() -> None:
    script = (
        "import sys\n"
        "from streamlit.testing.v1 import AppTest\n"
        # AppTest itself imports plotly; what the app imports is counted from here on.
        "for name in [n for n in sys.modules if n.split('.')[0] == 'plotly']: del sys.modules[name]\n"
        f"at = AppTest.from_file({str(ROOT / 'app.py')!r}, default_timeout=60).run()\n"
        "assert not at.exception\n"
        "print([name for name in ('torch', 'plotly', 'sklearn', 'pooch', 'faker') if name in sys.modules])\n"
    )
    ran = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert ran.stdout.strip().splitlines()[-1:] == ["[]"], ran.stderr[-500:]


def test_the_overview_shows_either_ladder_in_either_unit() -> None:
    at = open_page("pages/overview.py")
    nats = [bar.proto.body for bar in at.get("html")]
    corpus, unit = at.button_group
    unit.set_value("bits").run()
    bits = [bar.proto.body for bar in at.get("html")]
    assert "3.296</strong> nats" in nats[0]
    assert "4.755</strong> bits" in bits[0]
    corpus.set_value("shakespeare").run()
    assert any("One attention head" in link.proto.label for link in at.get("page_link"))
    assert not at.exception


def test_the_best_five_of_the_visitors_own_runs_join_the_ladder() -> None:
    def page() -> None:
        import streamlit as st

        from explorer.ui.own_runs import OwnRun, own_runs, remember_run

        for i, loss in enumerate((2.9, 2.2, 2.5, 2.6, 2.7, 2.8)):
            remember_run(OwnRun(f"run{i}", f"<b>mine {i}</b>", "pages/mlp.py", "names", loss, "<i>emma</i>"))
        st.text(len(own_runs("names")))

    kept = AppTest.from_function(page, default_timeout=60).run()
    assert kept.text[0].value == "5"
    at = open_page("pages/overview.py", _own_runs=kept.session_state["_own_runs"])
    labels = [link.proto.label for link in at.get("page_link")]
    assert [label for label in labels if "Yours" in label] == [f"**Yours**: <b>mine {i}</b>" for i in (5, 4, 3, 2, 1)]
    assert any("&lt;i&gt;emma" in bar.proto.body for bar in at.get("html"))


def test_a_damaged_card_takes_the_ladder_away_and_nothing_else(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "shakespeare-gpt.json").write_text("{")
    monkeypatch.setattr("explorer.models.cards.FOLDER", tmp_path)
    at = open_page("pages/overview.py")
    assert not any("Guessing evenly" in link.proto.label for link in at.get("page_link"))
    assert len(at.get("page_link")) >= 3
