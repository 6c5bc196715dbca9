"""The held-out loss against `F.cross_entropy` over the same windows."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from explorer.training import evaluation
from explorer.training.evaluation import evaluate
from tests.models.test_gpt import tiny_gpt


def by_hand(ids: torch.Tensor, context: int) -> float:
    """Every window on its own, torch's loss summed over tokens."""
    model, total = tiny_gpt(context_length=context), 0.0
    for start in range(0, len(ids) - 1, context):
        window = ids[start : start + context + 1]
        with torch.no_grad():
            total += F.cross_entropy(model(window[None, :-1])[0], window[1:], reduction="sum").item()
    return total / (len(ids) - 1)


@settings(max_examples=12)
@given(st.integers(2, 70), st.sampled_from([1, 5, 12]))
def test_the_loss_is_torchs_cross_entropy_over_all_windows(n: int, context: int) -> None:
    ids = torch.randint(13, (n,), generator=torch.Generator().manual_seed(n))
    assert evaluate(tiny_gpt(context_length=context), ids) == pytest.approx(by_hand(ids, context), abs=1e-5)


def test_the_loss_does_not_depend_on_how_many_tokens_go_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    model, ids = tiny_gpt(), torch.arange(200) % 13
    losses = []
    for size in (1, 30, 100_000):
        monkeypatch.setattr(evaluation, "TOKENS_PER_BATCH", size)
        losses.append(evaluate(model, ids))
    assert losses == pytest.approx([losses[0]] * 3, abs=1e-5)


@pytest.mark.parametrize("mode", [True, False])
def test_dropout_is_off_while_measuring_and_the_model_stays_in_its_mode(mode: bool) -> None:
    ids = torch.arange(60) % 13
    model = tiny_gpt(dropout=0.5).train(mode)
    assert evaluate(model, ids) == evaluate(tiny_gpt(), ids)
    assert model.training is mode


def test_nothing_to_predict_is_said() -> None:
    with pytest.raises(ValueError, match="at least 2 tokens to predict one, got 1"):
        evaluate(tiny_gpt(), torch.zeros(1, dtype=torch.long))
