"""One attention layer trained live: embeddings, one head or a few, and an unembedding; no feed-forward, no residual.

It is the first rung above the bigram of the lecture that builds a GPT from nothing (Karpathy, 2023), the preset
`shakespeare-head`, with a longer context. The loop is the package's `Trainer`; what is kept for the page are the weights
themselves, at some forty steps, so that any prompt can be looked at through any of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from torch import Tensor

from explorer.models.decoder import DecoderConfig
from explorer.models.language_model import LanguageModel
from explorer.models.registry import build_model, count_parameters
from explorer.text.batches import Splits, split_corpus
from explorer.text.corpora import load_corpus
from explorer.text.tokenizers import CharTokenizer
from explorer.training.config import TrainingConfig
from explorer.training.memory import check_fits
from explorer.training.mlp import character_tokenizer
from explorer.training.trainer import Trainer
from explorer.training.watching import WatchProgress, watch

LONGEST_CONTEXT = 64  # characters: what a drawing still shows
MOST_PARAMETERS = 150_000  # forty snapshots of them are kept
MOST_BYTES = 256_000_000  # of one run
MOST_STEPS = 10_000


@dataclass(frozen=True)
class HeadSpec:
    """One run. Raises ValueError naming the option that cannot be.

    corpus: a name of the registry. context_length: the tokens it reads at once. width: C, the channels of a token, which
    n_heads share equally. steps, learning_rate, batch_size: AdamW on a cosine, as in `TrainingConfig`. seed: of
    weights and batches.
    """

    corpus: str
    context_length: int = 32
    width: int = 32
    n_heads: int = 1
    steps: int = 3000
    learning_rate: float = 3e-3
    batch_size: int = 32
    seed: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.steps <= MOST_STEPS:
            raise ValueError(f"steps must be from 1 to {MOST_STEPS:,}, got {self.steps:,}.")
        if not 1 <= self.context_length <= LONGEST_CONTEXT:
            raise ValueError(f"The context must be from 1 to {LONGEST_CONTEXT} characters, got {self.context_length}.")
        self.training_config()
        self.model_config(1)

    def training_config(self) -> TrainingConfig:
        """The settings of the loop."""
        return TrainingConfig(
            steps=self.steps,
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            final_learning_rate=0.0,
            weight_decay=0.0,
            evaluate_every=0,
            sample_length=0,
            seed=self.seed,
        )

    def model_config(self, vocab_size: int) -> DecoderConfig:
        """The model's shape; several heads get a projection that mixes them, one has nothing to mix."""
        config = DecoderConfig(
            vocab_size=vocab_size,
            context_length=self.context_length,
            n_layers=1,
            n_heads=self.n_heads,
            d_model=self.width,
            projection=self.n_heads > 1,
            feed_forward=False,
            residual=False,
            norm="none",
        )
        check_fits("decoder", config, self.batch_size, MOST_BYTES)
        parameters = count_parameters("decoder", config)
        if parameters > MOST_PARAMETERS:
            raise ValueError(
                f"This model would have {parameters:,} learned numbers; here it may have {MOST_PARAMETERS:,}. "
                "Choose a smaller width."
            )
        return config


@dataclass(frozen=True, eq=False)
class TrainedHead:
    """The layer as it was at one step of a run. boundary: the token that stands between items, None for running text.
    weights: the model's `state_dict`, copied."""

    spec: HeadSpec
    tokenizer: CharTokenizer
    boundary: int | None
    weights: dict[str, Tensor]

    def model(self) -> LanguageModel:
        """A model of its own with these weights, ready to be read."""
        model = build_model("decoder", self.spec.model_config(self.tokenizer.vocab_size))
        model.load_state_dict(self.weights)
        return model.eval()


def train_head(spec: HeadSpec) -> Iterator[WatchProgress[TrainedHead]]:
    """`train_on` the corpus that the spec names."""
    corpus = load_corpus(spec.corpus)
    yield from train_on(spec, character_tokenizer(corpus), split_corpus(corpus))


def train_on(spec: HeadSpec, tokenizer: CharTokenizer, splits: Splits) -> Iterator[WatchProgress[TrainedHead]]:
    """Yield after each update; the snapshots hold the weights of some forty steps, the last among them.

    Raises DivergedError where the loss gets out of hand, ValueError for a text shorter than a context.
    """
    model = build_model("decoder", spec.model_config(tokenizer.vocab_size), seed=spec.seed)
    trainer = Trainer(model, tokenizer, splits, spec.training_config())

    def look(model: LanguageModel) -> TrainedHead:
        weights = {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}
        return TrainedHead(spec, tokenizer, trainer.boundary, weights)

    yield from watch(trainer, look)
