"""Runs commands of `python -m explorer`, each in several processes that know of each other as under `torchrun`.

Torch is imported once, and every process is a fork of this one. Standard input is a JSON list of jobs: `processes`,
`arguments` and, where a run is to be asked to end (SIGTERM to its last process), `ask_when`: the file to wait for.
Prints a JSON list: for each job, exit status and standard error of each process.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import time
from pathlib import Path
from typing import Any

import torch

from explorer.__main__ import cli
from explorer.command_line import training_run

torch.set_num_threads(1)
training_run.TURN = 0.5
torch.optim.SGD([torch.zeros(1)])  # which imports a great deal more, here once for all processes


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start(rank: int, size: int, port: int, arguments: list[str], errors: Path) -> int:
    child = os.fork()
    if child:
        return child
    os.dup2(os.open(errors, os.O_WRONLY | os.O_CREAT), 2)
    if size > 1:
        where = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "LOCAL_RANK": rank, "LOCAL_WORLD_SIZE": size}
        os.environ.update({name: str(value) for name, value in (where | {"RANK": rank, "WORLD_SIZE": size}).items()})
    sys.argv = ["explorer", *arguments]
    status = 70
    try:
        cli(arguments)
    except SystemExit as end:
        status = int(end.code or 0)
    finally:
        sys.stderr.flush()
        os._exit(status)


def run(job: dict[str, Any], number: int) -> list[tuple[int, str]]:
    size, port = job["processes"], free_port()
    errors = [Path(f"job{number}.{rank}.txt") for rank in range(size)]
    children = [start(rank, size, port, job["arguments"], errors[rank]) for rank in range(size)]
    if job.get("ask_when"):
        while not Path(job["ask_when"]).exists():
            time.sleep(0.005)
        os.kill(children[-1], signal.SIGTERM)
    statuses = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    return list(zip(statuses, (path.read_text() for path in errors), strict=True))


if __name__ == "__main__":
    print(json.dumps([run(job, number) for number, job in enumerate(json.load(sys.stdin))]))
