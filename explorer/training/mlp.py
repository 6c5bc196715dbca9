"""Training the MLP to be watched: what moves, at some eighty steps, in memory that does not grow with the run.

The loop is the package's `Trainer`. Around it: snapshots of the embedding table with words the model writes then, the
loss of the training and of the validation part, a rule that stops a run which has stopped improving, and a rule that
stops one which has gone astray.

Legend: d embedding width, n context.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field

from explorer.models.mlp import MLP, MLPConfig
from explorer.models.registry import build_model, count_parameters
from explorer.text.batches import BOUNDARY, SPLIT_SEED, Splits, join_items
from explorer.text.corpora import Corpus, load_corpus
from explorer.text.tokenizers import CharTokenizer
from explorer.training.config import TrainingConfig
from explorer.training.memory import check_fits, in_words
from explorer.training.mlp_record import EVALUATIONS, SNAPSHOTS, MLPRecord, Watch, snapshot_steps
from explorer.training.trainer import DivergedError, Trainer

NO_CLIPPING = 1e9  # plain gradient descent, as in the lectures: a rate that is too high shows
LONGEST_RUN = 200_000  # steps
MOST_BYTES = 256_000_000  # while it trains
MOST_KEPT = 8_000_000  # bytes, afterwards; fifty ended runs are kept


@dataclass(frozen=True)
class MLPSpec:
    """One run. Raises ValueError naming the option that cannot be.

    corpus: a name of the registry. context_length: n, letters read. d_embedding: d. d_hidden: neurons. batch_size,
    learning_rate, schedule, optimizer, steps: as in `TrainingConfig`. parts: percent of the corpus to train on, to
    choose settings by, and to look at once; they add up to 100. share: percent of the training part that is read.
    patience: stop when the validation loss has not improved for so many evaluations; 0 never stops. seed: of weights
    and batches.
    """

    corpus: str
    context_length: int = 3
    d_embedding: int = 2
    d_hidden: int = 100
    batch_size: int = 64
    learning_rate: float = 0.01
    schedule: str = "cosine"
    optimizer: str = "adamw"
    steps: int = 5000
    parts: tuple[int, int, int] = (80, 10, 10)
    share: float = 100.0
    patience: int = 0
    seed: int = 1

    def __post_init__(self) -> None:
        for name, least, most in (
            ("context_length", 1, 10_000),
            ("d_embedding", 1, 10**9),
            ("d_hidden", 1, 10**9),
            ("batch_size", 1, 10**9),
            ("steps", 1, LONGEST_RUN),
            ("patience", 0, 1000),
        ):
            if not least <= getattr(self, name) <= most:
                raise ValueError(f"{name} must be from {least} to {most:,}, got {getattr(self, name):,}.")
        if sum(self.parts) != 100 or min(self.parts[:2]) < 1 or self.parts[2] < 0:
            raise ValueError(
                f"The parts must be percentages that add up to 100, the first two above 0; got {self.parts}."
            )
        if not 0 < self.share <= 100:
            raise ValueError(f"share must be above 0 and at most 100 percent, got {self.share:g}.")
        self.training_config()

    def training_config(self) -> TrainingConfig:
        """The settings of the loop. Held-out losses on the way are ours: cheaper, and of the training part as well."""
        return TrainingConfig(
            steps=self.steps,
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            final_learning_rate=self.learning_rate / 100,
            warmup=min(100, self.steps // 10),
            weight_decay=0.0,
            clip=NO_CLIPPING,
            evaluate_every=0,
            sample_length=0,
            schedule=self.schedule,
            optimizer=self.optimizer,
            seed=self.seed,
        )

    def model_config(self, vocab_size: int) -> MLPConfig:
        """The model's shape for a vocabulary of that size."""
        return MLPConfig(vocab_size, self.context_length, self.d_embedding, self.d_hidden)


@dataclass(frozen=True)
class MLPProgress:
    """After one update. loss: of its batch, in nats, before the update. record: the run's, the same in every
    progress, so that keeping many of them costs little."""

    step: int
    steps: int
    loss: float
    learning_rate: float
    record: MLPRecord = field(compare=False)


