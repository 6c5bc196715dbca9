"""A pass that stops early gives the numbers of a whole one, and computes nothing after them."""

from __future__ import annotations

import pytest
import torch

from explorer.inspection.capture import capture
from explorer.inspection.partial_run import input_of, only_the_last, outputs_of
from explorer.models.gpt import GPT, GPTConfig

IDS = [1, 2, 3, 4]


@pytest.fixture
def model() -> GPT:
    torch.manual_seed(0)
    return GPT(GPTConfig(vocab_size=7, context_length=8, n_layers=3, n_heads=2, d_model=8)).eval()


def test_outputs_are_those_of_a_whole_pass_and_later_layers_never_run(model: GPT) -> None:
    names = ["blocks.1.attention.queries", "blocks.1.attention.keys"]
    with torch.no_grad(), capture(model, names) as whole:
        model(torch.tensor([IDS]))
    with capture(model, ["blocks.2", "final_norm"]) as ran:
        early = outputs_of(model, IDS, names)
    assert all(torch.equal(early[name], whole[name]) for name in names)
    assert ran == {}


def test_an_input_is_what_the_part_before_gave(model: GPT) -> None:
    with torch.no_grad(), capture(model, ["blocks.0", "final_norm"]) as whole:
        model(torch.tensor([IDS]))
    with capture(model, ["final_norm"]) as ran:
        assert torch.equal(input_of(model.blocks[1], lambda: model(torch.tensor([IDS]))), whole["blocks.0"])
    assert ran == {}


def test_the_last_logits_alone_are_the_last_of_all_and_afterwards_all_come_again(model: GPT) -> None:
    with torch.no_grad():
        every = model(torch.tensor([IDS]))
        with only_the_last(model):
            torch.testing.assert_close(model(torch.tensor([IDS])), every[:, -1:])
        assert model(torch.tensor([IDS])).shape == (1, 4, 7)
