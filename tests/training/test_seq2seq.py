"""Both encoder–decoders' training: it repeats, it is bounded, it learns, and attention goes where the vector cannot."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch

from explorer.models.seq2seq import build_seq2seq
from explorer.text.sequence_tasks import TASKS
from explorer.training.seq2seq import (
    ATTENTION,
    EVALUATIONS,
    FIXED,
    KINDS,
    SNAPSHOTS,
    TESTED,
    TESTED_AT_END,
    Seq2SeqProgress,
    Seq2SeqSpec,
    align,
    draw_length,
    held_out,
    kept_bytes,
    lengths_to_test,
    train_seq2seq,
    training_bytes,
)
from explorer.training.trainer import DivergedError

QUICK = Seq2SeqSpec("reverse", length=3, d_hidden=8, steps=12, batch_size=8)


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """As in the app: with small matrices two threads on busy cores mostly wait for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def run(spec: Seq2SeqSpec) -> list[Seq2SeqProgress]:
    return list(train_seq2seq(spec))


def test_every_step_is_told_and_both_models_are_in_it() -> None:
    progress = run(QUICK)
    assert [p.step for p in progress] == list(range(1, 13))
    assert {p.steps for p in progress} == {12}
    assert all(set(p.losses) == set(KINDS) for p in progress)
    assert all(1 <= p.length <= 3 for p in progress)


def test_the_same_seed_gives_the_same_run_and_another_seed_another() -> None:
    losses = [[p.losses for p in run(spec)] for spec in (QUICK, QUICK, replace(QUICK, seed=2))]
    assert losses[0] == losses[1] != losses[2]


def test_a_run_leaves_torchs_shared_random_numbers_alone() -> None:
    state = torch.random.get_rng_state()
    run(QUICK)
    assert torch.equal(torch.random.get_rng_state(), state)


def test_snapshots_and_evaluations_are_bounded_and_begin_before_the_first_update() -> None:
    last = run(replace(QUICK, steps=90, batch_size=2))[-1]
    steps = [s.step for s in last.snapshots]
    assert (len(steps), steps[0], steps[-1]) == (SNAPSHOTS + 1, 0, 90)
    assert all(a < b for a, b in pairwise(steps))
    assert [e.step for e in last.evaluations] == [round(i * 9) for i in range(EVALUATIONS + 1)]
    assert [e.tested for e in last.evaluations] == [TESTED] * EVALUATIONS + [TESTED_AT_END]
    assert last.newest.step == 90


def test_what_was_shown_does_not_change_as_the_run_goes_on() -> None:
    run_ = train_seq2seq(QUICK)
    first = next(run_)
    models, weights = first.newest.models, first.newest.models[ATTENTION].output.weight.clone()
    kept = first.snapshots[0].alignment.weights.copy()
    for _ in run_:
        pass
    assert torch.equal(models[ATTENTION].output.weight, weights)
    assert np.array_equal(first.snapshots[0].alignment.weights, kept)
    assert len(first.snapshots) == 2
    assert not torch.equal(first.newest.models[ATTENTION].output.weight, weights)


def test_an_alignment_holds_what_its_shares_are_made_of() -> None:
    model = build_seq2seq(QUICK.config(ATTENTION), 1)
    one = align(model, [3, 1, 2, 0], 4)
    assert one.weights.shape == (4, 4)
    summed = torch.from_numpy(one.queries[:, None] + one.keys[None])
    scores = torch.einsum("a,tsa->ts", torch.from_numpy(one.v), torch.tanh(summed))
    np.testing.assert_allclose(torch.softmax(scores, -1).numpy(), one.weights, atol=1e-6)
    with pytest.raises(ValueError, match="no alignment"):
        align(build_seq2seq(QUICK.config(FIXED), 1), [1, 0], 2)


def test_lengths_grow_to_the_longest_in_the_first_half_and_short_ones_are_never_left_out() -> None:
    spec = Seq2SeqSpec(length=20, steps=1000)
    generator = torch.Generator().manual_seed(1)

    def drawn(step: int) -> list[int]:
        return [draw_length(step, spec, generator) for _ in range(2000)]

    assert set(drawn(1)) == {1, 2, 3}
    assert max(drawn(250)) == 10
    late = drawn(1000)
    assert set(late) == set(range(1, 21))
    assert np.mean(np.array(late) > 10) == pytest.approx(0.75, abs=0.04)  # in proportion to the length


