"""HL206–HL209, HL212, HL219, HL223: what tp_dealloc does, and in which order."""

from __future__ import annotations

from collections.abc import Iterator

from heaplint import ir
from heaplint.capi.facts import builtin, family
from heaplint.checks.allocation import mismatched_frees
from heaplint.checks.registry import Report, check
from heaplint.checks.traverse import at_name
from heaplint.flow.cfg import CfgNode
from heaplint.flow.events import TYPE, Event, Trace
from heaplint.flow.lifecycle import Life, lives, names_builtin
from heaplint.model.inherit import instantiable, subclassable
from heaplint.model.members import OwnedMember
from heaplint.model.unit import Unit

_GC_FREE, _PLAIN_FREE = family("gc-free"), family("plain-free")


def traced(unit: Unit) -> Iterator[tuple[Life, ir.Function, Trace]]:
    """Every type of the unit with a tp_dealloc of its own that was read."""
    for life in lives(unit):
        function, trace = life.function("tp_dealloc"), life.trace("tp_dealloc")
        if function is not None and trace is not None and function.parameters:
            yield life, function, trace


def delegates(trace: Trace) -> bool:
    """Whether the dealloc leaves (a part of) its work to another type's dealloc, or to what cannot be followed."""
    return not trace.complete or any(event.detail == "tp_dealloc" for event in trace.of("call-slot"))


def _ends_in_builtin(trace: Trace) -> bool:
    """Whether the object is freed by the dealloc of one of the interpreter's static types, named in place."""
    return any(event.detail == "tp_dealloc" and names_builtin(event) for event in trace.of("call-slot"))


def _gives_up(event: Event) -> bool:
    """An event by which the object loses something that the collector could look at, or code may run."""
    if event.kind == "release":
        return event.path not in ("", "?", TYPE)
    return event.kind == "clear-weakrefs" or (event.kind == "call-slot" and event.detail == "tp_clear")


@check("HL206")
def dealloc_without_untrack(unit: Unit) -> Iterator[Report]:
    """Members released before the object is untracked, or without."""
    for life, function, trace in traced(unit):
        if life.gc is not True or not trace.function.complete:
            continue
        event = _given_up_tracked(trace)
        if event is None:
            continue
        late = any(
            other.kind == "untrack" or (other.kind == "call-slot" and other.detail == "tp_dealloc") for other in trace.events
        )
        yield Report(
            "HL206", event.place if late and event.direct else at_name(function),
            f"{function.name} {_what(event)} {'before' if late else 'without'} PyObject_GC_UnTrack(self)",
            symbol=life.symbol, function=function.name,
        )


def _given_up_tracked(trace: Trace) -> Event | None:
    """The first event, on some path, that gives up a part of an object that is still tracked."""
    found: list[Event] = []

    def transfer(node: CfgNode, safe: bool) -> bool:
        for event in trace.at[node.index]:
            if event.kind in ("untrack", "escape") or (
                event.kind == "call-slot" and event.detail in ("tp_dealloc", "tp_finalize")
            ):
                safe = True
            elif not safe and _gives_up(event):
                found.append(event)
        return safe

    states = trace.cfg.forward(_asks_tracking(trace), transfer, lambda old, new: old and new)
    found.clear()
    for index, safe in sorted(states.items()):
        transfer(trace.cfg.nodes[index], safe)
    return found[0] if found else None


def _asks_tracking(trace: Trace) -> bool:
    """A dealloc that asks whether the object is tracked knows what it does."""
    return any("TRACKED" in event.detail.upper() for event in trace.of("call"))


def _what(event: Event) -> str:
    if event.kind == "release":
        return f"releases {event.path}"
    return "clears the weak references" if event.kind == "clear-weakrefs" else "clears the members"


