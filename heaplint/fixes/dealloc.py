"""Fixes of tp_dealloc: HL206, HL207, HL208, HL209, HL212, HL219, HL223."""

from __future__ import annotations

from heaplint import ir
from heaplint import lazy_re as re
from heaplint.findings import Edit
from heaplint.fixes import place
from heaplint.fixes.registry import Fixing, fixer
from heaplint.fixes.subject import as_object, reaches, self_name, type_name, typed_name
from heaplint.flow.lifecycle import Life, lives

_CALLED = re.compile(rb"(\w+)\s*\(.*\)\Z", re.S)


def _dealloc(fixing: Fixing) -> tuple[Life, ir.Function] | None:
    """A type and its dealloc, when it is written out; types may share one."""
    for life in lives(fixing.unit):
        function = life.function("tp_dealloc")
        if (
            function is not None and function.name == fixing.report.function and life.symbol == fixing.report.symbol
            and function.path == fixing.report.place.path and place.has_own_body(fixing.data, function)
        ):
            return life, function
    return None


@fixer("HL206")
def untracked_first(fixing: Fixing) -> list[Edit] | None:
    """Untrack before anything else; a later call that does so goes, if it has its line for itself."""
    found = _dealloc(fixing)
    if found is None:
        return None
    life, function = found
    return untracked(life, function, fixing.data)


def untracked(life: Life, function: ir.Function, data: bytes) -> list[Edit] | None:
    """The edits that make a dealloc begin with PyObject_GC_UnTrack."""
    edit = place.at_beginning(function.path, data, function, f"PyObject_GC_UnTrack({self_name(function)});")
    if edit is None:
        return None
    edits = [edit]
    for event in life.tracer.subject(function).of("untrack"):
        statement = place.statement_of(function, event.place) if event.direct else None
        if isinstance(statement, ir.ExprStmt) and (late := place.without_line(function.path, data, statement)):
            edits.append(late)
    return edits


def _freeing(life: Life, function: ir.Function) -> ir.Stmt | None:
    """The one statement, at the top of a dealloc, that frees the object or lets the base's dealloc do it."""
    trace = life.tracer.subject(function)
    frees = [
        event for event in trace.events
        if event.kind == "free" or (event.kind == "call-slot" and event.detail == "tp_dealloc")
    ]
    if len(frees) != 1 or not frees[0].direct or any(isinstance(one, ir.Return) for one in ir.walk(function.body)):
        return None
    statement = place.statement_of(function, frees[0].place)
    return statement if isinstance(statement, ir.ExprStmt) else None


def _with_type(function: ir.Function, data: bytes) -> tuple[str, list[Edit]] | None:
    """A local that holds the type of the instance, and the edit that declares it when there is none."""
    known = type_name(function)
    if known:
        return known, []
    free = next((name for name in ("tp", "type") if not place.mentions(data, function.body.start, function.body.end, name)), "")
    if not free or not function.body.body:
        return None
    declare = f"PyTypeObject *{free} = Py_TYPE({self_name(function)});"
    edit = place.before(function.path, data, function.body.body[0], declare)
    return None if edit is None else (free, [edit])


@fixer("HL207")
def type_released(fixing: Fixing) -> list[Edit] | None:
    """Release the type behind the statement that frees the object."""
    found = _dealloc(fixing)
    if found is None:
        return None
    life, function = found
    freeing, held = _freeing(life, function), _with_type(function, fixing.data)
    if freeing is None or held is None or life.tracer.subject(function).of("escape"):
        return None
    name, edits = held
    release = place.behind(function.path, fixing.data, freeing, f"Py_DECREF({name});")
    return [*edits, release] if release else None


@fixer("HL208")
def freed_first(fixing: Fixing) -> list[Edit] | None:
    """Move the release of the type behind the statement that frees the object."""
    found = _dealloc(fixing)
    if found is None:
        return None
    life, function = found
    early = place.statement_of(function, fixing.report.place)
    freeing, held = _freeing(life, function), _with_type(function, fixing.data)
    if not isinstance(early, ir.ExprStmt) or freeing is None or held is None or early.start > freeing.start:
        return None
    name, edits = held
    gone = place.without_line(function.path, fixing.data, early)
    release = place.behind(function.path, fixing.data, freeing, f"Py_DECREF({name});")
    return [*edits, gone, release] if gone and release else None


