"""One run in several processes, on one machine or many: each computes its share of every batch.

Under `torchrun` every process has the whole model and draws the same batch from the same generator; it takes its rows,
and torch's DistributedDataParallel adds up the gradients while they are computed. Weighted by how many targets each
process had, their sum is the gradient of the whole batch, so the curve is that of one process, to rounding. Two things
are each process's own: the masks of dropout, and the statistics of a BatchNorm, which see its rows alone.

CPUs talk through gloo, CUDA GPUs through NCCL. A process that is lost ends all of them with RankLostError.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from explorer.models.language_model import LanguageModel

PATIENCE = timedelta(minutes=30)  # with a machine that is gone without a word; a process that ends is noticed at once
_SET_BY_TORCHRUN = ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
T = TypeVar("T")


class RankLostError(RuntimeError):
    """Another process of the run ended, or cannot be reached."""


@dataclass(frozen=True)
class Team:
    """The processes of one run, as one of them sees it. rank: its number, from 0. size: how many there are. local:
    its number on its machine. The first writes and speaks for all."""

    rank: int = 0
    size: int = 1
    local: int = 0

    @property
    def is_first(self) -> bool:
        return self.rank == 0

    def check_batch(self, batch_size: int) -> None:
        """Raise ValueError where a batch cannot be cut into equal shares."""
        if batch_size % self.size:
            near = max(1, round(batch_size / self.size)) * self.size
            raise ValueError(
                f"A batch of {batch_size} windows cannot be shared evenly by {self.size} processes; choose a "
                f"--batch-size that {self.size} divides, such as {near}, or another number of processes."
            )

    def share(self, targets: Tensor) -> tuple[slice, float]:
        """This process's rows of a batch, (B, …), and their part of all its targets, from 0 to 1."""
        if self.size == 1:
            return slice(None), 1.0
        each = len(targets) // self.size
        rows = slice(self.rank * each, (self.rank + 1) * each)
        return rows, int((targets[rows] >= 0).sum()) / int((targets >= 0).sum())

    def batch_loss(self, model: LanguageModel, *, compiled: bool) -> Callable[[Tensor, Tensor], Tensor]:
        """`model.loss`; its gradients are averaged over the processes as they are computed."""
        if self.size == 1:
            return torch.compile(model.loss) if compiled else model.loss
        from torch.nn.parallel import DistributedDataParallel

        on_gpu = next(model.parameters()).is_cuda
        with _losses_said():
            shared = DistributedDataParallel(_Loss(model), device_ids=[self.local] if on_gpu else None)
        return torch.compile(shared) if compiled else shared

    def mask_seed(self, seed: int, step: int) -> int:
        """For the dropout masks of one update, in this process alone."""
        mixed = np.random.SeedSequence((seed % 2**64, step, self.rank)).generate_state(1, np.uint64)
        return int(mixed[0])

    def total(self, value: float) -> float:
        """The sum of a number over all processes, the same in each."""
        if self.size == 1:
            return value
        number = torch.tensor(value, dtype=torch.float64)
        with _losses_said():
            torch.distributed.all_reduce(number)
        return float(number)

    def first_does(self, work: Callable[[], T]) -> T:
        """What `work` gives in the first process, in all of them; raises the same ValueError in all of them."""
        if self.size == 1:
            return work()
        result: list[Any] = [None, None]
        if self.is_first:
            try:
                result[0] = work()
            except (ValueError, OSError) as error:
                result[1] = str(error)
        with _losses_said():
            torch.distributed.broadcast_object_list(result, src=0)
        if result[1] is not None:
            raise ValueError(result[1])
        return result[0]


ALONE = Team()


class _Loss(nn.Module):
    """A model whose `forward` is its loss, which is what DistributedDataParallel watches."""

    def __init__(self, model: LanguageModel):
        super().__init__()
        self.model = model

    def forward(self, inputs: Tensor, targets: Tensor) -> Tensor:
        return self.model.loss(inputs, targets)


def launched_team() -> Team:
    """Which process this is, by what `torchrun` has put into the environment; alone without it."""
    if not all(name in os.environ for name in _SET_BY_TORCHRUN):
        return ALONE
    return Team(int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"]), int(os.environ.get("LOCAL_RANK", "0")))


@contextmanager
def joined(team: Team, device: str) -> Iterator[None]:
    """Inside the block the processes can reach each other. Raises ValueError for a device they cannot train on."""
    if team.size == 1:
        yield
        return
    if device == "mps":
        raise ValueError(
            "Apple GPUs (mps) cannot share a run between processes; give --device cpu, or leave torchrun out."
        )
    if device == "cuda":
        if team.local >= torch.cuda.device_count():
            raise ValueError(
                f"This machine has {torch.cuda.device_count()} CUDA GPUs and was given a process number {team.local + 1}; "
                "start at most one process a GPU (--nproc-per-node), or give --device cpu."
            )
        torch.cuda.set_device(team.local)
    with _losses_said():
        torch.distributed.init_process_group("cpu:gloo,cuda:nccl" if device == "cuda" else "gloo", timeout=PATIENCE)
    yield
    torch.distributed.destroy_process_group()  # not after an error: who waits for whom is not known then


@contextmanager
def reaching_all(team: Team) -> Iterator[None]:
    """Inside the block an error of the connection to the other processes becomes RankLostError."""
    if team.size == 1:
        yield
        return
    with _losses_said():
        yield


@contextmanager
def _losses_said() -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:
        is_connection = any(word in str(error) for word in ("gloo", "NCCL", "Connection", "connection", "Timed out"))
        if isinstance(error, RankLostError) or not (is_connection or isinstance(error, torch.distributed.DistError)):
            raise
        raise RankLostError("Another process of this run ended, or cannot be reached any more.") from error
