"""The Train page: from a text to a checkpoint that other pages offer, to one visitor alone; resumed, compared, deleted."""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from explorer.models.registry import ARCHITECTURES, PRESETS, build_config
from explorer.training import workbench_runs
from explorer.training.workbench_runs import list_saved
from explorer.ui.job_panel import board
from explorer.ui.sections.train_text import OWN
from explorer.ui.workspace import MOST_RUNS
from tests.pages.driving import chart, component, go, open_page, press, problems, words
from tests.pages.train_driving import (
    PAGE,
    QUICK,
    STORY,
    finished,
    kept,
    record_of,
    server_of_its_own,
    trained,
    upload,
    visitor,
)


@pytest.fixture(autouse=True)
def a_server_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    with server_of_its_own(monkeypatch, tmp_path) as folder:
        yield folder


def test_before_a_start_the_page_says_what_it_will_take() -> None:
    at = open_page(PAGE, **QUICK)
    config = build_config("gpt", {"vocab_size": 63, "context_length": 8, "n_layers": 1, "n_heads": 2, "d_model": 16})
    told = {metric.label: metric.value for metric in at.metric}
    parameters = ARCHITECTURES["gpt"].model_type(config).parameter_count()
    assert told["Numbers to learn"] == f"{parameters:,}"
    assert {"Memory, about", "Steps a second, about", "Time for 6 steps, about"} < told.keys()
    assert "a rough estimate, from counting" in words(at).replace("\\", "")
    planned = chart(at, "train_plan")["series"][0]["data"]
    assert [step for step, _ in planned] == [1, 2, 3, 4, 5, 6]
    assert planned[0][1] == 3e-3
    press(at, "train_measure")
    assert "last measured at on this server" in words(at)


def test_a_preset_fills_the_form_with_its_shape_and_settings() -> None:
    at = open_page(PAGE)
    at.selectbox(key="train_preset").set_value("drama-bpe-gpt")
    go(at)
    preset = PRESETS["drama-bpe-gpt"]
    assert at.selectbox(key="train_tokenizer").value == "bpe"
    assert at.number_input(key="train_vocab").value == preset.vocab_size
    for name, value in preset.model.items():
        assert at.number_input(key=f"train_gpt_{name}").value == value
    for name, value in preset.training.items():
        assert at.number_input(key=f"train_{name}").value == value
    assert "Numbers to learn, at most" in {metric.label for metric in at.metric}


def test_a_presets_text_that_is_not_here_is_offered_for_download() -> None:
    at = open_page(PAGE, train_corpus="names")
    assert [b.label for b in at.button if b.key == "train_corpus_download"] == ["Download it"]
    assert at.button(key="train_start").disabled


@pytest.mark.parametrize("architecture", [a for a in ARCHITECTURES if a != "gpt"])
def test_every_architecture_has_a_form_of_its_own_fields_that_makes_a_run(architecture: str) -> None:
    at = open_page(PAGE, **(QUICK | {"train_architecture": architecture}))
    assert not problems(at)
    assert not at.button(key="train_start").disabled
    shown = {str(w.key) for kind in (at.number_input, at.selectbox, at.checkbox) for w in kind}
    fields = set(ARCHITECTURES[architecture].config_type.__dataclass_fields__) - {"vocab_size", "pad_id"}
    assert {f"train_{architecture}_{name}" for name in fields} <= shown


def test_a_run_shows_its_losses_rates_text_and_a_heads_map_and_is_kept_in_the_table() -> None:
    at = trained()
    losses = {s["name"]: s["data"] for s in chart(at, "train_losses")["series"]}
    assert [step for step, _ in losses["held out"]] == [0, 3, 6]
    assert [step for step, _ in losses["single batches"]] == [1, 2, 3, 4, 5, 6]
    for name in ("learning_rate", "gradient_norm", "tokens_per_second"):
        assert len(chart(at, f"train_{name}_chart")["series"][0]["data"]) == 6
    assert component(at, "train_head_map")["labels"][0] == list("The␣ki")
    assert "Written at step 6" in words(at)
    assert "Whole held-out part, read at the end" in words(at)
    (row,) = at.dataframe[0].value.to_dict("records")
    assert (row["model"], row["text"], row["steps"], row["state"]) == ("gpt", "drama", "6 of 6", "done")


def test_pinned_runs_share_an_axis_and_the_table_names_what_differs(a_server_of_its_own: Path) -> None:
    at = trained()
    at.number_input(key="train_seed").set_value(7)
    at.number_input(key="train_learning_rate").set_value(0.01)
    at = finished(press(go(at), "train_start"))
    at.session_state["train_pins"] = [facts["id"] for facts in list_saved(next(a_server_of_its_own.glob("*/runs")))]
    go(at)
    assert len(chart(at, "train_overlay")["series"]) == 2
    differ = at.dataframe[1].value
    assert {"learning_rate", "seed"} <= set(differ.index)
    assert "batch_size" not in differ.index
    assert list(differ.loc["seed"]) == ["1", "7"]


