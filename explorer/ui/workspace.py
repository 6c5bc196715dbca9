"""What belongs to one visitor alone: uploaded texts, training runs, checkpoints. Bounded, private, gone when asked.

A workspace is a folder on the server. It is found by a key that nobody can guess: made from the visitor's cookie, so that
a reload, a new tab and a restarted server find it again; or brought by a private link. The folder's name is a hash of the
key, and the key is never left in the address, where it would be shared by chance. Unvisited workspaces are deleted
after some days.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from explorer.text.corpora import Kind
from explorer.ui.visitors import visitor_id

VARIABLE = "EXPLORER_WORKSPACES"
PARAMETER = "workspace"
KEPT_DAYS = 14
MOST_TEXTS = 5
MOST_RUNS = 20
MOST_CHECKPOINTS = 10
MOST_WORKSPACES = 500
LONGEST_NAME = 60

_STATE, _GONE, _COOKIE = "_workspace", "_workspace_gone", "explorer_workspace"
_KEY = re.compile(r"[\w-]{22}", re.ASCII)


@dataclass(frozen=True)
class OwnText:
    """An uploaded text: its id, which is a hash of it, what it is called, how it is read, and where it is."""

    id: str
    name: str
    kind: Kind
    path: Path
    characters: int


@dataclass(frozen=True)
class Workspace:
    """One visitor's folder; nothing is made before there is something to keep."""

    key: str
    folder: Path

    @property
    def runs(self) -> Path:
        return self.folder / "runs"

    @property
    def checkpoints(self) -> Path:
        return self.folder / "checkpoints"

    @property
    def texts_folder(self) -> Path:
        return self.folder / "texts"

    def exists(self) -> bool:
        return self.folder.is_dir()

    def open(self) -> None:
        """Make the folder, where it is not there, and note that it was visited. Raises ValueError on a full server."""
        if not self.exists():
            sweep()  # only now, so that a full server is not full of what nobody visits
            root = self.folder.parent
            if root.is_dir() and sum(1 for _ in root.iterdir()) >= MOST_WORKSPACES:
                raise ValueError("The server keeps all the workspaces it can; try again tomorrow.")
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "visited").touch()
        _sweep_hourly()

    def texts(self) -> list[OwnText]:
        """The visitor's texts, by name."""
        found = []
        for card in sorted(self.texts_folder.glob("*.json")) if self.texts_folder.is_dir() else []:
            try:
                facts = json.loads(card.read_text(encoding="utf-8"))
                path = card.with_suffix(".txt")
                if path.is_file():
                    found.append(OwnText(card.stem, facts["name"], facts["kind"], path, facts["characters"]))
            except (OSError, ValueError, KeyError, TypeError):
                continue
        return sorted(found, key=lambda one: (one.name, one.id))

    def keep_text(self, name: str, text: str, kind: Kind) -> OwnText:
        """Keep a text; the same one again only changes how it is read. Raises ValueError where there is no room."""
        from explorer.models.checkpoints import replace_file
        from explorer.training.workbench_runs import check_room

        content = text.encode("utf-8", "surrogatepass")
        identity = hashlib.sha256(content).hexdigest()[:20]
        held = self.texts()
        if identity not in {one.id for one in held} and len(held) >= MOST_TEXTS:
            raise ValueError(f"{MOST_TEXTS} texts of yours are kept, which is the most; delete one below first.")
        try:
            check_room(self.folder, len(content))
        except ValueError as error:
            raise ValueError(f"The text could not be kept: {error}.") from error
        self.open()
        self.texts_folder.mkdir(exist_ok=True)
        path = self.texts_folder / f"{identity}.txt"
        if not path.is_file():
            replace_file(path, content)
        facts = {"name": name[:LONGEST_NAME], "kind": kind, "characters": len(text)}
        replace_file(path.with_suffix(".json"), json.dumps(facts, ensure_ascii=False).encode())
        return OwnText(identity, name[:LONGEST_NAME], kind, path, len(text))

    def delete_text(self, identity: str) -> None:
        for one in self.texts():
            if one.id == identity:
                one.path.unlink(missing_ok=True)
                one.path.with_suffix(".json").unlink(missing_ok=True)

    def checkpoint_names(self) -> list[str]:
        """The visitor's checkpoints, each named by its path, so that whatever is kept by name is the visitor's alone."""
        from explorer.models.cards import list_checkpoints

        if not self.checkpoints.is_dir():
            return []
        return [str(self.checkpoints / name) for name in list_checkpoints(self.checkpoints)]

    def delete_checkpoint(self, name: str) -> None:
        """Delete one of `checkpoint_names`; anything else is left alone."""
        from explorer.models.cards import TOKENIZER_SUFFIX
        from explorer.models.safe_files import versions_of

        if name in self.checkpoint_names():
            for suffix in (".json", ".safetensors", TOKENIZER_SUFFIX):
                for file in versions_of(Path(name + suffix)):
                    file.unlink(missing_ok=True)

    def delete_run(self, run: str) -> None:
        from explorer.training.workbench_runs import run_path

        run_path(self.runs, run).unlink(missing_ok=True)

    def delete(self) -> None:
        """Everything, for good."""
        shutil.rmtree(self.folder, ignore_errors=True)


