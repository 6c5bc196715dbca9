"""Two encoder–decoders trained side by side on a sequence task: one with a fixed vector, one with attention.

Both read the same batches, have the same sizes and make the same number of updates with Adam. The lengths of the
sequences grow during the first half of a run, from 3 letters to the longest asked for: an alignment is learned on
short sequences and carried over to longer ones. Every batch holds sequences of one length.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from explorer.models.seq2seq import Seq2Seq, Seq2SeqConfig, build_seq2seq
from explorer.text.sequence_tasks import LONGEST, VOCAB_SIZE, check_length, check_task, draw_batch
from explorer.training.memory import BYTES, in_words
from explorer.training.schedules import warmup_cosine
from explorer.training.trainer import DivergedError

FIXED, ATTENTION = "fixed vector", "attention"
KINDS = (FIXED, ATTENTION)
MOST_STEPS = 5000
MOST_BYTES = 256_000_000  # while it trains
MOST_KEPT = 8_000_000  # bytes, afterwards; fifty ended runs are kept
SNAPSHOTS = 40
EVALUATIONS = 10
TESTED, TESTED_AT_END = 50, 200  # held-out sequences of each length
HELD_OUT_SEED = 2**31  # test sequences are drawn from this seed and the length's, never from a run's
WARMUP = 50
CLIP = 1.0  # the gradient's norm at most: recurrent networks' gradients can burst (Pascanu et al., 2013)


@dataclass(frozen=True)
class Seq2SeqSpec:
    """One run of both models. Raises ValueError naming the option that cannot be.

    task: a name of TASKS. length: letters of the longest sequences trained on. d_hidden: units of each recurrent cell.
    steps: updates of each model. learning_rate: of Adam, warmed up and then lowered along a cosine. batch_size:
    sequences an update. seed: of weights and batches.
    """

    task: str = "reverse"
    length: int = 20
    d_hidden: int = 64
    steps: int = 1000
    learning_rate: float = 0.005
    batch_size: int = 64
    seed: int = 1

    def __post_init__(self) -> None:
        check_task(self.task)
        check_length(self.length)
        self.config(ATTENTION)
        if not 1 <= self.steps <= MOST_STEPS:
            raise ValueError(f"The steps must be from 1 to {MOST_STEPS:,}, got {self.steps:,}.")
        if not (math.isfinite(self.learning_rate) and self.learning_rate > 0):
            raise ValueError(f"The learning rate must be a positive number, got {self.learning_rate}.")
        if self.batch_size < 1:
            raise ValueError(f"The batch must hold at least 1 sequence, got {self.batch_size}.")
        for needed, limit, when in (
            (training_bytes(self), MOST_BYTES, "take about {} of memory while it trains"),
            (kept_bytes(self), MOST_KEPT, "leave about {} behind"),
        ):
            if needed > limit:
                raise ValueError(
                    f"This run would {when.format(in_words(needed))}; here {in_words(limit)} is the limit. "
                    "Choose fewer hidden units or shorter sequences."
                )

    def config(self, kind: str) -> Seq2SeqConfig:
        """The shape of one of KINDS."""
        return Seq2SeqConfig(VOCAB_SIZE, self.d_hidden, attention=kind == ATTENTION)


def training_bytes(spec: Seq2SeqSpec) -> int:
    """About how many bytes a run takes, counted without allocating any.

    Of both models' parameters four copies (themselves, the gradient, Adam's two averages); of one model at a time what
    a batch leaves behind for the backward pass: some 14 vectors a recurrent step, and one comparison for every pair
    of places, with as much again while gradients flow.
    """
    parameters = sum(spec.config(kind).parameter_count() for kind in KINDS)
    T, B, H = spec.length + 1, spec.batch_size, spec.d_hidden
    return BYTES * (4 * parameters + 14 * 3 * T * B * H + 2 * B * T * T * H)


def kept_bytes(spec: Seq2SeqSpec) -> int:
    """Bytes that a run leaves to its readers: both models, and the numbers of an alignment at every snapshot."""
    parameters = sum(spec.config(kind).parameter_count() for kind in KINDS)
    T, H = spec.length + 1, spec.d_hidden
    return BYTES * (parameters + (SNAPSHOTS + 1) * (2 * T * H + T * T + H))


@dataclass(frozen=True, eq=False)
class Alignment:
    """Where one sequence was looked at while it was written, with what each number is made of.

    source: (S,) ids read. written: (T,) ids. weights: (T, S), the shares of the places at every step; rows sum to 1.
    queries: (T, A), W s + b of the state before each step. keys: (S, A), U h of every place. v: (A,). So the score of
    place j at step i is v · tanh(queries[i] + keys[j]), and a row of weights is the softmax of its scores.
    """

    source: np.ndarray
    written: np.ndarray
    weights: np.ndarray
    queries: np.ndarray
    keys: np.ndarray
    v: np.ndarray


@dataclass(frozen=True, eq=False)
class Snapshot:
    """The held-out example at one step. fixed: ids that the model with the fixed vector wrote. alignment: of the other."""

    step: int
    fixed: np.ndarray
    alignment: Alignment


@dataclass(frozen=True)
class Evaluation:
    """Whole held-out sequences right, as shares. lengths: of the sequences. shares: one a length for each of KINDS.
    tested: sequences of each length."""

    step: int
    lengths: tuple[int, ...]
    shares: dict[str, tuple[float, ...]]
    tested: int

    def at(self, kind: str, length: int) -> float:
        """The share of one length. Raises ValueError where that length was not tested."""
        return self.shares[kind][self.lengths.index(length)]


class Newest:
    """Both models as they were last looked at, shared by all of a run's progress so that they are kept once.

    `models` is replaced whole and its models never change, so any thread may read them at any time.
    """

    def __init__(self, step: int, models: dict[str, Seq2Seq]):
        self.step, self.models = step, models


@dataclass(frozen=True)
class Seq2SeqProgress:
    """After one update of both models. spec: of the run. losses: of its batch before the update, in nats a symbol, by
    kind. length: of the batch's sequences. snapshots, evaluations: all so far, the first before any update."""

    spec: Seq2SeqSpec
    step: int
    steps: int
    losses: dict[str, float]
    length: int
    snapshots: tuple[Snapshot, ...]
    evaluations: tuple[Evaluation, ...]
    newest: Newest


