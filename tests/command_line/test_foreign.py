"""`checkpoints add`: a foreign model, stored, gives the logits it gave at home; every mistake is one sentence."""

from __future__ import annotations

import errno
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from explorer.models.checkpoints import load_checkpoint
from explorer.models.foreign import file_digest
from tests.command_line.runner import run_badly, run_well
from tests.foreign_models import (
    LETTERS,
    TEXT,
    assert_same_logits,
    byte_level,
    edit_config,
    leave_pickles_only,
    save_gpt2,
    save_meta,
    save_nanogpt,
    save_safetensors,
)


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("shards", ["1GB", "20KB"])
def test_a_folder_of_transformers_gives_its_logits_after_it_was_added(here: Path, tied: bool, shards: str) -> None:
    theirs = save_gpt2(here / "theirs", tie_word_embeddings=tied, layer_norm_epsilon=1e-3, max_shard_size=shards)
    assert (here / "theirs" / "model.safetensors").exists() == (shards == "1GB")
    said = run_well("checkpoints", "add", here / "theirs", "--name", "mine").stderr
    assert "2 layers × 4 heads, 16 positions, 280 tokens" in " ".join(said.split())
    assert_same_logits("mine", theirs)


def test_an_added_model_is_listed_shown_and_can_write(here: Path) -> None:
    save_gpt2(here / "theirs")
    (here / "theirs" / "README.md").write_text("---\nlanguage: en\nlicense: mit\n---\n# A model\n")
    run_well("checkpoints", "add", here / "theirs")
    assert "theirs" in run_well("checkpoints").stdout
    card = json.loads(run_well("checkpoints", "--show", "theirs").stdout)
    assert (card["licence"], card["architecture"], "losses" in card) == ("mit", "gpt", False)
    assert card["source"]["files"]["model.safetensors"] == file_digest(here / "theirs" / "model.safetensors")
    assert "tokenizer.json" in card["source"]["files"]
    written = run_well("generate", "--checkpoint", "theirs", "--prompt", "the cat", "--length", 20).stdout
    assert written.startswith("the cat")


def test_its_tokens_are_those_of_its_own_tokenizer(here: Path) -> None:
    save_gpt2(here / "theirs")
    run_well("checkpoints", "add", here / "theirs", "--name", "mine")
    ours = load_checkpoint("mine").tokenizer
    assert ours.encode(TEXT) == byte_level().encode(TEXT).ids
    assert ours.decode(ours.encode(TEXT)) == TEXT


def test_half_precision_is_half_the_bytes_and_nearly_the_same(here: Path) -> None:
    theirs = save_gpt2(here / "theirs")
    run_well("checkpoints", "add", here / "theirs", "--name", "half", "--dtype", "float16", "--out", here / "other")
    stored = load_file(here / "other" / "half.safetensors")
    assert {tensor.dtype for tensor in stored.values()} == {torch.float16}
    assert_same_logits(str(here / "other" / "half"), theirs, atol=0.05)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("prefix", ["", "_orig_mod."])
def test_a_nanogpt_gives_its_logits_with_and_without_biases(here: Path, bias: bool, prefix: str) -> None:
    theirs = save_nanogpt(here / "out-letters" / "ckpt.pt", bias=bias, prefix=prefix)
    run_well("checkpoints", "add", here / "out-letters" / "ckpt.pt")
    assert_same_logits("out-letters", theirs)
    loaded = load_checkpoint("out-letters")
    assert loaded.tokenizer.decode(list(range(len(LETTERS)))) == LETTERS
    assert (loaded.card["source"]["iter_num"], loaded.model.config.gelu) == (250, "exact")


def test_the_table_of_characters_is_found_where_nanogpt_leaves_it(here: Path) -> None:
    save_nanogpt(here / "out" / "ckpt.pt", meta=False)
    save_meta(here / "data" / "shakespeare_char" / "meta.pkl")
    run_well("checkpoints", "add", here / "out", "--name", "mine")
    assert load_checkpoint("mine").tokenizer.encode("abc") == [LETTERS.index(c) for c in "abc"]


