"""The workbench's runs: resumed is uninterrupted bit for bit, rules stop them, a full disk does not."""

from __future__ import annotations

import errno
import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from explorer.inspection.attention import trace_attention
from explorer.inspection.workbench import read_attention
from explorer.models.checkpoints import load_checkpoint
from explorer.models.registry import PRESETS
from explorer.text.batches import split_text
from explorer.text.tokenizers import CharTokenizer
from explorer.training.config import TrainingConfig
from explorer.training.evaluation import evaluate
from explorer.training.runs import RunStateError
from explorer.training.trainer import DivergedError, Trainer
from explorer.training.workbench import Workbench, WorkbenchProgress, train_workbench
from explorer.training.workbench_checkpoint import write_checkpoint
from explorer.training.workbench_record import RunRecord
from explorer.training.workbench_runs import list_saved, read_facts, run_path, saved_model
from explorer.training.workbench_spec import StopRule, TextSource, WorkbenchSpec

TEXT = "the cat sat on the mat and the rat sat on the cat. " * 12
SHAPE = (("context_length", 8), ("n_layers", 2), ("n_heads", 2), ("d_model", 16), ("dropout", 0.2))
TRAINING = TrainingConfig(
    steps=20, batch_size=4, learning_rate=1e-2, warmup=3, evaluate_every=5, sample_every=10, sample_length=9
)


@pytest.fixture
def spec(tmp_path: Path) -> WorkbenchSpec:
    (tmp_path / "own.txt").write_text(TEXT)
    source = TextSource("own", "text", str(tmp_path / "own.txt"))
    return WorkbenchSpec(source, "gpt", SHAPE, TRAINING, prompt="the cat", seed=3, folder=str(tmp_path / "me" / "runs"))


def advance(run: Iterator[WorkbenchProgress], step: int) -> RunRecord:
    """Let the run come to `step`."""
    for progress in run:
        if progress.step == step:
            return progress.record
    raise AssertionError(f"never came to step {step}")


def finished(spec: WorkbenchSpec, resume: str | None = None) -> RunRecord:
    *_, last = train_workbench(spec, read_attention, resume)
    return last.record


def weights(spec: WorkbenchSpec, record: RunRecord) -> dict[str, torch.Tensor]:
    return load_file(run_path(spec.folder, record.run))


def shown(record: RunRecord) -> Any:
    """All that a run has shown but for its speed and its id."""
    points = [point[:-1] for point in record.points.entries]
    return points, record.evaluations, record.samples.entries, record.final, record.best, record.tokens


def test_its_losses_are_those_of_the_packages_own_trainer(spec: WorkbenchSpec) -> None:
    from explorer.models.registry import build_config, build_model

    letters = CharTokenizer.from_text(TEXT)
    model = build_model("gpt", build_config("gpt", {"vocab_size": letters.vocab_size, **dict(SHAPE)}), seed=3)
    trainer = Trainer(model, letters, split_text(TEXT), spec.config())
    expected = list(trainer)
    record = finished(spec)
    assert [p[:4] for p in record.points.entries] == [
        (p.step, p.loss, p.learning_rate, p.gradient_norm) for p in expected
    ]
    assert [e.step for e in record.evaluations] == [0, 5, 10, 15, 20]
    assert record.final == expected[-1].validation_loss == evaluate(model, trainer.validation_ids)
    assert record.evaluations[-1].held_out == pytest.approx(record.final, abs=1e-6)  # the text is short: all was read


@pytest.mark.parametrize("changes", [{}, {"average": 0.9}, {"optimizer": "muon"}, {"optimizer": "sgd"}])
def test_a_run_that_was_killed_and_taken_up_ends_bit_for_bit_as_if_it_had_never_stopped(
    spec: WorkbenchSpec, changes: dict[str, Any]
) -> None:
    spec = replace(spec, training=replace(TRAINING, **changes))
    whole = finished(spec)
    killed = train_workbench(spec, read_attention)
    record = advance(killed, 10)
    assert record.save_now is not None
    record.save_now()
    record.discarded = True  # as after kill -9: what comes later never reaches the disk
    advance(killed, 13)
    killed.close()  # type: ignore[attr-defined]
    (facts,) = [one for one in list_saved(spec.folder) if one["id"] == record.run]
    assert (facts["status"], facts["step"]) == ("running", 10)
    again = WorkbenchSpec.from_json(facts["spec"], spec.folder)
    resumed = finished(again, record.run)
    assert shown(resumed) == shown(whole)
    left, right = weights(spec, whole), weights(spec, resumed)
    assert left.keys() == right.keys()
    assert [name for name in left if not torch.equal(left[name], right[name])] == []


