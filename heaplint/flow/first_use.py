"""What is done first with the result of a call that can be NULL: tested, used, or something that is not followed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from heaplint import ir

Use = Literal["tested", "used", "unknown"]

_MAX_ALIASES = 4


def first_use(function: ir.Function, call: ir.Call, taken_by: frozenset[str]) -> Use:
    """What happens first to a call's result in the order of the text; `taken_by`: functions that want no NULL."""
    chain = next((chain for node, chain in _with_parents(function.body, ()) if node is call), None)
    if chain is None:
        return "unknown"
    use, name = _by_parents(call, chain, taken_by)
    for _ in range(_MAX_ALIASES):
        if not name:
            break
        use, name = _first_read(function, call, name, taken_by)
    return use


def _with_parents(node: ir.Node, parents: tuple[ir.Node, ...]) -> Iterator[tuple[ir.Node, tuple[ir.Node, ...]]]:
    yield node, parents
    for child in ir.children(node):
        if child is not None:
            yield from _with_parents(child, (*parents, node))


def _by_parents(node: ir.Node, parents: tuple[ir.Node, ...], taken_by: frozenset[str]) -> tuple[Use, str]:
    """What the nearest parents do with a value, and the variable that it goes to ("" for none)."""
    inner = node
    for parent in reversed(parents):
        match parent:
            case ir.Cast():
                inner = parent
                continue
            case ir.Binary(operator=","):
                inner = parent
                continue
            case ir.Member(arrow=True) | ir.Index():
                return ("used" if parent.object is inner else "unknown"), ""
            case ir.Unary(operator="*"):
                return "used", ""
            case ir.Unary(operator="!") | ir.Binary(operator="==" | "!=" | "&&" | "||"):
                return "tested", ""
            case ir.If() | ir.Conditional() | ir.Loop():
                return ("tested" if parent.condition is inner else "unknown"), ""
            case ir.Call():
                name = ir.called(parent)
                if name == "assert":
                    return "tested", ""
                return ("used" if name in taken_by else "unknown"), ""
            case ir.Variable():
                return "unknown", parent.name
            case ir.Assign(operator="="):
                if parent.value is not inner or not isinstance(target := ir.strip(parent.target), ir.Name):
                    return "unknown", ""
                outer = parents[: parents.index(parent)]
                if outer and not isinstance(outer[-1], ir.ExprStmt):
                    return _by_parents(parent, outer, taken_by)
                return "unknown", target.text
            case _:
                return "unknown", ""
    return "unknown", ""


def _first_read(function: ir.Function, after: ir.Call, name: str, taken_by: frozenset[str]) -> tuple[Use, str]:
    """The first thing done with a variable behind a call."""
    behind = False
    for node, parents in _with_parents(function.body, ()):
        if node is after:
            behind = True
        elif behind and isinstance(node, ir.Name) and node.text == name:
            last = parents[-1] if parents else None
            if isinstance(last, ir.Assign) and last.target is node and last.operator == "=":
                if any(one is after for one in ir.walk(last.value)):
                    continue
                return "unknown", ""
            use, alias = _by_parents(node, parents, taken_by)
            return (use, alias if alias != name else "")
    return "unknown", ""
