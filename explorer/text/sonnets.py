"""The text of a zip archive of sonnets in TEI, the XML that digital editions are written in.

Only the words are taken: the verse lines `<l>` in their stanzas `<lg>`. The archive comes from the network,
so it is read as something that may be broken or hostile: members are read in memory and never unpacked
to disk, their sizes are bounded, and a member that declares XML entities is refused.
"""

from __future__ import annotations

import unicodedata
import xml.etree.ElementTree as ElementTree
import zipfile
import zlib
from pathlib import Path, PurePosixPath

MAX_MEMBER_BYTES = 1_000_000
MAX_TOTAL_BYTES = 100_000_000
_TEI = "{http://www.tei-c.org/ns/1.0}"


class ArchiveError(Exception):
    """The archive is not what it should be. The message completes "..., but"."""


def sonnets_in_archive(path: Path) -> str:
    """The sonnets of the files `<top folder>/<author>/<file>.xml` of the zip archive at `path`.

    In sorted path order; lines joined by a newline, stanzas by a blank line, sonnets by two blank lines,
    a newline at the end. NFC, with every run of white space folded into one space.

    Raises `ArchiveError` where the file is not a zip archive, a member is not XML, or a bound is passed.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = sorted(filter(_is_sonnet, archive.infolist()), key=_parts)
            _check_sizes(members)
            sonnets = [_sonnet(archive.read(member), member.filename) for member in members]
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise ArchiveError(f"it cannot be read as one ({error})") from error
    if not sonnets:
        raise ArchiveError("it holds no author/sonnet.xml")
    return "\n\n\n".join(sonnet for sonnet in sonnets if sonnet) + "\n"


def _parts(member: zipfile.ZipInfo) -> tuple[str, ...]:
    return PurePosixPath(member.filename).parts


def _is_sonnet(member: zipfile.ZipInfo) -> bool:
    return len(_parts(member)) == 3 and member.filename.endswith(".xml")


def _check_sizes(members: list[zipfile.ZipInfo]) -> None:
    sizes = [member.file_size for member in members]
    if sizes and (max(sizes) > MAX_MEMBER_BYTES or sum(sizes) > MAX_TOTAL_BYTES):
        raise ArchiveError(
            f"it unpacks to {sum(sizes):,} bytes with a largest member of {max(sizes):,}, "
            f"where {MAX_TOTAL_BYTES:,} and {MAX_MEMBER_BYTES:,} are the most that is read"
        )


def _sonnet(raw: bytes, name: str) -> str:
    try:
        xml = raw.decode("utf-8-sig")
        # An entity may stand for a thousand others; the sonnets declare none, so any is refused.
        if "<!ENTITY" in xml:
            raise ArchiveError(f"{name} declares XML entities")
        root = ElementTree.fromstring(xml)
    except (UnicodeDecodeError, ElementTree.ParseError) as error:
        raise ArchiveError(f"{name} is not UTF-8 XML ({error})") from error
    stanzas = []
    for group in root.iter(f"{_TEI}lg"):
        lines = [" ".join("".join(line.itertext()).split()) for line in group.findall(f"{_TEI}l")]
        stanzas.append("\n".join(line for line in lines if line))
    return unicodedata.normalize("NFC", "\n\n".join(stanza for stanza in stanzas if stanza))
