"""GELU and its relatives: their values and, in closed form, their slopes.

Φ is the normal distribution function, φ its density, σ the logistic function. GELU is Hendrycks & Gimpel's (2016), SiLU
theirs and Elfwing et al.'s (2017), ReLU Nair & Hinton's (2010).

Shapes: N points.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

_erf = np.vectorize(math.erf, otypes=[float])
_RATE, _CUBIC = math.sqrt(2 / math.pi), 0.044715  # of GELU's tanh form


@dataclass(frozen=True)
class Activation:
    """formula, slope_formula: LaTeX. value, slope: (N,) to (N,)."""

    formula: str
    slope_formula: str
    value: Callable[[np.ndarray], np.ndarray]
    slope: Callable[[np.ndarray], np.ndarray]


def _logistic(x: np.ndarray) -> np.ndarray:
    return np.asarray(0.5 * (1 + np.tanh(x / 2)))  # no overflow, however far out


def _normal(x: np.ndarray) -> np.ndarray:
    return np.asarray(0.5 * (1 + _erf(x / math.sqrt(2))))


def _density(x: np.ndarray) -> np.ndarray:
    return np.asarray(np.exp(-x * x / 2) / math.sqrt(2 * math.pi))


def _gelu(x: np.ndarray) -> np.ndarray:
    return np.asarray(0.5 * x * (1 + np.tanh(_RATE * (x + _CUBIC * x**3))))


def _gelu_slope(x: np.ndarray) -> np.ndarray:
    squashed = np.tanh(_RATE * (x + _CUBIC * x**3))
    return np.asarray(0.5 * (1 + squashed) + 0.5 * x * (1 - squashed**2) * _RATE * (1 + 3 * _CUBIC * x * x))


def _silu_slope(x: np.ndarray) -> np.ndarray:
    share = _logistic(x)
    return np.asarray(share * (1 + x * (1 - share)))


RELATIVES: dict[str, Activation] = {
    "GELU": Activation(
        r"x\,\tfrac{1}{2}\bigl(1+\tanh u\bigr),\; u=\sqrt{2/\pi}\,(x+0.044715\,x^3)",
        r"\tfrac{1}{2}(1+\tanh u)+\tfrac{x}{2}(1-\tanh^2 u)\,u'",
        _gelu,
        _gelu_slope,
    ),
    "GELU, exact": Activation(
        r"x\,\Phi(x)", r"\Phi(x)+x\,\varphi(x)", lambda x: x * _normal(x), lambda x: _normal(x) + x * _density(x)
    ),
    "ReLU": Activation(r"\max(0,x)", r"[x>0]", lambda x: np.maximum(x, 0), lambda x: (x > 0).astype(float)),
    "tanh": Activation(r"\tanh x", r"1-\tanh^2 x", np.tanh, lambda x: 1 - np.tanh(x) ** 2),
    "SiLU": Activation(r"x\,\sigma(x)", r"\sigma(x)\,(1+x\,(1-\sigma(x)))", lambda x: x * _logistic(x), _silu_slope),
    "logistic": Activation(
        r"\sigma(x)=\tfrac{1}{1+e^{-x}}",
        r"\sigma(x)\,(1-\sigma(x))",
        _logistic,
        lambda x: _logistic(x) * (1 - _logistic(x)),
    ),
}


@dataclass(frozen=True, eq=False)
class ActivationReading:
    """name: a key of `RELATIVES`. x, value, slope: (N,)."""

    name: str
    x: np.ndarray
    value: np.ndarray
    slope: np.ndarray


def read_activations(names: tuple[str, ...], x: np.ndarray) -> tuple[ActivationReading, ...]:
    """Values and slopes of the named activations at points x, (N,). Raises ValueError for an unknown name.

    >>> read_activations(("ReLU",), np.array([-1.0, 2.0]))[0].slope.tolist()
    [0.0, 1.0]
    """
    unknown = [name for name in names if name not in RELATIVES]
    if unknown:
        raise ValueError(f"Expected activations among {', '.join(RELATIVES)}; got {unknown[0]!r}.")
    points = np.asarray(x, dtype=float)
    return tuple(
        ActivationReading(name, points, RELATIVES[name].value(points), RELATIVES[name].slope(points)) for name in names
    )
