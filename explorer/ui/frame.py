"""The anatomy every page shares: the question, things to try, a prediction, the code, the data out."""

from __future__ import annotations

import csv
import inspect
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

import streamlit as st
from streamlit.runtime.pages_manager import PagesManager

from explorer.text.sources import CorpusError
from explorer.ui.state import set_controls
from explorer.ui.words import literal


@dataclass(frozen=True)
class Experiment:
    """A button that sets controls. label: what it does. settings: control values by key. notice: what to look
    for afterwards; a claim, so a test or a measurement stands behind it."""

    label: str
    notice: str
    settings: Mapping[str, Any] = field(default_factory=dict)


def header(title: str, question: str, formulas: Sequence[str], before: str) -> None:
    """The page's title, its question in one sentence, its formulas (LaTeX, each short enough for a phone), and what
    the stage before could not do."""
    _enter_through_navigation()
    st.title(title, anchor=False)
    st.markdown(f"**{question}**")
    for formula in formulas:
        st.latex(formula)
    st.caption(before)


def _enter_through_navigation() -> None:
    """Run `app.py` around this page where Streamlit answered with the page's file alone.

    It does so for the first deep link after a start, because there is a folder called pages/ and nothing has yet said
    that the navigation is ours. Addresses and page hashes are the same either way, so a rerun arrives here again.
    """
    if PagesManager.uses_pages_directory:
        PagesManager.uses_pages_directory = False
        st.rerun()


@contextmanager
def problems_in_place() -> Iterator[None]:
    """Show an expected error as one sentence where the figure would be; the rest of the page goes on."""
    try:
        yield
    except (ValueError, OSError, CorpusError) as error:
        problem(str(error))


def problem(message: str) -> None:
    """One clear sentence, shown as typed."""
    st.error(literal(message), icon=":material/error:")


def try_this(key: str, experiments: Sequence[Experiment]) -> None:
    """Guided experiments: each button sets the controls, then says what to notice."""
    st.subheader("Try this", anchor=False)
    with st.container(horizontal=True, key=f"{key}_try"):
        for i, experiment in enumerate(experiments):
            st.button(experiment.label, key=f"{key}_try_{i}", on_click=_begin, args=(key, i, dict(experiment.settings)))
    begun = st.session_state.get(f"_{key}_tried")
    if begun is not None and begun < len(experiments):
        st.info(f"**Notice:** {experiments[begun].notice}", icon=":material/visibility:")


def _begin(key: str, index: int, settings: dict[str, Any]) -> None:
    st.session_state[f"_{key}_tried"] = index
    set_controls(settings)


def predict_first(key: str, question: str, options: Sequence[str], answer: str, why: str) -> None:
    """A question to answer before looking; picking an option reveals the answer and its reason."""
    with st.container(border=True):
        picked = st.radio(f"**Predict first.** {question}", options, index=None, key=f"{key}_predict", horizontal=True)
        if picked is None:
            st.caption("Pick one; then the answer is shown.")
        elif picked == answer:
            st.success(f"Right: {answer}. {why}", icon=":material/check:")
        else:
            st.warning(f"Not quite: it is {answer}. {why}", icon=":material/search:")


def code(*names: str) -> None:
    """The very functions that made the figure, by dotted name, read from the package's own source."""
    st.subheader("The code", anchor=False)
    for name in names:
        with st.expander(f"`{name}`"):
            module, _, attribute = name.rpartition(".")
            st.code(inspect.getsource(getattr(import_module(module), attribute)), language="python")


def shown(key: str) -> dict[str, Any]:
    """What the page's figures show now, for its downloads: a plain dict, one for each visitor and page.

    A download is made outside the visitor's session, where `st.session_state` is empty; this dict it can still read.
    """
    held: dict[str, Any] = st.session_state.setdefault(f"_{key}_shown", {})
    return held


def data_out(key: str, tables: Mapping[str, tuple[Sequence[str], Callable[[], Sequence[Sequence[Any]]]]]) -> None:
    """Download buttons: each table as CSV by its file name. The rows are made when the button is pressed.

    tables: file name to (column names, a function that gives the rows; what it needs of the session is in `shown`).
    """
    st.subheader("Take it with you", anchor=False)
    with st.container(horizontal=True, key=f"{key}_out"):
        for name, (columns, rows) in tables.items():
            st.download_button(
                f"{name} (CSV)",
                data=_csv_maker(columns, rows),
                file_name=f"{name}.csv",
                mime="text/csv",
                key=f"{key}_out_{name}",
                on_click="ignore",
            )
    st.caption(
        "The address of this page holds the settings: copy it to share what you see. "
        "Charts and matrices have a button at their corner that saves the picture."
    )


def _csv_maker(columns: Sequence[str], rows: Callable[[], Sequence[Sequence[Any]]]) -> Callable[[], bytes]:
    def make() -> bytes:
        text = io.StringIO()
        writer = csv.writer(text)
        writer.writerow(columns)
        writer.writerows(rows())
        return text.getvalue().encode()

    return make
