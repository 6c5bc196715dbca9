"""The training loop as a generator: it yields after every update, and pausing is not asking for the next one.

A run depends on its config, its texts and its seed alone: batches and dropout are drawn from the run's own
generator. Its whole state can be saved after any step; a run loaded from it goes on bit for bit as if it had
never stopped (on CPU).
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from explorer.core.layers import Dropout
from explorer.core.sampling import SamplingSettings
from explorer.models.generation import generate
from explorer.models.language_model import LanguageModel
from explorer.text.batches import Splits, boundary_token, make_batches, start_of_text
from explorer.text.tokenizers import Tokenizer
from explorer.training.config import TrainingConfig
from explorer.training.distributed import ALONE, Team, reaching_all
from explorer.training.evaluation import mean_loss
from explorer.training.hardware import Hardware
from explorer.training.optimizers import make_optimizer
from explorer.training.schedules import learning_rate_at


@dataclass(frozen=True)
class Progress:
    """What is known after one update.

    step, steps: updates done and planned. loss: of this batch, before the update, in nats. learning_rate: used for
    this update. gradient_norm: before clipping. tokens_per_second: over the whole run, held-out losses
    excluded. validation_loss, sample: where due, else None.
    """

    step: int
    steps: int
    loss: float
    learning_rate: float
    gradient_norm: float
    tokens_per_second: float
    validation_loss: float | None = None
    sample: str | None = None


class DivergedError(RuntimeError):
    """The loss stopped being a finite number."""


_PLAIN = Hardware()


class Trainer:
    """One run: model, optimizer, generator and how far it has come.

    Iterating yields a Progress after each update, from where the run stands to its last step. `splits` are texts;
    the held-out part must have at least two tokens. Raises UnknownCharactersError where the tokenizer cannot
    read them and ValueError where they are shorter than one window. In a `team` of processes all iterate, and the
    losses are the whole batch's in each; the first alone measures and samples.

    Between updates the model is in evaluation mode: looking at it (sampling, tracing) meets no dropout and draws
    nothing from the run's generator.
    """

    def __init__(
        self,
        model: LanguageModel,
        tokenizer: Tokenizer,
        splits: Splits,
        config: TrainingConfig,
        hardware: Hardware = _PLAIN,
        team: Team = ALONE,
    ):
        team.check_batch(config.batch_size)
        self.model, self.tokenizer, self.config, self.hardware = model.to(hardware.device), tokenizer, config, hardware
        self.team = team
        self.train_ids = torch.tensor(tokenizer.encode(splits.train))
        self.validation_ids = torch.tensor(tokenizer.encode(splits.validation))
        _check_lengths(self.train_ids, self.validation_ids, model.config.context_length)
        self.boundary = boundary_token(splits, tokenizer)
        self.train_batches, self.validation_batches = (
            make_batches(ids, model.config.context_length, boundary=self.boundary, windows=model.reads_windows)
            for ids in (self.train_ids, self.validation_ids)
        )
        self.optimizer = make_optimizer(model, config, torch.bfloat16 if hardware.uses_bfloat16 else torch.float32)
        self.averaged = [p.detach().clone() for p in model.parameters()] if config.average > 0 else None
        self.good_weights = [p.detach().clone() for p in model.parameters()]  # the last with a finite loss
        self.model_device = torch.device(hardware.device)
        self.generator = torch.Generator().manual_seed(config.seed)
        # A mask is drawn where the model is: on one CPU from the same generator as the batches, else seeded each step.
        is_plain = self.model_device.type == "cpu" and team.size == 1
        self.dropout_generator = self.generator if is_plain else torch.Generator(self.model_device)
        self.step = 0
        self.tokens = 0  # predicted so far
        self.seconds = 0.0
        for module in model.modules():
            if isinstance(module, Dropout):
                module.generator = self.dropout_generator
        self.batch_loss = team.batch_loss(model, compiled=hardware.compiled)
        model.eval()

    def __iter__(self) -> Iterator[Progress]:
        while self.step < self.config.steps:
            started = time.perf_counter()
            loss, learning_rate, gradient_norm = self._update()
            self.seconds += time.perf_counter() - started
            if self.averaged is not None and self.step == self.config.steps:
                _copy_weights(self.averaged, list(self.model.parameters()))
            with self.average_in_place():
                validation_loss = (
                    self._validation_loss(learning_rate) if self._is_due(self.config.evaluate_every) else None
                )
                is_due = self._is_due(self.config.sample_every) and self.team.is_first
                sample = self.sample() if is_due else None
            yield Progress(
                step=self.step,
                steps=self.config.steps,
                loss=loss,
                learning_rate=learning_rate,
                gradient_norm=gradient_norm,
                tokens_per_second=self.tokens / max(self.seconds, 1e-9),
                validation_loss=validation_loss,
                sample=sample,
            )

    @contextmanager
    def average_in_place(self) -> Iterator[None]:
        """Inside the `with` block the model has the running mean of its weights, where the run keeps one."""
        if self.averaged is None:
            yield
            return
        parameters = list(self.model.parameters())
        own = [p.detach().clone() for p in parameters]
        _copy_weights(self.averaged, parameters)
        try:
            yield
        finally:
            _copy_weights(own, parameters)

    def _update(self) -> tuple[float, float, float]:
        """One step of the optimizer on one batch; returns its loss, learning rate and gradient norm."""
        config = self.config
        learning_rate = learning_rate_at(self.step, config)
        for group in self.optimizer.param_groups:  # Muon's have peaks of their own, and share the schedule's course
            group["lr"] = learning_rate * group["peak"] / config.learning_rate if "peak" in group else learning_rate
        self.model.train()
        inputs, targets = self.train_batches.sample(config.batch_size, self.generator)
        loss = self._backward(inputs, targets)
        self.model.eval()
        gradient_norm = nn.utils.clip_grad_norm_(self.model.parameters(), config.clip).item()
        if not (math.isfinite(loss) and math.isfinite(gradient_norm)):
            raise self._step_back("gradient" if math.isfinite(loss) else "loss", learning_rate)
        _copy_weights(list(self.model.parameters()), self.good_weights)
        self.optimizer.step()
        self.step += 1
        self.tokens += int((targets >= 0).sum())
        if self.averaged is not None:
            _move_average(self.averaged, list(self.model.parameters()), config.average, self.step)
        return loss, learning_rate, gradient_norm

    def _backward(self, inputs: Tensor, targets: Tensor) -> float:
        """Gradients of the batch's loss, put into the parameters; returns that loss, of all processes together."""
        if self.dropout_generator is not self.generator:
            self.dropout_generator.manual_seed(self.team.mask_seed(self.config.seed, self.step))
        rows, share = self.team.share(targets)
        self.optimizer.zero_grad(set_to_none=True)
        with torch.enable_grad(), reaching_all(self.team):
            with torch.autocast(self.model_device.type, torch.bfloat16, enabled=self.hardware.uses_bfloat16):
                loss = self.batch_loss(inputs[rows].to(self.model_device), targets[rows].to(self.model_device))
            # The processes' gradients are averaged as if their shares were equal: the weights make up for it.
            (loss * (share * self.team.size)).backward()
        return self.team.total(loss.item() * share)

    def _validation_loss(self, learning_rate: float) -> float:
        """The held-out loss; raises DivergedError where the last update broke the weights."""
        loss = self.team.total(mean_loss(self.model, self.validation_batches) if self.team.is_first else 0.0)
        if not math.isfinite(loss):
            raise self._step_back("held-out loss", learning_rate)
        return loss

    def _step_back(self, what: str, learning_rate: float) -> DivergedError:
        """Undo the last update, whose weights are of no use; the error to raise."""
        failed_at = self.step if what == "held-out loss" else self.step + 1
        self.step = max(0, self.step - 1)
        _copy_weights(self.good_weights, list(self.model.parameters()))
        return DivergedError(
            f"The {what} stopped being a finite number at step {failed_at}: the learning rate {learning_rate:.2g} is "
            f"too high for this model. The weights are those of step {self.step}; try a third of it."
        )

    def _is_due(self, every: int) -> bool:
        return self.step == self.config.steps or (every > 0 and self.step % every == 0)

    def sample(self) -> str:
        """Text the model writes now, from a newline (or its first symbol); the run's generator is not touched."""
        prompt = start_of_text(self.tokenizer)
        tokens = generate(
            self.model,
            prompt,
            self.config.sample_length,
            SamplingSettings(),
            seed=self.config.seed,
            boundary=self.boundary,
        )
        return self.tokenizer.decode([generated.token for generated in tokens])

    def state_tensors(self) -> dict[str, Tensor]:
        """Everything the run needs to go on, as named tensors; `load_state_tensors` takes it back."""
        state = {f"model.{name}": tensor for name, tensor in self.model.state_dict().items()}
        for i, slots in self.optimizer.state_dict()["state"].items():
            state |= {f"optimizer.{i}.{slot}": tensor for slot, tensor in slots.items() if tensor is not None}
        state |= {f"average.{i}": tensor for i, tensor in enumerate(self.averaged or [])}
        state["generator"] = self.generator.get_state()
        state["progress"] = torch.tensor([self.step, self.seconds, self.tokens], dtype=torch.float64)
        return {name: tensor.detach().clone() for name, tensor in state.items()}

    def load_state_tensors(self, state: dict[str, Tensor]) -> None:
        """Go on from a saved state; raises ValueError where it is not of this model and optimizer."""
        model_state = {n.removeprefix("model."): t for n, t in state.items() if n.startswith("model.")}
        slots: dict[int, dict[str, Tensor]] = {}
        try:
            for name, tensor in state.items():
                if name.startswith("optimizer."):
                    _, i, slot = name.split(".")
                    slots.setdefault(int(i), {})[slot] = tensor
            optimizer_state: dict[str, Any] = self.optimizer.state_dict() | {"state": slots}
            self.model.load_state_dict(model_state)
            self.optimizer.load_state_dict(optimizer_state)
            if self.averaged is not None:
                _copy_weights([state[f"average.{i}"] for i in range(len(self.averaged))], self.averaged)
            self.generator.set_state(state["generator"].cpu())
            step, self.seconds, tokens = state["progress"].tolist()
        except (RuntimeError, KeyError, ValueError, TypeError) as error:
            raise ValueError(f"The saved state is of another model or run: {str(error)[:200]}") from error
        self.step, self.tokens = int(step), int(tokens)
        _copy_weights(list(self.model.parameters()), self.good_weights)


