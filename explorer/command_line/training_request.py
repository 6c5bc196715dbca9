"""What a visitor asked `train` for, and the model, texts and settings that follow from it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import NoneType
from typing import TYPE_CHECKING, Any, get_args, get_type_hints

if TYPE_CHECKING:
    from explorer.models.language_model import LanguageModel
    from explorer.text.batches import Splits
    from explorer.text.corpora import Corpus
    from explorer.text.tokenizers import Tokenizer
    from explorer.training.config import TrainingConfig

DEFAULT_PRESET = "gpt-tiny"
_SET_ELSEWHERE = ("vocab_size", "pad_id", "seed")  # by the tokenizer, by the text, by an option of its own


@dataclass(frozen=True)
class Request:
    """The options of `train` that say what is trained. model, training: options given by name, none of them None;
    settings: those given as NAME=VALUE."""

    preset: str | None = None
    init_from: str | None = None
    corpus: str | None = None
    text: Path | None = None
    kind: str = "auto"
    tokenizer: str | None = None
    vocab_size: int | None = None
    model: dict[str, Any] = field(default_factory=dict)
    training: dict[str, Any] = field(default_factory=dict)
    settings: tuple[str, ...] = ()
    seed: int = 1
    name: str | None = None


@dataclass(frozen=True)
class Material:
    """All that a trainer needs, and what the card says of it. remarks: what the visitor should know before it starts.
    init_from: on the card of a fine-tuned model. old: the name and the split of the text its parent learned from,
    and the parent's loss on it."""

    name: str
    architecture: str
    model: LanguageModel
    tokenizer: Tokenizer
    corpus: Corpus
    splits: Splits
    config: TrainingConfig
    remarks: tuple[str, ...]
    init_from: dict[str, Any] | None = None
    old: tuple[str, Splits, float] | None = None


def prepare(request: Request) -> Material:
    """Read the texts and build the model. Raises ValueError or CorpusError, one sentence, for what cannot be."""
    from explorer.models.presets import PRESETS

    if request.preset is not None and request.preset not in PRESETS:
        raise ValueError(f"Expected a preset among {', '.join(PRESETS)}, got {request.preset!r}.")
    return _fine_tuned(request) if request.init_from is not None else _fresh(request)


def _fresh(request: Request) -> Material:
    """A new model in the shape of a preset."""
    from explorer.models.presets import PRESETS
    from explorer.models.registry import build_config, build_model
    from explorer.text.batches import boundary_token, split_corpus
    from explorer.text.tokenizers import learn_tokenizer
    from explorer.training.config import TrainingConfig

    preset_name = request.preset or DEFAULT_PRESET
    preset = PRESETS[preset_name]
    name = _checked_name(request.name or preset_name)
    corpus, remarks = _read_corpus(request, preset.corpus)
    splits = split_corpus(corpus)
    size = request.vocab_size or preset.vocab_size
    tokenizer = learn_tokenizer(request.tokenizer or preset.tokenizer, corpus.text, splits.train, size)
    model_options, training_options = _options(request, preset.architecture)
    config = build_config(preset.architecture, {"vocab_size": tokenizer.vocab_size, **preset.model, **model_options})
    boundary = boundary_token(splits, tokenizer)
    if boundary is not None and hasattr(config, "pad_id"):
        config = replace(config, pad_id=boundary)
    training = TrainingConfig(**{**preset.training, **training_options, "seed": request.seed})
    model = build_model(preset.architecture, config, seed=request.seed)
    return Material(name, preset.architecture, model, tokenizer, corpus, splits, training, remarks)


