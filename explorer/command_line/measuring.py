"""`evaluate`: a checkpoint's held-out loss as plain numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from explorer.core.probability import bits
from explorer.models.checkpoints import CheckpointError, load_checkpoint
from explorer.text.batches import boundary_token, split_corpus, split_text
from explorer.text.corpora import load_corpus
from explorer.training.evaluation import bits_per_byte, evaluate


def held_out_report(
    checkpoint: str, *, corpus: str | None = None, text: Path | None = None, drop_unknown: bool = False
) -> dict[str, Any]:
    """The held-out loss of a checkpoint on a text file, a named corpus, or the corpus it was trained on.

    Returns `checkpoint`, `text`, `val_loss` (nats per token), `bits_per_char`, `bits_per_byte`, `tokens` (predicted)
    and `characters_dropped`. Raises ValueError (one sentence) for a checkpoint, text or corpus that cannot be used.
    """
    loaded = load_checkpoint(checkpoint)
    if text is not None:
        source, splits = str(text), split_text(read_text(text))
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
    }


def read_text(path: Path) -> str:
    """A UTF-8 file as text, a byte order mark left out; raises ValueError for anything else."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not UTF-8 text (byte {error.start} cannot be read); save it as UTF-8.") from None
    except OSError as error:
        raise ValueError(f"The text {path} cannot be read ({error.strerror or error}); give a UTF-8 file.") from None
