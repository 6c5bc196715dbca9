"""GPT inside on other models: long contexts, many tokens, other architectures; what a model lacks is said in place."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from explorer.inspection.attention import head_stages, trace_attention
from explorer.models import cards
from explorer.models.checkpoints import save_checkpoint
from explorer.models.decoder import Decoder, DecoderConfig
from explorer.models.gpt import GPT, GPTConfig
from explorer.models.language_model import LanguageModel
from explorer.models.modern import Modern, ModernConfig
from explorer.text.tokenizers import CharTokenizer
from explorer.ui.sections.gpt import MOST_ROWS, next_rows, pattern_rows
from tests.pages.driving import Drawn, chart, choose, component, go, matrices, open_page, words

PAGE = "pages/gpt_inside.py"
PARTS = ("1 Heads", "2 One head", "3 Values")
LONG = "".join(np.random.default_rng(5).choice(list("abcdefgh"), 400))


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setattr(cards, "FOLDER", tmp_path)
    return tmp_path


def save(folder: Path, model: LanguageModel, architecture: str, letters: str = "abcdefgh") -> LanguageModel:
    save_checkpoint(folder / "a-model", model, CharTokenizer.from_text(letters), architecture=architecture, facts={})
    return model.eval()


def many_letters(n: int) -> str:
    return "abcdefgh" + "".join(chr(0x4E00 + i) for i in range(n - 8))


def long_model(folder: Path) -> LanguageModel:
    """Twelve heads in a row, 400 positions, 5,000 tokens: everything that has to be cut to a screen."""
    torch.manual_seed(2)
    shape: dict[str, Any] = {"vocab_size": 5000, "context_length": 400, "n_layers": 2, "n_heads": 12, "d_model": 48}
    return save(folder, GPT(GPTConfig(**shape)), "gpt", many_letters(5000))


def test_a_long_prompt_is_cut_to_the_screen_and_a_place_of_the_map_is_zoomed_in_exactly(folder: Path) -> None:
    model = long_model(folder)
    at = open_page(PAGE, address={"prompt": LONG, "gpt_part": "2 One head", "head": "15-0-0"})
    assert not at.error
    (whole,) = matrices(at, "gpt_zoom")
    assert whole.values.shape == (100, 100)  # 400 tokens in blocks of 4
    choose(at, "gpt_zoom", 0, 50, 20)
    ids = [("abcdefgh").index(c) for c in LONG]
    stages = head_stages(trace_attention(model, ids), 1, 3)
    dot, _, _, pattern, mixed = matrices(at, "gpt_stages")
    rows, columns = slice(168, 232), slice(48, 112)  # 32 to each side of 200 and of 80
    assert "Rows 168 to 231, columns 48 to 111." in words(at)
    np.testing.assert_allclose(dot.values, stages.dot[rows, columns], atol=1e-4)
    np.testing.assert_allclose(pattern.values, stages.pattern[rows, columns], atol=1e-6)
    np.testing.assert_allclose(mixed.values, stages.mixed[rows], atol=1e-5)
    choose(at, "gpt_stages", 3, 10, 5)
    assert "query 178 " in words(at)
    assert "key 53 " in words(at)
    assert ": equal to rounding" in words(at)


def test_the_window_of_the_arcs_moves_and_the_page_sends_no_more_than_a_screen_shows(folder: Path) -> None:
    model = long_model(folder)
    at = open_page(PAGE, address={"prompt": LONG})
    wall = component(at, "gpt_wall")
    assert all(one["rows"] <= 64 for one in wall["matrices"])
    at.slider(key="gpt_window").set_value(100)
    go(at)
    arcs = component(at, "gpt_arcs")
    assert arcs["first"] == 100
    assert arcs["onlyLayer"] in (0, None)
    assert len(arcs["tokens"]) == 128
    sizes = [len(c.proto.json) for c in at.get("bidi_component")]
    assert sum(sizes) < 1_500_000
    drawn = chart(at, "gpt_next")
    assert len(drawn["yAxis"]["data"]) == 13
    with torch.no_grad():
        ids = [("abcdefgh").index(c) for c in LONG]
        best = model(torch.tensor([ids]))[0, -1].softmax(-1).max()
    assert drawn["series"][0]["data"][0]["value"] == pytest.approx(float(best), abs=1e-5)


def test_a_step_of_a_long_prompt_is_shown_in_a_window_of_tokens(folder: Path) -> None:
    long_model(folder)
    at = open_page(PAGE, address={"prompt": LONG, "gpt_part": "3 Values"})
    at.slider(key="gpt_first_token").set_value(300)
    go(at)
    assert all(one.values.shape == (48, 48) for one in matrices(at, "gpt_values"))
    choose(at, "gpt_values", 2, 5, 7)
    assert "token 305 “" in words(at)
    assert ": equal to rounding" in words(at)
    choose(at, "gpt_steps", len(component(at, "gpt_steps")["matrices"]) - 1, 0, 0)
    assert "Of 5,000 next tokens the 96 likeliest" in words(at)


def test_the_table_of_weights_is_that_of_the_open_head_where_all_would_be_too_many(folder: Path) -> None:
    long_model(folder)
    at = open_page(PAGE, address={"prompt": LONG, "head": "13-0-0"})
    shown = at.session_state["_gpt_shown"]
    rows = pattern_rows(shown)
    assert len(rows) == 400 * 401 // 2 <= MOST_ROWS
    assert {row[:2] for row in rows} == {(1, 1)}
    assert sum(row[-1] for row in rows) == pytest.approx(400, abs=1e-2)
    assert len(next_rows(shown)) == 5000
    csv.writer(io.StringIO()).writerows(rows[:5])


SMALL: dict[str, Any] = {"vocab_size": 8, "context_length": 16, "n_layers": 2, "n_heads": 2, "d_model": 8}
MODELS: dict[str, Any] = {
    "head alone": (
        Decoder,
        DecoderConfig,
        "decoder",
        {"projection": False, "feed_forward": False, "residual": False, "norm": "none", "n_layers": 1},
    ),
    "block": (Decoder, DecoderConfig, "decoder", {}),
    "post-norm": (Decoder, DecoderConfig, "decoder", {"norm": "post"}),
    "modern": (Modern, ModernConfig, "modern", {"silent_start": False}),
    "plain modern": (Modern, ModernConfig, "modern", {"norm": "layer", "positions": "learned", "silent_start": False}),
}


@pytest.mark.parametrize("name", MODELS)
def test_every_part_works_on_other_models_or_says_what_they_lack(name: str, folder: Path) -> None:
    make, config, architecture, options = MODELS[name]
    torch.manual_seed(1)
    save(folder, make(config(**SMALL | options)), architecture)
    at = open_page(PAGE, address={"prompt": "beachhead"})
    assert not at.error
    at.session_state["gpt_part"] = "2 One head"
    go(at)
    said = "\n".join(str(error.value) for error in at.error)
    assert ("normalises the stream after every sublayer" in said) == (name == "post-norm")
    assert len(at.error) == (name == "post-norm")
    at.session_state["gpt_part"] = "3 Values"
    go(at)
    assert not at.error
    lacks = words(at)
    assert ("turned by it instead (rotary positions)" in lacks) == (name == "modern")
    assert ("has no feed-forward layers" in lacks) == (name == "head alone")
    for number in range(len(component(at, "gpt_steps")["matrices"])):
        choose(at, "gpt_steps", number, 0, 0)
        assert ": equal to rounding" in words(at)


def test_a_picture_is_drawn_of_a_single_token(folder: Path) -> None:
    save(folder, GPT(GPTConfig(**SMALL)), "gpt")
    for part in PARTS:
        at = open_page(PAGE, address={"prompt": "a", "gpt_part": part})
        assert not at.error
    drawn: list[Drawn] = matrices(at, "gpt_values")
    assert all(one.values.shape == (1, 8) for one in drawn)