def _check_lengths(train_ids: Tensor, validation_ids: Tensor, context_length: int) -> None:
    """Raise ValueError before the first update, not at the first window or the first held-out loss."""
    if len(train_ids) <= context_length:
        raise ValueError(
            f"A context of {context_length} needs a training text of at least {context_length + 1} tokens, got "
            f"{len(train_ids)}; shorten the context or bring more text."
        )
    if len(validation_ids) < 2:
        raise ValueError(
            f"The held-out text needs at least 2 tokens to predict one, got {len(validation_ids)}; bring more text."
        )


@torch.no_grad()
def _copy_weights(source: Sequence[Tensor], destination: Sequence[Tensor]) -> None:
    for here, there in zip(source, destination, strict=True):
        there.copy_(here)


@torch.no_grad()
def _move_average(averaged: Sequence[Tensor], weights: Sequence[Tensor], keep: float, step: int) -> None:
    """One step of the running mean; early on it keeps less, so that the first weights are soon forgotten."""
    keep = min(keep, (1 + step) / (10 + step))
    for mean, weight in zip(averaged, weights, strict=True):
        mean.lerp_(weight, 1 - keep)


def train(
    model: LanguageModel,
    tokenizer: Tokenizer,
    splits: Splits,
    config: TrainingConfig,
    state: dict[str, Tensor] | None = None,
) -> Iterator[Progress]:
    """Train `model` in place, yielding Progress after every update; `state` resumes an earlier run."""
    trainer = Trainer(model, tokenizer, splits, config)
    if state is not None:
        trainer.load_state_tensors(state)
    return iter(trainer)
