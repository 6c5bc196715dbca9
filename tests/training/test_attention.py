"""One trained layer: it learns what attention alone can learn, keeps its weights, and says what cannot be."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch

from explorer.text.batches import Splits, split_items
from explorer.text.tokenizers import CharTokenizer
from explorer.training.attention import HeadSpec, TrainedHead, train_on
from explorer.training.trainer import DivergedError
from explorer.training.watching import WatchProgress

# The next character is the one two before, so a bigram of it (each letter before each other) knows nothing.
RNG = np.random.default_rng(0)
PAIRS = ["".join(RNG.permutation(list("abcd"))[:2]) for _ in range(400)]
REPEATING = Splits(*["".join(pair * 6 for pair in part) for part in (PAIRS[:360], PAIRS[360:], [])])
TOKENIZER = CharTokenizer("abcd")


def run(
    splits: Splits = REPEATING, tokenizer: CharTokenizer = TOKENIZER, **options: Any
) -> list[WatchProgress[TrainedHead]]:
    settings: dict[str, Any] = {"corpus": "none", "context_length": 8, "width": 16, "steps": 20, "batch_size": 16}
    return list(train_on(HeadSpec(**(settings | options)), tokenizer, splits))


def test_a_head_learns_what_no_bigram_of_this_text_can() -> None:
    *_, last = run(steps=150, learning_rate=0.03)
    given = {c: [b for a, b in pairwise(REPEATING.train) if a == c] for c in "abcd"}
    shares = {c: np.array([after.count(x) for x in "abcd"]) / len(after) for c, after in given.items()}
    bigram = np.mean([-np.log(shares[a]["abcd".index(b)]) for a, b in pairwise(REPEATING.validation)])
    assert last.validation_loss is not None
    assert last.validation_loss < 0.9 < 1.0 < bigram


def test_the_last_snapshot_is_the_trained_model_and_the_first_the_fresh_one() -> None:
    *_, last = run()
    snapshots = last.snapshots
    assert (snapshots[0].step, snapshots[-1].step) == (0, 20)
    for name, tensor in snapshots[-1].reading.model().state_dict().items():
        assert torch.equal(tensor, last.newest.state[name])
    assert not torch.equal(snapshots[0].reading.weights["unembedding.weight"], last.newest.state["unembedding.weight"])


def test_the_same_seed_gives_the_same_run_and_another_seed_another() -> None:
    first, again, other = ([p.loss for p in run(seed=seed)] for seed in (1, 1, 2))
    assert first == again != other


def test_several_heads_have_a_projection_and_one_has_none() -> None:
    assert "blocks.0.attention.projection.weight" in run(n_heads=4, steps=1)[-1].newest.state
    assert "blocks.0.attention.projection.weight" not in run(n_heads=1, steps=1)[-1].newest.state


def test_among_items_the_boundary_is_kept_with_the_weights() -> None:
    items = run(split_items(PAIRS), CharTokenizer("\nabcd"), steps=2)
    assert items[-1].snapshots[-1].reading.boundary == 0
    assert run(steps=1)[-1].snapshots[-1].reading.boundary is None


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"width": 32, "n_heads": 5}, "32 does not divide by 5"),
        ({"n_heads": 0}, "n_heads must be a whole number of at least 1, got 0"),
        ({"width": 0}, "d_model must be a whole number of at least 1, got 0"),
        ({"width": 100_000}, "Choose a smaller width"),
        ({"context_length": 0}, "context must be from 1 to 64 characters, got 0"),
        ({"context_length": 65}, "context .* got 65"),
        ({"steps": 0}, "steps must be from 1 to 10,000, got 0"),
        ({"learning_rate": 0.0}, "learning_rate must be a positive number"),
    ],
)
def test_a_setting_that_cannot_be_is_named(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        HeadSpec(**({"corpus": "drama"} | options))


def test_a_text_shorter_than_the_context_is_refused() -> None:
    with pytest.raises(ValueError, match="bring more text"):
        run(Splits("abcd", "ab", ""))


def test_a_rate_that_is_far_too_high_ends_in_a_sentence() -> None:
    with pytest.raises(DivergedError, match="too high"):
        run(learning_rate=1e6, steps=50)
