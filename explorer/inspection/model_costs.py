"""What a model costs: its learned numbers, the memory of one pass, and the arithmetic, part by part.

Shapes and not numbers are passed through a copy of the model (torch's "meta" device), so that a count costs no memory.
Arithmetic is that of matrix products, a multiplication and an addition counted as two operations (FLOPs), as
`torch.utils.flop_counter` counts; what works number by number (norms, activations, softmax, sums) is left out.

Shapes: B batch (here 1), H heads, T tokens, d head size.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from explorer.core.layers import Linear
from explorer.inspection.residual_stream import check_transformer, hooks
from explorer.models.language_model import LanguageModel


@dataclass(frozen=True)
class Cost:
    """A part and what it costs. detail: its shape, or a remark. amount: its own; 0 for a group."""

    name: str
    amount: int = 0
    detail: str = ""
    children: tuple[Cost, ...] = ()

    @property
    def total(self) -> int:
        """Its own amount and that of everything in it."""
        return self.amount + sum(child.total for child in self.children)

    def rows(self, within: str = "") -> list[tuple[str, str, int]]:
        """Every leaf as (where it is, its shape or remark, amount), in order."""
        here = f"{within} / {self.name}" if within else self.name
        if not self.children:
            return [(here, self.detail, self.amount)]
        return [row for child in self.children for row in child.rows(here)]


class _Leaf(NamedTuple):
    path: str
    amount: int
    detail: str


def count_parameters(model: LanguageModel) -> Cost:
    """Every learned tensor with its shape; the total is `parameter_count()`. A tied one counts where it is first."""
    return _tree("parameters", [_Leaf(name, size, shape) for name, size, shape, _ in _tensors(model)])


def count_memory(model: LanguageModel, T: int) -> Cost:
    """Bytes for T tokens: the weights; the activations, which is all that passes from one part to the next in a pass, each
    tensor once; and the keys and values that a cache holds. Raises ValueError for a model that is no Transformer."""
    activations, attention = _pass_shapes(model, T)
    weights = [_Leaf(name, size * width, shape) for name, size, shape, width in _tensors(model, buffers=True)]
    cached = [leaf for leaf in attention if leaf.path.endswith((".keys", ".values"))]
    groups = (_tree("weights", weights), _tree("activations", activations), _tree("key-value cache", cached))
    return Cost("bytes", children=tuple(group for group in groups if group.total))


def count_flops(model: LanguageModel, T: int) -> Cost:
    """Operations of one pass over T tokens: 2 · inputs · outputs a token for each linear layer, and 2 T² d a head for
    each of Q Kᵀ and pattern × V (whole squares, as counters take them). Raises ValueError as `count_memory`."""
    check_transformer(model)
    found: list[_Leaf] = []
    seen: dict[str, torch.Size] = {}

    def linear(name: str) -> Callable[..., None]:
        def hook(module: Any, _inputs: Any, output: Tensor) -> None:
            inputs = module.weight.shape[1]
            shape = f"{inputs:,} → {output.shape[-1]:,} for {T:,} {_tokens(T)}"
            found.append(_Leaf(name, 2 * inputs * output.numel(), shape))

        return hook

    def attention(name: str) -> Callable[..., None]:
        def hook(_module: nn.Module, _inputs: Any, values: Tensor) -> None:
            _, H, S, d = seen[f"{name}.keys"]
            squares = f"{H} heads, {T:,} × {S:,}, {d} channels"
            found.append(_Leaf(f"{name}.Q Kᵀ", 2 * H * T * S * d, squares))
            found.append(_Leaf(f"{name}.pattern × V", 2 * H * T * S * values.shape[-1], squares))

        return hook

    with hooks() as keep:
        copy = _shape_only(model)
        for name, module in copy.named_modules():
            if isinstance(module, Linear | nn.Linear):
                keep(module.register_forward_hook(linear(name)))
            elif name.endswith(".keys"):
                keep(module.register_forward_hook(_shape_keeper(seen, name)))
            elif name.endswith(".attention.values"):
                keep(module.register_forward_hook(attention(name.removesuffix(".values"))))
        _read_shapes(copy, T)
    return _tree("operations", found)


def _shape_keeper(seen: dict[str, torch.Size], name: str) -> Callable[..., None]:
    return lambda _module, _inputs, output: seen.__setitem__(name, output.shape)


def _tokens(T: int) -> str:
    return "token" if T == 1 else "tokens"


def _tensors(model: nn.Module, *, buffers: bool = False) -> list[tuple[str, int, str, int]]:
    """Name, numbers, shape and bytes a number of every parameter (and buffer), in the order of the model's modules.

    A tied one has 0 numbers where it comes again, and says whose it is.
    """
    tensors: list[tuple[str, Tensor]] = list(model.named_parameters(remove_duplicate=False))
    tensors += list(model.named_buffers()) if buffers else []
    first: dict[int, str] = {}
    found = []
    for name, tensor in tensors:
        owner = first.setdefault(id(tensor), name)
        shape = _shape(tensor)
        if owner != name:
            found.append((name, 0, f"{shape}, the numbers of {_spoken(owner)}: counted once", tensor.element_size()))
        else:
            found.append((name, tensor.numel(), shape, tensor.element_size()))
    return found


def _shape_only(model: LanguageModel) -> LanguageModel:
    """The same model without its numbers."""
    with torch.device("meta"):
        return type(model)(model.config).eval()


def _read_shapes(copy: LanguageModel, T: int) -> None:
    with torch.no_grad():
        copy(torch.zeros(1, T, dtype=torch.long, device="meta"))


def _pass_shapes(model: LanguageModel, T: int) -> tuple[list[_Leaf], list[_Leaf]]:
    """What passes between the parts of a pass, each storage once; and the queries, keys and values."""
    check_transformer(model)
    held: dict[int, Any] = {}  # keeps each storage alive, so that no two have one address
    passing: list[_Leaf] = []
    attention: list[_Leaf] = []

    def note(path: str, tensor: Any) -> None:
        if not isinstance(tensor, Tensor) or not tensor.is_floating_point():
            return
        storage = tensor.untyped_storage()
        if storage._cdata not in held:
            held[storage._cdata] = storage
            passing.append(_Leaf(path, tensor.numel() * tensor.element_size(), _shape(tensor)))

    def watch(name: str) -> Callable[..., None]:
        def hook(_module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
            for given in inputs[:1]:
                note(f"{name}.input", given)
            note(f"{name}.output", output)
            if name.endswith((".keys", ".values")):
                attention.append(_Leaf(name, output.numel() * output.element_size(), _shape(output)))

        return hook

    copy = _shape_only(model)
    with hooks() as keep:
        for name, module in copy.named_modules():
            # Nobody listens to the scores and the pattern: the fused kernel never stores them.
            if name and not name.endswith((".scores", ".pattern")):
                keep(module.register_forward_hook(watch(name)))
        _read_shapes(copy, T)
    return passing, attention


def _tree(name: str, leaves: Sequence[_Leaf]) -> Cost:
    """Dotted paths as groups in groups, in order of first appearance; `blocks.0` is one step."""
    root: dict[str, Any] = {}
    for leaf in leaves:
        steps = _steps(leaf.path)
        node = root
        for step in steps[:-1]:
            node = node.setdefault(step, {})
        node[steps[-1]] = Cost(steps[-1], leaf.amount, leaf.detail)
    return _group(name, root)


def _group(name: str, node: dict[str, Any]) -> Cost:
    children = tuple(_group(key, child) if isinstance(child, dict) else child for key, child in node.items())
    return Cost(name, children=children)


def _steps(path: str) -> list[str]:
    return path.replace("blocks.", "block ", 1).replace("_", " ").split(".")


def _spoken(path: str) -> str:
    return " / ".join(_steps(path))


def _shape(tensor: Tensor) -> str:
    return " × ".join(f"{n:,}" for n in tensor.shape) or "1"
