"""Checkpoint cards: what trained weights are, as JSON, readable without loading torch.

`CHECKPOINTS` is the registry of what is shipped; any other card in the folder is listed after them.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

SHIPPED_FOLDER = Path(__file__).parents[2] / "checkpoints"
FOLDER = Path(os.environ.get("EXPLORER_CHECKPOINTS") or SHIPPED_FOLDER).expanduser()  # what is listed and added to
FORMAT = 1
TOKENIZER_SUFFIX = ".tokenizer.json"  # of the file beside a card whose tokenizer is too long for it

CHECKPOINTS: dict[str, str] = {
    "shakespeare-gpt": "A character GPT in the shape of GPT-2, trained on Tiny Shakespeare.",
    "shakespeare-modern": "A decoder with what came after GPT-2, on the same text: lower loss, fewer numbers.",
    "drama-gpt": "A small GPT on the shipped verse drama, by characters.",
    "drama-bpe-gpt": "Its twin on sub-words: 256 byte-pair merges.",
    "names-bigram": "Ladder of names: a bigram table learned by gradient descent.",
    "names-mlp": "Ladder of names: three letters through 200 neurons.",
    "names-batchnorm": "Ladder of names: the same with BatchNorm.",
    "names-wavenet": "Ladder of names: eight letters joined up a tree.",
    "names-transformer": "Ladder of names: a Transformer that reads the whole name.",
    "shakespeare-bigram": "Ladder of Shakespeare: a character's vector and its place, no attention.",
    "shakespeare-head": "Ladder of Shakespeare: one attention head over 8 characters.",
    "shakespeare-heads": "Ladder of Shakespeare: four heads.",
    "shakespeare-block": "Ladder of Shakespeare: one whole block over 32 characters.",
    "shakespeare-decoder": "Ladder of Shakespeare: three blocks over 64 characters.",
}


class CheckpointError(ValueError):
    """A checkpoint that cannot be used: the message says what was expected, what came and what to do."""


def find_card(name_or_path: str | Path) -> Path:
    """The card of a checkpoint by its name in `checkpoints/`, or by the path of its weights or its card."""
    given = Path(name_or_path)
    candidates = [FOLDER / f"{given.name}.json"] if given.name == str(name_or_path) else []
    if given.name not in ("", ".."):  # these two are folders, which have no file beside them
        # The longer name first: `a.b` is the checkpoint a.b, not the card `a.json`.
        candidates += [given.with_name(given.name + ".json"), given.with_suffix(".json")]
    for candidate in candidates:
        if candidate.is_file():
            return candidate
    known = ", ".join(list_checkpoints()) or "none yet"
    raise CheckpointError(f"No checkpoint {str(name_or_path)!r}: expected one of {known}, or a path to a card.")


def list_checkpoints(folder: Path | None = None) -> list[str]:
    """Names of the checkpoints in the folder: the shipped ones first, in the registry's order."""
    cards = (path for path in (folder or FOLDER).glob("*.json") if not path.name.endswith(TOKENIZER_SUFFIX))
    names = sorted(path.stem for path in cards)
    return [n for n in CHECKPOINTS if n in names] + [n for n in names if n not in CHECKPOINTS]


def read_card(card_path: Path) -> dict[str, Any]:
    """The card as a dict with all the fields that loading needs; raises CheckpointError otherwise."""
    try:
        card = json.loads(card_path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CheckpointError(f"The card {card_path.name} is not readable JSON ({error}); restore it.") from error
    needed = {"format", "architecture", "config", "tokenizer", "weights"}
    missing = needed - set(card) if isinstance(card, dict) else needed
    if missing:
        raise CheckpointError(f"The card {card_path.name} lacks {', '.join(sorted(missing))}; restore it.")
    if card["format"] != FORMAT:
        raise CheckpointError(f"The card {card_path.name} is of format {card['format']}, this version reads {FORMAT}.")
    return card
