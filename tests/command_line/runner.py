"""Typing a command and looking at what came of it."""

from __future__ import annotations

from typer.testing import CliRunner, Result

from explorer.__main__ import cli

SMALL = ("--layers", 1, "--heads", 2, "--width", 8, "--context-length", 16, "--batch-size", 4)


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, [str(argument) for argument in arguments])


def run_well(*arguments: object) -> Result:
    result = run(*arguments)
    assert result.exit_code == 0, result.output
    return result


def run_badly(*arguments: object) -> str:
    """What is said of a mistake: one line on standard error, status 1, no traceback and nothing on standard output."""
    result = run(*arguments)
    assert isinstance(result.exception, SystemExit), repr(result.exception)
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1
    return str(result.stderr)