def _fine_tuned(request: Request) -> Material:
    """A trained model that goes on with another text."""
    from explorer.models.checkpoints import load_checkpoint
    from explorer.models.presets import PRESETS
    from explorer.text.batches import boundary_token, split_corpus
    from explorer.training.config import TrainingConfig
    from explorer.training.fine_tuning import SETTINGS, begin_from, held_out_loss, old_splits

    if request.corpus is None and request.text is None:
        raise ValueError("--init-from needs to know what the checkpoint shall learn: give --corpus or --text.")
    if request.tokenizer is not None or request.vocab_size is not None:
        raise ValueError("--init-from keeps the checkpoint's tokenizer; leave out --tokenizer and --vocab-size.")
    parent = load_checkpoint(str(request.init_from))
    corpus, remarks = _read_corpus(request, "")
    name = _checked_name(request.name or f"{parent.name}-{Path(corpus.name).stem}")
    model_options, training_options = _options(request, parent.card["architecture"])
    fixed = sorted(set(model_options) - {"dropout"})
    if fixed:
        raise ValueError(f"--init-from keeps the checkpoint's shape; leave out {', '.join(fixed)}.")
    begun = begin_from(parent, corpus.text, dropout=model_options.get("dropout"))
    splits = split_corpus(corpus)
    boundary = boundary_token(splits, begun.tokenizer)
    if boundary is not None and hasattr(begun.model.config, "pad_id"):
        begun.model.config = replace(begun.model.config, pad_id=boundary)
    if begun.added:
        remarks = (
            *remarks,
            f"{begun.added} symbols of this text are new to {parent.name} and were added to its vocabulary.",
        )
    settings = SETTINGS if request.preset is None else PRESETS[request.preset].training
    training = TrainingConfig(**{**settings, **training_options, "seed": request.seed})
    old = old_splits(parent.card)
    if old is None:
        remarks = (
            *remarks,
            f"The text that {parent.name} learned from is not here, so what it forgets cannot be said.",
        )
    measured = None if old is None else (*old, held_out_loss(begun.model, begun.tokenizer, old[1]))
    return Material(
        name,
        begun.architecture,
        begun.model,
        begun.tokenizer,
        corpus,
        splits,
        training,
        remarks,
        begun.facts,
        measured,
    )


def _checked_name(name: str) -> str:
    if Path(name).name != name or name.startswith("."):
        raise ValueError(f"A checkpoint's name is a file name without folders, got {name!r}; use --out.")
    return name


def _read_corpus(request: Request, default: str) -> tuple[Corpus, tuple[str, ...]]:
    """The named corpus, or the visitor's own file with what had to be assumed to read it."""
    from explorer.command_line.measuring import read_text
    from explorer.text.corpora import Corpus, load_corpus

    if request.kind not in ("auto", "text", "items"):
        raise ValueError(f"Expected --kind to be auto, text or items, got {request.kind!r}.")
    if request.text is None:
        return load_corpus(request.corpus or default), ()
    if request.corpus is not None:
        raise ValueError("--corpus and --text both say what to learn from; give one of them.")
    read = read_text(request.text)
    remarks = read.remarks
    kind = read.kind if request.kind == "auto" else request.kind
    if request.kind == "auto" and kind == "items":
        remarks = (*remarks, "It looks like a list and is read one item a line; --kind text reads it as running text.")
    digest = hashlib.sha256(request.text.read_bytes()).hexdigest()
    return Corpus(request.text.name, read.text, kind, digest), remarks  # type: ignore[arg-type]


def _options(request: Request, architecture: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Options of the model and of the training, from named options and from NAME=VALUE."""
    from explorer.models.registry import ARCHITECTURES
    from explorer.training.config import TrainingConfig

    model, training = dict(request.model), dict(request.training)
    types = [_types(ARCHITECTURES[architecture].config_type), _types(TrainingConfig)]
    for setting in request.settings:
        name, equals, value = setting.partition("=")
        if not equals:
            raise ValueError(f"--set takes NAME=VALUE, such as warmup=20; got {setting!r}.")
        place = next((i for i, known in enumerate(types) if name in known), None)
        if place is None:
            raise ValueError(
                f"There is no option {name!r} to set: the model has {', '.join(types[0])}; the training has "
                f"{', '.join(types[1])}."
            )
        chosen = (model, training)[place]
        if name in chosen:
            raise ValueError(f"{name} is given twice; leave one of them out.")
        chosen[name] = _parsed(name, value, types[place][name])
    return model, training


def _types(config_type: Any) -> dict[str, tuple[Any, ...]]:
    """The options of a config dataclass and the types their values may have."""
    hints = get_type_hints(config_type)
    return {
        name: get_args(hints[name]) or (hints[name],)
        for name in config_type.__dataclass_fields__
        if name not in _SET_ELSEWHERE
    }


def _parsed(name: str, value: str, types: tuple[Any, ...]) -> Any:
    """A typed value as the option's own type; raises ValueError with what was expected."""
    words = {"true": True, "false": False}
    if NoneType in types and value.lower() == "none":
        return None
    if bool in types and value.lower() in words:
        return words[value.lower()]
    for kind in (int, float):
        if kind in types:
            try:
                return kind(value)
            except ValueError:
                continue
    if str in types:
        return value
    names = {bool: "true or false", int: "a whole number", float: "a number", NoneType: "none"}
    raise ValueError(f"{name} must be {' or '.join(names.get(kind, kind.__name__) for kind in types)}, got {value!r}.")
