"""Arithmetic on small tensors that says in a sentence what does not fit, and never makes a large one.

Every operation checks the shape and the size of its result before anything is worked out, and the numbers after: an
infinity or a NaN is an error with its reason. `Work` counts the elementary operations.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

MOST_NUMBERS = 200_000  # in one result
MOST_PRODUCTS = 50_000_000  # in one matrix product

Shape = tuple[int, ...]

_ELEMENTWISE: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
    "**": np.power,
}
_FUNCTIONS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "exp": np.exp,
    "log": np.log,
    "tanh": np.tanh,
    "zeros_like": np.zeros_like,
    "ones_like": np.ones_like,
}
FUNCTIONS = tuple(_FUNCTIONS)


@dataclass
class Work:
    """operations: additions, multiplications, powers, exponentials and the like, counted number by number."""

    operations: int = 0


def shape_in_words(shape: Shape) -> str:
    """“32 × 27”, or “a single number”.

    >>> shape_in_words((32, 27)), shape_in_words((64,)), shape_in_words(())
    ('(32, 27)', '(64,)', 'a single number')
    """
    return str(tuple(shape)) if shape else "a single number"


def combine(sign: str, left: np.ndarray, right: np.ndarray, work: Work) -> np.ndarray:
    """left sign right, one of + − * / ** @, broadcast as NumPy and PyTorch do. Raises ValueError in one sentence."""
    if sign == "@":
        return _matrix_product(left, right, work)
    try:
        shape = np.broadcast_shapes(left.shape, right.shape)
    except ValueError:
        raise ValueError(
            f"“{sign}” cannot pair the shapes {shape_in_words(left.shape)} and {shape_in_words(right.shape)}: counted "
            "from the right, sizes must be equal or 1."
        ) from None
    work.operations += _check_size(shape, f"“{sign}”")
    if sign == "/" and not right.all():
        raise ValueError(f"“/” divides by zero{_in_cells(right == 0)}.")
    with np.errstate(all="ignore"):
        return _finite(_ELEMENTWISE[sign](left, right), f"“{sign}”")


def apply(name: str, x: np.ndarray, work: Work) -> np.ndarray:
    """A function of FUNCTIONS, number by number."""
    if name == "log" and (x <= 0).any():
        raise ValueError(f"log needs numbers above 0, and got others{_in_cells(x <= 0)}.")
    if name in ("exp", "log", "tanh"):
        work.operations += x.size
    with np.errstate(all="ignore"):
        return _finite(_FUNCTIONS[name](x), name)


def reduce(name: str, x: np.ndarray, axis: int | None, keepdim: bool, work: Work) -> np.ndarray:
    """sum or mean, over one axis or all of them."""
    if axis is not None and not -x.ndim <= axis < x.ndim:
        axes = f"the axes 0 to {x.ndim - 1}" if x.ndim else "no axes"
        raise ValueError(f"{name} over axis {axis}: the shape {shape_in_words(x.shape)} has {axes}.")
    result = np.asarray(x.sum(axis=axis, keepdims=keepdim))
    work.operations += x.size - result.size
    if name == "mean":
        result = result / (x.size / result.size)
        work.operations += result.size
    return _finite(result, name)


def reshape(x: np.ndarray, shape: Shape) -> np.ndarray:
    """The same numbers in another shape; one size may be −1."""
    try:
        return x.reshape(shape)
    except ValueError:
        raise ValueError(
            f"the {x.size:,} numbers of shape {shape_in_words(x.shape)} do not fill {shape_in_words(shape)}."
        ) from None


def transpose(x: np.ndarray) -> np.ndarray:
    """Rows as columns; of a matrix only."""
    if x.ndim != 2:
        raise ValueError(f".T turns a matrix over, and got {shape_in_words(x.shape)}.")
    return x.T


def one_hot(ids: np.ndarray, width: int) -> np.ndarray:
    """1 in the place of each id, 0 elsewhere: (...) to (..., width)."""
    if not 1 <= width <= MOST_NUMBERS:
        raise ValueError(f"one_hot needs a width from 1 to {MOST_NUMBERS:,}, got {width}.")
    _check_size((*ids.shape, width), "one_hot")
    whole = ids.astype(int)
    if (whole != ids).any() or (whole < 0).any() or (whole >= width).any():
        raise ValueError(f"one_hot needs whole numbers from 0 to {width - 1} to place, and got others.")
    return (whole[..., None] == np.arange(width)).astype(float)


def argmax(x: np.ndarray, axis: int) -> np.ndarray:
    """Where the largest number stands, along one axis."""
    if not -x.ndim <= axis < x.ndim:
        raise ValueError(f"argmax over axis {axis}: the shape {shape_in_words(x.shape)} has no such axis.")
    return np.asarray(x.argmax(axis=axis), dtype=float)


def _matrix_product(left: np.ndarray, right: np.ndarray, work: Work) -> np.ndarray:
    if left.ndim != 2 or right.ndim != 2:
        raise ValueError(
            f"“@” multiplies two matrices, and got {shape_in_words(left.shape)} and {shape_in_words(right.shape)}."
        )
    (m, k), (inner, p) = left.shape, right.shape
    if k != inner:
        raise ValueError(
            f"“@” needs as many columns on the left as rows on the right, and got {shape_in_words(left.shape)} and "
            f"{shape_in_words(right.shape)}; .T turns a matrix over."
        )
    _check_size((m, p), "“@”")
    if m * k * p > MOST_PRODUCTS:
        raise ValueError(f"“@” would take {m * k * p:,} multiplications; at most {MOST_PRODUCTS:,} are done here.")
    work.operations += m * p * (2 * k - 1)
    with np.errstate(all="ignore"):
        return _finite(left @ right, "“@”")


def _check_size(shape: Shape, what: str) -> int:
    size = math.prod(shape)
    if size > MOST_NUMBERS:
        raise ValueError(f"{what} would make {size:,} numbers, {shape_in_words(shape)}; at most {MOST_NUMBERS:,}.")
    return size


def _finite(x: np.ndarray | np.floating, what: str) -> np.ndarray:
    x = np.asarray(x)  # of single numbers NumPy makes scalars
    bad = ~np.isfinite(x)
    if bad.any():
        kind = "not a number (NaN)" if np.isnan(x).any() else "too large for a float"
        raise ValueError(f"the result of {what} is {kind}{_in_cells(bad)}.")
    return x


def _in_cells(bad: np.ndarray) -> str:
    return f" in {int(bad.sum()):,} of {bad.size:,} cells" if bad.size > 1 else ""
