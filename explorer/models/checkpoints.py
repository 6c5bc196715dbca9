"""Trained weights on disk: a safetensors file and, beside it, a JSON card that says what they are.

The card holds all that is needed to use and to repeat them: architecture and config, the tokenizer, the corpus by
name and SHA-256, seed, steps, the command, losses and date, and the SHA-256 of the weights. Loading checks every one
of these against the other before a number is used; pickles are never read.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from explorer.models.cards import (
    CHECKPOINTS,
    FORMAT,
    TOKENIZER_SUFFIX,
    CheckpointError,
    find_card,
    list_checkpoints,
    read_card,
)
from explorer.models.language_model import LanguageModel
from explorer.models.registry import ARCHITECTURES, build_config
from explorer.models.safe_files import finish, put_in_order, replace_file, replacing, versions_of
from explorer.models.unfilled import unfilled_model
from explorer.models.weights_file import DTYPES, check_dtype, writing_weights
from explorer.text.batches import BOUNDARY
from explorer.text.tokenizers import Tokenizer, tokenizer_from_json

__all__ = [
    "CHECKPOINTS",
    "Checkpoint",
    "CheckpointError",
    "check_dtype",
    "find_card",
    "list_checkpoints",
    "load_checkpoint",
    "read_card",
    "replace_file",
    "save_checkpoint",
    "store_checkpoint",
]

LARGEST_INLINE = (
    50_000  # characters of a tokenizer on the card, which is read again and again; a longer one lies beside it
)
LARGEST_TOKENIZER = 50_000_000  # bytes of the file beside the card


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
    """Write a model's `path`.safetensors and `path`.json; see `store_checkpoint`, which it is for a model."""
    return store_checkpoint(
        path, own_tensors(model), vars(model.config), tokenizer, architecture=architecture, facts=facts, dtype=dtype
    )


def store_checkpoint(
    path: Path,
    tensors: Mapping[str, Tensor],
    config: Mapping[str, Any],
    tokenizer: Tokenizer,
    *,
    architecture: str,
    facts: dict[str, Any],
    dtype: str = "float32",
    must_be_finite: bool = False,
) -> Path:
    """Write `path`.safetensors and `path`.json; `facts` (corpus, seed, losses, …) go on the card as they are.

    A large tokenizer goes into `path`.tokenizer.json, and the card says its bytes and SHA-256. All are written beside
    their final places; then the card is renamed into its own, and from there on counts what it vouches for. So there is
    a whole checkpoint at every moment, the old or the new. Returns the card's path. Raises ValueError for another
    `dtype` than float32, float16 and bfloat16, and for numbers that must be finite and are not.
    """
    check_dtype(dtype)
    path.parent.mkdir(parents=True, exist_ok=True)
    card_path = path.with_name(path.name + ".json")
    places = [path.with_name(path.name + end) for end in (".safetensors", TOKENIZER_SUFFIX)]
    count = _vouched(card_path)
    try:
        with (
            writing_weights(places[0], tensors, dtype, must_be_finite=must_be_finite, vouched=count[0]) as weights,
            _writing_tokenizer(places[1], tokenizer.to_json(), count[1]) as described,
        ):
            card = {
                "format": FORMAT,
                "name": path.name,
                "architecture": architecture,
                "config": dict(config),
                "parameters": sum(tensor.numel() for tensor in tensors.values()),
                "tokenizer": described,
                "weights": weights,
                **facts,
            }
            replace_file(card_path, (json.dumps(card, indent=2, ensure_ascii=False) + "\n").encode())
    except BaseException:
        for place, vouched in zip((*places, card_path), (*_vouched(card_path), None), strict=True):
            put_in_order(place, vouched)
        raise
    return card_path


def _vouched(card_path: Path) -> tuple[str | None, str | None]:
    """The SHA-256 of the weights and of the tokenizer's file that count now: what the card says, if there is one."""
    try:
        card = read_card(card_path)
    except CheckpointError:
        return None, None
    weights, tokenizer = (
        part.get("sha256") if isinstance(part, dict) else None for part in (card["weights"], card["tokenizer"])
    )
    return weights, tokenizer


