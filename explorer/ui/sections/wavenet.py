"""The WaveNet page's net and its tree: where its weights come from, its shape, the window it reads, a node opened."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import streamlit as st

from explorer.inspection.wavenet import TreeReading, influence, open_node, possible_contexts, read_tree, shortened
from explorer.models.cards import list_checkpoints
from explorer.models.registry import build_model
from explorer.models.wavenet import WaveNet, WaveNetConfig, fusions
from explorer.text.corpora import CORPORA, is_local
from explorer.text.tokenizers import Tokenizer
from explorer.training.mlp import character_tokenizer
from explorer.training.wavenet import LONGEST_CONTEXT, check_size, restored, window_of
from explorer.ui import frame, resources
from explorer.ui.arithmetic import show_arithmetic
from explorer.ui.components.fusion_tree import fusion_tree
from explorer.ui.pickers import Prompt, corpus_picker, prompt_box
from explorer.ui.state import KEPT, set_controls
from explorer.ui.words import literal

CHECKPOINT, CORPUS = "names-wavenet", "wavenet_corpus"
SHIPPED, FRESH, TRAINED = "shipped", "fresh", "trained below"
SOURCES = {
    SHIPPED: f"The weights of the checkpoint {CHECKPOINT}, with its own shape.",
    FRESH: "Random weights of the shape chosen here, before any training.",
    TRAINED: "The newest weights of the run at the foot of this page.",
}
FUSIONS = (2, 4, 8)
LONGEST_TEXT = 2000
DEFAULT_TEXT = "alexandria"


@dataclass(frozen=True, eq=False)
class Net:
    """A model to look into. corpus: the text that batches for it are drawn from. said: which weights these are."""

    model: WaveNet
    tokenizer: Tokenizer
    corpus: str
    said: str

    @property
    def config(self) -> WaveNetConfig:
        config: WaveNetConfig = self.model.config
        return config


@st.cache_resource(max_entries=8, show_spinner="Reading the corpus…")
def letters(corpus: str) -> Tokenizer:
    """The characters of a corpus."""
    return character_tokenizer(resources.corpus(corpus))


def pick_corpus() -> str | None:
    """The corpus, names first: makemore's where it is on this machine, else the given names that are shipped."""
    if CORPUS not in st.session_state and CORPUS not in st.query_params:
        st.session_state[CORPUS] = "names" if is_local("names") else "given-names"
    return corpus_picker(CORPUS)


def pick_source() -> str:
    """Where the weights come from; shipped ones first, where there are any."""
    offered = [name for name in SOURCES if name != SHIPPED or CHECKPOINT in list_checkpoints()]
    source = st.segmented_control("Weights", offered, default=offered[0], required=True, key="wavenet_net", **KEPT)
    st.caption(SOURCES[str(source)])
    return str(source)


def shape_controls(source: str, vocab_size: int, *, over_positions: bool) -> tuple[WaveNetConfig | None, int]:
    """The shape of a fresh net and of the next run, None with the reason in place where it cannot be; and the seed."""
    columns = st.columns([5, 4, 4, 4, 4])
    with columns[0]:
        fusion = st.segmented_control(
            "Fusion: joined at a time", FUSIONS, default=2, required=True, key="wavenet_fusion", **KEPT
        )
    with columns[1]:
        context = st.number_input("Context: letters", value=8, step=1, key="wavenet_context", **KEPT)
    with columns[2]:
        channels = st.number_input("Channels a node", value=128, step=16, key="wavenet_channels", **KEPT)
    with columns[3]:
        width = st.number_input("Numbers a letter", value=24, step=1, key="wavenet_letters", **KEPT)
    with columns[4]:
        seed = int(st.number_input("Seed", 0, 99_999, 1, key="wavenet_seed", **KEPT))
    try:
        config = WaveNetConfig(
            vocab_size, int(context), int(width), int(channels), int(fusion or 2), over_positions=over_positions
        )
        parameters = check_size(config)
    except ValueError as error:
        frame.problem(str(error))
        _offer_contexts(int(context), int(fusion or 2))
        return None, seed
    joined = " · ".join(map(str, fusions(config.context_length, config.fusion)))
    of = "" if source == FRESH else " The shape of the next run below; the net shown keeps its own."
    st.caption(f"{joined} = {config.context_length} letters, {parameters:,} learned numbers.{of}")
    return config, seed


def _offer_contexts(context: int, fusion: int) -> None:
    """Buttons for the nearest contexts that can be joined up, where the context is what is wrong."""
    offered = possible_contexts(context, fusion, LONGEST_CONTEXT)
    try:
        fusions(context, fusion)
        fits = context <= LONGEST_CONTEXT
    except ValueError:
        fits = False
    if fits:
        return
    with st.container(horizontal=True, key="wavenet_offers"):
        for n in offered:
            st.button(
                f"Use a context of {n}",
                key=f"wavenet_use_{n}",
                on_click=set_controls,
                args=({"wavenet_context": n},),
            )


