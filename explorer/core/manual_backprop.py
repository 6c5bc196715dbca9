"""An MLP with BatchNorm taken apart into single steps, and every gradient derived by hand (after makemore, part 4).

Forward runs 20 steps of one operation each. Backward answers one question per step: how much does the loss change for
a small change of this tensor? Three rules carry all of it:

- a result's gradient times the local slope is the operand's share;
- what is used more than once adds its shares;
- what was broadcast forward is summed backward, and what was summed forward is broadcast backward.

Shapes: n examples, T context length, d numbers an embedding, H hidden units, V vocabulary.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor

EPSILON = 1e-5  # added to the variance before its root
PARAMETERS = ("C", "W1", "b1", "gain", "bias", "W2", "b2")

Tensors = dict[str, Tensor]


def initial_parameters(
    vocab_size: int, *, context_length: int = 3, d_embedding: int = 10, d_hidden: int = 64, seed: int = 2147483647
) -> tuple[Tensors, torch.Generator]:
    """Small random parameters in float64, and the generator they were drawn from, ready to draw batches.

    Drawn in the lecture's order from its seed, and nothing is zero: a zero would hide mistakes in a gradient. The
    lecture draws `gain` and `bias` from torch's unseeded global generator; here they have one of their own, seed + 1.

    C (V, d): a row per character. W1 (T d, H), b1 (H,): first layer. gain, bias (1, H): BatchNorm's. W2 (H, V), b2 (V,):
    second layer. Raises ValueError for a size below 1.
    """
    sizes = {
        "vocab_size": vocab_size,
        "context_length": context_length,
        "d_embedding": d_embedding,
        "d_hidden": d_hidden,
    }
    for name, size in sizes.items():
        if size < 1:
            raise ValueError(f"{name} must be at least 1, got {size}.")
    drawn = torch.Generator().manual_seed(seed)
    own = torch.Generator().manual_seed(seed + 1)
    n_in = context_length * d_embedding
    parameters = {
        "C": torch.randn(vocab_size, d_embedding, generator=drawn),
        "W1": torch.randn(n_in, d_hidden, generator=drawn) * (5 / 3) / math.sqrt(n_in),
        "b1": torch.randn(d_hidden, generator=drawn) * 0.1,
        "W2": torch.randn(d_hidden, vocab_size, generator=drawn) * 0.1,
        "b2": torch.randn(vocab_size, generator=drawn) * 0.1,
        "gain": torch.randn(1, d_hidden, generator=own) * 0.1 + 1.0,
        "bias": torch.randn(1, d_hidden, generator=own) * 0.1,
    }
    return {name: parameters[name].double() for name in PARAMETERS}, drawn


def forward(parameters: Mapping[str, Tensor], windows: Tensor, targets: Tensor) -> Tensors:
    """Every intermediate tensor by name, in the order of calculation; the last is the loss in nats.

    Shapes: windows (n, T) and targets (n,) of character ids. Raises ValueError for fewer than 2 examples: BatchNorm
    divides by n − 1.

    >>> parameters, _ = initial_parameters(5, d_hidden=4)
    >>> nodes = forward(parameters, torch.tensor([[0, 0, 1], [0, 1, 2]]), torch.tensor([2, 0]))
    >>> nodes["logits"].shape, nodes["loss"].shape
    (torch.Size([2, 5]), torch.Size([]))
    """
    n = len(windows)
    if n < 2:
        raise ValueError(f"BatchNorm needs at least 2 examples in a batch, got {n}.")
    p, x = parameters, Tensors()
    x["emb"] = p["C"][windows]  # (n, T, d)
    x["joined"] = x["emb"].reshape(n, -1)  # (n, T d)
    x["pre"] = x["joined"] @ p["W1"] + p["b1"]  # (n, H)
    x["mu"] = x["pre"].sum(0, keepdim=True) / n  # (1, H)
    x["centred"] = x["pre"] - x["mu"]
    x["squared"] = x["centred"] ** 2
    x["var"] = x["squared"].sum(0, keepdim=True) / (n - 1)  # n − 1: the mean was taken from the same n numbers
    x["inv_std"] = (x["var"] + EPSILON) ** -0.5
    x["normed"] = x["centred"] * x["inv_std"]
    x["scaled"] = p["gain"] * x["normed"] + p["bias"]
    x["h"] = x["scaled"].tanh()
    x["logits"] = x["h"] @ p["W2"] + p["b2"]  # (n, V)
    x["maxes"] = x["logits"].amax(1, keepdim=True)  # (n, 1)
    x["shifted"] = x["logits"] - x["maxes"]  # so that exp cannot overflow
    x["counts"] = x["shifted"].exp()
    x["sums"] = x["counts"].sum(1, keepdim=True)  # (n, 1)
    x["inv_sums"] = x["sums"] ** -1
    x["probs"] = x["counts"] * x["inv_sums"]
    x["logprobs"] = x["probs"].log()
    x["loss"] = -x["logprobs"][torch.arange(n), targets].mean()
    return x


def one_hot(ids: Tensor, width: int) -> Tensor:
    """1 in the place of each id, 0 elsewhere: (...) to (..., width), float64."""
    return (ids.unsqueeze(-1) == torch.arange(width)).double()


def backward(parameters: Mapping[str, Tensor], x: Mapping[str, Tensor], windows: Tensor, targets: Tensor) -> Tensors:
    """∂loss by every tensor of `forward` and every parameter, step by step from the loss; x is what forward returned.

    >>> parameters, _ = initial_parameters(5, d_hidden=4)
    >>> windows, targets = torch.tensor([[0, 0, 1], [0, 1, 2]]), torch.tensor([2, 0])
    >>> g = backward(parameters, forward(parameters, windows, targets), windows, targets)
    >>> g["logits"].sum(1).abs().max().item() < 1e-15
    True
    """
    g = {"loss": torch.ones_like(x["loss"])}
    _through_cross_entropy(x, targets, g)
    # logits = h @ W2 + b2: a matrix product sends back two matrix products; b2 was used by every example.
    g["h"] = g["logits"] @ parameters["W2"].T
    g["W2"] = x["h"].T @ g["logits"]
    g["b2"] = g["logits"].sum(0)
    g["scaled"] = (1 - x["h"] ** 2) * g["h"]
    _through_batch_norm(parameters["gain"], x, g)
    g["joined"] = g["pre"] @ parameters["W1"].T
    g["W1"] = x["joined"].T @ g["pre"]
    g["b1"] = g["pre"].sum(0)
    g["emb"] = g["joined"].reshape(x["emb"].shape)
    # A character that stands in several places of the batch adds up what comes from all of them.
    g["C"] = torch.zeros_like(parameters["C"]).index_add_(0, windows.flatten(), g["emb"].flatten(0, 1))
    return g


def _through_cross_entropy(x: Mapping[str, Tensor], targets: Tensor, g: Tensors) -> None:
    """From the loss to the logits, into g."""
    n, V = x["logits"].shape
    g["logprobs"] = -one_hot(targets, V) / n
    g["probs"] = g["logprobs"] / x["probs"]
    g["inv_sums"] = (x["counts"] * g["probs"]).sum(1, keepdim=True)
    g["sums"] = -(x["sums"] ** -2) * g["inv_sums"]
    g["counts"] = x["inv_sums"] * g["probs"] + g["sums"]  # used twice: in probs and in sums
    g["shifted"] = x["counts"] * g["counts"]
    g["maxes"] = -g["shifted"].sum(1, keepdim=True)
    g["logits"] = g["shifted"] + one_hot(x["logits"].argmax(1), V) * g["maxes"]


def _through_batch_norm(gain: Tensor, x: Mapping[str, Tensor], g: Tensors) -> None:
    """From BatchNorm's output, scaled, to its input, pre, into g."""
    n = len(x["pre"])
    g["gain"] = (x["normed"] * g["scaled"]).sum(0, keepdim=True)
    g["bias"] = g["scaled"].sum(0, keepdim=True)
    g["normed"] = gain * g["scaled"]
    g["inv_std"] = (x["centred"] * g["normed"]).sum(0, keepdim=True)
    g["var"] = -0.5 * (x["var"] + EPSILON) ** -1.5 * g["inv_std"]
    g["squared"] = (g["var"] / (n - 1)).expand_as(x["squared"])
    g["centred"] = x["inv_std"] * g["normed"] + 2 * x["centred"] * g["squared"]
    g["mu"] = -g["centred"].sum(0, keepdim=True)
    g["pre"] = g["centred"] + g["mu"] / n


