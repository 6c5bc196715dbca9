"""Checkpoints: what is saved comes back, and whatever is not a whole, matching checkpoint is refused by name."""

from __future__ import annotations

import hashlib
import io
import json
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load as load_tensors

from explorer.models import cards
from explorer.models.bigram import Bigram, BigramConfig
from explorer.models.checkpoints import CheckpointError, load_checkpoint, save_checkpoint
from explorer.text.tokenizers import CharTokenizer
from tests.models.test_gpt import tiny_gpt

LETTERS = CharTokenizer("abcdefghijklm")


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """The card of a small GPT's checkpoint in a folder of its own."""
    return save_checkpoint(tmp_path / "small", tiny_gpt(), LETTERS, architecture="gpt", facts={"seed": 7})


def edit_card(card_path: Path, **changes: Any) -> None:
    """Change fields of the card; a value of None takes the field away."""
    card = json.loads(card_path.read_text()) | changes
    card_path.write_text(json.dumps({name: value for name, value in card.items() if value is not None}))


def replace_weights(card_path: Path, content: bytes) -> None:
    """Other bytes for weights, and a card that vouches for them."""
    card_path.with_suffix(".safetensors").write_bytes(content)
    edit_card(card_path, weights={"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)})


def refusal(card_path: Path) -> str:
    """What is said of a checkpoint that must not load: one line."""
    with pytest.raises(CheckpointError) as caught:
        load_checkpoint(card_path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("tie_weights", [True, False])
@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 0.0), ("float16", 1e-3), ("bfloat16", 1e-2)])
def test_weights_come_back_exactly_in_float32_and_closely_in_half(
    tmp_path: Path, dtype: str, tolerance: float, tie_weights: bool
) -> None:
    model = tiny_gpt(tie_weights=tie_weights)
    card = save_checkpoint(tmp_path / "a", model, LETTERS, architecture="gpt", facts={}, dtype=dtype)
    loaded = load_checkpoint(card)
    expected = model.state_dict()
    assert loaded.model.state_dict().keys() == expected.keys()
    for name, tensor in loaded.model.state_dict().items():
        assert tensor.dtype == torch.float32
        torch.testing.assert_close(tensor, expected[name], atol=tolerance, rtol=tolerance)
    assert not loaded.model.training
    assert loaded.tokenizer == LETTERS
    assert loaded.model.config == model.config


def test_a_bigram_with_impossible_pairs_comes_back_too(tmp_path: Path) -> None:
    model = Bigram.from_counts(torch.tensor([[0, 1], [1, 1]]))
    card = save_checkpoint(tmp_path / "pairs", model, CharTokenizer("ab"), architecture="bigram", facts={})
    assert torch.equal(load_checkpoint(card).model.state_dict()["table"], model.table.detach())


def test_tied_weights_are_stored_once_and_are_tied_again_when_loaded(saved: Path) -> None:
    stored = load_tensors(saved.with_suffix(".safetensors").read_bytes())
    assert {name for name in stored if "embedding" in name} == {"position_embedding.weight", "token_embedding.weight"}
    assert sum(tensor.numel() for tensor in stored.values()) == json.loads(saved.read_text())["parameters"]
    model: Any = load_checkpoint(saved).model
    assert model.unembedding.weight is model.token_embedding.weight


def test_the_card_holds_the_facts_and_the_hash_of_the_weights(saved: Path) -> None:
    card = json.loads(saved.read_text())
    weights = saved.with_suffix(".safetensors").read_bytes()
    assert (card["name"], card["architecture"], card["seed"]) == ("small", "gpt", 7)
    assert card["weights"] == {
        "sha256": hashlib.sha256(weights).hexdigest(),
        "bytes": len(weights),
        "dtype": "float32",
    }
    assert card["config"]["n_heads"] == 4
    assert load_checkpoint(saved).card == card


def test_saving_leaves_two_files_and_nothing_half_written(tmp_path: Path) -> None:
    for _ in range(2):
        save_checkpoint(tmp_path / "new" / "a", tiny_gpt(), LETTERS, architecture="gpt", facts={})
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["a.json", "a.safetensors"]


