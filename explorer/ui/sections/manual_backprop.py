"""The exercise of the page Backprop by hand: a batch, the graph, one gradient asked for at a time, and the lamp."""

from __future__ import annotations

from typing import Any

import streamlit as st

from explorer.core.expression_tokens import ExpressionError
from explorer.core.tensor_expressions import FUNCTIONS
from explorer.core.tensor_operations import shape_in_words
from explorer.figures.manual_backprop import EDGES
from explorer.inspection.manual_backprop import (
    BACKWARD_ORDER,
    BY_NAME,
    BackpropReading,
    Comparison,
    answer,
    comparison_in_words,
    read_backprop,
)
from explorer.inspection.manual_backprop_questions import QUESTIONS, Question
from explorer.text.corpora import CORPORA, is_local, load_corpus
from explorer.training.manual_backprop import Windows, item_windows
from explorer.ui.components.backprop_graph import State, backprop_graph
from explorer.ui.state import KEPT
from explorer.ui.words import literal

PICK, TYPE = "pick from four", "type it"
LECTURE_SEED = 2147483647
QUESTION, _DONE = "backprop_question", "backprop_done"
_LONGEST_BOX = 2000  # characters that the browser takes; the reader of expressions says what is too long
_LETTERS = {"s": "solved", "o": "shown"}


@st.cache_resource(max_entries=2, show_spinner="Reading the names…")
def windows(corpus: str) -> Windows:
    """A corpus of items cut into windows; shared by all visitors, read only."""
    return item_windows(load_corpus(corpus))


@st.cache_resource(max_entries=16, show_spinner="Forward and backward…")
def read(corpus: str, n: int, d_hidden: int, seed: int) -> BackpropReading:
    """One batch, forward and backward both ways; shared by all visitors, read only."""
    return read_backprop(windows(corpus), n, d_hidden, seed)


def choose_batch() -> tuple[str, BackpropReading]:
    """The controls of the batch, in one row; the corpus's name and what was read."""
    local = [name for name, entry in reversed(CORPORA.items()) if entry.kind == "items" and is_local(name)]
    columns = st.columns([3, 2, 2, 2])
    with columns[0]:
        corpus = st.selectbox(
            "Names to learn from", local, key="backprop_corpus", format_func=lambda name: CORPORA[name].title, **KEPT
        )
    with columns[1]:
        n = st.slider("Examples n in the batch", 2, 64, 32, key="backprop_n", **KEPT)
    with columns[2]:
        hidden = st.slider("Hidden units H", 2, 64, 64, key="backprop_hidden", **KEPT)
    with columns[3]:
        seed = st.number_input(
            "Seed", 0, LECTURE_SEED, LECTURE_SEED, key="backprop_seed", help="The lecture's is 2147483647.", **KEPT
        )
    return corpus, read(corpus, int(n), int(hidden), int(seed))


def show_exercise(reading: BackpropReading) -> None:
    """The graph, the question with its answer, lamp, hint and solution, and the score."""
    graph, score = st.container(), st.container()
    question = _navigation()
    _show_question(reading, question)
    comparison = _answer(reading, question)
    if comparison is not None and comparison.is_right:
        _note(question.key, "solved")
        st.markdown(f"**Take along:** {literal(question.why)}")
    _help(question)
    done = _done()
    with score:
        found, shown = (list(done.values()).count(what) for what in ("solved", "shown"))
        left, right = st.columns([5, 1], vertical_alignment="center")
        left.progress(
            found / len(QUESTIONS),
            text=f"Found by yourself: {found} of {len(QUESTIONS)}. Looked up: {shown}. ✓ found, ○ looked up, ? open.",
        )
        right.button("Start over", key="backprop_again", on_click=_start_over, disabled=not done)
    with graph:
        states: dict[str, State] = {name: done.get(name, "open") for name in BACKWARD_ORDER}
        shapes = {name: value.shape for name, value in reading.values.items()}
        shapes |= {"ids": reading.ids.shape, "targets": reading.targets.shape}
        backprop_graph(shapes, states, asked=question.asked, key="backprop_graph", on_choose=_go_to)


def _navigation() -> Question:
    keys = list(QUESTIONS)
    with st.container(horizontal=True, vertical_alignment="bottom", key="backprop_steps_row"):
        key = st.selectbox(
            "Which gradient: from the loss backward", keys, key=QUESTION, format_func=_title, width=340, **KEPT
        )
        at, last = keys.index(key), len(keys) - 1
        previous, following = keys[max(0, at - 1)], keys[min(last, at + 1)]
        st.button("Previous", key="backprop_previous", disabled=at == 0, on_click=_go_to, args=(previous,))
        st.button("Next", key="backprop_next", type="primary", disabled=at == last, on_click=_go_to, args=(following,))
    return QUESTIONS[key]


def _title(key: str) -> str:
    """As the choice shows it and the address holds it: “8. dlogits”."""
    question, number = QUESTIONS[key], list(QUESTIONS).index(key) + 1
    return f"{number}. d{question.asked}{' at once' if key != question.asked else ''}"


def _go_to(key: str) -> None:
    st.session_state[QUESTION] = key


def _show_question(reading: BackpropReading, question: Question) -> None:
    step = BY_NAME[question.asked]
    name, shape = step.name, shape_in_words(reading.values[step.name].shape)
    alias = f", in the lecture `{step.lecture}`" if step.lecture != name else ""
    lines = [f"**d{name}**, the gradient of `{name}`{alias}: {step.meaning}. Shape **{shape}**."]
    if question.key != question.asked:
        through = "the values alone" if not question.known else f"`d{question.known[-1]}` and the values"
        lines.append(f"Now **at once**, from {through}, without the steps between.")
    else:
        made = [f"`{name} = {step.made}`"] if step.made else []
        users = [BY_NAME[target] for source, target in EDGES if source == name]
        used = [f"`{user.name} = {user.made}`" for user in users]
        lines.append("; ".join([*(["Made as " + made[0]] if made else []), "used in " + " and ".join(used)]) + ".")
        lines.append(f"Known by now: {', '.join(f'`d{user.name}`' for user in users)}, and everything nearer the loss.")
    st.markdown("  \n".join(lines))


