"""The parts of GPT inside: one head taken apart, every step opened, heads off, and what experiments find."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from streamlit.testing.v1 import AppTest

from explorer.inspection.attention import AttentionTrace, head_stages, trace_attention
from explorer.inspection.head_behaviour import measure_behaviours, measure_induction
from explorer.models.checkpoints import Checkpoint, load_checkpoint
from tests.pages.driving import bars, chart, choose, component, go, matrices, open_page, press, problems, words

PAGE = "pages/gpt_inside.py"
PROMPT = "To be, or not"
ONE_HEAD = {"prompt": PROMPT, "gpt_part": "2 One head"}


@pytest.fixture(scope="module")
def shipped() -> Checkpoint:
    return load_checkpoint("shakespeare-gpt")


@pytest.fixture(scope="module")
def trace(shipped: Checkpoint) -> AttentionTrace:
    return trace_attention(shipped.model, shipped.tokenizer.encode(PROMPT))


def box(at: AppTest) -> str:
    return str(at.text_area(key="prompt").value)


def type_prompt(at: AppTest, text: str) -> AppTest:
    at.text_area(key="prompt").set_value(text)
    return go(at)


@pytest.mark.parametrize(("button", "behaviour"), [("gpt_try_0", "previous"), ("gpt_try_1", "induction")])
def test_an_experiment_opens_the_head_that_has_most_of_a_behaviour(
    button: str, behaviour: str, shipped: Checkpoint
) -> None:
    at = press(open_page(PAGE), button)
    maps = trace_attention(shipped.model, shipped.tokenizer.encode(box(at))).patterns
    scores = np.stack(
        [measure_behaviours(torch.from_numpy(m), shipped.tokenizer.encode(box(at)))["previous"] for m in maps]
    )
    if behaviour == "induction":
        scores = measure_induction(shipped.model).scores
    layer, head = np.unravel_index(int(scores.argmax()), scores.shape)
    assert any(s.value == f"Layer {layer}, head {head} opened" for s in at.subheader)


def test_the_head_that_an_experiment_finds_looks_at_the_token_before_as_its_notice_says(shipped: Checkpoint) -> None:
    ids = shipped.tokenizer.encode("ROMEO:\nWhat light is this?")
    maps = trace_attention(shipped.model, ids).patterns
    best = max(float(measure_behaviours(torch.from_numpy(m), ids)["previous"].max()) for m in maps)
    assert best > 0.8


def test_the_pair_of_the_chosen_cell_is_drawn_channel_by_channel_and_adds_up_to_its_score(
    trace: AttentionTrace,
) -> None:
    at = choose(open_page(PAGE, address=ONE_HEAD | {"head": "7-0-0"}), "gpt_stages", 1, 9, 4)
    drawn, running = chart(at, "gpt_channels")["series"]
    stages = head_stages(trace, 1, 1)
    assert drawn["data"] == pytest.approx((stages.queries[9] * stages.keys[4]).tolist(), abs=1e-4)
    assert running["data"][-1] == pytest.approx(stages.dot[9, 4], abs=1e-3)
    assert f"**{stages.scaled[9, 4]:.3f}**, the score in map 2" in words(at)


def test_the_tokens_a_head_pushes_are_those_of_its_part_of_the_projection(
    shipped: Checkpoint, trace: AttentionTrace
) -> None:
    at = choose(open_page(PAGE, address=ONE_HEAD), "gpt_stages", 3, 8, 2)
    option = chart(at, "gpt_pushed")
    model, d = shipped.model, trace.values.shape[-1]
    mixed = torch.from_numpy(trace.patterns[0, 0, 8] @ trace.values[0, 0])
    streams = []
    handle = model.get_submodule("final_norm").register_forward_pre_hook(lambda _m, inputs: streams.append(inputs[0]))
    with torch.no_grad():
        model(torch.tensor([shipped.tokenizer.encode(PROMPT)]))
        handle.remove()
        projection: Any = model.get_submodule("blocks.0.attention.projection")
        vector = projection.weight[:, :d] @ mixed
        norm, x = model.get_submodule("final_norm"), streams[0][0, 8]
        centred = x - x.mean() if getattr(norm, "bias", None) is not None else x
        part = vector - vector.mean() if getattr(norm, "bias", None) is not None else vector
        logits = model.get_submodule("unembedding").weight @ (part / centred.square().mean().sqrt() * norm.weight)
    expected = (logits - logits.mean()).numpy()
    for name, bar in zip(option["yAxis"]["data"], option["series"][0]["data"], strict=True):
        assert bar["value"] == pytest.approx(expected[shipped.tokenizer.labels.index(name)], abs=2e-3)


def test_every_step_has_a_picture_with_its_shape_and_any_cell_opens_to_its_arithmetic(shipped: Checkpoint) -> None:
    at = open_page(PAGE, address={"prompt": PROMPT, "gpt_part": "3 Values"})
    steps = component(at, "gpt_steps")["matrices"]
    config, T = shipped.model.config, len(PROMPT)
    assert len(steps) == 2 * config.n_layers + 3
    assert [one["note"] for one in steps] == [f"{T} × {config.d_model}"] * (len(steps) - 1) + [
        f"{T} × {config.vocab_size}"
    ]
    for step, cell in ((0, (2, 4, 7)), (3, (2, 1, 0)), (len(steps) - 2, (1, 3, 9)), (len(steps) - 1, (0, 12, 20))):
        choose(at, "gpt_steps", step, 0, 0)
        choose(at, "gpt_values", *cell)
        assert f"token {cell[1]} " in words(at)
        assert ": equal to rounding" in words(at)
    with torch.no_grad():
        logits = shipped.model(torch.tensor([shipped.tokenizer.encode(PROMPT)]))[0]
    np.testing.assert_allclose(matrices(at, "gpt_values")[0].values, logits.numpy(), atol=1e-4)


def test_the_experiment_of_one_number_opens_the_logits() -> None:
    at = press(open_page(PAGE), "gpt_try_4")
    assert any(s.value.startswith("Logits: ") for s in at.subheader)
    assert "Logit of" in words(at)
    assert not at.error


def test_a_head_switched_off_stays_off_while_another_part_is_open(shipped: Checkpoint) -> None:
    at = open_page(PAGE, address={"prompt": PROMPT})
    at.session_state["gpt_arcs"] = {"chosen": {"layer": 0, "head": 0, "token": 3, "disabled": [[2, 1]]}}
    go(at)
    for part in ("3 Values", "1 Heads"):
        at.session_state["gpt_part"] = part
        go(at)
    assert component(at, "gpt_arcs")["current"]["disabled"] == [[2, 1]]
    assert "Without 1 of the heads (layer.head 2.1)" in words(at)


def test_with_every_head_off_the_bars_are_those_of_a_model_whose_heads_write_nothing(shipped: Checkpoint) -> None:
    at = open_page(PAGE, address={"prompt": PROMPT})
    config = shipped.model.config
    every = [[a, b] for a in range(config.n_layers) for b in range(config.n_heads)]
    at.session_state["gpt_arcs"] = {"chosen": {"layer": 0, "head": 0, "token": 3, "disabled": every}}
    go(at)
    assert "Without all of the heads" in words(at)
    silent = load_checkpoint("shakespeare-gpt").model
    for layer in range(config.n_layers):
        torch.nn.init.zeros_(silent.get_submodule(f"blocks.{layer}.attention.projection").weight)  # type: ignore[arg-type]
    with torch.no_grad():
        expected = silent(torch.tensor([shipped.tokenizer.encode(PROMPT)]))[0, -1].softmax(-1)
    option = chart(at, "gpt_next")
    for name, value in list(zip(option["yAxis"]["data"], bars(option["series"][1]), strict=True))[:-1]:
        assert value == pytest.approx(float(expected[shipped.tokenizer.labels.index(name)]), abs=1e-5)


def test_a_prompt_of_unknown_characters_only_says_so_and_leaves_an_empty_box_when_they_are_dropped() -> None:
    at = type_prompt(open_page(PAGE), "€€ß漢字".replace(" ", ""))
    assert "This model has never seen" in problems(at)[0]
    assert not at.get("bidi_component")
    press(at, "prompt_drop")
    assert box(at) == ""
    assert "Type at least one character" in words(at)
