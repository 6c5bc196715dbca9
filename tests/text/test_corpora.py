"""Corpora: what is shipped, what is downloaded (from a server this test starts), what goes wrong."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest

from explorer.text.corpora import CORPORA, CorpusError, is_local, load_corpus
from explorer.text.given_names import given_names
from explorer.text.sources import Download, SonnetArchive

SHARED = Path(os.environ.get("EXPLORER_DATA") or Path(__file__).resolve().parents[3] / "shared" / "data")
canonical = pytest.mark.skipif(
    not (SHARED / "names.txt").is_file(), reason=f"the canonical corpora are not in {SHARED} (EXPLORER_DATA)"
)

SHIPPED_SHA256 = {
    "drama": "03c196d55f8ecbacff2debdadabfd16640325f2ec38fd10a022b7e2ae9aa0428",
    "tale": "f04ca670a9729fbb4e22af2c5f3391cab1de86e4b34a9386485344afc6817f9f",
    "poemas": "9b31546aba21815c497f2f0e6923f88dc579f8b6894a9497b9061aebfb19c767",
}
TEXT = b"\xef\xbb\xbfIt was a quiet town.\r\nNobody counted it.\r\n"
TEXT_SHA256 = hashlib.sha256(TEXT).hexdigest()

Serve = Callable[[bytes], str]


pytestmark = pytest.mark.usefixtures("cache")


def register(monkeypatch: pytest.MonkeyPatch, source: Download | SonnetArchive) -> None:
    """Make `oz` come from `source`."""
    monkeypatch.setitem(CORPORA, "oz", dataclasses.replace(CORPORA["oz"], source=source))


def files_under(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*")) if folder.exists() else []


@pytest.mark.parametrize("name", SHIPPED_SHA256)
def test_a_shipped_corpus_is_the_text_that_was_written(name: str) -> None:
    corpus = load_corpus(name)
    assert corpus.sha256 == SHIPPED_SHA256[name] == hashlib.sha256(corpus.text.encode()).hexdigest()
    assert corpus.kind == "text"
    assert unicodedata.is_normalized("NFC", corpus.text)
    assert is_local(name)


def test_every_entry_can_be_shown_in_a_list() -> None:
    assert list(CORPORA) == [
        "drama",
        "tale",
        "poemas",
        "given-names",
        "names",
        "shakespeare",
        "oz",
        "sonetos",
    ]
    for entry in CORPORA.values():
        assert "\n" not in entry.description
        assert 20 < len(entry.description) < 100
        assert entry.title
        assert entry.licence
        assert entry.language


def test_given_names_are_lower_case_latin_words_in_sorted_order_each_once() -> None:
    corpus = load_corpus("given-names")
    assert corpus.kind == "items"
    assert corpus.items == sorted(set(corpus.items))
    assert corpus.text == "\n".join(corpus.items) + "\n"
    assert all(name.isalpha() and name == name.lower() for name in corpus.items)
    assert unicodedata.is_normalized("NFC", corpus.text)
    assert {"sigríður", "jürgen", "błażej"} <= set(corpus.items)


def test_given_names_are_the_same_names_with_the_pinned_faker_as_when_the_entry_was_described() -> None:
    corpus = load_corpus("given-names")
    assert f"{len(corpus.items):,} names" in CORPORA["given-names"].description
    assert corpus.sha256 == "a42479cfd707d311fce6d01092df8f0a019014f2af84c066e05d4189d84913bc"


def test_turkish_names_keep_dotted_and_dotless_i_apart() -> None:
    names = given_names(["tr_TR"])
    assert "ibrahim" in names
    assert "ışın" in names
    assert not any("\u0307" in name for name in names)


def test_names_of_an_unknown_locale_are_refused_in_one_sentence() -> None:
    with pytest.raises(CorpusError, match="'xx_XX'"):
        given_names(["xx_XX"])


def test_an_unknown_corpus_is_refused_with_the_known_names() -> None:
    for ask in (load_corpus, is_local):
        with pytest.raises(CorpusError, match=r"no corpus 'hamlet'; choose one of: drama, tale, .*sonetos"):
            ask("hamlet")


def test_a_download_is_checked_cached_and_cleaned_of_its_byte_order_mark(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, cache: Path
) -> None:
    register(monkeypatch, Download("town.txt", serve(TEXT), TEXT_SHA256))
    assert not is_local("oz")
    corpus = load_corpus("oz")
    assert corpus.text == "It was a quiet town.\nNobody counted it.\n"
    assert corpus.sha256 == TEXT_SHA256
    assert files_under(cache) == ["town.txt"]

    register(monkeypatch, Download("town.txt", "http://127.0.0.1:9/nobody", TEXT_SHA256))
    assert is_local("oz")
    assert load_corpus("oz") == corpus


def test_a_download_with_a_wrong_hash_says_both_hashes_and_is_not_kept(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, cache: Path
) -> None:
    register(monkeypatch, Download("town.txt", serve(b"something else"), TEXT_SHA256))
    got = hashlib.sha256(b"something else").hexdigest()
    with pytest.raises(CorpusError, match=rf"should have SHA-256 {TEXT_SHA256}, but has {got}; nothing was kept"):
        load_corpus("oz")
    assert files_under(cache) == []
    assert not is_local("oz")


def test_a_spoiled_file_in_the_cache_is_downloaded_again(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, cache: Path
) -> None:
    cache.mkdir()
    (cache / "town.txt").write_bytes(TEXT[:7])
    register(monkeypatch, Download("town.txt", serve(TEXT), TEXT_SHA256))
    assert load_corpus("oz").sha256 == TEXT_SHA256


def test_without_a_network_the_message_names_the_file_the_host_and_the_way_out(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, cache: Path
) -> None:
    nobody_listens = "http://127.0.0.1:9/town.txt"
    register(monkeypatch, Download("town.txt", nobody_listens, TEXT_SHA256))
    with pytest.raises(CorpusError, match=r"town.txt .* 127.0.0.1:9, but it could not be reached; .*EXPLORER_DATA"):
        load_corpus("oz")
    register(monkeypatch, Download("town.txt", serve(TEXT).replace("/file", "/missing"), TEXT_SHA256))
    with pytest.raises(CorpusError, match="the server answered 404"):
        load_corpus("oz")
    assert files_under(cache) == []


def test_a_cache_that_cannot_be_written_is_named(serve: Serve, monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    cache.write_text("a file where the folder should be")
    register(monkeypatch, Download("town.txt", serve(TEXT), TEXT_SHA256))
    with pytest.raises(CorpusError, match=rf"kept in {cache}, but writing there failed"):
        load_corpus("oz")


def test_a_file_in_explorer_data_is_used_instead_of_the_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cache: Path
) -> None:
    (tmp_path / "town.txt").write_bytes(TEXT)
    monkeypatch.setenv("EXPLORER_DATA", str(tmp_path))
    register(monkeypatch, Download("town.txt", "http://127.0.0.1:9/nobody", TEXT_SHA256))
    assert is_local("oz")
    assert load_corpus("oz").text.startswith("It was")
    assert files_under(cache) == []


def test_a_wrong_file_in_explorer_data_is_an_error_that_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "town.txt").write_bytes(b"not the town")
    monkeypatch.setenv("EXPLORER_DATA", str(tmp_path))
    register(monkeypatch, Download("town.txt", "http://127.0.0.1:9/nobody", TEXT_SHA256))
    assert not is_local("oz")
    with pytest.raises(CorpusError, match=r"town.txt should have SHA-256 .* but has .*; replace that file"):
        load_corpus("oz")


@canonical
def test_makemore_names_has_its_published_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXPLORER_DATA", str(SHARED))
    names = load_corpus("names").items
    assert len(names) == 32_033
    assert sum(len(name) + 1 for name in names) == 228_146  # bigrams, with start and end of each name


@canonical
def test_tiny_shakespeare_has_its_published_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXPLORER_DATA", str(SHARED))
    text = load_corpus("shakespeare").text
    assert (len(text), len(set(text))) == (1_115_394, 65)


@canonical
def test_the_book_of_oz_and_the_sonnets_are_read_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXPLORER_DATA", str(SHARED))
    oz = load_corpus("oz").text
    assert oz.startswith("  DOROTHY AND THE WIZARD IN OZ\n")
    assert "\r" not in oz
    assert len(load_corpus("sonetos").text.split("\n\n\n")) == 5_078
