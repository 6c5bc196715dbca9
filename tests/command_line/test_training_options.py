"""What `train` can be told: settings by name, texts as they come, and a checkpoint to begin from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from explorer.models.checkpoints import load_checkpoint
from tests.command_line.runner import SMALL, run_well

POEM = "so much depends upon a red wheel barrow. " * 20
SHORT = ("--steps", 2, *SMALL)


def card(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Path(f"checkpoints/{name}.json").read_text())
    return found


def test_settings_by_name_reach_the_model_and_the_training_with_the_type_they_have_there(here: Path) -> None:
    named = ("--optimizer", "muon", "--schedule", "linear", "--average", 0.5, "--matrix-learning-rate", 0.03)
    free = ("--set", "warmup=2", "--set", "cooldown=0.5", "--set", "clip=2", "--set", "tie_weights=false")
    run_well("train", "--corpus", "tale", "--name", "mine", *SHORT, *named, "--weight-decay", 0.2, *free)
    training, config = card("mine")["training"], card("mine")["config"]
    told = {
        "optimizer": "muon",
        "schedule": "linear",
        "weight_decay": 0.2,
        "average": 0.5,
        "matrix_learning_rate": 0.03,
    }
    told |= {"warmup": 2, "cooldown": 0.5, "clip": 2.0}
    assert {name: training[name] for name in told} == told
    assert isinstance(training["warmup"], int)
    assert isinstance(training["clip"], float)
    assert config["tie_weights"] is False
    assert card("mine")["hardware"] == {"device": "cpu", "precision": "float32", "compiled": False, "processes": 1}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (POEM.encode(), None),
        (POEM.encode("utf-8-sig"), "The file is in UTF-8, as its byte order mark says"),
        (POEM.encode("utf-16"), "The file is in UTF-16, as its byte order mark says"),
        (POEM.replace("red", "café").encode("latin-1"), "It was read as Windows-1252, the usual form of Latin-1"),
        (b"ana\nben\ncleo\n" * 20, "It looks like a list and is read one item a line; --kind text reads it as running"),
    ],
    ids=["UTF-8", "UTF-8 with a mark", "UTF-16", "Latin-1", "a list"],
)
def test_a_text_is_read_as_an_upload_is_and_what_was_assumed_is_said(
    here: Path, content: bytes, said: str | None
) -> None:
    Path("mine.txt").write_bytes(content)
    done = run_well("train", "--text", "mine.txt", "--name", "mine", *SHORT)
    spoken = " ".join(done.stderr.split())
    assert said is None or said in spoken
    assert said is not None or spoken.startswith("step 2: held-out loss")
    assert card("mine")["corpus"]["kind"] == ("items" if content.startswith(b"ana") else "text")


def test_how_a_text_is_read_can_be_said(here: Path) -> None:
    Path("mine.txt").write_bytes(b"ana\nben\ncleo\n" * 20)
    run_well("train", "--text", "mine.txt", "--name", "mine", "--kind", "text", *SHORT)
    assert card("mine")["corpus"]["kind"] == "text"
    Path("mine.txt").write_text(POEM.replace(". ", ".\n"))
    run_well("train", "--text", "mine.txt", "--name", "mine", "--kind", "items", *SHORT)
    assert card("mine")["corpus"]["kind"] == "items"


def test_a_checkpoint_learns_on_and_its_card_says_from_where_and_what_was_forgotten(there: Path) -> None:
    Path("poem.txt").write_text(POEM.replace("red", "ρεδ"))
    learnt = ("train", "--init-from", "mine", "--text", "poem.txt", "--steps", 20, "--batch-size", 4)
    done = run_well(*learnt, "--learning-rate", 0.01, "--dropout", 0.1)
    assert "3 symbols of this text are new to mine and were added to its vocabulary." in done.stderr
    parent, tuned = card("mine"), card("mine-poem")
    assert tuned["init_from"] == {"name": "mine", "sha256": parent["weights"]["sha256"], "added_symbols": 3}
    assert tuned["config"] == parent["config"] | {"vocab_size": parent["config"]["vocab_size"] + 3, "dropout": 0.1}
    assert tuned["corpus"]["name"] == "poem.txt"
    old = tuned["losses"]["old_corpus"]
    assert old["name"] == "tale"
    # New symbols take their share of the probability, a mean one: little of it.
    assert parent["losses"]["validation"] < old["before"] < parent["losses"]["validation"] + 0.1
    assert old["after"] != old["before"]
    assert tuned["losses"]["validation"] < old["after"]
    report = json.loads(run_well("evaluate", "--checkpoint", "mine-poem", "--corpus", "tale").stdout)
    assert report["val_loss"] == pytest.approx(old["after"], abs=1e-4)
    assert load_checkpoint("mine-poem").tokenizer.missing("ρεδ") == []


def test_without_new_symbols_the_old_loss_before_is_the_one_on_the_parents_card(there: Path) -> None:
    run_well("train", "--init-from", "mine", "--corpus", "tale", "--name", "more", "--steps", 2, "--batch-size", 4)
    assert card("more")["init_from"]["added_symbols"] == 0
    assert card("more")["losses"]["old_corpus"]["before"] == card("mine")["losses"]["validation"]


def test_a_text_that_is_not_here_any_more_is_said_and_no_loss_on_it_is_invented(there: Path) -> None:
    changed = card("mine") | {"corpus": {"name": "gone.txt", "kind": "text", "sha256": "0" * 64, "characters": 1}}
    Path("checkpoints/orphan.json").write_text(json.dumps(changed))
    Path("checkpoints/orphan.safetensors").write_bytes(Path("checkpoints/mine.safetensors").read_bytes())
    done = run_well("train", "--init-from", "orphan", "--corpus", "tale", "--name", "more", "--steps", 1)
    assert "The text that orphan learned from is not here, so what it forgets cannot be said." in done.stderr
    assert "old_corpus" not in card("more")["losses"]
