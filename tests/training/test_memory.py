"""Memory is said before anything is allocated, and it is about what a run really takes."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from explorer.models.bigram import BigramConfig
from explorer.models.decoder import DecoderConfig
from explorer.models.gpt import GPTConfig
from explorer.models.language_model import ModelConfig
from explorer.models.mlp import MLPConfig
from explorer.models.registry import build_model, count_parameters
from explorer.models.wavenet import WaveNetConfig
from explorer.training.memory import check_fits, in_words, training_bytes

SHAPES: dict[str, ModelConfig] = {
    "bigram": BigramConfig(27),
    "mlp": MLPConfig(27, batch_norm=True),
    "wavenet": WaveNetConfig(27),
    "decoder": DecoderConfig(27),
    "gpt": GPTConfig(27, n_layers=2, n_heads=2, d_model=32, context_length=16),
}


@pytest.mark.parametrize("architecture", SHAPES)
def test_parameters_are_counted_without_building_the_model(architecture: str) -> None:
    config = SHAPES[architecture]
    assert count_parameters(architecture, config) == build_model(architecture, config).parameter_count()


@pytest.mark.parametrize("architecture", SHAPES)
def test_the_estimate_is_near_what_autograd_keeps(architecture: str) -> None:
    """What autograd keeps for the backward pass, counted by its own hooks, once per storage."""
    config, batch_size = SHAPES[architecture], 64
    model = build_model(architecture, config)
    kept: dict[int, int] = {}

    def remember(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    shape = (batch_size,) if model.reads_windows else (batch_size, config.context_length)
    with torch.autograd.graph.saved_tensors_hooks(remember, lambda tensor: tensor):
        model.loss(torch.zeros(batch_size, config.context_length, dtype=torch.long), torch.zeros(shape).long())
    estimate = training_bytes(architecture, config, batch_size) - 5 * 4 * model.parameter_count()
    assert sum(kept.values()) / 4 < estimate < sum(kept.values()) * 4


def test_absurd_sizes_are_refused_with_the_memory_they_would_take() -> None:
    with pytest.raises(ValueError, match=r"would take about 1\.\d TB of memory; here a run may take 1\.0 GB"):
        check_fits("mlp", MLPConfig(27, d_hidden=100_000, n_hidden_layers=8), 32, 10**9)
    with pytest.raises(ValueError, match="beyond any machine"):
        check_fits("mlp", MLPConfig(27, d_hidden=10**12, d_embedding=10**9), 32, 10**9)
    assert check_fits("mlp", MLPConfig(27), 32, 10**9) < 5_000_000


@pytest.mark.parametrize(
    ("count", "said"), [(0, "0 bytes"), (999, "999 bytes"), (1500, "1.5 kB"), (10**22, "10,000 EB")]
)
def test_bytes_are_said_in_words(count: int, said: str) -> None:
    assert in_words(count) == said
