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
        (("--text", "latin1.txt"), "latin1.txt is not UTF-8 text (byte 2 cannot be read)"),
        (("--text", "empty.txt"), "needs at least one character"),
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
        (("--resume",), "runs/gpt-tiny.safetensors holds no run to resume"),
    ],
    ids=str,
)
def test_a_mistake_in_training_is_one_clear_line(here: Path, arguments: tuple[object, ...], said: str) -> None:
    Path("latin1.txt").write_bytes("así".encode("latin-1"))
    Path("empty.txt").write_text("")
    Path("short.txt").write_text("too short\n")
    corpus = () if "--text" in arguments or "--corpus" in arguments else ("--corpus", "tale")
    line = run_badly("train", *corpus, *arguments)
    assert said in line
    assert not Path("runs").exists()


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
