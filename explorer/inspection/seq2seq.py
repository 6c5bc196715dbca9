"""What a trained pair of encoder–decoders does: an alignment's cells opened, and both models on a typed sequence.

Legend: S places of the source, T steps of the writing, A width of the comparison.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from explorer.core.additive_attention import additive_scores
from explorer.inspection.arithmetic import CellArithmetic, number, softmax_cell
from explorer.models.seq2seq import Seq2Seq
from explorer.text.sequence_tasks import END, SYMBOLS, answer, encode, spell
from explorer.training.seq2seq import ATTENTION, FIXED, Alignment, Evaluation, align

SPARE_STEPS = 5  # a model that never writes the end mark is stopped so many symbols after the answer's end


@dataclass(frozen=True)
class Attempt:
    """What one model wrote. text: the letters before its end mark. ended: whether it wrote one. places: how many places
    of the answer, the end mark's among them, hold the right symbol."""

    text: str
    ended: bool
    places: int


@dataclass(frozen=True, eq=False)
class Translation:
    """A typed sequence through both models. typed: as read. expected: the task's answer. attempts: by kind. alignment:
    of the model with attention; its steps are those up to its end mark."""

    typed: str
    expected: str
    attempts: dict[str, Attempt]
    alignment: Alignment

    def is_right(self, kind: str) -> bool:
        """Whether that model wrote the whole answer and then stopped."""
        return self.attempts[kind].ended and self.attempts[kind].text == self.expected


def translate(models: Mapping[str, Seq2Seq], task: str, text: str) -> Translation:
    """Both models on typed letters. Raises ValueError for what the alphabet lacks, for nothing and for too much."""
    ids = encode(text)
    expected = answer(task, text)
    steps = len(ids) + 1 + SPARE_STEPS
    source = [*ids, END]
    fixed = models[FIXED].write(torch.tensor([source]), steps).ids[0].tolist()
    alignment = cut_at_end(align(models[ATTENTION], source, steps))
    attempts = {FIXED: _attempt(fixed, expected), ATTENTION: _attempt(alignment.written.tolist(), expected)}
    return Translation(spell(ids), expected, attempts, alignment)


def _attempt(written: Sequence[int], expected: str) -> Attempt:
    right = [*encode(expected), END]
    places = sum(a == b for a, b in zip(written, right, strict=False))
    return Attempt(spell(written), END in written, places)


def cut_at_end(alignment: Alignment) -> Alignment:
    """Only the steps up to the first end mark: what comes after it is not part of the answer."""
    ends = np.flatnonzero(alignment.written == END)
    T = int(ends[0]) + 1 if len(ends) else len(alignment.written)
    return Alignment(
        alignment.source,
        alignment.written[:T],
        alignment.weights[:T],
        alignment.queries[:T],
        alignment.keys,
        alignment.v,
    )


def scores(alignment: Alignment) -> np.ndarray:
    """v · tanh(query + key) of every step and place, (T, S), as the model computes them."""
    queries, keys, v = (torch.from_numpy(x) for x in (alignment.queries, alignment.keys, alignment.v))
    return additive_scores(queries, keys.expand(len(queries), -1, -1), v).numpy()


def symbols(ids: np.ndarray) -> list[str]:
    """The letters of ids, the end mark as "▪"."""
    return [SYMBOLS[i] for i in ids.tolist()]


def open_score(alignment: Alignment, step: int, place: int) -> CellArithmetic:
    """The score of one place at one step, channel by channel: v_k tanh(q_k + u_k) and their running sum."""
    query, key, v = (x.astype(float) for x in (alignment.queries[step], alignment.keys[place], alignment.v))
    squashed = np.tanh(query + key)
    products = v * squashed
    running = products.cumsum()
    columns = (query, key, squashed, v, products, running)
    total = float(running[-1])
    read, written = SYMBOLS[alignment.source[place]], SYMBOLS[alignment.written[step]]
    return CellArithmetic(
        f"Score of place {place + 1} “{read}” at step {step + 1}, which writes “{written}”",
        rf"\sum_{{k=1}}^{{{len(v)}}} v_k \tanh(q_k + u_k) = {number(total)}",
        ("channel k", "q = Ws", "u = Uh", "tanh(q + u)", "v", "product", "running sum"),
        tuple((str(k), *values) for k, values in enumerate(zip(*(c.tolist() for c in columns), strict=True))),
        float(scores(alignment)[step, place]),
        total,
    )


def open_share(alignment: Alignment, step: int, place: int) -> CellArithmetic:
    """The share of one place at one step: its score through the softmax of the step's scores."""
    read, written = SYMBOLS[alignment.source[place]], SYMBOLS[alignment.written[step]]
    return softmax_cell(
        scores(alignment)[step],
        place,
        symbols(alignment.source),
        shown=float(alignment.weights[step, place]),
        heading=f"Share of place {place + 1} “{read}” at step {step + 1}, which writes “{written}”",
    )


def looked_where_it_should(alignment: Alignment, task: str, reach: int = 0) -> float:
    """The mean share given to the place whose letter is due, over the letters of the answer; 0 … 1.

    Reverse: step i is due place n − i, copy: place i, both counted from the ends of the letters. Sort: all places that
    hold the letter due, since any of them will do. reach: how many places on either side of the due one count as well
    (not for sort). Raises ValueError for an unknown task.
    """
    letters = alignment.source[:-1]
    due = encode(answer(task, spell(letters.tolist())))
    n = min(len(due), len(alignment.weights))
    shares = []
    for i in range(n):
        if task == "sort":
            shares.append(float(alignment.weights[i, :-1][letters == due[i]].sum()))
        else:
            place = len(letters) - 1 - i if task == "reverse" else i
            shares.append(float(alignment.weights[i, max(0, place - reach) : place + reach + 1].sum()))
    return float(np.mean(shares))


def breaking_length(evaluation: Evaluation, kind: str, share: float = 0.5) -> int | None:
    """The shortest tested length at which fewer than `share` of the sequences are right; None where there is none."""
    below = [n for n, got in zip(evaluation.lengths, evaluation.shares[kind], strict=True) if got < share]
    return below[0] if below else None
