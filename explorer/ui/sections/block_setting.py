"""What the Transformer block page looks at: the switches, and weights that are fresh or of a checkpoint."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from explorer.models.language_model import LanguageModel
from explorer.models.registry import build_model
from explorer.text.tokenizers import Tokenizer
from explorer.training.block import LONGEST, BlockSpec
from explorer.ui import resources
from explorer.ui.pickers import Prompt, checkpoint_picker, prompt_box
from explorer.ui.state import KEPT, hold_at_most

FRESH, SHIPPED = "fresh weights", "a checkpoint"
SOURCES = (FRESH, SHIPPED)
CORPUS = "drama"  # whose characters fresh weights read: it is shipped
DEFAULT = "the cat sat on the mat"
NORMS = {"pre": "pre", "post": "post", "none": "off"}
ACTIVATIONS = {"gelu": "GELU", "relu": "ReLU", "tanh": "tanh"}


@dataclass(frozen=True, eq=False)
class Setting:
    """A model and the prompt it reads. spec: the switches of fresh weights, None for a checkpoint."""

    model: LanguageModel
    prompt: Prompt
    spec: BlockSpec | None

    @property
    def depth(self) -> int:
        return len(self.model.blocks)  # type: ignore[arg-type]


def choose_switches() -> BlockSpec:
    """The switches and sizes of the blocks. Raises ValueError naming the one that cannot be."""
    norm, activation, rest = st.columns([3, 3, 4])
    with norm:
        where = st.segmented_control(
            "LayerNorm: before or after",
            list(NORMS),
            default="pre",
            required=True,
            format_func=NORMS.__getitem__,
            key="block_norm",
            **KEPT,
        )
    with activation:
        kind = st.segmented_control(
            "Activation",
            list(ACTIVATIONS),
            default="gelu",
            required=True,
            format_func=ACTIVATIONS.__getitem__,
            key="block_activation",
            **KEPT,
        )
    with rest, st.container(horizontal=True):
        residual = st.toggle("Residual paths", True, key="block_residual", **KEPT)
        feed_forward = st.toggle("Feed-forward", True, key="block_feed_forward", **KEPT)
    columns = st.columns(6)
    numbers = [
        ("Blocks: depth", 4, 1, "depth"),
        ("Width C", 32, 8, "width"),
        ("Heads H", 4, 1, "heads"),
        ("Context: tokens", 32, 8, "context"),
        ("Seed", 1, 1, "seed"),
    ]
    values = {}
    for column, (label, value, step, name) in zip(columns, numbers, strict=False):
        with column:
            values[name] = int(st.number_input(label, value=value, step=step, key=f"block_{name}", **KEPT))
    with columns[5]:
        dropout = st.number_input(
            "Dropout", value=0.0, step=0.1, format="%.2f", key="block_dropout", help="Acts only while training.", **KEPT
        )
    return BlockSpec(
        CORPUS,
        depth=values["depth"],
        width=values["width"],
        n_heads=values["heads"],
        context_length=values["context"],
        norm=str(where),
        residual=bool(residual),
        activation=str(kind),
        feed_forward=bool(feed_forward),
        dropout=float(dropout),
        seed=values["seed"],
    )


def choose_setting(source: str, spec: BlockSpec | None) -> Setting | None:
    """The model and the prompt; None with the reason in place."""
    if source == SHIPPED:
        loaded = checkpoint_picker("block_checkpoint", needs_attention=True)
        if loaded is None:
            return None
        prompt = _prompt(loaded.tokenizer, loaded.model.config.context_length, loaded.boundary)
        return None if prompt is None else Setting(loaded.model, prompt, None)
    if spec is None:
        st.info("Mend the switches above: there is nothing to look at yet.", icon=":material/tune:")
        return None
    tokenizer = resources.bigrams(CORPUS).tokenizer
    prompt = _prompt(tokenizer, spec.context_length, None)
    return None if prompt is None else Setting(fresh_model(spec, tokenizer.vocab_size), prompt, spec)


def fresh_model(spec: BlockSpec, vocab_size: int) -> LanguageModel:
    """The decoder of these switches before any training."""
    return build_model("decoder", spec.model_config(vocab_size), seed=spec.seed).eval()


def _prompt(tokenizer: Tokenizer, context_length: int, boundary: int | None) -> Prompt | None:
    limit = min(LONGEST, context_length)
    return prompt_box(tokenizer, limit=limit, default=DEFAULT, key="block_prompt", boundary=boundary)


def choose_token(prompt: Prompt) -> int:
    """Which token's vector is followed; nothing is asked where there is one only."""
    last = len(prompt.ids) - 1
    if last == 0:
        return 0
    hold_at_most("block_token", last)
    token = st.slider("Token, counted from 0: whose vector", 0, last, min(4, last), key="block_token", **KEPT)
    return int(token)


def choose_blocks(depth: int) -> int:
    """After how many blocks the stream is looked at."""
    if depth == 0:
        st.caption("This model has no block: the stream is the sum of token and position.")
        return 0
    hold_at_most("block_after", depth)
    return int(st.slider("After how many blocks", 0, depth, depth, key="block_after", **KEPT))
