"""The Train page's text: a corpus, or a file of the visitor's, with what was assumed in reading it said in place."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import streamlit as st

from explorer.text.corpora import CORPORA, Kind
from explorer.text.uploads import LARGEST_BYTES, UploadedText, check_length, column_of, read_upload
from explorer.training.workbench_spec import TextSource
from explorer.ui import frame
from explorer.ui.pickers import corpus_picker
from explorer.ui.state import KEPT
from explorer.ui.words import literal
from explorer.ui.workspace import workspace

CORPUS, OWN = "a corpus", "a text of my own"
KINDS: dict[Kind, str] = {"text": "running text", "items": "one item a line"}
WHOLE = "the whole file as it stands"


@dataclass(frozen=True)
class TextFacts:
    """What a text is before any model: characters in all and different ones, those of the training part, its items."""

    characters: int
    symbols: str
    to_learn: int
    items: int


def choose_text() -> TextSource | None:
    """The text to learn from, or None with the reason in place."""
    source = st.segmented_control(
        "Learn from", [CORPUS, OWN], default=CORPUS, required=True, key="train_source", **KEPT
    )
    if source == CORPUS:
        name = corpus_picker("train_corpus")
        return TextSource(name, CORPORA[name].kind) if name is not None else None
    with frame.problems_in_place():
        return _own_text()
    return None


def text_facts(source: TextSource) -> TextFacts:
    """A text counted, once. Raises ValueError or CorpusError where it cannot be read."""
    written = Path(source.path).stat().st_mtime_ns if source.path and Path(source.path).is_file() else 0
    return _facts(source, written)


@st.cache_data(max_entries=16, show_spinner="Reading the text…")
def _facts(source: TextSource, written: int) -> TextFacts:  # noqa: ARG001 (part of what the cache goes by)
    from explorer.text.batches import split_corpus

    corpus = source.load()
    items = len(corpus.items) if source.kind == "items" else 0
    extra = {"\n"} if source.kind == "items" else set()
    symbols = "".join(sorted(set(corpus.text) | extra))
    return TextFacts(len(corpus.text), symbols, len(split_corpus(corpus).train), items)


def _own_text() -> TextSource | None:
    mine = workspace()
    upload = st.file_uploader(
        f"A plain text (.txt), at most {LARGEST_BYTES // 1024**2} MB; only you will see it",
        max_upload_size=LARGEST_BYTES // 1024**2,
        key="train_file",
    )
    if upload is not None:
        read = read_upload(upload.getvalue())
        for remark in read.remarks:
            st.info(literal(remark), icon=":material/info:")
        read = _column(read)
        signature = (upload.file_id, read.text[:200], len(read.text))
        if st.session_state.get("_train_kept") != signature:
            check_length(read.text, "text")
            kept = mine.keep_text(upload.name or "my text", read.text, read.kind)
            st.session_state["_train_kept"] = signature
            st.session_state["train_own_text"] = kept.id
            st.session_state["train_kind"] = KINDS[kept.kind]
    held = {one.id: one for one in mine.texts()}
    if not held:
        told = "Choose a file: a story, your letters, a list of words. Until then there is nothing to learn from."
        st.info(told if upload is None else "This text was deleted here; choose the file once more to learn from it.")
        return None
    if st.session_state.get("train_own_text") not in held:
        st.session_state["train_own_text"] = next(iter(held))
    chosen = held[
        st.selectbox(
            "Which of your texts",
            list(held),
            key="train_own_text",
            format_func=lambda identity: held[identity].name,
            on_change=_take_detected_kind,
            persist_state="session",
        )
    ]
    kind = _kind(chosen.kind)
    source = TextSource(chosen.name, kind, str(chosen.path))
    content = chosen.path.read_text(encoding="utf-8", errors="surrogatepass")
    st.caption("It begins:")
    st.code(content[:200] + ("…" if len(content) > 200 else ""), language=None, wrap_lines=True)
    st.button("Delete this text", key="train_delete_text", on_click=_delete, args=(chosen.id,))
    check_length(content, kind)
    return source


def _column(read: UploadedText) -> UploadedText:
    """Of a table, the column the visitor chooses, or all of it."""
    if read.table is None:
        return read
    options = [WHOLE, *read.table.columns]
    column = st.selectbox("Read from this table", options, index=1, key="train_column")
    if column == WHOLE:
        return replace(read, table=None)
    one = column_of(read.text, read.table, column)
    st.caption(literal(one.remarks[0]))
    return one


def _kind(detected: Kind) -> Kind:
    """How the text is read: as it looked, unless the visitor says otherwise."""
    st.session_state.setdefault("train_kind", KINDS[detected])
    said = st.segmented_control(
        "Read it as", list(KINDS.values()), required=True, key="train_kind", persist_state="session"
    )
    st.caption(
        f"It looks like {KINDS[detected]}; change it if that is wrong. Items are shuffled and learned each for itself; of "
        "running text the last tenth is held out."
    )
    return next(kind for kind, words in KINDS.items() if words == said)


def _take_detected_kind() -> None:
    """Another text of the visitor's is read as it looked."""
    for one in workspace().texts():
        if one.id == st.session_state.get("train_own_text"):
            st.session_state["train_kind"] = KINDS[one.kind]


def _delete(identity: str) -> None:
    workspace().delete_text(identity)
    st.session_state.pop("train_own_text", None)
