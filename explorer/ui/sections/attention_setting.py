"""What the attention page looks at: a prompt, and weights that are fresh, trained here, or of a checkpoint."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import streamlit as st

from explorer.inspection.attention_layer import AttentionLayer, equal_heads, fresh_layer, layer_of
from explorer.models.language_model import LanguageModel
from explorer.text.tokenizers import Tokenizer, visible
from explorer.ui.pickers import Prompt, checkpoint_picker, prompt_box
from explorer.ui.sections.attention_training import trained_head
from explorer.ui.state import KEPT, hold_at_most, text_box

FRESH, TRAINED, SHIPPED = "fresh weights", "trained on this page", "a checkpoint"
SOURCES = (FRESH, TRAINED, SHIPPED)
LONGEST = 64  # tokens: eight panels of more cannot be read
DEFAULT = "the cat sat on the mat"
PROMPT = "attention_prompt"

LooksAt = Literal["head", "heads", "inputs"]


@dataclass(frozen=True, eq=False)
class Setting:
    """A prompt as a layer reads it, and the head that is looked at."""

    prompt: Prompt
    layer: AttentionLayer
    head: int


def choose_setting(source: str, *, looks_at: LooksAt) -> Setting | None:
    """The controls of one source, then the prompt; None with the reason in place.

    looks_at: "heads" cuts fresh weights into heads; of a model a head is chosen for "head" only.
    """
    if source == FRESH:
        return _fresh(looks_at)
    boundary: int | None
    model: LanguageModel
    tokenizer: Tokenizer
    if source == TRAINED:
        run = trained_head()
        if run is None:
            st.info("Nothing has been trained yet: press Train above, or choose fresh weights.", icon=":material/info:")
            return None
        model, tokenizer, boundary = run.model(), run.tokenizer, run.boundary
    else:
        loaded = checkpoint_picker("attention_checkpoint", needs_attention=True)
        if loaded is None:
            return None
        model, tokenizer, boundary = loaded.model, loaded.tokenizer, loaded.boundary
    layer, head = _layer_and_head(model, looks_at)
    limit = min(LONGEST, model.config.context_length)
    prompt = prompt_box(tokenizer, limit=limit, default=DEFAULT, key=PROMPT, boundary=boundary)
    if prompt is None:
        return None
    return Setting(prompt, layer_of(model, prompt.ids, layer), head)


def _fresh(looks_at: LooksAt) -> Setting | None:
    """Random vectors and weights: any character can be read."""
    columns = st.columns(3)
    size, heads = 1, 1
    with columns[0]:
        seed = int(st.number_input("Seed of the weights", 0, 99_999, 1, key="attention_seed", **KEPT))
    with columns[1]:
        width = int(st.number_input("Width C: channels a token", value=32, step=8, key="attention_width", **KEPT))
    with columns[2]:
        if looks_at == "heads":
            heads = int(st.number_input("Heads H: they share the width", value=4, key="attention_heads", **KEPT))
        elif looks_at == "head":
            size = int(st.number_input("Head size d: channels", value=16, key="attention_head_size", **KEPT))
    prompt = _any_characters()
    if prompt is None:
        return None
    if looks_at == "heads":
        size = equal_heads(width, heads)
    return Setting(prompt, fresh_layer(prompt.text, width, size, heads, seed), 0)


def _any_characters() -> Prompt | None:
    """The prompt's last characters, whatever they are."""
    text = text_box("Prompt: type anything", key=PROMPT, default=DEFAULT)
    if not text:
        st.info("Type at least one character: attention needs something to look at.", icon=":material/edit:")
        return None
    kept = text[-LONGEST:]
    if len(text) > LONGEST:
        st.warning(
            f"The prompt has {len(text):,} characters; {LONGEST} are read at once. The first {len(text) - LONGEST:,} are "
            "left out here, and stay in the box.",
            icon=":material/content_cut:",
        )
    return Prompt(kept, tuple(map(ord, kept)), tuple(visible(c) for c in kept))


def _layer_and_head(model: LanguageModel, looks_at: LooksAt) -> tuple[int, int]:
    """Which of the model's heads; no slider where there is nothing to choose."""
    layers, heads = len(getattr(model, "blocks", ())), int(getattr(model.config, "n_heads", 1))
    left, right = st.columns(2)
    layer = head = 0
    with left:
        if layers > 1:
            hold_at_most("attention_layer", layers - 1)
            layer = int(st.slider("Layer, counted from 0", 0, layers - 1, 0, key="attention_layer", **KEPT))
    with right:
        if heads > 1 and looks_at == "head":
            hold_at_most("attention_head", heads - 1)
            head = int(st.slider("Head, counted from 0", 0, heads - 1, 0, key="attention_head", **KEPT))
    return layer, head


def mask_and_scale() -> tuple[bool, bool]:
    """Whether the future is masked and the scores are divided by √d."""
    with st.container(horizontal=True):
        mask = st.toggle("Causal mask: nobody looks ahead", True, key="attention_mask", **KEPT)
        scale = st.toggle("Scale: divide by √d", True, key="attention_scale", **KEPT)
    return bool(mask), bool(scale)


def scale_only() -> bool:
    """The scale alone, in a part that is causal whatever happens."""
    return bool(st.toggle("Scale: divide by √d", True, key="attention_scale", **KEPT))
