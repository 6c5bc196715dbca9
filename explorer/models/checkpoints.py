"""Trained weights on disk: a safetensors file and, beside it, a JSON card that says what they are.

The card holds all that is needed to use and to repeat them: architecture and config, the tokenizer, the corpus by
name and SHA-256, seed, steps, the command, losses and date, and the SHA-256 of the weights. Loading checks every one
of these against the other before a number is used; pickles are never read.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor

from explorer.models.cards import CHECKPOINTS, FORMAT, CheckpointError, find_card, list_checkpoints, read_card
from explorer.models.language_model import LanguageModel
from explorer.models.registry import ARCHITECTURES, build_config, build_model
from explorer.text.batches import BOUNDARY
from explorer.text.tokenizers import Tokenizer, tokenizer_from_json

__all__ = [
    "CHECKPOINTS",
    "Checkpoint",
    "CheckpointError",
    "find_card",
    "list_checkpoints",
    "load_checkpoint",
    "read_card",
    "save_checkpoint",
]

_DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}


@dataclass(frozen=True)
class Checkpoint:
    """A model ready to use, in evaluation mode and float32, with its tokenizer and its card."""

    name: str
    model: LanguageModel
    tokenizer: Tokenizer
    card: dict[str, Any]

    @property
    def boundary(self) -> int | None:
        """The token between items, for a model trained on items (names, one a line); None for running text."""
        if self.card.get("corpus", {}).get("kind") != "items" or self.tokenizer.missing(BOUNDARY):
            return None
        ids = self.tokenizer.encode(BOUNDARY)
        return ids[0] if len(ids) == 1 else None


def save_checkpoint(
    path: Path,
    model: LanguageModel,
    tokenizer: Tokenizer,
    *,
    architecture: str,
    facts: dict[str, Any],
    dtype: str = "float32",
) -> Path:
    """Write `path`.safetensors and `path`.json; `facts` (corpus, seed, losses, …) go on the card as they are.

    Each file is written beside its final place and renamed into it. Returns the card's path. Raises ValueError for a
    `dtype` that is none of float32, float16 and bfloat16.
    """
    check_dtype(dtype)
    weights = save_tensors({n: t.to(_DTYPES[dtype]).contiguous() for n, t in own_tensors(model).items()})
    card = {
        "format": FORMAT,
        "name": path.name,
        "architecture": architecture,
        "config": dict(vars(model.config)),
        "parameters": model.parameter_count(),
        "tokenizer": tokenizer.to_json(),
        "weights": {"sha256": hashlib.sha256(weights).hexdigest(), "bytes": len(weights), "dtype": dtype},
        **facts,
    }
    card_path = path.with_name(path.name + ".json")
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path.with_name(path.name + ".safetensors"), weights)
    replace_file(card_path, (json.dumps(card, indent=2, ensure_ascii=False) + "\n").encode())
    return card_path


def check_dtype(dtype: str) -> None:
    """Raise ValueError where weights cannot be stored as `dtype`."""
    if dtype not in _DTYPES:
        raise ValueError(f"Expected a dtype among {', '.join(_DTYPES)}, got {dtype!r}.")


@torch.no_grad()
def round_weights(model: LanguageModel, dtype: str) -> None:
    """Round every number of the model as storing it in `dtype` will; raises ValueError for an unknown dtype."""
    check_dtype(dtype)
    for tensor in own_tensors(model).values():
        tensor.copy_(tensor.to(_DTYPES[dtype]))


def replace_file(path: Path, content: bytes) -> None:
    """Write the whole file or nothing: beside it first, flushed to disk, then renamed into place."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}.part")
    try:
        with beside.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def own_tensors(model: LanguageModel) -> dict[str, Tensor]:
    """The model's parameters and buffers by name, tied ones once."""
    seen: set[int] = set()
    own: dict[str, Tensor] = {}
    for name, tensor in model.state_dict().items():
        if tensor.data_ptr() not in seen:
            seen.add(tensor.data_ptr())
            own[name] = tensor.detach()
    return own