def test_a_write_that_fails_leaves_the_old_file_whole_and_nothing_beside_it(
    saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full_disk(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full_disk)
    with pytest.raises(OSError, match="No space left"):
        save_checkpoint(saved.with_name("small"), tiny_gpt(1), LETTERS, architecture="gpt", facts={})
    assert sorted(path.name for path in saved.parent.iterdir()) == ["small.json", "small.safetensors"]
    assert load_checkpoint(saved).card["seed"] == 7


def test_a_dtype_that_weights_cannot_have_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="float32, float16, bfloat16, got 'int8'"):
        save_checkpoint(tmp_path / "a", tiny_gpt(), LETTERS, architecture="gpt", facts={}, dtype="int8")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("spelling", ["small", "small.json", "small.safetensors"])
def test_a_checkpoint_is_found_by_its_path_with_either_suffix_or_none(saved: Path, spelling: str) -> None:
    assert load_checkpoint(saved.with_name(spelling)).name == "small"
    assert load_checkpoint(str(saved.with_name(spelling))).name == "small"


def test_a_name_with_a_dot_is_not_mistaken_for_the_name_before_the_dot(tmp_path: Path) -> None:
    for name in ("run", "run.2"):
        save_checkpoint(tmp_path / name, tiny_gpt(), LETTERS, architecture="gpt", facts={})
    assert [load_checkpoint(tmp_path / name).name for name in ("run", "run.2")] == ["run", "run.2"]


def test_a_name_is_looked_up_in_the_folder_and_the_shipped_ones_are_listed_first(
    saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cards, "FOLDER", saved.parent)
    save_checkpoint(saved.with_name("shakespeare-gpt"), tiny_gpt(), LETTERS, architecture="gpt", facts={})
    save_checkpoint(saved.with_name("again"), tiny_gpt(), LETTERS, architecture="gpt", facts={})
    assert cards.list_checkpoints() == ["shakespeare-gpt", "again", "small"]
    assert load_checkpoint("small").card["seed"] == 7


@pytest.mark.parametrize("name", ["nowhere", "", ".", "..", "/", "a/b/nowhere.json"])
def test_an_unknown_name_is_answered_with_the_names_there_are(
    name: str, saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cards, "FOLDER", saved.parent)
    assert re.search(r"No checkpoint '.*': expected one of small, or a path", refusal(name))  # type: ignore[arg-type]


@pytest.mark.parametrize("kept", [0, 1, 100, -1])
def test_a_weights_file_cut_short_is_refused(saved: Path, kept: int) -> None:
    weights = saved.with_suffix(".safetensors")
    weights.write_bytes(weights.read_bytes()[:kept])
    assert "cut short" in refusal(saved)


@pytest.mark.parametrize("at", [0, 8, 3000, -1])
def test_one_flipped_bit_is_refused(saved: Path, at: int) -> None:
    weights = saved.with_suffix(".safetensors")
    content = bytearray(weights.read_bytes())
    content[at] ^= 1
    weights.write_bytes(content)
    assert "small.safetensors is damaged: its SHA-256 begins" in refusal(saved)


def test_missing_weights_are_refused(saved: Path) -> None:
    saved.with_suffix(".safetensors").unlink()
    assert "weights that cannot be read: small.safetensors" in refusal(saved)


def as_pickle() -> bytes:
    buffer = io.BytesIO()
    torch.save(tiny_gpt().state_dict(), buffer)
    return buffer.getvalue()


def as_old_pickle() -> bytes:
    buffer = io.BytesIO()
    torch.save(tiny_gpt().state_dict(), buffer, _use_new_zipfile_serialization=False)
    return buffer.getvalue()


def as_zip() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("weights", "x" * 5000)
    return buffer.getvalue()


@pytest.mark.parametrize("disguised", [as_pickle, as_old_pickle, as_zip])
def test_a_pickle_or_an_archive_in_disguise_is_never_read(saved: Path, disguised: Callable[[], bytes]) -> None:
    replace_weights(saved, disguised())
    assert "small.safetensors is a Python pickle" in refusal(saved)


def test_other_bytes_that_the_card_vouches_for_are_still_no_safetensors_file(saved: Path) -> None:
    replace_weights(saved, b"once upon a time there was a file of weights")
    assert "is not a safetensors file" in refusal(saved)


