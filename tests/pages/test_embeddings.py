"""Embeddings & positions draws the numbers of the checkpoint, and answers whatever is typed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from explorer.inspection.embeddings import read_input
from explorer.models.checkpoints import load_checkpoint, save_checkpoint
from explorer.models.mlp import MLP, MLPConfig
from explorer.text.tokenizers import CharTokenizer
from tests.pages.driving import as_shown, chart, choose, go, matrices, open_page, press, problems, words

PAGE = "pages/embeddings.py"


def test_the_three_matrices_are_the_models_and_add_up() -> None:
    loaded = load_checkpoint("shakespeare-gpt")
    reading = read_input(loaded.model, loaded.tokenizer.encode("To be"))
    at = open_page(PAGE, address={"embeddings_prompt": "To be"})
    token, position, total = (one.values for one in matrices(at, "embeddings_input"))
    np.testing.assert_allclose(token + position, total, atol=1e-6)
    np.testing.assert_allclose(total, reading.input[:, :16], atol=1e-6)
    assert matrices(at, "embeddings_input")[0].row_labels == ["T", "o", "␣", "b", "e"]
    choose(at, "embeddings_input", 2, 3, 7)
    value = f"{reading.input[3, 7]:.4f}"
    assert any("x = " in str(latex.value) and value in str(latex.value) for latex in at.latex)


def test_the_window_moves_over_the_channels_and_orders_them_by_how_much_they_vary() -> None:
    at = open_page(PAGE, embeddings_width=8, embeddings_channel=5)
    assert matrices(at, "embeddings_input")[0].column_labels == [str(c) for c in range(5, 13)]
    at = open_page(PAGE, embeddings_order="most varied first", embeddings_width=192)
    spread = matrices(at, "embeddings_input")[2].values.var(axis=0)
    assert (np.diff(spread) <= 1e-3).all()


def test_a_long_prompt_is_seen_part_by_part() -> None:
    at = open_page(PAGE, embeddings_prompt="to be or not to be, that is the question")
    assert matrices(at, "embeddings_input")[0].values.shape[0] == 24
    at.slider(key="embeddings_row").set_value(10)
    assert matrices(go(at), "embeddings_input")[0].row_labels[0] == "o"


@pytest.mark.parametrize("name", ["names-mlp", "names-wavenet", "shakespeare-bigram", "shakespeare-head"])
def test_every_table_of_vectors_is_shown(name: str) -> None:
    at = open_page(PAGE, embeddings_checkpoint=name)
    assert not problems(at)
    assert len(matrices(at, "embeddings_input")) == (2 if name.startswith("names") else 3)
    V = load_checkpoint(name).tokenizer.vocab_size
    assert sum(len(series["data"]) for series in chart(at, "embeddings_scatter")["series"]) == V


def test_a_model_without_vectors_is_answered_in_one_sentence() -> None:
    at = open_page(PAGE, embeddings_checkpoint="names-bigram")
    assert len(problems(at)) == 1
    assert "no table of vectors" in problems(at)[0]


def test_the_neighbours_follow_the_token_and_the_measure() -> None:
    at = open_page(PAGE, embeddings_token="q")
    assert chart(at, "embeddings_neighbours")["yAxis"]["data"][0] == "Q  capital"
    at.segmented_control(key="embeddings_measure").set_value("distance")
    values = [bar["value"] for bar in chart(go(at), "embeddings_neighbours")["series"][0]["data"]]
    assert values == sorted(values)


def test_t_sne_gives_the_same_map_for_the_same_seed_and_names_a_perplexity_that_cannot_be() -> None:
    at = open_page(PAGE, embeddings_checkpoint="names-mlp", embeddings_map="t-SNE", embeddings_perplexity=5)
    first = chart(at, "embeddings_scatter")["series"]
    assert chart(go(at), "embeddings_scatter")["series"] == first
    at.number_input(key="embeddings_perplexity").set_value(500)
    assert any("with 27 tokens choose 1 to 26, got 500" in one for one in problems(go(at)))


def test_the_map_shows_the_components_that_are_chosen() -> None:
    at = open_page(PAGE, embeddings_x=3, embeddings_y=5)
    assert chart(at, "embeddings_scatter")["xAxis"]["name"].startswith("component 3 (")
    assert chart(at, "embeddings_scatter")["yAxis"]["name"].startswith("component 5 (")


def test_one_scheme_alone_is_shown_where_it_is_picked() -> None:
    at = open_page(PAGE, embeddings_scheme="rotary", embeddings_positions=12)
    (only,) = matrices(at, "embeddings_maps")
    assert only.title == "rotary"
    assert only.values.shape == (12, 12)
    at = open_page(PAGE, embeddings_scheme="learned", embeddings_checkpoint="names-mlp")
    assert "learned no positions" in words(at)


def test_the_turned_query_and_key_are_equal_along_diagonals() -> None:
    (scores,) = matrices(open_page(PAGE), "embeddings_rotary")
    n = len(scores.values)
    assert all(np.ptp(np.diagonal(scores.values, d)) < 1e-5 for d in range(1 - n, n))


def test_one_token_is_enough_and_none_is_answered() -> None:
    at = open_page(PAGE, embeddings_prompt="R")
    assert matrices(at, "embeddings_input")[0].values.shape[0] == 1
    assert any("two different tokens" in one for one in problems(at))
    at = open_page(PAGE, embeddings_prompt="")
    assert not problems(at)
    assert "at least one character" in words(at)


@pytest.mark.parametrize("text", ["smile 😀", "<script>alert(1)</script>", "ключ €"])
def test_unknown_characters_are_named_and_can_be_dropped(text: str) -> None:
    at = open_page(PAGE, embeddings_prompt=text)
    assert "has never seen" in problems(at)[0]
    press(at, "embeddings_prompt_drop")
    assert not any("never seen" in one for one in problems(at))


def test_a_hundred_thousand_characters_are_cut_to_what_the_model_reads_and_said_so() -> None:
    at = open_page(PAGE, embeddings_prompt="to be " * 17_000)
    assert any("256 are read at once" in as_shown(str(w.value)) for w in at.warning)
    assert matrices(at, "embeddings_input")[0].values.shape == (24, 16)


@pytest.mark.parametrize(("characters", "prompt"), [("a", "aaa"), ("ab", "abab")])
def test_a_vocabulary_of_one_or_two_tokens_has_its_matrices_and_says_what_it_cannot_have(
    characters: str, prompt: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    torch.manual_seed(0)
    model = MLP(MLPConfig(vocab_size=len(characters), context_length=3, d_embedding=3))
    save_checkpoint(tmp_path / "tiny", model, CharTokenizer(characters), architecture="mlp", facts={})
    monkeypatch.setattr("explorer.models.cards.FOLDER", tmp_path)
    at = open_page(PAGE, embeddings_prompt=prompt)
    assert matrices(at, "embeddings_input")[0].values.shape == (3, 3)
    said = words(at)
    assert "no neighbours" in said if len(characters) == 1 else any("at least 3 tokens" in one for one in problems(at))
    assert matrices(at, "embeddings_maps")[0].values.shape == (48, 48)