def train_seq2seq(spec: Seq2SeqSpec) -> Iterator[Seq2SeqProgress]:
    """Yield after every update of both models. Raises DivergedError where a loss stops being finite."""
    models = fresh_models(spec)
    optimizers = {kind: torch.optim.Adam(model.parameters(), fused=True) for kind, model in models.items()}
    generator = torch.Generator().manual_seed(spec.seed)
    snapshots: tuple[Snapshot, ...] = (look(models, spec, 0),)
    evaluations: tuple[Evaluation, ...] = (evaluate(models, spec, 0, TESTED),)
    newest = Newest(0, _copies(models))
    looks, tests = _spaced(spec.steps, SNAPSHOTS), _spaced(spec.steps, EVALUATIONS)
    for step in range(1, spec.steps + 1):
        length = draw_length(step, spec, generator)
        source, target = draw_batch(spec.task, length, spec.batch_size, generator)
        rate = warmup_cosine(
            step - 1,
            steps=spec.steps,
            warmup=min(WARMUP, spec.steps // 10),
            peak=spec.learning_rate,
            final=spec.learning_rate / 50,
        )
        losses = {kind: _update(models[kind], optimizers[kind], source, target, rate) for kind in KINDS}
        for kind, loss in losses.items():
            if not math.isfinite(loss):
                raise DivergedError(
                    f"The loss of the model with the {kind} became {loss} at step {step}: the learning rate "
                    f"{spec.learning_rate:g} is too high. Try a third of it."
                )
        if step in looks:
            snapshots += (look(models, spec, step),)
            newest.step, newest.models = step, _copies(models)
        if step in tests:
            evaluations += (evaluate(models, spec, step, TESTED_AT_END if step == spec.steps else TESTED),)
        yield Seq2SeqProgress(spec, step, spec.steps, losses, length, snapshots, evaluations, newest)


def fresh_models(spec: Seq2SeqSpec) -> dict[str, Seq2Seq]:
    """Both models before any update, by kind."""
    return {kind: build_seq2seq(spec.config(kind), spec.seed) for kind in KINDS}


def draw_length(step: int, spec: Seq2SeqSpec, generator: torch.Generator) -> int:
    """The length of a step's batch: from 1 to a longest that grows during the first half of the run, long ones more
    often (in proportion to the length)."""
    longest = min(spec.length, max(3, math.ceil(2 * spec.length * step / spec.steps)))
    return math.ceil(longest * math.sqrt(1 - torch.rand(1, generator=generator).item()))


def _update(model: Seq2Seq, optimizer: torch.optim.Optimizer, source: Tensor, target: Tensor, rate: float) -> float:
    """One step of Adam; the loss before it."""
    with torch.enable_grad():
        loss = model.loss(source, target)
        optimizer.zero_grad()
        loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), CLIP)
    for group in optimizer.param_groups:
        group["lr"] = rate
    optimizer.step()
    return loss.item()


