"""What expressions in initialisers mean: function names, flags, type objects, strings."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Mapping
from typing import Final

from heaplint import ir

COMPARISONS: Final[Mapping[str, Callable[[int, int], bool]]] = {
    "==": operator.eq, "!=": operator.ne, "<": operator.lt, ">": operator.gt, "<=": operator.le, ">=": operator.ge,
}
"""The comparing operators of C."""


def function_name(expr: ir.Expr | None) -> str:
    """The function that a slot's value names; "" for NULL and everything that is no name.

    Casts, `&f`, parentheses and one-argument wrappers such as `void_cast(f)` or `static_cast<void *>(f)` are seen
    through.
    """
    if expr is None:
        return ""
    inner = ir.strip(expr)
    if isinstance(inner, ir.Unary) and inner.operator == "&":
        inner = ir.strip(inner.operand)
    if isinstance(inner, ir.Call) and len(inner.args) == 1:
        inner = ir.strip(inner.args[0])
    if isinstance(inner, ir.Name) and not ir.is_null(inner):
        return inner.text
    return ""


def key_of(expr: ir.Expr | None) -> str:
    """The name under which an expression holds an object: the variable's or the last member's; "" for others."""
    if expr is None:
        return ""
    inner = ir.strip(expr)
    while isinstance(inner, ir.Unary) and inner.operator in ("&", "*"):
        inner = ir.strip(inner.operand)
    if isinstance(inner, ir.Index):
        inner = ir.strip(inner.object)
    if isinstance(inner, ir.Member):
        if inner.field in ("ht_type", "super", "ob_base"):
            return key_of(inner.object)
        return inner.field
    if isinstance(inner, ir.Name) and not ir.is_null(inner):
        return inner.text
    return ""


def flag_names(expr: ir.Expr | None) -> tuple[frozenset[str], str]:
    """The names or'ed together in a flags expression, and why it is not known in full ("" when it is)."""
    names: set[str] = set()
    unknown = ""
    todo: list[ir.Expr] = [expr] if expr is not None else []
    while todo:
        one = ir.strip(todo.pop())
        match one:
            case ir.Binary(operator="|" | "+"):
                todo += (one.right, one.left)
            case ir.Name():
                names.add(one.text)
                if not one.text.startswith(("Py_TPFLAGS_", "_Py_TPFLAGS_")):
                    unknown = unknown or f"{one.text} is not known"
            case ir.Constant(kind="number"):
                if one.text.rstrip("uUlL") not in ("0", "0x0"):
                    unknown = unknown or f"{one.text} is written as a number"
            case _:
                unknown = unknown or "the expression is not a list of flags"
    return frozenset(names), unknown


def number(expr: ir.Expr | None) -> int | None:
    """The value of a literal integer, negative ones included; None for anything else."""
    if expr is None:
        return None
    inner = ir.strip(expr)
    if isinstance(inner, ir.Unary) and inner.operator == "-":
        value = number(inner.operand)
        return None if value is None else -value
    if isinstance(inner, ir.Constant) and inner.kind == "number":
        try:
            return int(inner.text.rstrip("uUlL"), 0)
        except ValueError:
            return None
    return None


@functools.lru_cache(maxsize=64)
def _assigned(body: ir.Block) -> tuple[tuple[str, ir.Expr], ...]:
    found: list[tuple[str, ir.Expr]] = []
    for node in ir.walk(body):
        if type(node) is ir.Variable:
            if node.init is not None:
                found.append((node.name, node.init))
        elif type(node) is ir.Assign and node.operator == "=" and isinstance(target := ir.strip(node.target), ir.Name):
            found.append((target.text, node.value))
    return tuple(found)


def assigned(function: ir.Function) -> tuple[tuple[str, ir.Expr], ...]:
    """What the variables that a function names are given, by initialisers and by `=`: name and value, in the order
    of the text."""
    return _assigned(function.body)


def values_of(function: ir.Function, name: str) -> list[ir.Expr]:
    """What one variable is given in a function, NULL left out."""
    return [value for known, value in _assigned(function.body) if known == name and not ir.is_null(value)]


def place(path: str, node: ir.Node | ir.Struct) -> ir.Place:
    """The place of a node of a file."""
    return ir.Place(path, node.start, node.end)


def fields_of(init: ir.InitList, order: tuple[str, ...]) -> tuple[dict[str, ir.Expr], str]:
    """The fields an initialiser gives, positional and designated mixed, and what could not be placed ("" for all).

    A positional `PyObject_HEAD_INIT` fills the whole head; the stray zero that Python 2 code has behind it is dropped.
    """
    result: dict[str, ir.Expr] = {}
    unknown = ""
    at = 0
    for index, entry in enumerate(init.entries):
        if entry.designators:
            name = entry.designators[0]
            if name in order:
                at = order.index(name)
                result[name] = entry.value
            at += 1
            continue
        value = entry.value
        if isinstance(value, ir.Opaque) or (isinstance(value, ir.Name) and at == 0 and value.text.isupper() and index == 0):
            unknown = unknown or f"{value.text[:40]} could not be read"
        if order[0] == "ob_base" and at == 1 and ir.is_null(value) and index + 1 < len(init.entries):
            following = init.entries[index + 1].value
            if isinstance(following, ir.Constant) and following.kind == "string":
                continue
        if at < len(order):
            result[order[at]] = value
        at += 1
    return result, unknown