def test_a_kept_run_is_offered_by_the_other_pages_to_its_visitor_alone(a_server_of_its_own: Path) -> None:
    at = kept(trained(), "my tiny")
    assert any("every other page" in said.value for said in at.success)
    at = go(at.switch_page("pages/generate.py"))
    (mine,) = [name for name in at.selectbox(key="checkpoint").options if "yours" in name]
    assert mine == "my tiny (yours)"
    at.session_state["checkpoint"] = str(next(a_server_of_its_own.rglob("checkpoints/*.json")).with_suffix(""))
    go(at)
    assert not problems(at)
    assert "trained on drama" in words(at)
    other = open_page("pages/generate.py", **visitor("ben"))
    assert not [name for name in other.selectbox(key="checkpoint").options if "yours" in name]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("", "needs a name"),
        ("../escape", "A name is made of letters"),
        ("..", "A name is made of letters"),
        ("a/b", "A name is made of letters"),
        ("x" * 300, "at most 60 characters was expected, got 300"),
        ("mine 🎉", "A name is made of letters"),
        ("taken", "There is already a checkpoint 'taken' of yours"),
        ("TAKEN", "There is already a checkpoint 'TAKEN' of yours"),
    ],
)
def test_a_name_that_cannot_be_or_is_taken_is_answered_in_a_sentence(
    kept_run: AppTest, name: str, said: str, a_server_of_its_own: Path
) -> None:
    before = sorted(str(p) for p in a_server_of_its_own.parent.rglob("*.safetensors"))
    at = kept(kept_run, name)
    assert any(said in problem for problem in problems(at)), problems(at)
    assert sorted(str(p) for p in a_server_of_its_own.parent.rglob("*.safetensors")) == before


@pytest.fixture
def kept_run() -> AppTest:
    return go(kept(trained(), "taken"))


def test_the_download_is_a_zip_of_the_checkpoint_and_brings_it_back(monkeypatch: pytest.MonkeyPatch) -> None:
    given: dict[str, Any] = {}
    real = st.download_button

    def record(label: str, *args: Any, **options: Any) -> Any:
        given[str(options.get("key"))] = options["data"]
        return real(label, *args, **options)

    at = kept(trained(), "tiny")
    monkeypatch.setattr(st, "download_button", record)
    go(at)
    content = given["train_download"]()
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert sorted(archive.namelist()) == ["tiny.json", "tiny.safetensors"]
    press(at, "train_delete_own")
    assert "train_own" not in {box.key for box in at.selectbox}
    at.file_uploader(key="train_zip").upload("tiny.zip", content, "application/zip")
    go(at)
    assert "tiny" in at.selectbox(key="train_own").options


def test_a_run_left_by_a_server_that_died_is_offered_to_its_visitor_alone_and_goes_on() -> None:
    at = press(open_page(PAGE, **(QUICK | visitor("ana") | {"train_steps": 50_000})), "train_start")
    job = board().get(at.session_state["_train_job"])
    assert job is not None
    while at.session_state["_train_run"] == "" if "_train_run" in at.session_state else True:
        go(at)
    job.pause()
    while record_of(job).saved != record_of(job).step:  # the paused page saves what is newest
        go(at)
    record = record_of(job)
    record.discarded = True  # as after kill -9: nothing is saved any more
    assert board().shutdown(timeout=20)
    board.clear()  # a new server: the board knows nothing
    named = {"train_job": job.id, "train_run": record.run}
    stranger = open_page(PAGE, named, **visitor("ben"))
    assert "not among those kept for you" in words(stranger)
    assert "train_go_on" not in {b.key for b in stranger.button}
    again = open_page(PAGE, named, **(QUICK | visitor("ana")))
    assert again.button(key="train_go_on").label == f"Go on from step {record.saved:,}"
    press(again, "train_go_on")
    resumed = board().get(again.session_state["_train_job"])
    assert resumed is not None
    while resumed.view().latest is None or record_of(resumed).step <= record.step:
        assert resumed.alive, resumed.error
    points = record_of(resumed).points.entries
    assert points[: len(record.points.entries)] == record.points.entries[: len(points)]
    resumed.stop()


def test_the_private_link_leads_to_the_workspace_and_does_not_stay_in_the_address() -> None:
    at = trained()
    (link,) = [block.value for block in at.code if "workspace=" in block.value]
    key = link.rpartition("=")[2]
    elsewhere = open_page(PAGE, {"workspace": key}, **visitor("ben"))
    assert len(elsewhere.dataframe[0].value) == 1
    assert "workspace" not in elsewhere.query_params
    lost = open_page(PAGE, {"workspace": "A" * 22}, **visitor("cleo"))
    assert any("no longer kept" in w.value for w in lost.warning) or not lost.dataframe


def test_everything_is_deleted_when_asked_and_only_after_a_second_yes(a_server_of_its_own: Path) -> None:
    at = kept(trained(), "tiny")
    at.button_group(key="train_source").set_value(OWN)
    at = upload(go(at), "cats.txt", STORY.encode())
    assert len(list(a_server_of_its_own.rglob("*.txt"))) == 1
    press(at, "train_ask_delete")
    assert any("for good" in w.value for w in at.warning)
    press(at, "train_keep_all")
    assert list(a_server_of_its_own.iterdir())
    press(press(at, "train_ask_delete"), "train_delete_all")
    assert list(a_server_of_its_own.iterdir()) == []
    assert "Nothing yet" in words(at)
    at = go(at.switch_page("pages/generate.py"))
    assert not [name for name in at.selectbox(key="checkpoint").options if "yours" in name]


def test_used_up_room_is_said_and_the_run_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbench_runs, "MOST_FOLDER_BYTES", 1000)
    at = trained()
    assert "are used up; delete runs" in words(at).replace("\\", "")
    assert len(chart(at, "train_losses")["series"][0]["data"]) == 3


def test_no_more_runs_are_begun_than_can_be_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    at = trained()
    facts = at.dataframe[0].value
    assert len(facts) == 1
    one = saved()
    many = [one | {"id": f"run{i}"} for i in range(MOST_RUNS)]
    monkeypatch.setattr("explorer.ui.sections.train_runs.list_saved", lambda _: many)
    go(at)
    assert any("20 runs of yours are kept" in problem for problem in problems(at))
    assert at.button(key="train_start").disabled


def saved() -> dict[str, Any]:
    """The facts of the only run."""
    (facts,) = list_saved(next(Path(os.environ["EXPLORER_WORKSPACES"]).glob("*/runs")))
    return facts
