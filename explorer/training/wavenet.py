"""Training a WaveNet to be watched: at some forty steps every node of its tree for one context, and what it writes.

The loop is the package's `Trainer`, the snapshots are taken by `watching.watch`. Sizes are bounded before anything is
allocated, since several visitors train on one machine.

Legend: n context length, N nodes of a level, C channels, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from explorer.core.layers import BatchNorm1d, Tanh
from explorer.core.sampling import SamplingSettings
from explorer.models.generation import generate
from explorer.models.registry import build_model, count_parameters
from explorer.models.wavenet import WaveNet, WaveNetConfig
from explorer.text.batches import Splits, make_batches, split_corpus
from explorer.text.corpora import load_corpus
from explorer.text.tokenizers import CharTokenizer, Tokenizer
from explorer.training.config import TrainingConfig
from explorer.training.evaluation import mean_loss
from explorer.training.memory import check_fits
from explorer.training.mlp import character_tokenizer
from explorer.training.trainer import Trainer
from explorer.training.watching import WatchProgress, watch

LONGEST_CONTEXT = 64  # characters: what a drawing still shows
MOST_PARAMETERS = 1_000_000
MOST_BYTES = 256_000_000  # of one run
MOST_STEPS = 20_000
EVALUATED_TOKENS = 2048  # of the validation part, at each snapshot; at the end it is read whole
WRITTEN = 72  # characters of each sample


@dataclass(frozen=True)
class WaveNetSpec:
    """One run. Raises ValueError naming the option that cannot be.

    corpus: a name of the registry. watched: the text whose last n characters are looked at while training.
    context_length, fusion, d_embedding, d_hidden, over_positions: the net, as in `WaveNetConfig`. batch_size,
    learning_rate, steps: AdamW on a cosine, as in `TrainingConfig`. seed: of weights and batches.
    """

    corpus: str
    watched: str = ""
    context_length: int = 8
    fusion: int = 2
    d_embedding: int = 24
    d_hidden: int = 128
    over_positions: bool = True
    batch_size: int = 64
    learning_rate: float = 3e-3
    steps: int = 3000
    seed: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.steps <= MOST_STEPS:
            raise ValueError(f"steps must be from 1 to {MOST_STEPS:,}, got {self.steps:,}.")
        if self.batch_size < 2:
            raise ValueError(f"BatchNorm averages over a batch of at least 2 windows, got {self.batch_size}.")
        self.training_config()

    def training_config(self) -> TrainingConfig:
        """The settings of the loop. Gradients are not clipped, so that a rate that is too high shows."""
        return TrainingConfig(
            steps=self.steps,
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            final_learning_rate=0.0,
            weight_decay=0.0,
            clip=1e9,
            evaluate_every=0,
            sample_length=0,
            seed=self.seed,
        )

    def model_config(self, vocab_size: int, pad_id: int = 0) -> WaveNetConfig:
        """The net's shape for a vocabulary of that size. Raises ValueError for a tree that cannot be built, or is
        larger than a run here may be."""
        config = WaveNetConfig(
            vocab_size, self.context_length, self.d_embedding, self.d_hidden, self.fusion, self.over_positions, pad_id
        )
        check_size(config, self.batch_size)
        return config


def check_size(config: WaveNetConfig, batch_size: int = 1) -> int:
    """The number of learned numbers; raises ValueError where it, the context or a run's memory is beyond bounds.

    Nothing is allocated for it.
    """
    if config.context_length > LONGEST_CONTEXT:
        raise ValueError(
            f"A context of {config.context_length:,} characters is more than is drawn here; choose at most "
            f"{LONGEST_CONTEXT}."
        )
    check_fits("wavenet", config, batch_size, MOST_BYTES)
    parameters = count_parameters("wavenet", config)
    if parameters > MOST_PARAMETERS:
        raise ValueError(
            f"This net would have {parameters:,} learned numbers; here a net may have {MOST_PARAMETERS:,}. "
            "Choose fewer channels or a shorter context."
        )
    return parameters


@dataclass(frozen=True, eq=False)
class TreeSnapshot:
    """The net for the watched context.

    spec: of the run. labels: the n characters of the window, as shown. levels: the letters' vectors (n, d), then every
    level's activations (N, C), the root's last. logits: (V,). validation_loss: in nats, on the first EVALUATED_TOKENS
    of the validation part. sample: what it writes, from the same random numbers every time.
    """

    spec: WaveNetSpec
    labels: tuple[str, ...]
    levels: tuple[np.ndarray, ...]
    logits: np.ndarray
    validation_loss: float
    sample: str


def window_of(ids: Sequence[int], context_length: int, pad_id: int) -> list[int]:
    """The last `context_length` of the ids, filled up in front.

    >>> window_of([5, 6], 4, 0), window_of([5, 6, 7], 2, 0)
    ([0, 0, 5, 6], [6, 7])
    """
    kept = list(ids)[-context_length:]
    return [pad_id] * (context_length - len(kept)) + kept


@torch.no_grad()
def tree_activations(model: WaveNet, windows: torch.Tensor) -> tuple[list[torch.Tensor], torch.Tensor]:
    """Every level of the tree for windows (B, n): the letters (B, n, d), then (B, N, C) each; and the logits (B, V)."""
    x = model.embedding(windows)
    levels = [x]
    for layer in model.network:
        x = layer(x)
        if isinstance(layer, Tanh):
            levels.append(x if x.dim() == 3 else x[:, None])
    return levels, x


def restored(config: WaveNetConfig, state: dict[str, torch.Tensor]) -> WaveNet:
    """A model of its own with those weights, ready to be read.

    Where the statistics differ by position, they have a row for each: the buffers take the shape that comes.
    """
    model = build_model("wavenet", config)
    assert isinstance(model, WaveNet)
    for name, module in model.named_modules():
        if isinstance(module, BatchNorm1d):
            module.running_mean = state[f"{name}.running_mean"].clone()
            module.running_var = state[f"{name}.running_var"].clone()
    model.load_state_dict(state)
    return model.eval()


def train_wavenet(spec: WaveNetSpec) -> Iterator[WatchProgress[TreeSnapshot]]:
    """`train_on` the corpus that the spec names."""
    corpus = load_corpus(spec.corpus)
    yield from train_on(spec, character_tokenizer(corpus), split_corpus(corpus))


def train_on(spec: WaveNetSpec, tokenizer: CharTokenizer, splits: Splits) -> Iterator[WatchProgress[TreeSnapshot]]:
    """Yield after each update; `snapshots` of the progress grow, `newest` holds the weights of the last of them.

    Raises DivergedError where the loss gets out of hand, ValueError for a text shorter than a window and
    UnknownCharactersError where the watched text cannot be read.
    """
    boundary = None if splits.boundary is None else tokenizer.encode(splits.boundary)[0]
    model = build_model("wavenet", spec.model_config(tokenizer.vocab_size, boundary or 0), seed=spec.seed)
    trainer = Trainer(model, tokenizer, splits, spec.training_config())
    held_out = make_batches(
        trainer.validation_ids[: EVALUATED_TOKENS + 1], spec.context_length, boundary=boundary, windows=True
    )
    window = window_of(tokenizer.encode(spec.watched), spec.context_length, boundary or 0)

    def look(model: object) -> TreeSnapshot:
        assert isinstance(model, WaveNet)
        levels, logits = tree_activations(model, torch.tensor([window]))
        return TreeSnapshot(
            spec=spec,
            labels=tuple(tokenizer.labels[i] for i in window),
            levels=tuple(level[0].numpy().copy() for level in levels),
            logits=logits[0].numpy().copy(),
            validation_loss=mean_loss(model, held_out),
            sample=_written(model, tokenizer, boundary, spec.seed),
        )

    yield from watch(trainer, look)


def _written(model: WaveNet, tokenizer: Tokenizer, boundary: int | None, seed: int) -> str:
    """What the model writes from the start of an item, or of a text."""
    prompt = [model.config.pad_id if boundary is None else boundary]
    tokens = generate(model, prompt, WRITTEN, SamplingSettings(), seed=seed, boundary=boundary)
    return tokenizer.decode([generated.token for generated in tokens])