@fixer("HL209")
def matching_free(fixing: Fixing) -> list[Edit] | None:
    """The function of the right family, or tp_free where instances of subclasses come by."""
    report, data = fixing.report, fixing.data
    path = report.place.path
    life = fixing.life()
    if life is not None and (slot := life.made.slot("tp_free")) is not None and slot.place == report.place:
        return _slot_renamed(path, data, report.place, slot.function, report.remedy)
    written = _CALLED.match(data, report.place.start, report.place.end)
    if written is None:
        return None  # a macro makes the call
    if report.remedy != "tp_free":
        return [Edit(path, written.start(1), written.end(1), report.remedy)]
    function = fixing.function()
    if life is None or function is None or function is not life.function("tp_dealloc"):
        return None
    call = f"Py_TYPE({self_name(function)})->tp_free({as_object(function)})"
    return [Edit(path, report.place.start, report.place.end, call)]


def _slot_renamed(path: str, data: bytes, slot: ir.Place, old: str, new: str) -> list[Edit] | None:
    at = data.find(old.encode(), slot.start, slot.end)
    return [Edit(path, at, at + len(old), new)] if at >= 0 else None


@fixer("HL212")
def type_kept(fixing: Fixing) -> list[Edit] | None:
    """Take out the release of the type."""
    function = fixing.function()
    if function is None:
        return None
    statement = place.statement_of(function, fixing.report.place)
    if not isinstance(statement, ir.ExprStmt) or len(function.body.body) < 2:
        return None
    edit = place.without_line(function.path, fixing.data, statement)
    if edit is None:
        return None
    unused = _declaration_of_nothing_else(function, statement, fixing.data)
    return [edit] if unused is None else [unused, edit]


def _declaration_of_nothing_else(function: ir.Function, statement: ir.ExprStmt, data: bytes) -> Edit | None:
    """Take out the declaration of the local that only a statement uses, which goes too."""
    used = {node.text for node in ir.walk(statement) if isinstance(node, ir.Name)}
    for one in function.body.body:
        if isinstance(one, ir.Declaration) and len(one.variables) == 1 and one.variables[0].name in used:
            name = one.variables[0].name
            elsewhere = (other for other in function.body.body if other is not one and other is not statement)
            if not any(place.mentions(data, other.start, other.end, name) for other in elsewhere):
                return place.without_line(function.path, data, one)
    return None


@fixer("HL219")
def member_released(fixing: Fixing) -> list[Edit] | None:
    """Release the member before the object is freed."""
    found = _dealloc(fixing)
    if found is None:
        return None
    life, function = found
    member = next((one for one in life.members if one.path == fixing.report.item), None)
    subject, freeing = typed_name(life, function), _freeing(life, function)
    if member is None or not reaches(life, member) or not subject or freeing is None:
        return None
    edit = place.before(function.path, fixing.data, freeing, f"Py_XDECREF({subject}->{member.path});")
    return [edit] if edit else None


@fixer("HL223")
def weakrefs_cleared(fixing: Fixing) -> list[Edit] | None:
    """Clear the weak references while the object is whole, but no longer tracked."""
    found = _dealloc(fixing)
    if found is None:
        return None
    life, function = found
    clear = f"PyObject_ClearWeakRefs({as_object(function)});"
    member, subject = life.weaklist_member(), typed_name(life, function)
    if member:
        if not subject:
            return None
        lines = [f"if ({subject}->{member} != NULL) {{", f"{place.step(fixing.data)}{clear}", "}"]
    else:
        lines = [clear]
    untrack = next((event for event in life.tracer.subject(function).of("untrack") if event.direct), None)
    statement = place.statement_of(function, untrack.place) if untrack is not None else None
    if statement is not None:
        edit = place.behind(function.path, fixing.data, statement, *lines)
    else:
        edit = place.at_beginning(function.path, fixing.data, function, *lines)
    return [edit] if edit else None
