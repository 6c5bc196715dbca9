"""Readings of the MLP: every number recomputed from the weights, neighbours and planes against scikit-learn and hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.decomposition import PCA
from sklearn.neighbors import NearestNeighbors

from explorer.inspection.mlp import (
    MLPReading,
    common_symbols,
    distances,
    gathering,
    is_vowel,
    neighbours,
    open_hidden,
    open_logit,
    open_number,
    open_probability,
    project,
    read_context,
    window_of,
)
from explorer.models.mlp import MLP, MLPConfig
from explorer.models.registry import build_model
from explorer.text.tokenizers import CharTokenizer, UnknownCharactersError

LABELS = (".", *"abcdefghijklmnopqrstuvwxyz")
TOKENIZER = CharTokenizer("\nabcdefghijklmnopqrstuvwxyz")


@pytest.fixture(scope="module")
def model() -> MLP:
    made = build_model("mlp", MLPConfig(27, 3, 4, 30), seed=3)
    assert isinstance(made, MLP)
    return made


@pytest.fixture(scope="module")
def reading(model: MLP) -> MLPReading:
    return read_context(model, LABELS, (0, 5, 13))


def test_every_stage_is_the_models_own(model: MLP, reading: MLPReading) -> None:
    with torch.no_grad():
        logits = model.score_windows(torch.tensor([[0, 5, 13]]))[0]
    assert reading.logits.tolist() == logits.tolist()
    assert reading.probabilities == pytest.approx(torch.softmax(logits, 0).numpy(), abs=1e-7)
    table = model.embedding.weight.detach().numpy()
    assert reading.vectors.tolist() == table[[0, 5, 13]].tolist()
    assert reading.joined.tolist() == reading.vectors.ravel().tolist()
    sums = reading.hidden_weight @ reading.joined + reading.hidden_bias
    assert reading.sums == pytest.approx(sums, abs=1e-5)
    assert reading.hidden == pytest.approx(np.tanh(sums), abs=1e-5)
    assert reading.logits == pytest.approx(reading.output_weight @ reading.hidden + reading.output_bias, abs=1e-5)


def test_every_cell_opens_to_arithmetic_that_comes_to_it(reading: MLPReading) -> None:
    cells = [open_number(reading, i) for i in range(12)]
    cells += [open_hidden(reading, i) for i in range(30)]
    cells += [open_logit(reading, i) for i in range(27)] + [open_probability(reading, i) for i in range(27)]
    assert max(cell.difference for cell in cells) < 1e-5
    hidden = open_hidden(reading, 7)
    assert len(hidden.rows) == 1 + 12
    assert hidden.rows[0][0] == "bias"
    assert hidden.rows[1][0] == ". (letter 1), dimension 1"
    assert np.tanh(float(hidden.rows[-1][-1])) == pytest.approx(hidden.recomputed)
    assert sum(open_probability(reading, i).recomputed for i in range(27)) == pytest.approx(1)


def test_a_reading_is_a_copy_that_training_does_not_change(model: MLP) -> None:
    reading = read_context(model, LABELS, (1, 2, 3))
    before = reading.hidden_weight.copy()
    with torch.no_grad():
        next(iter(model.network[1].parameters())).add_(1)
    assert np.array_equal(reading.hidden_weight, before)
    with torch.no_grad():
        next(iter(model.network[1].parameters())).sub_(1)


@pytest.mark.parametrize("changed", [{"batch_norm": True}, {"n_hidden_layers": 2}])
def test_a_network_it_does_not_follow_is_refused(changed: dict[str, object]) -> None:
    other = build_model("mlp", MLPConfig(27, 3, 2, 8, **changed))  # type: ignore[arg-type]
    assert isinstance(other, MLP)
    with pytest.raises(ValueError, match="one hidden layer without BatchNorm"):
        read_context(other.eval(), LABELS, (0, 0, 0))


def test_a_window_of_another_length_is_refused(model: MLP) -> None:
    with pytest.raises(ValueError, match="reads 3 tokens at once, got 2"):
        read_context(model, LABELS, (0, 1))


def test_what_was_typed_becomes_the_last_letters_with_boundaries_before() -> None:
    assert window_of("em", TOKENIZER, 3, 0) == (0, 5, 13)
    assert window_of("", TOKENIZER, 3, 0) == (0, 0, 0)
    assert window_of("emma", TOKENIZER, 3, None) == (13, 13, 1)
    with pytest.raises(UnknownCharactersError):
        window_of("<b>", TOKENIZER, 3, 0)


@given(st.integers(0, 10_000))
def test_neighbours_are_scikit_learns(seed: int) -> None:
    table = np.random.default_rng(seed).normal(size=(20, 3))
    far, near = NearestNeighbors(n_neighbors=6).fit(table).kneighbors(table[[4]])
    assert [token for token, _ in neighbours(table, 4, range(20))] == near[0, 1:].tolist()
    assert [distance for _, distance in neighbours(table, 4, range(20))] == pytest.approx(far[0, 1:])
    assert distances(table)[4, near[0, 1]] == pytest.approx(far[0, 1])


@given(st.integers(0, 10_000), st.integers(3, 8))
def test_the_plane_of_principal_components_is_scikit_learns(seed: int, d: int) -> None:
    table = np.random.default_rng(seed).normal(size=(27, d))
    plane, theirs = project(table), PCA(2).fit(table)
    assert np.abs(plane(table)) == pytest.approx(np.abs(theirs.transform(table)), abs=1e-6)
    assert plane.kept == pytest.approx(theirs.explained_variance_ratio_.sum())
    assert np.array_equal(plane(table), project(table.copy())(table))


def test_two_dimensions_are_shown_as_they_are_and_axes_can_be_chosen() -> None:
    table = np.random.default_rng(1).normal(size=(9, 2))
    assert np.array_equal(project(table)(table), table)
    assert project(table).kept == pytest.approx(1)
    wide = np.random.default_rng(1).normal(size=(9, 5))
    assert np.allclose(project(wide, (3, 1))(wide), wide[:, [3, 1]])
    assert 0 < project(wide, (3, 1)).kept < 1
    one = wide[:, :1]
    assert np.allclose(project(one)(one), np.column_stack([one[:, 0], np.zeros(9)]))
    with pytest.raises(ValueError, match="dimensions from 1 to 5, got 1 and 6"):
        project(wide, (0, 5))


def test_vowels_in_a_group_of_their_own_score_1_and_a_far_boundary_is_measured() -> None:
    table = np.array([[100.0, 0]] + [[0, i] if c in "aeiou" else [20, i] for i, c in enumerate(LABELS[1:])])
    said = gathering(table, LABELS, range(27), 0)
    assert said is not None
    assert said.share == 1
    assert said.chance == pytest.approx(4 / 26)
    assert said.isolation is not None
    assert said.isolation > 50
    assert [LABELS[i] for i in said.vowels] == list("aeiou")


def test_random_tables_score_what_chance_says() -> None:
    generator = np.random.default_rng(5)
    shares = []
    for _ in range(300):
        said = gathering(generator.normal(size=(27, 2)), LABELS, range(27), 0)
        assert said is not None
        shares.append(said.share)
    assert np.mean(shares) == pytest.approx(4 / 26, abs=0.02)


def test_without_vowels_or_without_a_boundary_it_says_less() -> None:
    table = np.random.default_rng(5).normal(size=(27, 2))
    assert gathering(table, LABELS, [2, 3, 4], 0) is None
    assert gathering(table, LABELS, [1, 5], 0) is None
    said = gathering(table, LABELS, range(1, 27), None)
    assert said is not None
    assert said.isolation is None


@pytest.mark.parametrize(
    ("label", "is_one"),
    [("a", True), ("É", True), ("ö", True), ("ə", True), ("y", False), ("b", False), (".", False), ("␣", False)],
)
def test_vowels_are_told_by_their_letter_not_its_marks(label: str, is_one: bool) -> None:
    assert is_vowel(label) == is_one


def test_symbols_rarer_than_one_in_a_thousand_are_not_common() -> None:
    assert common_symbols(np.array([9990, 5, 10])) == (0,)
    assert common_symbols(np.array([998, 1, 1])) == (0, 1, 2)
