"""The WaveNet page without a browser: its numbers are those of the package, its claims hold, wrong input is told."""

from __future__ import annotations

import base64
import re
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from explorer.inspection.wavenet import read_tree, tree_costs
from explorer.models.checkpoints import load_checkpoint
from explorer.models.mlp import MLPConfig
from explorer.models.registry import build_model, count_parameters
from explorer.models.wavenet import WaveNet, WaveNetConfig
from explorer.text.corpora import load_corpus
from explorer.training.mlp import character_tokenizer
from explorer.training.trainer import DivergedError
from explorer.training.wavenet import WaveNetSpec, train_wavenet
from explorer.ui.job_panel import board
from explorer.ui.sections.wavenet_experiments import EXPERIMENTS
from tests.pages.driving import ROOT, chart, component, go, matrices, press, problems, words

SCRIPT = f"""
import streamlit as st
st.navigation([st.Page("{ROOT}/pages/wavenet.py", title="WaveNet")]).run()
"""


@pytest.fixture(autouse=True)
def no_run_is_left() -> Iterator[None]:
    yield
    board().shutdown(timeout=10)
    board.clear()


def visit(**controls: Any) -> AppTest:
    """The page after its first run, with controls set before."""
    at = AppTest.from_string(SCRIPT, default_timeout=120)
    for name, value in controls.items():
        at.session_state[name] = value
    return go(at)


def fresh(**controls: Any) -> AppTest:
    return visit(wavenet_net="fresh", **controls)


def levels(at: AppTest, key: str = "wavenet_tree") -> list[np.ndarray]:
    """What the tree draws, (N, C) for each level, within a thirty-thousandth of the scale."""
    return [
        (np.frombuffer(base64.b64decode(level["values"]), "<i2") / 32767 * level["scale"]).reshape(level["nodes"], -1)
        for level in component(at, key)["levels"]
    ]


def try_it(at: AppTest, label: str) -> AppTest:
    return press(at, f"wavenet_try_{[e.label for e in EXPERIMENTS].index(label)}")


def test_the_tree_drawn_is_that_of_the_shipped_net_for_the_typed_text() -> None:
    at = visit(wavenet_text="isabella")
    loaded = load_checkpoint("names-wavenet")
    assert isinstance(loaded.model, WaveNet)
    reading = read_tree(loaded.model, loaded.tokenizer.encode("isabella"), loaded.tokenizer.labels)
    for drawn, level in zip(levels(at), reading.levels, strict=True):
        np.testing.assert_allclose(drawn, level.activations, atol=1e-3)
    best = loaded.tokenizer.labels[int(reading.probabilities.argmax())]
    assert f"Next character: “{best}” {reading.probabilities.max():.0%}" in component(at, "wavenet_tree")["answer"]


@pytest.mark.parametrize(("fusion", "context", "shapes"), [(2, 8, [8, 4, 2, 1]), (4, 16, [16, 4, 1]), (8, 8, [8, 1])])
def test_fusion_context_and_channels_make_the_tree(fusion: int, context: int, shapes: list[int]) -> None:
    at = fresh(wavenet_fusion=fusion, wavenet_context=context, wavenet_channels=20)
    assert [level.shape for level in levels(at)] == [(n, 24 if k == 0 else 20) for k, n in enumerate(shapes)]
    V = character_tokenizer(load_corpus("given-names")).vocab_size
    parameters = count_parameters("wavenet", WaveNetConfig(V, context, 24, 20, fusion))
    assert f"{parameters:,} learned numbers" in words(at)


def test_the_sight_drawn_is_a_staircase_of_exact_zeros() -> None:
    (sight,) = matrices(fresh(wavenet_channels=8, wavenet_text="maria"), "wavenet_influence")
    assert sight.values.shape == (7, 8)
    seen = ~np.isnan(sight.values)
    assert seen.sum(axis=1).tolist() == [8, 4, 4, 2, 2, 2, 2]
    assert seen[3:].sum(axis=0).tolist() == [1] * 8


def test_a_channel_opens_to_arithmetic_that_comes_out_the_same() -> None:
    at = fresh(wavenet_channels=8)
    choice = {"level": 2, "node": 1, "channel": 5, "of": component(at, "wavenet_tree")["passed"]}
    at.session_state["wavenet_tree"] = {"choice": choice}
    go(at)
    assert "channel 5 of “dria”" in words(at)
    checks = [str(c.value) for c in at.caption if "In the figure:" in str(c.value)]
    assert len(checks) == 3
    assert all("equal to rounding" in check and "NOT" not in check for check in checks)
    assert f"In the figure: {levels(at)[2][1, 5]:.2f}"[:-1] in checks[2]


