"""Every gradient derived by hand equals PyTorch's, whatever the shapes."""

from __future__ import annotations

import math
import random

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F

from explorer.core.manual_backprop import (
    EPSILON,
    PARAMETERS,
    backward,
    batch_norm_gradient,
    cross_entropy_gradient,
    forward,
    initial_parameters,
    parameter_gradients,
)
from explorer.text.corpora import is_local, load_corpus

Setting = tuple[dict[str, Tensor], Tensor, Tensor]


def setting(n: int, V: int, T: int, d: int, H: int, seed: int) -> Setting:
    parameters, generator = initial_parameters(V, context_length=T, d_embedding=d, d_hidden=H, seed=seed)
    windows = torch.randint(V, (n, T), generator=generator)
    return parameters, windows, torch.randint(V, (n,), generator=generator)


shapes = st.builds(
    setting,
    st.integers(2, 9),
    st.integers(2, 12),
    st.integers(1, 4),
    st.integers(1, 5),
    st.integers(1, 8),
    st.integers(0, 10_000),
)


def by_autograd(parameters: dict[str, Tensor], windows: Tensor, targets: Tensor) -> dict[str, Tensor]:
    leaves = {name: value.clone().requires_grad_() for name, value in parameters.items()}
    nodes = leaves | forward(leaves, windows, targets)
    gradients = torch.autograd.grad(nodes["loss"], list(nodes.values()))
    return dict(zip(nodes, gradients, strict=True))


def assert_equal(ours: Tensor, theirs: Tensor, name: str = "") -> None:
    """Within 1e-8 of the largest number: where a variance is tiny, gradients are large and so is their rounding."""
    assert ours.shape == theirs.shape, name
    assert (ours - theirs).abs().max() <= 1e-8 * max(1.0, theirs.abs().max().item()), name


@settings(max_examples=60, deadline=None)
@given(shapes)
def test_every_gradient_of_the_long_chain_is_autograds(case: Setting) -> None:
    parameters, windows, targets = case
    x = forward(parameters, windows, targets)
    by_hand, theirs = backward(parameters, x, windows, targets), by_autograd(*case)
    assert set(by_hand) == {*x, *PARAMETERS}
    for name, gradient in by_hand.items():
        assert_equal(gradient, theirs[name], name)


@settings(max_examples=40, deadline=None)
@given(shapes)
def test_the_closed_forms_give_what_the_long_chain_gives(case: Setting) -> None:
    parameters, windows, targets = case
    x = forward(parameters, windows, targets)
    chain = backward(parameters, x, windows, targets)
    assert_equal(cross_entropy_gradient(x["logits"], targets), chain["logits"])
    at_once = batch_norm_gradient(x["normed"], x["inv_std"], parameters["gain"], chain["scaled"])
    assert_equal(at_once, chain["pre"])
    for name, gradient in parameter_gradients(parameters, x, windows, targets).items():
        assert_equal(gradient, chain[name], name)


def test_forward_is_torchs_own_network() -> None:
    parameters, windows, targets = setting(32, 27, 3, 10, 64, 1)
    pre = F.embedding(windows, parameters["C"]).flatten(1) @ parameters["W1"] + parameters["b1"]
    variance, mean = torch.var_mean(pre, dim=0, correction=1)
    normed = (pre - mean) / (variance + EPSILON).sqrt()
    h = torch.tanh(normed * parameters["gain"] + parameters["bias"])
    expected = F.cross_entropy(h @ parameters["W2"] + parameters["b2"], targets)
    assert forward(parameters, windows, targets)["loss"].item() == pytest.approx(expected.item(), abs=1e-12)


