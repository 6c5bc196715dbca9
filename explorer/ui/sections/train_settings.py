"""The Train page's settings: a preset that fills the form, the model or the checkpoint that learns on, the training."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import streamlit as st

from explorer.models.cards import read_card
from explorer.models.registry import ARCHITECTURES, PRESETS
from explorer.text.tokenizers import tokenizer_from_json
from explorer.training.config import TrainingConfig
from explorer.training.workbench_spec import StopRule, TextSource, WorkbenchSpec
from explorer.training.workbench_texts import old_text
from explorer.ui import frame
from explorer.ui.pickers import checkpoint_names
from explorer.ui.sections.train_options import options_form
from explorer.ui.sections.train_text import text_facts
from explorer.ui.state import KEPT, set_controls
from explorer.ui.words import literal
from explorer.ui.workspace import shown_name, workspace

FRESH, TUNED = "a new model", "a checkpoint (fine-tune)"
FIRST_PRESET = "gpt-tiny"
FILLS = {"steps": 300, "batch_size": 16, "learning_rate": 3e-4, "warmup": 20}  # what suits fine-tuning
TOKENIZERS = {
    "char": "characters: one token each",
    "bpe": "byte pairs: frequent pieces of words, learned from the text",
    "word": "words: whole words, rare ones become <unk>",
}
# Held-out losses and samples come often enough to watch; everything else is the preset's.
_WATCHED = {"evaluate_every": 50, "sample_every": 100, "sample_length": 160}
TRAINING_DEFAULTS = {**asdict(TrainingConfig()), **PRESETS[FIRST_PRESET].training, **_WATCHED}
_MODEL_ONLY = ("vocab_size", "pad_id")


def choose_start() -> str | None:
    """How to begin: with a preset, which fills the form, or with a checkpoint, whose card's path is returned; None for a
    new model."""
    begin = st.segmented_control(
        "Begin with", [FRESH, TUNED], default=FRESH, required=True, key="train_begin", on_change=_suit, **KEPT
    )
    if begin == TUNED:
        return _choose_parent()
    preset = st.selectbox(
        "Preset: a ready-made shape; it fills the form below",
        list(PRESETS),
        index=list(PRESETS).index(FIRST_PRESET),
        key="train_preset",
        on_change=_fill,
        **KEPT,
    )
    st.caption(literal(PRESETS[preset].description))
    return None


def _suit() -> None:
    if st.session_state.get("train_begin") == TUNED:
        set_controls({f"train_{name}": value for name, value in FILLS.items()})
    else:
        _fill()


def _fill() -> None:
    """Set every control of the form to the preset's."""
    set_controls(preset_controls(st.session_state.get("train_preset", FIRST_PRESET)))


def preset_controls(name: str) -> dict[str, Any]:
    """The form's controls by key, as a preset has them."""
    preset = PRESETS[name]
    config_type = ARCHITECTURES[preset.architecture].config_type
    shape = {f.name: f.default for f in config_type.__dataclass_fields__.values() if f.name not in _MODEL_ONLY}
    training = {**asdict(TrainingConfig()), **_WATCHED, **preset.training}
    return {
        "train_corpus": preset.corpus,
        "train_architecture": preset.architecture,
        "train_tokenizer": preset.tokenizer,
        "train_vocab": preset.vocab_size or 512,
        **{f"train_{preset.architecture}_{key}": value for key, value in {**shape, **preset.model}.items()},
        **{f"train_{key}": value for key, value in training.items() if key != "seed"},
    }


def _choose_parent() -> str | None:
    names = checkpoint_names()
    if not names:
        frame.problem("There are no trained weights yet; train a new model first.")
        return None
    first = names.index("drama-gpt") if "drama-gpt" in names else 0
    name = st.selectbox(
        "Checkpoint: the trained model that learns on",
        names,
        index=first,
        key="train_parent",
        format_func=shown_name,
        **KEPT,
    )
    from explorer.models.cards import find_card

    with frame.problems_in_place():
        return str(find_card(name))
    return None


def choose_settings(text: TextSource, parent: str | None) -> WorkbenchSpec | None:
    """The run that the controls describe; None, with the reason in place, where it cannot be."""
    with frame.problems_in_place():
        begun = _from_checkpoint(text, parent) if parent is not None else _new_model()
        st.markdown("**The training**")
        values = options_form(
            TrainingConfig, "train_", TRAINING_DEFAULTS, leave_out=("seed",), more="More about the training"
        )
        stop, share, seed, prompt = _further(begun["architecture"])
        return WorkbenchSpec(
            text=text,
            training=TrainingConfig(**values),
            stop=stop,
            share=share,
            seed=seed,
            prompt=prompt,
            folder=str(workspace().runs),
            **begun,
        )
    return None