def test_rows_that_only_fill_a_vocabulary_up_are_left_out_and_said(here: Path) -> None:
    theirs = save_nanogpt(here / "out" / "ckpt.pt", vocab_size=64)
    said = run_well("checkpoints", "add", here / "out", "--name", "mine").stderr
    assert f"Left out {64 - len(LETTERS)} rows" in said
    assert_same_logits("mine", theirs)
    assert load_checkpoint("mine").card["source"]["padding_left_out"] == 64 - len(LETTERS)


class Instructions:
    """What a pickle that runs code looks like: loading it would make the file."""

    def __init__(self, file: Path):
        self.file = file

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return Path.touch, (self.file,)


def test_a_checkpoint_with_code_in_it_is_refused_and_the_code_not_run(here: Path) -> None:
    save_nanogpt(here / "ckpt.pt", config=Instructions(here / "was-run"))
    assert "could run code, so it is not read" in run_badly("checkpoints", "add", here / "ckpt.pt", "--name", "x")
    assert not (here / "was-run").exists()


def cut(folder: Path) -> None:
    whole = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(whole[: len(whole) // 2])


def without(folder: Path) -> None:
    tensors = load_file(folder / "model.safetensors")
    tensors.pop("transformer.h.1.attn.c_attn.bias")
    save_safetensors(folder / "model.safetensors", tensors)


def not_a_number(folder: Path) -> None:
    tensors = load_file(folder / "model.safetensors")
    tensors["transformer.h.1.attn.c_attn.bias"][3] = float("nan")
    save_safetensors(folder / "model.safetensors", tensors)


WRONG_FOLDERS: list[tuple[Callable[[Path], object], str]] = [
    (leave_pickles_only, "only as a Python pickle (pytorch_model.bin), which could run code"),
    (lambda f: (f / "model.safetensors").unlink(), "has no weights: expected model.safetensors"),
    (cut, "model.safetensors is broken or cut short"),
    (
        without,
        "wants blocks.1.attention.query_key_value.bias as (96,) floating-point numbers, the weights have nothing",
    ),
    (not_a_number, "blocks.1.attention.query_key_value.bias holds a number that is not finite"),
    (lambda f: (f / "config.json").write_text("{"), "config.json is broken JSON"),
    (lambda f: (f / "config.json").write_text("[]"), "config.json must be a JSON object"),
    (lambda f: (f / "tokenizer.json").unlink(), "no tokenizer to read"),
    (lambda f: (f / "tokenizer.json").write_text("{}"), "JSON, but not of a tokenizer"),
    (lambda f: byte_level(270).save(str(f / "tokenizer.json")), "weights have 280 tokens, its tokenizer has 270"),
    (lambda f: byte_level(285).save(str(f / "tokenizer.json")), "weights have 280 tokens, its tokenizer has 285"),
    (lambda f: edit_config(f, model_type="llama"), "of the family 'llama'; supported are the GPT-2 family"),
    (lambda f: edit_config(f, n_inner=100), "n_inner = 100, which our GPT cannot represent"),
    (lambda f: edit_config(f, activation_function="relu"), "activation_function = 'relu', which our GPT cannot"),
    (lambda f: edit_config(f, scale_attn_by_inverse_layer_idx=True), "scale_attn_by_inverse_layer_idx = True, which"),
    (lambda f: edit_config(f, scale_attn_weights=False), "scale_attn_weights = False, which our GPT cannot"),
    (lambda f: edit_config(f, add_cross_attention=True), "add_cross_attention = True, which our GPT cannot"),
    (lambda f: edit_config(f, quantization_config={"bits": 4}), "quantization_config"),
    (lambda f: edit_config(f, n_head=5), "describes no model: d_model is cut into n_heads equal heads"),
    (lambda f: edit_config(f, n_layer=10**9), "config has 1000000000 layers, the weights have 2"),
    (lambda f: edit_config(f, n_positions=10**15), "wants position_embedding.weight as (1000000000000000, 32)"),
]


@pytest.mark.parametrize(("spoil", "said"), WRONG_FOLDERS, ids=[said[:30] for _, said in WRONG_FOLDERS])
def test_a_folder_that_cannot_be_used_is_refused_for_what_is_wrong_with_it(
    here: Path, spoil: Callable[[Path], object], said: str
) -> None:
    save_gpt2(here / "theirs")
    spoil(here / "theirs")
    assert said in run_badly("checkpoints", "add", here / "theirs", "--name", "mine")
    assert not list((here / "checkpoints").glob("*")) if (here / "checkpoints").exists() else True


def broken_archive(path: Path) -> None:
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])


