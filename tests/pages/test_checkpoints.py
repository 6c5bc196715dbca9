"""Pages with other checkpoints than the shipped one: none, damaged, smaller, without attention, replaced."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from explorer.inspection.ablation import read_next
from explorer.models import cards
from explorer.models.bigram import Bigram, BigramConfig
from explorer.models.checkpoints import save_checkpoint
from explorer.models.gpt import GPT, GPTConfig
from explorer.text.tokenizers import CharTokenizer
from tests.pages.driving import bars, chart, component, go, matrices, open_page, problems

PAGE = "pages/gpt_inside.py"


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A folder for checkpoints in place of the shipped one, empty."""
    monkeypatch.setattr(cards, "FOLDER", tmp_path)
    return tmp_path


SHIPPED = cards.FOLDER


def test_no_checkpoint_at_all_is_one_sentence(folder: Path) -> None:
    assert "no trained weights" in problems(open_page(PAGE))[0]


@pytest.mark.parametrize("page", [PAGE, "pages/generate.py"])
@pytest.mark.parametrize("damage", ["truncated", "flipped", "missing", "no card"])
def test_a_damaged_checkpoint_is_one_sentence_in_place(damage: str, page: str, folder: Path) -> None:
    for suffix in (".json", ".safetensors"):
        shutil.copy(SHIPPED / f"shakespeare-gpt{suffix}", folder)
    weights = folder / "shakespeare-gpt.safetensors"
    content = bytearray(weights.read_bytes())
    if damage == "truncated":
        weights.write_bytes(content[: len(content) // 2])
    elif damage == "flipped":
        content[-1] ^= 1
        weights.write_bytes(content)
    elif damage == "missing":
        weights.unlink()
    else:
        (folder / "shakespeare-gpt.json").write_text("{")
    at = open_page(page)
    assert len(problems(at)) == 1
    assert "shakespeare-gpt" in problems(at)[0]
    assert not at.get("bidi_component")
    assert {"Try this", "The code"} <= {s.value for s in at.subheader}


def tiny_checkpoints(folder: Path) -> None:
    """A GPT of two layers of two heads, and a bigram table, which has no attention; both read eight letters."""
    tokenizer = CharTokenizer.from_text("abcdefgh")
    V = tokenizer.vocab_size
    tiny = GPT(GPTConfig(vocab_size=V, context_length=8, n_layers=2, n_heads=2, d_model=8))
    save_checkpoint(folder / "a-tiny", tiny, tokenizer, architecture="gpt", facts={})
    save_checkpoint(folder / "b-table", Bigram(BigramConfig(V)), tokenizer, architecture="bigram", facts={})


def test_a_model_without_attention_is_not_offered_here_but_writes_on_the_other_page(folder: Path) -> None:
    tiny_checkpoints(folder)
    at = open_page(PAGE, address={"prompt": "beach"})
    assert at.selectbox(key="checkpoint").options == ["a-tiny"]
    assert len(matrices(at, "gpt_wall")) == 4
    go(at.switch_page("pages/generate.py"))
    at.selectbox(key="checkpoint").set_value("b-table")
    go(at)
    assert not at.error
    assert component(at, "generate_stages")["ids"]
    go(at.switch_page(PAGE))
    assert not at.error
    assert len(matrices(at, "gpt_wall")) == 4


def test_a_context_chosen_for_a_longer_model_is_brought_down_for_a_shorter_one(folder: Path) -> None:
    tiny_checkpoints(folder)
    at = open_page("pages/generate.py", address={"prompt": "beach"}, context=200)
    assert not at.error
    assert at.slider(key="context").value == 8


def test_a_checkpoint_that_is_replaced_is_loaded_anew(folder: Path) -> None:
    tiny_checkpoints(folder)
    at = open_page(PAGE, address={"prompt": "beach"})
    before = bars(chart(at, "gpt_next")["series"][0])
    torch.manual_seed(1)
    tokenizer = CharTokenizer.from_text("abcdefgh")
    other = GPT(GPTConfig(vocab_size=8, context_length=8, n_layers=2, n_heads=2, d_model=8))
    torch.nn.init.normal_(other.get_submodule("blocks.0.attention").projection.weight)  # type: ignore[union-attr, arg-type]
    save_checkpoint(folder / "a-tiny", other, tokenizer, architecture="gpt", facts={})
    expected = read_next(other.eval(), tokenizer.encode("beach")).probabilities
    drawn = bars(chart(go(at), "gpt_next")["series"][0])
    assert drawn == pytest.approx(np.sort(expected)[::-1], abs=1e-5)
    assert not np.array_equal(drawn, before)
