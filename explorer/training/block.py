"""What a switch of the Transformer block costs: the chosen blocks trained beside the whole ones, batch for batch.

Both start from the same seed and read the same batches (dropout draws from the same generator, so with it the batches
differ). The loop is the package's `Trainer`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

from explorer.models.decoder import DecoderConfig
from explorer.models.registry import build_model, count_parameters
from explorer.text.batches import Splits, split_corpus
from explorer.text.corpora import load_corpus
from explorer.text.tokenizers import CharTokenizer
from explorer.training.config import TrainingConfig
from explorer.training.memory import check_fits
from explorer.training.mlp import character_tokenizer
from explorer.training.trainer import DivergedError, Progress, Trainer

DEEPEST, WIDEST, LONGEST = 16, 256, 64  # blocks, channels, context: what a page computes in a moment
MOST_STEPS = 10_000
MOST_BYTES = 256_000_000  # of either run
MOST_PARAMETERS = 2_000_000
CERTAINLY_FITS = 600_000  # weights, and numbers put out by blocks and unembedding: no such run nears a limit
HELD_OUT = 20_000  # characters of the held-out part that the end is measured on
HOPELESS = 30.0  # a loss this many times the larger of ln V and the first one: the weights fly apart


@dataclass(frozen=True)
class BlockSpec:
    """The switches, the sizes and the run. Raises ValueError naming the option that cannot be.

    depth: blocks. width: C, shared equally by n_heads. norm, residual, activation, feed_forward, dropout: as in
    `DecoderConfig`. steps, learning_rate, batch_size: AdamW on a cosine, without weight decay. seed: of weights and
    batches of both runs.
    """

    corpus: str
    depth: int = 4
    width: int = 32
    n_heads: int = 4
    context_length: int = 32
    norm: str = "pre"
    residual: bool = True
    activation: str = "gelu"
    feed_forward: bool = True
    dropout: float = 0.0
    steps: int = 500
    learning_rate: float = 3e-3
    batch_size: int = 16
    seed: int = 1

    def __post_init__(self) -> None:
        for name, limit in (
            ("depth", DEEPEST),
            ("width", WIDEST),
            ("context_length", LONGEST),
            ("steps", MOST_STEPS),
            ("n_heads", WIDEST),
            ("batch_size", 256),
        ):
            if not 1 <= getattr(self, name) <= limit:
                raise ValueError(f"{name} must be from 1 to {limit:,} here, got {getattr(self, name):,}.")
        if self.width % self.n_heads:
            fitting = [str(n) for n in range(1, self.width + 1) if self.width % n == 0]
            raise ValueError(
                f"{self.n_heads} heads cannot share {self.width} channels equally. Numbers of heads that divide "
                f"{self.width}: {', '.join(fitting)}."
            )
        self.training_config()
        _check_size(self.model_config(256), self.batch_size)

    def model_config(self, vocab_size: int) -> DecoderConfig:
        """The decoder with the chosen switches."""
        return DecoderConfig(
            vocab_size=vocab_size,
            context_length=self.context_length,
            n_layers=self.depth,
            n_heads=self.n_heads,
            d_model=self.width,
            feed_forward=self.feed_forward,
            activation=self.activation,
            residual=self.residual,
            norm=self.norm,
            dropout=self.dropout,
        )

    def training_config(self) -> TrainingConfig:
        """The settings of the loop."""
        return TrainingConfig(
            steps=self.steps,
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            final_learning_rate=0.0,
            warmup=min(100, self.steps // 10),
            weight_decay=0.0,
            evaluate_every=0,
            sample_length=0,
            seed=self.seed,
        )

    def whole(self) -> BlockSpec:
        """The same with every part there: pre-norm, residual paths, GELU, feed-forward, no dropout."""
        return replace(self, norm="pre", residual=True, activation="gelu", feed_forward=True, dropout=0.0)

    @property
    def is_whole(self) -> bool:
        return self == self.whole()


@lru_cache(maxsize=256)
def _check_size(config: DecoderConfig, batch_size: int) -> None:
    """Raise ValueError for a stack that is too large here; small ones are let through uncounted.

    Counting passes shapes through the model, which takes torch seconds the first time; the page is not to wait for it.
    """
    outputs = batch_size * config.context_length * (config.n_layers * config.d_model + config.vocab_size)
    weights = 13 * config.n_layers * config.d_model**2
    if max(outputs, weights) <= CERTAINLY_FITS:
        return
    check_fits("decoder", config, batch_size, MOST_BYTES)
    if (parameters := count_parameters("decoder", config)) > MOST_PARAMETERS:
        raise ValueError(
            f"These blocks would have {parameters:,} learned numbers; here they may have {MOST_PARAMETERS:,}. "
            "Choose a smaller width or fewer blocks."
        )


@dataclass(frozen=True)
class BlockProgress:
    """After one update of both.

    loss, whole_loss: of the same batch, before the update, nats; whole_loss is None where the chosen blocks are the whole
    ones. gradient_norm: of the chosen blocks, before clipping. validation_loss, whole_validation_loss: over the
    first `HELD_OUT` characters held out, at the last step.
    """

    step: int
    steps: int
    loss: float
    whole_loss: float | None
    gradient_norm: float
    validation_loss: float | None = None
    whole_validation_loss: float | None = None


def train_blocks(spec: BlockSpec) -> Iterator[BlockProgress]:
    """`train_on` the corpus that the spec names."""
    corpus = load_corpus(spec.corpus)
    yield from train_on(spec, character_tokenizer(corpus), split_corpus(corpus))


def train_on(spec: BlockSpec, tokenizer: CharTokenizer, splits: Splits) -> Iterator[BlockProgress]:
    """Yield after each update of both runs.

    Raises DivergedError where the chosen blocks' loss gets out of hand, ValueError for a text shorter than a context.
    """
    short = replace(splits, validation=splits.validation[:HELD_OUT])
    chosen = _trainer(spec, tokenizer, short)
    whole = None if spec.is_whole else _trainer(spec.whole(), tokenizer, short)
    beside = iter(whole) if whole is not None else None
    limit = 0.0
    for progress in chosen:
        limit = limit or HOPELESS * max(math.log(tokenizer.vocab_size), progress.loss)
        against = next(beside) if beside is not None else None
        yield _joined(progress, against)
        if progress.loss > limit:
            raise DivergedError(
                f"The loss grew to {progress.loss:,.4g} nats at step {progress.step}: the learning rate "
                f"{progress.learning_rate:.2g} is too high for these blocks; try a third of it."
            )


def _trainer(spec: BlockSpec, tokenizer: CharTokenizer, splits: Splits) -> Trainer:
    model = build_model("decoder", spec.model_config(tokenizer.vocab_size), seed=spec.seed)
    return Trainer(model, tokenizer, splits, spec.training_config())


def _joined(progress: Progress, against: Progress | None) -> BlockProgress:
    return BlockProgress(
        progress.step,
        progress.steps,
        progress.loss,
        None if against is None else against.loss,
        progress.gradient_norm,
        progress.validation_loss,
        None if against is None else against.validation_loss,
    )
