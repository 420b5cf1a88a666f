"""Fixes of tp_traverse: HL203, HL204, HL224, HL225."""

from __future__ import annotations

from heaplint import ir
from heaplint import lazy_re as re
from heaplint.findings import Edit
from heaplint.fixes import place
from heaplint.fixes.registry import Fixing, fixer
from heaplint.fixes.subject import as_object, can_visit, each_member, self_name
from heaplint.flow.events import TYPE
from heaplint.flow.lifecycle import Life, lives

_ADDRESS = re.compile(rb"Py_VISIT\s*\(\s*(&\s*)\w")

GUARD = "#if PY_VERSION_HEX >= 0x03090000"
"""In Python 3.8 instances did not own their type, and a traverse that visits it makes the collector crash (bpo-40217)."""


def _traverse(fixing: Fixing) -> tuple[Life, ir.Function] | None:
    """A type and its traverse, when it is written out and Py_VISIT works in it; types may share one."""
    for life in fixing.lives() or _by_function(fixing):
        function = life.function("tp_traverse")
        if function is not None and function.path == fixing.report.place.path and can_visit(function):
            return life, function
    return None


def _by_function(fixing: Fixing) -> list[Life]:
    """The types whose traverse the report is about, when it names no type."""
    named = ((life, life.function("tp_traverse")) for life in lives(fixing.unit))
    return [life for life, function in named if function is not None and function.name == fixing.report.function]


def visit_type(subject: str, oldest: tuple[int, int]) -> list[str]:
    """The lines that visit the type of an instance."""
    visit = f"Py_VISIT(Py_TYPE({subject}));"
    return [GUARD, visit, "#endif"] if oldest < (3, 9) else [visit]


@fixer("HL203")
def type_visited(fixing: Fixing) -> list[Edit] | None:
    """Visit the type before anything else."""
    found = _traverse(fixing)
    if found is None:
        return None
    _, function = found
    edit = place.at_beginning(function.path, fixing.data, function, *visit_type(self_name(function), fixing.oldest))
    return [edit] if edit else None


@fixer("HL204")
def members_visited(fixing: Fixing) -> list[Edit] | None:
    """Visit the members before the return that ends the function."""
    found = _traverse(fixing)
    if found is None:
        return None
    life, function = found
    lines = each_member(life, function, "Py_VISIT", (fixing.report.item or "").split(","))
    if lines is None:
        return None
    edit = place.before_return(function.path, fixing.data, function, *lines)
    return [edit] if edit else None


@fixer("HL213")
def visited_rightly(fixing: Fixing) -> list[Edit] | None:
    """Take out the visit, or the `&` in front of its argument."""
    found = _traverse(fixing)
    if found is None:
        return None
    path, data, where = fixing.report.place.path, fixing.data, fixing.report.place
    if fixing.report.remedy == "without &":
        address = _ADDRESS.match(data, where.start, where.end)
        return [Edit(path, address.start(1), address.end(1), "")] if address else None
    statement = place.statement_of(found[1], where)
    if not isinstance(statement, ir.ExprStmt):
        return None
    edit = place.without_line(path, data, statement)
    return [edit] if edit else None


@fixer("HL217")
def dictionary_visited(fixing: Fixing) -> list[Edit] | None:
    """Visit or clear the managed dictionary before the return; before 3.13 the functions have an underscore."""
    function = fixing.function()
    if function is None or not function.parameters:
        return None
    visit = "Visit" in fixing.report.remedy
    if visit and not can_visit(function):
        return None
    arguments = f"({as_object(function)}, visit, arg)" if visit else f"({as_object(function)})"
    call = f"{fixing.report.remedy}{arguments};"
    lines = [call] if fixing.oldest >= (3, 13) else ["#if PY_VERSION_HEX >= 0x030d0000", call, "#else", f"_{call}", "#endif"]
    edit = place.before_return(function.path, fixing.data, function, *lines)
    return [edit] if edit else None


@fixer("HL224")
def weaklist_not_visited(fixing: Fixing) -> list[Edit] | None:
    """Take out the visit of the weak reference list."""
    found = _traverse(fixing)
    statement = place.statement_of(found[1], fixing.report.place) if found else None
    edit = place.without_line(fixing.report.place.path, fixing.data, statement) if statement else None
    return [edit] if edit else None


@fixer("HL225")
def type_visited_when_owned(fixing: Fixing) -> list[Edit] | None:
    """Put the visit of the type under a condition."""
    found = _traverse(fixing)
    if found is None:
        return None
    life, function = found
    events = [
        event for event in life.tracer.subject(function).of("visit") if event.path == TYPE and event.direct
    ]
    statement = place.statement_of(function, events[0].place) if len(events) == 1 else None
    if not isinstance(statement, ir.ExprStmt) or not place.has_own_body(fixing.data, function):
        return None
    data, path = fixing.data, function.path
    if not place.has_own_line(data, statement):
        return None
    start, end = place.line_start(data, statement.start), place.line_end(data, statement.end)
    return [Edit(path, start, start, f"{GUARD}\n"), Edit(path, end, end, "#endif\n")]
