"""`train`: from a preset, a corpus and options to a checkpoint, with a progress bar and a state to resume from."""

from __future__ import annotations

import datetime
import shlex
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from explorer.models import cards

if TYPE_CHECKING:
    from explorer.text.corpora import Corpus
    from explorer.training.trainer import Trainer

console = Console(stderr=True)
RUNS = Path("runs")


def register(cli: typer.Typer) -> None:
    """Add the command `train`."""
    cli.command()(train)


def train(
    preset: Annotated[
        str, typer.Option(help="A ready-made shape: gpt-tiny, names-wavenet, …; another word lists them.")
    ] = "gpt-tiny",
    corpus: Annotated[str | None, typer.Option(help="A name from `corpora`; default: the preset's.")] = None,
    text: Annotated[Path | None, typer.Option(help="Your own UTF-8 text file instead of a corpus.")] = None,
    name: Annotated[str | None, typer.Option(help="The checkpoint's name; default: the preset's.")] = None,
    out: Annotated[Path | None, typer.Option(help="The folder; default: where `checkpoints` looks.")] = None,
    steps: Annotated[int | None, typer.Option(help="How many updates.")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Windows of text per update.")] = None,
    learning_rate: Annotated[float | None, typer.Option(help="The peak of the schedule.")] = None,
    context_length: Annotated[int | None, typer.Option(help="Tokens the model can look back on.")] = None,
    layers: Annotated[int | None, typer.Option(help="Blocks.")] = None,
    heads: Annotated[int | None, typer.Option(help="Attention heads per block.")] = None,
    width: Annotated[int | None, typer.Option(help="Channels of the residual stream.")] = None,
    dropout: Annotated[float | None, typer.Option(help="Share of numbers zeroed while training.")] = None,
    tokenizer: Annotated[str | None, typer.Option(help="char, word or bpe; default: the preset's.")] = None,
    vocab_size: Annotated[int | None, typer.Option(help="Tokens of a bpe vocabulary, or words of a word one.")] = None,
    seed: Annotated[int, typer.Option(help="Of weights, batches and dropout.")] = 1,
    dtype: Annotated[str, typer.Option(help="How weights are stored: float32, float16, bfloat16.")] = "float32",
    save_every: Annotated[int, typer.Option(help="Steps between saved states to resume from.")] = 250,
    resume: Annotated[bool, typer.Option(help="Go on from the last saved state of this name.")] = False,
) -> None:
    """Train a model and write its checkpoint: weights and a card that says how to repeat them.

    Start from a preset and change what you like. While it runs, the state is saved to `runs/NAME.safetensors`;
    after Ctrl-C or a crash, the same command with `--resume` goes on exactly where it was.

    Example: `python -m explorer train --preset gpt-tiny --corpus tale --name my-tale`
    """
    from explorer.models.checkpoints import check_dtype
    from explorer.text.corpora import CorpusError
    from explorer.training.trainer import DivergedError

    model_options = {
        "context_length": context_length,
        "n_layers": layers,
        "n_heads": heads,
        "d_model": width,
        "dropout": dropout,
    }
    training_options = {"steps": steps, "batch_size": batch_size, "learning_rate": learning_rate}
    job = None
    try:
        check_dtype(dtype)
        if save_every < 1:
            raise ValueError(f"save-every must be at least 1 step, got {save_every}.")
        folder = out or cards.FOLDER
        _make_folder(folder)
        job = _TrainingCommand(
            preset, corpus, text, name or preset, seed, model_options, training_options, (tokenizer, vocab_size)
        )
        if resume:
            job.resume()
        job.run(save_every)
        job.write_checkpoint(folder, dtype)
    except (ValueError, OSError, CorpusError, DivergedError) as error:
        console.print(f"[bold red]error[/]: {escape(str(error))}", highlight=False, soft_wrap=True)
        raise typer.Exit(1) from error
    except KeyboardInterrupt:
        if job is not None and job.saved_step is not None:
            console.print(f"Stopped; the same command with --resume goes on from step {job.saved_step}.")
        else:
            console.print(f"Stopped before the first state was saved (one is every {save_every} steps).")
        raise typer.Exit(130) from None


class _TrainingCommand:
    """One run of `train`: builds the trainer, drives it with a progress bar, writes the checkpoint."""

    def __init__(
        self,
        preset_name: str,
        corpus_name: str | None,
        text: Path | None,
        name: str,
        seed: int,
        model_options: dict[str, Any],
        training_options: dict[str, Any],
        tokenizer_options: tuple[str | None, int | None],
    ):
        from explorer.models.registry import PRESETS, build_config, build_model
        from explorer.text.batches import boundary_token, split_corpus
        from explorer.text.tokenizers import learn_tokenizer
        from explorer.training.config import TrainingConfig
        from explorer.training.trainer import Trainer

        if preset_name not in PRESETS:
            raise ValueError(f"Expected a preset among {', '.join(PRESETS)}, got {preset_name!r}.")
        if Path(name).name != name:
            raise ValueError(f"A checkpoint's name is a file name without folders, got {name!r}; use --out.")
        preset = PRESETS[preset_name]
        self.name, self.architecture = name, preset.architecture
        self.corpus = _read_corpus(corpus_name or preset.corpus, text)
        splits = split_corpus(self.corpus)
        kind, size = tokenizer_options
        tokenizer = learn_tokenizer(kind or preset.tokenizer, self.corpus.text, splits.train, size or preset.vocab_size)
        chosen = {key: value for key, value in model_options.items() if value is not None}
        config = build_config(preset.architecture, {"vocab_size": tokenizer.vocab_size, **preset.model, **chosen})
        boundary = boundary_token(splits, tokenizer)
        if boundary is not None and hasattr(config, "pad_id"):
            config = replace(config, pad_id=boundary)
        chosen = {key: value for key, value in training_options.items() if value is not None}
        self.trainer: Trainer = Trainer(
            build_model(preset.architecture, config, seed=seed),
            tokenizer,
            splits,
            TrainingConfig(**{**preset.training, **chosen, "seed": seed}),
        )
        self.splits = splits
        self.history: list[tuple[int, float]] = []
        self.saved_step: int | None = None

    @property
    def run_path(self) -> Path:
        return RUNS / f"{self.name}.safetensors"

    def resume(self) -> None:
        """Take up the saved state; raises ValueError where it belongs to other settings."""
        from explorer.training.runs import load_run

        tensors, facts = load_run(self.run_path)
        if facts.get("run") != self._identity():
            raise ValueError(
                f"{self.run_path} was made with other settings: {facts.get('run')}; "
                "give the same ones, or another --name."
            )
        self.trainer.load_state_tensors(tensors)
        self.saved_step = self.trainer.step
        self.history = [(int(step), loss) for step, loss in facts.get("history", [])]

    def run(self, save_every: int) -> None:
        """Train to the last step, showing loss, speed and the time left."""
        from explorer.training.runs import save_run

        columns = [TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()]
        columns += [
            TimeElapsedColumn(),
            TextColumn("ETA"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[facts]}"),
        ]
        with Progress(*columns, console=console) as bar:
            total = self.trainer.config.steps
            task = bar.add_task(self.name, total=total, completed=self.trainer.step, facts="")
            for now in self.trainer:
                bar.update(
                    task,
                    completed=now.step,
                    facts=f"loss {now.loss:.3f} · {now.tokens_per_second:,.0f} tokens/s",
                )
                if now.validation_loss is not None:
                    self.history.append((now.step, round(now.validation_loss, 4)))
                    bar.console.print(f"step {now.step:,}: held-out loss {now.validation_loss:.4f} nats")
                if now.step % save_every == 0 or now.step == total:
                    save_run(self.run_path, self.trainer, {"run": self._identity(), "history": self.history})
                    self.saved_step = now.step

    def write_checkpoint(self, folder: Path, dtype: str) -> None:
        """Write weights and card; the card's losses and sample are those of the weights as they are stored."""
        from explorer.models.checkpoints import round_weights, save_checkpoint

        round_weights(self.trainer.model, dtype)
        path = save_checkpoint(
            folder / self.name,
            self.trainer.model,
            self.trainer.tokenizer,
            architecture=self.architecture,
            facts=self._facts(),
            dtype=dtype,
        )
        console.print(f"Wrote {path}.", soft_wrap=True)

    def _facts(self) -> dict[str, Any]:
        """What the card says beside the model's shape."""
        from explorer.training.evaluation import baseline_samples, baselines, bits_per_byte, evaluate, mean_loss

        trainer = self.trainer
        config = trainer.config
        sample_of_train = trainer.train_ids[: len(trainer.validation_ids)]
        validation_loss = round(mean_loss(trainer.model, trainer.validation_batches), 4)
        console.print(f"Held-out loss of the weights as stored: {validation_loss:.4f} nats.")
        return {
            "corpus": {
                "name": self.corpus.name,
                "kind": self.corpus.kind,
                "sha256": self.corpus.sha256,
                "characters": len(self.corpus.text),
            },
            "seed": config.seed,
            "training": asdict(config),
            "steps": trainer.step,
            "tokens": trainer.tokens,
            "minutes": round(trainer.seconds / 60, 1),
            "command": "python -m explorer " + shlex.join(a for a in sys.argv[1:] if a != "--resume"),
            "losses": {
                "train": round(evaluate(trainer.model, sample_of_train, trainer.boundary), 4),
                "validation": validation_loss,
                "bits_per_byte": bits_per_byte(validation_loss, trainer.tokenizer, self.splits.validation),
                "curve": self.history,
            },
            "sample": trainer.sample(),
            "baselines": baselines(trainer.train_ids, trainer.validation_ids, trainer.tokenizer.vocab_size),
            "baseline_samples": baseline_samples(trainer.train_ids, trainer.tokenizer, trainer.boundary),
            "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        }

    def _identity(self) -> dict[str, Any]:
        """What must be the same for a saved state to belong to this run."""
        return {
            "architecture": self.architecture,
            "config": dict(vars(self.trainer.model.config)),
            "training": asdict(self.trainer.config),
            "corpus": self.corpus.sha256,
        }


def _make_folder(folder: Path) -> None:
    """Make the checkpoint's folder now: after hours of training would be late to hear that it cannot be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(
            f"The folder {folder} cannot be made ({error.strerror or error}); choose another with --out."
        ) from error


def _read_corpus(name: str, text: Path | None) -> Corpus:
    """The named corpus, or the visitor's own file as running text."""
    import hashlib

    from explorer.command_line.measuring import read_text
    from explorer.text.corpora import Corpus, load_corpus

    if text is None:
        return load_corpus(name)
    content = read_text(text)
    return Corpus(text.name, content, "text", hashlib.sha256(text.read_bytes()).hexdigest())
