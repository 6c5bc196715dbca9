"""`train`: its options, and what is said when it ends early."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from explorer.command_line.training_request import Request

RUNS = Path("runs")


def register(cli: typer.Typer) -> None:
    """Add the command `train`."""
    cli.command()(train)


_TEXTS = "What to learn from"
_SHAPE = "The model's shape"
_TRAINING = "How it is trained"
_WHERE = "Where it computes"
_FILES = "Files"


def train(
    preset: Annotated[
        str | None,
        typer.Option(help="A ready-made shape: gpt-tiny (default), names-wavenet, …; another word lists them."),
    ] = None,
    init_from: Annotated[
        str | None,
        typer.Option(help="Fine-tune this checkpoint (a name from `checkpoints` or a path) on --corpus or --text."),
    ] = None,
    resume: Annotated[bool, typer.Option(help="Go on from the last saved state of this name.")] = False,
    corpus: Annotated[
        str | None, typer.Option(help="A name from `corpora`; default: the preset's.", rich_help_panel=_TEXTS)
    ] = None,
    text: Annotated[
        Path | None,
        typer.Option(help="Your own text file: UTF-8, UTF-16 with its mark, or Latin-1.", rich_help_panel=_TEXTS),
    ] = None,
    kind: Annotated[
        str, typer.Option(help="How --text is read: text, items (one a line), or auto.", rich_help_panel=_TEXTS)
    ] = "auto",
    tokenizer: Annotated[
        str | None, typer.Option(help="char, word or bpe; default: the preset's.", rich_help_panel=_TEXTS)
    ] = None,
    vocab_size: Annotated[
        int | None,
        typer.Option(help="Tokens of a bpe vocabulary, or words of a word one.", rich_help_panel=_TEXTS),
    ] = None,
    context_length: Annotated[
        int | None, typer.Option(help="Tokens the model can look back on.", rich_help_panel=_SHAPE)
    ] = None,
    layers: Annotated[int | None, typer.Option(help="Blocks.", rich_help_panel=_SHAPE)] = None,
    heads: Annotated[int | None, typer.Option(help="Attention heads per block.", rich_help_panel=_SHAPE)] = None,
    width: Annotated[int | None, typer.Option(help="Channels of the residual stream.", rich_help_panel=_SHAPE)] = None,
    dropout: Annotated[
        float | None, typer.Option(help="Share of numbers zeroed while training.", rich_help_panel=_SHAPE)
    ] = None,
    steps: Annotated[int | None, typer.Option(help="How many updates.", rich_help_panel=_TRAINING)] = None,
    batch_size: Annotated[
        int | None,
        typer.Option(help="Windows of text per update, of all processes together.", rich_help_panel=_TRAINING),
    ] = None,
    optimizer: Annotated[str | None, typer.Option(help="adamw, muon or sgd.", rich_help_panel=_TRAINING)] = None,
    learning_rate: Annotated[
        float | None, typer.Option(help="The peak of the schedule.", rich_help_panel=_TRAINING)
    ] = None,
    matrix_learning_rate: Annotated[
        float | None, typer.Option(help="Muon's own peak, for matrices.", rich_help_panel=_TRAINING)
    ] = None,
    schedule: Annotated[
        str | None,
        typer.Option(help="Of the learning rate: cosine, linear, constant or step.", rich_help_panel=_TRAINING),
    ] = None,
    weight_decay: Annotated[
        float | None, typer.Option(help="How much matrices are pulled towards zero.", rich_help_panel=_TRAINING)
    ] = None,
    average: Annotated[
        float | None,
        typer.Option(
            help="Keep a running mean of the weights: 0.999 remembers 1,000 steps.", rich_help_panel=_TRAINING
        ),
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME=VALUE",
            help="Any other option of the model or the training, such as warmup=20 or norm=layer; repeatable.",
            rich_help_panel=_TRAINING,
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of weights, batches and dropout.", rich_help_panel=_TRAINING)] = 1,
    device: Annotated[
        str, typer.Option(help="cpu, cuda, mps, or auto: a GPU where there is one.", rich_help_panel=_WHERE)
    ] = "auto",
    precision: Annotated[
        str,
        typer.Option(help="Of matrix products: float32, bfloat16, or auto: what helps here.", rich_help_panel=_WHERE),
    ] = "auto",
    compiled: Annotated[
        bool | None,
        typer.Option("--compile/--no-compile", help="By torch.compile; default: on CUDA.", rich_help_panel=_WHERE),
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="The checkpoint's name; default: the preset's.", rich_help_panel=_FILES)
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="The folder; default: where `checkpoints` looks.", rich_help_panel=_FILES)
    ] = None,
    dtype: Annotated[
        str, typer.Option(help="How weights are stored: float32, float16, bfloat16.", rich_help_panel=_FILES)
    ] = "float32",
    save_every: Annotated[
        int, typer.Option(help="Steps between saved states to resume from.", rich_help_panel=_FILES)
    ] = 250,
    snapshots: Annotated[
        int | None,
        typer.Option(
            help="Keep the weights at so many steps, on a logarithmic scale, for the page GPT inside: in snapshots/NAME/, "
            "or under --out.",
            rich_help_panel=_FILES,
        ),
    ] = None,
) -> None:
    """Train a model and write its checkpoint: weights and a card that says how to repeat them.

    Start from a preset, or from a checkpoint with `--init-from`, and change what you like. While it runs, the state is
    saved to `runs/NAME.safetensors`; after Ctrl-C or a crash, the same command with `--resume` goes on exactly where
    it was. Under `torchrun` several processes share each batch.

    Example: `python -m explorer train --preset gpt-tiny --corpus tale --name my-tale`
    """
    from explorer.command_line.training_run import carry_out

    given_to_model = {
        "context_length": context_length,
        "n_layers": layers,
        "n_heads": heads,
        "d_model": width,
        "dropout": dropout,
    }
    given_to_training = {
        "steps": steps,
        "batch_size": batch_size,
        "optimizer": optimizer,
        "learning_rate": learning_rate,
        "matrix_learning_rate": matrix_learning_rate,
        "schedule": schedule,
        "weight_decay": weight_decay,
        "average": average,
    }
    request = Request(
        preset=preset,
        init_from=init_from,
        corpus=corpus,
        text=text,
        kind=kind,
        tokenizer=tokenizer,
        vocab_size=vocab_size,
        model={option: value for option, value in given_to_model.items() if value is not None},
        training={option: value for option, value in given_to_training.items() if value is not None},
        settings=tuple(settings or ()),
        seed=seed,
        name=name,
    )
    carry_out(
        request,
        hardware=(device, precision, compiled),
        runs=RUNS,
        out=out,
        dtype=dtype,
        save_every=save_every,
        resume=resume,
        snapshots=snapshots,
    )