def net_in_use(source: str, corpus: str, config: WaveNetConfig | None, seed: int) -> Net | None:
    """The net that the figures show, or None with the reason in place."""
    with frame.problems_in_place():
        if source == SHIPPED:
            loaded = resources.checkpoint(CHECKPOINT)
            loss = loaded.card.get("losses", {}).get("validation")
            said = f"{CHECKPOINT}, held-out loss {loss:.4f} nats" if loss is not None else CHECKPOINT
            own = str(loaded.card.get("corpus", {}).get("name", ""))
            read = own if own in CORPORA and is_local(own) else corpus
            return Net(_as_wavenet(loaded.model), loaded.tokenizer, read, said)
        if source == TRAINED and (run := st.session_state.get("_wavenet_run")) is not None:
            spec, newest = run
            tokenizer = letters(spec.corpus)
            return Net(
                restored(spec.model_config(tokenizer.vocab_size, pad_of(tokenizer)), newest.state),
                tokenizer,
                spec.corpus,
                f"Trained on this page, step {newest.step:,} of {spec.steps:,}",
            )
        if source == TRAINED:
            st.info("Nothing has been trained here yet: press Train below. Until then the weights are fresh.")
        if config is not None:
            model = _as_wavenet(build_model("wavenet", config, seed=seed).eval())
            return Net(model, letters(corpus), corpus, f"Fresh weights, seed {seed}")
    return None


def _as_wavenet(model: Any) -> WaveNet:
    if not isinstance(model, WaveNet):
        raise ValueError(f"The checkpoint {CHECKPOINT} holds another kind of model: {type(model).__name__}.")
    return model


def pad_of(tokenizer: Tokenizer) -> int:
    """The token that stands before a text begins: the line break, else the first of the vocabulary."""
    return 0 if tokenizer.missing("\n") else tokenizer.encode("\n")[0]


def read_text(net: Net) -> Prompt | None:
    """The typed text as tokens of the net, and in words which part of it the tree reads."""
    prompt = prompt_box(net.tokenizer, limit=LONGEST_TEXT, default=DEFAULT_TEXT, key="wavenet_text")
    if prompt is None:
        return None
    n, T = net.config.context_length, len(prompt.ids)
    pad = net.tokenizer.labels[net.config.pad_id]
    window = "".join(prompt.labels[-n:])
    st.caption(
        literal(
            f"The tree reads the last {n} of these {T:,} characters: “{window}”."
            if n < T
            else f"The tree reads all {T} characters."
            if n == T
            else f"The tree reads {n} characters; before these {T} stand {n - T} × “{pad}”, where a text begins."
        )
    )
    return prompt


def show_tree(net: Net, prompt: Prompt, shown: dict[str, Any]) -> TreeReading:
    """The tree for the window, and the chosen channel opened to its arithmetic."""
    window = window_of(prompt.ids, net.config.context_length, net.config.pad_id)
    reading = read_tree(net.model, window, net.tokenizer.labels)
    moved = influence(net.model, window)
    shown.update(reading=reading, moved=moved)
    choice = fusion_tree(
        [level.activations for level in reading.levels],
        reading.labels,
        key="wavenet_tree",
        alt=f"A tree over the {len(reading.labels)} characters “{''.join(reading.labels)}”, letters below, root above",
        moved=moved,
        answer=f"{net.said}. Next character: {next_in_words(reading, net.tokenizer)}.",
    )
    opened = open_node(net.model, reading, choice.level, choice.node, choice.channel)
    st.markdown(
        f"**Opened: channel {choice.channel} of “{literal(shortened(reading.text_under(choice.level, choice.node)))}”** "
        + (
            "is looked up in the table."
            if len(opened.steps) == 1
            else "in three steps: the joined vectors times the weights, BatchNorm, tanh. "
            "Every node of a level uses the same weights."
        )
    )
    left, right = st.columns([3, 2])
    for i, step in enumerate(opened.steps):
        with right if i else left:
            show_arithmetic(step, key=f"wavenet_step_{i}")
    return reading


def next_in_words(reading: TreeReading, tokenizer: Tokenizer, count: int = 4) -> str:
    """The likeliest next characters with their probabilities."""
    order = (-reading.probabilities).argsort(kind="stable")[:count].tolist()
    return ", ".join(f"“{tokenizer.labels[i]}” {reading.probabilities[i]:.0%}" for i in order)


def rows(shown: dict[str, Any], table: str) -> list[tuple[Any, ...]]:
    """The rows of one of the page's downloads; none while what they tell is not shown."""
    reading: TreeReading | None = shown.get("reading")
    if table == "activations" and reading is not None:
        return [
            (k, node, reading.text_under(k, node), channel, value)
            for k, level in enumerate(reading.levels)
            for node, values in enumerate(level.activations.tolist())
            for channel, value in enumerate(values)
        ]
    if table == "sight" and reading is not None:
        return [
            (k, node, reading.text_under(k, node), place, reading.labels[place], change)
            for k, level in enumerate(shown["moved"])
            for node, changes in enumerate(level.tolist())
            for place, change in enumerate(changes)
        ]
    return list(shown.get(table, []))