def load_checkpoint(name_or_path: str | Path) -> Checkpoint:
    """Load by name or path. Raises CheckpointError for anything that is not a whole, matching checkpoint."""
    card_path = find_card(name_or_path)
    card = read_card(card_path)
    if not isinstance(card["architecture"], str) or card["architecture"] not in ARCHITECTURES:
        raise CheckpointError(
            f"The card {card_path.name} names the architecture {card['architecture']!r}; "
            f"this version knows {', '.join(ARCHITECTURES)}."
        )
    tensors = _read_weights(card_path.with_suffix(".safetensors"), card)
    try:
        config = build_config(card["architecture"], card["config"])
        tokenizer = tokenizer_from_json(card["tokenizer"])
    except (ValueError, TypeError) as error:
        raise CheckpointError(f"The card {card_path.name} does not describe a model: {error}") from error
    if tokenizer.vocab_size != config.vocab_size:
        raise CheckpointError(
            f"The card {card_path.name} has a tokenizer of {tokenizer.vocab_size} symbols for a model of "
            f"{config.vocab_size}; they must be equal: restore the card."
        )
    try:
        model = build_model(card["architecture"], config)
    except (RuntimeError, MemoryError) as error:
        raise CheckpointError(
            f"The card {card_path.name} describes a model that does not fit into memory: {config}; restore the card."
        ) from error
    _fill(model, tensors, card_path.name)
    return Checkpoint(card_path.stem, model.eval(), tokenizer, card)


def _read_weights(path: Path, card: dict[str, Any]) -> dict[str, Tensor]:
    """The tensors of a weights file whose bytes are those the card was written for."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise CheckpointError(f"The card names weights that cannot be read: {path.name} ({error}).") from error
    # A safetensors file is 8 bytes of length, which may be any, and then JSON: those 8 alone would accuse the innocent.
    if content[8:9] != b"{" and (content[:1] == b"\x80" or content[:2] == b"PK"):
        raise CheckpointError(
            f"{path.name} is a Python pickle, which could run code when read; only safetensors files are loaded. "
            "Convert it first."
        )
    expected = card["weights"]
    if not isinstance(expected, dict) or not {"bytes", "sha256"} <= set(expected):
        raise CheckpointError(
            f"The card of {path.name} must give the weights' bytes and sha256, got {str(expected)[:80]}; restore it."
        )
    if len(content) != expected["bytes"]:
        raise CheckpointError(
            f"{path.name} has {len(content)} bytes, its card says {expected['bytes']}: the file is cut "
            "short or of another checkpoint; copy it again."
        )
    digest = hashlib.sha256(content).hexdigest()
    if digest != expected["sha256"]:
        raise CheckpointError(
            f"{path.name} is damaged: its SHA-256 begins {digest[:12]}, its card says "
            f"{str(expected['sha256'])[:12]}; copy it again."
        )
    try:
        return load_tensors(content)
    except SafetensorError as error:
        raise CheckpointError(f"{path.name} is not a safetensors file ({error}).") from error


def _fill(model: LanguageModel, tensors: dict[str, Tensor], card_name: str) -> None:
    """Copy the tensors into the model, every one in its place and shape."""
    own = own_tensors(model)
    wrong = [
        f"{name} is {tuple(tensors[name].shape) if name in tensors else 'missing'}, expected {tuple(tensor.shape)}"
        for name, tensor in own.items()
        if name not in tensors or tensors[name].shape != tensor.shape
    ] + [f"{name} is not part of the model" for name in tensors if name not in own]
    if wrong:
        more = f" and {len(wrong) - 2} more" if len(wrong) > 2 else ""
        raise CheckpointError(
            f"The weights do not fit the config in {card_name}: {'; '.join(wrong[:2])}{more}. Restore the card."
        )
    for name, tensor in own.items():
        tensor.copy_(tensors[name])
