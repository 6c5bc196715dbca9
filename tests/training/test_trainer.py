"""The training loop: it learns, it resumes bit for bit, and nobody who looks at it changes it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from explorer.core.sampling import SamplingSettings
from explorer.inspection.attention import trace_attention
from explorer.models.generation import generate
from explorer.models.gpt import GPTConfig
from explorer.models.registry import build_config, build_model
from explorer.text.batches import Splits, split_text
from explorer.text.tokenizers import CharTokenizer, UnknownCharactersError
from explorer.training.config import TrainingConfig
from explorer.training.evaluation import evaluate
from explorer.training.runs import RunStateError, load_run, save_run
from explorer.training.trainer import DivergedError, Progress, Trainer, train

TEXT = "the cat sat on the mat and the rat sat on the cat. " * 12
LETTERS = CharTokenizer.from_text(TEXT)
SPLITS = split_text(TEXT)
CONFIG = TrainingConfig(steps=20, batch_size=4, learning_rate=1e-2, warmup=3, evaluate_every=5, seed=3)


def make_trainer(config: TrainingConfig = CONFIG, *, dropout: float = 0.2, d_model: int = 16) -> Trainer:
    shape = GPTConfig(LETTERS.vocab_size, context_length=8, n_layers=2, n_heads=2, d_model=d_model, dropout=dropout)
    return Trainer(build_model("gpt", shape, seed=config.seed), LETTERS, SPLITS, config)


def advance(trainer: Trainer, steps: int) -> list[Progress]:
    """The next `steps` updates; an iterator is a place to pause, the trainer keeps the state."""
    return [progress for _, progress in zip(range(steps), trainer, strict=False)]


def weights(trainer: Trainer) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in trainer.model.state_dict().items()}


def facts_of(history: list[Progress]) -> list[Progress]:
    """What a run reports, but for its speed."""
    return [replace(progress, tokens_per_second=0.0) for progress in history]


def assert_equal_bit_for_bit(left: dict[str, Tensor], right: dict[str, Tensor]) -> None:
    assert left.keys() == right.keys()
    assert [name for name in left if name != "progress" and not torch.equal(left[name], right[name])] == []


def test_the_loss_goes_down_on_a_tiny_text() -> None:
    trainer = make_trainer(replace(CONFIG, steps=60, evaluate_every=0), dropout=0.0)
    before = evaluate(trainer.model, trainer.validation_ids)
    history = list(trainer)
    assert before == pytest.approx(math.log(LETTERS.vocab_size), abs=0.1)
    assert history[-1].validation_loss is not None
    assert history[-1].validation_loss < before - 0.8
    assert history[0].loss > history[-1].loss + 0.8


def test_progress_counts_steps_and_has_losses_and_samples_where_they_are_due() -> None:
    history = list(make_trainer(replace(CONFIG, steps=12, sample_every=4, sample_length=9)))
    assert [(p.step, p.steps) for p in history] == [(i, 12) for i in range(1, 13)]
    assert [p.step for p in history if p.validation_loss is not None] == [5, 10, 12]
    assert {p.step: len(p.sample) for p in history if p.sample is not None} == {4: 9, 8: 9, 12: 9}
    assert [p.learning_rate for p in history[:3]] == pytest.approx([1e-2 / 3, 2e-2 / 3, 1e-2])
    assert all(p.tokens_per_second > 0 and p.gradient_norm > 0 for p in history)


def test_two_runs_of_one_seed_are_equal_bit_for_bit_and_another_seed_differs() -> None:
    runs = [make_trainer(replace(CONFIG, seed=seed)) for seed in (3, 3, 4)]
    histories = [facts_of(list(run)) for run in runs]
    assert histories[0] == histories[1]
    assert_equal_bit_for_bit(weights(runs[0]), weights(runs[1]))
    assert histories[0][0].loss != histories[2][0].loss


def test_a_run_saved_half_way_and_loaded_into_a_fresh_trainer_ends_bit_for_bit_the_same(tmp_path: Path) -> None:
    whole = make_trainer()
    expected = facts_of(list(whole))

    interrupted = make_trainer()
    first = facts_of(advance(interrupted, 10))
    save_run(tmp_path / "run.safetensors", interrupted, {"who": "ana"})
    del interrupted

    tensors, facts = load_run(tmp_path / "run.safetensors")
    resumed = make_trainer()
    resumed.load_state_tensors(tensors)
    assert facts == {"who": "ana"}
    assert first + facts_of(list(resumed)) == expected
    assert_equal_bit_for_bit(resumed.state_tensors(), whole.state_tensors())
    assert [path.name for path in tmp_path.iterdir()] == ["run.safetensors"]


def test_train_goes_on_from_a_state_as_the_trainer_does() -> None:
    expected = facts_of(list(make_trainer()))
    interrupted = make_trainer()
    advance(interrupted, 10)
    fresh = make_trainer()
    rest = train(fresh.model, LETTERS, SPLITS, CONFIG, interrupted.state_tensors())
    assert facts_of(list(rest)) == expected[10:]


def test_a_state_is_a_copy_that_later_updates_leave_alone() -> None:
    trainer = make_trainer()
    advance(trainer, 3)
    state = trainer.state_tensors()
    before = {name: tensor.clone() for name, tensor in state.items()}
    advance(trainer, 3)
    assert_equal_bit_for_bit(state, before)
    assert not torch.equal(state["generator"], trainer.state_tensors()["generator"])


def look_at_random_numbers(_: Trainer) -> None:
    torch.rand(5)


def let_it_write(trainer: Trainer) -> None:
    list(generate(trainer.model, [0, 1], 12, SamplingSettings(), seed=9))


def trace_its_attention(trainer: Trainer) -> None:
    trace_attention(trainer.model, [0, 1, 2])


def measure_it(trainer: Trainer) -> None:
    evaluate(trainer.model, trainer.validation_ids)


def build_another(_: Trainer) -> None:
    build_model("bigram", build_config("bigram", {"vocab_size": 4}), seed=1)


@pytest.mark.parametrize("look", [look_at_random_numbers, let_it_write, trace_its_attention, measure_it, build_another])
def test_looking_between_steps_never_changes_a_run(look: Callable[[Trainer], None]) -> None:
    expected = make_trainer()
    for _ in expected:
        pass
    watched = make_trainer()
    look(watched)
    for _ in watched:
        look(watched)
    assert_equal_bit_for_bit(watched.state_tensors(), expected.state_tensors())


def test_how_often_losses_and_samples_are_taken_does_not_change_a_run() -> None:
    often, seldom = (make_trainer(replace(CONFIG, evaluate_every=every, sample_every=every)) for every in (2, 0))
    list(often)
    list(seldom)
    assert_equal_bit_for_bit(often.state_tensors(), seldom.state_tensors())


def test_between_updates_the_model_is_in_evaluation_mode() -> None:
    trainer = make_trainer()
    assert not trainer.model.training
    advance(trainer, 2)
    assert not trainer.model.training


def test_a_gradient_longer_than_the_clip_is_shortened_to_it() -> None:
    trainer = make_trainer(replace(CONFIG, clip=1e-3, steps=1))
    (progress,) = trainer
    assert progress.gradient_norm > 0.1
    norm = torch.stack([p.grad.norm() for p in trainer.model.parameters() if p.grad is not None]).norm()
    assert norm.item() == pytest.approx(1e-3, rel=1e-3)


def test_a_short_gradient_is_left_as_it_is() -> None:
    trainer = make_trainer(replace(CONFIG, clip=1e6, steps=1))
    (progress,) = trainer
    norm = torch.stack([p.grad.norm() for p in trainer.model.parameters() if p.grad is not None]).norm()
    assert norm.item() == pytest.approx(progress.gradient_norm, rel=1e-4)


def test_a_run_that_diverges_keeps_the_last_weights_that_gave_a_finite_loss() -> None:
    trainer = make_trainer(replace(CONFIG, learning_rate=1e25, warmup=0, weight_decay=0.0))
    initial = weights(trainer)
    seen: list[Progress] = []
    with pytest.raises(DivergedError, match=r"stopped being a finite number at step \d+: .*try a third of it"):
        seen.extend(trainer)
    assert 1 <= len(seen) == trainer.step + 1
    assert math.isfinite(evaluate(trainer.model, trainer.validation_ids))
    if trainer.step == 0:
        assert_equal_bit_for_bit(weights(trainer), initial)


def test_an_infinite_gradient_never_reaches_the_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    trainer = make_trainer()
    advance(trainer, 2)
    monkeypatch.setattr(torch.nn.utils, "clip_grad_norm_", lambda *_: torch.tensor(math.inf))
    with pytest.raises(DivergedError, match="gradient stopped being a finite number at step 3"):
        advance(trainer, 1)
    assert all(tensor.isfinite().all() for tensor in weights(trainer).values())


def test_an_update_that_breaks_the_weights_at_the_very_end_is_undone_and_said() -> None:
    trainer = make_trainer(TrainingConfig(steps=1, optimizer="sgd", learning_rate=1e30, schedule="constant"))
    with pytest.raises(DivergedError, match=r"stopped being a finite number at step \d"):
        list(trainer)
    assert all(tensor.isfinite().all() for tensor in weights(trainer).values())


@pytest.mark.parametrize(
    ("splits", "said"),
    [
        (Splits("the cat", "the cat", ""), "context of 8 needs a training text of at least 9 tokens, got 7"),
        (Splits("", "the cat", ""), "context of 8 needs a training text of at least 9 tokens, got 0"),
        (Splits("the cat sat", "t", ""), "held-out text needs at least 2 tokens to predict one, got 1"),
        (Splits("the cat sat", "", ""), "held-out text needs at least 2 tokens to predict one, got 0"),
    ],
)
def test_splits_that_are_too_short_are_refused_before_the_first_update(splits: Splits, said: str) -> None:
    model = make_trainer().model
    with pytest.raises(ValueError, match=said):
        Trainer(model, LETTERS, splits, CONFIG)


def test_a_text_the_tokenizer_cannot_read_is_refused() -> None:
    with pytest.raises(UnknownCharactersError, match="lacks: Z"):
        Trainer(make_trainer().model, LETTERS, Splits("Zzz", "z", ""), CONFIG)


def test_a_sample_begins_after_a_newline_or_after_the_first_symbol() -> None:
    with_newline = CharTokenizer("\n" + LETTERS.characters)
    shape = GPTConfig(with_newline.vocab_size, context_length=8, n_layers=1, n_heads=1, d_model=8)
    for tokenizer in (LETTERS, with_newline):
        model = build_model("gpt", replace(shape, vocab_size=tokenizer.vocab_size))
        (progress,) = Trainer(model, tokenizer, SPLITS, replace(CONFIG, steps=1, sample_length=5))
        assert progress.sample is not None
        assert len(progress.sample) == 5


@pytest.mark.parametrize("content", [b"", b"x", b"\x00" * 64, b"not a run at all, only words", b"PK\x03\x04zip"])
def test_a_file_that_is_no_run_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "run.safetensors"
    path.write_bytes(content)
    with pytest.raises(RunStateError, match="holds no run to resume"):
        load_run(path)


def test_a_run_that_is_not_there_or_is_a_folder_is_refused_by_name(tmp_path: Path) -> None:
    for path in (tmp_path / "nothing", tmp_path):
        with pytest.raises(RunStateError, match="holds no run to resume"):
            load_run(path)


def test_a_weights_file_without_a_run_and_a_truncated_run_are_refused(tmp_path: Path) -> None:
    from safetensors.torch import save

    path = tmp_path / "run.safetensors"
    path.write_bytes(save({"model.a": torch.zeros(2)}))
    with pytest.raises(RunStateError, match="holds no run to resume"):
        load_run(path)
    save_run(path, make_trainer(), {})
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(RunStateError, match="holds no run to resume"):
        load_run(path)


def without(name: str) -> Callable[[dict[str, Tensor]], dict[str, Tensor]]:
    return lambda state: {key: tensor for key, tensor in state.items() if key != name}


def changed(**tensors: Tensor) -> Callable[[dict[str, Tensor]], dict[str, Tensor]]:
    return lambda state: state | tensors


@pytest.mark.parametrize(
    "damage",
    [
        without("generator"),
        without("progress"),
        without("model.final_norm.bias"),
        changed(generator=torch.zeros(5)),
        changed(generator=torch.zeros(5, dtype=torch.uint8)),
        changed(progress=torch.tensor(1.0)),
        changed(**{"model.token_embedding.weight": torch.zeros(3, 3)}),
        changed(**{"optimizer.first": torch.zeros(1)}),
    ],
)
def test_a_state_of_another_run_is_refused(damage: Any) -> None:
    trainer = make_trainer()
    advance(trainer, 2)
    with pytest.raises(ValueError, match="The saved state is of another model or run"):
        make_trainer().load_state_tensors(damage(trainer.state_tensors()))


def test_a_state_of_another_shape_is_refused() -> None:
    with pytest.raises(ValueError, match="The saved state is of another model or run"):
        make_trainer(d_model=32).load_state_tensors(make_trainer().state_tensors())