@pytest.mark.parametrize("first_bytes", [b"\x80\x07", b"PK"])
def test_a_safetensors_file_whose_length_looks_like_a_pickle_is_read_all_the_same(
    saved: Path, first_bytes: bytes
) -> None:
    content = saved.with_suffix(".safetensors").read_bytes()
    old_length = int.from_bytes(content[:8], "little")
    length = int.from_bytes(first_bytes, "little")
    while length < old_length:
        length += 2**16
    padded = content[8 : 8 + old_length].ljust(length, b" ")  # the format allows spaces after the header
    replace_weights(saved, length.to_bytes(8, "little") + padded + content[8 + old_length :])
    assert saved.with_suffix(".safetensors").read_bytes().startswith(first_bytes)
    assert load_checkpoint(saved).name == "small"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"architecture": "lstm"}, "names the architecture 'lstm'; this version knows bigram, mlp"),
        ({"architecture": ["gpt"]}, r"names the architecture \['gpt'\]"),
        ({"format": 2}, "is of format 2, this version reads 1"),
        ({"format": None}, "lacks format"),
        ({"config": None, "tokenizer": None}, "lacks config, tokenizer"),
        ({"weights": None}, "lacks weights"),
        ({"weights": "here"}, "must give the weights' bytes and sha256, got here"),
        ({"weights": {"bytes": 5}}, "must give the weights' bytes and sha256"),
        ({"tokenizer": {"kind": "words"}}, "does not describe a model: Expected a tokenizer kind"),
        ({"tokenizer": CharTokenizer("abc").to_json()}, "tokenizer of 3 symbols for a model of 13"),
        ({"config": {"n_head": 4}}, "does not describe a model: .*no option n_head"),
        ({"config": {"n_heads": 4}}, "does not describe a model: .*vocab_size"),
        ({"config": {"vocab_size": "13"}}, "does not describe a model: vocab_size must be"),
        ({"config": 13}, "does not describe a model"),
    ],
)
def test_a_card_that_is_wrong_is_refused_for_what_is_wrong_with_it(
    saved: Path, changes: dict[str, Any], said: str
) -> None:
    edit_card(saved, **changes)
    assert re.search(said, refusal(saved))


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ({"n_layers": 4}, r"blocks.3.attention_norm.weight is missing, expected \(32,\)"),
        ({"n_layers": 2}, r"blocks\.2\.\S+ is not part of the model"),
        ({"context_length": 24}, r"position_embedding.weight is \(12, 32\), expected \(24, 32\)"),
        ({"tie_weights": False}, r"unembedding.weight is missing, expected \(13, 32\)"),
        ({"d_model": 64}, r"token_embedding.weight is \(13, 32\), expected \(13, 64\); .* and \d+ more"),
    ],
)
def test_a_config_that_disagrees_with_the_weights_names_the_tensor(
    saved: Path, option: dict[str, Any], said: str
) -> None:
    config = json.loads(saved.read_text())["config"] | option
    edit_card(saved, config=config)
    assert re.search(f"do not fit the config in small.json: .*{said}", refusal(saved))


def test_a_model_beyond_all_memory_is_a_refusal_not_a_crash(saved: Path) -> None:
    config = json.loads(saved.read_text())["config"] | {"context_length": 2**50}
    edit_card(saved, config=config)
    assert "does not fit into memory" in refusal(saved)


@pytest.mark.parametrize("content", ["", "{", "[]", "null", '"card"', "\x00\x01"])
def test_a_card_that_is_no_json_table_is_refused(saved: Path, content: str) -> None:
    saved.write_text(content)
    assert re.search("The card small.json (is not readable JSON|lacks)", refusal(saved))


def test_a_card_that_is_not_utf8_is_refused(saved: Path) -> None:
    saved.write_bytes(b"\xff\xfe{}")
    assert "is not readable JSON" in refusal(saved)


def test_the_weights_of_another_architecture_are_refused(tmp_path: Path) -> None:
    model = Bigram(BigramConfig(13))
    card = save_checkpoint(tmp_path / "pairs", model, LETTERS, architecture="bigram", facts={})
    edit_card(card, architecture="gpt", config={**vars(tiny_gpt().config)})
    assert "do not fit the config" in refusal(card)
