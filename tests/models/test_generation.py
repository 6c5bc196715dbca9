"""Generation: cached equals uncached, within the context and far past it, and a seed fixes the text."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from explorer.core.sampling import SamplingSettings
from explorer.models.bigram import Bigram
from explorer.models.generation import GeneratedToken, Writer, generate, next_logits
from explorer.models.gpt import GPT
from tests.models.test_gpt import tiny_gpt

WILD = SamplingSettings(temperature=1.0)


def run(model: GPT | Bigram, prompt: list[int], length: int, **options: Any) -> list[GeneratedToken]:
    return list(generate(model, prompt, length, options.pop("settings", WILD), **options))


@pytest.mark.parametrize(("prompted", "context"), [(1, None), (12, None), (20, None), (3, 5), (1, 1)])
def test_cached_and_uncached_generation_agree_over_three_contexts(prompted: int, context: int | None) -> None:
    model, prompt = tiny_gpt(), [i % 13 for i in range(prompted)]
    cached, uncached = (
        run(model, prompt, 36, seed=1, context_length=context, use_cache=use_cache) for use_cache in (True, False)
    )
    for one, other in zip(cached, uncached, strict=True):
        torch.testing.assert_close(one.stages.logits, other.stages.logits, atol=1e-5, rtol=1e-5)
        assert (one.token, one.pointer, one.context) == (other.token, other.pointer, other.context)
    limit = context or 12
    assert [one.context for one in cached] == [min(len(prompt) + i, limit) for i in range(36)]


def test_every_step_reads_exactly_the_last_tokens_of_the_text_so_far() -> None:
    model, prompt = tiny_gpt(), [3, 1, 4]
    tokens = run(model, prompt, 20, seed=2)
    text = prompt + [one.token for one in tokens]
    for i, one in enumerate(tokens):
        window = torch.tensor([text[: 3 + i][-12:]])
        with torch.no_grad():
            torch.testing.assert_close(one.stages.logits, model(window)[0, -1], atol=1e-5, rtol=1e-5)


def test_the_same_seed_writes_the_same_text_and_another_seed_another() -> None:
    texts = [[one.token for one in run(tiny_gpt(), [0], 30, seed=seed)] for seed in (5, 5, 6)]
    assert texts[0] == texts[1]
    assert texts[0] != texts[2]


def test_generation_leaves_the_global_generator_and_the_prompt_alone() -> None:
    prompt, before = [1, 2], torch.get_rng_state()
    run(tiny_gpt(), prompt, 5)
    torch.random.set_rng_state(before)
    model = tiny_gpt()
    before = torch.get_rng_state()
    run(model, prompt, 5)
    assert torch.equal(torch.get_rng_state(), before)
    assert prompt == [1, 2]


def test_greedy_generation_takes_the_likeliest_token_at_every_step() -> None:
    for one in run(tiny_gpt(), [0], 15, settings=SamplingSettings(temperature=0)):
        assert one.token == int(one.stages.logits.argmax())


def test_gradients_are_off_in_a_step_and_on_again_between_steps() -> None:
    for one in generate(tiny_gpt(), [0], 3, WILD):
        assert not one.stages.logits.requires_grad
        assert torch.is_grad_enabled()


def test_a_bigram_generates_from_its_last_token_with_and_without_a_cache() -> None:
    model = Bigram.from_counts(torch.tensor([[0, 1, 0], [0, 0, 1], [1, 0, 0]]))
    for use_cache in (True, False):
        assert [one.token for one in run(model, [0], 6, use_cache=use_cache)] == [1, 2, 0, 1, 2, 0]


def test_the_next_logits_of_a_long_text_are_those_of_its_last_window() -> None:
    model, text = tiny_gpt(), [i % 13 for i in range(40)]
    assert torch.equal(next_logits(model, text), next_logits(model, text[-12:]))
    assert torch.equal(next_logits(model, text, 4), next_logits(model, text[-4:]))


@pytest.mark.parametrize(
    ("prompt", "length", "options", "said"),
    [
        ([], 5, {}, "prompt is empty"),
        ([0], -1, {}, "0 or more tokens, got -1"),
        ([0], 5, {"context_length": 0}, "from 1 to this model's 12, got 0"),
        ([0], 5, {"context_length": 13}, "from 1 to this model's 12, got 13"),
        ([0], 5, {"settings": SamplingSettings(top_k=14)}, "Top-k asks for 14 tokens but the vocabulary has 13"),
        ([0], 5, {"seed": 2**64}, f"got {2**64}"),
    ],
)
def test_what_cannot_be_generated_is_said_before_the_first_token(
    prompt: list[int], length: int, options: dict[str, Any], said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        generate(tiny_gpt(), prompt, length, **{"settings": WILD, **options})


def test_no_tokens_asked_for_are_no_tokens() -> None:
    assert run(tiny_gpt(), [0], 0) == []


def test_after_a_rewind_the_same_tokens_are_drawn_again() -> None:
    writer = Writer(tiny_gpt(), [1, 2], WILD, seed=3)
    first = [writer.draw().token for _ in range(20)]
    assert first == [one.token for one in run(tiny_gpt(), [1, 2], 20, seed=3)]
    writer.replace(first[:7])
    assert [writer.draw().token for _ in range(13)] == first[7:]


def test_the_same_seed_and_the_same_choices_write_the_same_text_by_any_way_there() -> None:
    def write(*, detour: bool) -> list[int]:
        writer = Writer(tiny_gpt(), [1, 2], WILD, seed=3)
        for _ in range(4):
            writer.draw()
        if detour:
            for _ in range(15):
                writer.draw()
            writer.choose(5)
            writer.replace(writer.written[:4])
        writer.choose(11)
        for _ in range(6):
            writer.draw()
        return writer.written

    assert write(detour=True) == write(detour=False)
    assert write(detour=True)[4] == 11


def test_a_chosen_token_changes_what_follows_and_no_pointer() -> None:
    drawn, chosen = (Writer(tiny_gpt(), [1], WILD, seed=8) for _ in range(2))
    one, other = drawn.draw(), chosen.choose((drawn.written[0] + 1) % 13)
    assert (one.chosen, other.chosen) == (False, True)
    assert one.pointer == other.pointer
    assert drawn.draw().pointer == chosen.draw().pointer


def test_looking_at_what_comes_next_changes_nothing() -> None:
    writer = Writer(tiny_gpt(), [1, 2], WILD, seed=3)
    looked = writer.look()
    assert writer.look() is looked
    assert writer.written == []
    assert writer.draw().stages is looked


def test_a_token_that_is_none_cannot_be_chosen() -> None:
    with pytest.raises(ValueError, match="Token ids go from 0 to 12, got 13"):
        Writer(tiny_gpt(), [1], WILD).choose(13)
