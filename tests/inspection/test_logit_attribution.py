"""Direct logit attribution: the sum is the model's logit, and each share is what taking the part away directly says."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel

from explorer.inspection.logit_attribution import attribute_logit
from explorer.models.conversion import gpt2_to_gpt
from explorer.models.gpt import GPT, GPTConfig
from tests.inspection.test_ablation_ranking import IDS, build


@pytest.mark.parametrize("at", [0, 3, 6])
@pytest.mark.parametrize("against", ["nothing", "mean", 2])
@pytest.mark.parametrize("kind", ["gpt", "modern", "bare"])
def test_the_parts_add_up_to_the_models_logit(kind: str, against: Any, at: int) -> None:
    model = build(kind)
    with torch.no_grad():
        logits = model(torch.tensor([IDS]))[0, at].double()
    taken = {"nothing": 0.0, "mean": logits.mean().item()}.get(against, logits[against].item() if against == 2 else 0)
    found = attribute_logit(model, IDS, 5, against=against, at=at)
    assert found.logit == pytest.approx(logits[5].item() - taken, abs=1e-4)
    assert found.total == pytest.approx(logits[5].item() - taken, abs=1e-4)
    assert found.difference < 1e-4


def hugging_face() -> tuple[GPT2LMHeadModel, GPT]:
    """The same random weights in transformers' GPT-2 and in ours, biases and all."""
    config = GPT2Config(vocab_size=11, n_positions=8, n_embd=12, n_layer=2, n_head=3)
    config.resid_pdrop = config.embd_pdrop = config.attn_pdrop = 0.0
    theirs = GPT2LMHeadModel(config).eval()
    noise = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in theirs.parameters():
            parameter.add_(0.3 * torch.randn(parameter.shape, generator=noise))
    ours = GPT(GPTConfig(11, context_length=8, n_layers=2, n_heads=3, d_model=12)).eval()
    ours.load_state_dict(gpt2_to_gpt(theirs.state_dict()))
    return theirs, ours


def test_each_share_is_what_transformers_last_vector_loses_without_that_heads_columns_of_the_projection() -> None:
    theirs, ours = hugging_face()
    found = {c.label: c.logit for c in attribute_logit(ours, IDS, 4, against=9).components}
    ids = torch.tensor([IDS])
    grabbed: list[torch.Tensor] = []
    handle = theirs.transformer.ln_f.register_forward_pre_hook(lambda _module, inputs: grabbed.append(inputs[0][0, -1]))
    with torch.no_grad():
        theirs(ids)
        norm, x = theirs.transformer.ln_f, grabbed[0].double()
        scale = 1 / torch.sqrt(x.var(correction=0) + norm.eps)
        direction = (theirs.lm_head.weight[4] - theirs.lm_head.weight[9]).double()

        def share(vector: torch.Tensor) -> float:
            return float((((vector - vector.mean()) * scale * norm.weight.double()) @ direction).detach())

        # The last layer's heads are read by nothing but its own feed-forward network, which is cleared in both.
        base = copy.deepcopy(theirs)
        base.transformer.h[1].mlp.c_proj.weight.zero_()
        for head in range(3):
            without = copy.deepcopy(base)
            without.transformer.h[1].attn.c_proj.weight[4 * head : 4 * head + 4] = 0  # Conv1D: inputs are rows
            vectors: list[torch.Tensor] = []
            for model in (base, without):
                model.transformer.ln_f.register_forward_pre_hook(
                    lambda _m, inputs, v=vectors: v.append(inputs[0][0, -1])
                )
                model(ids)
            assert found[f"head 1.{head}"] == pytest.approx(share((vectors[0] - vectors[1]).double()), abs=1e-4)
        embeddings = theirs.transformer.wte.weight[IDS[-1]].double(), theirs.transformer.wpe.weight[6].double()
    handle.remove()
    assert found["token embedding"] == pytest.approx(share(embeddings[0]), abs=1e-5)
    assert found["position embedding"] == pytest.approx(share(embeddings[1]), abs=1e-5)
    assert found["attention bias 1"] == pytest.approx(
        share(theirs.transformer.h[1].attn.c_proj.bias.detach().double()), abs=1e-5
    )
    assert found["norm bias"] == pytest.approx(float(norm.bias.detach().double() @ direction), abs=1e-5)


def test_it_has_the_parts_that_the_model_has() -> None:
    modern = {c.kind for c in attribute_logit(build("modern"), IDS, 1).components}
    assert modern == {"token", "head", "feed_forward"}  # no biases, and positions turn queries and keys only
    bare = {c.kind for c in attribute_logit(build("bare"), IDS, 1).components}
    assert bare == {"token", "position", "head", "unembedding bias"}
    assert len(attribute_logit(build("gpt"), IDS, 1).components) == 2 + 3 * (3 + 1 + 1) + 1


@pytest.mark.parametrize(("kind", "said"), [("no residual", "no residual paths"), ("post-norm", "after every part")])
def test_a_model_whose_logit_is_no_such_sum_is_refused_in_a_sentence(kind: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        attribute_logit(build(kind), IDS, 1)


def test_a_token_or_position_that_is_not_there_is_named() -> None:
    with pytest.raises(ValueError, match="no token 7"):
        attribute_logit(build("gpt"), IDS, 7)
    with pytest.raises(ValueError, match="no token -1"):
        attribute_logit(build("gpt"), IDS, 1, against=-1)
    with pytest.raises(ValueError, match="has 7 tokens"):
        attribute_logit(build("gpt"), IDS, 1, at=9)


def test_a_final_norm_that_is_no_scaling_is_refused() -> None:
    model = build("gpt")
    model.final_norm = torch.nn.Tanh()
    with pytest.raises(ValueError, match="not a scaling"):
        attribute_logit(model, IDS, 1)
