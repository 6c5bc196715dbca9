"""Models as other programs save them, small: transformers' folder and nanoGPT's ckpt.pt, with their tokenizers."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from tokenizers import ByteLevelBPETokenizer
from torch import Tensor
from transformers import GPT2Config, GPT2LMHeadModel

from explorer.models.checkpoints import load_checkpoint

TEXT = "the cat sat on the mat and the dog sat on the log; that cat is fat, isn't it? ñandú " * 8
LETTERS = "\n !abcdefghij"


def byte_level(vocab_size: int = 280, special: tuple[str, ...] = ("<|endoftext|>",)) -> ByteLevelBPETokenizer:
    """A byte-level vocabulary in GPT-2's numbering: bytes, merges, then the special tokens."""
    learned = ByteLevelBPETokenizer()
    learned.train_from_iterator([TEXT], vocab_size=vocab_size - len(special), show_progress=False)
    learned.add_special_tokens(list(special))
    return learned


def random_gpt2(vocab_size: int, **options: Any) -> GPT2LMHeadModel:
    """Two layers whose weights, biases among them, are large enough that a wrong sign or scale shows."""
    torch.manual_seed(0)
    sizes = {"n_positions": 16, "n_embd": 32, "n_layer": 2, "n_head": 4, "bos_token_id": 0, "eos_token_id": 0}
    model = GPT2LMHeadModel(GPT2Config(vocab_size=vocab_size, **{**sizes, **options})).eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    return model


def save_gpt2(folder: Path, **options: Any) -> GPT2LMHeadModel:
    """A folder as transformers writes it, with its tokenizer.json."""
    learned = byte_level()
    shard = options.pop("max_shard_size", "1GB")
    model = random_gpt2(options.pop("vocab_size", learned.get_vocab_size()), **options)
    model.save_pretrained(folder, max_shard_size=shard)
    learned.save(str(folder / "tokenizer.json"))
    return model


def edit_config(folder: Path, **changes: Any) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def nanogpt_state(model: GPT2LMHeadModel, *, bias: bool, prefix: str = "") -> dict[str, Tensor]:
    """The weights under nanoGPT's names, where matrices are an nn.Linear's: (out, in)."""
    state = {}
    for name, tensor in model.state_dict().items():
        if bias or not name.endswith(".bias"):
            is_matrix = ".c_" in name and name.endswith(".weight")
            state[prefix + name] = tensor.T.contiguous() if is_matrix else tensor.clone()
    return state


def save_nanogpt(
    path: Path, *, vocab_size: int = len(LETTERS), bias: bool = True, prefix: str = "", meta: bool = True, **extra: Any
) -> GPT2LMHeadModel:
    """A `ckpt.pt` as nanoGPT's train.py writes it, with meta.pkl beside it; returns the same model in transformers."""
    model = random_gpt2(vocab_size, activation_function="gelu")
    if not bias:
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                if name.endswith(".bias"):
                    parameter.zero_()
    options = {"n_layer": 2, "n_head": 4, "n_embd": 32, "block_size": 16, "bias": bias}
    state = nanogpt_state(model, bias=bias, prefix=prefix)
    saved = {
        "model": state,
        "optimizer": {"state": {0: {"exp_avg": torch.zeros(3)}}, "param_groups": []},
        "model_args": {**options, "vocab_size": vocab_size, "dropout": 0.0},
        "iter_num": 250,
        "best_val_loss": torch.tensor(1.5),
        "config": {"dataset": "shakespeare_char", "out_dir": "out"},
        **extra,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(saved, path)
    if meta:
        save_meta(path.with_name("meta.pkl"))
    return model


def save_meta(path: Path, letters: str = LETTERS) -> None:
    """The table as nanoGPT's data/shakespeare_char/prepare.py pickles it."""
    table = {
        "stoi": {c: i for i, c in enumerate(letters)},
        "itos": dict(enumerate(letters)),
        "vocab_size": len(letters),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pickle.dumps(table))


def save_safetensors(path: Path, tensors: dict[str, Tensor]) -> None:
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, path)


def leave_pickles_only(folder: Path) -> None:
    """Take the safetensors away and leave what runs code."""
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(b"\x80\x02")


def assert_same_logits(name: str, theirs: GPT2LMHeadModel, atol: float = 1e-5) -> None:
    """The checkpoint of this name computes what the other model does."""
    ours = load_checkpoint(name)
    V = ours.model.config.vocab_size
    ids = torch.randint(V, (3, 16), generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        torch.testing.assert_close(ours.model(ids), theirs(ids).logits[..., :V], atol=atol, rtol=1e-4)
