"""One batch through the MLP of `core.manual_backprop`: every tensor, its gradient by hand and by autograd, and the
judge of a typed answer.

Shapes: n examples, T context length, d numbers an embedding, H hidden units, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch

from explorer.core.manual_backprop import PARAMETERS, backward, forward, initial_parameters
from explorer.core.tensor_expressions import Worked, evaluate
from explorer.core.tensor_operations import shape_in_words
from explorer.training.manual_backprop import CONTEXT_LENGTH, D_EMBEDDING, Windows

TOLERANCE = 1e-8  # of the largest true number: closer than that is rounding
FLOOR = 1e-12  # for gradients that are nothing but rounding
Verdict = Literal["exact", "close", "wrong", "wrong shape"]


@dataclass(frozen=True)
class Step:
    """name: of the tensor. lecture: what the makemore lecture calls it. made: how it is calculated. meaning: in words."""

    name: str
    lecture: str
    made: str
    meaning: str


STEPS = (
    Step("emb", "emb", "C[ids]", "each character's row of the table C"),
    Step("joined", "embcat", "emb.reshape(n, -1)", "the rows of an example laid end to end"),
    Step("pre", "hprebn", "joined @ W1 + b1", "the first layer, before BatchNorm"),
    Step("mu", "bnmeani", "pre.sum(0, keepdim=True) / n", "each unit's mean over the batch"),
    Step("centred", "bndiff", "pre - mu", "pre with its mean taken away"),
    Step("squared", "bndiff2", "centred ** 2", "the squared distance from the mean"),
    Step("var", "bnvar", "squared.sum(0, keepdim=True) / (n - 1)", "each unit's variance over the batch"),
    Step("inv_std", "bnvar_inv", "(var + 1e-5) ** -0.5", "one over each unit's standard deviation"),
    Step("normed", "bnraw", "centred * inv_std", "mean 0 and variance 1 over the batch"),
    Step("scaled", "hpreact", "gain * normed + bias", "BatchNorm's output: a learned scale and shift"),
    Step("h", "h", "tanh(scaled)", "the hidden units"),
    Step("logits", "logits", "h @ W2 + b2", "a score for every character"),
    Step("maxes", "logit_maxes", "logits.max(1)", "each row's largest score"),
    Step("shifted", "norm_logits", "logits - maxes", "scores that are at most 0, so that exp cannot overflow"),
    Step("counts", "counts", "exp(shifted)", "positive numbers, like counts"),
    Step("sums", "counts_sum", "counts.sum(1, keepdim=True)", "each row's sum"),
    Step("inv_sums", "counts_sum_inv", "sums ** -1", "one over each row's sum"),
    Step("probs", "probs", "counts * inv_sums", "probabilities: every row sums to 1"),
    Step("logprobs", "logprobs", "log(probs)", "the logarithms of the probabilities"),
    Step("loss", "loss", "-logprobs[targets].mean()", "mean surprise at the true characters, in nats"),
)
PARAMETER_STEPS = (
    Step("C", "C", "", "the table of embeddings, a row a character"),
    Step("W1", "W1", "", "the first layer's weights"),
    Step("b1", "b1", "", "the first layer's offsets"),
    Step("gain", "bngain", "", "BatchNorm's learned scale"),
    Step("bias", "bnbias", "", "BatchNorm's learned shift"),
    Step("W2", "W2", "", "the second layer's weights"),
    Step("b2", "b2", "", "the second layer's offsets"),
)
BY_NAME = {step.name: step for step in (*STEPS, *PARAMETER_STEPS)}
# From the loss backward, every parameter right after what it helped to make: the order in which gradients get known.
BACKWARD_ORDER = (
    *("logprobs", "probs", "inv_sums", "sums", "counts", "shifted", "maxes", "logits", "h", "W2", "b2", "scaled"),
    *("gain", "bias", "normed", "inv_std", "var", "squared", "centred", "mu", "pre", "joined", "W1", "b1", "emb", "C"),
)


@dataclass(frozen=True, eq=False)
class BackpropReading:
    """values: every tensor and parameter by name. gradients: ∂loss by each, by hand; autograd: the same by PyTorch.
    ids: (n, T) and targets: (n,), the batch. characters: V labels. All numbers float64, ids whole."""

    values: Mapping[str, np.ndarray]
    gradients: Mapping[str, np.ndarray]
    autograd: Mapping[str, np.ndarray]
    ids: np.ndarray
    targets: np.ndarray
    characters: tuple[str, ...]

    @property
    def loss(self) -> float:
        return float(self.values["loss"])

    @property
    def n(self) -> int:
        return len(self.targets)

    @property
    def examples(self) -> list[str]:
        """Each example as “context→target”."""
        letters = self.characters
        return [
            "".join(letters[i] for i in row) + "→" + letters[target]
            for row, target in zip(self.ids.tolist(), self.targets.tolist(), strict=True)
        ]

    def difference(self, name: str) -> float:
        """The largest |by hand − by autograd| of one tensor's gradient."""
        return float(np.abs(self.gradients[name] - self.autograd[name]).max())


@dataclass(frozen=True)
class Comparison:
    """verdict: exact, every number the same; close, apart by rounding; wrong; or wrong shape. largest_difference: over
    all numbers, None where the shapes cannot be compared. expected, came: the shapes. same_numbers: whether a wrong
    shape holds the right numbers all the same."""

    verdict: Verdict
    largest_difference: float | None
    expected: tuple[int, ...]
    came: tuple[int, ...]
    same_numbers: bool = False

    @property
    def is_right(self) -> bool:
        return self.verdict in ("exact", "close")


