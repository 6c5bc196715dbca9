"""Somebody else's GPT-2 as one of our checkpoints: the folder that `transformers` saves, or a nanoGPT `ckpt.pt`.

Tensors stay on disk, mapped into memory, until they are written; a view of them is transposed where it must be. What our
GPT cannot represent is refused by name. Nothing is read that could run code: safetensors, JSON, and `torch.load` with
`weights_only=True`.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from torch import Tensor

from explorer.models.conversion import gpt2_to_gpt
from explorer.models.gpt import GPTConfig
from explorer.models.registry import shape_only
from explorer.models.weights_file import DTYPES

SUPPORTED = "supported are the GPT-2 family (config.json says model_type gpt2) and nanoGPT"
PADDING = 64  # vocabularies are filled up to a multiple of it for speed; nanoGPT's 50,304 and others' 128 are ones
MOST_PADDING = 128
WEIGHTS, INDEX = "model.safetensors", "model.safetensors.index.json"
PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl")
_GELUS = {"gelu_new": "tanh", "gelu_pytorch_tanh": "tanh", "gelu": "exact"}
# Options of a GPT-2's config.json with the only value our GPT has; what is not given is this.
_FIXED = {"scale_attn_weights": True, "scale_attn_by_inverse_layer_idx": False, "add_cross_attention": False}


class ForeignError(ValueError):
    """A foreign model that cannot be used: the message says what was expected, what came and what to do."""


@dataclass(frozen=True)
class ForeignModel:
    """tensors: under our names, tied ones once, not yet read. config: our GPT's. dtype: how they are stored there.
    facts: what the card says of where they come from."""

    tensors: dict[str, Tensor]
    config: GPTConfig
    dtype: str
    facts: dict[str, Any]


def read_folder(folder: Path) -> ForeignModel:
    """A GPT-2 as `transformers` saves it: config.json and safetensors, whole or in shards. Raises ForeignError."""
    config = read_config(folder / "config.json")
    files = weight_files(folder)
    state: dict[str, Tensor] = {}
    for file in files:
        state |= _open_tensors(file)
    tensors = converted(gpt2_to_gpt, state)
    beside = [folder / name for name in ("config.json", "tokenizer.json", "vocab.json", "merges.txt")]
    facts = {
        "files": {file.name: file_digest(file) for file in (*beside, *files) if file.is_file()},
        "licence": read_licence(folder / "README.md"),
    }
    return checked_model(tensors, config, facts)


def read_config(path: Path) -> GPTConfig:
    """A GPT-2's `config.json` as our config; raises ForeignError naming what our GPT does not have."""
    theirs = _read_object(path)
    family = theirs.get("model_type")
    if family != "gpt2":
        raise ForeignError(f"{path.name} describes a model of the family {family!r}; {SUPPORTED}.")
    width, activation = theirs.get("n_embd", 768), theirs.get("activation_function", "gelu_new")
    if theirs.get("n_inner") not in (None, 4 * width if isinstance(width, int) else None):
        _refuse(path, "n_inner", theirs["n_inner"], f"feed-forward networks 4 times as wide as n_embd, {4 * width}")
    if activation not in _GELUS:
        _refuse(path, "activation_function", activation, f"{', '.join(_GELUS)}")
    for option, only in _FIXED.items():
        if theirs.get(option, only) != only:
            _refuse(path, option, theirs[option], f"{only}")
    if theirs.get("quantization_config"):
        _refuse(path, "quantization_config", "one", "weights as plain floating-point numbers")
    try:
        return GPTConfig(
            vocab_size=theirs.get("vocab_size", 50257),
            context_length=theirs.get("n_positions", 1024),
            n_layers=theirs.get("n_layer", 12),
            n_heads=theirs.get("n_head", 12),
            d_model=width,
            tie_weights=bool(theirs.get("tie_word_embeddings", True)),
            layer_norm_epsilon=theirs.get("layer_norm_epsilon", 1e-5),
            gelu=_GELUS[activation],
        )
    except (ValueError, TypeError) as error:
        raise ForeignError(f"{path.name} describes no model: {error} Copy it again.") from None


def _refuse(path: Path, option: str, value: Any, known: str) -> None:
    raise ForeignError(f"{path.name} has {option} = {value!r}, which our GPT cannot represent; it has {known}.")


