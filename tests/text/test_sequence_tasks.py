"""Sequence tasks: answers known from Python's own, seeds that repeat, and typed text of any kind."""

from __future__ import annotations

from string import ascii_lowercase
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from explorer.text.sequence_tasks import END, LONGEST, SYMBOLS, TASKS, VOCAB_SIZE, answer, draw_batch, encode, spell

LETTERS = st.text(ascii_lowercase, min_size=1, max_size=LONGEST)


@given(LETTERS)
def test_answers_are_pythons(text: str) -> None:
    assert answer("reverse", text) == text[::-1]
    assert answer("copy", text) == text
    assert answer("sort", text) == "".join(sorted(text))


@given(LETTERS)
def test_letters_come_back_from_their_ids(text: str) -> None:
    assert spell([*encode(text), END, 7]) == text


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("length", [1, 2, LONGEST])
def test_every_drawn_pair_is_a_task_and_its_answer_closed_by_the_end_mark(task: str, length: int) -> None:
    source, target = draw_batch(task, length, 5, torch.Generator().manual_seed(3))
    assert source.shape == target.shape == (5, length + 1)
    assert (source[:, -1] == END).all()
    for read, right in zip(source.tolist(), target.tolist(), strict=True):
        assert answer(task, spell(read)) == spell(right)
        assert len(spell(read)) == length


def test_a_seed_repeats_its_batches_and_another_draws_others() -> None:
    first, again, other = (draw_batch("copy", 20, 8, torch.Generator().manual_seed(seed))[0] for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_every_letter_is_drawn_about_as_often() -> None:
    source, _ = draw_batch("copy", 40, 2000, torch.Generator().manual_seed(1))
    counts = source[:, :-1].flatten().bincount(minlength=VOCAB_SIZE)
    assert counts[END] == 0
    assert counts[1:].min() > 0.9 * 80_000 / 26


def test_the_alphabet_is_the_end_mark_and_26_letters() -> None:
    assert "".join(SYMBOLS) == "▪" + ascii_lowercase


@pytest.mark.parametrize(
    ("length", "said"), [(0, "got 0"), (-3, "got -3"), (41, "got 41"), (10**9, "got 1,000,000,000")]
)
def test_a_length_that_cannot_be_is_named(length: int, said: str) -> None:
    with pytest.raises(ValueError, match=f"from 1 to 40 letters, {said}"):
        draw_batch("copy", length, 1, torch.Generator())


def test_an_unknown_task_is_named() -> None:
    with pytest.raises(ValueError, match="one of reverse, copy, sort; got 'rotate'"):
        draw_batch("rotate", 3, 1, torch.Generator())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "Nothing is typed"),
        ("   ", "Nothing is typed"),
        ("a b", "lacks “ ”"),
        ("abc1", "lacks “1”"),
        ("\U0001f600", "lacks “\U0001f600”"),
        ("<script>", "lacks “<”, “>”"),
        ("ñandú", "lacks “ñ”, “ú”"),
        ("\N{KELVIN SIGN}", "lacks “\N{KELVIN SIGN}”"),  # its small letter would be k
        ("1234567", "“5” and others"),
        ("a" * 41, "At most 40 letters are read, got 41"),
    ],
)
def test_typed_text_that_cannot_be_read_is_answered_in_one_sentence(text: str, said: str) -> None:
    with pytest.raises(ValueError) as problem:  # noqa: PT011
        encode(text)
    assert said in str(problem.value)


@pytest.mark.parametrize(("typed", "read"), [("Hello", "hello"), ("  abc ", "abc"), ("Z", "z")])
def test_capitals_and_spaces_around_do_not_matter(typed: str, read: str) -> None:
    ids: list[Any] = encode(typed)
    assert spell(ids) == read
