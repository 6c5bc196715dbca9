"""What a run will take, said before it starts: numbers to learn, memory, updates a second, time; and the planned rate."""

from __future__ import annotations

import threading
from collections import OrderedDict
from pathlib import Path
from typing import Any

import streamlit as st

from explorer.figures.workbench import measure_chart
from explorer.models.cards import read_card
from explorer.text.tokenizers import tokenizer_from_json
from explorer.training.memory import in_words
from explorer.training.pace import estimate_seconds, measure_seconds
from explorer.training.schedules import learning_rate_at
from explorer.training.workbench_spec import WorkbenchSpec, check_spec, expected_vocabulary
from explorer.ui import frame
from explorer.ui.job_words import duration_in_words
from explorer.ui.sections.train_text import text_facts
from explorer.ui.words import literal

_REMEMBERED = 64


class Paces:
    """How fast shapes have run on this server, and by how much counting was off. Safe to use from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seconds: OrderedDict[Any, float] = OrderedDict()
        self.factor = 1.0  # measured ÷ estimated, lately

    def note(self, shape: Any, seconds: float, estimated: float) -> None:
        """Remember what an update of that shape took."""
        with self._lock:
            self._seconds[shape] = seconds
            self._seconds.move_to_end(shape)
            while len(self._seconds) > _REMEMBERED:
                self._seconds.popitem(last=False)
            ratio = seconds / max(estimated, 1e-9)
            self.factor = 0.7 * self.factor + 0.3 * min(3.0, max(0.3, ratio))  # small runs are mostly evaluation

    def measured(self, shape: Any) -> float | None:
        """Seconds an update of that very shape took, where one has run."""
        with self._lock:
            return self._seconds.get(shape)


@st.cache_resource(show_spinner=False)
def paces() -> Paces:
    """The server's one record of speeds."""
    return Paces()


def vocabulary_of(spec: WorkbenchSpec) -> int:
    """How many tokens the run's vocabulary will have, at most."""
    symbols = text_facts(spec.text).symbols
    if spec.parent:
        tokenizer = tokenizer_from_json(read_card(Path(spec.parent))["tokenizer"])
        grows = spec.tokenizer == "char"
        return tokenizer.vocab_size + (len(tokenizer.missing(symbols)) if grows else 0)
    return expected_vocabulary(spec, len(symbols))


def tell_size(spec: WorkbenchSpec) -> WorkbenchSpec | None:
    """Say what the run takes; the spec, or None with the reason in place where it is too much or has too little text."""
    with frame.problems_in_place():
        V = vocabulary_of(spec)
        parameters, memory = check_spec(spec, V)
        facts = text_facts(spec.text)
        config = spec.model_config(V)
        to_learn = round(facts.to_learn * spec.share / 100)
        if spec.tokenizer == "char" and to_learn <= config.context_length:
            raise ValueError(
                f"A context of {config.context_length:,} needs a training part of at least {config.context_length + 1:,} "
                f"characters, got {to_learn:,}; shorten the context or read more of the text."
            )
        if spec.tokenizer == "word" and spec.text.kind == "items":
            raise ValueError(
                "Items stand on lines of their own, and words do not keep line breaks; choose other tokens."
            )
        seconds, how = _seconds_per_update(spec, V)
        steps = spec.training.steps
        at_most = "" if spec.tokenizer == "char" or spec.parent else "at most "
        columns = st.columns(4)
        columns[0].metric(f"Numbers to learn{at_most and ', at most'}", f"{parameters:,}")
        columns[1].metric("Memory, about", in_words(memory))
        columns[2].metric("Steps a second, about", f"{1 / seconds:,.{0 if seconds < 0.1 else 2}f}")
        columns[3].metric(f"Time for {steps:,} steps, about", duration_in_words(seconds * steps))
        items = f" in {facts.items:,} items" if facts.items else ""
        st.caption(
            literal(
                f"{facts.characters:,} characters{items}, {to_learn:,} of them to learn from; {at_most}{V:,} tokens. "
                f"The speed is {how}; while the run goes on it is corrected."
            )
        )
        if st.button("Time a few updates now", key="train_measure", help="Makes up to four updates on random text."):
            with st.spinner("Making a few updates…"):
                measured = measure_seconds(spec.architecture, config, spec.config())
            paces().note(shape_of(spec, V), measured, estimated_seconds(spec, V))
            st.rerun()
        return spec
    return None


def shape_of(spec: WorkbenchSpec, V: int) -> Any:
    """What the time of an update depends on."""
    return spec.architecture, spec.options, V, spec.training.batch_size, spec.training.optimizer


def estimated_seconds(spec: WorkbenchSpec, V: int) -> float:
    """Seconds an update takes by counting its arithmetic."""
    return _counted(spec.architecture, spec.options, V, spec.training.batch_size)


@st.cache_data(max_entries=128, show_spinner=False)
def _counted(architecture: str, options: tuple[tuple[str, Any], ...], V: int, batch_size: int) -> float:
    from explorer.models.registry import build_config

    return estimate_seconds(architecture, build_config(architecture, {"vocab_size": V, **dict(options)}), batch_size)


def _seconds_per_update(spec: WorkbenchSpec, V: int) -> tuple[float, str]:
    known = paces().measured(shape_of(spec, V))
    if known is not None:
        return known, "what this very shape was last measured at on this server"
    return (
        estimated_seconds(spec, V) * paces().factor,
        "a rough estimate, from counting the multiplications of an update and from how fast runs here have been",
    )


def show_plan(spec: WorkbenchSpec) -> None:
    """Before there is a run: the learning rate that it will use at each step."""
    config = spec.config()
    every = max(1, config.steps // 300)
    steps = sorted({*range(0, config.steps, every), config.steps - 1})
    st.echarts_chart(
        measure_chart(
            [(step + 1, learning_rate_at(step, config)) for step in steps], "planned learning rate", steps=config.steps
        ),
        height=240,
        key="train_plan",
        alt=f"The learning rate planned for each of {config.steps:,} steps, by the schedule {config.schedule}",
    )
    st.caption("Nothing is trained yet. This is the learning rate that the run will use; press Train.")
