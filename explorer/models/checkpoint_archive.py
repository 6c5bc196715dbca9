"""A checkpoint as one zip file, to take along and to bring back: weights, card and, where there is one, the tokenizer.

Bringing one back trusts nothing in it: only the three names are read, none is unpacked by its own path, sizes are looked
at before a byte is inflated, and the checkpoint is loaded once, with all its checks, before it is kept.
"""

from __future__ import annotations

import io
import json
import shutil
import tempfile
import zipfile
from pathlib import Path, PurePosixPath

from explorer.models.cards import TOKENIZER_SUFFIX, CheckpointError
from explorer.models.checkpoints import load_checkpoint, replace_file

WEIGHTS_SUFFIX, CARD_SUFFIX = ".safetensors", ".json"
LARGEST_MEMBER = 80_000_000  # bytes, inflated


def pack_checkpoint(path: Path) -> bytes:
    """The files of a checkpoint, named without suffix, as a zip file. Raises CheckpointError where they are not there."""
    content = io.BytesIO()
    try:
        with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
            for suffix in (CARD_SUFFIX, WEIGHTS_SUFFIX, TOKENIZER_SUFFIX):
                file = path.with_name(path.name + suffix)
                if suffix != TOKENIZER_SUFFIX or file.is_file():
                    archive.writestr(path.name + suffix, file.read_bytes())
    except OSError as error:
        raise CheckpointError(f"The checkpoint {path.name} is not there any more; choose another one.") from error
    return content.getvalue()


def unpack_checkpoint(content: bytes, folder: Path, name: str) -> Path:
    """Keep the checkpoint of a zip file in `folder` under `name`; its path without suffix.

    Raises CheckpointError where the file is no such archive, is too large, or holds a checkpoint that does not load.
    """
    with tempfile.TemporaryDirectory(prefix="checkpoint-") as temporary:
        inside = Path(temporary) / name
        for suffix, member in _members(content).items():
            inside.with_name(name + suffix).write_bytes(member)
        card_path = inside.with_name(name + CARD_SUFFIX)
        _rename_card(card_path, name)
        load_checkpoint(inside)
        folder.mkdir(parents=True, exist_ok=True)
        place = folder / name
        for suffix in (WEIGHTS_SUFFIX, TOKENIZER_SUFFIX, CARD_SUFFIX):  # the card last: it makes the others count
            file = inside.with_name(name + suffix)
            if file.is_file():
                replace_file(place.with_name(name + suffix), file.read_bytes())
        shutil.rmtree(temporary, ignore_errors=True)
    return place


def _members(content: bytes) -> dict[str, bytes]:
    """The archive's three kinds of files by suffix."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            found: dict[str, zipfile.ZipInfo] = {}
            for member in archive.infolist():
                file = PurePosixPath(member.filename).name
                suffix = next((s for s in (TOKENIZER_SUFFIX, CARD_SUFFIX, WEIGHTS_SUFFIX) if file.endswith(s)), None)
                if suffix is not None:
                    if suffix in found:
                        raise CheckpointError(
                            "The zip file holds several checkpoints; one was expected: a card and its weights."
                        )
                    found[suffix] = member
            if CARD_SUFFIX not in found or WEIGHTS_SUFFIX not in found:
                raise CheckpointError(
                    "A zip file with a card (.json) and weights (.safetensors) was expected, as this page's download "
                    f"gives; got {len(archive.infolist())} files without them."
                )
            largest = max(found.values(), key=lambda member: member.file_size)
            if largest.file_size > LARGEST_MEMBER:
                raise CheckpointError(
                    f"A checkpoint of at most {LARGEST_MEMBER / 1e6:.0f} MB was expected, got "
                    f"{largest.file_size / 1e6:.0f} MB; the command line takes larger ones."
                )
            return {suffix: _read(archive, member) for suffix, member in found.items()}
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError) as error:
        raise CheckpointError("A zip file of a checkpoint was expected, but this one cannot be read.") from error


def _read(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    """At most as many bytes as the archive says there are, whatever is in it."""
    with archive.open(member) as file:
        return file.read(member.file_size + 1)[: member.file_size]


def _rename_card(path: Path, name: str) -> None:
    """The card says the name it is kept under."""
    try:
        card = json.loads(path.read_text(encoding="utf-8"))
        path.write_text(json.dumps({**card, "name": name}, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    except (ValueError, TypeError) as error:
        raise CheckpointError("The card in the zip file is not readable JSON; download it once more.") from error
