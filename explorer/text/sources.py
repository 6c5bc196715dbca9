"""Where the bytes of a corpus come from: this repository, Faker's tables, or a pinned address.

Every source answers the same two questions, `read()` and `is_local()`, so that the registry in
`explorer.text.corpora` and whoever loads from it need not know which kind they hold.

A downloaded text is looked for in three places, in this order: the folder named by the environment
variable `EXPLORER_DATA`, the user's cache folder, the network. Whatever its way, its SHA-256 is checked.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

DATA_FOLDER = Path(__file__).resolve().parents[2] / "data"
DATA_VARIABLE = "EXPLORER_DATA"
TIMEOUT_SECONDS = 20


class CorpusError(Exception):
    """A corpus cannot be had. The message is one sentence: what was expected, what came, what to do."""


class Source(Protocol):
    """Where a corpus comes from."""

    def read(self) -> bytes:
        """The UTF-8 bytes of the whole corpus; raises `CorpusError` where they cannot be had."""

    def is_local(self) -> bool:
        """Whether `read` will succeed without the network."""


@dataclass(frozen=True)
class Shipped:
    """Files of this repository's `data/` folder, one after the other."""

    files: tuple[str, ...]

    def read(self) -> bytes:
        """The files' bytes, joined with nothing between them."""
        return b"".join(_read_bytes(DATA_FOLDER / file) for file in self.files)

    def is_local(self) -> bool:
        """Whether every file is there."""
        return all((DATA_FOLDER / file).is_file() for file in self.files)


@dataclass(frozen=True)
class GivenNames:
    """The given names of Faker's tables for the listed locales: one a line, sorted, each once."""

    locales: tuple[str, ...]

    def read(self) -> bytes:
        """The names as UTF-8, a newline after each."""
        from explorer.text.given_names import given_names

        return "".join(f"{name}\n" for name in given_names(self.locales)).encode()

    def is_local(self) -> bool:
        """Always: the tables come with the package."""
        return True


@dataclass(frozen=True)
class Download:
    """One file at a pinned address; `filename` is its name in `EXPLORER_DATA` and in the cache."""

    filename: str
    url: str
    sha256: str

    def read(self) -> bytes:
        """The file's bytes, which have the SHA-256 of this entry."""
        held = _held_locally(self.filename, self.sha256)
        return held or _read_bytes(_fetch(self, cache_folder(), self.sha256))

    def is_local(self) -> bool:
        """Whether a copy with the right hash lies in `EXPLORER_DATA` or in the cache."""
        return _is_held(self.filename, self.sha256)


@dataclass(frozen=True)
class SonnetArchive:
    """A zip archive of TEI sonnets. Archives are not byte-stable, so `sha256` is the finished text's."""

    filename: str
    url: str
    sha256: str

    def read(self) -> bytes:
        """The text built from the archive, which has the SHA-256 of this entry."""
        return _held_locally(self.filename, self.sha256) or self._build()

    def is_local(self) -> bool:
        """Whether the finished text lies in `EXPLORER_DATA` or in the cache with the right hash."""
        return _is_held(self.filename, self.sha256)

    def _build(self) -> bytes:
        from explorer.text.sonnets import ArchiveError, sonnets_in_archive

        folder = cache_folder()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            # The archive and the unfinished text live here and vanish with it, whatever goes wrong.
            with tempfile.TemporaryDirectory(dir=folder) as workshop:
                archive = _fetch(self, Path(workshop), None)
                raw = sonnets_in_archive(archive).encode()
                _check_sha256(raw, self.sha256, f"the text built from {self.url}", _AFTER_BAD_DOWNLOAD)
                finished = Path(workshop) / self.filename
                finished.write_bytes(raw)
                finished.replace(folder / self.filename)
        except ArchiveError as error:
            raise CorpusError(f"{self.url} should be an archive of sonnets, but {error}; {_TRY}.") from error
        except OSError as error:
            raise _unwritable(folder, error) from error
        return raw


_AFTER_BAD_DOWNLOAD = "nothing was kept; try again, and if this comes back the address serves another file"
_TRY = f"try again, or put the finished file into a folder and name that folder in {DATA_VARIABLE}"


def cache_folder() -> Path:
    """Where downloads are kept between runs (`~/.cache/language-model-explorer` on Linux)."""
    import pooch

    return Path(pooch.os_cache("language-model-explorer"))


def _held_locally(filename: str, sha256: str) -> bytes | None:
    """The verified bytes of `filename` from `EXPLORER_DATA` or else the cache; None where neither has it.

    A wrong file in `EXPLORER_DATA` is an error, since somebody put it there; one in the cache is only
    a reason to download again.
    """
    named = os.environ.get(DATA_VARIABLE)
    if named and (Path(named) / filename).is_file():
        path = Path(named) / filename
        raw = _read_bytes(path)
        _check_sha256(raw, sha256, str(path), "replace that file, or remove it to have it downloaded")
        return raw
    cached = cache_folder() / filename
    if cached.is_file() and (raw := _read_bytes(cached)) and hashlib.sha256(raw).hexdigest() == sha256:
        return raw
    return None


def _is_held(filename: str, sha256: str) -> bool:
    try:
        return _held_locally(filename, sha256) is not None
    except CorpusError:
        return False


def _fetch(source: Download | SonnetArchive, folder: Path, sha256: str | None) -> Path:
    """Download `source.url` into `folder` with pooch; only a file with the right hash is left there."""
    import pooch
    import requests

    def download(url: str, output_file: str, pup: object) -> None:
        pooch.HTTPDownloader(timeout=TIMEOUT_SECONDS)(url, output_file, pup)
        if sha256 is not None:
            _check_sha256(_read_bytes(Path(output_file)), sha256, url, _AFTER_BAD_DOWNLOAD)

    # pooch tells the terminal each step; what a reader should know is in the errors raised here.
    pooch.get_logger().setLevel("WARNING")
    name = source.filename if sha256 is not None else "archive.zip"
    try:
        return Path(pooch.retrieve(source.url, sha256, fname=name, path=folder, downloader=download))
    except requests.RequestException as error:
        reason = _reason(error)
        host = urlsplit(source.url).netloc
        raise CorpusError(
            f"{source.filename} had to be downloaded from {host}, but {reason}; check the network and {_TRY}."
        ) from error
    except OSError as error:
        raise _unwritable(folder, error) from error


def _reason(error: Exception) -> str:
    """What went wrong on the network, in plain words."""
    import requests

    if isinstance(error, requests.HTTPError) and error.response is not None:
        return f"the server answered {error.response.status_code}"
    if isinstance(error, requests.Timeout):
        return f"it did not answer within {TIMEOUT_SECONDS} seconds"
    if isinstance(error, requests.ConnectionError):
        return "it could not be reached"
    return "the transfer broke off"


def _unwritable(folder: Path, error: OSError) -> CorpusError:
    return CorpusError(
        f"Downloads are kept in {folder}, but writing there failed ({error.strerror or error}); "
        "make room or give yourself permission to write there."
    )


def _read_bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise CorpusError(
            f"The corpus file {path} should be readable, but: {error.strerror or error}; put it back or fix "
            "its permissions."
        ) from error


def _check_sha256(raw: bytes, expected: str, what: str, advice: str) -> None:
    got = hashlib.sha256(raw).hexdigest()
    if got != expected:
        raise CorpusError(f"{what} should have SHA-256 {expected}, but has {got}; {advice}.")
