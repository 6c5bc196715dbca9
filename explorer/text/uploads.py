"""A file that a visitor brings: its bytes as text, what had to be assumed on the way, and how it may be read.

Nothing is guessed in silence: whatever was assumed stands in `UploadedText.remarks`, one sentence each. Files that are
no text are refused with what they seem to be.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
import unicodedata
from collections import Counter
from dataclasses import dataclass
from statistics import mean, median

from explorer.text.corpora import Kind

LARGEST_BYTES = 5 * 1024 * 1024
FEWEST_CHARACTERS = 50
FEWEST_ITEMS = 10
LONGEST_ITEM = 40  # characters that nine in ten of a list's items do not exceed
_LOOKED_AT = 400  # lines

# A mark at the beginning says which Unicode encoding follows; the longer marks first, since one begins like another.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32", "UTF-32"),
    (codecs.BOM_UTF32_BE, "utf-32", "UTF-32"),
    (codecs.BOM_UTF8, "utf-8-sig", "UTF-8"),
    (codecs.BOM_UTF16_LE, "utf-16", "UTF-16"),
    (codecs.BOM_UTF16_BE, "utf-16", "UTF-16"),
)
_KNOWN_FILES = {
    b"\x89PNG": "a PNG picture",
    b"\xff\xd8\xff": "a JPEG picture",
    b"GIF8": "a GIF picture",
    b"%PDF": "a PDF document",
    b"PK\x03\x04": "a zip archive (Word documents are such archives too)",
    b"\x1f\x8b": "a gzip archive",
    b"\x7fELF": "a program",
    b"MZ\x90": "a program",
    b"PAR1": "a Parquet table",
    b"SQLite format 3": "a database",
}


class UploadError(ValueError):
    """A file that cannot be learned from: what was expected, what came, what to do."""


@dataclass(frozen=True)
class Table:
    """A text that is a table. delimiter: between cells. columns: their names, or "column 1" … where the first line holds
    values. has_header: whether the first line is names."""

    delimiter: str
    columns: tuple[str, ...]
    has_header: bool


@dataclass(frozen=True)
class UploadedText:
    """text: without a byte order mark, lines ended by "\\n". kind: what it looks like, "text" for running text or
    "items" for one item a line. remarks: what was assumed or changed, a sentence each. table: where it is one."""

    text: str
    kind: Kind
    remarks: tuple[str, ...] = ()
    table: Table | None = None


def read_upload(content: bytes, most: int | None = LARGEST_BYTES) -> UploadedText:
    """A file's bytes as text. Raises UploadError for one of more than `most` bytes, that is empty, or no text.

    >>> read_upload("año\\n".encode("utf-16")).remarks[0]
    'The file is in UTF-16, as its byte order mark says; it was read as such.'
    """
    if most is not None and len(content) > most:
        raise UploadError(
            f"A text of at most {most / 1024**2:.0f} MB was expected, got {len(content) / 1024**2:.1f} MB; "
            "bring a part of it."
        )
    if not content:
        raise UploadError("A text was expected, but the file is empty; choose another one.")
    text, remarks = _decode(content)
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    if not text.strip():
        raise UploadError("A text was expected, but the file holds nothing but white space; choose another one.")
    table = find_table(text)
    if table is not None:
        remarks.append(
            f"This looks like a table of {len(table.columns)} columns. It can be read as it stands, commas and all, or one "
            "column of it can."
        )
    return UploadedText(text, "text" if table is not None else kind_of(text), tuple(remarks), table)


def _decode(content: bytes) -> tuple[str, list[str]]:
    for start, name in _KNOWN_FILES.items():
        if content.startswith(start):
            raise UploadError(f"A plain text was expected, but the file is {name}; save its text as .txt.")
    for mark, codec, name in _MARKS:
        if content.startswith(mark):
            try:
                text = content.decode(codec)
            except UnicodeDecodeError as error:
                raise UploadError(
                    f"The file begins with the byte order mark of {name}, but byte {error.start:,} is not {name}; save it "
                    "as UTF-8."
                ) from error
            said = "its byte order mark was left out" if name == "UTF-8" else "it was read as such"
            return _checked(text), [f"The file is in {name}, as its byte order mark says; {said}."]
    unmarked = _unmarked_utf16(content)
    if unmarked is not None:
        return _checked(unmarked), ["The file has no byte order mark but reads as UTF-16, and was read as such."]
    try:
        return _checked(content.decode("utf-8")), []
    except UnicodeDecodeError as error:
        first = error
    try:
        text, name = content.decode("cp1252"), "Windows-1252, the usual form of Latin-1"
    except UnicodeDecodeError:
        text, name = content.decode("latin-1"), "Latin-1"
    _checked(text)
    odd = next(c for c in text if ord(c) > 127)
    return text, [
        f"The file is not UTF-8 (byte {first.start:,} is 0x{content[first.start]:02X}). It was read as {name}, in which "
        f"that is “{odd}”; if letters look wrong below, save the file as UTF-8."
    ]


def _unmarked_utf16(content: bytes) -> str | None:
    """The text, if every second byte of the beginning is nearly always zero, as in Western texts in UTF-16."""
    head = content[: 4000 - len(content) % 2]
    if len(head) < 8 or len(content) % 2:
        return None
    for codec, zeros in (("utf-16-le", head[1::2]), ("utf-16-be", head[::2])):
        if zeros.count(0) > 0.7 * len(zeros) and head.count(0) < 0.6 * len(head):
            try:
                return content.decode(codec)
            except UnicodeDecodeError:
                return None
    return None


def _checked(text: str) -> str:
    """The text; raises UploadError where it holds what no text holds."""
    control = sum(
        count for c, count in Counter(text).items() if unicodedata.category(c) == "Cc" and c not in "\n\r\t\f\x1a"
    )
    if "\x00" in text or control > 0.002 * len(text) + 2:
        raise UploadError(
            f"A plain text was expected, but the file looks binary ({control:,} of its {len(text):,} signs are control "
            "codes); save its text as .txt."
        )
    return text


def kind_of(text: str) -> Kind:
    """What a text looks like: "items" for a list of short things, one a line, else "text".

    >>> kind_of("ana\\nben\\ncleo\\n" * 10), kind_of("It was late.\\n\\nNobody came, and then it rained.\\n" * 10)
    ('items', 'text')
    """
    lines = text.split("\n")[:_LOOKED_AT]
    full = [line.strip() for line in lines if line.strip()]
    if len(full) < 2 * FEWEST_ITEMS or len(full) < 0.95 * (len(lines) - 1):
        return "text"
    lengths = sorted(len(line) for line in full)
    short = lengths[int(0.9 * len(lengths))] <= LONGEST_ITEM
    sentences = sum(line[-1] in ".,;:!?…" for line in full) / len(full)
    few_words = mean(len(line.split()) for line in full) <= 3 and median(len(line.split()) for line in full) <= 2
    return "items" if short and few_words and sentences < 0.1 else "text"


def find_table(text: str) -> Table | None:
    """The table a text is, if it is one: the same number of cells, two or more, in (nearly) every line."""
    lines = [line for line in text.split("\n")[:_LOOKED_AT] if line.strip()]
    if len(lines) < 3:
        return None
    for delimiter in ("\t", ";", ",", "|"):
        if delimiter not in lines[0]:
            continue
        try:
            rows = list(csv.reader(io.StringIO("\n".join(lines)), delimiter=delimiter))
        except csv.Error:
            continue
        width = len(rows[0])
        alike = sum(len(row) == width for row in rows)
        # A comma followed by a space is prose; in tables cells touch their commas.
        prose = delimiter == "," and sum(cell.startswith(" ") for row in rows for cell in row) > 0.3 * len(rows)
        if width >= 2 and alike >= 0.97 * len(rows) and not prose:
            first = [cell.strip() for cell in rows[0]]
            header = all(first) and len(set(first)) == width and not any(_is_number(cell) for cell in first)
            named = header and (len(rows) < 3 or any(_is_number(cell) for cell in rows[1]) or _is_heading(first))
            columns = tuple(first) if named else tuple(f"column {i + 1}" for i in range(width))
            return Table(delimiter, columns, named)
    return None


def _is_number(cell: str) -> bool:
    return re.fullmatch(r"[-+]?[\d.,\s]*\d%?", cell.strip()) is not None


def _is_heading(cells: list[str]) -> bool:
    return all(len(cell) <= 30 and re.match(r"[^\W\d]", cell) for cell in cells) and not any(
        cell.endswith((".", "!", "?")) for cell in cells
    )


def column_of(text: str, table: Table, column: str) -> UploadedText:
    """One column of a table, a line each; its kind is looked at anew. Raises UploadError for a column it lacks."""
    if column not in table.columns:
        raise UploadError(f"Expected a column among {', '.join(table.columns)}, got {column!r}.")
    place = table.columns.index(column)
    rows = list(csv.reader(io.StringIO(text), delimiter=table.delimiter))[int(table.has_header) :]
    cells = [" ".join(row[place].split()) for row in rows if len(row) > place and row[place].strip()]
    if not cells:
        raise UploadError(f"The column {column!r} is empty; choose another one.")
    read = "\n".join(cells) + "\n"
    return UploadedText(read, kind_of(read), (f"{len(cells):,} cells of the column “{column}”, one a line.",))


def check_length(text: str, kind: Kind) -> None:
    """Raise UploadError where there is too little to learn from and to hold out."""
    if len(text) < FEWEST_CHARACTERS:
        count = "1 character" if len(text) == 1 else f"{len(text)} characters"
        raise UploadError(
            f"A text of at least {FEWEST_CHARACTERS} characters was expected, since a tenth of it is held out; got "
            f"{count}. Bring more."
        )
    items = len([line for line in text.split("\n") if line])
    if kind == "items" and items < FEWEST_ITEMS:
        count = "1 line" if items == 1 else f"{items} lines"
        raise UploadError(
            f"A list of at least {FEWEST_ITEMS} items was expected, one a line, got {count}; read it as running text."
        )