def test_the_prediction_and_the_sixteen_hold() -> None:
    eight, sixteen = (count_parameters("wavenet", WaveNetConfig(27, n)) for n in (8, 16))
    assert sixteen - eight == 33_024 == 256 * 128 + 256
    flat8, flat16 = (count_parameters("mlp", MLPConfig(27, n, 24, 343, batch_norm=True)) for n in (8, 16))
    assert flat16 - flat8 == 65_856
    at = try_it(visit(), "Read sixteen")
    assert [len(level) for level in levels(at)] == [16, 8, 4, 2, 1]


def test_joining_all_at_once_is_the_flat_mlp() -> None:
    at = try_it(visit(), "Join all eight at once")
    assert [level.shape for level in levels(at)] == [(8, 24), (1, 128)]
    assert len(tree_costs(WaveNetConfig(27, fusion=8))) == 3
    assert "there are no positions to average over: both ways are the same" in words(at)


def test_the_mistake_changes_the_statistics_shapes_and_ends_the_convolution() -> None:
    at = fresh(wavenet_channels=8)
    assert "32 windows × 4 positions = **128** numbers" in words(at)
    assert not problems(at)
    noise, other = _noise(at)
    assert other > noise
    at = try_it(at, "Make the mistake")
    means, variances = matrices(at, "wavenet_statistics")
    assert means.title == "means (1, 4, 8)"
    assert means.values.shape == variances.values.shape == (4, 8)
    assert "each mean averages **32** numbers" in words(at)
    noise, other = _noise(at)
    assert noise > other
    assert problems(at) == ["With statistics of its own at every position the tree is no convolution."]


def _noise(at: AppTest) -> tuple[float, float]:
    """How far the means of level 1 stray, and how far they would the other way."""
    said = next(line for line in words(at).splitlines() if "it strays by" in line)
    own, other = re.findall(r"\*\*(\d\.\d{3})\*\*", said)
    return float(own), float(other)


def test_both_ways_agree_and_the_work_is_drawn() -> None:
    at = visit(wavenet_text="maria")
    assert re.search(r"of these 135 the two that differ most are \*\*(exactly 0|\d\.\de-0[5-9])\*\* apart", words(at))
    tree, convolution = (series["data"] for series in chart(at, "wavenet_work")["series"])
    assert tree == [5 * 4 * 48 * 128, 5 * 2 * 256 * 128, 5 * 256 * 128, 5 * 128 * 27]
    assert convolution == [(5 + 6) * 48 * 128, (5 + 4) * 256 * 128, 5 * 256 * 128, 5 * 128 * 27]
    lattice = chart(at, "wavenet_lattice")
    assert lattice["xAxis"]["data"] == ["↵"] * 7 + list("maria")
    at.slider(key="wavenet_end").set_value(2)
    strong = [p["value"] for p in chart(go(at), "wavenet_lattice")["series"][0]["data"] if p["symbolSize"] > 10]
    assert [place for place, level in strong if level == 0] == list(range(1, 9))


@pytest.mark.parametrize(
    ("controls", "said"),
    [
        ({"wavenet_context": 12}, "A context of 12 cannot be joined 2 at a time"),
        ({"wavenet_context": 1}, "A tree needs a context of at least 2"),
        ({"wavenet_context": -5}, "context_length must be a whole number of at least 1"),
        ({"wavenet_context": 128}, "A context of 128 characters is more than is drawn here"),
        ({"wavenet_channels": 0}, "d_hidden must be a whole number of at least 1, got 0"),
        ({"wavenet_channels": 900}, "learned numbers; here a net may have 1,000,000"),
        ({"wavenet_channels": 10**12}, "beyond any machine|of memory"),
        ({"wavenet_letters": 0}, "d_embedding must be a whole number of at least 1, got 0"),
    ],
)
def test_a_shape_that_cannot_be_is_told_and_training_cannot_start(controls: dict[str, int], said: str) -> None:
    at = fresh(**controls)
    assert len(problems(at)) == 1
    assert re.search(said, problems(at)[0])
    assert at.button(key="wavenet_start").disabled
    assert "Take it with you" in {s.value for s in at.subheader}