def cross_entropy_gradient(logits: Tensor, targets: Tensor) -> Tensor:
    """∂loss/∂logits in closed form: (softmax − one-hot) / n. Eight steps of the long chain in one.

    Shapes: logits (n, V), targets (n,); returns (n, V).
    """
    gradient = torch.softmax(logits, dim=1)
    gradient[torch.arange(len(targets)), targets] -= 1
    return gradient / len(targets)


def batch_norm_gradient(normed: Tensor, inv_std: Tensor, gain: Tensor, upstream: Tensor) -> Tensor:
    """∂loss/∂input of BatchNorm in closed form, from ∂loss/∂output.

    Of the upstream gradient times gain, each unit loses its mean over the batch, and what of it goes along with
    `normed`, since neither the mean nor the spread of the input reaches the output.

    Shapes: normed, upstream (n, H); inv_std, gain (1, H); returns (n, H).
    """
    n = len(normed)
    along = (upstream * normed).sum(0, keepdim=True)
    return gain * inv_std / n * (n * upstream - upstream.sum(0, keepdim=True) - n / (n - 1) * normed * along)


def parameter_gradients(
    parameters: Mapping[str, Tensor], x: Mapping[str, Tensor], windows: Tensor, targets: Tensor
) -> Tensors:
    """∂loss by the parameters alone, by the two closed forms: what training needs. x is what `forward` returned."""
    g_logits = cross_entropy_gradient(x["logits"], targets)
    g_scaled = (1 - x["h"] ** 2) * (g_logits @ parameters["W2"].T)
    g_pre = batch_norm_gradient(x["normed"], x["inv_std"], parameters["gain"], g_scaled)
    g_emb = (g_pre @ parameters["W1"].T).reshape(x["emb"].shape)
    return {
        "C": torch.zeros_like(parameters["C"]).index_add_(0, windows.flatten(), g_emb.flatten(0, 1)),
        "W1": x["joined"].T @ g_pre,
        "b1": g_pre.sum(0),
        "gain": (x["normed"] * g_scaled).sum(0, keepdim=True),
        "bias": g_scaled.sum(0, keepdim=True),
        "W2": x["h"].T @ g_logits,
        "b2": g_logits.sum(0),
    }
