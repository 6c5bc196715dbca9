"""Every mistake a visitor can type is one clear line and exit status 1, never a traceback."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.command_line.runner import SMALL, run, run_badly


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--preset", "huge"), "Expected a preset among bigram, gpt-tiny, drama-gpt"),
        (("--corpus", "bible"), "There is no corpus 'bible'; choose one of: drama"),
        (("--text", "nowhere.txt"), "The text nowhere.txt cannot be read (No such file or directory)"),
        (("--text", "."), "The text . cannot be read (Is a directory)"),
        (("--text", "picture.png"), "picture.png: A plain text was expected, but the file is a PNG picture"),
        (("--text", "empty.txt"), "empty.txt: A text was expected, but the file is empty"),
        (("--text", "short.txt", "--corpus", "tale"), "--corpus and --text both say what to learn from"),
        (("--text", "short.txt", "--kind", "poem"), "Expected --kind to be auto, text or items, got 'poem'"),
        (("--text", "short.txt"), "needs a training text of at least 65 tokens, got 9"),
        (("--steps", 0), "steps must be a whole number of at least 1, got 0"),
        (("--batch-size", -1), "batch_size must be a whole number of at least 1, got -1"),
        (("--learning-rate", "nan"), "learning_rate must be a positive number, got nan"),
        (("--heads", 5), "64 does not divide by 5"),
        (("--layers", 0), "n_layers must be a whole number of at least 1, got 0"),
        (("--dropout", 1.5), "dropout must be at least 0 and below 1, got 1.5"),
        (("--seed", 2**64), f"got {2**64}"),
        (("--dtype", "int8"), "Expected a dtype among float32, float16, bfloat16, got 'int8'"),
        (("--save-every", 0), "save-every must be at least 1 step, got 0"),
        (("--name", "a/b"), "without folders, got 'a/b'; use --out"),
        (("--name", "[red]a[/]/b"), "without folders, got '[red]a[/]/b'; use --out"),
        (("--out", "short.txt"), "The folder short.txt cannot be made (File exists); choose another with --out."),
        (("--preset", "bigram", "--layers", 2), "'bigram' has no option n_layers; it has vocab_size"),
        (("--optimizer", "adam"), "Expected optimizer to be one of adamw, sgd, muon, got 'adam'"),
        (("--schedule", "up"), "Expected schedule to be one of cosine, linear, constant, step, got 'up'"),
        (("--average", 1), "average must be at least 0 and below 1, got 1"),
        (("--set", "warmup"), "--set takes NAME=VALUE, such as warmup=20; got 'warmup'"),
        (("--set", "size=3"), "There is no option 'size' to set: the model has context_length,"),
        (("--set", "seed=3"), "There is no option 'seed' to set"),
        (("--set", "warmup=soon"), "warmup must be a whole number, got 'soon'"),
        (("--set", "tie_weights=perhaps"), "tie_weights must be true or false, got 'perhaps'"),
        (("--set", "steps=3", "--steps", 4), "steps is given twice; leave one of them out"),
        (("--set", "warmup=3", "--set", "warmup=4"), "warmup is given twice; leave one of them out"),
        (("--device", "tpu"), "Expected a device among auto, cpu, cuda, mps, got 'tpu'"),
        (("--precision", "int4"), "Expected a precision among auto, float32, bfloat16, got 'int4'"),
        (("--init-from", "yours"), "No checkpoint 'yours'"),
        (("--name", ".."), "without folders, got '..'"),
        (("--name", "../up"), "without folders, got '../up'"),
        (("--resume",), "runs/gpt-tiny.safetensors holds no run to resume"),
    ],
    ids=str,
)
def test_a_mistake_in_training_is_one_clear_line(here: Path, arguments: tuple[object, ...], said: str) -> None:
    Path("picture.png").write_bytes(b"\x89PNG\r\n\x1a\n and so on")
    Path("empty.txt").write_text("")
    Path("short.txt").write_text("too short\n")
    corpus = () if "--text" in arguments or "--corpus" in arguments else ("--corpus", "tale")
    line = run_badly("train", *corpus, *arguments)
    assert said in line
    assert not Path("runs").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "--init-from needs to know what the checkpoint shall learn: give --corpus or --text"),
        (
            ("--corpus", "tale", "--layers", 2, "--width", 8),
            "keeps the checkpoint's shape; leave out d_model, n_layers",
        ),
        (("--corpus", "tale", "--tokenizer", "bpe"), "keeps the checkpoint's tokenizer; leave out --tokenizer"),
        (("--corpus", "tale", "--dropout", 2), "dropout must be at least 0 and below 1, got 2"),
    ],
    ids=str,
)
def test_a_mistake_in_fine_tuning_is_one_clear_line(there: Path, arguments: tuple[object, ...], said: str) -> None:
    assert said in run_badly("train", "--init-from", "mine", "--name", "other", *arguments)


def test_a_batch_that_the_processes_of_torchrun_cannot_share_is_one_clear_line(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("RANK", "0"), ("WORLD_SIZE", "5"), ("MASTER_ADDR", "127.0.0.1"), ("MASTER_PORT", "1")):
        monkeypatch.setenv(name, value)
    said = run_badly("train", "--corpus", "tale", "--batch-size", 12)
    assert "A batch of 12 windows cannot be shared evenly by 5 processes; choose a --batch-size that 5 divides" in said


def test_a_learning_rate_that_is_far_too_high_ends_in_one_clear_line(here: Path) -> None:
    result = run("train", "--corpus", "tale", "--steps", 5, "--learning-rate", "1e30", *SMALL)
    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit)
    last = result.stderr.strip().splitlines()[-1]
    assert last.startswith("error: The loss stopped being a finite number at step 2")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--checkpoint", "yours"), "No checkpoint 'yours': expected one of mine, or a path to a card."),
        (("--checkpoint", ""), "No checkpoint ''"),
        (("--checkpoint", "[bold]yours[/bold]"), "No checkpoint '[bold]yours[/bold]'"),
        (("--prompt", "Ω"), "The text holds 1 character that this vocabulary of"),
        (("--prompt", ""), "The prompt is empty"),
        (("--temperature", -1), "Temperature must be 0 (always the likeliest token) or a number"),
        (("--temperature", "nan"), "got nan"),
        (("--temperature", "1e-50"), "got 1e-50"),
        (("--top-k", 0), "Top-k must be a whole number of tokens, at least 1, got 0"),
        (("--top-k", 1000), "Top-k asks for 1000 tokens but the vocabulary has"),
        (("--top-p", 0), "Top-p must be above 0 and at most 1, got 0"),
        (("--top-p", 1.5), "Top-p must be above 0 and at most 1, got 1.5"),
        (("--context-length", 17), "Context length must be from 1 to this model's 16, got 17"),
        (("--length", -1), "Length must be 0 or more tokens, got -1"),
        (("--seed", -(2**63) - 1), "A seed must be"),
    ],
    ids=str,
)
def test_a_mistake_in_generating_is_one_clear_line(there: Path, arguments: tuple[object, ...], said: str) -> None:
    named = () if "--checkpoint" in arguments else ("--checkpoint", "mine")
    assert said in run_badly("generate", *named, *arguments)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("evaluate", "--checkpoint", "yours"), "No checkpoint 'yours'"),
        (("evaluate", "--checkpoint", "mine", "--corpus", "bible"), "There is no corpus 'bible'"),
        (("evaluate", "--checkpoint", "mine", "--text", "nowhere.txt"), "The text nowhere.txt cannot be read"),
        (("evaluate", "--checkpoint", "mine", "--text", "tiny.txt"), "has 1 tokens; at least 2 are needed"),
        (("corpora", "--fetch", "bible"), "There is no corpus 'bible'"),
        (("checkpoints", "--show", "yours"), "No checkpoint 'yours'"),
    ],
    ids=str,
)
def test_a_mistake_in_the_other_commands_is_one_clear_line(
    there: Path, arguments: tuple[object, ...], said: str
) -> None:
    Path("tiny.txt").write_text("abcdefghi")
    assert said in run_badly(*arguments)


def test_a_card_without_a_corpus_asks_for_one(there: Path) -> None:
    card = json.loads(Path("checkpoints/mine.json").read_text())
    del card["corpus"]
    Path("elsewhere").mkdir()
    Path("elsewhere/mine.json").write_text(json.dumps(card))
    Path("elsewhere/mine.safetensors").write_bytes(Path("checkpoints/mine.safetensors").read_bytes())
    said = run_badly("evaluate", "--checkpoint", "elsewhere/mine")
    assert "names no corpus; say --corpus NAME or --text FILE" in said


def test_a_broken_card_in_the_list_is_named(here: Path) -> None:
    Path("checkpoints").mkdir()
    Path("checkpoints/torn.json").write_text('{"format": 1')
    assert "The card torn.json is not readable JSON" in run_badly("checkpoints")
