"""nanoGPT's `ckpt.pt`: weights, the options they were made with, and the table of its characters where it lies near.

Source of the form: karpathy/nanoGPT, train.py and data/*/prepare.py.
"""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from explorer.models.conversion import nanogpt_to_gpt
from explorer.models.foreign import ForeignError, ForeignModel, checked_model, converted, file_digest
from explorer.models.gpt import GPTConfig
from explorer.text.character_tables import read_characters
from explorer.text.tokenizers import CharTokenizer

GPT2_SIZES = (50257, 50304)  # GPT-2's vocabulary, and the same filled up to a multiple of 64
_OPTIONS = {"vocab_size": "vocab_size", "block_size": "context_length", "n_layer": "n_layers", "n_head": "n_heads"}
_TABLES = ("meta.json", "meta.pkl")


def read_nanogpt(path: Path) -> ForeignModel:
    """A `ckpt.pt`, its tensors left on disk; optimizer states are not read. Raises ForeignError."""
    saved = _load(path)
    if not isinstance(saved, dict) or not {"model", "model_args"} <= set(saved):
        raise ForeignError(
            f"{path.name} is not a nanoGPT checkpoint: it lacks `model` and `model_args`; give its ckpt.pt."
        )
    state, options = saved["model"], saved["model_args"]
    if not isinstance(options, dict) or not isinstance(state, dict) or not all(map(_is_named_tensor, state.items())):
        raise ForeignError(
            f"{path.name} must hold named tensors and a dict of options, got others; give nanoGPT's ckpt.pt."
        )
    try:
        ours = {our: options[theirs] for theirs, our in _OPTIONS.items()}
        tensors = converted(nanogpt_to_gpt, state)
        is_tied = tensors["unembedding.weight"].equal(tensors["token_embedding.weight"])
        config = GPTConfig(**ours, d_model=options["n_embd"], tie_weights=is_tied, gelu="exact")
    except ForeignError:
        raise
    except (KeyError, TypeError, ValueError) as error:
        raise ForeignError(
            f"The model_args of {path.name} describe no model ({_first_line(error)}); train and save it again."
        ) from None
    trained = {name: saved[name] for name in ("iter_num",) if isinstance(saved.get(name), int)}
    facts = {"files": {path.name: file_digest(path)}, "licence": None, **trained}
    return checked_model(tensors, config, facts)


def _load(path: Path) -> Any:
    """The file's dict, without running anything in it."""
    try:
        with path.open("rb") as file:
            start = file.read(2)
    except OSError as error:
        raise ForeignError(f"{path} cannot be read ({error.strerror or error}).") from None
    if start != b"PK" and start[:1] != b"\x80":
        raise ForeignError(f"{path.name} is no file that PyTorch saves; expected a nanoGPT ckpt.pt.")
    try:
        return torch.load(path, map_location="cpu", weights_only=True, mmap=start == b"PK")
    except pickle.UnpicklingError as error:
        raise ForeignError(
            f"{path.name} holds more than tensors and plain values, which could run code, so it is not read "
            f"({_first_line(error)}); save only the state dict and options again, as nanoGPT's train.py does."
        ) from None
    except Exception as error:  # torch passes on whatever a broken archive makes of its reader
        raise ForeignError(f"{path.name} is broken or cut short ({_first_line(error)}); copy it again.") from None


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:120].rstrip(".")


def _is_named_tensor(item: tuple[Any, Any]) -> bool:
    return isinstance(item[0], str) and isinstance(item[1], Tensor)


def find_characters(path: Path) -> CharTokenizer | None:
    """The table of the characters that a `ckpt.pt` was trained on, or None where there is none.

    Looked for are meta.json and meta.pkl beside it, then in the folder of its data set, where nanoGPT's prepare.py
    leaves it: `data/NAME/` beside the checkpoint's folder or in the present one. Raises ValueError for one that is
    broken.
    """
    folders = [path.parent]
    data_set = (_load(path).get("config") or {}).get("dataset")
    if isinstance(data_set, str) and data_set not in ("", ".", "..") and Path(data_set).name == data_set:
        folders += [beside / "data" / data_set for beside in (path.parent, path.parent.parent, Path.cwd())]
    for folder in folders:
        for name in _TABLES:
            if (folder / name).is_file():
                return read_characters(folder / name)
    return None