@contextmanager
def _writing_tokenizer(path: Path, tokenizer: dict[str, Any], vouched: str | None) -> Iterator[dict[str, Any]]:
    """What the card says of the tokenizer: all of it, or where it lies; its file takes its place after the block."""
    content = json.dumps(tokenizer, ensure_ascii=False).encode("utf-8", "surrogatepass")
    if len(content) <= LARGEST_INLINE:
        yield tokenizer
        return
    with replacing(path, vouched) as file:
        file.write(content)
        finish(file)
        facts = {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
        yield {"kind": tokenizer["kind"], "file": path.name, **facts}


@torch.no_grad()
def round_weights(model: LanguageModel, dtype: str) -> None:
    """Round every number of the model as storing it in `dtype` will; raises ValueError for an unknown dtype."""
    check_dtype(dtype)
    for tensor in own_tensors(model).values():
        tensor.copy_(tensor.to(DTYPES[dtype]))


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
        tokenizer = tokenizer_from_json(_read_tokenizer(card_path, card["tokenizer"]))
    except (ValueError, TypeError) as error:
        raise CheckpointError(f"The card {card_path.name} does not describe a model: {error}") from error
    if tokenizer.vocab_size != config.vocab_size:
        raise CheckpointError(
            f"The card {card_path.name} has a tokenizer of {tokenizer.vocab_size} symbols for a model of "
            f"{config.vocab_size}; they must be equal: restore the card."
        )
    try:
        model = unfilled_model(card["architecture"], config)
    except (RuntimeError, MemoryError) as error:
        raise CheckpointError(
            f"The card {card_path.name} describes a model that does not fit into memory: {config}; restore the card."
        ) from error
    _fill(model, tensors, card_path.name)
    return Checkpoint(card_path.stem, model.eval(), tokenizer, card)


def _read_tokenizer(card_path: Path, described: Any) -> Any:
    """The tokenizer that the card holds, or that lies beside it as the card says."""
    if not isinstance(described, dict) or "file" not in described:
        return described
    path = card_path.with_name(card_path.stem + TOKENIZER_SUFFIX)
    version = _vouched_version(path, "merges", described, most=LARGEST_TOKENIZER)
    return json.loads(version.read_bytes())


def _read_weights(path: Path, card: dict[str, Any]) -> dict[str, Tensor]:
    """The tensors of a weights file whose bytes are those the card was written for; they stay on disk until used."""
    version = _vouched_version(path, "weights", card["weights"])
    try:
        with safe_open(version, framework="pt") as opened:
            return {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118 (it is no dict)
    except SafetensorError as error:
        raise CheckpointError(f"{path.name} is not a safetensors file ({error}).") from error


def _vouched_version(path: Path, what: str, expected: Any, most: int | None = None) -> Path:
    """Where the file is that the card was written for: in its place or, if the process that wrote it was killed before
    it had renamed everything, beside it. Raises CheckpointError, for the file in its place, where it is nowhere."""
    problem: CheckpointError | None = None
    for version in versions_of(path):
        try:
            _check(version, what, expected, most)
        except CheckpointError as error:
            problem = problem or error
        else:
            return version
    assert problem is not None  # for mypy: the first version is the file itself
    raise problem


def _check(path: Path, what: str, expected: Any, most: int | None) -> None:
    """Raise CheckpointError unless the file is the one its card was written for."""
    try:
        file = path.open("rb")
    except OSError as error:
        raise CheckpointError(f"The card names {what} that cannot be read: {path.name} ({error}).") from error
    with file:
        _refuse_pickle(path.name, file.read(9))
        size = os.fstat(file.fileno()).st_size
        if not isinstance(expected, dict) or not {"bytes", "sha256"} <= set(expected):
            raise CheckpointError(
                f"The card of {path.name} must give the {what}' bytes and sha256, got {str(expected)[:80]}; restore it."
            )
        if size != expected["bytes"] or size > (most or size):
            raise CheckpointError(
                f"{path.name} has {size} bytes, its card says {expected['bytes']}: the file is cut "
                "short or of another checkpoint; copy it again."
            )
        file.seek(0)
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        if digest != expected["sha256"]:
            raise CheckpointError(
                f"{path.name} is damaged: its SHA-256 begins {digest[:12]}, its card says "
                f"{str(expected['sha256'])[:12]}; copy it again."
            )


def _refuse_pickle(name: str, start: bytes) -> None:
    # A safetensors file is 8 bytes of length, which may be any, and then JSON: those 8 alone would accuse the innocent.
    if start[8:9] != b"{" and (start[:1] == b"\x80" or start[:2] == b"PK"):
        raise CheckpointError(
            f"{name} is a Python pickle, which could run code when read; only safetensors files are loaded. "
            "Convert it first."
        )


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
