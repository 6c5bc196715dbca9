"""The Train page's keeping: a run becomes a checkpoint that every page offers, a zip file to take along, or nothing."""

from __future__ import annotations

import threading
from functools import partial
from pathlib import Path
from typing import Any

import streamlit as st

from explorer.models.checkpoint_archive import LARGEST_MEMBER, pack_checkpoint, unpack_checkpoint
from explorer.training.memory import in_words
from explorer.training.workbench_checkpoint import write_checkpoint
from explorer.training.workbench_runs import MOST_FOLDER_BYTES, bytes_in, check_room
from explorer.ui import frame, resources
from explorer.ui.sections.train_runs import run_title, stop_run
from explorer.ui.words import literal
from explorer.ui.workspace import (
    KEPT_DAYS,
    MOST_CHECKPOINTS,
    MOST_RUNS,
    MOST_TEXTS,
    PARAMETER,
    check_name,
    forget_workspace,
    link_has_gone,
    remember_in_browser,
    workspace,
)

_naming = threading.Lock()  # two tabs that save to one name at one moment: the second is told
LARGEST_ZIP = 40  # MB


def show_keeping(runs: list[dict[str, Any]]) -> None:
    """Saving, downloading, bringing back; then what is kept here in all, the private link, and deleting it."""
    st.subheader("Keep a model", anchor=False)
    if told := st.session_state.pop("_train_told", None):
        st.success(literal(told), icon=":material/check:")
    if runs:
        _save(runs)
    else:
        st.caption("After a run has been saved for the first time, it can be kept here as a checkpoint.")
    _own_checkpoints()
    _bring_back()
    st.subheader("What is kept for you", anchor=False)
    _account(runs)


def _save(runs: list[dict[str, Any]]) -> None:
    titles = {facts["id"]: f"{run_title(facts)}, as saved at step {facts['step']:,}" for facts in reversed(runs)}
    left, right = st.columns([3, 2])
    with left:
        run = st.selectbox("Run to keep", list(titles), key="train_keep_run", format_func=lambda one: titles[one])
    with right:
        name = st.text_input("Name of the checkpoint", "my model", max_chars=400, key="train_keep_name")
    if st.button("Save as a checkpoint", key="train_keep"):
        with frame.problems_in_place(), st.spinner("Writing weights and card…"):
            kept = keep_checkpoint(str(run), str(name or ""))
            st.session_state["_train_told"] = (
                f"Kept as “{kept.name}”. Generate, GPT inside and every other page with a choice of checkpoints offer it "
                "to you now, and to nobody else."
            )
            st.rerun()


def keep_checkpoint(run: str, name: str) -> Path:
    """A saved run as a checkpoint of this visitor's. Raises ValueError for a name that cannot be, is taken, or has no
    room, and OSError where it cannot be written."""
    mine, name = workspace(), check_name(name)
    with _naming:
        _check_free(name)
        check_room(mine.folder, (mine.runs / f"{run}.safetensors").stat().st_size // 2)
        return write_checkpoint(mine.runs, run, mine.checkpoints / name)


def _check_free(name: str) -> None:
    held = [Path(one).name for one in workspace().checkpoint_names()]
    if name.casefold() in {one.casefold() for one in held}:
        raise ValueError(
            f"There is already a checkpoint {name!r} of yours; choose another name, or delete that one first."
        )
    if len(held) >= MOST_CHECKPOINTS:
        raise ValueError(f"{MOST_CHECKPOINTS} checkpoints of yours are kept, which is the most; delete one first.")


def _own_checkpoints() -> None:
    mine = workspace()
    names = mine.checkpoint_names()
    if not names:
        return
    if st.session_state.get("train_own") not in names:
        st.session_state.pop("train_own", None)
    name = st.selectbox("Your checkpoints", names, key="train_own", format_func=lambda one: Path(one).name)
    with st.container(horizontal=True, key="train_own_buttons"):
        st.download_button(
            "Download it (zip)",
            data=partial(pack_checkpoint, Path(name)),
            file_name=f"{Path(name).name}.zip",
            mime="application/zip",
            key="train_download",
            on_click="ignore",
        )
        st.button("Delete this checkpoint", key="train_delete_own", on_click=mine.delete_checkpoint, args=(name,))
    st.caption("The zip file holds the weights (safetensors) and the card (JSON) that says how they were made.")


def _bring_back() -> None:
    with st.expander("Bring a checkpoint back from its zip file"):
        upload = st.file_uploader(
            f"A zip file that this page gave, at most {LARGEST_ZIP} MB", max_upload_size=LARGEST_ZIP, key="train_zip"
        )
        if upload is None or st.session_state.get("_train_unpacked") == upload.file_id:
            return
        with frame.problems_in_place(), _naming:
            name = check_name(Path(upload.name or "").stem)
            _check_free(name)
            content, mine = upload.getvalue(), workspace()
            check_room(mine.folder, min(LARGEST_MEMBER, 3 * len(content)))
            mine.open()
            unpack_checkpoint(content, mine.checkpoints, name)
            st.session_state["_train_unpacked"] = upload.file_id
            st.session_state["_train_told"] = f"“{name}” is back, and every page offers it to you."
            st.rerun()


def _account(runs: list[dict[str, Any]]) -> None:
    """What there is, where it may be found again, and the way to be rid of it."""
    mine = workspace()
    if link_has_gone():
        st.warning("What the private link led to is no longer kept here.", icon=":material/link_off:")
    texts, checkpoints = len(mine.texts()), len(mine.checkpoint_names())
    if not (texts or checkpoints or runs):
        st.caption(
            "Nothing yet. Texts, runs and checkpoints will be yours alone, and go when you say so, or after "
            f"{KEPT_DAYS} days without a visit."
        )
        return
    mine.open()
    remember_in_browser(mine)
    st.caption(
        f"{texts} of {MOST_TEXTS} texts, {len(runs)} of {MOST_RUNS} runs, {checkpoints} of {MOST_CHECKPOINTS} checkpoints: "
        f"{in_words(bytes_in(mine.folder))} of {in_words(MOST_FOLDER_BYTES)}. Nobody else sees any of it. It is deleted "
        f"after {KEPT_DAYS} days without a visit. This browser finds it again by a cookie."
    )
    with st.expander("Keep this link, to come back from another browser"):
        st.markdown("Whoever has it has all of it, so do not share it. Put it behind the address of this server:")
        st.code(f"/train?{PARAMETER}={mine.key}", language=None)
    if st.session_state.get("_train_sure"):
        st.warning("Every text, run and checkpoint of yours on this server will be deleted, for good.")
        with st.container(horizontal=True, key="train_sure_buttons"):
            st.button("Yes, delete everything", key="train_delete_all", type="primary", on_click=delete_everything)
            st.button("No, keep it", key="train_keep_all", on_click=_ask_sure, args=(False,))
    else:
        st.button("Delete everything of mine", key="train_ask_delete", on_click=_ask_sure, args=(True,))


def _ask_sure(asked: bool) -> None:
    st.session_state["_train_sure"] = asked


def delete_everything() -> None:
    """Stop the visitor's run, delete the folder, forget what was read from it, and begin under another key."""
    stop_run(None)
    workspace().delete()
    forget_workspace()
    resources.forget_checkpoints()
    for key in ("_train_sure", "_train_run", "_train_job", "train_own_text", "train_pins", "train_own"):
        st.session_state.pop(key, None)
    for parameter in ("train_run", "train_job"):
        st.query_params.pop(parameter, None)
    st.session_state["_train_told"] = "Everything of yours was deleted from this server."
