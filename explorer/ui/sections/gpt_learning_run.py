"""A visitor's own run of the small GPT that learns to copy: its text, its settings and the panel it trains in."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from explorer.text.corpora import CORPORA, is_local
from explorer.text.tokenizers import CharTokenizer
from explorer.training.learning import LearningProgress, LearningSpec, train_learning
from explorer.training.snapshots import SnapshotRun
from explorer.ui import frame, resources
from explorer.ui.job_panel import JobView, training_panel
from explorer.ui.pickers import Prompt, prompt_box
from explorer.ui.state import KEPT

Draw = Callable[[SnapshotRun, bool, Prompt], None]


def show_own_run(draw: Draw, default: str, longest: int) -> None:
    """The settings, the prompt and the panel. draw: called with the run so far, whether it is at work, and the prompt."""
    texts = [name for name, entry in CORPORA.items() if entry.kind == "text" and is_local(name)]
    columns = st.columns(4)
    with columns[0]:
        corpus = st.selectbox(
            "Text", texts, key="gpt_learning_corpus", format_func=lambda name: CORPORA[name].title, **KEPT
        )
    with columns[1]:
        twice = st.slider("Passages that come twice", 0.0, 1.0, 0.6, 0.05, key="gpt_learning_twice", **KEPT)
    with columns[2]:
        noise = st.slider("Random passages, twice", 0.0, 1.0, 0.15, 0.05, key="gpt_learning_noise", **KEPT)
    with columns[3]:
        steps = st.number_input("Steps", value=2000, step=500, key="gpt_learning_steps", **KEPT)
    spec = None
    with frame.problems_in_place():
        spec = LearningSpec(corpus, round(twice, 2), round(noise, 2), int(steps))
    prompt = prompt_box(_tokenizer(corpus), limit=longest, default=default, key="learning_prompt")

    def show(view: JobView[LearningProgress]) -> None:
        if view.latest is None or prompt is None:
            return
        run = view.latest.run
        with frame.problems_in_place():
            draw(run, view.status == "running", _as_read_by(run, prompt.text, longest))

    training_panel("gpt_learning", factory=train_learning, spec=spec, title="GPT that learns to copy", draw=show)


def _as_read_by(run: SnapshotRun, text: str, longest: int) -> Prompt:
    """The prompt in the run's own tokens: a run that an address names may be of another text than is chosen above.

    Raises ValueError for characters that the run's text does not have.
    """
    missing = run.tokenizer.missing(text)
    if missing:
        raise ValueError(
            f"The run below is of {run.facts['corpus']['name']}, which has no “{missing[0]}”; change the prompt, or start a "
            "run on the text chosen above."
        )
    ids = tuple(run.tokenizer.encode(text)[-longest:])
    return Prompt(text, ids, tuple(run.tokenizer.labels[i] for i in ids))


@st.cache_resource(max_entries=8, show_spinner=False)
def _tokenizer(corpus: str) -> CharTokenizer:
    return CharTokenizer.from_text(resources.corpus(corpus).text)
