"""`evaluate`: a checkpoint's held-out loss as plain numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from explorer.core.probability import bits
from explorer.models.checkpoints import CheckpointError, load_checkpoint
from explorer.text.batches import boundary_token, split_corpus, split_text
from explorer.text.corpora import load_corpus
from explorer.text.uploads import UploadedText, UploadError, read_upload
from explorer.training.evaluation import bits_per_byte, evaluate


def held_out_report(
    checkpoint: str, *, corpus: str | None = None, text: Path | None = None, drop_unknown: bool = False
) -> dict[str, Any]:
    """The held-out loss of a checkpoint on a text file, a named corpus, or the corpus it was trained on.

    Returns `checkpoint`, `text`, `val_loss` (nats per token), `bits_per_char`, `bits_per_byte`, `tokens` (predicted),
    `characters_dropped` and, where something was assumed to read the file, `remarks`. Raises ValueError (one sentence)
    for a checkpoint, text or corpus that cannot be used.
    """
    loaded = load_checkpoint(checkpoint)
    remarks: tuple[str, ...] = ()
    if text is not None:
        read = read_text(text)
        source, splits, remarks = str(text), split_text(read.text), read.remarks
    else:
        source = corpus or loaded.card.get("corpus", {}).get("name", "")
        if not source:
            raise CheckpointError(f"The card of {checkpoint} names no corpus; say --corpus NAME or --text FILE.")
        splits = split_corpus(load_corpus(source))
    held_out = splits.validation
    unknown = set(loaded.tokenizer.missing(held_out)) if drop_unknown else set()
    kept = "".join(c for c in held_out if c not in unknown)
    ids = torch.tensor(loaded.tokenizer.encode(kept))
    if len(ids) < 2:
        raise ValueError(f"The held-out tenth of {source} has {len(ids)} tokens; at least 2 are needed.")
    loss = evaluate(loaded.model, ids, boundary_token(splits, loaded.tokenizer))
    characters = len(kept) - len(loaded.tokenizer.decode(ids[:1].tolist()))
    return {
        "checkpoint": checkpoint,
        "text": source,
        "val_loss": round(loss, 6),
        "bits_per_char": round(bits(loss) * (len(ids) - 1) / characters, 6),
        "bits_per_byte": bits_per_byte(loss, loaded.tokenizer, kept),
        "tokens": len(ids) - 1,
        "characters_dropped": len(held_out) - len(kept),
        **({"remarks": list(remarks)} if remarks else {}),
    }


def read_text(path: Path) -> UploadedText:
    """A text file, read as the app reads an upload, of any size; raises ValueError for what is no text."""
    try:
        return read_upload(path.read_bytes(), most=None)
    except UploadError as error:
        raise ValueError(f"{path}: {error}") from error
    except OSError as error:
        raise ValueError(f"The text {path} cannot be read ({error.strerror or error}); give a text file.") from None
