"""Merges learned from a text of the visitor's own: kept for a while, learned in the background, stopped at will."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, replace

import streamlit as st

from explorer.text.batches import split_text
from explorer.training.bpe import MergeProgress, Vocabularies, learn_vocabularies
from explorer.ui import frame
from explorer.ui.job_panel import JobView, training_panel
from explorer.ui.sections.tokenizers_drawing import shown_bytes
from explorer.ui.state import KEPT
from explorer.ui.words import literal

LARGEST_MB = 10
MOST_TOKENS = 5_000
KEPT_TEXTS = 6


@dataclass(frozen=True)
class OwnMerges:
    """What a run learns: the text by its key, and the size of the vocabulary. Learning draws no random numbers: the
    seed only names the run. Raises ValueError for a vocabulary without room for the bytes, or too large."""

    text: str
    vocab_size: int
    seed: int = 1

    def __post_init__(self) -> None:
        if not 256 <= self.vocab_size <= MOST_TOKENS:
            raise ValueError(
                f"A vocabulary of 256 to {MOST_TOKENS:,} tokens was expected, got {self.vocab_size:,}: the 256 single "
                "bytes are always in it, and every merge adds one."
            )


class OwnTexts:
    """The last few texts that visitors brought, and what was learned from them. Safe to use from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._texts: OrderedDict[str, str] = OrderedDict()
        self._learned: OrderedDict[OwnMerges, Vocabularies] = OrderedDict()

    def keep(self, text: str) -> str:
        """Keep a text; the key it is found by."""
        key = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
        with self._lock:
            self._texts[key] = text
            self._texts.move_to_end(key)
            while len(self._texts) > KEPT_TEXTS:
                self._texts.popitem(last=False)
        return key

    def learn(self, spec: OwnMerges) -> Iterator[MergeProgress]:
        """Learn merge by merge. Raises ValueError where the text is no longer kept."""
        with self._lock:
            text = self._texts.get(spec.text)
        if text is None:
            raise ValueError("The text of this run is no longer kept on the server; choose the file once more.")
        splits = split_text(text)
        for progress in learn_vocabularies(splits.train or text, splits.validation, spec.vocab_size):
            if progress.vocabularies is not None:
                with self._lock:
                    self._learned[replace(spec, seed=1)] = progress.vocabularies
                    while len(self._learned) > KEPT_TEXTS:
                        self._learned.popitem(last=False)
            yield replace(progress, vocabularies=None)  # the board keeps many runs; this one thing is large

    def learned(self, spec: OwnMerges) -> Vocabularies | None:
        """What a finished run learned, while it is kept."""
        with self._lock:
            return self._learned.get(replace(spec, seed=1))


@st.cache_resource(show_spinner=False)
def own_texts() -> OwnTexts:
    """The server's one shelf of visitors' texts."""
    return OwnTexts()


def own_vocabularies() -> Vocabularies | None:
    """The file, the size of the vocabulary, and the run; what it learned, once it has ended."""
    upload = st.file_uploader(
        f"A text in UTF-8, at most {LARGEST_MB} MB", max_upload_size=LARGEST_MB, key="tokenizers_own_file"
    )
    size = st.number_input(
        "Vocabulary size: 256 bytes and one token a merge", 0, 100_000, 768, key="tokenizers_vocab", **KEPT
    )
    spec = None
    with frame.problems_in_place():
        if upload is not None:
            spec = OwnMerges(own_texts().keep(read_text(upload.getvalue())), int(size))
        else:
            OwnMerges("", int(size))  # says what is wrong with the size before a file is chosen
    job = training_panel(
        "tokenizers_own",
        factory=own_texts().learn,
        spec=spec,
        title="Merges of an own text",
        draw=_draw,
        start_label="Learn merges",
    )
    if job is None:
        st.info("Choose a file, then press Learn merges. Until then there is nothing to cut with.")
        return None
    learned = own_texts().learned(job.spec)
    if learned is None and job.status == "done":
        st.info("What this run learned is no longer kept on the server; choose the file and learn once more.")
    return learned if job.status == "done" else None


def read_text(data: bytes) -> str:
    """A file's text. Raises ValueError for an empty or too large one, and for bytes that are not UTF-8."""
    if len(data) > LARGEST_MB * 1_000_000:
        raise ValueError(f"A text of at most {LARGEST_MB} MB was expected, got {len(data) / 1e6:.1f} MB; shorten it.")
    try:
        text = data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"A text in UTF-8 was expected, but byte {error.start:,} of the file (0x{data[error.start]:02X}) is none; "
            "save the file as UTF-8."
        ) from None
    if not text:
        raise ValueError("A text was expected, but the file is empty; choose another one.")
    return text


def _draw(view: JobView[MergeProgress]) -> None:
    latest = view.latest
    if latest is None or latest.merge is None:
        return
    left, right = (literal(shown_bytes(part)) for part in latest.pair)
    st.caption(
        f"Merge {latest.step:,}: “{left}” and “{right}”, seen {latest.merge.count:,} times, became id {latest.merge.new}."
    )
