"""Switching heads off against removing their weights by hand."""

import copy
import threading

import pytest
import torch

from explorer.inspection.ablation import heads_off, read_next
from explorer.models.gpt import GPT, GPTConfig
from explorer.models.registry import build_model

IDS = [3, 1, 4, 1, 5, 2]


@pytest.fixture
def model() -> GPT:
    model = build_model("gpt", GPTConfig(7, context_length=8, n_layers=2, n_heads=3, d_model=12), seed=3)
    assert isinstance(model, GPT)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(4)  # far from the small initial weights, so that every head matters
    return model.eval()


def test_a_silent_head_equals_a_head_whose_projection_weights_are_zero(model: GPT) -> None:
    without = copy.deepcopy(model)
    with torch.no_grad():
        projection = without.get_parameter("blocks.1.attention.projection.weight")
        projection[:, 4:8] = 0  # head 1 of 3, four channels each
        expected = torch.softmax(without(torch.tensor([IDS]))[0, -1].double(), -1).numpy()
    reading = read_next(model, IDS, [(1, 1)])
    assert abs(reading.probabilities - expected).max() < 1e-6
    assert abs(reading.probabilities - read_next(model, IDS).probabilities).max() > 1e-3


def test_the_loss_is_the_mean_cross_entropy_of_the_prompts_own_tokens(model: GPT) -> None:
    logits = model(torch.tensor([IDS]))[0]
    expected = torch.nn.functional.cross_entropy(logits[:-1], torch.tensor(IDS[1:])).item()
    assert read_next(model, IDS).loss == pytest.approx(expected, abs=1e-6)
    assert read_next(model, IDS[:1]).loss is None


def test_every_head_can_be_off_at_once(model: GPT) -> None:
    everything = [(layer, head) for layer in range(2) for head in range(3)]
    assert read_next(model, IDS, everything).probabilities.sum() == pytest.approx(1)


def test_nothing_stays_off_after_the_block_even_after_an_error(model: GPT) -> None:
    before = read_next(model, IDS).probabilities
    with pytest.raises(RuntimeError), heads_off(model, [(0, 0)]):
        raise RuntimeError
    assert (read_next(model, IDS).probabilities == before).all()


def test_another_visitors_pass_through_the_same_model_is_not_touched(model: GPT) -> None:
    before = read_next(model, IDS).probabilities
    seen = []
    with heads_off(model, [(0, 0), (1, 2)]):
        other = threading.Thread(target=lambda: seen.append(read_next(model, IDS).probabilities))
        other.start()
        other.join()
    assert (seen[0] == before).all()


@pytest.mark.parametrize("pair", [(2, 0), (0, 3), (-1, 0)])
def test_a_head_that_is_not_there_is_named(model: GPT, pair: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match=f"no head {pair[1]} in layer {pair[0]}"), heads_off(model, [pair]):
        pass
