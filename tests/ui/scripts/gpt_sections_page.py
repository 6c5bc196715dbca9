"""The analysis sections of GPT inside, each by itself, on any model: what a test puts into the session.

`section` names the module and function; `model` the architecture and its options, or a checkpoint; `ids` the prompt.
"""

from importlib import import_module
from types import SimpleNamespace
from typing import Any

import streamlit as st

from explorer.models.checkpoints import load_checkpoint
from explorer.models.registry import build_config, build_model
from explorer.ui import frame, gpt_readings


@st.cache_resource
def small(architecture: str, options: tuple[tuple[str, object], ...]) -> SimpleNamespace:
    shape = {"vocab_size": 30, "context_length": 16, "n_layers": 2, "n_heads": 2, "d_model": 8}
    model = build_model(architecture, build_config(architecture, shape | dict(options)), seed=1).eval()
    more = (f"token{i}" for i in range(30, model.config.vocab_size))
    labels = (*"abcdefghijklmnopqrstuvwxyz", "longpiece", "␣", "*", "<b>", *more)
    tokenizer = SimpleNamespace(
        labels=labels,
        vocab_size=len(labels),
        missing=lambda text: [c for c in text if c not in labels],
        encode=lambda text: [labels.index(c) for c in text],
    )
    return SimpleNamespace(name=f"{architecture} {options}", model=model, tokenizer=tokenizer, boundary=None, card={})


shipped = st.cache_resource(load_checkpoint)
wanted = st.session_state["model"]
loaded: Any = shipped(wanted) if isinstance(wanted, str) else small(*wanted)
st.session_state["shown_model"] = loaded.model
readings: Any = gpt_readings
readings.checkpoint = lambda _name: loaded
readings._changed = lambda _name: 0
ids = tuple(st.session_state["ids"])
prompt = SimpleNamespace(text="", ids=ids, labels=tuple(loaded.tokenizer.labels[i] for i in ids))
module, _, function = st.session_state["section"].partition(":")
with frame.problems_in_place():
    getattr(import_module(f"explorer.ui.sections.{module}"), function)(loaded, prompt)
