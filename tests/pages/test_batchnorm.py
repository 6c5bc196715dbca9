"""The BatchNorm page: its controls reach every figure, bad settings are explained in place, and a run can be scrubbed."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from explorer.inspection.watching import WatchConfig, first_look, prepare
from explorer.text.corpora import load_corpus
from explorer.ui.job_panel import board
from tests.pages.driving import ROOT, as_shown, chart, choose, go, matrices, press, problems, words

PAGE = "pages/batchnorm.py"
SMALL = {"bn_depth": 3, "bn_width": 24, "bn_steps": 40, "bn_pace": "as fast as it goes"}


@pytest.fixture
def page() -> Iterator[AppTest]:
    """The page in a navigation of its own, a small network set; its runs end with the test."""
    script = f"import streamlit as st\nst.navigation([st.Page({str(ROOT / PAGE)!r}, title='BatchNorm')]).run()"
    at = AppTest.from_string(script, default_timeout=60)
    for key, value in SMALL.items():
        at.session_state[key] = value
    yield go(at)
    board().shutdown(timeout=5)
    board.clear()


def put(at: AppTest, **controls: Any) -> AppTest:
    for key, value in controls.items():
        at.session_state[key] = value
    return go(at)


def tried(at: AppTest, label: str) -> AppTest:
    return press(at, str(next(b.key for b in at.button if b.label == label)))


def trained(at: AppTest, says: str = "Done at step") -> AppTest:
    press(at, "bn_start")
    for _ in range(200):
        if any(says in html.proto.body for html in at.get("html")):
            return at
        time.sleep(0.3)
        go(at)
    raise AssertionError("the run did not end")


def series(at: AppTest, figure: str) -> dict[str, list[Any]]:
    return {s["name"]: s["data"] for s in chart(at, figure)["series"]}


def metric(at: AppTest, label: str) -> float:
    return float(next(m.value for m in at.metric if m.label.startswith(label)))


def test_the_first_view_is_the_reading_of_the_network_before_training(page: AppTest) -> None:
    expected = first_look(
        prepare(load_corpus("given-names"), 3),
        WatchConfig(corpus="given-names", gain=1.6667, n_hidden_layers=3, d_hidden=24, steps=40),
    )
    assert metric(page, "First loss") == pytest.approx(expected.loss, abs=5e-4)
    assert metric(page, "Guessing evenly") == pytest.approx(math.log(85), abs=5e-4)
    maps = matrices(page, "bn_first_saturation")
    for drawn, layer in zip(maps, expected.of_kind("tanh"), strict=True):
        assert drawn.values.tolist() == layer.saturation.astype(float).tolist()
        assert f"{layer.saturated_share:.2%}" in drawn.title
        assert drawn.row_labels == list(expected.labels)
    points = chart(page, "bn_first_ratios")["series"][0]["data"]
    assert [p["value"][0] for p in points] == pytest.approx([p.ratio for p in expected.matrices], rel=1e-6)


def test_switching_batchnorm_off_changes_the_figures_at_once(page: AppTest) -> None:
    before = series(page, "bn_depth_spread")
    put(page, bn_on=False)
    after = series(page, "bn_depth_spread")
    assert np.ptp([line[-1][1] for line in before.values()]) < 0.05 < np.ptp([line[-1][1] for line in after.values()])
    assert "This network has no BatchNorm" in words(page)


def test_a_click_in_the_map_opens_that_neuron(page: AppTest) -> None:
    choose(page, "bn_first_saturation", 1, 4, 7)
    assert any("tanh 2, neuron 7" in as_shown(str(m.value)) for m in page.markdown)
    assert any("equal to rounding" in str(c.value) for c in page.caption)


def test_a_run_is_drawn_and_can_be_gone_through_afterwards(page: AppTest) -> None:
    trained(page)
    assert len(series(page, "bn_loss")["loss"]) == 40
    updates = series(page, "bn_updates")
    assert list(updates) == ["embedding", "hidden 1", "hidden 2", "hidden 3", "output"]
    assert [step for step, _ in updates["output"]] == list(range(1, 41))
    assert "After 40 steps" in words(page)
    last = series(page, "bn_run_activations")
    page.select_slider(key="bn_snapshot").set_value(0)
    go(page)
    assert "After 0 steps" in words(page)
    first, alone = (matrices(page, f"bn_{part}_saturation")[0].values for part in ("run", "first"))
    assert (first == alone).all()
    assert series(page, "bn_run_activations") == series(page, "bn_first_activations") != last


def test_a_trained_network_is_opened_with_the_weights_of_its_run(page: AppTest) -> None:
    put(page, bn_source="as the run above left it")
    assert "Nothing has been trained yet" in words(page)
    trained(page)
    put(page)
    assert "The weights after 40 steps" in words(page)


def test_a_rate_that_diverges_is_shown_as_nan_and_explained_and_the_last_good_state_is_kept(page: AppTest) -> None:
    put(page, bn_on=False, bn_rate=1e38)
    trained(page, "step 2")
    assert "**NaN, or as good as**" in words(page)
    assert any("too high for this model" in problem for problem in problems(page))
    assert "After 0 steps" in words(page)
    assert all(math.isfinite(loss) for _, loss in series(page, "bn_loss")["loss"])


IMPOSSIBLE: list[tuple[dict[str, Any], str]] = [
    ({"bn_width": 0}, "d_hidden must be a whole number of at least 1, got 0."),
    ({"bn_width": 1_000_000}, "This run would take about"),
    ({"bn_batch": 1}, "BatchNorm needs a batch of at least 2 examples"),
    ({"bn_rate": 0.0}, "learning_rate must be a positive number, got 0.0."),
    ({"bn_batch": 0}, "batch_size must be a whole number of at least 1, got 0."),
]


def test_settings_that_cannot_be_are_explained_and_nothing_can_be_started(page: AppTest) -> None:
    possible = {"bn_width": 24, "bn_batch": 32, "bn_rate": 0.1}
    for controls, says in IMPOSSIBLE:
        put(page, **(possible | controls))
        assert [problem for problem in problems(page) if problem.startswith(says)], says
        assert page.button(key="bn_start").disabled
        assert chart(page, "bn_shipped_ratios")["series"]  # the rest of the page goes on


def test_any_gain_can_be_drawn(page: AppTest) -> None:
    for gain in (0.0, -2.0, 1000.0):
        for batch_norm in (False, True):
            put(page, bn_gain=gain, bn_on=batch_norm)
            assert not problems(page)
            assert len(matrices(page, "bn_first_saturation")) == 3


def test_one_example_varies_with_its_mates_and_less_in_a_large_batch(page: AppTest) -> None:
    spread = {}
    for batch in (4, 512):
        put(page, bn_mates=batch)
        dots = series(page, "bn_mates_chart")["train mode"]
        spread[batch] = float(np.std([value for _, value in dots]))
        assert f"(std **{spread[batch]:.3f}**)" in words(page)
    assert spread[4] > 2 * spread[512] > 0


def test_the_folded_network_gives_equal_logits(page: AppTest) -> None:
    found = re.search(r"largest difference of a logit is \*\*([\d.e+-]+)\*\*", words(page))
    assert found is not None
    assert float(found[1]) < 1e-5


def test_a_shipped_gpt_is_read_by_the_same_diagnostics(page: AppTest) -> None:
    for kind in ("layernorm", "attention", "gelu", "logits"):
        put(page, bn_checkpoint="shakespeare-gpt", bn_shipped_kind=kind)
        assert not problems(page)
        assert len(series(page, "bn_shipped_activations")) == {"layernorm": 13, "logits": 1}.get(kind, 6)
        assert "Read on 512 predictions" in as_shown(words(page))


def test_an_experiment_sets_the_controls_that_its_notice_speaks_of(page: AppTest) -> None:
    tried(page, "Gain 3 without BatchNorm")
    assert not page.toggle(key="bn_on").value
    maps = matrices(page, "bn_first_saturation")
    assert len(maps) == 5
    assert all(0.3 < drawn.values.mean() < 0.6 for drawn in maps)
