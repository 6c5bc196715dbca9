"""What the repository promises about its own files: pins, texts, weights."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from explorer.text.corpora import CORPORA
from explorer.text.sources import DATA_FOLDER, Download, Shipped, SonnetArchive

ROOT = Path(__file__).resolve().parents[1]


def files_of_the_repository() -> list[Path]:
    """What git tracks, and what it would take in with `git add .`."""
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("this copy is not a git repository")
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return [ROOT / name for name in names.split("\0") if name and (ROOT / name).is_file()]


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_every_requirement_is_pinned_to_one_version(name: str) -> None:
    lines = [line for line in (ROOT / name).read_text().splitlines() if line and not line.startswith("#")]
    assert len(lines) > 5
    assert [line for line in lines if not re.fullmatch(r"[\w.-]+==[\w.]+|-r requirements.txt", line)] == []


def test_torch_is_pinned_without_a_build_so_that_pip_takes_the_one_for_the_machine() -> None:
    assert "torch==2.13.0" in (ROOT / "requirements.txt").read_text().splitlines()


def test_no_downloaded_corpus_is_in_the_repository() -> None:
    canonical = {
        entry.source.sha256: name
        for name, entry in CORPORA.items()
        if isinstance(entry.source, Download | SonnetArchive)
    }
    assert sorted(canonical.values()) == ["names", "oz", "shakespeare", "sonetos"]
    hashes = {hashlib.sha256(file.read_bytes()).hexdigest(): file for file in files_of_the_repository()}
    assert {canonical[sha]: hashes[sha] for sha in canonical.keys() & hashes.keys()} == {}


def test_every_text_in_data_is_in_the_registry_and_described_with_its_size_and_hash() -> None:
    texts = sorted(DATA_FOLDER.glob("*.txt"))
    shipped = [entry.source.files for entry in CORPORA.values() if isinstance(entry.source, Shipped)]
    assert [text.name for text in texts] == sorted(file for files in shipped for file in files)
    described = (DATA_FOLDER / "README.md").read_text()
    for text in texts:
        raw = text.read_bytes()
        (row,) = [line for line in described.splitlines() if f"| `{text.name}` |" in line]
        assert f"| {len(raw):,} | `{hashlib.sha256(raw).hexdigest()}` |" in row


def test_the_folder_of_checkpoints_holds_weights_and_a_card_for_each() -> None:
    folder = ROOT / "checkpoints"
    weights = {file.stem for file in folder.glob("*.safetensors")}
    cards = {file.stem: json.loads(file.read_text(encoding="utf-8")) for file in folder.glob("*.json")}
    assert set(cards) == weights
    assert {file.suffix for file in folder.iterdir()} <= {".safetensors", ".json", ".md"}
    assert all(isinstance(card, dict) for card in cards.values())


def test_no_file_is_too_large_to_clone_comfortably() -> None:
    assert [file for file in files_of_the_repository() if file.stat().st_size > 9_000_000] == []


DOCUMENTS = ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "data/README.md", "checkpoints/README.md")
PATH = re.compile(r"[\w./-]+/[\w.-]*|[\w.-]+\.(?:py|md|txt|toml|js|json)")
ELSEWHERE = (".venv/", "../shared/")  # what a reader makes, and what may lie beside the repository


def quoted(text: str) -> list[str]:
    return re.findall(r"`([^`\n]+)`", text)


def paths_named_in(document: str) -> list[str]:
    """Every path that a document quotes or links to; a grid's file names with the folder that heads their column.

    Fenced and indented blocks are left out: they hold what the reader is about to write.
    """
    text = re.sub(r"```.*?```|^    .*?$", "", (ROOT / document).read_text(encoding="utf-8"), flags=re.S | re.M)
    found = re.findall(r"\]\(([^)#:]+)\)", text)
    folders: list[str] = []
    for line in text.splitlines():
        cells = line.split("|") if line.startswith("|") else []
        if any(cell.strip() == "`core/`" for cell in cells):
            folders = [cell.strip("` ") for cell in cells]
        elif cells and folders:
            found += [folder + name for folder, cell in zip(folders, cells, strict=True) for name in quoted(cell)]
        else:
            folders = []
            found += [name for name in quoted(line) if PATH.fullmatch(name) and not name.startswith(ELSEWHERE)]
    return found


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_path_that_the_documents_name_exists(document: str) -> None:
    named = paths_named_in(document)
    assert len(named) > 1
    places = (ROOT, ROOT / "explorer", (ROOT / document).parent)
    assert [name for name in named if not any((place / name).exists() for place in places)] == []