def _answer(reading: BackpropReading, question: Question) -> Comparison | None:
    """The visitor's answer, judged: the lamp."""
    way = st.segmented_control(
        "Answer", [PICK, TYPE], default=PICK, required=True, key="backprop_way", label_visibility="collapsed", **KEPT
    )
    text: str | None
    if way == PICK:
        text = st.radio(
            f"d{question.asked} =",
            question.choices,
            index=None,
            key=f"backprop_pick_{question.key}",
            format_func=lambda expression: f"`{expression}`",
            persist_state="session",
        )
    else:
        text = st.text_input(
            f"d{question.asked} =",
            key=f"backprop_typed_{question.key}",
            max_chars=_LONGEST_BOX,
            placeholder="an expression, then Enter",
            persist_state="session",
        )
        _show_names(reading, question)
    if not (text or "").strip():
        return None
    try:
        comparison, _ = answer(text or "", reading, question.asked, question.known)
    except ExpressionError as error:
        st.error(f"**Wrong: it cannot be worked out.** {literal(str(error))}", icon=":material/error:")
        return None
    _lamp(comparison, question, text or "")
    return comparison


def _lamp(comparison: Comparison, question: Question, text: str) -> None:
    said = literal(comparison_in_words(comparison))
    why = "".join(f" Here {reason}" for expression, reason in question.wrong if expression == text)
    if comparison.verdict == "exact":
        st.success(f"**Exact.** {said}", icon=":material/check_circle:")
    elif comparison.verdict == "close":
        st.success(f"**Close (approximate): right.** {said}", icon=":material/join_inner:")
    elif comparison.verdict == "wrong shape":
        st.warning(f"**Wrong shape.** {said}{literal(why)}", icon=":material/aspect_ratio:")
    else:
        st.error(f"**Wrong.** {said}{literal(why)}", icon=":material/cancel:")


def _show_names(reading: BackpropReading, question: Question) -> None:
    """What may be typed, in a table under the box."""
    with st.expander("What can be typed"):
        st.markdown(
            "Signs `+ - * / ** @`, brackets, numbers, `x.T`, `x.shape`, and the functions "
            f"{', '.join(f'`{function}`' for function in FUNCTIONS)}, as in `x.sum(0, keepdim=True)`, "
            "`x.reshape(-1, V)`, `one_hot(targets, V)`, `argmax(logits)` (along each row). "
            f"Sizes: `n` = {reading.n}, `V` = {len(reading.characters)}, `d` = {reading.values['C'].shape[1]}. "
            "The lecture's names work as well. Nothing you type is ever run as a program."
        )
        known = set(question.known)
        st.dataframe(
            {
                "name": [*reading.values, "ids", "targets"],
                "shape": [str(v.shape) for v in (*reading.values.values(), reading.ids, reading.targets)],
                "in the lecture": [BY_NAME[name].lecture for name in reading.values] + ["Xb", "Yb"],
                "gradient that may be used": [
                    f"d{name}" if name in known else "" for name in (*reading.values, "", "")
                ],
            },
            hide_index=True,
            height=240,
        )


def _help(question: Question) -> None:
    """Hint and solution, on request; a solution that was looked up counts as such."""
    hinted, key = st.session_state.setdefault("_backprop_hints", set()), question.key
    with st.container(horizontal=True, key="backprop_help"):
        st.button("Hint", key="backprop_hint", on_click=hinted.add, args=(key,), icon=":material/lightbulb:")
        st.button("Solution", key="backprop_solution", on_click=_reveal, args=(key,), icon=":material/key:")
    if key in hinted:
        st.info(literal(question.hint), icon=":material/lightbulb:")
    if key in st.session_state.get("_backprop_revealed", ()) or _done().get(key) == "shown":
        st.code(f"d{question.asked} = {question.solution}", language="python", wrap_lines=True)
        if _done().get(key) == "shown":
            st.markdown(literal(question.why))


def _done() -> dict[str, State]:
    """How far the visitor is, by question; at first as the address says."""
    if "_backprop_done" not in st.session_state:
        arrived = st.query_params.get(_DONE, "")
        st.session_state["_backprop_done"] = {
            key: _LETTERS[letter] for key, letter in zip(QUESTIONS, arrived, strict=False) if letter in _LETTERS
        }
    done: dict[str, State] = st.session_state["_backprop_done"]
    written = "".join(next((x for x, word in _LETTERS.items() if word == done.get(key)), "-") for key in QUESTIONS)
    if done and st.query_params.get(_DONE) != written.rstrip("-"):
        st.query_params[_DONE] = written.rstrip("-")
    elif not done and _DONE in st.query_params:
        del st.query_params[_DONE]
    return done


def _note(key: str, state: State) -> None:
    """What came first counts: a gradient that was looked up is not found any more, nor the other way round."""
    _done().setdefault(key, state)
    _done()


def _reveal(key: str) -> None:
    st.session_state.setdefault("_backprop_revealed", set()).add(key)
    _note(key, "shown")


def _start_over() -> None:
    forgotten: dict[str, Any] = {"_backprop_done": {}, "_backprop_hints": set(), "_backprop_revealed": set()}
    for key in QUESTIONS:
        forgotten |= {f"backprop_pick_{key}": None, f"backprop_typed_{key}": ""}
    st.session_state.update(forgotten)
