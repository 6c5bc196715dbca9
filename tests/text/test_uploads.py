"""An uploaded file: what it is is found out and said, what is no text is refused in a sentence, nothing is lost."""

from __future__ import annotations

import codecs
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from explorer.text.corpora import CORPORA, load_corpus
from explorer.text.sources import Shipped
from explorer.text.uploads import (
    LARGEST_BYTES,
    UploadError,
    check_length,
    column_of,
    find_table,
    kind_of,
    read_upload,
)

STORY = "It was late in the año of the niñas, and nobody came.\nThen it rained — all night.\n" * 4


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (STORY.encode(), None),
        (codecs.BOM_UTF8 + STORY.encode(), "in UTF-8, as its byte order mark says; its byte order mark was left out"),
        (STORY.encode("utf-16"), "in UTF-16, as its byte order mark says; it was read as such"),
        (codecs.BOM_UTF16_BE + STORY.encode("utf-16-be"), "in UTF-16, as its byte order mark says"),
        (STORY.encode("utf-32"), "in UTF-32, as its byte order mark says"),
        (STORY.encode("utf-16-le"), "no byte order mark but reads as UTF-16"),
        (STORY.encode("cp1252"), "not UTF-8 (byte 20 is 0xF1). It was read as Windows-1252, the usual form of Latin-1"),
        (STORY.replace("\n", "\r\n").encode(), None),
        (STORY.replace("\n", "\r").encode(), None),
    ],
)
def test_every_way_a_text_may_be_stored_gives_the_same_text_and_says_what_was_assumed(
    content: bytes, said: str | None
) -> None:
    read = read_upload(content)
    assert read.text == STORY
    assert read.kind == "text"
    if said is None:
        assert read.remarks == ()
    else:
        (remark,) = read.remarks
        assert said in remark


def test_bytes_that_windows_1252_lacks_are_latin_1() -> None:
    read = read_upload(b"\x81 " + b"\xe9t\xe9 " * 40)
    assert "read as Latin-1" in read.remarks[0]
    assert read.text == "\x81 " + "été " * 40


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1))
def test_what_is_in_utf_8_comes_back_as_it_was(text: str) -> None:
    if text.strip() and not text.startswith("\ufeff") and not _has_signature(text.encode()):
        assert read_upload(text.encode()).text == text


def _has_signature(content: bytes) -> bool:
    return content.startswith((b"%PDF", b"GIF8", b"PK", b"PAR1", b"SQLite", b"MZ"))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "the file is empty"),
        (b" \n\n\t ", "nothing but white space"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "the file is a PNG picture"),
        (b"PK\x03\x04" + bytes(100), "the file is a zip archive"),
        (random.Random(1).randbytes(5000), "looks binary"),
        (b"text\x00text" * 100, "looks binary"),
        (codecs.BOM_UTF16_LE + b"abc", "begins with the byte order mark of UTF-16, but"),
        (b"a" * (60 * 1024 * 1024), "at most 5 MB was expected, got 60.0 MB"),
    ],
)
def test_what_is_no_text_is_refused_in_one_sentence(content: bytes, said: str) -> None:
    with pytest.raises(UploadError, match=said) as caught:
        read_upload(content)
    assert "\n" not in str(caught.value)


def test_the_largest_allowed_file_is_read() -> None:
    assert len(read_upload(b"a b " * (LARGEST_BYTES // 4)).text) == LARGEST_BYTES


@pytest.mark.parametrize(
    "name", [n for n, entry in CORPORA.items() if isinstance(entry.source, Shipped)] + ["given-names"]
)
def test_each_shipped_corpus_looks_like_what_the_registry_says_it_is(name: str) -> None:
    corpus = load_corpus(name)
    assert kind_of(corpus.text) == corpus.kind
    assert find_table(corpus.text) is None


def test_one_line_is_running_text_and_a_short_list_is_no_list() -> None:
    assert kind_of("one long line " * 100) == "text"
    assert kind_of("ana\nben\n") == "text"


def test_a_csv_is_found_out_and_one_column_of_it_can_be_read_as_items() -> None:
    rows = "\n".join(f'{i},"name, {"abcdefghij"[i % 10]}",town {i % 3}' for i in range(40))
    read = read_upload(f"id,name,town\n{rows}\n".encode())
    assert read.table is not None
    assert read.table.columns == ("id", "name", "town")
    assert "looks like a table of 3 columns" in read.remarks[0]
    column = column_of(read.text, read.table, "name")
    assert column.text.split("\n")[:2] == ["name, a", "name, b"]
    assert column.kind == "items"
    with pytest.raises(UploadError, match="Expected a column among id, name, town"):
        column_of(read.text, read.table, "age")


def test_a_table_without_a_heading_keeps_its_first_line() -> None:
    read = read_upload("\n".join(f"{i};{i * i}" for i in range(30)).encode())
    assert read.table is not None
    assert (read.table.has_header, read.table.columns) == (False, ("column 1", "column 2"))
    assert column_of(read.text, read.table, "column 2").text.startswith("0\n1\n4\n")


def test_prose_with_commas_is_no_table() -> None:
    assert find_table("He came, he saw.\nShe went, she won.\nThey sat, they ate.\n" * 5) is None


@pytest.mark.parametrize(
    ("text", "kind", "said"),
    [
        ("a", "text", "at least 50 characters was expected, since a tenth of it is held out; got 1 character"),
        ("one line that is long enough for running text, but is one item", "items", "at least 10 items .* got 1 line"),
    ],
)
def test_too_little_to_learn_from_is_refused(text: str, kind: str, said: str) -> None:
    with pytest.raises(UploadError, match=said):
        check_length(text, kind)  # type: ignore[arg-type]


def test_five_thousand_different_characters_are_read_like_any_text() -> None:
    text = "".join(chr(0x4E00 + i) for i in range(5000))
    assert read_upload(text.encode()).text == text