def root() -> Path:
    """Where all workspaces are."""
    named = os.environ.get(VARIABLE)
    return Path(named) if named else Path(__file__).parents[2] / "runs" / "visitors"


def workspace() -> Workspace:
    """This visitor's workspace: that of the private link they came by, else of their browser."""
    brought = st.query_params.get(PARAMETER)
    if brought is not None:
        st.query_params.pop(PARAMETER, None)
        arrived = _at(brought)
        if arrived is not None and arrived.exists():
            st.session_state[_STATE] = brought
        else:
            st.session_state[_GONE] = True
    if _STATE not in st.session_state:
        remembered = _at(str(st.context.cookies.get(_COOKIE, "")))
        known = remembered is not None and remembered.exists()
        st.session_state[_STATE] = remembered.key if remembered is not None and known else _key_of_visitor()
    found = _at(st.session_state[_STATE])
    assert found is not None
    return found


def link_has_gone() -> bool:
    """Whether the visitor came by a private link to a workspace that is no longer there."""
    return bool(st.session_state.get(_GONE))


def forget_workspace() -> None:
    """After everything was deleted: the next thing kept goes into a folder of another name."""
    st.session_state[_STATE] = _hashed(f"{workspace().key} {time.time_ns()}")


def remember_in_browser(mine: Workspace) -> None:
    """A cookie, so that the workspace is found again after the browser was closed; call it where something is kept."""
    if st.context.cookies.get(_COOKIE) != mine.key:
        seconds = KEPT_DAYS * 24 * 3600
        script = f"document.cookie = '{_COOKIE}={mine.key}; path=/; max-age={seconds}; SameSite=Strict'"
        hidden = f"<style>:has(> .st-key-{_COOKIE}) {{ display: none }}</style>"
        with st.container(key=_COOKIE):
            st.html(f"{hidden}<script>{script}</script>", unsafe_allow_javascript=True)


def sweep(now: float | None = None) -> None:
    """Delete the workspaces that nobody visited for `KEPT_DAYS` days."""
    oldest = (time.time() if now is None else now) - KEPT_DAYS * 24 * 3600
    for folder in root().iterdir() if root().is_dir() else []:
        mark = folder / "visited"
        try:
            visited = (mark if mark.exists() else folder).stat().st_mtime
        except OSError:
            continue
        if visited < oldest:
            shutil.rmtree(folder, ignore_errors=True)


def shown_name(name: str) -> str:
    """What a checkpoint is called on the screen: a visitor's own is named by its path.

    >>> shown_name("shakespeare-gpt"), shown_name("/srv/runs/mine")
    ('shakespeare-gpt', 'mine (yours)')
    """
    return f"{Path(name).name} (yours)" if Path(name).is_absolute() else name


@st.cache_resource(ttl=3600, show_spinner=False)
def _sweep_hourly() -> None:
    sweep()


def check_name(name: str) -> str:
    """The name of a checkpoint, as a file may be called. Raises ValueError for any other.

    >>> check_name(" my model ")
    'my model'
    """
    name = name.strip()
    if not name:
        raise ValueError("A checkpoint needs a name; type one.")
    if len(name) > LONGEST_NAME:
        raise ValueError(f"A name of at most {LONGEST_NAME} characters was expected, got {len(name):,}; shorten it.")
    if re.fullmatch(r"\w(?:[\w .-]*\w)?", name) is None or ".." in name:
        raise ValueError(
            "A name is made of letters, digits, spaces, points, - and _, and begins and ends with a letter or digit; "
            f"got {name[:40]!r}."
        )
    return name


def _at(key: str) -> Workspace | None:
    if _KEY.fullmatch(key) is None:
        return None
    return Workspace(key, root().resolve() / hashlib.blake2b(key.encode(), digest_size=16).hexdigest())


def _key_of_visitor() -> str:
    return _hashed(f"workspace of {visitor_id()}")


def _hashed(text: str) -> str:
    """22 characters that cannot be traced back."""
    digest = hashlib.blake2b(text.encode(), digest_size=16).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")
