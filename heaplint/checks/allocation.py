"""HL205, HL215, HL226, and HL209 on error paths: how instances are made, tracked, and given up."""

from __future__ import annotations

import functools
from collections.abc import Iterator

from heaplint import ir
from heaplint import lazy_re as re
from heaplint.capi.facts import family
from heaplint.checks.registry import Report, check
from heaplint.flow.cfg import CfgNode
from heaplint.flow.events import TYPE, Event, Trace
from heaplint.flow.lifecycle import Life, lives
from heaplint.model.expressions import key_of, values_of
from heaplint.model.inherit import has_gc
from heaplint.model.link import resolve_types
from heaplint.model.types import TypeDef
from heaplint.model.unit import Unit
from heaplint.records import dataclass

_GC_NEW, _PLAIN_NEW, _INIT = family("gc-new"), family("plain-new"), family("init")
_GC_FREE, _PLAIN_FREE = family("gc-free"), family("plain-free")
_ALLOCATES = re.compile(
    rb"\b(?:" + "|".join(sorted(_GC_NEW | _PLAIN_NEW | _INIT)).encode() + rb"|tp_alloc|PyType_GenericAlloc)\b"
)


@dataclass(frozen=True, slots=True)
class Allocation:
    """A call that makes an instance."""

    function: ir.Function
    call: ir.Call
    how: str
    """The API function, or tp_alloc."""
    variable: str
    """The local that gets the object; "" when it goes elsewhere."""
    made: TypeDef | None
    """The type, when it is one of the program and known."""
    known: bool
    """Whether the type is known, be it one of the program or not."""

    @property
    def place(self) -> ir.Place:
        """Where the call stands."""
        return ir.Place(self.function.path, self.call.start, self.call.end)


@functools.lru_cache(maxsize=1)
def allocations(unit: Unit) -> tuple[Allocation, ...]:
    """The unit's allocations of instances; the checks of one unit share them."""
    return tuple(_allocations(unit))


def _allocations(unit: Unit) -> Iterator[Allocation]:
    for function in unit.functions_with(_ALLOCATES):
        holders: dict[int, str] = {}
        for node in ir.walk(function.body):
            value, name = None, ""
            if isinstance(node, ir.Variable):
                value, name = node.init, node.name
            elif isinstance(node, ir.Assign):
                target = ir.strip(node.target)
                value, name = node.value, target.text if isinstance(target, ir.Name) else ""
            inner = ir.strip(value) if value is not None else None
            if isinstance(inner, ir.Call):
                holders[id(inner)] = name
        for call in ir.calls(function.body):
            name = ir.called(call)
            callee = ir.strip(call.function)
            if name in _GC_NEW or name in _PLAIN_NEW or name in _INIT:
                argument = call.args[1] if len(call.args) > 1 else None
            elif name == "PyType_GenericAlloc" or (isinstance(callee, ir.Member) and callee.field == "tp_alloc"):
                argument, name = (call.args[0] if call.args else None), "tp_alloc"
            else:
                continue
            if argument is None:
                continue
            made, known = type_of_argument(unit, argument, function)
            if made is None and not known and name != "tp_alloc":
                made = type_of_struct(unit, call)
            yield Allocation(function, call, name, holders.get(id(call), ""), made, known)


def _life(unit: Unit, one: Allocation) -> Life | None:
    """The life of the type that an allocation makes an instance of, when it is one of the unit's."""
    return next((life for life in lives(unit) if life.made is one.made), None)


def _trace(unit: Unit, one: Allocation) -> Trace | None:
    """What the allocating function does to the new object; None in a unit without types."""
    any_life = next(iter(lives(unit)), None)
    return any_life.tracer.trace(one.function, {one.variable: ""}) if any_life is not None else None


def type_of_argument(unit: Unit, argument: ir.Expr, function: ir.Function) -> tuple[TypeDef | None, bool]:
    """The type that an allocation is given: a program's, and whether it is known at all."""
    inner = ir.strip(argument)
    if isinstance(inner, ir.Name) and function.parameters and inner.text == function.parameters[0].name:
        owners = [
            made for made in unit.types
            if (slot := made.slots.get("tp_new")) is not None and slot.function == function.name
        ]
        return (owners[0], True) if len(owners) == 1 else (None, False)
    found = resolve_types(unit, argument, function, 0)
    if len(found) == 1 and isinstance(found[0], TypeDef):
        return found[0], True
    return None, bool(found) and "" not in found


