"""The page of the energy models, part by part, without a browser."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from explorer.text.glyphs import GLYPHS
from explorer.ui.job_panel import board
from explorer.ui.sections.energy import PARTS
from tests.pages.driving import bars, chart, component, go, matrices, press, problems, words

SCRIPT = """
import streamlit as st
st.navigation([st.Page("{root}/pages/energy.py", title="Energy models")]).run()
"""


@pytest.fixture
def visit() -> Iterator[Callable[..., AppTest]]:
    """Opens the page on one of its parts; every run is ended afterwards."""
    from tests.pages.driving import ROOT

    def open_part(part: str = "Hopfield network", **controls: object) -> AppTest:
        at = AppTest.from_string(SCRIPT.format(root=ROOT), default_timeout=60)
        at.session_state["energy_model"] = part
        for name, value in controls.items():
            at.session_state[name] = value
        return go(at)

    yield open_part
    assert board().shutdown(timeout=10)
    board.clear()


def finish(at: AppTest, panel: str, seconds: float = 40.0) -> AppTest:
    """Press Start and run the page, as its timer would, until the run is over."""
    press(at, f"{panel}_start")
    deadline = time.monotonic() + seconds
    while not any("Done" in element.proto.body for element in at.get("html")):
        assert time.monotonic() < deadline
        time.sleep(0.5)
        go(at)
    return at


def click(at: AppTest, row: int, column: int) -> AppTest:
    """As the browser sends a click on the first picture: with the mark that was drawn when the visitor clicked."""
    mark = component(at, "hopfield_grid")["selected"]
    at.session_state["hopfield_grid"] = {"cell": {"matrix": 0, "row": row, "column": column, "of": mark}}
    return go(at)


@pytest.mark.parametrize("part", PARTS)
def test_every_part_opens_with_its_figures_experiments_and_no_problem(visit: Callable[..., AppTest], part: str) -> None:
    at = visit(part)
    assert not problems(at)
    assert PARTS[part].story.split("**")[1] in words(at)
    for number, experiment in enumerate(PARTS[part].experiments):
        press(at, f"{PARTS[part].key}_try_{number}")
        assert experiment.notice in words(at)
        for key, value in experiment.settings.items():
            assert at.session_state[key] == value, key


def test_only_the_chosen_part_is_drawn(visit: Callable[..., AppTest]) -> None:
    at = visit("Boltzmann machine")
    assert all("hopfield" not in c.proto.id for c in at.get("bidi_component"))
    assert [c for c in at.get("echarts_chart") if "boltzmann_states" in c.proto.id]


def test_the_page_shows_the_recall_it_computes(visit: Callable[..., AppTest]) -> None:
    at = visit()
    first, last = matrices(at, "hopfield_grid")
    np.testing.assert_array_equal(last.values, GLYPHS["ring"])
    assert (first.values != last.values).sum() == 20
    (line,) = chart(at, "hopfield_energy")["series"]
    energies = [energy for _, energy in line["data"]]
    assert energies == sorted(energies, reverse=True)


def test_a_click_on_the_first_picture_flips_a_pixel_and_a_second_click_flips_it_back(
    visit: Callable[..., AppTest],
) -> None:
    at = visit(hopfield_noise=0.0)
    for expected in (-1, 1, -1):
        before = matrices(at, "hopfield_grid")[0].values[0, 2]
        click(at, 0, 2)
        assert matrices(at, "hopfield_grid")[0].values[0, 2] == -before == expected


def test_undo_takes_the_clicks_back(visit: Callable[..., AppTest]) -> None:
    at = click(visit(hopfield_noise=0.0), 5, 5)
    assert (matrices(at, "hopfield_grid")[0].values != GLYPHS["ring"]).sum() == 1
    press(at, "hopfield_undo")
    np.testing.assert_array_equal(matrices(at, "hopfield_grid")[0].values, GLYPHS["ring"])


def test_half_the_pixels_wrong_all_at_once_is_called_a_cycle(visit: Callable[..., AppTest]) -> None:
    at = press(visit(), "hopfield_try_0")
    assert "A cycle of two" in words(at)


def test_the_arrow_is_named_as_lost_when_six_are_stored(visit: Callable[..., AppTest]) -> None:
    at = press(visit(), "hopfield_try_1")
    assert "Lost even without noise: **arrow**" in words(at)


def test_the_capacity_is_measured_and_can_be_taken_away(visit: Callable[..., AppTest]) -> None:
    at = finish(visit(hopfield_units=100, hopfield_trials=1), "hopfield")
    overlap, recalled = chart(at, "hopfield_capacity")["series"]
    assert recalled["data"][0][1] == 1
    assert recalled["data"][-1][1] < 0.7
    assert overlap["markLine"]["data"] == [{"xAxis": 0.138}]
    assert len(at.get("download_button")) == 2


def test_the_chain_stands_beside_the_exact_distribution(visit: Callable[..., AppTest]) -> None:
    exact, sampled = chart(visit("Boltzmann machine"), "boltzmann_states")["series"]
    assert sum(exact["data"]) == pytest.approx(1, abs=1e-3)
    assert sum(sampled["data"]) == pytest.approx(1, abs=1e-3)


def test_parity_without_a_hidden_unit_stops_at_ln_2(visit: Callable[..., AppTest]) -> None:
    at = press(visit("Boltzmann machine", boltzmann_pace=500), "boltzmann_try_4")
    at = finish(at, "boltzmann")
    assert "Divergence now **0.6931** nats" in words(at)
    assert [m.title for m in matrices(at, "boltzmann_phases")][2] == "difference"


@pytest.mark.parametrize(
    ("part", "controls", "sentence"),
    [
        ("Boltzmann machine", {"boltzmann_temperature": 0.0}, "temperature must be above 0"),
        ("Boltzmann machine", {"boltzmann_hidden": 12}, "choose 0 to 9 hidden units, got 12"),
        ("Restricted machine", {"rbm_k": 0}, "k must be at least 1, got 0"),
        ("Restricted machine", {"rbm_rate": 0.0}, "learning_rate must be a positive number"),
    ],
)
def test_what_cannot_be_is_one_sentence_in_place(
    visit: Callable[..., AppTest], part: str, controls: dict[str, object], sentence: str
) -> None:
    at = visit(part, **controls)
    assert len(problems(at)) == 1
    assert sentence in problems(at)[0]


def test_the_rbm_learns_live_and_shows_filters_strips_and_measures(visit: Callable[..., AppTest]) -> None:
    at = finish(visit("Restricted machine", rbm_hidden=16, rbm_epochs=1, rbm_pace=2000), "rbm")
    assert len(matrices(at, "rbm_filters")) == 16
    assert len(matrices(at, "rbm_fantasies")) == len(matrices(at, "rbm_pictures")) == 12
    train, _ = chart(at, "rbm_likelihood")["series"]
    assert train["data"][-1][1] > train["data"][0][1]
    digits, mixed = chart(at, "rbm_free_energy")["series"]
    assert sum(digits["data"]) == sum(mixed["data"]) == 300
    assert len(at.get("download_button")) == 1


def test_the_deep_network_learns_layer_by_layer_and_then_writes(visit: Callable[..., AppTest]) -> None:
    at = finish(visit("Deep belief network", dbn_units=64, dbn_top=128, dbn_epochs=1), "dbn")
    assert len(matrices(at, "dbn_written")) == 10
    (accuracy,) = chart(at, "dbn_accuracy")["series"]
    assert bars(accuracy).shape == (2,)
    assert {series["name"] for series in chart(at, "dbn_likelihood")["series"]} == {"layer 1", "top"}
