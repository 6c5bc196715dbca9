"""What the page "Before attention" gives away as CSV: the rows behind its figures."""

from __future__ import annotations

from typing import Any

from explorer.inspection.seq2seq import scores, symbols
from explorer.training.seq2seq import KINDS

Row = tuple[Any, ...]


def alignment_rows(shown: dict[str, Any]) -> list[Row]:
    """(step of the run, step of the writing, written, place, read, score, share) of the alignment on show."""
    if "alignment" not in shown:
        return []
    alignment, step = shown["alignment"], shown["step"]
    read, written = symbols(alignment.source), symbols(alignment.written)
    score, share = scores(alignment).tolist(), alignment.weights.tolist()
    return [
        (step, i + 1, written[i], j + 1, read[j], score[i][j], share[i][j])
        for i in range(len(written))
        for j in range(len(read))
    ]


def accuracy_rows(shown: dict[str, Any]) -> list[Row]:
    """(step, letters, sequences tested, share right of each model) of the evaluation on show."""
    if "evaluation" not in shown:
        return []
    evaluation = shown["evaluation"]
    shares = zip(*(evaluation.shares[kind] for kind in KINDS), strict=True)
    return [
        (evaluation.step, length, evaluation.tested, *right)
        for length, right in zip(evaluation.lengths, shares, strict=True)
    ]


def loss_rows(shown: dict[str, Any]) -> list[Row]:
    """(step, letters of the batch, loss of each model in nats) of the run on show."""
    history = shown.get("history", ())
    return [(p.step, p.length, *(p.losses[kind] for kind in KINDS)) for p in history]
