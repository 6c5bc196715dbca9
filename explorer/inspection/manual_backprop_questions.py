"""The exercise: one question per gradient from the loss backward, and the two closed forms at the end.

Each has its answer as an expression, wrong ones that are easily believed, each with its reason, and a hint. That every
answer is right and every other one wrong is tested, not believed.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

import numpy as np
import torch

from explorer.core.manual_backprop import batch_norm_gradient, cross_entropy_gradient
from explorer.inspection.manual_backprop import BACKWARD_ORDER, BackpropReading, answer
from explorer.inspection.manual_backprop_chain import CHAIN


@dataclass(frozen=True)
class Question:
    """key: unique. asked: the tensor whose gradient is asked for. hint: a thought, without the answer. solution: an
    expression. why: what to take along once it is solved. wrong: expressions with what is wrong about each.
    known: the tensors whose gradients may be used."""

    key: str
    asked: str
    hint: str
    solution: str
    why: str
    wrong: tuple[tuple[str, str], ...]
    known: tuple[str, ...]

    @property
    def choices(self) -> list[str]:
        """The solution among the wrong ones, in an order that is the same for everybody."""
        mixed = [self.solution, *(expression for expression, _ in self.wrong)]
        Random(self.key).shuffle(mixed)
        return mixed


_AT_ONCE = (
    Question(
        "logits_at_once",
        "logits",
        "Write L = −log softmax at the target, that is log Σ exp(logits) minus the target's own logit, and differentiate.",
        "(probs - one_hot(targets, V)) / n",
        "Eight steps in one: the probabilities, minus 1 at the target, over n.",
        (
            ("probs - one_hot(targets, V)", "the loss is a mean: divide by n."),
            ("(one_hot(targets, V) - probs) / n", "the sign: a larger logit of the target makes the loss smaller."),
            ("(probs - 1) / n", "1 is taken away at the target only."),
        ),
        (),
    ),
    Question(
        "pre_at_once",
        "pre",
        "Take the gradient of the input as if mean and spread were constants. Then take away its mean over the batch, and "
        "what of it goes along with normed.",
        "gain * inv_std / n * (n * dscaled - dscaled.sum(0) - n / (n - 1) * normed * (dscaled * normed).sum(0))",
        "Seven steps in one.",
        (
            ("gain * inv_std * dscaled", "mean and spread are no constants: they are made of pre too."),
            (
                "gain * inv_std / n * (n * dscaled - dscaled.sum(0))",
                "the share through the variance is missing.",
            ),
            (
                "gain * inv_std / n * (n * dscaled - dscaled.sum(0) - normed * (dscaled * normed).sum(0))",
                "the variance was divided by n − 1: a factor n/(n − 1) is missing.",
            ),
        ),
        ("scaled",),
    ),
)
QUESTIONS: dict[str, Question] = {
    **{
        asked: Question(asked, asked, *CHAIN[asked], BACKWARD_ORDER[: BACKWARD_ORDER.index(asked)])
        for asked in BACKWARD_ORDER
    },
    **{question.key: question for question in _AT_ONCE},
}
# Which steps of the long chain each closed form stands for.
CROSS_ENTROPY_STEPS = BACKWARD_ORDER[: BACKWARD_ORDER.index("logits") + 1]
BATCH_NORM_STEPS = ("normed", "inv_std", "var", "squared", "centred", "mu", "pre")


@dataclass(frozen=True)
class ClosedForm:
    """asked: the gradient that a closed form gives at once. steps: of the long chain it stands for. chain_operations,
    closed_operations: elementary ones for this batch. largest_difference: between the two gradients."""

    asked: str
    steps: int
    chain_operations: int
    closed_operations: int
    largest_difference: float


def closed_forms(reading: BackpropReading) -> tuple[ClosedForm, ClosedForm]:
    """Cross-entropy and BatchNorm: the long chain against the closed form, on one batch.

    Operations are counted as the written answers are worked out: one for each addition, product, power, exponential.
    """
    values = {name: torch.from_numpy(np.ascontiguousarray(value)) for name, value in reading.values.items()}
    upstream = torch.from_numpy(np.ascontiguousarray(reading.gradients["scaled"]))
    at_once = {
        "logits": cross_entropy_gradient(values["logits"], torch.from_numpy(reading.targets)),
        "pre": batch_norm_gradient(values["normed"], values["inv_std"], values["gain"], upstream),
    }
    found = []
    for asked, steps in (("logits", CROSS_ENTROPY_STEPS), ("pre", BATCH_NORM_STEPS)):
        closed = QUESTIONS[f"{asked}_at_once"]
        found.append(
            ClosedForm(
                asked,
                len(steps),
                sum(_operations(QUESTIONS[step], reading) for step in steps),
                _operations(closed, reading),
                float(np.abs(at_once[asked].numpy() - reading.gradients[asked]).max()),
            )
        )
    return found[0], found[1]


def _operations(question: Question, reading: BackpropReading) -> int:
    return answer(question.solution, reading, question.asked, question.known)[1].operations
