"""HL210, HL211, HL220: tp_clear, and when it is missing."""

from __future__ import annotations

from collections.abc import Iterator

from heaplint import ir
from heaplint import lazy_re as re
from heaplint.capi.facts import builtin
from heaplint.checks.registry import Report, check
from heaplint.checks.traverse import at_name, visited_members
from heaplint.flow.events import TYPE, Event, Trace
from heaplint.flow.lifecycle import Life, lives
from heaplint.model.inherit import has_gc
from heaplint.model.inherit import slot as inherited_slot
from heaplint.model.members import OwnedMember
from heaplint.model.types import HAVE_GC, TypeDef
from heaplint.model.unit import Unit

_RELEASES_MEMBER = re.compile(rb"Py_X?DECREF\s*\(\s*(?:\(\s*\w+\s*\*\s*\)\s*)?\(?\w+\)?\s*->")


@check("HL210")
def missing_clear(unit: Unit) -> Iterator[Report]:
    """A GC type without tp_clear whose members can be part of a cycle that only it can break."""
    for life in lives(unit):
        made = life.made
        if life.gc is not True or made.written_as == "structseq" or life.slot("tp_clear").kind != "absent":
            continue
        if life.slot("tp_traverse").kind == "absent":
            continue  # HL202 says so, and the cure is the same
        why = _blocks_base(made) or _can_hold_cycle(life)
        if why:
            yield Report(
                "HL210", made.place, f"{made.symbol} takes part in garbage collection but has no tp_clear: {why}",
                symbol=made.symbol,
            )


def _blocks_base(made: TypeDef) -> str:
    """An explicit flag or traverse stops the base's tp_clear from being inherited."""
    if made.flags is None or HAVE_GC not in made.flags or made.bases_unknown or made.slots_unknown:
        return ""
    for base in made.bases[:1]:
        if isinstance(base, TypeDef):
            if has_gc(base) is True and inherited_slot(base, "tp_clear").kind == "own":
                return f"its own Py_TPFLAGS_HAVE_GC stops it from inheriting that of {base.symbol}"
        elif base.startswith("PyExc_") or ((fact := builtin(base)) is not None and fact.gc and base in _BUILTIN_WITH_CLEAR):
            return f"its own Py_TPFLAGS_HAVE_GC stops it from inheriting that of {base}"
    return ""


_BUILTIN_WITH_CLEAR = frozenset({"PyList_Type", "PyDict_Type", "PySet_Type", "PyModule_Type", "PyType_Type", "PyODict_Type"})


def _can_hold_cycle(life: Life) -> str:
    trace = life.trace("tp_traverse")
    if life.function("tp_traverse") is None or trace is None:
        return ""
    visited = visited_members(life.unit, life)
    names = [
        member.path for member in life.members
        if (member.path in visited or life.owned(member.path)) and _arbitrary(life, member)
    ]
    return f"cycles through {', '.join(names[:3])} cannot be broken" if names else ""


def _arbitrary(life: Life, member: OwnedMember) -> bool:
    """A member that may hold any object."""
    return member.exact and not life.atomic(member.path) and life.owned(member.path)


def changes(life: Life, member: OwnedMember) -> bool:
    """Whether a member is assigned outside the functions that make the object."""
    if member.path in life.writable_members():
        return True
    makers = {life.made.slots[name].function for name in ("tp_new", "tp_alloc") if name in life.made.slots}
    return any(
        one.function.name not in makers and not _makes_object(one.function) for one in life.assignments(member.path)
    )


def _makes_object(function: ir.Function) -> bool:
    return any(
        ir.called(call).startswith(("PyObject_GC_New", "PyObject_New")) or
        (isinstance(call.function, ir.Member) and call.function.field == "tp_alloc")
        for call in ir.calls(function.body)
    )


@check("HL211")
def clear_skips_member(unit: Unit) -> Iterator[Report]:
    """A member that traverse visits, that can change, and that clear leaves."""
    for life in lives(unit):
        function, trace = life.function("tp_clear"), life.trace("tp_clear")
        if function is None or trace is None or not trace.complete or life.gc is not True:
            continue
        if any(event.path == "?" for event in trace.of("release")):
            continue
        visited = set(visited_members(unit, life))
        if not visited and life.function("tp_traverse") is not None:
            visited = set()
        skipped = []
        for member in life.members_for(function):
            path = member.path
            traversed = path in visited or _skipped_by_both(life, path)
            if not traversed or life.released_by(trace, path):
                continue
            if _reset(life, trace, path) or not life.owned(path) or not changes(life, member):
                continue
            skipped.append(path)
        if not all(life.atomic(path) for path in skipped):
            yield Report(
                "HL211", at_name(function),
                f"{function.name} does not clear {', '.join(skipped)}, which can change and be part of a cycle",
                symbol=life.symbol, function=function.name, item=",".join(skipped),
            )


def _skipped_by_both(life: Life, path: str) -> bool:
    """Owned, but visited by traverse neither: HL204 says so too, and both want the cure."""
    trace = life.trace("tp_traverse")
    return trace is not None and trace.complete and life.released_by(life.trace("tp_dealloc"), path)


def _reset(life: Life, trace: Trace, path: str) -> bool:
    return any(life.covers(event.path, path) for event in trace.of("assign") if event.path not in ("", "?", TYPE))


@check("HL220")
def clear_uses_decref(unit: Unit) -> Iterator[Report]:
    """A member released in tp_clear, or in a method that resets it, with the pointer left in place."""
    resetting = {function.name: function for function in unit.functions_with(_RELEASES_MEMBER)} if unit.types else {}
    for life in lives(unit):
        function, trace = life.function("tp_clear"), life.trace("tp_clear")
        dealloc = life.made.slot("tp_dealloc")
        if function is not None and trace is not None and (dealloc is None or dealloc.function != function.name):
            yield from _left_in_place(life, trace, trace.events)
        for name in life.methods():
            method = resetting.get(name)
            if method is not None and method.parameters:
                trace = life.tracer.subject(method)
                held = {event.path for event in trace.of("acquire")}
                members = {member.path for member in life.members}
                events = [event for event in trace.events if event.direct and event.path not in held]
                yield from _left_in_place(life, trace, [e for e in events if e.kind != "release" or (e.path in members and _spelled(e))])


def _spelled(event: Event) -> bool:
    return event.expr is not None and isinstance(ir.strip(event.expr), ir.Member)


def _left_in_place(life: Life, trace: Trace, events: list[Event]) -> Iterator[Report]:
    for index, event in enumerate(events):
        if event.kind != "release" or event.path in ("", "?", TYPE) or _is_element(event):
            continue
        if event.detail == "clear" and (event.expr is None or not isinstance(ir.strip(event.expr), ir.Name) or not event.direct):
            continue
        if _set_nearby(events, index):
            continue
        yield Report(
            "HL220", event.place,
            f"{event.function} releases {event.path} and leaves the pointer in place: use Py_CLEAR(self->{event.path})",
            symbol=life.symbol, function=event.function, item=event.path,
        )


def _is_element(event: Event) -> bool:
    """An element of an array: the array is usually freed or forgotten as a whole."""
    return event.expr is not None and any(isinstance(node, ir.Index) for node in ir.walk(event.expr))


def _set_nearby(events: list[Event], index: int) -> bool:
    """Whether the member is assigned anywhere in the function, before (the value kept in a local) or after."""
    path = events[index].path
    return any(event.kind == "assign" and (event.path == path or path.startswith(event.path + ".")) for event in events) or any(
        event.kind in ("free-memory", "touch") and event.path and path.startswith(event.path) for event in events[index:]
    )