def _new_model() -> dict[str, Any]:
    """Architecture, its options and the tokenizer."""
    left, right = st.columns(2)
    with left:
        architecture = st.selectbox(
            "Architecture",
            list(ARCHITECTURES),
            index=list(ARCHITECTURES).index(PRESETS[FIRST_PRESET].architecture),
            key="train_architecture",
            **KEPT,
        )
        st.caption(literal(ARCHITECTURES[architecture].description))
    with right:
        tokenizer = st.selectbox(
            "Tokens", list(TOKENIZERS), key="train_tokenizer", format_func=lambda kind: TOKENIZERS[kind], **KEPT
        )
        size = None
        if tokenizer != "char":
            size = int(st.number_input("Tokens in the vocabulary", 0, 10**6, 512, step=1, key="train_vocab", **KEPT))
            if tokenizer == "bpe" and size < 256:
                raise ValueError(f"Byte pairs begin with the 256 single bytes, so at least 256 tokens; got {size}.")
    st.markdown("**The model**")
    first = next((p for p in PRESETS.values() if p.architecture == architecture), None)
    options = options_form(
        ARCHITECTURES[architecture].config_type,
        f"train_{architecture}_",
        first.model if first is not None else {},
        leave_out=_MODEL_ONLY,
        more="More about the model",
    )
    return {
        "architecture": architecture,
        "options": tuple(options.items()),
        "tokenizer": tokenizer,
        "vocab_size": size,
    }


def _from_checkpoint(text: TextSource, parent: str) -> dict[str, Any]:
    """What a checkpoint brings, and in words what becomes of its vocabulary and of its old text."""
    card = read_card(Path(parent))
    tokenizer = tokenizer_from_json(card["tokenizer"])
    missing = tokenizer.missing(text_facts(text).symbols)
    old = old_text(parent, workspace().texts_folder)
    corpus = card.get("corpus", {}).get("name", "a text its card does not name")
    shown = "".join(missing[:24]).replace("\n", "↵") + ("…" if len(missing) > 24 else "")
    said = [f"{card.get('parameters', 0):,} learned numbers, trained on {corpus}."]
    said += (
        [f"{len(missing)} characters of this text are new to it ({shown}): rows for them are added, the old ones stay."]
        if missing
        else ["It knows every character of this text, so its vocabulary stays as it is."]
    )
    said += (
        ["Its loss on the old text is drawn beside the new one."]
        if old is not None
        else ["Its old text is not on this machine, so what it forgets cannot be measured."]
    )
    st.caption(literal(" ".join(said)))
    return {
        "architecture": card["architecture"],
        "options": tuple((name, value) for name, value in card["config"].items() if name not in _MODEL_ONLY),
        "tokenizer": card["tokenizer"].get("kind", "char"),
        "parent": parent,
        "old": old,
    }


def _further(architecture: str) -> tuple[StopRule, float, int, str]:
    """The rule that stops the run, the share of the text, the seed, and the prompt whose attention is watched."""
    with st.expander("When to stop early, how much of the text, the seed, the prompt to watch"):
        first, second, third = st.columns(3)
        with first:
            patience = st.number_input(
                "Stop after held-out losses without gain (0: never)", 0, 1000, 0, step=1, key="train_patience", **KEPT
            )
        with second:
            target = st.number_input(
                "Stop at a held-out loss of, in nats (0: never)",
                0.0,
                100.0,
                0.0,
                format="%g",
                key="train_target",
                **KEPT,
            )
        with third:
            minutes = st.number_input(
                "Stop after minutes of work (0: never)", 0.0, 1000.0, 0.0, format="%g", key="train_minutes", **KEPT
            )
        fourth, fifth, sixth = st.columns(3)
        with fourth:
            share = st.number_input(
                "Percent of the training part to read", 0.0, 100.0, 100.0, format="%g", key="train_share", **KEPT
            )
        with fifth:
            seed = st.number_input("Seed: of weights, batches, dropout", 0, 2**31, 1, step=1, key="train_seed", **KEPT)
        prompt = ""
        if ARCHITECTURES[architecture].has_attention:
            with sixth:
                prompt = st.text_input(
                    "Prompt whose attention is watched", "The king and the", max_chars=100, key="train_prompt", **KEPT
                )
    return StopRule(int(patience), float(target), float(minutes)), float(share), int(seed), str(prompt or "")