def type_of_struct(unit: Unit, call: ir.Call) -> TypeDef | None:
    """The one type of the unit whose instances have the struct that PyObject_New and its like are given."""
    size = call.args[0]
    struct = unit.struct(size.type.name) if isinstance(size, ir.SizeOf) and size.type is not None else None
    if struct is None:
        return None
    candidates = [made for made in unit.types if made.struct is not None and made.struct.start == struct.start and made.struct.name == struct.name]
    return candidates[0] if len(candidates) == 1 else None


@check("HL205")
def untracked_instance(unit: Unit) -> Iterator[Report]:
    """Instances of GC types that are given out untracked, or made by a function that gives them no GC head."""
    for one in allocations(unit):
        if one.how in _PLAIN_NEW or (one.how in _INIT and not _embedded(one)):
            if one.made is not None and has_gc(one.made) is True:
                yield Report(
                    "HL205", one.place,
                    f"{one.how} makes an instance of {one.made.symbol}, a garbage-collected type, without room for the "
                    "collector's header: use PyObject_GC_New",
                    symbol=one.made.symbol, function=one.function.name, severity="error",
                    remedy="PyObject_GC_NewVar" if one.how.lower().endswith("var") else "PyObject_GC_New",
                )
        elif one.how in _GC_NEW and one.variable:
            trace = _trace(unit, one)
            if trace is not None and trace.complete and _returned_untracked(trace, one) and not _tracked_by_callers(unit, one.function):
                yield Report(
                    "HL205", one.place,
                    f"{one.function.name} returns the new instance without PyObject_GC_Track: cycles through it are never found",
                    symbol=one.made.symbol if one.made is not None else None, function=one.function.name, item=one.variable,
                )


def _embedded(one: Allocation) -> bool:
    """PyObject_Init on memory that came with a GC head (a free list, PyObject_GC_Resize, tp_alloc)."""
    if not one.call.args:
        return True
    source = key_of(one.call.args[0])
    makers = [ir.called(ir.strip(value)) for value in values_of(one.function, source)]
    return not any(name in ("PyObject_Malloc", "PyObject_MALLOC", "PyMem_Malloc", "malloc", "PyObject_Calloc") for name in makers)


def _tracked_by_callers(unit: Unit, function: ir.Function) -> bool:
    """A function that hands raw objects to others of the program, one of which tracks."""
    pattern = re.compile(rb"\b" + function.name.encode() + rb"\b")
    static = "static" in function.returns.storage
    for other in [unit] if static else unit.mentioning([function.name]):
        if other is unit or other.view.view.mode == unit.view.view.mode:
            for caller in other.functions_with(pattern):
                if caller.name != function.name and any(
                    ir.called(call) in ("PyObject_GC_Track", "_PyObject_GC_TRACK") for call in ir.calls(caller.body)
                ) and any(ir.called(call) == function.name for call in ir.calls(caller.body)):
                    return True
    return False


def _returned_untracked(trace: Trace, one: Allocation) -> bool:
    """Whether a return of the object is reached from the allocation with no tracking on any path to it."""
    found = []

    def transfer(node: CfgNode, state: str) -> str:
        if node.node is not None and any(other is one.call for other in ir.walk(node.node)):
            state = "raw"
        for event in trace.at[node.index]:
            if state != "raw":
                continue
            if event.kind in ("track", "free", "escape", "call-slot") or (event.kind == "release" and event.path == ""):
                state = "done"
            elif event.kind == "return" and event.path == "":
                found.append(event)
        return state

    order = {"none": 0, "raw": 1, "done": 2}
    states = trace.cfg.forward("none", transfer, lambda old, new: max(old, new, key=lambda s: order[s]))
    found.clear()
    for index, state in states.items():
        transfer(trace.cfg.nodes[index], state)
    return bool(found)


@check("HL215")
def tracked_too_early(unit: Unit) -> Iterator[Report]:
    """Tracked twice, or before the members that traverse visits are set."""
    for one in allocations(unit):
        if not one.variable or one.how in _PLAIN_NEW or one.how in _INIT:
            continue
        trace = _trace(unit, one)
        if trace is None:
            return
        tracks = [event for event in trace.of("track") if event.direct]
        if not tracks:
            continue
        life = _life(unit, one)
        if one.how == "tp_alloc":
            if life is not None and life.gc is True and "tp_alloc" not in life.made.slots and not trace.of("untrack"):
                yield Report(
                    "HL215", tracks[0].place, f"{one.function.name} tracks an object that tp_alloc has tracked already",
                    symbol=life.symbol, function=one.function.name,
                )
            continue
        late = _set_after(trace, tracks[0], life)
        if late is not None:
            yield Report(
                "HL215", tracks[0].place,
                f"{one.function.name} tracks the object before {late.path} is set: the collector may look at an uninitialised pointer",
                symbol=life.symbol if life is not None else None, function=one.function.name, item=late.path,
            )


