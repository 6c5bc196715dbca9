"""A form made from a settings dataclass: one control a field, its help from the docstring, its choices from the module.

A new option of a model or of the training appears on the page by itself.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Collection, Mapping
from dataclasses import Field, fields
from typing import Any

import streamlit as st

from explorer.ui.state import KEPT
from explorer.ui.words import literal

# Plain words for the field's names; what is not here is shown by its name.
LABELS = {
    "context_length": "Context: tokens it looks back on",
    "n_layers": "Blocks, one after the other",
    "n_heads": "Attention heads in each block",
    "d_model": "Width: numbers per position",
    "dropout": "Dropout: share zeroed while training",
    "d_embedding": "Numbers per token (embedding)",
    "d_hidden": "Hidden neurons",
    "n_hidden_layers": "Hidden layers",
    "steps": "Steps: updates of the weights",
    "batch_size": "Batch: windows of text a step",
    "learning_rate": "Learning rate",
    "optimizer": "Optimizer",
    "schedule": "Schedule of the rate",
    "evaluate_every": "Steps between held-out losses",
    "sample_every": "Steps between samples (0: at the ends)",
    "sample_length": "Tokens a sample",
    "final_learning_rate": "Rate at the end",
    "warmup": "Warm-up steps",
    "weight_decay": "Weight decay",
    "clip": "Longest gradient (clipped above)",
}
_MODEL = ("context_length", "n_layers", "n_heads", "d_model", "dropout", "d_embedding", "d_hidden")
_TRAINING = ("steps", "batch_size", "learning_rate", "optimizer", "schedule")
MAIN = frozenset((*_MODEL, *_TRAINING))


def options_form(
    config_type: Any, prefix: str, defaults: Mapping[str, Any], *, leave_out: Collection[str] = (), more: str
) -> dict[str, Any]:
    """Draw the form; the values by field. The main fields come first, the others in an expander called `more`.

    prefix: before each control's key. defaults: where they differ from the dataclass's own.
    """
    told = descriptions(config_type)
    chosen = [f for f in fields(config_type) if f.name not in leave_out]
    main, rest = ([f for f in chosen if (f.name in MAIN) == is_main] for is_main in (True, False))
    values: dict[str, Any] = {}
    for i, one in enumerate(main):
        if i % 3 == 0:
            columns = st.columns(3)
        with columns[i % 3]:
            values[one.name] = _control(config_type, one, prefix, defaults, told.get(one.name, ""))
    if rest:
        with st.expander(more):
            for i, one in enumerate(rest):
                if i % 3 == 0:
                    columns = st.columns(3)
                with columns[i % 3]:
                    values[one.name] = _control(config_type, one, prefix, defaults, told.get(one.name, ""))
    return values


def _control(config_type: Any, one: Field[Any], prefix: str, defaults: Mapping[str, Any], told: str) -> Any:
    """One field's control, by its type; sizes that cannot be are answered in words, so the boxes let them in."""
    label, key = LABELS.get(one.name, one.name.replace("_", " ").capitalize()), f"{prefix}{one.name}"
    default, tip = defaults.get(one.name, one.default), literal(told) or None
    choices = choices_of(config_type, one.name)
    kind = str(one.type)
    if choices:
        described = [f"{name}: {text}" for name, text in choices.items() if text]
        tip = "  \n".join(literal(line) for line in described) or tip
        names = list(choices)
        return st.selectbox(label, names, index=names.index(default), key=key, help=tip, **KEPT)
    if kind == "bool":
        return st.checkbox(label, default, key=key, help=tip, **KEPT)
    if kind.startswith("int"):
        value = st.number_input(label, 0, 10**9, default, step=1, key=key, help=tip, **KEPT)
        return None if value is None else int(value)
    if kind.startswith("float"):
        start = None if default is None else float(default)
        step = 0.05 if one.name == "dropout" else None
        value = st.number_input(label, 0.0, 1e38, start, step=step, format="%g", key=key, help=tip, **KEPT)
        return None if value is None else float(value)
    return st.text_input(label, str(default), key=key, help=tip, **KEPT)


def choices_of(config_type: Any, name: str) -> dict[str, str]:
    """What a field may be, with a line on each where the module has one: from the module's literal of the field's name
    in capitals (`optimizer` from `OPTIMIZERS`); empty for a field that is free."""
    module = sys.modules[config_type.__module__]
    for literal_name in (name.upper(), f"{name.upper()}S"):
        known = getattr(module, literal_name, None)
        if isinstance(known, dict):
            return {str(k): v if isinstance(v, str) else "" for k, v in known.items()}
        if isinstance(known, tuple) and all(isinstance(one, str) for one in known):
            return dict.fromkeys(known, "")
    return {}


def descriptions(config_type: Any) -> dict[str, str]:
    """What the docstring says of each field: "name: what it is." or "one, other: what they are."."""
    names = "|".join(f.name for f in fields(config_type))
    text = " ".join((config_type.__doc__ or "").split())
    found = list(re.finditer(rf"(?<![\w`])((?:{names})(?:, (?:{names}))*): ", text))
    told: dict[str, str] = {}
    for this, following in zip(found, [*found[1:], None], strict=True):
        said = text[this.end() : following.start() if following is not None else None].strip().rstrip(".;")
        for name in this.group(1).split(", "):
            told[name] = said[:1].upper() + said[1:] + "."
    return told
