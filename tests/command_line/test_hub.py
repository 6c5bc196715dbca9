"""`checkpoints add` of a model on the Hugging Face hub, which is never asked: what it would answer is played."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx2
import huggingface_hub
import pytest
from huggingface_hub.errors import GatedRepoError, LocalEntryNotFoundError, RepositoryNotFoundError

from explorer.models.checkpoints import load_checkpoint
from tests.command_line.runner import run_badly, run_well
from tests.foreign_models import assert_same_logits, edit_config, leave_pickles_only, save_gpt2


def hub(monkeypatch: pytest.MonkeyPatch, folder: Path, error: Exception | None = None) -> list[dict[str, Any]]:
    """The hub as this machine would see it: one repository, which is a folder, or an error. Returns what was asked."""
    asked: list[dict[str, Any]] = []

    def model_info(_self: object, repository: str, **_: Any) -> SimpleNamespace:
        if error is not None:
            raise error
        files = [SimpleNamespace(rfilename=path.name, size=path.stat().st_size) for path in folder.iterdir()]
        return SimpleNamespace(sha="a" * 40, siblings=files)

    def snapshot_download(repository: str, **options: Any) -> str:
        asked.append(options)
        if options.get("local_files_only") and error is not None:
            raise LocalEntryNotFoundError("not here")
        return str(folder)

    monkeypatch.setattr(huggingface_hub.HfApi, "model_info", model_info)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)
    return asked


def test_a_model_of_the_hub_is_fetched_without_its_pickles_and_gives_its_logits(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = save_gpt2(here / "far-away")
    (here / "far-away" / "pytorch_model.bin").write_bytes(b"\x80")
    asked = hub(monkeypatch, here / "far-away")
    run_well("checkpoints", "add", "somebody/little-gpt2")
    assert_same_logits("little-gpt2", theirs)
    card = load_checkpoint("little-gpt2").card
    assert (card["source"]["from"], card["source"]["revision"]) == ("somebody/little-gpt2", "a" * 40)
    patterns = {pattern for options in asked for pattern in options["allow_patterns"]}
    assert all(options["revision"] == "a" * 40 for options in asked)
    assert patterns <= {"config.json", "README.md", "tokenizer.json", "vocab.json", "merges.txt"} | {
        "model.safetensors",
        "model.safetensors.index.json",
    }


def response(status: int) -> httpx2.Response:
    return httpx2.Response(status, request=httpx2.Request("GET", "https://huggingface.co"))


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            httpx2.ConnectError("Name or service not known"),
            "huggingface.co cannot be reached (Name or service not known)",
        ),
        (
            huggingface_hub.errors.OfflineModeIsEnabled("offline mode"),
            "huggingface.co cannot be reached (offline mode)",
        ),
        (RepositoryNotFoundError("no", response=response(401)), "There is no model 'no/such' on huggingface.co"),
        (GatedRepoError("no", response=response(403)), "only to those who accepted its terms"),
        (huggingface_hub.errors.HfHubHTTPError("busy", response=response(503)), "answered with an error: busy"),
    ],
)
def test_a_hub_that_does_not_give_the_model_is_one_sentence(
    here: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, said: str
) -> None:
    hub(monkeypatch, here, error)
    assert said in run_badly("checkpoints", "add", "no/such")


def test_without_a_network_what_was_fetched_before_is_used(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = save_gpt2(here / "cache" / ("b" * 40))
    hub(monkeypatch, here, httpx2.ConnectError("no network"))
    monkeypatch.setattr(huggingface_hub, "snapshot_download", lambda *_, **__: str(here / "cache" / ("b" * 40)))
    run_well("checkpoints", "add", "somebody/little-gpt2")
    assert_same_logits("little-gpt2", theirs)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (leave_pickles_only, "somebody/other has its weights only as a Python pickle (pytorch_model.bin)"),
        (lambda f: edit_config(f, model_type="opt"), "of the family 'opt'; supported are the GPT-2 family"),
        (lambda f: (f / "config.json").unlink(), "somebody/other has no config.json"),
    ],
)
def test_a_repository_that_cannot_be_used_is_refused_before_its_weights_are_fetched(
    here: Path, monkeypatch: pytest.MonkeyPatch, spoil: Callable[[Path], object], said: str
) -> None:
    save_gpt2(here / "far-away")
    spoil(here / "far-away")
    asked = hub(monkeypatch, here / "far-away")
    assert said in run_badly("checkpoints", "add", "somebody/other")
    assert not any("model.safetensors" in options["allow_patterns"] for options in asked)
