"""A typed expression over named tensors, read by a grammar of our own and worked out as it is read.

    answer    = [ name "=" ] sum
    sum       = product { ("+" | "-") product }
    product   = signed { ("*" | "/" | "@") signed }
    signed    = ("-" | "+") signed | power
    power     = part [ "**" signed ]
    part      = atom { "." ( "T" | "shape" | function "(" [ arguments ] ")" ) }
    atom      = number | name | function "(" [ arguments ] ")" | "(" sum ")"
    arguments = argument { "," argument }
    argument  = [ name "=" ] ( sum | "True" | "False" )

Nothing is ever run as Python: names are looked up in what the caller gave, functions in the lists below, and there are
no other attributes. Length, depth and the size of every result are bounded. As in Python, ** binds tighter than a minus
before it and is read from the right; "#" begins a comment.

    >>> round(evaluate("(2*x).sum(0, keepdim=True) @ x", {"x": np.eye(2)}).value.item(0), 1)
    2.0
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from explorer.core import tensor_operations as operations
from explorer.core.expression_tokens import ExpressionError, Token, tokens
from explorer.core.tensor_operations import Shape, Work

LONGEST = 600  # characters
DEEPEST = 40  # brackets, signs and powers inside one another
FUNCTIONS = (*operations.FUNCTIONS, "sum", "mean", "one_hot", "argmax", "reshape", "view")
_AXIS = ("axis", "dim")
_KEEP = ("keepdim", "keepdims")
_FLAGS = {"True": True, "False": False}
_AFTER_DOT = "T, shape, " + ", ".join(FUNCTIONS)

Argument = np.ndarray | Shape | bool


@dataclass(frozen=True, eq=False)
class Worked:
    """value: float64. operations: elementary ones, counted number by number."""

    value: np.ndarray
    operations: int


def evaluate(
    text: str,
    names: Mapping[str, np.ndarray],
    *,
    asked: str = "",
    withheld: Mapping[str, str] | None = None,
) -> Worked:
    """Work out an expression over `names`. Raises ExpressionError, one line with the place, for anything else.

    asked: a name that may stand before “=”. withheld: names that exist but may not be used yet, each with the reason.
    """
    if len(text) > LONGEST:
        raise ExpressionError(
            f"expected at most {LONGEST:,} characters, got {len(text):,}; shorten the expression.", 1, LONGEST + 1, ""
        )
    reader = _Reader(tokens(text), names, asked, withheld or {})
    value = reader.answer()
    return Worked(value, reader.work.operations)


class _Reader:
    """Recursive descent over the tokens."""

    def __init__(
        self, tokens: list[Token], names: Mapping[str, np.ndarray], asked: str, withheld: Mapping[str, str]
    ) -> None:
        self.tokens, self.names, self.asked, self.withheld = tokens, names, asked, withheld
        self.at, self.depth, self.work = 0, 0, Work()

    @property
    def now(self) -> Token:
        return self.tokens[self.at]

    def take(self, *texts: str) -> Token | None:
        """The next token if it is a mark among `texts`; “@” and “,” are marks of this grammar alone."""
        if self.now.kind in ("mark", "unknown") and self.now.text in texts:
            self.at += 1
            return self.tokens[self.at - 1]
        return None

    def answer(self) -> np.ndarray:
        following = self.tokens[min(1, len(self.tokens) - 1)]
        if self.now.kind == "name" and following.kind == "mark" and following.text == "=":
            if self.now.text != self.asked:
                raise self.now.error(f"what is asked for is {self.asked or 'one expression'}; leave “=” out.")
            self.at += 2
        if self.now.kind == "end":
            raise self.now.error("nothing to work out; type an expression.")
        value = self.sum()
        if self.now.kind != "end":
            raise self.now.error(self._misplaced(self.now))
        if self.now.text and any(token.kind != "end" for token in self.tokens[self.at :]):
            raise self.now.error("expected a single expression; remove what follows here.")
        if isinstance(value, tuple):
            raise self.tokens[0].error("this is a shape; an answer is a tensor.")
        return value

    def sum(self) -> np.ndarray | Shape:
        left = self.product()
        while sign := self.take("+", "-"):
            left = self.combine(sign, left, self.product())
        return left

    def product(self) -> np.ndarray | Shape:
        left = self.signed()
        while sign := self.take("*", "/", "@"):
            left = self.combine(sign, left, self.signed())
        return left

    def signed(self) -> np.ndarray | Shape:
        if sign := self.take("-", "+"):
            self.enter(sign)
            value = self.tensor(sign, self.signed())
            self.depth -= 1
            if sign.text == "-":
                self.work.operations += value.size
                return np.asarray(-value)
            return value
        return self.power()

    def power(self) -> np.ndarray | Shape:
        base = self.part()
        if sign := self.take("**"):
            self.enter(sign)
            exponent = self.signed()
            self.depth -= 1
            return self.combine(sign, base, exponent)
        return base

    def part(self) -> np.ndarray | Shape:
        value = self.atom()
        while self.take("."):
            name = self.now
            self.at += name.kind == "name"
            value = self.attribute(name, self.tensor(name, value))
        return value

    def attribute(self, name: Token, value: np.ndarray) -> np.ndarray | Shape:
        if name.kind == "name" and name.text == "T":
            return self.guarded(name, lambda: operations.transpose(value))
        if name.kind == "name" and name.text == "shape":
            return value.shape
        if name.kind != "name" or name.text not in FUNCTIONS:
            raise name.error(f"after a dot stands one of {_AFTER_DOT}; got {name.shown}.")
        return self.call(name, [value])

    def atom(self) -> np.ndarray | Shape:
        token = self.now
        if token.kind == "number":
            self.at += 1
            if math.isinf(number := float(token.text)):
                raise token.error(f"{token.shown} is too large for a float.")
            return np.array(number)
        if token.kind == "name":
            self.at += 1
            if self.now.kind == "mark" and self.now.text == "(":
                if token.text not in FUNCTIONS:
                    raise token.error(
                        f"{token.shown} is not a function here; the functions are {', '.join(FUNCTIONS)}."
                    )
                return self.call(token, [])
            return self.look_up(token)
        if opened := self.take("("):
            self.enter(opened)
            value = self.sum()
            self.depth -= 1
            self.close(opened)
            return value
        raise token.error(self._misplaced(token))

    def look_up(self, name: Token) -> np.ndarray:
        if name.text in self.names:
            return self.names[name.text]
        if name.text in self.withheld:
            raise name.error(self.withheld[name.text])
        if name.text in FUNCTIONS:
            raise self.now.error(f"expected “(” after the function {name.text}, got {self.now.shown}.")
        raise name.error(f"unknown name {name.shown}; the names that can be used are listed below the box.")

    def call(self, name: Token, before: list[np.ndarray]) -> np.ndarray:
        bracket = self.take("(")
        if bracket is None:
            raise self.now.error(f"expected “(” after the function {name.text}, got {self.now.shown}.")
        self.enter(bracket)
        positional: list[Argument] = list(before)
        keywords: dict[str, Argument] = {}
        while not (self.now.kind == "mark" and self.now.text == ")"):
            keyword, place, value = self.argument()
            if keyword in keywords or (keywords and not keyword):
                raise place.error("a named argument comes last, and each once.")
            if keyword:
                keywords[keyword] = value
            else:
                positional.append(value)
            if not self.take(","):
                break
        self.depth -= 1
        self.close(bracket)
        return self.guarded(name, lambda: _call(name.text, positional, keywords, self.work))

    def argument(self) -> tuple[str, Token, Argument]:
        place, following = self.now, self.tokens[min(self.at + 1, len(self.tokens) - 1)]
        keyword = ""
        if place.kind == "name" and following.kind == "mark" and following.text == "=":
            keyword = _AXIS[0] if place.text in _AXIS else _KEEP[0] if place.text in _KEEP else ""
            if not keyword:
                raise place.error(f"no argument is called {place.shown}; there are axis (or dim) and keepdim.")
            self.at += 2
        if self.now.kind == "name" and self.now.text in _FLAGS:
            self.at += 1
            return keyword, place, _FLAGS[self.tokens[self.at - 1].text]
        return keyword, place, self.sum()

    def combine(self, sign: Token, left: np.ndarray | Shape, right: np.ndarray | Shape) -> np.ndarray:
        a, b = self.tensor(sign, left), self.tensor(sign, right)
        return self.guarded(sign, lambda: operations.combine(sign.text, a, b, self.work))

    def tensor(self, place: Token, value: np.ndarray | Shape) -> np.ndarray:
        if isinstance(value, tuple):
            raise place.error("a shape can only be given to reshape or view.")
        return value

    def guarded(self, place: Token, work: Callable[[], np.ndarray]) -> np.ndarray:
        """The result; what is wrong with it points at the sign or the function."""
        try:
            return work()
        except ValueError as error:
            raise place.error(str(error)) from None

    def enter(self, token: Token) -> None:
        self.depth += 1
        if self.depth > DEEPEST:
            raise token.error(f"more than {DEEPEST} brackets, signs and powers inside one another.")

    def close(self, bracket: Token) -> None:
        if not self.take(")"):
            raise self.now.error(f"expected “)” for the bracket at column {bracket.column}, got {self.now.shown}.")

    def _misplaced(self, token: Token) -> str:
        if token.kind == "unknown" and token.text not in "@,":
            hint = "; write ** for a power" if token.text == "^" else ""
            return f"{token.shown} has no meaning here{hint}."
        if token.text == ")":
            return "this “)” closes no bracket, or something is missing before it."
        if token.kind in ("number", "name") and self.at:
            return f"expected a sign such as + or * before {token.shown}."
        return f"expected a number, a name or “(”, got {token.shown}."


def _call(name: str, positional: list[Argument], keywords: dict[str, Argument], work: Work) -> np.ndarray:
    """Apply a function of FUNCTIONS to checked arguments. Raises ValueError in one sentence."""
    if not positional or not isinstance(x := positional[0], np.ndarray):
        raise ValueError(f"{name} needs a tensor to work on.")
    rest = positional[1:]
    if keywords and name not in ("sum", "mean", "argmax"):
        raise ValueError(f"{name} takes no {next(iter(keywords))}.")
    if name in operations.FUNCTIONS:
        if rest:
            raise ValueError(f"{name} takes one tensor and nothing else.")
        return operations.apply(name, x, work)
    if name in ("reshape", "view"):
        if len(rest) == 1 and isinstance(rest[0], tuple):
            return operations.reshape(x, rest[0])
        if not rest or len(rest) > 6:
            raise ValueError(f"{name} needs the sizes of the new shape, as in {name}(2, 3).")
        return operations.reshape(x, tuple(_whole(name, size) for size in rest))
    if name == "one_hot":
        if len(rest) != 1:
            raise ValueError("one_hot needs the ids and a width, as in one_hot(targets, V).")
        return operations.one_hot(x, _whole(name, rest[0]))
    order = [word for word in ("axis", "keepdim") if word not in keywords]
    if len(rest) > len(order):
        raise ValueError(f"{name} takes an axis and keepdim, and nothing else.")
    given = keywords | dict(zip(order, rest, strict=False))
    axis = _whole(name, given["axis"]) if "axis" in given else None
    keepdim = given.get("keepdim", False)
    if not isinstance(keepdim, bool):
        raise ValueError("keepdim is True or False.")
    if name == "argmax":
        return operations.argmax(x, -1 if axis is None else axis)
    return operations.reduce(name, x, axis, keepdim, work)


def _whole(name: str, value: Argument) -> int:
    """A whole number that is small enough for an axis or a size."""
    if isinstance(value, np.ndarray) and value.ndim == 0 and float(value).is_integer() and abs(value) < 1e15:
        return int(value)
    raise ValueError(f"{name} needs whole numbers here, such as 0 or 1.")
