"""Four masks on one head: what they allow, keep, cost and reach, and the cells opened."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest

from explorer.core.attention_masks import MASKS
from explorer.inspection.attention_layer import fresh_layer, layer_of
from explorer.inspection.attention_steps import take_steps
from explorer.inspection.attention_variants import cost_curves, open_variant, read_variants, shortest_way
from explorer.models.checkpoints import load_checkpoint

TEXT = "the cat sat on the mat"
T = len(TEXT)


def test_every_variant_is_the_head_under_its_own_mask() -> None:
    layer = fresh_layer(TEXT, 32, 16)
    for variant in read_variants(layer, window=4):
        allowed = MASKS[variant.kind](T, 4).numpy()
        np.testing.assert_array_equal(variant.steps.allowed, allowed)
        np.testing.assert_array_equal(variant.steps.pattern > 0, allowed)
        np.testing.assert_allclose(variant.steps.pattern.sum(axis=1), 1, atol=1e-5)
        assert variant.comparisons == allowed.sum()
        assert variant.cost == 2 * 16 * allowed.sum()


def test_what_is_kept_is_the_full_maps_weight_on_the_allowed_pairs() -> None:
    layer = fresh_layer(TEXT, 32, 16)
    full = take_steps(layer).pattern
    for variant in read_variants(layer, window=4):
        assert variant.kept == pytest.approx((full * variant.steps.allowed).sum() / T, abs=1e-6)
    assert read_variants(layer, window=4)[0].kept == pytest.approx(1.0)


def test_the_last_token_sees_a_little_further_with_every_layer_of_a_window_and_all_with_two_of_the_sparse() -> None:
    layer = fresh_layer(TEXT, 32, 16)
    for layers in (1, 2, 3):
        seen = {v.kind: v.seen for v in read_variants(layer, window=4, layers=layers)}
        assert seen["local"] == min(T, 1 + 3 * layers)
        assert seen["full"] == T
        assert (seen["strided"] == seen["fixed"] == T) == (layers > 1)


def test_costs_grow_as_the_square_the_length_and_the_length_times_its_root() -> None:
    curves = cost_curves(8, 16, (1024, 4096, 16384))
    growth = {name: curve[-1][1] / curve[-2][1] for name, curve in curves.items()}
    assert growth["full"] == pytest.approx(16, rel=0.01)
    assert growth["local"] == pytest.approx(4, rel=0.01)
    assert growth["strided, √T"] == pytest.approx(8, rel=0.01)
    assert growth["strided"] == pytest.approx(16, rel=0.05)
    assert curves["full"][0] == (1024, 2 * 16 * 1024 * 1025 // 2)


@pytest.mark.parametrize("window", [1, 3, 30])
def test_every_cell_of_mask_map_and_reach_opens_to_its_parts(window: int) -> None:
    text = "a cat sat"
    variants = read_variants(fresh_layer(text, 16, 4), window=window, layers=2)
    for number in range(12):
        for row, column in np.ndindex(len(text), len(text)):
            cell = open_variant(variants, number, row, column, window, text)
            assert cell.difference <= 1e-5, cell.heading
            assert len({len(cell.columns), *(len(part) for part in cell.rows)}) == 1


def test_an_opened_reach_shows_a_way_through_the_layers() -> None:
    variants = read_variants(fresh_layer("abcdefgh", 16, 4), window=3, layers=2)
    local = [v.kind for v in variants].index("local")
    cell = open_variant(variants, 8 + local, 4, 0, 3, "abcdefgh")
    assert cell.recomputed == 2
    assert [row[0] for row in cell.rows] == ["layer 1", "layer 2"]
    assert cell.rows[-1][1].startswith("4 “e” looks at")  # type: ignore[union-attr]
    assert cell.rows[0][1].endswith("looks at 0 “a”")  # type: ignore[union-attr]
    far = open_variant(variants, 8 + local, 7, 0, 3, "abcdefgh")
    assert far.shown == far.recomputed == math.inf
    assert "> 2" in far.formula
    ahead = open_variant(variants, 8, 0, 7, 3, "abcdefgh")
    assert ahead.rows == (("none", "no way leads there"),)


def test_a_shortest_way_uses_allowed_looks_only_and_is_as_long_as_the_reach_says() -> None:
    variants = read_variants(fresh_layer(TEXT, 16, 4), window=3, layers=12)
    for variant in variants:
        for row, column in np.ndindex(T, T):
            way = shortest_way(variant.steps.allowed, row, column)
            reach = variant.reach[row, column]
            assert (way is None) == np.isnan(reach)
            if way is not None:
                assert len(way) - 1 == reach
                assert all(variant.steps.allowed[a, b] for a, b in pairwise(way))


@pytest.mark.parametrize(("options", "said"), [({"window": 0}, "got 0"), ({"layers": 0}, "1 to 12, got 0")])
def test_a_window_or_a_depth_that_cannot_be_is_refused(options: dict[str, int], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        read_variants(fresh_layer(TEXT, 16, 4), **options)  # type: ignore[arg-type]


def test_a_cell_that_is_not_there_is_refused() -> None:
    variants = read_variants(fresh_layer("abc", 16, 4), window=2)
    for place in ((12, 0, 0), (0, 3, 0), (0, 0, -1)):
        with pytest.raises(ValueError, match="There are 12 matrices of 3×3"):
            open_variant(variants, *place, 2, "abc")


def test_the_experiment_with_a_trained_head_says_what_is_measured() -> None:
    shipped = load_checkpoint("shakespeare-gpt")
    ids = shipped.tokenizer.encode(TEXT)
    local = read_variants(layer_of(shipped.model, ids, 0), 1, window=2)[1]
    assert f"{local.kept:.1%}" == "99.8%"
    assert local.comparisons / read_variants(fresh_layer(TEXT, 8, 4))[0].comparisons == pytest.approx(1 / 6, abs=0.005)
    assert read_variants(layer_of(shipped.model, ids, 5), 0, window=2)[1].kept < 0.5