def test_contexts_that_fit_are_offered_where_one_does_not() -> None:
    at = try_it(visit(), "A context that cannot be joined")
    assert problems(at)
    assert {b.label for b in at.button if "Use a context" in b.label} == {"Use a context of 8", "Use a context of 16"}
    at = press(at, "wavenet_use_16")
    assert not problems(at)
    assert len(levels(at)[0]) == 16


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("ab", "before these 2 stand 6 × “↵”"),
        ("christopher", "the last 8 of these 11 characters: “istopher”"),
        ("isabella", "The tree reads all 8 characters"),
        ("a" * 100_000, "100,000 tokens; 2000 are read at once"),
    ],
)
def test_a_text_of_any_length_is_read_and_what_is_read_is_said(text: str, said: str) -> None:
    at = visit(wavenet_text=text)
    assert said in words(at).replace("\\", "")
    assert len(levels(at)[0]) == 8


@pytest.mark.parametrize("text", ["łódź", "a🙂b", "Emma", "<script>alert(1)</script>"])
def test_characters_that_the_net_never_saw_are_named_and_can_be_dropped(text: str) -> None:
    at = visit(wavenet_text=text)
    assert "has never seen" in problems(at)[0]
    at = press(at, "wavenet_text_drop")
    assert "has never seen" not in " ".join(problems(at))
    assert levels(at)


def test_an_empty_text_asks_for_a_character() -> None:
    at = visit(wavenet_text="")
    assert "Type at least one character" in words(at)
    assert "Take it with you" in {s.value for s in at.subheader}


@pytest.mark.parametrize(
    ("controls", "said"),
    [
        ({"wavenet_rate": 0.0}, "learning_rate must be a positive number"),
        ({"wavenet_batch": 1}, "at least 2 windows"),
        ({"wavenet_batch": 10**9}, "of memory"),
    ],
)
def test_settings_that_cannot_train_are_told_in_place(controls: dict[str, Any], said: str) -> None:
    at = visit(**controls)
    assert said in problems(at)[-1]
    assert at.button(key="wavenet_start").disabled


def finish(at: AppTest) -> AppTest:
    press(at, "wavenet_start")
    deadline = time.monotonic() + 60
    while not any("Done" in html.proto.body for html in at.get("html")):
        assert time.monotonic() < deadline
        time.sleep(0.3)
        go(at)
    return at


def test_a_run_draws_its_tree_can_be_scrubbed_and_opened_above() -> None:
    at = finish(fresh(wavenet_channels=8, wavenet_letters=4, wavenet_steps=20, wavenet_text="maria"))
    last = levels(at, "wavenet_watched")
    assert [level.shape for level in last] == [(8, 4), (4, 8), (2, 8), (1, 8)]
    assert [s["name"] for s in chart(at, "wavenet_loss")["series"]] == ["each batch", "held out"]
    at.select_slider(key="wavenet_snapshot").set_value(0)
    go(at)
    assert "**After 0 steps**" in words(at)
    # Before the first step: the fresh net of the same seed.
    np.testing.assert_array_equal(levels(at, "wavenet_watched")[0], levels(at)[0])
    at.session_state["wavenet_net"] = "trained below"
    go(at)
    assert "Trained on this page, step 20 of 20" in component(at, "wavenet_tree")["answer"]
    np.testing.assert_array_equal(levels(at)[-1], last[-1])


def test_before_any_run_the_weights_trained_below_are_fresh_and_it_says_so() -> None:
    at = visit(wavenet_net="trained below", wavenet_channels=8)
    assert "Nothing has been trained here yet" in words(at)
    assert "Fresh weights, seed 1" in component(at, "wavenet_tree")["answer"]


def test_a_rate_a_thousand_times_too_high_diverges_within_a_few_hundred_steps() -> None:
    run = train_wavenet(WaveNetSpec("given-names", watched="maria", learning_rate=3.0, steps=3000))
    with pytest.raises(DivergedError, match="too high"):
        next(progress for progress in run if progress.step >= 300)


def test_the_page_draws_no_figure_for_a_text_that_is_not_here_and_offers_to_fetch_it() -> None:
    at = visit(wavenet_corpus="oz")
    assert "This text is not on this machine yet" in words(at)
    assert not at.exception


def test_the_fresh_net_is_that_of_its_seed() -> None:
    V = character_tokenizer(load_corpus("given-names")).vocab_size
    model = build_model("wavenet", WaveNetConfig(V, d_hidden=8), seed=7).eval()
    assert isinstance(model, WaveNet)
    labels = character_tokenizer(load_corpus("given-names"))
    reading = read_tree(model, labels.encode("isabella"), labels.labels)
    drawn = levels(fresh(wavenet_channels=8, wavenet_seed=7, wavenet_text="isabella"))
    np.testing.assert_allclose(drawn[-1], reading.levels[-1].activations, atol=1e-4)