def test_cross_entropys_closed_form_is_torchs_gradient_and_its_rows_sum_to_0() -> None:
    logits = torch.randn(8, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(2)).requires_grad_()
    targets = torch.tensor([0, 1, 2, 3, 4, 0, 1, 2])
    (theirs,) = torch.autograd.grad(F.cross_entropy(logits, targets), logits)
    ours = cross_entropy_gradient(logits.detach(), targets)
    assert_equal(ours, theirs)
    assert ours.sum(1).abs().max() < 1e-15
    assert bool(((ours < 0) == F.one_hot(targets, 5).bool()).all())


def test_what_cannot_matter_has_no_gradient() -> None:
    case = setting(5, 30, 3, 4, 6, 3)
    gradients = backward(case[0], forward(*case), *case[1:])
    assert gradients["maxes"].abs().max() < 1e-15  # softmax does not see a shift
    assert gradients["b1"].abs().max() < 1e-15  # BatchNorm takes the mean away
    absent = [token for token in range(30) if token not in case[1]]
    assert absent
    assert gradients["C"][absent].abs().max() == 0  # a character that was not read learns nothing


def test_a_batch_of_two_sends_almost_nothing_back_unless_its_inputs_are_almost_equal() -> None:
    case = setting(2, 27, 3, 10, 64, 2147483647)
    x = forward(*case)
    gradients = backward(case[0], x, *case[1:])
    apart = (x["normed"].abs() - math.sqrt(0.5)).abs()
    assert apart.median() < 1e-4
    assert gradients["pre"].abs().median() < 1e-3 * gradients["scaled"].abs().median()
    sensitive = (x["inv_std"] * (x["var"] ** -1) * EPSILON).squeeze(0)  # what is left of 1/σ after the two cancel
    assert int(gradients["pre"].abs()[0].argmax()) in sensitive.topk(8).indices.tolist()


@pytest.mark.skipif(not is_local("names"), reason="makemore's names.txt is not on this machine")
def test_the_lectures_first_loss_lies_among_those_of_the_lectures_setting() -> None:
    """Part 4 of makemore reports about 3.3377. It draws all but gain and bias from seed 2147483647, so our numbers for
    those are the same; gain and bias come unseeded, so the loss can be met only in its spread."""
    windows, targets = lecture_examples()
    parameters, generator = initial_parameters(27)
    batch = torch.randint(len(windows), (32,), generator=generator)
    losses = []
    for seed in range(60):
        drawn = torch.Generator().manual_seed(seed)
        own = {"gain": torch.randn(1, 64, generator=drawn) * 0.1 + 1, "bias": torch.randn(1, 64, generator=drawn) * 0.1}
        losses.append(forward(parameters | own, windows[batch], targets[batch])["loss"].item())
    mean, spread = torch.tensor(losses).mean().item(), torch.tensor(losses).std().item()
    assert mean == pytest.approx(3.3403, abs=0.005)
    assert abs(3.3377 - mean) < spread < 0.02
    assert forward(parameters, windows[batch], targets[batch])["loss"].item() == pytest.approx(3.3613, abs=1e-4)


def lecture_examples() -> tuple[Tensor, Tensor]:
    """The training split as the lecture builds it, window by window."""
    names = load_corpus("names").items
    random.Random(42).shuffle(names)
    windows, targets = [], []
    for name in names[: int(0.8 * len(names))]:
        context = [0, 0, 0]
        for character in f"{name}.":
            token = 0 if character == "." else ord(character) - ord("a") + 1
            windows.append(context)
            targets.append(token)
            context = [*context[1:], token]
    assert len(windows) == 182_625  # the lecture prints this number
    return torch.tensor(windows), torch.tensor(targets)


def test_a_batch_of_one_and_a_size_of_nothing_are_refused() -> None:
    parameters, _ = initial_parameters(5, d_hidden=2)
    with pytest.raises(ValueError, match="at least 2 examples"):
        forward(parameters, torch.zeros(1, 3, dtype=torch.long), torch.zeros(1, dtype=torch.long))
    with pytest.raises(ValueError, match="d_hidden must be at least 1, got 0"):
        initial_parameters(5, d_hidden=0)
