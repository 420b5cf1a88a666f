"""The expressions of `#if` lines: parsed once, evaluated with three values (true, false, not known)."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TypeAlias

from heaplint import lazy_re as re
from heaplint.records import dataclass

Value: TypeAlias = int | None
"""An integer, or None when it is not known."""

_TOKEN = re.compile(r"\s*(?:(0[xX][0-9a-fA-F]+|0[bB][01]+|\d+)[uUlL]*|([A-Za-z_]\w*)|('(?:\\.|[^'])*')|(<<|>>|<=|>=|==|!=|&&|\|\||.))")
_PRECEDENCE = {
    "||": 1, "&&": 2, "|": 3, "^": 4, "&": 5, "==": 6, "!=": 6, "<": 7, ">": 7, "<=": 7, ">=": 7,
    "<<": 8, ">>": 8, "+": 9, "-": 9, "*": 10, "/": 10, "%": 10,
}
_MAX_TOKENS = 2000
_MAX_DEPTH = 60


@dataclass(frozen=True, slots=True)
class Condition:
    """A node of an `#if` expression: an operator with operands, or an atom.

    Operators: C's binary ones, "!", "-", "~", "?", "defined" (operand: the name), "name", "number", "call" (a macro
    call or a feature test: `text` keeps it) and "unknown" (what could not be parsed).
    """

    operator: str
    operands: tuple[Condition, ...] = ()
    text: str = ""
    number: int = 0


UNKNOWN = Condition("unknown")


class _Parser:
    def __init__(self, text: str) -> None:
        self.tokens: list[str] = []
        for match in _TOKEN.finditer(text):
            self.tokens.append(match.group(1) or match.group(2) or match.group(3) or match.group(4))
            if len(self.tokens) > _MAX_TOKENS:
                raise ValueError("too long")
        self.at = 0
        self.depth = 0

    def peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def take(self, expected: str = "") -> str:
        token = self.peek()
        if not token or (expected and token != expected):
            raise ValueError(f"expected {expected or 'an operand'}")
        self.at += 1
        return token

    def expression(self, least: int = 0) -> Condition:
        self.depth += 1
        if self.depth > _MAX_DEPTH:
            raise ValueError("too deep")
        left = self.operand()
        while (rank := _PRECEDENCE.get(self.peek(), 0)) > least:
            operator = self.take()
            left = Condition(operator, (left, self.expression(rank)))
        if least == 0 and self.peek() == "?":
            self.take()
            then = self.expression()
            self.take(":")
            left = Condition("?", (left, then, self.expression()))
        self.depth -= 1
        return left

    def operand(self) -> Condition:
        token = self.take()
        if token in ("!", "-", "~", "+"):
            self.depth += 1
            if self.depth > _MAX_DEPTH:
                raise ValueError("too deep")
            inner = self.operand()
            self.depth -= 1
            return inner if token == "+" else Condition(token, (inner,))
        if token == "(":
            inner = self.expression()
            self.take(")")
            return inner
        if token[0].isdigit():
            return Condition("number", number=int(token, 0) if not re.fullmatch(r"0\d+", token) else int(token, 8))
        if token[0] == "'":
            return Condition("number", number=ord(token[1:-1][-1:] or "\0"))
        if token == "defined":
            if self.peek() == "(":
                self.take()
                name = self.take()
                self.take(")")
            else:
                name = self.take()
            return Condition("defined", text=name)
        if not (token[0].isalpha() or token[0] == "_"):
            raise ValueError(f"unexpected {token}")
        if self.peek() == "(":
            return self.call(token)
        return Condition("name", text=token)

    def call(self, name: str) -> Condition:
        start, depth = self.at, 0
        while True:
            token = self.take()
            depth += (token == "(") - (token == ")")
            if depth == 0:
                return Condition("call", text=name + "".join(self.tokens[start : self.at]))


@functools.lru_cache(maxsize=4096)
def parse(text: str) -> Condition:
    """The expression of an `#if` or `#elif`; UNKNOWN when it is not one."""
    try:
        parser = _Parser(text)
        parsed = parser.expression()
        if parser.peek():
            return UNKNOWN
    except (ValueError, RecursionError):
        return UNKNOWN
    return parsed


def evaluate(condition: Condition, lookup: Callable[[Condition], Value]) -> Value:
    """The value of an expression; `lookup` gives that of "defined", "name", "call" and "unknown" atoms."""
    operator, operands = condition.operator, condition.operands
    if operator == "number":
        return condition.number
    if not operands:
        return lookup(condition)
    first = evaluate(operands[0], lookup)
    if operator == "!":
        return None if first is None else int(not first)
    if len(operands) == 1:
        return None if first is None else (-first if operator == "-" else ~first)
    if operator == "?":
        if first is None:
            return None
        return evaluate(operands[1 if first else 2], lookup)
    second = evaluate(operands[1], lookup)
    if operator == "&&":
        if first == 0 or second == 0:
            return 0
        return None if first is None or second is None else 1
    if operator == "||":
        if first or second:
            return 1
        return None if first is None or second is None else 0
    if first is None or second is None:
        return None
    return _arithmetic(operator, first, second)


def _arithmetic(operator: str, first: int, second: int) -> Value:
    match operator:
        case "==":
            return int(first == second)
        case "!=":
            return int(first != second)
        case "<":
            return int(first < second)
        case ">":
            return int(first > second)
        case "<=":
            return int(first <= second)
        case ">=":
            return int(first >= second)
        case "+":
            return first + second
        case "-":
            return first - second
        case "*":
            return first * second
        case "/" | "%":
            return None if second == 0 else _divided(operator, first, second)
        case "<<" | ">>":
            if not 0 <= second < 64:
                return None
            return first << second if operator == "<<" else first >> second
        case "&":
            return first & second
        case "|":
            return first | second
        case "^":
            return first ^ second
    return None


def _divided(operator: str, first: int, second: int) -> int:
    """C's division goes towards zero, Python's does not."""
    quotient = abs(first) // abs(second)
    if (first < 0) != (second < 0):
        quotient = -quotient
    return quotient if operator == "/" else first - quotient * second


def atoms(condition: Condition) -> list[str]:
    """The names (and calls) an expression depends on, in order."""
    if condition.operator in ("defined", "name", "call"):
        return [condition.text]
    return [name for operand in condition.operands for name in atoms(operand)]


def satisfy(condition: Condition, wanted: bool, chosen: dict[str, bool]) -> None:
    """Choose atoms so that an expression becomes (un)true where it depends on atoms alone; a best effort."""
    match condition.operator:
        case "defined" | "name" | "call":
            chosen.setdefault(condition.text, wanted)
        case "!":
            satisfy(condition.operands[0], not wanted, chosen)
        case "&&" | "||":
            for operand in condition.operands:
                satisfy(operand, wanted, chosen)
