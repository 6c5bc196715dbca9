"""The MLP page's settings: the corpus and its alphabet, the network, the steps, the text, and what they come to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import streamlit as st

from explorer.inspection.mlp import common_symbols, is_vowel
from explorer.models.mlp import MLP
from explorer.models.registry import build_model, count_parameters
from explorer.text.batches import BOUNDARY, Splits
from explorer.text.corpora import CORPORA, is_local
from explorer.text.tokenizers import CharTokenizer
from explorer.training.config import OPTIMIZERS, SCHEDULES
from explorer.training.memory import in_words
from explorer.training.mlp import MLPSpec, character_tokenizer, check_run, split_parts
from explorer.ui import frame, resources
from explorer.ui.state import KEPT
from explorer.ui.words import literal

PARTS = {
    "80 / 10 / 10": (80, 10, 10),
    "90 / 5 / 5": (90, 5, 5),
    "60 / 20 / 20": (60, 20, 20),
    "40 / 30 / 30": (40, 30, 30),
}
SHARES = [100.0, 30.0, 10.0, 3.0, 1.0, 0.3]


@dataclass(frozen=True, eq=False)
class Alphabet:
    """A corpus's symbols. labels: one visible label a token. common: those that occur at least once in a thousand.
    boundary: the token between items, None in running text."""

    tokenizer: CharTokenizer
    labels: tuple[str, ...]
    common: tuple[int, ...]
    boundary: int | None

    def kind(self, token: int) -> str:
        """Which kind of symbol the scatter draws it as."""
        label = self.labels[token]
        if token == self.boundary:
            return "boundary"
        return "vowel" if is_vowel(label) else "consonant" if label.isalpha() else "other"


@st.cache_resource(max_entries=8, show_spinner="Reading the corpus…")
def alphabet(name: str) -> Alphabet:
    """The symbols of a corpus."""
    corpus = resources.corpus(name)
    tokenizer = character_tokenizer(corpus)
    counts = np.bincount(tokenizer.encode(corpus.text), minlength=tokenizer.vocab_size)
    is_items = corpus.kind == "items"
    shown = "." if is_items and "." not in tokenizer.characters else "↵"
    labels = tuple(shown if label == "↵" else label for label in tokenizer.labels)
    return Alphabet(tokenizer, labels, common_symbols(counts), tokenizer.encode(BOUNDARY)[0] if is_items else None)


@st.cache_resource(max_entries=16, show_spinner="Cutting the corpus…")
def parts_of(name: str, parts: tuple[int, int, int], share: float) -> Splits:
    """The three parts of a corpus."""
    return split_parts(resources.corpus(name), parts, share)


@st.cache_resource(max_entries=16, show_spinner=False)
def fresh_model(name: str, context_length: int, d_embedding: int, d_hidden: int, seed: int) -> MLP:
    """An MLP that has learned nothing yet; shared, read it only."""
    spec = MLPSpec(name, context_length, d_embedding, d_hidden, seed=seed)
    model = build_model("mlp", spec.model_config(alphabet(name).tokenizer.vocab_size), seed=seed)
    assert isinstance(model, MLP)
    return model.eval()


def choose_corpus() -> str | None:
    """The name of a corpus that is on this machine, or None while the chosen one still has to be fetched."""
    first = "names" if is_local("names") else "given-names"
    name = st.selectbox(
        "Corpus: the text whose next letter is to be predicted",
        list(CORPORA),
        index=list(CORPORA).index(first),
        key="mlp_corpus",
        format_func=lambda name: CORPORA[name].title,
        **KEPT,
    )
    st.caption(literal(CORPORA[name].description))
    if is_local(name):
        return str(name)
    st.info("This text is not on this machine yet. It is downloaded once, checked, and kept.")
    if st.button("Download it", key="mlp_download"):
        with frame.problems_in_place(), st.spinner("Downloading…"):
            resources.corpus(name)
            st.rerun()
    return None


def choose_settings(name: str) -> MLPSpec | None:
    """The run that the controls describe; None, with the reason in place, where it cannot be."""
    first, second, third = st.columns(3)
    with first:
        st.markdown("**The network**")
        embedding = _number("Embedding dimensions", 2, "mlp_embedding", "Numbers that stand for each letter.")
        context = _number("Context: letters read", 3, "mlp_context", "How many letters before the one to predict.")
        hidden = _number("Hidden neurons", 100, "mlp_hidden", "Width of the tanh layer.")
    with second:
        st.markdown("**The steps**")
        steps = _number("Steps", 5000, "mlp_steps", "Updates of the weights.")
        batch = _number("Batch: examples a step", 64, "mlp_batch", "Each step averages over so many.")
        rate = st.number_input("Learning rate", 0.0, 1e38, 0.01, format="%g", key="mlp_rate", **KEPT)
        optimizer = st.segmented_control(
            "Optimizer", list(OPTIMIZERS), default="adamw", required=True, key="mlp_optimizer", **KEPT
        )
        st.caption(OPTIMIZERS[optimizer])
    with third:
        st.markdown("**The text, and when to stop**")
        parts = st.selectbox("Train / validation / test, percent", list(PARTS), key="mlp_parts", **KEPT)
        share = st.select_slider(
            "Of the training part, percent that is read",
            SHARES[::-1],
            100.0,
            key="mlp_share",
            format_func=lambda p: f"{p:g}",
            **KEPT,
        )
        schedule = st.segmented_control(
            "Schedule of the rate", list(SCHEDULES), default="cosine", required=True, key="mlp_schedule", **KEPT
        )
        st.caption(SCHEDULES[schedule])
        patience = _number(
            "Stop after evaluations without gain",
            0,
            "mlp_patience",
            "The validation loss is taken 40 times a run; 0 never stops early.",
        )
    with frame.problems_in_place():
        spec = MLPSpec(
            corpus=name,
            context_length=context,
            d_embedding=embedding,
            d_hidden=hidden,
            batch_size=batch,
            learning_rate=float(rate),
            schedule=schedule,
            optimizer=optimizer,
            steps=steps,
            parts=PARTS[parts],
            share=float(share),
            patience=patience,
        )
        _tell_size(spec)
        return spec
    return None


def _number(label: str, value: int, key: str, tip: str) -> int:
    """A whole number; sizes that cannot be are answered in words, so the box itself lets them in."""
    return int(st.number_input(label, 0, 10**9, value, key=key, help=tip, **KEPT))


def _tell_size(spec: MLPSpec) -> None:
    """How much there is to learn and from what. Raises ValueError where it is too much or too little."""
    letters = alphabet(spec.corpus)
    splits = parts_of(spec.corpus, spec.parts, spec.share)
    needed = check_run(spec, letters.tokenizer.vocab_size, splits)
    learned = count_parameters("mlp", spec.model_config(letters.tokenizer.vocab_size))
    st.caption(
        f"{learned:,} numbers to learn from {len(splits.train) - 1:,} examples; {len(splits.validation) - 1:,} to "
        f"validate, {max(0, len(splits.test) - 1):,} to test at the end. About {in_words(needed)} of memory. "
        f"With {len(letters.labels)} symbols, no preference costs ln {len(letters.labels)} = "
        f"{np.log(len(letters.labels)):.4f} nats."
    )