WRONG_FILES: list[tuple[Callable[[Path], object], str]] = [
    (broken_archive, "ckpt.pt is broken or cut short"),
    (lambda p: p.write_text("hello"), "ckpt.pt is no file that PyTorch saves"),
    (lambda p: torch.save({"a": 1}, p), "is not a nanoGPT checkpoint: it lacks `model` and `model_args`"),
    (lambda p: torch.save({"model": {}, "model_args": {}}, p), "model_args of ckpt.pt describe no model"),
    (lambda p: p.with_name("meta.pkl").unlink(), "no meta.pkl or meta.json with ckpt.pt"),
    (lambda p: p.with_name("meta.pkl").write_bytes(b"\x80\x04c"), "meta.pkl is no character table"),
    (lambda p: save_meta(p.with_name("meta.pkl"), "abc"), "weights have 13 tokens, its character table has 3"),
]


@pytest.mark.parametrize(("spoil", "said"), WRONG_FILES, ids=[said[:30] for _, said in WRONG_FILES])
def test_a_nanogpt_file_that_cannot_be_used_is_refused_for_what_is_wrong_with_it(
    here: Path, spoil: Callable[[Path], object], said: str
) -> None:
    save_nanogpt(here / "out" / "ckpt.pt")
    spoil(here / "out" / "ckpt.pt")
    assert said in run_badly("checkpoints", "add", here / "out", "--name", "mine")


@pytest.mark.parametrize("name", ["../mine", "a/b", "..", ".hidden", "", "mine.tokenizer", "x" * 200])
def test_a_name_that_is_more_than_a_file_name_is_refused(here: Path, name: str) -> None:
    save_gpt2(here / "theirs")
    if name:
        assert "is a file name of letters" in run_badly("checkpoints", "add", here / "theirs", "--name", name)
    for source in ("../nothing", "a/b/c", "out/ckpt.pt"):
        assert "no file or folder" in run_badly("checkpoints", "add", source, "--name", "x")


def test_a_checkpoint_that_is_there_is_never_overwritten(here: Path) -> None:
    save_gpt2(here / "theirs")
    run_well("checkpoints", "add", here / "theirs")
    before = (here / "checkpoints" / "theirs.json").read_bytes()
    assert "There is already" in run_badly("checkpoints", "add", here / "theirs")
    assert (here / "checkpoints" / "theirs.json").read_bytes() == before


def test_a_full_disk_is_one_sentence_and_leaves_nothing(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_gpt2(here / "theirs")

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    assert "The disk is full" in run_badly("checkpoints", "add", here / "theirs", "--name", "mine")
    assert list((here / "checkpoints").iterdir()) == []


def test_a_tokenizer_may_be_given(here: Path) -> None:
    theirs = save_gpt2(here / "theirs")
    shutil.move(here / "theirs" / "tokenizer.json", here / "mine.json")
    run_well("checkpoints", "add", here / "theirs", "--name", "mine", "--tokenizer", here / "mine.json")
    assert_same_logits("mine", theirs)
