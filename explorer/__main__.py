"""The command line: `python -m explorer train|generate|evaluate|corpora|checkpoints --help`.

Torch is imported inside the commands, so that `--help` answers at once.
"""

from __future__ import annotations

import codecs
import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from explorer.command_line import foreign, training

if TYPE_CHECKING:
    from explorer.models.generation import GeneratedToken
    from explorer.text.tokenizers import Tokenizer

cli = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    help="Train small language models, sample from them and measure them.\n\n"
    "A first session: `corpora` lists what there is to read; `train --preset gpt-tiny --name mine` trains on it; "
    '`generate --checkpoint mine --prompt "ROMEO:"` writes; `evaluate --checkpoint mine` measures.',
)
training.register(cli)
console = Console()


def fail(message: object) -> typer.Exit:
    """Print one sentence on standard error; raise the result to end with status 1."""
    said = escape(str(message))  # what was typed may look like markup
    Console(stderr=True).print(f"[bold red]error[/]: {said}", highlight=False, soft_wrap=True)
    return typer.Exit(1)


@cli.command()
def generate(
    checkpoint: Annotated[str, typer.Option(help="A name from `checkpoints`, or the path of a card.")],
    prompt: Annotated[str, typer.Option(help="The text to continue.")] = "\n",
    length: Annotated[int, typer.Option(help="How many tokens to write.")] = 500,
    temperature: Annotated[
        float, typer.Option(help="Below 1 is safer, above 1 is wilder, 0 always takes the likeliest.")
    ] = 0.8,
    top_k: Annotated[int | None, typer.Option(help="Keep only the k likeliest tokens at each step.")] = None,
    top_p: Annotated[float, typer.Option(help="Keep the likeliest tokens that reach this probability.")] = 1.0,
    context_length: Annotated[int | None, typer.Option(help="Tokens the model may look back on.")] = None,
    seed: Annotated[int, typer.Option(help="The same seed writes the same text.")] = 1,
) -> None:
    """Continue a prompt with a trained model.

    Example: `python -m explorer generate --checkpoint shakespeare-gpt --prompt "ROMEO:" --seed 1`
    """
    from explorer.core.sampling import SamplingSettings
    from explorer.models.checkpoints import load_checkpoint
    from explorer.models.generation import generate as generate_tokens

    try:
        loaded = load_checkpoint(checkpoint)
        ids = loaded.tokenizer.encode(prompt)
        settings = SamplingSettings(temperature, top_k, top_p)
        tokens = generate_tokens(
            loaded.model,
            ids,
            length,
            settings,
            seed=seed,
            context_length=context_length,
            boundary=loaded.boundary,
        )
    except ValueError as error:
        raise fail(error) from error
    sys.stdout.write(prompt)
    for text in _as_it_comes(loaded.tokenizer, tokens):
        sys.stdout.write(text)
        sys.stdout.flush()
    sys.stdout.write("\n")


def _as_it_comes(tokenizer: Tokenizer, tokens: Iterable[GeneratedToken]) -> Iterator[str]:
    """What each token adds to the text; the bytes of a character that is spread over tokens wait for the last of them."""
    token_bytes = getattr(tokenizer, "token_bytes", None)
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    for generated in tokens:
        if token_bytes is None:
            yield tokenizer.decode([generated.token])
        else:
            yield decoder.decode(token_bytes(generated.token))
    yield decoder.decode(b"", final=True)


@cli.command()
def evaluate(
    checkpoint: Annotated[str, typer.Option(help="A name from `checkpoints`, or the path of a card.")],
    corpus: Annotated[str | None, typer.Option(help="A corpus by name; default: the one it learned.")] = None,
    text: Annotated[Path | None, typer.Option(help="A text file; its last 10 % are held out.")] = None,
    drop_unknown: Annotated[bool, typer.Option(help="Leave out characters the model has never seen.")] = False,
) -> None:
    """Measure the held-out loss over a whole validation split; prints one line of JSON.

    `val_loss` is the mean −ln p of each held-out token in nats (lower is better; guessing evenly scores ln V);
    `bits_per_char` and `bits_per_byte` are the same cost per character and per UTF-8 byte of text in bits,
    comparable between tokenizers; `tokens` is how
    many were predicted.

    Example: `python -m explorer evaluate --checkpoint shakespeare-gpt --text input.txt`
    """
    from explorer.command_line.measuring import held_out_report
    from explorer.text.corpora import CorpusError

    try:
        report = held_out_report(checkpoint, corpus=corpus, text=text, drop_unknown=drop_unknown)
    except (ValueError, OSError, CorpusError) as error:
        raise fail(error) from error
    sys.stdout.write(json.dumps(report) + "\n")


@cli.command()
def corpora(
    fetch: Annotated[str | None, typer.Option(help="Download (or find) this one now, and check it.")] = None,
) -> None:
    """List the texts a model can be trained on, or fetch one."""
    from explorer.text.corpora import CORPORA, CorpusError, is_local, load_corpus

    if fetch is not None:
        try:
            corpus = load_corpus(fetch)
        except CorpusError as error:
            raise fail(error) from error
        console.print(f"{fetch}: {len(corpus.text):,} characters, SHA-256 {corpus.sha256}", soft_wrap=True)
        return
    table = Table(Column("name", no_wrap=True), "what it is", "language", "licence", "here?", title="Corpora")
    for name, entry in CORPORA.items():
        here = "yes" if is_local(name) else f"--fetch {name}"
        table.add_row(name, f"{entry.title}: {entry.description}", entry.language, entry.licence, here)
    console.print(table)


checkpoints_group = typer.Typer(rich_markup_mode="markdown")
foreign.register(checkpoints_group)
cli.add_typer(checkpoints_group, name="checkpoints")


@checkpoints_group.callback(invoke_without_command=True)
def checkpoints(
    context: typer.Context,
    show: Annotated[str | None, typer.Option(help="Print this one's whole card as JSON.")] = None,
) -> None:
    """List the trained weights, or show the card of one; `add` brings in a GPT-2 from elsewhere.

    They lie in `checkpoints/`, or in the folder that the environment variable EXPLORER_CHECKPOINTS names; the app uses
    the same.
    """
    if context.invoked_subcommand is not None:
        return
    from explorer.models.checkpoints import CheckpointError, find_card, list_checkpoints, read_card

    try:
        if show is not None:
            sys.stdout.write(json.dumps(read_card(find_card(show)), indent=2, ensure_ascii=False) + "\n")
            return
        cards = {name: read_card(find_card(name)) for name in list_checkpoints()}
    except CheckpointError as error:
        raise fail(error) from error
    name_column = Column("name", no_wrap=True)  # it is what one types next
    table = Table(name_column, "model", "parameters", "corpus", "held-out loss", "trained", title="Checkpoints")
    for name, card in cards.items():
        loss = card.get("losses", {}).get("validation")
        table.add_row(
            name,
            card["architecture"],
            f"{card.get('parameters', 0):,}",
            card.get("corpus", {}).get("name") or card.get("source", {}).get("from", "?"),
            "?" if loss is None else f"{loss:.4f} nats",
            card.get("date", "?"),
        )
    console.print(table)


if __name__ == "__main__":
    cli()
