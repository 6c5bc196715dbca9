"""A safetensors file written tensor by tensor, so that a model larger than what is left of the memory can be stored.

The format: 8 bytes with the header's length, a JSON header that names each tensor's dtype, shape and place, then the
numbers end to end (huggingface/safetensors). Its library writes from one buffer that holds everything.
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from explorer.models.safe_files import finish, replacing

DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}
_CODES = {"float32": "F32", "float16": "F16", "bfloat16": "BF16"}
_ALIGNMENT = 8  # of the header, which the format asks for


def check_dtype(dtype: str) -> None:
    """Raise ValueError where weights cannot be stored as `dtype`."""
    if dtype not in DTYPES:
        raise ValueError(f"Expected a dtype among {', '.join(DTYPES)}, got {dtype!r}.")


@contextmanager
def writing_weights(
    path: Path,
    tensors: Mapping[str, Tensor],
    dtype: str,
    *,
    must_be_finite: bool = False,
    vouched: str | None = None,
) -> Iterator[dict[str, Any]]:
    """Store the tensors as `dtype`, converting one at a time; gives the file's `sha256`, `bytes` and `dtype`.

    Inside the block the numbers are on disk beside `path`, and at its end they take their place: what vouches for them
    is to be written in it. `vouched` is the SHA-256 of the version that counts until then. Raises ValueError for
    another dtype and, if numbers must be finite, for one that is not or is too large for it; then no file is left.
    """
    check_dtype(dtype)
    header, total = _header(tensors, dtype)
    digest = hashlib.sha256()
    with replacing(path, vouched) as file:
        for part in chain((header,), _numbers(tensors, dtype, must_be_finite)):
            digest.update(part)
            file.write(part)
        finish(file)
        yield {"sha256": digest.hexdigest(), "bytes": total, "dtype": dtype}


def _header(tensors: Mapping[str, Tensor], dtype: str) -> tuple[bytes, int]:
    """The first bytes of the file, and how many it will have."""
    entries, end = {}, 0
    for name, tensor in tensors.items():
        begin, end = end, end + tensor.numel() * DTYPES[dtype].itemsize
        entries[name] = {"dtype": _CODES[dtype], "shape": list(tensor.shape), "data_offsets": [begin, end]}
    text = json.dumps(entries, separators=(",", ":")).encode()
    text += b" " * (-len(text) % _ALIGNMENT)
    return struct.pack("<Q", len(text)) + text, 8 + len(text) + end


def _numbers(tensors: Mapping[str, Tensor], dtype: str, must_be_finite: bool) -> Iterator[Any]:
    """The bytes of each tensor in turn, as an array that no copy was made for."""
    for name, tensor in tensors.items():
        stored = tensor.detach().to(DTYPES[dtype]).contiguous()
        if must_be_finite and not bool(torch.isfinite(stored).all()):
            raise ValueError(
                f"{name} holds a number that is not finite or does not fit into {dtype}; the source is damaged, or needs "
                "--dtype float32."
            )
        yield stored.view(torch.uint8).numpy().reshape(-1)