@pytest.mark.parametrize("length", [1, 2, 3, 20, 40])
def test_the_longest_trained_on_and_longer_ones_are_tested(length: int) -> None:
    lengths = lengths_to_test(length)
    assert {1, length} <= set(lengths)
    assert lengths == tuple(sorted(set(lengths)))
    assert lengths[-1] == min(40, length + max(1, length // 2))
    assert len(lengths) <= 13


def test_held_out_sequences_are_the_same_for_every_run_and_none_was_trained_on() -> None:
    source, _ = held_out("copy", 10, 50)
    assert torch.equal(source, held_out("copy", 10, 50)[0])
    generator = torch.Generator().manual_seed(1)
    seen = {tuple(s.tolist()) for _ in range(40) for s in torch.randint(1, 27, (64, 10), generator=generator)}
    assert not seen & {tuple(s.tolist()[:-1]) for s in source}


def test_attention_learns_to_reverse_where_the_fixed_vector_of_the_same_budget_does_not() -> None:
    last = run(Seq2SeqSpec("reverse", length=6, d_hidden=32, steps=350, batch_size=32, learning_rate=0.01))[-1]
    final = last.evaluations[-1]
    assert final.at(ATTENTION, 6) > 0.9
    assert final.at(FIXED, 6) < 0.5
    assert last.losses[ATTENTION] < last.losses[FIXED]


@pytest.mark.parametrize("task", TASKS)
def test_one_letter_is_a_task_too(task: str) -> None:
    last = run(replace(QUICK, task=task, length=1))[-1]
    assert last.snapshots[-1].alignment.weights.shape == (2, 2)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"task": "rotate"}, "one of reverse, copy, sort"),
        ({"length": 0}, "from 1 to 40 letters, got 0"),
        ({"length": -1}, "got -1"),
        ({"length": 100}, "got 100"),
        ({"d_hidden": 0}, "d_hidden must be at least 1"),
        ({"steps": 0}, "from 1 to 5,000, got 0"),
        ({"steps": 10**7}, "got 10,000,000"),
        ({"learning_rate": 0.0}, "must be a positive number"),
        ({"learning_rate": float("nan")}, "must be a positive number"),
        ({"batch_size": 0}, "at least 1 sequence"),
        ({"d_hidden": 10**6}, "TB of memory while it trains; here 256.0 MB is the limit"),
        ({"d_hidden": 10**12}, "EB of memory"),
        ({"d_hidden": 300}, "MB behind; here 8.0 MB is the limit"),
    ],
)
def test_a_setting_that_cannot_be_is_named_before_anything_is_allocated(changed: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        replace(QUICK, **changed)


def test_a_rate_too_high_for_finite_numbers_ends_the_run_in_words() -> None:
    with pytest.raises(DivergedError, match="too high"):
        run(replace(QUICK, steps=200, learning_rate=1e38))


def test_the_memory_told_is_what_a_batch_leaves_behind() -> None:
    spec = Seq2SeqSpec(length=20, d_hidden=64)
    held: dict[int, int] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        held[storage.data_ptr()] = storage.nbytes()
        alive.append(tensor)
        return tensor

    alive: list[torch.Tensor] = []
    model = build_seq2seq(spec.config(ATTENTION), 1)
    source, target = held_out(spec.task, spec.length, spec.batch_size)
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        model.loss(source, target)
    adam = 4 * 4 * sum(spec.config(kind).parameter_count() for kind in KINDS)
    assert 0.5 < (training_bytes(spec) - adam) / sum(held.values()) < 2


def test_what_a_run_leaves_behind_is_counted() -> None:
    last = run(replace(QUICK, steps=50))[-1]
    models = sum(p.numel() for model in last.newest.models.values() for p in model.parameters())
    arrays = sum(
        x.nbytes
        for s in last.snapshots
        for x in (s.alignment.weights, s.alignment.queries, s.alignment.keys, s.alignment.v)
    )
    assert kept_bytes(QUICK) == 4 * models + arrays
