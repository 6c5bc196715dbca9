"""A checkpoint taken along as a zip file and brought back: the same numbers, and nothing in the file is trusted."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from explorer.models.cards import CheckpointError
from explorer.models.checkpoint_archive import pack_checkpoint, unpack_checkpoint
from explorer.models.checkpoints import load_checkpoint, save_checkpoint
from explorer.models.registry import build_config, build_model
from explorer.text.tokenizers import CharTokenizer


@pytest.fixture
def packed(tmp_path: Path) -> bytes:
    model = build_model(
        "gpt", build_config("gpt", {"vocab_size": 3, "n_layers": 1, "n_heads": 1, "d_model": 8}), seed=1
    )
    save_checkpoint(tmp_path / "mine", model, CharTokenizer("abc"), architecture="gpt", facts={"seed": 1})
    return pack_checkpoint(tmp_path / "mine")


def repacked(content: bytes, change: Callable[[str, bytes], tuple[str, bytes] | None], more: dict[str, bytes]) -> bytes:
    """The archive with each member changed, or left out, and more members."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            kept = change(name, old.read(name))
            if kept is not None:
                new.writestr(*kept)
        for name, data in more.items():
            new.writestr(name, data)
    return out.getvalue()


def test_a_checkpoint_comes_back_under_another_name_with_the_same_numbers(packed: bytes, tmp_path: Path) -> None:
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        assert archive.testzip() is None
        assert sorted(archive.namelist()) == ["mine.json", "mine.safetensors"]
    back = load_checkpoint(unpack_checkpoint(packed, tmp_path / "other", "yours"))
    first = load_checkpoint(tmp_path / "mine")
    assert back.card["name"] == "yours"
    left, right = first.model.state_dict(), back.model.state_dict()
    assert [name for name in left if not torch.equal(left[name], right[name])] == []


def test_a_path_inside_the_archive_leads_nowhere(packed: bytes, tmp_path: Path) -> None:
    evil = repacked(packed, lambda name, data: (f"../../{name}", data), {})
    unpack_checkpoint(evil, tmp_path / "in" / "there", "safe")
    assert sorted(p.name for p in (tmp_path / "in").rglob("*") if p.is_file()) == ["safe.json", "safe.safetensors"]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in", "mine.json", "mine.safetensors"]


def cut_short(name: str, data: bytes) -> tuple[str, bytes]:
    return (name, data[:-4]) if name.endswith(".safetensors") else (name, data)


def no_card(name: str, data: bytes) -> tuple[str, bytes] | None:
    return None if name.endswith(".json") else (name, data)


def other_shape(name: str, data: bytes) -> tuple[str, bytes]:
    if not name.endswith(".json"):
        return name, data
    card = json.loads(data)
    return name, json.dumps({**card, "config": {**card["config"], "d_model": 16}}).encode()


def broken_card(name: str, data: bytes) -> tuple[str, bytes]:
    return (name, b"{") if name.endswith(".json") else (name, data)


@pytest.mark.parametrize(
    ("change", "more", "said"),
    [
        (cut_short, {}, "cut short|bytes"),
        (no_card, {}, "with a card .* was expected"),
        (other_shape, {}, "do not fit the config"),
        (broken_card, {}, "not readable JSON"),
        (lambda n, d: (n, d), {"second.json": b"{}"}, "several checkpoints"),
    ],
)
def test_an_archive_that_is_damaged_or_odd_is_refused_and_nothing_is_kept(
    packed: bytes, tmp_path: Path, change: Callable[[str, bytes], tuple[str, bytes]], more: dict[str, bytes], said: str
) -> None:
    with pytest.raises(CheckpointError, match=said):
        unpack_checkpoint(repacked(packed, change, more), tmp_path / "kept", "x")
    assert not (tmp_path / "kept").exists()


@pytest.mark.parametrize("content", [b"", b"no zip", b"PK\x03\x04 but no more"])
def test_what_is_no_archive_is_refused(content: bytes, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="A zip file of a checkpoint was expected"):
        unpack_checkpoint(content, tmp_path, "x")


def test_a_small_file_that_inflates_to_much_is_refused_before_it_is_read(packed: bytes, tmp_path: Path) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.json", b"{}")
        archive.writestr("a.safetensors", bytes(90_000_000))
    assert len(out.getvalue()) < 200_000
    with pytest.raises(CheckpointError, match="at most 80 MB was expected, got 90 MB"):
        unpack_checkpoint(out.getvalue(), tmp_path, "x")


def test_a_checkpoint_that_was_deleted_is_said_to_be_gone(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="is not there any more"):
        pack_checkpoint(tmp_path / "gone")
