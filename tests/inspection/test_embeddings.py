"""What a model's first layer receives, who is near whom, and maps of both tokens and positions."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA
from sklearn.metrics.pairwise import cosine_similarity, euclidean_distances

from explorer.inspection.embedding_table import (
    MOST_MAPPED,
    Measure,
    group_kinds,
    kind_of,
    mapped_tokens,
    neighbour_map,
    neighbours,
    open_neighbour,
    principal_components,
    similarities,
)
from explorer.inspection.embeddings import open_input, position_table, read_input, read_shuffled, token_table
from explorer.inspection.positions import (
    compare_positions,
    open_rotary,
    open_similarity,
    query_and_key,
    read_rotary,
)
from explorer.models.bigram import Bigram, BigramConfig
from explorer.models.checkpoints import Checkpoint, load_checkpoint
from explorer.models.decoder import Decoder, DecoderConfig
from explorer.models.language_model import LanguageModel
from explorer.models.mlp import MLP, MLPConfig
from explorer.models.wavenet import WaveNet, WaveNetConfig
from tests.models.test_gpt import tiny_gpt

IDS = [1, 5, 2, 8, 5, 0]
TABLE = np.random.default_rng(3).normal(size=(20, 6))


def every_model() -> list[LanguageModel]:
    torch.manual_seed(0)
    return [
        tiny_gpt().eval(),
        Decoder(DecoderConfig(vocab_size=13, context_length=8, d_model=16)).eval(),
        Decoder(DecoderConfig(vocab_size=13, context_length=8, d_model=16, n_layers=0, norm="none")).eval(),
        MLP(MLPConfig(vocab_size=13, context_length=8)).eval(),
        WaveNet(WaveNetConfig(vocab_size=13, context_length=8)).eval(),
    ]


@pytest.fixture(scope="module")
def shipped() -> Checkpoint:
    return load_checkpoint("shakespeare-gpt")


@pytest.mark.parametrize("model", every_model(), ids=lambda model: type(model).__name__)
def test_token_plus_position_is_what_the_first_layer_receives(model: LanguageModel) -> None:
    reading = read_input(model, IDS)
    expected = token_table(model)[list(reading.ids)]
    positions = position_table(model)
    if positions is not None:
        expected = expected + positions[: len(IDS)]
        assert reading.ids == tuple(IDS)
    else:
        assert reading.position is None
        assert reading.ids == (0, 0, *IDS)  # a window of 8, filled up with the token that stands before a text
    np.testing.assert_allclose(reading.input, expected, atol=1e-6)
    assert reading.gap <= 1e-6


def test_reading_leaves_no_hook_behind(shipped: Checkpoint) -> None:
    ids = shipped.tokenizer.encode("to be")
    with torch.no_grad():
        before = shipped.model(torch.tensor([ids]))
    read_input(shipped.model, ids)
    read_shuffled(shipped.model, ids, 0)
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in shipped.model.modules())
    with torch.no_grad():
        torch.testing.assert_close(shipped.model(torch.tensor([ids])), before)


def test_every_cell_of_the_three_matrices_opens_to_numbers_of_the_tables(shipped: Checkpoint) -> None:
    ids = shipped.tokenizer.encode("the cat")
    reading = read_input(shipped.model, ids)
    for part in ("token", "position", "input"):
        cell = open_input(reading, part, 3, 17, list("the cat"))
        assert cell.difference < 1e-6
        assert cell.shown == pytest.approx(float(getattr(reading, part)[3, 17]))


def test_the_same_token_at_two_places_differs_by_its_positions_only(shipped: Checkpoint) -> None:
    reading = read_input(shipped.model, shipped.tokenizer.encode("the that"))
    twice = reading.same_token()
    assert twice is not None
    i, j, apart, rest = twice
    assert (i, j) == (0, 4)
    assert apart > 0.1
    assert rest < 1e-6
    assert read_input(shipped.model, shipped.tokenizer.encode("cat")).same_token() is None


@pytest.mark.parametrize("name", ["shakespeare-gpt", "shakespeare-head", "shakespeare-heads", "shakespeare-block"])
def test_without_positions_the_first_attention_does_not_notice_a_shuffle(name: str) -> None:
    loaded = load_checkpoint(name)
    ids = loaded.tokenizer.encode("the cat that sat")[-loaded.model.config.context_length :]
    reading = read_shuffled(loaded.model, ids, 0)
    assert sorted(reading.shuffled) == sorted(ids)
    assert reading.shuffled != tuple(ids)
    assert reading.shuffled[-1] == ids[-1]
    assert reading.first_layer[0] > 0.1
    assert reading.first_layer[1] < 1e-5
    if loaded.model.config.n_layers == 1:
        assert reading.outputs[1] < 1e-5
    else:
        assert 0.01 < reading.outputs[1] < reading.outputs[0]


@pytest.mark.parametrize("measure", ["cosine", "dot product", "distance"])
def test_similarities_are_those_of_scikit_learn(measure: Measure) -> None:
    truth = {"cosine": cosine_similarity, "dot product": lambda t: t @ t.T, "distance": euclidean_distances}
    np.testing.assert_allclose(similarities(TABLE, measure), truth[measure](TABLE), atol=1e-7)


@pytest.mark.parametrize("measure", ["cosine", "dot product", "distance"])
def test_neighbours_come_nearest_first_without_the_token_itself(measure: Measure) -> None:
    found = neighbours(TABLE, 4, measure, 30)
    assert sorted([*found.ids.tolist(), 4]) == list(range(20))
    steps = np.diff(found.scores)
    assert (steps >= 0).all() if measure == "distance" else (steps <= 0).all()
    cell = open_neighbour(TABLE, (4, int(found.ids[0])), measure, [str(i) for i in range(20)], float(found.scores[0]))
    assert cell.difference < 1e-9


def test_a_row_of_zeros_and_a_token_that_is_not_there_are_answered() -> None:
    table = np.vstack([np.zeros(6), TABLE])
    assert neighbours(table, 0, "cosine", 3).scores.tolist() == [0, 0, 0]
    assert open_neighbour(table, (0, 1), "cosine", list("ab"), 0.0).recomputed == 0
    with pytest.raises(ValueError, match="tokens 0 to 20"):
        neighbours(table, 21, "cosine", 3)


def test_the_claims_of_the_page_about_letters_hold(shipped: Checkpoint) -> None:
    letters, table = shipped.tokenizer.labels, token_table(shipped.model)
    near = [letters[i] for i in neighbours(table, letters.index("q"), "cosine", 3).ids]
    assert near == ["Q", "j", "J"]
    assert neighbours(table, letters.index("q"), "cosine", 1).scores[0] == pytest.approx(0.62, abs=0.006)
    assert {letters[i] for i in neighbours(table, letters.index("a"), "cosine", 5).ids} == set("Aoieu")
    small = [c for c in letters if len(c) == 1 and "a" <= c <= "z"]
    own = [c for c in small if letters[neighbours(table, letters.index(c), "cosine", 1).ids[0]] == c.upper()]
    assert (len(own), len(small)) == (22, 26)


def test_the_claims_of_the_page_about_kinds_hold(shipped: Checkpoint) -> None:
    table, kinds = token_table(shipped.model), [kind_of(c) for c in shipped.tokenizer.decode(list(range(65)))]
    whole = {group.kind: group for group in group_kinds(table, kinds)}
    flat = {g.kind: g for g in group_kinds(principal_components(table).places[:, :2], kinds, "distance")}
    assert whole["capital"].agreement == pytest.approx(0.46, abs=0.005)
    assert whole["capital"].chance == pytest.approx(0.39, abs=0.005)
    assert flat["capital"].agreement == 1
    names = load_checkpoint("names-mlp")
    kinds = [kind_of(c) for c in names.tokenizer.decode(list(range(27)))]
    vowels = group_kinds(token_table(names.model), kinds)[0]
    assert (vowels.kind, vowels.tokens, vowels.agreement) == ("vowel", 5, 0.8)
    assert vowels.chance == pytest.approx(4 / 26)
    assert vowels.silhouette > 0


def test_kinds_keep_together_where_they_are_clusters_and_not_where_they_are_drawn_blindly() -> None:
    kinds = ["vowel"] * 10 + ["capital"] * 10
    apart = TABLE + np.array([[9.0] * 6] * 10 + [[-9.0] * 6] * 10)
    assert all(g.agreement == 1 and g.silhouette > 0.5 for g in group_kinds(apart, kinds, "distance"))
    assert all(abs(g.silhouette) < 0.2 for g in group_kinds(TABLE, kinds, "distance"))


def test_principal_components_are_those_of_the_covariance() -> None:
    found = principal_components(TABLE)
    shares = np.linalg.eigvalsh(np.cov(TABLE.T))[::-1]
    np.testing.assert_allclose(found.variance, shares / shares.sum())
    np.testing.assert_allclose(np.abs(found.places), np.abs(PCA(6).fit_transform(TABLE)), atol=1e-9)


def test_the_same_seed_gives_the_same_neighbour_map_and_near_tokens_stay_near() -> None:
    table = np.concatenate([TABLE, TABLE + 30])
    one, two = (neighbour_map(table, 5, 1).places for _ in range(2))
    np.testing.assert_array_equal(one, two)
    groups = group_kinds(one, ["vowel"] * 20 + ["capital"] * 20, "distance")
    assert all(group.agreement >= 0.9 and group.silhouette > 0.5 for group in groups)


@pytest.mark.parametrize("perplexity", [0, 20, 500])
def test_a_perplexity_that_cannot_be_is_refused_with_what_can(perplexity: float) -> None:
    with pytest.raises(ValueError, match="with 20 tokens choose 1 to 19"):
        neighbour_map(TABLE, perplexity, 0)


@pytest.mark.parametrize("rows", [1, 2])
def test_a_vocabulary_of_one_or_two_has_no_map_but_its_neighbours(rows: int) -> None:
    for draw in (lambda: principal_components(TABLE[:rows]), lambda: neighbour_map(TABLE[:rows], 1, 0)):
        with pytest.raises(ValueError, match=f"at least 3 tokens: this vocabulary has {rows}"):
            draw()
    assert len(neighbours(TABLE[:rows], 0, "cosine", 5).ids) == rows - 1
    assert group_kinds(TABLE[:rows], ["vowel"] * rows) == ()


def test_equal_rows_are_mapped_without_a_warning() -> None:
    assert np.isfinite(principal_components(np.ones((5, 4))).variance).all()
    assert np.isfinite(neighbour_map(np.ones((5, 4)), 2, 0).places).all()


def test_a_large_vocabulary_is_mapped_around_the_chosen_token() -> None:
    table = np.random.default_rng(0).normal(size=(MOST_MAPPED + 50, 8))
    kept = mapped_tokens(table, 7)
    assert len(kept) == MOST_MAPPED
    assert 7 in kept
    assert set(neighbours(table, 7, "cosine", 20).ids) <= set(kept.tolist())
    assert mapped_tokens(TABLE, 3).tolist() == list(range(20))


@pytest.mark.parametrize("is_cosine", [True, False])
def test_position_maps_are_of_the_distance_alone_but_for_the_learned_one(shipped: Checkpoint, is_cosine: bool) -> None:
    learned, *others = compare_positions(position_table(shipped.model), 32, 192, is_cosine=is_cosine)
    assert learned.spread > 0.5
    assert all(scheme.spread < 1e-10 for scheme in others)
    for scheme in (learned, *others):
        for cell in ((5, 2), (0, 31), (7, 7)):
            assert open_similarity(scheme, *cell, is_cosine=is_cosine).difference < 1e-9
    np.testing.assert_allclose(others[1].similarity, others[0].similarity * (1 if is_cosine else 2), atol=1e-9)


def test_the_claims_of_the_page_about_positions_hold(shipped: Checkpoint) -> None:
    learned, sinusoidal, _ = compare_positions(position_table(shipped.model), 48, 192, is_cosine=True)
    mean = learned.by_distance()[0]
    assert mean[1] == pytest.approx(0.365, abs=0.005)
    assert mean[2] == pytest.approx(0.075, abs=0.005)
    assert sinusoidal.by_distance()[0][47] == pytest.approx(0.51, abs=0.005)
    _, short, _ = compare_positions(position_table(shipped.model), 48, 192, is_cosine=True, base=10.0)
    assert short.by_distance()[0][16] == pytest.approx(-0.22, abs=0.005)


def test_a_real_query_and_key_score_by_their_distance_alone_when_turned(shipped: Checkpoint) -> None:
    ids = shipped.tokenizer.encode("the king")
    query, key = query_and_key(shipped.model, ids, 0, 1, 7, 6)
    reading = read_rotary(query, key, 24)
    assert reading.spread < 1e-12 * max(1.0, float(np.abs(reading.scores).max())) * 100
    for m, n in ((0, 0), (5, 2), (2, 20)):
        assert reading.by_distance[m - n + 23] == pytest.approx(reading.scores[m, n], abs=1e-9)
        assert open_rotary(reading, m, n).difference < 1e-9
    assert reading.scores[3, 3] == pytest.approx(reading.plain)
    assert np.ptp(reading.by_distance) > 0.01


def test_what_cannot_be_read_is_refused_in_words(shipped: Checkpoint) -> None:
    bigram = Bigram(BigramConfig(5))
    with pytest.raises(ValueError, match="no table of vectors"):
        read_input(bigram, [1])
    with pytest.raises(ValueError, match="reads 1 to 256 tokens, got 0"):
        read_input(shipped.model, [])
    with pytest.raises(ValueError, match="two different tokens"):
        read_shuffled(shipped.model, [1, 1, 1, 2], 0)
    with pytest.raises(ValueError, match="no attention"):
        read_shuffled(MLP(MLPConfig(vocab_size=13)), IDS, 0)
    with pytest.raises(ValueError, match="no attention"):
        query_and_key(MLP(MLPConfig(vocab_size=13)), IDS, 0, 0, 0, 0)
    with pytest.raises(ValueError, match="head: expected 0 to 5, got 9"):
        query_and_key(shipped.model, IDS, 0, 9, 0, 0)
    with pytest.raises(ValueError, match="no table of positions"):
        open_input(read_input(MLP(MLPConfig(vocab_size=13)), [1]), "position", 0, 0, list("abc"))
