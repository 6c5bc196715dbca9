"""`python -m explorer` from training to measuring, in an empty folder, as a visitor would type it."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from explorer.models.registry import PRESETS
from explorer.text.batches import split_text
from explorer.text.corpora import CORPORA, load_corpus
from explorer.training import trainer as trainer_module
from tests.command_line.runner import SMALL, run, run_badly, run_well

ROOT = Path(__file__).parents[2]


def test_training_leaves_weights_a_card_and_a_state_and_nothing_else(trained: Path) -> None:
    files = {folder: sorted(path.name for path in (trained / folder).iterdir()) for folder in ("checkpoints", "runs")}
    assert files == {"checkpoints": ["mine.json", "mine.safetensors"], "runs": ["mine.safetensors"]}


def test_the_card_says_how_to_repeat_the_run(trained: Path) -> None:
    card = json.loads((trained / "checkpoints" / "mine.json").read_text())
    tale = load_corpus("tale")
    assert card["corpus"] == {"name": "tale", "kind": "text", "sha256": tale.sha256, "characters": len(tale.text)}
    assert (card["seed"], card["steps"], card["tokens"]) == (1, 6, 6 * 4 * 16)
    assert card["config"]["d_model"] == 8
    assert card["training"]["steps"] == 6
    assert card["command"].startswith("python -m explorer ")
    assert 0 < card["losses"]["validation"] < 1.2 * math.log(card["config"]["vocab_size"])
    assert card["losses"]["curve"] == [[6, card["losses"]["validation"]]]


def test_the_same_seed_generates_the_same_text_and_another_seed_another(there: Path) -> None:
    texts = [
        run_well("generate", "--checkpoint", "mine", "--prompt", "The sea", "--length", 40, "--seed", seed).stdout
        for seed in (1, 1, 2)
    ]
    assert texts[0] == texts[1]
    assert texts[0] != texts[2]
    assert texts[0].startswith("The sea")
    assert len(texts[0]) == len("The sea") + 40 + len("\n")


@pytest.mark.parametrize("named", ["mine", "checkpoints/mine", "checkpoints/mine.json", "checkpoints/mine.safetensors"])
def test_a_checkpoint_is_named_or_pointed_at(there: Path, named: str) -> None:
    assert run_well("generate", "--checkpoint", named, "--length", 3, "--temperature", 0, "--top-k", 5).stdout


def test_evaluating_prints_one_line_of_json_that_agrees_with_the_card(there: Path) -> None:
    result = run_well("evaluate", "--checkpoint", "mine")
    assert result.stdout.count("\n") == 1
    report = json.loads(result.stdout)
    card = json.loads((there / "checkpoints" / "mine.json").read_text())
    assert (report["checkpoint"], report["text"], report["characters_dropped"]) == ("mine", "tale", 0)
    assert report["val_loss"] == pytest.approx(card["losses"]["validation"], abs=1e-4)
    assert report["bits_per_char"] == pytest.approx(report["val_loss"] / math.log(2), abs=1e-5)
    assert report["tokens"] == len(split_text(load_corpus("tale").text).validation) - 1


def test_a_text_file_is_measured_on_its_last_tenth_with_unknown_characters_left_out_if_asked(there: Path) -> None:
    (there / "my.txt").write_text("\ufeff" + "a plain tale of the sea. " * 40 + "ω and ψ, the end")
    said = run_badly("evaluate", "--checkpoint", "mine", "--text", "my.txt")
    assert "2 characters that this vocabulary of" in said
    assert "lacks: ω, ψ." in said
    report = json.loads(run_well("evaluate", "--checkpoint", "mine", "--text", "my.txt", "--drop-unknown").stdout)
    assert report["characters_dropped"] == 2
    assert report["tokens"] == 1016 - int(0.9 * 1016) - 2 - 1


def test_corpora_and_checkpoints_are_listed_by_names_that_can_be_typed(there: Path) -> None:
    listed = run_well("corpora").stdout
    assert [name for name in CORPORA if name not in listed] == []
    (there / "checkpoints" / "a-rather-long-name.json").write_bytes((there / "checkpoints" / "mine.json").read_bytes())
    listed = run_well("checkpoints").stdout
    (there / "checkpoints" / "a-rather-long-name.json").unlink()
    assert "mine" in listed
    assert "a-rather-long-name" in listed
    assert "tale" in listed


def test_a_corpus_that_is_here_is_fetched_without_a_network(here: Path) -> None:
    assert load_corpus("tale").sha256 in run_well("corpora", "--fetch", "tale").stdout


def test_a_card_is_shown_as_json(there: Path) -> None:
    card = json.loads(run_well("checkpoints", "--show", "mine").stdout)
    assert card == json.loads((there / "checkpoints" / "mine.json").read_text())


def test_nothing_trained_yet_is_an_empty_list_not_an_error(here: Path) -> None:
    assert "Checkpoints" in run_well("checkpoints").stdout


LONGER = ("train", "--corpus", "tale", "--steps", 10, "--dropout", 0.2, "--save-every", 4, *SMALL)


def interrupt_after(updates: int, patch: pytest.MonkeyPatch) -> None:
    """Ctrl-C in the middle of the update after `updates` of them."""
    update = trainer_module.Trainer._update

    def interrupted(self: Any) -> Any:
        if self.step == updates:
            raise KeyboardInterrupt
        return update(self)

    patch.setattr(trainer_module.Trainer, "_update", interrupted)


def test_a_run_interrupted_and_resumed_writes_what_an_uninterrupted_one_writes(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(PRESETS["gpt-tiny"].training, "evaluate_every", 2)
    run_well(*LONGER, "--name", "whole")
    with pytest.MonkeyPatch.context() as patch:
        interrupt_after(6, patch)
        stopped = run(*LONGER, "--name", "halves")
    assert stopped.exit_code == 130
    assert "the same command with --resume goes on from step 4." in stopped.stderr
    assert not (here / "checkpoints" / "halves.json").exists()

    run_well(*LONGER, "--name", "halves", "--resume")
    one, other = (json.loads((here / "checkpoints" / f"{name}.json").read_text()) for name in ("whole", "halves"))
    assert one["weights"] == other["weights"]
    assert one["losses"] == other["losses"]
    assert [step for step, _ in one["losses"]["curve"]] == [2, 4, 6, 8, 10]
    assert one["steps"] == other["steps"] == 10


def test_an_interruption_before_the_first_saved_state_says_so(here: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        interrupt_after(2, patch)
        stopped = run(*LONGER, "--name", "short")
    assert stopped.exit_code == 130
    assert "Stopped; no state was saved yet (one is every 4 steps)." in stopped.stderr
    assert "holds no run to resume" in run_badly(*LONGER, "--name", "short", "--resume")


def test_a_state_of_other_settings_is_not_resumed(here: Path) -> None:
    run_well(*LONGER, "--name", "mine")
    said = run_badly(*LONGER, "--name", "mine", "--resume", "--seed", 2)
    assert "runs/mine.safetensors was made with other settings: seed was 1 and is 2." in said
    said = run_badly("train", "--preset", "bigram", "--corpus", "tale", "--name", "mine", "--resume")
    assert "runs/mine.safetensors was made with other settings: architecture was gpt and is bigram, " in said


def test_your_own_text_is_a_corpus(here: Path) -> None:
    Path("mine.txt").write_text("so much depends upon a red wheel barrow. " * 20)
    run_well("train", "--text", "mine.txt", "--name", "barrow", "--steps", 2, "--dtype", "float16", *SMALL)
    card = json.loads(Path("checkpoints/barrow.json").read_text())
    assert card["corpus"]["name"] == "mine.txt"
    assert card["weights"]["dtype"] == "float16"
    run_well("generate", "--checkpoint", "barrow", "--prompt", "so", "--length", 5)


def test_a_bigram_is_trained_with_the_same_command(here: Path) -> None:
    run_well("train", "--preset", "bigram", "--corpus", "tale", "--steps", 3, "--batch-size", 64)
    assert run_well("generate", "--checkpoint", "bigram", "--prompt", "a", "--length", 5).stdout.startswith("a")


def test_help_answers_without_waiting_for_torch() -> None:
    code = (
        "import sys; from typer.testing import CliRunner; from explorer.__main__ import cli; "
        "result = CliRunner().invoke(cli, ['train', '--help']); "
        "print(result.exit_code, 'torch' in sys.modules, '--preset' in result.stdout)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["0", "False", "True"]


def test_a_character_spread_over_tokens_is_written_when_its_last_byte_has_come() -> None:
    from explorer.__main__ import _as_it_comes
    from explorer.core.sampling import SamplingSettings, sampling_stages
    from explorer.models.generation import GeneratedToken
    from explorer.text.bpe import BPETokenizer

    stages = sampling_stages(torch.zeros(256), SamplingSettings())
    tokens = [GeneratedToken(token, 0.5, stages, 1) for token in "a€".encode()]
    assert list(_as_it_comes(BPETokenizer(), tokens)) == ["a", "", "", "€", ""]
    assert "".join(_as_it_comes(BPETokenizer(), tokens[:2])) == "a\N{REPLACEMENT CHARACTER}"
