"""Items are read one at a time, by windows and by rows; every token of a split is a target once."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from explorer.models.bigram import count_bigrams
from explorer.text.batches import Contexts, Items, join_items, make_batches, split_items
from explorer.text.corpora import is_local, load_corpus
from explorer.text.tokenizers import CharTokenizer

words = st.lists(st.text("abc", min_size=1, max_size=9), min_size=1, max_size=12)
LETTERS = CharTokenizer("\nabc")


def ids_of(items: list[str]) -> torch.Tensor:
    return torch.tensor(LETTERS.encode(join_items(items)))


def examples_by_hand(items: list[str], n: int) -> list[tuple[list[int], int]]:
    """As the makemore lecture builds them: slide a window, filled with the boundary, along each item."""
    found = []
    for item in items:
        window = [0] * n
        for target in [*LETTERS.encode(item), 0]:
            found.append((window, target))
            window = [*window[1:], target]
    return found


@given(words, st.integers(1, 5), st.integers(1, 7))
def test_windows_of_items_are_the_lectures_examples(items: list[str], n: int, batch_size: int) -> None:
    batches = list(make_batches(ids_of(items), n, boundary=0, windows=True).all(batch_size))
    found = [(w.tolist(), t.item()) for inputs, targets in batches for w, t in zip(inputs, targets, strict=True)]
    assert found == examples_by_hand(items, n)


@given(st.text("abc\n", min_size=2, max_size=30), st.integers(1, 6))
def test_windows_of_running_text_reach_over_newlines_but_not_before_the_text(text: str, n: int) -> None:
    ids = torch.tensor(LETTERS.encode(text))
    inputs, targets = next(make_batches(ids, n, windows=True).all(1000))
    padded = [0] * (n - 1) + ids.tolist()
    assert inputs.tolist() == [padded[i : i + n] for i in range(len(ids) - 1)]
    assert targets.tolist() == ids[1:].tolist()


@given(words, st.integers(1, 12), st.integers(1, 5))
def test_rows_of_items_predict_every_token_once_and_nothing_across_items(
    items: list[str], T: int, batch_size: int
) -> None:
    batches = list(make_batches(ids_of(items), T, boundary=0).all(batch_size))
    pairs = torch.zeros(4, 4, dtype=torch.long)
    for inputs, targets in batches:
        assert inputs.shape == targets.shape
        assert inputs.shape[1] <= T
        has_target = targets >= 0
        pairs.index_put_((inputs[has_target], targets[has_target]), torch.tensor(1), accumulate=True)
        assert not (inputs[:, 1:] == 0)[has_target[:, 1:]].any()
    assert pairs.tolist() == count_bigrams(ids_of(items), 4).tolist()


@given(words, st.integers(1, 6), st.integers(0, 1000))
def test_samples_are_examples_of_the_split_and_depend_on_the_generator_alone(
    items: list[str], n: int, seed: int
) -> None:
    known = examples_by_hand(items, n)
    batches = Contexts(ids_of(items), n, 0)
    drawn = batches.sample(9, torch.Generator().manual_seed(seed))
    again = batches.sample(9, torch.Generator().manual_seed(seed))
    assert all((w.tolist(), t.item()) in known for w, t in zip(*drawn, strict=True))
    assert all(torch.equal(a, b) for a, b in zip(drawn, again, strict=True))
    rows = Items(ids_of(items), n, 0)
    inputs, targets = rows.sample(9, torch.Generator().manual_seed(seed))
    T = inputs.shape[1]
    assert all(row in rows.inputs[:, :T].tolist() for row in inputs.tolist())
    assert targets.shape == (9, T)
    assert (targets[:, -1] >= 0).any()


def test_splits_of_items_know_their_boundary() -> None:
    assert split_items(list("abcdefghij")).boundary == "\n"


def test_the_names_give_the_lectures_number_of_examples() -> None:
    if not is_local("names"):
        pytest.skip("names.txt is not here; set EXPLORER_DATA to a folder that holds it")
    items = load_corpus("names").items
    splits = split_items(items)
    tokenizer = CharTokenizer.from_text(join_items(items))
    sizes = []
    for part in (splits.train, splits.validation, splits.test):
        ids = torch.tensor(tokenizer.encode(part))
        sizes.append(sum(len(targets) for _, targets in Contexts(ids, 3, 0).all(8192)))
    assert sizes == [182_625, 22_655, 22_866]
