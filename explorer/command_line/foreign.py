"""`checkpoints add`: somebody else's GPT-2 as a checkpoint that every page of the app reads."""

from __future__ import annotations

import datetime
import errno
import re
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from explorer.models import cards

if TYPE_CHECKING:
    from explorer.models.foreign import ForeignModel
    from explorer.text.tokenizers import Tokenizer

console = Console(stderr=True)
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")


def register(group: typer.Typer) -> None:
    """Add the command `add`."""
    group.command()(add)


def add(
    source: Annotated[
        str,
        typer.Argument(
            help="A nanoGPT `ckpt.pt`, a folder with a GPT-2, or a GPT-2 on the hub: openai-community/gpt2."
        ),
    ],
    name: Annotated[str | None, typer.Option(help="What to call it; default: from the source.")] = None,
    out: Annotated[
        Path | None, typer.Option(help="The folder; default: what EXPLORER_CHECKPOINTS names, else checkpoints/.")
    ] = None,
    dtype: Annotated[
        str | None, typer.Option(help="How weights are stored: float32, float16, bfloat16; default: as they came.")
    ] = None,
    tokenizer: Annotated[
        str | None, typer.Option(help="gpt2, a tokenizer.json, or a folder that has one; default: the source's own.")
    ] = None,
    characters: Annotated[
        Path | None, typer.Option(help="For a character model: nanoGPT's meta.pkl, or its characters as JSON.")
    ] = None,
) -> None:
    """Add a GPT-2 that was trained elsewhere; afterwards every page works on it.

    Read are a nanoGPT `ckpt.pt` (with the `meta.pkl` of its characters, which is not unpickled but taken apart), and any
    model of the GPT-2 family, as a folder or by its name on the Hugging Face hub: `config.json`, safetensors and
    `tokenizer.json`. Files that could run code are not read. The card notes the source, the SHA-256 of its files and the
    licence where the source names one.

    Examples: `python -m explorer checkpoints add openai-community/gpt2 --dtype float16`,
    `python -m explorer checkpoints add out-shakespeare-char/ckpt.pt --name my-nanogpt`
    """
    from explorer.models.weights_file import check_dtype

    folder = out or cards.FOLDER
    try:
        if dtype is not None:
            check_dtype(dtype)
        chosen = _checked_name(name or _name_of(source), folder)
        with console.status("Reading…"):
            model, read = _read(source, tokenizer, characters)
        _write(folder / chosen, model, read, dtype or model.dtype)
    except OSError as error:
        said = (
            f"The disk is full ({folder.absolute()}): make room, choose another folder with --out, or store half as much "
            "with --dtype float16. Nothing was added."
            if error.errno in (errno.ENOSPC, errno.EDQUOT)
            else f"{error.strerror or error}: {error.filename or folder}. Choose another folder with --out."
        )
        raise _failed(said) from error
    except ValueError as error:
        raise _failed(str(error)) from error


def _failed(said: str) -> typer.Exit:
    console.print(f"[bold red]error[/]: {escape(said)}", highlight=False, soft_wrap=True)
    return typer.Exit(1)


def _name_of(source: str) -> str:
    """A name from a source: of a `ckpt.pt` its folder's, else the last part."""
    path = Path(source).expanduser()
    return path.absolute().parent.name if path.is_file() else path.absolute().name


def _checked_name(name: str, folder: Path) -> str:
    """The name, if it can be a file's and is free; raises ValueError otherwise."""
    if not _NAME.fullmatch(name) or name.endswith(".tokenizer"):
        raise ValueError(
            f"A checkpoint's name is a file name of letters, digits and . _ - without folders, got {name!r}; give another "
            "with --name, and the folder with --out."
        )
    if taken := [path for path in _files(folder / name) if path.exists()]:
        raise ValueError(f"There is already {taken[0]}; give another --name, or delete that checkpoint first.")
    return name


def _files(path: Path) -> list[Path]:
    """What a checkpoint of this path consists of, or may."""
    return [path.with_name(path.name + ending) for ending in (".json", ".safetensors", cards.TOKENIZER_SUFFIX)]


