"""Vocabularies made elsewhere: GPT-2's where it can be had, and a tokenizer.json that the visitor brings."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from functools import partial

import streamlit as st

from explorer.inspection.tokenizers import Reader, cut_by_vocabulary
from explorer.text import known_vocabularies
from explorer.text.known_vocabularies import KnownVocabulary, VocabularyError
from explorer.ui import frame
from explorer.ui.components.coloured_tokens import TokenPanel

LARGEST_MB = 20
_SECONDS_WAITED, _SECONDS_REMEMBERED = 3.0, 600


def other_readers() -> tuple[list[Reader], list[TokenPanel]]:
    """GPT-2's tokenizer and an uploaded one, as far as they can be had; else a panel that says why not."""
    upload = st.file_uploader(
        "One more tokenizer: any tokenizer.json", type=["json"], max_upload_size=LARGEST_MB, key="tokenizers_json"
    )
    readers, notes = [], []
    may_download = st.session_state.get("_tokenizers_may_download", False)
    try:
        with st.spinner("Looking for GPT-2's vocabulary…"):
            readers.append(_reader(_gpt2(may_download).result(_SECONDS_WAITED)))
    except TimeoutError:
        notes.append(TokenPanel("GPT-2", "", [], "Its vocabulary is still being fetched; it appears when it is there."))
    except VocabularyError as error:
        notes.append(TokenPanel("GPT-2", "", [], str(error)))
        st.button(
            "Fetch GPT-2's vocabulary",
            key="tokenizers_fetch",
            on_click=_allow_download,
            icon=":material/download:",
            help="Downloads 1.5 MB from OpenAI's server with tiktoken, once. Nothing that you typed is sent.",
        )
    if upload is not None:
        with frame.problems_in_place():
            readers.append(_reader(_uploaded(upload.name, upload.getvalue())))
    return readers, notes


def _allow_download() -> None:
    st.session_state["_tokenizers_may_download"] = True
    _gpt2.clear()  # so that pressing again tries again


def _reader(vocabulary: KnownVocabulary) -> Reader:
    return Reader(vocabulary.name, vocabulary.vocab_size, partial(cut_by_vocabulary, vocabulary))


@st.cache_resource(max_entries=2, ttl=_SECONDS_REMEMBERED, show_spinner=False)
def _gpt2(may_download: bool) -> Future[KnownVocabulary]:
    """Looked for in the background: without a network, finding that out may take long."""
    found: Future[KnownVocabulary] = Future()

    def look() -> None:
        try:
            found.set_result(known_vocabularies.gpt2_vocabulary(may_download=may_download))
        except Exception as error:  # told where it is asked for
            found.set_exception(error)

    threading.Thread(target=look, name="gpt2-vocabulary", daemon=True).start()
    return found


@st.cache_resource(max_entries=8, show_spinner="Reading the tokenizer…")
def _uploaded(name: str, content: bytes) -> KnownVocabulary:
    return known_vocabularies.from_tokenizer_json(name, content)
