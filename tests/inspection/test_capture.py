"""Listening by hooks: names, wildcards, gradients, and no hook left behind."""

from __future__ import annotations

import threading
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from explorer.inspection.capture import capture
from tests.models.test_gpt import tiny_gpt

IDS = torch.tensor([[1, 5, 2, 8, 3]])


def hooks_of(model: nn.Module) -> int:
    return sum(len(module._forward_hooks) for module in model.modules())


def test_a_name_gives_what_that_part_put_out() -> None:
    model = tiny_gpt()
    with capture(model, ["token_embedding", "final_norm", "unembedding"]) as seen:
        logits = model(IDS)
    assert list(seen) == ["token_embedding", "final_norm", "unembedding"]
    assert torch.equal(seen["token_embedding"], model.token_embedding.weight[IDS])
    assert torch.equal(seen["unembedding"], logits)
    assert torch.equal(model.unembedding(seen["final_norm"]), logits)


def test_values_come_in_the_order_in_which_they_were_computed_whatever_the_order_of_names() -> None:
    model = tiny_gpt()
    with capture(model, ["final_norm", "blocks.1", "blocks.0", "token_embedding"]) as seen:
        model(IDS)
    assert list(seen) == ["token_embedding", "blocks.0", "blocks.1", "final_norm"]


def test_a_star_stands_for_every_layer() -> None:
    model = tiny_gpt()
    with capture(model, ["blocks.*.attention.pattern"]) as seen:
        model(IDS)
    assert list(seen) == [f"blocks.{i}.attention.pattern" for i in range(3)]
    assert {tuple(pattern.shape) for pattern in seen.values()} == {(1, 4, 5, 5)}


def test_a_part_named_twice_is_recorded_once() -> None:
    model = tiny_gpt()
    with capture(model, ["blocks.0", "blocks.?"]) as seen:
        assert hooks_of(model) == 3
        model(IDS)
    assert list(seen) == ["blocks.0", "blocks.1", "blocks.2"]


def test_a_later_pass_replaces_an_earlier_ones_values() -> None:
    model = tiny_gpt()
    with capture(model, ["unembedding"]) as seen:
        model(IDS)
        later = model(IDS[:, :2])
    assert torch.equal(seen["unembedding"], later)


def test_gradients_equal_autograds() -> None:
    model = tiny_gpt()
    names = ["blocks.0", "blocks.1.feed_forward.expand", "blocks.2.attention.pattern", "unembedding"]
    kept: dict[str, Tensor] = {}
    handles = [
        module.register_forward_hook(lambda _m, _i, output, name=name: kept.update({name: output}))
        for name, module in model.named_modules()
        if name in names
    ]
    with capture(model, names, gradients=True) as seen:
        loss = model(IDS).square().mean()
    expected = dict(zip(kept, torch.autograd.grad(loss, list(kept.values()), retain_graph=True), strict=True))
    loss.backward()  # after the block: the values' own hooks stay with the graph
    for handle in handles:
        handle.remove()
    assert set(seen.gradients) == set(names)
    for name in names:
        torch.testing.assert_close(seen.gradients[name], expected[name])


def test_without_asking_there_are_no_gradients_and_values_hold_no_graph() -> None:
    model = tiny_gpt()
    with capture(model, ["blocks.0"]) as seen:
        model(IDS).sum().backward()
    assert seen.gradients == {}
    assert not seen["blocks.0"].requires_grad


def test_gradients_asked_for_where_none_flow_are_simply_absent() -> None:
    model = tiny_gpt()
    with torch.no_grad(), capture(model, ["blocks.0"], gradients=True) as seen:
        model(IDS)
    assert list(seen) == ["blocks.0"]
    assert seen.gradients == {}


def test_hooks_are_gone_after_the_block_and_after_an_exception_in_it() -> None:
    model = tiny_gpt()
    with capture(model, ["blocks.*"]):
        assert hooks_of(model) > 0
    assert hooks_of(model) == 0
    with pytest.raises(RuntimeError, match="on purpose"), capture(model, ["blocks.*"]):
        raise RuntimeError("on purpose")
    assert hooks_of(model) == 0


def test_nobody_listens_any_more_after_the_block_so_the_fused_path_runs_again() -> None:
    model = tiny_gpt()
    tap: Any = model.get_submodule("blocks.0.attention.pattern")
    with capture(model, ["blocks.*.attention.pattern"]):
        assert tap.has_listeners
    assert not tap.has_listeners


def test_one_capture_inside_another_does_not_disturb_it() -> None:
    model = tiny_gpt()
    with capture(model, ["unembedding"]) as outer:
        with capture(model, ["unembedding", "blocks.0"]) as inner:
            model(IDS)
        logits = model(IDS[:, :3])
    assert torch.equal(outer["unembedding"], logits)
    assert inner["unembedding"].shape[1] == 5


def test_an_unknown_name_says_what_there_is_and_leaves_no_hook() -> None:
    model = tiny_gpt()
    with (
        pytest.raises(ValueError, match=r"named 'blocks\.\*\.attn'; there are token_embedding, .*blocks\.0"),
        capture(model, ["blocks.0", "blocks.*.attn"]),
    ):
        pass
    assert hooks_of(model) == 0


def test_another_threads_forward_pass_is_not_heard_and_stays_on_the_fused_path() -> None:
    model = tiny_gpt()
    name = "blocks.0.attention.pattern"
    was_listening = []

    def pass_of_another_visitor() -> None:
        model(IDS[:, :2])
        was_listening.append(model.get_submodule(name).has_listeners)

    with capture(model, [name]) as seen:
        model(IDS)
        thread = threading.Thread(target=pass_of_another_visitor)
        thread.start()
        thread.join()
        assert seen[name].shape[-2:] == (5, 5)
    assert was_listening == [False]