def test_closing_a_run_saves_it_and_one_that_is_done_keeps_its_weights_alone(spec: WorkbenchSpec) -> None:
    stopped = train_workbench(spec, read_attention)
    record = advance(stopped, 7)
    stopped.close()  # type: ignore[attr-defined]
    facts = read_facts(run_path(spec.folder, record.run))
    assert facts is not None
    assert (facts["status"], facts["step"], record.save_now) == ("stopped", 7, None)
    assert any(name.startswith("optimizer") for name in weights(spec, record))
    done = finished(spec)
    assert {name.split(".")[0] for name in weights(spec, done)} == {"model"}
    with pytest.raises(RunStateError, match="This run is over; only its weights are kept"):
        finished(spec, done.run)


def test_a_factory_goes_on_once_and_a_restart_begins_anew(spec: WorkbenchSpec) -> None:
    run = train_workbench(spec, read_attention)
    record = advance(run, 7)
    run.close()  # type: ignore[attr-defined]
    factory = Workbench(read_attention, record.run)
    *_, first = factory(spec)
    assert [p.step for p in first.record.points.entries] == list(range(1, 21))
    assert first.record.run == record.run
    *_, second = factory(spec)
    assert second.record.run != record.run
    assert shown(second.record) == shown(first.record)


def test_looking_sampling_and_evaluating_change_nothing_of_a_run(spec: WorkbenchSpec) -> None:
    seldom = replace(spec, training=replace(TRAINING, evaluate_every=0, sample_every=0), prompt="")
    left, right = finished(spec), finished(seldom)
    assert [p[:4] for p in left.points.entries] == [p[:4] for p in right.points.entries]


def test_the_attention_watched_is_that_of_a_direct_trace_and_models_without_have_none(spec: WorkbenchSpec) -> None:
    record = finished(spec)
    model, tokenizer, _ = saved_model(spec.folder, record.run)
    look = record.newest_look
    assert look is not None
    assert look.step == 20
    expected = trace_attention(model, tokenizer.encode("the cat")).patterns
    assert np.abs(look.patterns / 255 - expected).max() <= 0.5 / 255 + 1e-5
    assert record.prompt_labels == tuple("the␣cat")
    bigram = finished(replace(spec, architecture="bigram", options=()))
    assert bigram.newest_look is None


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        (StopRule(target=2.9), "the held-out loss reached"),
        (StopRule(patience=1), "1 evaluations in a row brought no lower"),
        (StopRule(minutes=1e-9), "minutes of work are over"),
    ],
)
def test_a_rule_ends_a_run_early_with_its_reason_and_its_whole_loss(
    spec: WorkbenchSpec, rule: StopRule, said: str
) -> None:
    # Plain descent at rate 5 throws the weights about, so that the loss soon fails to fall.
    rate = 5.0 if rule.patience else 1e-2
    training = replace(TRAINING, steps=400, learning_rate=rate, optimizer="sgd" if rule.patience else "adamw", clip=1e9)
    record = finished(replace(spec, training=training, stop=rule))
    assert record.step < 400
    assert said in record.stopped
    model, tokenizer, facts = saved_model(spec.folder, record.run)
    held_out = torch.tensor(tokenizer.encode(split_text(TEXT).validation))
    assert record.final == pytest.approx(evaluate(model, held_out), abs=1e-6)
    assert facts["status"] == "done"