def _read_object(path: Path) -> dict[str, Any]:
    """A JSON object; raises ForeignError for anything else."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ForeignError(
            f"{path.parent} is no model that can be read: {path.name} ({error.strerror or error}); expected a folder with "
            f"config.json, {WEIGHTS} and tokenizer.json, or a nanoGPT ckpt.pt."
        ) from None
    except (ValueError, RecursionError) as error:
        raise ForeignError(f"{path.name} is broken JSON ({str(error)[:80]}); copy it again.") from None
    if not isinstance(data, dict):
        raise ForeignError(f"{path.name} must be a JSON object, got {str(data)[:80]}; copy it again.")
    return data


def weight_files(folder: Path) -> list[Path]:
    """The safetensors of a folder, in order. Raises ForeignError where there are none, and why others are not read."""
    if (folder / WEIGHTS).is_file():
        return [folder / WEIGHTS]
    check_has_weights(sorted(path.name for path in folder.iterdir()), str(folder))
    shards = _read_object(folder / INDEX).get("weight_map")
    names = sorted(set(shards.values())) if isinstance(shards, dict) else []
    if not names or not all(Path(name).name == name and name.endswith(".safetensors") for name in names):
        raise ForeignError(f"{INDEX} must name the safetensors beside it that hold each tensor; copy it again.")
    if missing := [name for name in names if not (folder / name).is_file()]:
        raise ForeignError(f"{folder} lacks {missing[0]} of the {len(names)} files that {INDEX} names; copy it too.")
    return [folder / name for name in names]


def check_has_weights(names: list[str], where: str) -> None:
    """Raise ForeignError where a folder's file names promise no weights that can be read."""
    if WEIGHTS in names or INDEX in names:
        return
    if pickles := [name for name in names if name.endswith(PICKLES)]:
        raise ForeignError(
            f"{where} has its weights only as a Python pickle ({pickles[0]}), which could run code when read, so it is not "
            f"read; get the same model as {WEIGHTS}, or convert it where you trust it, by transformers' save_pretrained."
        )
    raise ForeignError(f"{where} has no weights: expected {WEIGHTS}, or its shards with {INDEX}; copy them there.")


def _open_tensors(file: Path) -> dict[str, Tensor]:
    try:
        with safe_open(file, framework="pt") as opened:
            return {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118 (it is no dict)
    except (SafetensorError, OSError) as error:
        raise ForeignError(
            f"{file.name} is broken or cut short ({str(error)[:120]}); copy or download it again."
        ) from None


def converted(convert: Any, state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The state dict under our names; raises ForeignError where it is no GPT-2's."""
    try:
        tensors: dict[str, Tensor] = convert(state)
    except ValueError as error:
        raise ForeignError(str(error)) from None
    return tensors


def checked_model(tensors: dict[str, Tensor], config: GPTConfig, facts: dict[str, Any]) -> ForeignModel:
    """The model, once every tensor of its config is there in its shape; raises ForeignError."""
    blocks = {int(name.split(".")[1]) for name in tensors if name.startswith("blocks.")}
    if len(blocks) != config.n_layers or blocks != set(range(len(blocks))):
        raise ForeignError(
            f"The config has {config.n_layers} layers, the weights have {len(blocks)}; they must be of one model."
        )
    wanted = {name: tuple(tensor.shape) for name, tensor in shape_only("gpt", config).state_dict().items()}
    for name, shape in wanted.items():
        if name not in tensors or tuple(tensors[name].shape) != shape or not tensors[name].is_floating_point():
            came = f"{tuple(tensors[name].shape)} of {tensors[name].dtype}" if name in tensors else "nothing"
            raise ForeignError(f"The config wants {name} as {shape} floating-point numbers, the weights have {came}.")
    if config.tie_weights:
        unembedding = tensors.pop("unembedding.weight")
        if not unembedding.equal(tensors["token_embedding.weight"]):
            raise ForeignError(
                "lm_head.weight differs from wte.weight, though the config says they are one; set tie_word_embeddings to "
                "false in config.json if the model was trained so."
            )
    stored = str(tensors["token_embedding.weight"].dtype).removeprefix("torch.")
    return ForeignModel(tensors, config, stored if stored in DTYPES else "float32", facts)


def fit_vocabulary(model: ForeignModel, tokens: int, tokenizer: str) -> ForeignModel:
    """The model for a tokenizer of so many tokens: rows that only fill the table up are left out, and the card says so.

    Raises ForeignError where the difference is no such padding: tokenizer and weights are not of one model then.
    """
    rows = model.config.vocab_size
    if rows == tokens:
        return model
    if not 0 < rows - tokens < MOST_PADDING or rows % PADDING:
        raise ForeignError(
            f"The weights have {rows:,} tokens, {tokenizer} has {tokens:,}: they are not of one model; give the tokenizer "
            "that belongs to it with --tokenizer or --characters."
        )
    tables = ("token_embedding.weight", "unembedding.weight")
    tensors = {name: tensor[:tokens] if name in tables else tensor for name, tensor in model.tensors.items()}
    facts = {**model.facts, "padding_left_out": rows - tokens}
    return replace(model, tensors=tensors, config=replace(model.config, vocab_size=tokens), facts=facts)


def file_digest(path: Path) -> str:
    """The SHA-256 of a file, read in parts."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_licence(readme: Path) -> str | None:
    """The licence that the head of a model's README.md names, or None."""
    try:
        head = readme.read_text(encoding="utf-8", errors="replace")[:10_000]
    except OSError:
        return None
    block = re.match(r"---\s*\n(.*?)\n---", head, re.DOTALL)
    named = block and re.search(r"^license:\s*[\"']?([\w.+-]+)", block[1], re.MULTILINE)
    return named[1] if named else None