def read_backprop(windows: Windows, n: int, d_hidden: int, seed: int) -> BackpropReading:
    """The first batch of a run with that seed, at its first parameters, forward and backward both ways."""
    vocab_size = windows.tokenizer.vocab_size
    parameters, generator = initial_parameters(
        vocab_size, context_length=CONTEXT_LENGTH, d_embedding=D_EMBEDDING, d_hidden=d_hidden, seed=seed
    )
    ids, targets = windows.train.sample(n, generator)
    characters = tuple("·" if c == "\n" else c for c in windows.tokenizer.characters)
    return read_batch(parameters, ids, targets, characters)


def read_batch(
    parameters: Mapping[str, torch.Tensor], ids: torch.Tensor, targets: torch.Tensor, characters: tuple[str, ...]
) -> BackpropReading:
    """Forward and backward of one batch, by hand and by autograd."""
    x = forward(parameters, ids, targets)
    by_hand = backward(parameters, x, ids, targets)
    leaves = {name: parameters[name].clone().requires_grad_() for name in PARAMETERS}
    with torch.enable_grad():
        theirs = leaves | forward(leaves, ids, targets)
        by_torch = torch.autograd.grad(theirs["loss"], list(theirs.values()))
    return BackpropReading(
        {name: value.numpy() for name, value in {**parameters, **x}.items()},
        {name: value.contiguous().numpy() for name, value in by_hand.items()},
        {name: value.numpy() for name, value in zip(theirs, by_torch, strict=True)},
        ids.numpy(),
        targets.numpy(),
        characters,
    )


def usable_names(reading: BackpropReading, known: tuple[str, ...]) -> dict[str, np.ndarray]:
    """What an answer may name: every value, sizes, ids and targets, and the gradients of `known`, as d and the name.

    The lecture's names mean the same as ours.
    """
    numbers: dict[str, np.ndarray] = {
        "ids": reading.ids.astype(float),
        "targets": reading.targets.astype(float),
        "n": np.array(float(reading.n)),
        "V": np.array(float(len(reading.characters))),
        "d": np.array(float(reading.values["C"].shape[1])),
        "dloss": np.array(1.0),
    }
    for name, value in reading.values.items():
        numbers[name] = numbers[BY_NAME[name].lecture] = value
    for name in known:
        numbers[f"d{name}"] = numbers[f"d{BY_NAME[name].lecture}"] = reading.gradients[name]
    return numbers


def answer(text: str, reading: BackpropReading, asked: str, known: tuple[str, ...]) -> tuple[Comparison, Worked]:
    """Work out a typed gradient of `asked` and compare it with autograd's; `known` gradients may be used.

    Raises ExpressionError, one line with the place, for what cannot be read or worked out.
    """
    withheld = {
        f"d{spelling}": _why_not(f"d{spelling}", name, asked)
        for name in BACKWARD_ORDER
        for spelling in (name, BY_NAME[name].lecture)
        if name not in known
    }
    spelled = text.split("=")[0].strip()
    own = spelled if spelled in (f"d{asked}", f"d{BY_NAME[asked].lecture}") else f"d{asked}"
    worked = evaluate(text, usable_names(reading, known), asked=own, withheld=withheld)
    return compare(worked.value, reading.autograd[asked]), worked


def _why_not(spelling: str, name: str, asked: str) -> str:
    if name == asked:
        return f"{spelling} is what is asked for."
    if BACKWARD_ORDER.index(name) < BACKWARD_ORDER.index(asked):
        return f"{spelling} is a step of the long way; here the answer goes without it."
    return f"{spelling} is not known yet: backward has not come that far. Use what lies nearer the loss."


def compare(given: np.ndarray, truth: np.ndarray) -> Comparison:
    """Exact, close, wrong, or of the wrong shape.

    >>> compare(np.array([0.1 + 0.2]), np.array([0.3])).verdict
    'close'
    """
    if given.shape != truth.shape:
        same = given.size == truth.size and _largest(given.reshape(truth.shape), truth) <= _allowed(truth)
        return Comparison("wrong shape", None, truth.shape, given.shape, same)
    apart = _largest(given, truth)
    # A NaN is apart from everything, and no comparison with it is true.
    verdict: Verdict = "exact" if apart == 0 else "close" if apart <= _allowed(truth) else "wrong"
    return Comparison(verdict, apart, truth.shape, given.shape)


def _largest(given: np.ndarray, truth: np.ndarray) -> float:
    return float(np.abs(given - truth).max())


def _allowed(truth: np.ndarray) -> float:
    return TOLERANCE * float(np.abs(truth).max()) + FLOOR


def comparison_in_words(comparison: Comparison) -> str:
    """What the lamp says after its word."""
    if comparison.verdict == "wrong shape":
        numbers = " The numbers themselves are right." if comparison.same_numbers else ""
        return (
            f"Expected the shape {shape_in_words(comparison.expected)}, the tensor's own; "
            f"{shape_in_words(comparison.came)} came.{numbers}"
        )
    apart = f"Largest difference from autograd: {comparison.largest_difference:.1e}."
    return {
        "exact": "Every number is the one that autograd gives, to the last bit.",
        "close": f"{apart} That is rounding: the same derivative, worked out in another order.",
        "wrong": apart,
    }[comparison.verdict]
