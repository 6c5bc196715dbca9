"""The sonnet archive: its exact text, and archives that are broken or hostile."""

from __future__ import annotations

import dataclasses
import hashlib
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from explorer.text import sonnets
from explorer.text.corpora import CORPORA, Corpus, CorpusError, load_corpus
from explorer.text.sonnets import ArchiveError, sonnets_in_archive
from explorer.text.sources import SonnetArchive

TEI = """<TEI xmlns="http://www.tei-c.org/ns/1.0">
<text><body><head><title>Left out</title></head>{}</body></text></TEI>"""
FIRST = TEI.format(
    '<lg type="cuarteto"><l n="1" met="+-">Uno,\n\t <seg>dos</seg>  tres</l><l>cano\u0301n</l></lg>'
    "<lg><l> y </l><l/></lg>"
)
SECOND = TEI.format("<lg><l>Otro.</l></lg>")
TEXT = "Uno, dos tres\ncanón\n\ny\n\n\nOtro.\n"
TEXT_SHA256 = hashlib.sha256(TEXT.encode()).hexdigest()
MEMBERS = {
    "top-152d/B/B_2.xml": SECOND,
    "top-152d/A/A_10.xml": FIRST,
    "top-152d/README.xml": TEI.format("<lg><l>Not a sonnet: no author.</l></lg>"),
    "top-152d/A/notes.txt": "not XML",
}


def archive(folder: Path, members: dict[str, str]) -> Path:
    path = folder / "sonnets.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as bundle:
        for name, xml in members.items():
            bundle.writestr(name, xml)
    return path


def test_lines_stanzas_and_sonnets_are_joined_in_sorted_path_order(tmp_path: Path) -> None:
    assert sonnets_in_archive(archive(tmp_path, MEMBERS)) == TEXT


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({"t/A/a.xml": '<!DOCTYPE l [<!ENTITY x "ha">]><l>&x;</l>'}, "declares XML entities"),
        ({"t/A/a.xml": "<l>never closed"}, "is not UTF-8 XML"),
        ({"t/A/a.xml": "<l>" + " " * sonnets.MAX_MEMBER_BYTES + "</l>"}, "largest member of 1,000,007"),
        ({"t/readme.txt": "hello"}, "holds no author/sonnet.xml"),
    ],
)
def test_an_archive_that_is_not_one_of_sonnets_is_refused(tmp_path: Path, members: dict[str, str], reason: str) -> None:
    with pytest.raises(ArchiveError, match=reason):
        sonnets_in_archive(archive(tmp_path, members))


def test_a_file_that_is_no_zip_archive_or_a_damaged_one_is_refused(tmp_path: Path) -> None:
    path = archive(tmp_path, MEMBERS)
    whole = path.read_bytes()
    damaged = bytearray(whole)
    damaged[60] ^= 0xFF
    for raw in (b"<html>Sorry</html>", whole[: len(whole) // 2], bytes(damaged)):
        path.write_bytes(raw)
        with pytest.raises(ArchiveError, match="cannot be read as one"):
            sonnets_in_archive(path)


def test_members_with_paths_out_of_the_archive_are_read_in_memory_and_write_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "inner"
    folder.mkdir()
    path = archive(folder, {"../../escaped.xml": SECOND, "/abs/b.xml": SECOND})
    sonnets_in_archive(path)
    assert [found.name for found in tmp_path.rglob("*.xml")] == []


def sonnets_from(url: str, sha256: str, monkeypatch: pytest.MonkeyPatch) -> Corpus:
    source = SonnetArchive("sonetos.txt", url, sha256)
    monkeypatch.setitem(CORPORA, "sonetos", dataclasses.replace(CORPORA["sonetos"], source=source))
    return load_corpus("sonetos")


def test_the_finished_text_is_kept_and_the_archive_is_not(
    tmp_path: Path, cache: Path, serve: Callable[[bytes], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    url = serve(archive(tmp_path, MEMBERS).read_bytes())
    corpus = sonnets_from(url, TEXT_SHA256, monkeypatch)
    assert (corpus.text, corpus.sha256) == (TEXT, TEXT_SHA256)
    assert [path.name for path in cache.rglob("*")] == ["sonetos.txt"]
    assert sonnets_from("http://127.0.0.1:9/nobody", TEXT_SHA256, monkeypatch) == corpus


@pytest.mark.parametrize("kind", ["another text", "no archive", "no network"])
def test_a_bad_archive_is_refused_in_one_sentence_and_nothing_is_kept(
    kind: str, tmp_path: Path, cache: Path, serve: Callable[[bytes], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    url, reason = {
        "another text": (serve(archive(tmp_path, MEMBERS).read_bytes()), rf"but has {TEXT_SHA256}"),
        "no archive": (serve(b"<html>Sorry</html>"), "should be an archive of sonnets, but"),
        "no network": ("http://127.0.0.1:9/nobody", "could not be reached"),
    }[kind]
    with pytest.raises(CorpusError, match=reason):
        sonnets_from(url, "0" * 64, monkeypatch)
    assert list(cache.rglob("*")) == []
