"""The fix of HL408: release the reference where PyModule_AddObject's failure is dealt with."""

from __future__ import annotations

from heaplint import ir
from heaplint.findings import Edit
from heaplint.fixes import place
from heaplint.fixes.registry import Fixing, fixer


@fixer("HL408")
def released_on_failure(fixing: Fixing) -> list[Edit] | None:
    """`if (PyModule_AddObject(…) < 0) { Py_DECREF(x); … }`; where nothing looks at the result, there is no local cure."""
    report, data = fixing.report, fixing.data
    function = fixing.function()
    if function is None or not place.has_own_body(data, function):
        return None
    branch = _failure_branch(function, report.place)
    release = report.remedy
    if branch is None or not release:
        return None
    path = report.place.path
    if isinstance(branch, ir.Block):
        if data[branch.start : branch.start + 1] != b"{" or not branch.body:
            return None
        edit = place.before(path, data, branch.body[0], release)
        return [edit] if edit else None
    if not place.starts_line(data, branch.start):
        return None
    outer = place.indent(data, report.place.start)
    end = place.line_end(data, branch.end)
    if data[branch.end : end].strip():
        return None
    head = data.rfind(b")", 0, branch.start) + 1
    lead = place.indent(data, branch.start)
    start = place.line_start(data, branch.start)
    if data[head : branch.start].strip():
        return None
    return [
        Edit(path, head, start, f" {{\n{lead}{release}\n"),
        Edit(path, end, end, f"{outer}}}\n"),
    ]


def _failure_branch(function: ir.Function, call: ir.Place) -> ir.Stmt | None:
    """What is done when the call fails: the branch of `if (call < 0)`, `if (call)`, `if (call != 0)` or `if (call == -1)`."""
    for node in ir.walk(function.body):
        if isinstance(node, ir.If) and node.condition.start <= call.start and call.end <= node.condition.end:
            condition = ir.strip(node.condition)
            if isinstance(condition, ir.Binary):
                if condition.operator not in ("<", "!=", "==") or not _is(condition.left, call):
                    return None
                wanted = {"<": "0", "!=": "0", "==": "-1"}[condition.operator]
                if _number(condition.right) != wanted:
                    return None
            elif not _is(condition, call):
                return None
            return node.then
    return None


def _is(expr: ir.Expr, call: ir.Place) -> bool:
    inner = ir.strip(expr)
    return isinstance(inner, ir.Call) and inner.start == call.start


def _number(expr: ir.Expr) -> str:
    inner = ir.strip(expr)
    if isinstance(inner, ir.Unary) and inner.operator == "-":
        return f"-{_number(inner.operand)}"
    return inner.text if isinstance(inner, ir.Constant) else ""