def _set_after(trace: Trace, track: Event, life: Life | None) -> Event | None:
    """The first member that is set for the first time after the object was tracked."""
    if life is None:
        return None
    members = {member.path for member in life.members}
    where = next(index for index, events in enumerate(trace.at) if track in events)
    after = trace.cfg.reachable(where)
    earlier = trace.cfg.reaching(where) - {where}
    before = [event for index in sorted(earlier) for event in trace.at[index]]
    before += trace.at[where][: trace.at[where].index(track)]
    if any(event.kind == "touch" and event.path == "" and event.detail in ("memset", "memcpy") for event in before):
        return None
    set_before = {event.path for event in before if event.kind == "assign"}
    for index in sorted(after):
        for event in trace.at[index]:
            if event.kind == "assign" and event.path in members and event.path not in set_before:
                return event
    return None


@check("HL226")
def partial_object_freed(unit: Unit) -> Iterator[Report]:
    """An error path that frees an object's memory, with what it owns."""
    deallocs = {slot.function for life in lives(unit) for slot in life.made.slots.values() if slot.name in ("tp_dealloc", "tp_free")}
    for one in allocations(unit):
        if not one.variable or one.function.name in deallocs or one.how in _INIT:
            continue
        trace = _trace(unit, one)
        if trace is None:
            return
        for event, owned in _freed(trace, _life(unit, one)):
            if not event.direct:
                continue
            mismatch = (one.how in _GC_NEW and event.detail in _PLAIN_FREE) or (one.how in _PLAIN_NEW and event.detail in _GC_FREE)
            if mismatch or not owned:
                continue
            yield Report(
                "HL226", event.place,
                f"{one.function.name} frees the memory of the new object with {event.detail}: {owned} leaks; use Py_DECREF({one.variable})",
                symbol=one.made.symbol if one.made is not None else None, function=one.function.name, item=one.variable,
            )


def _freed(trace: Trace, life: Life | None) -> Iterator[tuple[Event, str]]:
    """The direct frees of the object, each with what it owns at that point ("" for nothing)."""
    heap = life is not None and life.made.is_spec
    names = {member.path for member in life.members} if life is not None else set()

    def transfer(node: CfgNode, owned: frozenset[str]) -> frozenset[str]:
        for event in trace.at[node.index]:
            if event.kind == "assign" and event.path in names and event.expr is not None and not ir.is_null(event.expr):
                owned |= {event.path}
            elif event.kind == "release" and event.path in owned:
                owned -= {event.path}
            elif event.kind == "release" and event.path == TYPE:
                owned |= {TYPE}
        return owned

    nothing: frozenset[str] = frozenset()
    states = trace.cfg.forward(nothing, transfer, lambda old, new: old | new)
    for index, state in sorted(states.items()):
        for event in trace.at[index]:
            if event.kind == "free":
                members = sorted(state - {TYPE})
                if members:
                    yield event, ", ".join(members)
                elif heap and TYPE not in state and not _type_released_after(trace, event):
                    yield event, "the reference to its type"
                else:
                    yield event, ""


def _type_released_after(trace: Trace, free: Event) -> bool:
    """A release of something like the type behind the free: the type is given up by hand."""
    seen = False
    for event in trace.events:
        if event is free:
            seen = True
        elif seen and event.kind == "release" and event.path in (TYPE, "?"):
            return True
    return False


def mismatched_frees(unit: Unit) -> Iterator[Report]:
    """HL209 where an object is given up by the function that made it."""
    for one in allocations(unit):
        if not one.variable or not (one.how in _GC_NEW or one.how in _PLAIN_NEW):
            continue
        trace = _trace(unit, one)
        if trace is None:
            return
        wrong = _PLAIN_FREE if one.how in _GC_NEW else _GC_FREE
        for event in trace.of("free"):
            if event.direct and event.detail in wrong:
                yield Report(
                    "HL209", event.place,
                    f"{one.function.name} frees with {event.detail} what {one.how} made: use "
                    + ("PyObject_GC_Del" if one.how in _GC_NEW else "PyObject_Free"),
                    symbol=one.made.symbol if one.made is not None else None, function=one.function.name, item=one.variable,
                    remedy="PyObject_GC_Del" if one.how in _GC_NEW else "PyObject_Free",
                )