def test_a_full_disk_is_said_the_run_goes_on_and_nothing_half_written_stays(
    spec: WorkbenchSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = train_workbench(spec, read_attention)
    record = advance(run, 5)
    assert record.save_now is not None
    record.save_now()

    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("os.fsync", full)
        advance(run, 8)
        record.save_now()
        assert record.save_problem == (
            "The run could not be saved at step 8 (No space left on device). It goes on, and tries again; what was saved "
            "before is whole."
        )
    assert [path.name for path in Path(spec.folder).iterdir()] == [f"{record.run}.safetensors"]
    facts = read_facts(run_path(spec.folder, record.run))
    assert facts is not None
    assert facts["step"] == 5
    *_, last = run
    assert (last.step, last.record.save_problem, last.record.saved) == (20, "", 20)


def test_used_up_room_is_said_like_a_full_disk(spec: WorkbenchSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("explorer.training.workbench_runs.MOST_FOLDER_BYTES", 1000)
    record = finished(spec)
    assert "are used up; delete runs" in record.save_problem
    assert record.step == 20
    assert list_saved(spec.folder) == []


def test_resuming_with_another_architecture_or_text_is_refused(spec: WorkbenchSpec) -> None:
    run = train_workbench(spec, read_attention)
    record = advance(run, 6)
    run.close()  # type: ignore[attr-defined]
    for changed in (replace(spec, options=(*SHAPE[:-2], ("d_model", 32))), replace(spec, architecture="modern")):
        with pytest.raises(ValueError, match="made with other settings than these; go on with its own"):
            finished(changed, record.run)
    Path(spec.text.path).write_text(TEXT + "more")
    with pytest.raises(ValueError, match="has changed since the run was saved"):
        finished(spec, record.run)


@pytest.mark.parametrize("run", ["../../etc/passwd", "", "a/b", "x" * 65, "nul\0"])
def test_an_id_that_is_none_opens_no_file(spec: WorkbenchSpec, run: str) -> None:
    with pytest.raises(ValueError, match="not the id of a run"):
        run_path(spec.folder, run)


def test_files_that_are_no_runs_are_passed_over(spec: WorkbenchSpec) -> None:
    folder = Path(spec.folder)
    folder.mkdir(parents=True)
    (folder / "broken.safetensors").write_bytes(b"no")
    assert list_saved(folder) == []


def test_a_rate_far_too_high_fails_with_a_sentence_and_keeps_the_last_good_weights(spec: WorkbenchSpec) -> None:
    run = train_workbench(
        replace(spec, training=replace(TRAINING, learning_rate=1e25, warmup=0, weight_decay=0.0)), read_attention
    )
    with pytest.raises(DivergedError, match="is too high for this model"):
        list(run)
    (facts,) = list_saved(spec.folder)
    assert facts["status"] == "failed"
    model, _, _ = saved_model(spec.folder, facts["id"])
    assert all(p.isfinite().all() for p in model.parameters())


def test_a_checkpoint_made_of_a_run_loads_with_its_card(spec: WorkbenchSpec, tmp_path: Path) -> None:
    record = finished(spec)
    loaded = load_checkpoint(write_checkpoint(Path(spec.folder), record.run, tmp_path / "kept" / "mine"))
    assert record.final is not None
    assert loaded.card["losses"]["validation"] == round(record.final, 4)
    held_out = torch.tensor(loaded.tokenizer.encode(split_text(TEXT).validation))
    assert evaluate(loaded.model, held_out) == pytest.approx(record.final, abs=1e-6)


def test_a_fine_tuned_run_begins_at_the_checkpoints_loss_and_measures_the_old_text(
    spec: WorkbenchSpec, tmp_path: Path
) -> None:
    first = finished(spec)
    card = tmp_path / "kept" / "mine.json"
    parent = load_checkpoint(write_checkpoint(Path(spec.folder), first.run, card.with_suffix("")))
    (tmp_path / "new.txt").write_text("el gato está en el año. " * 30)
    new = TextSource("new", "text", str(tmp_path / "new.txt"))
    record = finished(replace(spec, text=new, parent=str(card), old=spec.text))
    assert record.added_symbols == len(set("el gato está en el año. ") - set(TEXT))
    begun = record.evaluations[0]
    held_out = torch.tensor(parent.tokenizer.encode(split_text(TEXT).validation))
    # The new symbols take a little probability from the old ones; with logits near 0 that can be said exactly.
    before = evaluate(parent.model, held_out)
    V, W = parent.tokenizer.vocab_size, parent.tokenizer.vocab_size + record.added_symbols
    assert begun.old is not None
    assert before < begun.old <= before + math.log(W / V) + 1e-6
    assert record.evaluations[-1].held_out < begun.held_out


@pytest.mark.parametrize("kind", ["word", "bpe"])
def test_every_kind_of_token_and_of_text_trains(spec: WorkbenchSpec, kind: str) -> None:
    record = finished(replace(spec, tokenizer=kind, vocab_size=300, training=replace(TRAINING, steps=2)))
    assert record.step == 2
    assert record.final is not None


@pytest.mark.parametrize("architecture", sorted({preset.architecture for preset in PRESETS.values()}))
def test_every_architecture_trains_on_items(spec: WorkbenchSpec, architecture: str, tmp_path: Path) -> None:
    (tmp_path / "names.txt").write_text("\n".join(f"{a}{b}{a}" for a in "aeiou" for b in "bcdfgh"))
    source = TextSource("names", "items", str(tmp_path / "names.txt"))
    small = PRESETS[next(n for n, p in PRESETS.items() if p.architecture == architecture)].model
    small = {**small, **({"d_model": 16, "n_heads": 2} if "d_model" in small else {})}
    options = tuple(small.items())
    if "context_length" in small:
        options = tuple((n, 8 if n == "context_length" else v) for n, v in options)
    record = finished(
        replace(spec, text=source, architecture=architecture, options=options, training=replace(TRAINING, steps=3))
    )
    assert record.final is not None
    assert math.isfinite(record.final)
