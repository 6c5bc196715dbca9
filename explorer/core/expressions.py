"""Typed arithmetic read by a grammar of our own and worked out as it is read; nothing is ever run as Python.

    program    = statement { (newline | ";") statement }
    statement  = [ name ("=" | "+=" | "-=" | "*=" | "/=" | "**=") ] sum
    sum        = product { ("+" | "-") product }
    product    = signed { ("*" | "/") signed }
    signed     = ("-" | "+") signed | power
    power      = call [ "**" signed ]
    call       = atom { "." function "(" ")" }
    atom       = number | name | function "(" sum ")" | "(" sum ")"

As in Python, ** binds tighter than a minus before it and is read from the right; "#" begins a comment.

    >>> program = evaluate("a = 2; b = -3; y = a*b + 10")
    >>> program.result.data, sorted(program.inputs)
    (4.0, ['a', 'b'])
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from dataclasses import dataclass

from explorer.core.autograd import Value
from explorer.core.expression_tokens import ExpressionError, Token, tokens

LONGEST = 1000  # characters
DEEPEST = 50  # brackets, signs and powers inside one another
FUNCTIONS: dict[str, Callable[[Value], Value]] = {
    "relu": Value.relu,
    "tanh": Value.tanh,
    "exp": Value.exp,
    "log": Value.log,
    "sigmoid": Value.sigmoid,
}
_OPERATIONS: dict[str, Callable[[Value, Value], Value]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "**": operator.pow,
}
_NAMES_ARE = ", ".join(FUNCTIONS)


@dataclass(frozen=True)
class Program:
    """result: the value of the last statement, a node with parents. inputs: the numbers that were given names, in the
    order of typing; these are the leaves of the graph."""

    result: Value
    inputs: dict[str, Value]


def evaluate(text: str) -> Program:
    """Work out the statements; every named number becomes a leaf, every named result keeps its name as its label.

    A name given a second time to something new is labelled with a count: c, c₂, c₃. Raises ExpressionError, one line
    with the place, for whatever cannot be read or worked out.
    """
    if len(text) > LONGEST:
        raise ExpressionError(
            f"expected at most {LONGEST:,} characters, got {len(text):,}; shorten the expression.", 1, LONGEST + 1, ""
        )
    reader = _Reader(tokens(text))
    return reader.program()


class _Reader:
    """Recursive descent over the tokens; a plain number stays a float until it meets a name."""

    def __init__(self, tokens: list[Token]) -> None:
        self.tokens, self.at, self.depth = tokens, 0, 0
        self.names: dict[str, Value] = {}
        self.inputs: dict[str, Value] = {}
        self.given: dict[str, int] = {}

    @property
    def now(self) -> Token:
        return self.tokens[self.at]

    def take(self, *texts: str) -> Token | None:
        """The next token if it is a mark among `texts`."""
        if self.now.kind == "mark" and self.now.text in texts:
            self.at += 1
            return self.tokens[self.at - 1]
        return None

    def program(self) -> Program:
        result: Value | float | None = None
        last = self.now
        while True:
            if self.now.kind != "end":
                last = self.now
                result = self.statement()
            if self.now.kind != "end":
                raise self.now.error(self._misplaced(self.now))
            if not self.now.text:
                break
            self.at += 1
        if result is None:
            raise last.error("nothing to work out; type an expression, such as a = 2; a*a + 1.")
        if not isinstance(result, Value) or not result.parents:
            number = result.data if isinstance(result, Value) else result
            raise last.error(
                f"this is just the number {number:g}; give numbers names and calculate with them, as in a = 2; a*a + 1."
            )
        return Program(result, self.inputs)

    def statement(self) -> Value | float:
        name, sign = self.now, self.tokens[min(self.at + 1, len(self.tokens) - 1)]
        if name.kind != "name" or sign.kind != "mark" or not sign.text.endswith("="):
            return self.sum()
        if name.text in FUNCTIONS:
            raise name.error(f"{name.shown} is a function; choose another name.")
        if len(name.text) > 20:
            raise name.error(f"{name.shown} is too long for a name; use at most 20 characters.")
        self.at += 2
        if sign.text == "=":
            value = self.sum()
        else:
            before = self.look_up(name)
            value = self.apply(sign, _OPERATIONS[sign.text[:-1]], before, self.sum())
        return self.give(name.text, value)

    def give(self, name: str, value: Value | float) -> Value:
        """Bind the name; a number becomes a leaf, and what has no label yet takes the name."""
        is_input = not isinstance(value, Value)
        node = value if isinstance(value, Value) else Value(value)
        if not node.label:
            count = self.given[name] = self.given.get(name, 0) + 1
            digits = str(count).translate(str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉"))
            node.label = name if count == 1 else name + digits
            if is_input:
                self.inputs[node.label] = node
        self.names[name] = node
        return node

    def look_up(self, name: Token) -> Value:
        if name.text not in self.names:
            raise name.error(
                f"unknown name {name.shown}; give it a number on a line before, as in {name.text[:20]} = 1."
            )
        return self.names[name.text]

    def sum(self) -> Value | float:
        left = self.product()
        while sign := self.take("+", "-"):
            left = self.apply(sign, _OPERATIONS[sign.text], left, self.product())
        return left

    def product(self) -> Value | float:
        left = self.signed()
        while sign := self.take("*", "/"):
            left = self.apply(sign, _OPERATIONS[sign.text], left, self.signed())
        return left

    def signed(self) -> Value | float:
        if sign := self.take("-", "+"):
            self.enter(sign)
            value = self.signed()
            self.depth -= 1
            return -value if sign.text == "-" else value
        return self.power()

    def power(self) -> Value | float:
        base = self.call()
        if sign := self.take("**"):
            self.enter(sign)
            exponent = self.signed()
            self.depth -= 1
            return self.apply(sign, _OPERATIONS["**"], base, exponent)
        return base

    def call(self) -> Value | float:
        value = self.atom()
        while self.take("."):
            name = self.now
            self.at += name.kind == "name"
            function = self.function(name)
            self.expect("(", name)
            self.expect(")", name)
            value = self.apply(name, function, value)
        return value

    def atom(self) -> Value | float:
        token = self.now
        if token.kind == "number":
            self.at += 1
            number = float(token.text)
            if math.isinf(number):
                raise token.error(f"{token.shown} is too large for a float.")
            return number
        if token.kind == "name":
            self.at += 1
            if token.text in FUNCTIONS or (self.now.kind == "mark" and self.now.text == "("):
                function = self.function(token)
                bracket = self.expect("(", token)
                return self.apply(token, function, self.inside(bracket))
            return self.look_up(token)
        if opened := self.take("("):
            return self.inside(opened)
        raise token.error(self._misplaced(token))

    def inside(self, bracket: Token) -> Value | float:
        self.enter(bracket)
        value = self.sum()
        self.depth -= 1
        if not self.take(")"):
            raise self.now.error(
                f"expected “)” for the bracket at line {bracket.line}, column {bracket.column}, got {self.now.shown}."
            )
        return value

    def function(self, name: Token) -> Callable[[Value], Value]:
        if name.text not in FUNCTIONS:
            raise name.error(f"{name.shown} is not a function here; the functions are {_NAMES_ARE}.")
        return FUNCTIONS[name.text]

    def expect(self, mark: str, function: Token) -> Token:
        found = self.take(mark)
        if found is None:
            raise self.now.error(f"expected “{mark}” after the function {function.text}, got {self.now.shown}.")
        return found

    def enter(self, token: Token) -> None:
        self.depth += 1
        if self.depth > DEEPEST:
            raise token.error(f"more than {DEEPEST} brackets, signs and powers inside one another; give parts a name.")

    def apply(self, place: Token, operation: Callable[..., Value], *operands: Value | float) -> Value | float:
        """The result, a float if all operands are; errors of arithmetic point at the sign or the function."""
        plain = not any(isinstance(operand, Value) for operand in operands)
        try:
            # Two plain numbers follow the same rules as two Values, but leave no node behind.
            result = operation(*map(Value, operands)) if plain else operation(*operands)  # type: ignore[arg-type]
        except (ValueError, ArithmeticError) as error:
            raise place.error(str(error)) from None
        if not math.isfinite(result.data):
            raise place.error(f"the result of {place.shown} is too large for a float.")
        if plain:
            return result.data
        if not all(map(math.isfinite, result.slopes)):
            raise place.error(f"{place.shown} has no finite slope at this point, so nothing can be sent back.")
        return result

    def _misplaced(self, token: Token) -> str:
        if token.kind == "unknown":
            hint = "; write ** for a power" if token.text == "^" else ""
            return f"{token.shown} has no meaning here{hint}."
        if token.text == ")":
            return "this “)” closes no bracket, or something is missing before it."
        if token.kind in ("number", "name") and self.at and self.tokens[self.at - 1].kind != "end":
            return f"expected a sign such as + or * before {token.shown}."
        return f"expected a number, a name or “(”, got {token.shown}."
