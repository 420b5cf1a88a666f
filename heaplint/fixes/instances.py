"""Fixes of functions that make instances: HL205."""

from __future__ import annotations

from heaplint import ir
from heaplint import lazy_re as re
from heaplint.findings import Edit
from heaplint.fixes import place
from heaplint.fixes.registry import Fixing, fixer
from heaplint.model.expressions import assigned

_PLAIN = re.compile(rb"PyObject_(New|NewVar|NEW|NEW_VAR)\b")


@fixer("HL205")
def tracked(fixing: Fixing) -> list[Edit] | None:
    """Track the new instance before it is returned, or make it with room for the collector's header."""
    report, data = fixing.report, fixing.data
    path = report.place.path
    if report.remedy:
        found = _PLAIN.match(data, report.place.start)
        if found is None:
            return None
        return [Edit(path, found.start(), found.end(), report.remedy)]
    function = fixing.function()
    if function is None or not report.item:
        return None
    return track_before_returns(function, report.item, data)


def track_before_returns(function: ir.Function, name: str, data: bytes) -> list[Edit] | None:
    """Track an instance before each return of it that no tracking stands before; None where a line cannot do it."""
    returns = _returns(function.body, name, False)
    track = f"PyObject_GC_Track({name});"
    lines = [track] if _is_checked(function, name) else [f"if ({name} != NULL) {{", f"{place.step(data)}{track}", "}"]
    edits = [place.before(function.path, data, node, *lines) if in_block else None for node, in_block in returns]
    found = [edit for edit in edits if edit is not None]
    return found if found and len(found) == len(edits) else None


def _is_checked(function: ir.Function, name: str) -> bool:
    """Whether a variable is never NULL at the end: nothing sets it so, and a failed allocation leaves the function."""
    if any(known == name and ir.is_null(value) for known, value in assigned(function)):
        return False
    return any(
        isinstance(one, ir.If)
        and any(isinstance(node, ir.Name) and node.text == name for node in ir.walk(one.condition))
        and any(isinstance(node, ir.Return) for node in ir.walk(one.then))
        for one in function.body.body
    )


def _returns(node: ir.Node, name: str, tracked: bool) -> list[tuple[ir.Return, bool]]:
    """The returns of a variable, without tracking in front of them, and whether a line may stand before each."""
    found: list[tuple[ir.Return, bool]] = []
    for child in ir.children(node):
        if isinstance(child, ir.Return):
            inner = ir.strip(child.value) if child.value is not None else None
            if not tracked and isinstance(inner, ir.Name) and inner.text == name:
                found.append((child, isinstance(node, (ir.Block, ir.Case, ir.Label))))
        elif isinstance(child, ir.ExprStmt):
            tracked = tracked or any(_tracks(call, name) for call in ir.calls(child))
        elif child is not None:
            found += _returns(child, name, tracked)
    return found


def _tracks(call: ir.Call, name: str) -> bool:
    if ir.called(call) not in ("PyObject_GC_Track", "_PyObject_GC_TRACK") or not call.args:
        return False
    inner = ir.strip(call.args[0])
    return isinstance(inner, ir.Name) and inner.text == name
