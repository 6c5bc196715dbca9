"""Ranking parts against one whole pass a part, and mean ablation against weights changed by hand."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
import torch.nn.functional as F

from explorer.inspection.ablation import Fill, Part, mean_outputs, parse_parts, parts_of, parts_off, read_without
from explorer.inspection.ablation_ranking import RankingProgress, RankingSpec, rank_parts
from explorer.models.language_model import LanguageModel
from explorer.models.registry import build_config, build_model

IDS = (3, 1, 4, 1, 5, 2, 6)
SHAPE = {"vocab_size": 7, "context_length": 8, "n_layers": 3, "n_heads": 3, "d_model": 12}
KINDS: dict[str, tuple[str, dict[str, Any]]] = {
    "gpt": ("gpt", {}),
    "modern": ("modern", {"d_model": 12, "n_heads": 3}),
    "post-norm": ("decoder", {"norm": "post"}),
    "bare": ("decoder", {"norm": "none", "projection": False, "feed_forward": False}),
    "no residual": ("decoder", {"residual": False}),
}


def build(kind: str) -> LanguageModel:
    """A model far from its small first weights, so that every part matters."""
    architecture, options = KINDS[kind]
    model = build_model(architecture, build_config(architecture, SHAPE | options), seed=3).eval()
    noise = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(2).add_(0.2 * torch.randn(parameter.shape, generator=noise))
    return model


def ranking(model: LanguageModel, fill: Fill = "zero") -> RankingProgress:
    *_, last = rank_parts(RankingSpec("test", IDS, fill, model))
    return last


@pytest.mark.parametrize("fill", ["zero", "mean"])
@pytest.mark.parametrize("kind", list(KINDS))
def test_every_parts_cost_is_what_a_whole_pass_without_it_says(kind: str, fill: Fill) -> None:
    model = build(kind)
    last = ranking(model, fill)
    assert [part for part, _ in last.costs] == parts_of(model)
    assert last.step == last.steps
    whole = F.cross_entropy(model(torch.tensor([IDS]))[0, :-1], torch.tensor(IDS[1:])).item()
    assert last.loss == pytest.approx(whole, abs=1e-5)
    means = mean_outputs(model, IDS) if fill == "mean" else None
    for part, cost in last.costs:
        with torch.no_grad(), parts_off(model, [part], means):
            logits = model(torch.tensor([IDS]))[0]
        expected = F.cross_entropy(logits[:-1], torch.tensor(IDS[1:])).item() - whole
        assert cost == pytest.approx(expected, abs=1e-5), part.label
    assert max(abs(cost) for _, cost in last.costs) > 0.01


def test_a_head_and_both_sublayers_cost_what_removing_their_weights_costs() -> None:
    model = build("gpt")
    costs = dict(ranking(model).costs)

    def loss_without(*changes: tuple[str, slice]) -> float:
        without = copy.deepcopy(model)
        with torch.no_grad():
            for name, columns in changes:
                without.get_parameter(name)[..., columns] = 0
            logits = without(torch.tensor([IDS]))[0]
        return F.cross_entropy(logits[:-1], torch.tensor(IDS[1:])).item()

    whole, everything = loss_without(), slice(None)
    expected = {
        Part(1, "head", 2): loss_without(("blocks.1.attention.projection.weight", slice(8, 12))),
        Part(0, "attention"): loss_without(
            ("blocks.0.attention.projection.weight", everything), ("blocks.0.attention.projection.bias", everything)
        ),
        Part(2, "feed_forward"): loss_without(
            ("blocks.2.feed_forward.contract.weight", everything), ("blocks.2.feed_forward.contract.bias", everything)
        ),
    }
    for part, loss in expected.items():
        assert costs[part] == pytest.approx(loss - whole, abs=1e-5), part.label


def test_a_mean_ablated_head_writes_its_average_over_the_prompt_into_every_position() -> None:
    model, part = build("gpt"), Part(2, "head", 1)
    projection = model.get_submodule("blocks.2.attention.projection")
    mixed: list[torch.Tensor] = []
    handle = projection.register_forward_pre_hook(lambda _module, inputs: mixed.append(inputs[0]))
    model(torch.tensor([IDS]))
    handle.remove()
    without = copy.deepcopy(model)  # the average, through the head's columns, moved into the bias; the columns cleared
    with torch.no_grad():
        weight = without.get_parameter("blocks.2.attention.projection.weight")
        average = mixed[0][0].mean(dim=0)[4:8]
        without.get_parameter("blocks.2.attention.projection.bias").add_(weight[:, 4:8] @ average)
        weight[:, 4:8] = 0
        expected = torch.softmax(without(torch.tensor([IDS]))[0, -1].double(), -1).numpy()
    assert abs(read_without(model, IDS, [part], "mean").probabilities - expected).max() < 1e-6
    assert abs(read_without(model, IDS, [part], "zero").probabilities - expected).max() > 1e-4


def test_a_prompt_of_one_token_is_its_own_average() -> None:
    model = build("gpt")
    averaged = read_without(model, IDS[:1], parts_of(model), "mean").probabilities
    assert abs(averaged - read_without(model, IDS[:1], []).probabilities).max() < 1e-6


def test_with_every_sublayer_off_the_embeddings_alone_speak() -> None:
    model: Any = build("gpt")
    off = [part for part in parts_of(model) if part.kind != "head"]
    with torch.no_grad():
        x = model.token_embedding.weight[IDS[-1]] + model.position_embedding.weight[len(IDS) - 1]
        norm = model.final_norm
        normed = F.layer_norm(x, (12,), norm.weight, norm.bias, norm.epsilon)
        expected = torch.softmax((model.unembedding.weight @ normed).double(), -1).numpy()
    assert abs(read_without(model, IDS, off).probabilities - expected).max() < 1e-6


def test_the_ranked_list_begins_with_the_costliest_and_progress_counts_parts() -> None:
    steps = list(rank_parts(RankingSpec("test", IDS, "zero", build("gpt"))))
    assert [progress.step for progress in steps] == [5, 10, 15]
    costs = [cost for _, cost in steps[-1].ranked]
    assert costs == sorted(costs, reverse=True)


def test_a_long_prompt_is_ranked_in_smaller_batches_to_the_same_costs(monkeypatch: pytest.MonkeyPatch) -> None:
    model = build("modern")
    together = dict(ranking(model).costs)
    monkeypatch.setattr("explorer.inspection.ablation_ranking.ROWS_AT_ONCE", 2 * len(IDS))
    monkeypatch.setattr("explorer.inspection.residual_stream.LOGITS_AT_ONCE", 21)
    apart = dict(ranking(model).costs)
    assert apart == pytest.approx(together, abs=1e-5)


def test_one_token_cannot_be_ranked_and_says_why() -> None:
    with pytest.raises(ValueError, match="at least two tokens"):
        next(rank_parts(RankingSpec("test", (1,), "zero", build("gpt"))))


def test_codes_name_parts_and_what_the_model_does_not_have_is_left_out() -> None:
    model = build("bare")
    assert {part.code for part in parse_parts("0.2 1.a 1.f 9.9 zebra", model)} == {"0.2", "1.a"}


@pytest.mark.parametrize("part", [Part(3, "attention"), Part(0, "feed_forward"), Part(0, "head", 3)])
def test_a_part_that_is_not_there_is_named(part: Part) -> None:
    with pytest.raises(ValueError, match="There is no"), parts_off(build("bare"), [part]):
        pass