@check("HL207")
def dealloc_leaks_type(unit: Unit) -> Iterator[Report]:
    """The dealloc of a heap type that frees the object and keeps the reference to its type."""
    for life, function, trace in traced(unit):
        if not life.made.is_spec or not trace.complete:
            continue
        if not _ends_in_builtin(trace) and (delegates(trace) or not trace.of("free")):
            continue
        if any(event.path == TYPE for event in trace.of("release", "touch")):
            continue
        if any(event.kind == "release" and event.path == "?" and _mentions_type(event) for event in trace.events):
            continue
        yield Report(
            "HL207", at_name(function),
            f"{function.name} does not release the type of the instance: each instance leaks a reference to it; "
            "keep Py_TYPE(self) in a variable and Py_DECREF it after the object is freed",
            symbol=life.symbol, function=function.name,
        )


def _mentions_type(event: Event) -> bool:
    return event.expr is not None and any(
        isinstance(node, ir.Name) and node.text in ("tp", "type", "Py_TYPE", "cls") for node in ir.walk(event.expr)
    )


@check("HL208")
def type_released_before_free(unit: Unit) -> Iterator[Report]:
    """A path on which the type is released and the object is freed through it afterwards."""
    for life, function, trace in traced(unit):
        if not life.made.is_spec:
            continue
        found = _released_then_freed(trace)
        if found is not None:
            yield Report(
                "HL208", found.place,
                f"{function.name} releases the type before the object is freed through it: free first, then Py_DECREF(type)",
                symbol=life.symbol, function=function.name,
            )


def _released_then_freed(trace: Trace) -> Event | None:
    culprit: list[Event] = []

    def transfer(node: CfgNode, released: Event | None) -> Event | None:
        for event in trace.at[node.index]:
            if event.kind == "release" and event.path == TYPE:
                released = event
            elif event.kind == "acquire" and event.path == TYPE:
                released = None
            elif released is not None and event.kind == "free":
                culprit.append(released)
        return released

    trace.cfg.forward(None, transfer, lambda old, new: old if old is not None else new)
    return culprit[0] if culprit else None


@check("HL209")
def mismatched_free(unit: Unit) -> Iterator[Report]:
    """An object freed by the family of functions that did not make it."""
    for life, _function, trace in traced(unit):
        if life.gc is None:
            continue
        wrong = _PLAIN_FREE if life.gc else _GC_FREE
        for event in trace.of("free"):
            if event.detail in wrong and trace.function.complete:
                instead = "PyObject_GC_Del or tp_free" if life.gc else "PyObject_Free or tp_free"
                kind = "takes part in garbage collection" if life.gc else "does not take part in garbage collection"
                yield Report(
                    "HL209", event.place, f"{event.function} frees an instance of {life.symbol} with {event.detail}, "
                    f"but the type {kind}: use {instead}",
                    symbol=life.symbol, function=event.function,
                    remedy="PyObject_GC_Del" if life.gc else "PyObject_Free",
                )
    for life, function, trace in traced(unit):
        if life.gc is False and subclassable(life.made) and instantiable(life.made) and not _asks_exact_type(function):
            for event in trace.of("free"):
                if event.detail in _PLAIN_FREE and trace.function.complete:
                    yield Report(
                        "HL209", event.place, f"{event.function} frees instances of subclasses of {life.symbol} with "
                        f"{event.detail} too, but one written in Python takes part in garbage collection: use tp_free",
                        symbol=life.symbol, function=event.function, remedy="tp_free",
                    )
    for life in lives(unit):
        definition = life.made.slot("tp_free")
        if definition is None or life.gc is None or definition.function not in (_PLAIN_FREE | _GC_FREE):
            continue
        if definition.function in (_PLAIN_FREE if life.gc else _GC_FREE):
            yield Report(
                "HL209", definition.place,
                f"tp_free of {life.symbol} is {definition.function}, but the type "
                + ("takes part in garbage collection" if life.gc else "does not take part in garbage collection"),
                symbol=life.symbol, function=definition.function,
                remedy="PyObject_GC_Del" if life.gc else "PyObject_Free",
            )
    yield from mismatched_frees(unit)


