"""Files that are replaced whole: written beside their place and renamed into it, so that no kill leaves half of one.

A file that another one vouches for (weights, by the SHA-256 on their card) is renamed after it: `replacing` around the
replacing of the card. A kill between the two renames leaves the new weights beside their place, where `versions_of`
finds them and the next save puts them in order.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

_PART = ".part"
_being_written: set[Path] = set()  # by this process, now


@contextmanager
def replacing(path: Path, vouched: str | None = None) -> Iterator[IO[bytes]]:
    """A file to write, which is renamed into `path` when the block ends; nothing is changed if it fails.

    A block that goes on to vouch for the file closes it first, by `finish`. If it fails after that, the file stays beside
    its place, since it may be the one that counts: `put_in_order` is for whoever knows. It also is done first here, for
    what processes that were killed have left; `vouched` is the SHA-256 of the version that counts.
    """
    put_in_order(path, vouched)
    beside = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}{_PART}")
    _being_written.add(beside)
    try:
        file = beside.open("wb")
        try:
            yield file
            if not file.closed:
                finish(file)
        except BaseException:
            if not file.closed:
                with contextlib.suppress(OSError):  # of a full disk, which is told already
                    file.close()
                beside.unlink(missing_ok=True)
            raise
        beside.replace(path)
        _sync_folder(path.parent)
    finally:
        _being_written.discard(beside)


def replace_file(path: Path, content: bytes) -> None:
    """Write the whole file or nothing."""
    with replacing(path) as file:
        file.write(content)


def finish(file: IO[bytes]) -> None:
    """Close the file when what was written, and its place in its folder, would outlive a power cut."""
    file.flush()
    os.fsync(file.fileno())
    file.close()
    _sync_folder(Path(file.name).parent)


def _sync_folder(folder: Path) -> None:
    """Return when the names in the folder are on disk, where the system can say so (Windows cannot)."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def versions_of(path: Path) -> list[Path]:
    """The file itself and, after it, what was written beside it and not yet renamed."""
    return [path, *_beside(path)]


def _beside(path: Path) -> list[Path]:
    start = f".{path.name}."
    try:
        found = [part for part in sorted(path.parent.iterdir()) if part.name.startswith(start)]
    except OSError:
        return []
    return [part for part in found if part.suffix == _PART and part.name.removeprefix(start).count(".") == 2]


def put_in_order(path: Path, vouched: str | None) -> None:
    """Of what was left beside `path`, the version whose SHA-256 is `vouched` becomes `path`, all others are removed."""
    for part in _beside(path):
        if _is_being_written(part):
            continue
        with contextlib.suppress(FileNotFoundError):
            if vouched is not None and sha256_of(part) == vouched:
                part.replace(path)
            else:
                part.unlink()


def _is_being_written(part: Path) -> bool:
    """Whether a process is at work on it, as far as can be seen from this machine."""
    process = part.name.split(".")[-3]
    if process == str(os.getpid()):
        return part in _being_written
    return process.isdigit() and is_running(int(process))


def is_running(process: int) -> bool:
    """Whether a process of that id exists on this machine, as far as it can be asked (Windows would end it)."""
    if os.name == "posix":
        try:
            os.kill(process, 0)
        except (ProcessLookupError, OverflowError):
            return False
        except PermissionError:
            pass
    return True


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
