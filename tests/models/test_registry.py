"""Building models: one seed one model, nobody else's random numbers changed, and every preset a real shape."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import Tensor

from explorer.models.gpt import GPTConfig
from explorer.models.registry import ARCHITECTURES, PRESETS, build_config, build_model
from explorer.text.corpora import CORPORA
from explorer.training.config import TrainingConfig

CONFIG = GPTConfig(vocab_size=11, context_length=8, n_layers=2, n_heads=2, d_model=16)


def weights(seed: int) -> dict[str, Tensor]:
    return build_model("gpt", CONFIG, seed=seed).state_dict()


def equal(left: dict[str, Tensor], right: dict[str, Tensor]) -> bool:
    return left.keys() == right.keys() and all(torch.equal(left[name], right[name]) for name in left)


def test_the_same_seed_builds_the_same_weights_whatever_was_drawn_before() -> None:
    first = weights(3)
    torch.rand(7)
    assert equal(first, weights(3))
    assert not equal(first, weights(4))


def test_building_leaves_torchs_global_generator_where_it_was() -> None:
    before = torch.get_rng_state()
    weights(3)
    assert torch.equal(torch.get_rng_state(), before)


def test_models_built_in_two_threads_at_once_are_those_built_alone() -> None:
    alone = [weights(seed) for seed in range(12)]
    with ThreadPoolExecutor(2) as threads:
        together = list(threads.map(weights, range(12)))
    assert all(equal(one, other) for one, other in zip(alone, together, strict=True))


def test_a_seed_that_torch_does_not_take_is_named() -> None:
    with pytest.raises(ValueError, match=f"got {2**64}"):
        build_model("gpt", CONFIG, seed=2**64)


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_is_a_shape_a_corpus_and_training_settings_that_exist(name: str) -> None:
    preset = PRESETS[name]
    config = build_config(preset.architecture, {"vocab_size": 65, **preset.model})
    training = TrainingConfig(**preset.training)
    assert preset.corpus in CORPORA
    assert isinstance(config, ARCHITECTURES[preset.architecture].config_type)
    assert training.warmup < training.steps
    model = build_model(preset.architecture, config)
    ids = torch.zeros(1, config.context_length, dtype=torch.long)
    assert model(ids).shape == (1, config.context_length, 65)


def test_the_shipped_preset_has_the_size_its_description_says() -> None:
    preset = PRESETS["shakespeare-gpt"]
    config = build_config(preset.architecture, {"vocab_size": 65, **preset.model})
    assert round(build_model(preset.architecture, config).parameter_count() / 1e6, 1) == 2.7


def test_an_unknown_architecture_is_named_with_those_there_are() -> None:
    with pytest.raises(ValueError, match=r"among bigram, mlp.*, modern, got 'lstm'"):
        build_config("lstm", {})


def test_an_unknown_option_is_named_with_those_there_are() -> None:
    with pytest.raises(ValueError, match=r"'gpt' has no option n_head, width; it has vocab_size, context_length"):
        build_config("gpt", {"vocab_size": 5, "width": 3, "n_head": 2})