def _asks_exact_type(function: ir.Function) -> bool:
    """Whether a dealloc compares types: it may free instances of subclasses otherwise."""
    return any(
        (isinstance(node, ir.Call) and (ir.called(node) in ("Py_IS_TYPE", "Py_Is") or ir.called(node).endswith("Exact")))
        or (isinstance(node, ir.Binary) and node.operator in ("==", "!="))
        for node in ir.walk(function.body)
    )


@check("HL212")
def clear_releases_type(unit: Unit) -> Iterator[Report]:
    """tp_clear that releases the type, or the dealloc of a static type that does."""
    heap_functions = {
        definition.function for life in lives(unit) if life.made.is_spec
        for definition in life.made.slots.values() if definition.name == "tp_dealloc"
    }
    for life in lives(unit):
        clear, trace = life.function("tp_clear"), life.trace("tp_clear")
        if clear is not None and trace is not None and life.made.kind == "heap":
            for event in trace.of("release"):
                if event.path == TYPE:
                    yield Report(
                        "HL212", event.place,
                        f"{clear.name} releases the type: the object needs it until it is freed; leave that to tp_dealloc",
                        symbol=life.symbol, function=event.function,
                    )
    for life, function, trace in traced(unit):
        if life.made.kind != "static" or life.made.written_as == "structseq" or function.name in heap_functions:
            continue
        if subclassable(life.made) is not False or _tests_heap_type(function) or life.made.slots_unknown:
            continue
        for event in trace.of("release"):
            if event.path == TYPE and event.direct:
                yield Report(
                    "HL212", event.place,
                    f"{function.name} releases the type, but {life.symbol} is static: its instances own no reference to it",
                    symbol=life.symbol, function=function.name,
                )


def _tests_heap_type(function: ir.Function) -> bool:
    return any(isinstance(node, ir.Name) and node.text == "Py_TPFLAGS_HEAPTYPE" for node in ir.walk(function.body))


@check("HL219")
def dealloc_skips_member(unit: Unit) -> Iterator[Report]:
    """An owned member that dealloc does not release."""
    for life, function, trace in traced(unit):
        if delegates(trace) or not trace.of("free"):
            continue
        if any(event.kind == "call-slot" and event.detail == "tp_clear" for event in trace.events):
            continue
        if any(event.path == "?" and event.kind == "release" for event in trace.events):
            continue
        for member in life.members_for(function):
            if _let_go(life, trace, member):
                continue
            values = life.assignments(member.path)
            cleared = life.released_by(life.trace("tp_clear"), member.path)
            kept = bool(values) and all(one.acquired for one in values)
            if not (cleared or kept) or life.released_by(life.trace("tp_finalize"), member.path):
                continue
            yield Report(
                "HL219", at_name(function),
                f"{function.name} does not release {member.path}, which the instance owns: add Py_XDECREF(self->{member.path})",
                symbol=life.symbol, function=function.name, item=member.path,
                related=tuple(
                    (ir.Place(one.function.path, one.node.start, one.node.end), "a reference is stored here") for one in values[:1]
                ),
            )


def _let_go(life: Life, trace: Trace, member: OwnedMember) -> bool:
    """Whether the member is released; of an array the elements are, not only its memory."""
    if not member.many:
        return life.released_by(trace, member.path)
    return any(life.covers(event.path, member.path) for event in trace.of("release", "touch") if event.path not in ("", "?"))


@check("HL223")
def weakrefs_not_cleared(unit: Unit) -> Iterator[Report]:
    """A weak-referenceable type whose dealloc does not clear the weak references."""
    for life, function, trace in traced(unit):
        flags = life.made.flags
        managed = flags is not None and "Py_TPFLAGS_MANAGED_WEAKREF" in flags
        if not managed and not life.weaklist_member():
            continue
        if delegates(trace) or trace.of("clear-weakrefs") or not trace.of("free"):
            continue
        if any(builtin(base) is not None and base != "PyBaseObject_Type" for base in life.made.bases if isinstance(base, str)):
            continue
        yield Report(
            "HL223", at_name(function),
            f"{function.name} does not call PyObject_ClearWeakRefs: weak references to the instance are left dangling",
            symbol=life.symbol, function=function.name,
        )