def split_parts(corpus: Corpus, parts: tuple[int, int, int], share: float = 100.0) -> Splits:
    """A corpus cut by percentages: items after the shuffle of `split_items`, running text in order.

    share: percent of the training part to keep, from its beginning; at least one item, or two characters.

    >>> from explorer.text.batches import split_corpus
    >>> corpus = load_corpus("given-names")
    >>> split_parts(corpus, (80, 10, 10)) == split_corpus(corpus)
    True
    """
    first, second = parts[0] / 100, (parts[0] + parts[1]) / 100
    if corpus.kind == "items":
        items = list(corpus.items)
        random.Random(SPLIT_SEED).shuffle(items)
        cuts = int(first * len(items)), int(second * len(items))
        kept = items[: max(1, round(cuts[0] * share / 100))]
        train, validation, test = map(join_items, (kept, items[cuts[0] : cuts[1]], items[cuts[1] :]))
        return Splits(train, validation, test, BOUNDARY)
    text = corpus.text
    cuts = int(first * len(text)), int(second * len(text))
    return Splits(text[: max(2, round(cuts[0] * share / 100))], text[cuts[0] : cuts[1]], text[cuts[1] :])


def character_tokenizer(corpus: Corpus) -> CharTokenizer:
    """The characters of a corpus; among items the newline, which stands between them, is token 0."""
    return CharTokenizer.from_text(join_items(corpus.items) if corpus.kind == "items" else corpus.text)


def check_run(spec: MLPSpec, vocab_size: int, splits: Splits) -> int:
    """The bytes a run takes while it trains; nothing is allocated to say so.

    Raises ValueError where its text is shorter than one window, and where it takes more than MOST_BYTES or would leave
    more than MOST_KEPT behind.
    """
    for name, text in (("training", splits.train), ("validation", splits.validation)):
        if len(text) <= spec.context_length:
            raise ValueError(
                f"A context of {spec.context_length:,} needs a {name} text of at least {spec.context_length + 1:,} "
                f"characters, got {len(text):,}; shorten the context or read more of the text."
            )
    config = spec.model_config(vocab_size)
    needed = check_fits("mlp", config, spec.batch_size, MOST_BYTES)
    # The snapshots of the table, and the newest and the best model.
    kept = 4 * ((SNAPSHOTS + 1) * vocab_size * spec.d_embedding + 2 * count_parameters("mlp", config))
    if kept > MOST_KEPT:
        raise ValueError(
            f"This run would keep about {in_words(kept)} to look at afterwards; here a run may keep "
            f"{in_words(MOST_KEPT)}. Choose a smaller width."
        )
    return needed


def train_mlp(spec: MLPSpec) -> Iterator[MLPProgress]:
    """`train_on` the corpus that the spec names."""
    corpus = load_corpus(spec.corpus)
    yield from train_on(spec, character_tokenizer(corpus), split_parts(corpus, spec.parts, spec.share))


def train_on(spec: MLPSpec, tokenizer: CharTokenizer, splits: Splits) -> Iterator[MLPProgress]:
    """Yield after each update; the record in each progress grows.

    Raises DivergedError where the loss stops being a finite number, or stands at ASTRAY times the loss of no
    preference; the record then holds the best state before. Raises ValueError for a text shorter than a window.
    """
    model = build_model("mlp", spec.model_config(tokenizer.vocab_size), seed=spec.seed)
    assert isinstance(model, MLP)
    trainer = Trainer(model, tokenizer, splits, spec.training_config())
    watch = Watch(spec, trainer)
    watch.look(0)
    watch.evaluate(0)
    snapshots = snapshot_steps(spec.steps)
    every = max(1, spec.steps // EVALUATIONS)
    try:
        for progress in trainer:
            step = progress.step
            if step in snapshots:
                watch.look(step)
            if step % every == 0 or step == spec.steps:
                watch.evaluate(step)
                watch.check_patience(step)
            over = step == spec.steps or bool(watch.record.stopped)
            if over:
                watch.finish(step, splits)
            yield MLPProgress(step, spec.steps, progress.loss, progress.learning_rate, watch.record)
            if over:
                return
            watch.check_course(step, progress.loss)
    except DivergedError:
        watch.go_back()
        raise