def _read(source: str, tokenizer: str | None, characters: Path | None) -> tuple[ForeignModel, Tokenizer]:
    """The model and its tokenizer, fitted to each other; raises ValueError in one sentence."""
    from dataclasses import replace

    from explorer.models.foreign import ForeignError, fit_vocabulary, read_folder
    from explorer.models.hub import REPOSITORY, fetch
    from explorer.models.nanogpt import read_nanogpt

    path = Path(source).expanduser()
    facts: dict[str, Any]
    if path.is_dir() and not (path / "config.json").is_file() and (path / "ckpt.pt").is_file():
        path = path / "ckpt.pt"
    if path.is_file():
        model = read_nanogpt(path)
        facts = {"kind": "nanoGPT", "from": path.name}
        read, named = _tokenizer_of(path, tokenizer, characters, model.config.vocab_size)
    else:
        folder, facts = path, {"kind": "folder", "from": path.absolute().name}
        if not path.is_dir():
            if not REPOSITORY.fullmatch(source) or source.endswith((".pt", ".safetensors", ".bin")):
                raise ForeignError(
                    f"There is no file or folder {source!r}, and it is no name on the hub; expected a nanoGPT ckpt.pt, a "
                    "folder, or a name like openai-community/gpt2."
                )
            folder, revision = fetch(source, lambda said: console.print(said, soft_wrap=True))
            facts = {"kind": "hub", "from": source, "revision": revision}
        model = read_folder(folder)
        read, named = _tokenizer_of(folder, tokenizer, characters, model.config.vocab_size)
    fitted = fit_vocabulary(model, read.vocab_size, named)
    return replace(fitted, facts={**facts, **fitted.facts}), read


def _tokenizer_of(source: Path, chosen: str | None, characters: Path | None, vocab_size: int) -> tuple[Tokenizer, str]:
    """The tokenizer that was asked for or that lies with the model, and what to call it."""
    from explorer.models.foreign import ForeignError
    from explorer.models.nanogpt import GPT2_SIZES, find_characters
    from explorer.text.character_tables import read_characters
    from explorer.text.foreign_tokenizers import find_tokenizer, gpt2_tokenizer

    if characters is not None:
        return read_characters(characters), str(characters)
    if chosen is not None and chosen != "gpt2":
        return find_tokenizer(Path(chosen).expanduser()), chosen
    if chosen is None and source.is_dir():
        return find_tokenizer(source), "its tokenizer"
    if chosen is None and (found := find_characters(source)) is not None:
        return found, "its character table"
    if chosen == "gpt2" or vocab_size in GPT2_SIZES:  # as nanoGPT's sample.py does where there is no table
        return gpt2_tokenizer(), "GPT-2's vocabulary"
    raise ForeignError(
        f"There is no meta.pkl or meta.json with {source.name} to say which of its {vocab_size:,} tokens is what; give the "
        "characters with --characters FILE, or --tokenizer gpt2 or FILE."
    )


def _write(path: Path, model: ForeignModel, tokenizer: Tokenizer, dtype: str) -> None:
    """Store the checkpoint and say what it is; nothing is left where that fails."""
    from explorer.models.checkpoints import store_checkpoint

    config = model.config
    facts = {
        "source": {key: value for key, value in model.facts.items() if key != "licence"},
        "licence": model.facts.get("licence"),
        "command": "python -m explorer " + shlex.join(sys.argv[1:]),
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
    }
    try:
        with console.status(f"Writing {path.name}…"):
            card = store_checkpoint(
                path,
                model.tensors,
                vars(config),
                tokenizer,
                architecture="gpt",
                facts=facts,
                dtype=dtype,
                must_be_finite=True,
            )
    except BaseException:
        for file in _files(path):
            file.unlink(missing_ok=True)
        raise
    if left_out := model.facts.get("padding_left_out"):
        console.print(f"Left out {left_out} rows that only fill the vocabulary up to {config.vocab_size + left_out:,}.")
    parameters = sum(tensor.numel() for tensor in model.tensors.values())
    console.print(
        f"Wrote {card}: {parameters:,} parameters, {config.n_layers} layers × {config.n_heads} heads, "
        f"{config.context_length:,} positions, {config.vocab_size:,} tokens. The app needs about "
        f"{parameters * 4 / 1e6:,.0f} MB of memory for it.",
        soft_wrap=True,
        highlight=False,
    )
