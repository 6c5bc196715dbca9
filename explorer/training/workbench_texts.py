"""The texts of a run of the workbench: how they are split, what is read of them on the way, and which text a checkpoint
learned from before."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import torch

from explorer.models.cards import read_card
from explorer.models.language_model import LanguageModel
from explorer.text.batches import Batches, Splits, boundary_token, make_batches, split_corpus
from explorer.text.corpora import CORPORA, Corpus, is_local
from explorer.text.tokenizers import Tokenizer
from explorer.training.workbench_spec import TextSource

EVALUATED_TOKENS = 16_384  # of a held-out part, on the way; the whole is read at the end


def split_share(corpus: Corpus, share: float) -> Splits:
    """The corpus split as everywhere, of whose training part `share` percent are kept, from its beginning."""
    splits = split_corpus(corpus)
    if share >= 100:
        return splits
    kept = splits.train[: max(2, round(len(splits.train) * share / 100))]
    if splits.boundary is not None:
        kept = kept[: kept.rfind(splits.boundary) + 1] or kept
    return replace(splits, train=kept)


def held_out(splits: Splits, tokenizer: Tokenizer, model: LanguageModel) -> Batches:
    """The beginning of a split's held-out part, as `model` reads it."""
    ids = torch.tensor(tokenizer.encode(splits.validation))[: EVALUATED_TOKENS + 1]
    return make_batches(
        ids, model.config.context_length, boundary=boundary_token(splits, tokenizer), windows=model.reads_windows
    )


def old_text(card: str | Path, texts: Path | None = None) -> TextSource | None:
    """The text that a checkpoint learned from, if it can be read here: a corpus of the registry that is on this machine,
    or a file in the folder `texts`, found by its hash."""
    corpus = read_card(Path(card)).get("corpus", {})
    name, kind = corpus.get("name"), corpus.get("kind", "text")
    if kind not in ("text", "items"):
        return None
    if name in CORPORA and is_local(name):
        return TextSource(name, kind)
    for path in sorted(texts.glob("*.txt")) if texts is not None and texts.is_dir() else []:
        if hashlib.sha256(path.read_bytes()).hexdigest() == corpus.get("sha256"):
            return TextSource(str(name), kind, str(path))
    return None
