"""What turns gradients into updates: AdamW, plain gradient descent, and Muon.

    AdamW   every number at its own pace: the mean gradient over the root of the mean square    Loshchilov & Hutter, 2019
    Muon    a matrix as a whole: its mean gradient, with all singular values set to about 1     Jordan et al., 2024

Muon is for matrices that turn vectors into vectors. Tables of embeddings, the unembedding and all vectors (norms,
biases) are left to AdamW in the same optimizer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn

from explorer.training.config import TrainingConfig

_NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)  # Jordan's: steep at 0, so that five rounds suffice


def make_adamw(model: nn.Module, config: TrainingConfig) -> torch.optim.AdamW:
    """AdamW that pulls matrices towards zero and leaves vectors (biases, norms) alone.

    A bias or a norm's scale has no neighbour to be redundant with, so shrinking it only costs accuracy.
    """
    parameters = [p for p in model.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in parameters if p.dim() >= 2], "weight_decay": config.weight_decay},
        {"params": [p for p in parameters if p.dim() < 2], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(
        [group for group in groups if group["params"]],
        lr=config.learning_rate,
        betas=(config.beta1, config.beta2),
        fused=True,
    )


def orthogonalise(matrix: Tensor, rounds: int = 5) -> Tensor:
    """The matrix with its singular vectors kept and every singular value moved to about 1: (m, n) to (m, n).

    Newton–Schulz rounds x ← a x + b (x xᵀ) x + c (x xᵀ)² x, which need products only (Bernstein & Newhouse, 2024); with
    Jordan's numbers those that are not tiny end between about 0.7 and 1.2, which serves as well as 1. Several matrices of
    one shape may be stacked, (k, m, n).

    >>> torch.linalg.svdvals(orthogonalise(torch.diag(torch.tensor([5.0, 1.0])))).round().tolist()
    [1.0, 1.0]
    """
    a, b, c = _NEWTON_SCHULZ
    is_tall = matrix.shape[-2] > matrix.shape[-1]
    x = matrix.mT if is_tall else matrix
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)  # singular values of at most 1, where the rounds converge
    for _ in range(rounds):
        squares = x @ x.mT
        x = a * x + (b * squares + c * squares @ squares) @ x
    return x.mT if is_tall else x


class Muon(torch.optim.Optimizer):
    """Muon for matrices and AdamW for the rest, each with a rate of its own.

    A matrix moves by rate · √max(1, rows / columns) · orthogonalise(Nesterov's mean of its gradients), so that no
    direction is left behind, however small its gradients are; it is orthogonalised in `precision`. Projections to
    queries, keys and values that lie in one weight, (3C, C), are three matrices: `parts` says how many. weight_decay
    pulls towards zero by rate · decay.
    """

    def __init__(self, groups: Iterable[dict[str, Any]]):
        super().__init__(
            groups,
            {
                "lr": 0.02,
                "momentum": 0.95,
                "betas": (0.9, 0.95),
                "weight_decay": 0.0,
                "parts": 1,
                "precision": torch.float32,
            },
        )

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """One update of every parameter that has a gradient."""
        loss = None if closure is None else closure()
        for group in self.param_groups:
            update = self._matrices if group["kind"] == "matrix" else self._others
            update(group, [p for p in group["params"] if p.grad is not None])
        return loss

    def _matrices(self, group: dict[str, Any], parameters: list[Tensor]) -> None:
        """Matrices of one shape are stacked: a few large products are faster than many small ones."""
        stacks: dict[tuple[int, ...], list[Tensor]] = {}
        for p in parameters:
            stacks.setdefault(tuple(p.shape), []).append(p)
        beta, parts = group["momentum"], group["parts"]
        for (rows, columns), stack in stacks.items():
            means = []
            for p in stack:
                assert p.grad is not None  # for mypy; `step` has looked
                mean = self.state[p].setdefault("momentum", torch.zeros_like(p))
                mean.lerp_(p.grad, 1 - beta)
                means.append(p.grad.lerp(mean, beta))
            scale = max(1.0, rows / parts / columns) ** 0.5
            means_of_parts = torch.stack(means).view(-1, rows // parts, columns).to(group["precision"])
            directions = orthogonalise(means_of_parts).view(-1, rows, columns).to(means[0])
            for p, direction in zip(stack, directions, strict=True):
                p.mul_(1 - group["lr"] * group["weight_decay"]).add_(direction, alpha=-group["lr"] * scale)

    def _others(self, group: dict[str, Any], parameters: list[Tensor]) -> None:
        beta1, beta2 = group["betas"]
        for p in parameters:
            assert p.grad is not None  # for mypy; `step` has looked
            state = self.state[p]
            if not state:
                state.update(step=torch.zeros(()), mean=torch.zeros_like(p), square=torch.zeros_like(p))
            state["step"] += 1
            mean, square, t = state["mean"], state["square"], state["step"].item()
            mean.lerp_(p.grad, 1 - beta1)
            square.lerp_(p.grad.square(), 1 - beta2)
            p.mul_(1 - group["lr"] * group["weight_decay"])
            p.addcdiv_(mean / (1 - beta1**t), (square / (1 - beta2**t)).sqrt_().add_(1e-8), value=-group["lr"])


def make_muon(model: nn.Module, config: TrainingConfig, precision: torch.dtype = torch.float32) -> Muon:
    """Muon for the matrices inside the blocks, AdamW for all else; their peak rates are in the groups as "peak"."""
    matrices: list[Tensor] = []
    joined: list[Tensor] = []
    tables: list[Tensor] = []
    vectors: list[Tensor] = []
    for name, p in model.named_parameters():
        if p.dim() != 2 or "convolution" in name:
            vectors.append(p)
        elif not name.startswith("blocks."):
            tables.append(p)
        else:
            (joined if "query_key_value" in name else matrices).append(p)
    adam = {"kind": "other", "betas": (config.beta1, config.beta2), "peak": config.learning_rate}
    muon = {"kind": "matrix", "momentum": config.momentum, "peak": config.matrix_learning_rate, "precision": precision}
    groups = [
        muon | {"params": matrices, "weight_decay": config.weight_decay},
        muon | {"params": joined, "weight_decay": config.weight_decay, "parts": 3},
        adam | {"params": tables, "weight_decay": config.weight_decay},
        adam | {"params": vectors, "weight_decay": 0.0},
    ]
    return Muon([group | {"lr": group["peak"]} for group in groups if group["params"]])


def make_optimizer(
    model: nn.Module, config: TrainingConfig, precision: torch.dtype = torch.float32
) -> torch.optim.Optimizer:
    """The optimizer that `config.optimizer` names: "adamw", "muon", or "sgd", which follows the gradient alone.

    precision: in which Muon orthogonalises; bfloat16 is enough, and faster where the hardware has it.
    """
    if config.optimizer == "sgd":
        parameters = [p for p in model.parameters() if p.requires_grad]
        return torch.optim.SGD(parameters, lr=config.learning_rate, weight_decay=config.weight_decay)
    return make_muon(model, config, precision) if config.optimizer == "muon" else make_adamw(model, config)