def held_out(task: str, length: int, count: int) -> tuple[Tensor, Tensor]:
    """Test sequences of a length, the same for every run: sources and targets, (count, length + 1)."""
    return draw_batch(task, length, count, torch.Generator().manual_seed(HELD_OUT_SEED + length))


def lengths_to_test(longest: int) -> tuple[int, ...]:
    """About ten lengths from 1 to half as long again as those trained on, the longest trained on among them."""
    most = min(LONGEST, longest + max(1, longest // 2))
    step = max(1, round(longest / 6))
    return tuple(sorted({1, longest, most, *range(longest, 0, -step), *range(longest, most, step)}))


@torch.no_grad()
def evaluate(models: dict[str, Seq2Seq], spec: Seq2SeqSpec, step: int, count: int) -> Evaluation:
    """How many whole held-out sequences each model writes right, the end mark included, at several lengths."""
    lengths = lengths_to_test(spec.length)
    shares: dict[str, list[float]] = {kind: [] for kind in KINDS}
    for length in lengths:
        source, target = held_out(spec.task, length, count)
        for kind, model in models.items():
            right = (model.write(source, length + 1).ids == target).all(dim=1)
            shares[kind].append(float(right.float().mean()))
    return Evaluation(step, lengths, {kind: tuple(values) for kind, values in shares.items()}, count)


def look(models: dict[str, Seq2Seq], spec: Seq2SeqSpec, step: int) -> Snapshot:
    """The run's held-out example, written by both models."""
    source, _ = held_out(spec.task, spec.length, 1)
    fixed = models[FIXED].write(source, spec.length + 1).ids[0].numpy()
    return Snapshot(step, fixed, align(models[ATTENTION], source[0].tolist(), spec.length + 1))


@torch.no_grad()
def align(model: Seq2Seq, source: Sequence[int], steps: int) -> Alignment:
    """One sequence (its end mark included) written greedily by a model with attention, and where it looked.

    Raises ValueError for a model without attention.
    """
    if model.attention is None:
        raise ValueError("A model with a fixed vector looks at no place of its source: it has no alignment.")
    ids = torch.tensor([source])
    written = model.write(ids, steps)
    assert written.weights is not None  # as the model has attention
    queries, keys = model.attention.W(written.states[0]), model.attention.keys(model.encode(ids).annotations[0])
    return Alignment(
        ids[0].numpy(),
        written.ids[0].numpy(),
        written.weights[0].numpy(),
        queries.numpy(),
        keys.numpy(),
        model.attention.v.detach().numpy().copy(),
    )


def _copies(models: dict[str, Seq2Seq]) -> dict[str, Seq2Seq]:
    """The models with weights of their own, for readers."""
    return {kind: deepcopy(model).requires_grad_(False) for kind, model in models.items()}


def _spaced(steps: int, count: int) -> frozenset[int]:
    """`count` of the steps 1 … steps, evenly spaced, the last among them; all where there are fewer."""
    return frozenset(math.ceil(i * steps / min(count, steps)) for i in range(1, min(count, steps) + 1))
