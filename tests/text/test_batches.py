"""Splits and windows: seeded, one token apart, and every target exactly once."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from explorer.text.batches import (
    consecutive_windows,
    join_items,
    sample_batch,
    split_corpus,
    split_items,
    split_text,
)
from explorer.text.corpora import Corpus, load_corpus

DATA = Path(os.environ.get("EXPLORER_DATA") or Path(__file__).parents[3] / "shared" / "data")
needs_names = pytest.mark.skipif(not (DATA / "names.txt").is_file(), reason=f"names.txt is not in {DATA}")


@given(st.text(max_size=300))
def test_running_text_is_cut_in_order_at_nine_tenths(text: str) -> None:
    splits = split_text(text)
    assert splits.train + splits.validation == text
    assert len(splits.train) == int(0.9 * len(text))
    assert splits.test == ""


@given(st.lists(st.text(alphabet="abc", min_size=1), max_size=60), st.integers(0, 1000))
def test_every_item_lands_in_exactly_one_part_of_its_share(items: list[str], seed: int) -> None:
    splits = split_items(items, seed)
    parts = [part.split("\n")[1:-1] for part in (splits.train, splits.validation, splits.test)]
    assert sorted(item for part in parts for item in part) == sorted(items)
    cuts = int(0.8 * len(items)), int(0.9 * len(items))
    assert [len(part) for part in parts] == [cuts[0], cuts[1] - cuts[0], len(items) - cuts[1]]


def test_splitting_items_leaves_the_list_and_the_global_generator_alone() -> None:
    items = [str(i) for i in range(50)]
    before = random.getstate()
    first, again, other = split_items(items, 1), split_items(items, 1), split_items(items, 2)
    assert items == [str(i) for i in range(50)]
    assert random.getstate() == before
    assert first == again
    assert first != other


@needs_names
def test_the_split_of_the_names_is_that_of_the_makemore_lectures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXPLORER_DATA", str(DATA))
    words = (DATA / "names.txt").read_text().splitlines()
    random.Random(42).shuffle(words)
    n1, n2 = int(0.8 * len(words)), int(0.9 * len(words))
    splits = split_corpus(load_corpus("names"))
    for part, expected in zip(
        (splits.train, splits.validation, splits.test), (words[:n1], words[n1:n2], words[n2:]), strict=True
    ):
        assert part.strip("\n").split("\n") == expected


def test_a_corpus_is_split_by_its_kind() -> None:
    text = "".join(f"{i}\n" for i in range(20))
    assert split_corpus(Corpus("n", text, "text", "")) == split_text(text)
    assert split_corpus(Corpus("n", text, "items", "")) == split_items([str(i) for i in range(20)])


def test_no_items_are_no_text() -> None:
    assert join_items([]) == ""


@given(st.integers(2, 60), st.integers(1, 5), st.data())
def test_batches_are_windows_of_the_text_whose_targets_are_one_token_on(
    n: int, batch_size: int, data: st.DataObject
) -> None:
    T = data.draw(st.integers(1, n - 1))
    ids = torch.arange(n)
    inputs, targets = sample_batch(ids, batch_size, T, torch.Generator().manual_seed(n))
    assert inputs.shape == targets.shape == (batch_size, T)
    assert torch.equal(targets, inputs + 1)
    assert torch.equal(inputs, inputs[:, :1] + torch.arange(T))
    assert targets.max() < n


def test_every_window_can_be_drawn_the_first_and_the_last_too() -> None:
    inputs, _ = sample_batch(torch.arange(6), 200, 3, torch.Generator().manual_seed(0))
    assert inputs[:, 0].unique().tolist() == [0, 1, 2]


def test_batches_depend_on_their_generator_alone() -> None:
    ids = torch.arange(500)

    def batch(seed: int) -> torch.Tensor:
        torch.rand(3)
        return sample_batch(ids, 8, 10, torch.Generator().manual_seed(seed))[0]

    assert torch.equal(batch(1), batch(1))
    assert not torch.equal(batch(1), batch(2))


@pytest.mark.parametrize("n", [0, 1, 8])
def test_a_text_shorter_than_one_window_is_refused_with_both_lengths(n: int) -> None:
    with pytest.raises(ValueError, match=f"context of 8 needs a text of at least 9 tokens, got {n}"):
        sample_batch(torch.zeros(n, dtype=torch.long), 2, 8, torch.Generator())


@given(st.integers(0, 80), st.integers(1, 5), st.integers(1, 12))
def test_consecutive_windows_predict_every_token_but_the_first_exactly_once(n: int, B: int, T: int) -> None:
    ids = torch.arange(n)
    batches = list(consecutive_windows(ids, B, T))
    assert [target for _, targets in batches for target in targets.flatten().tolist()] == list(range(1, n))
    for inputs, targets in batches:
        assert torch.equal(targets, inputs + 1)
        assert inputs.shape[0] <= B
        assert inputs.shape[1] <= T
